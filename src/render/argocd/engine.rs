//! The templates, built in or from `templates/`, and the engine that fills them.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value as Filled};
use minijinja::{Environment, Error};
use serde_json::Value;

use super::MARK;
use crate::domain::layout;
use crate::domain::problem::Problem;
use crate::domain::registry::RootError;
use crate::domain::template;
use crate::domain::tree::Files;
use crate::render::yaml;

/// One template; a file of its name in `templates/` replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Template {
    /// An AppProject: what a domain's services may do in an environment
    Project,
    /// An ApplicationSet: an Application for each pin
    Applicationset,
    /// What one applies by hand: the Application of `argocd/`
    Root,
    /// The Application of a cluster's tenants
    Tenants,
    /// A domain's namespace in an environment, with its guardrails
    Tenant,
}

impl Template {
    const ALL: [Self; 5] =
        [Self::Project, Self::Applicationset, Self::Root, Self::Tenants, Self::Tenant];

    /// The file's name in `templates/`.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Project => "project.yaml",
            Self::Applicationset => "applicationset.yaml",
            Self::Root => "root.yaml",
            Self::Tenants => "tenants.yaml",
            Self::Tenant => "tenant.yaml",
        }
    }

    /// The template that is built in.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Project => include_str!("../templates/argocd/project.yaml"),
            Self::Applicationset => include_str!("../templates/argocd/applicationset.yaml"),
            Self::Root => include_str!("../templates/argocd/root.yaml"),
            Self::Tenants => include_str!("../templates/argocd/tenants.yaml"),
            Self::Tenant => include_str!("../templates/argocd/tenant.yaml"),
        }
    }

    /// Its path where it is replaced.
    fn path(self) -> String {
        format!("{}/{}", layout::TEMPLATES, self.file_name())
    }
}

pub struct Engine {
    engine: Environment<'static>,
    replaced: BTreeMap<Template, bool>,
}

impl Engine {
    /// Reads the templates.
    ///
    /// # Errors
    /// A replaced template that does not parse or cannot be read.
    pub fn new(main: &dyn Files) -> Result<Self, RootError> {
        let mut engine = template::engine();
        engine.set_formatter(|output, _, value| match value.as_str() {
            Some(_) if value.is_safe() => {
                output.write_str(value.as_str().unwrap_or_default()).map_err(Error::from)
            }
            Some(text) => output.write_str(&yaml::text(text)).map_err(Error::from),
            None => output.write_str(&value.to_string()).map_err(Error::from),
        });
        engine.add_filter("quoted", |text: &str| Filled::from_safe_string(yaml::quoted(text)));
        engine.add_filter("block", block);
        let mut replaced = BTreeMap::new();
        for template in Template::ALL {
            let path = template.path();
            let own = main.read(&path)?;
            replaced.insert(template, own.is_some());
            let text = match own {
                Some(text) => {
                    String::from_utf8(text).map_err(|_| problem(&path, "it is not UTF-8"))?
                }
                None => template.text().to_owned(),
            };
            engine
                .add_template_owned(path.clone(), text)
                .map_err(|error| explain(&path, &error))?;
        }
        Ok(Self { engine, replaced })
    }

    /// One file: a header and the documents that these templates make of the values.
    pub fn file(&self, templates: &[Template], values: &Value) -> Result<String, RootError> {
        self.file_of(templates, std::slice::from_ref(values))
    }

    /// One file, with the documents of every one of several values.
    pub fn file_of(&self, templates: &[Template], several: &[Value]) -> Result<String, RootError> {
        let mut text = header(templates);
        for values in several {
            for template in templates {
                if !text.ends_with("#\n") {
                    text.push_str("---\n");
                }
                text.push_str(&self.document(*template, values)?);
            }
        }
        Ok(text)
    }

    fn document(&self, template: Template, values: &Value) -> Result<String, RootError> {
        let path = template.path();
        let filled = self
            .engine
            .get_template(&path)
            .and_then(|found| found.render(Filled::from(Serde(values))))
            .map_err(|error| match self.replaced.get(&template) {
                Some(true) => explain(&path, &error),
                _ => problem(layout::CONFIG, &format!("{error:#}")),
            })?;
        Ok(filled.trim_end().to_owned() + "\n")
    }
}

fn header(templates: &[Template]) -> String {
    let names: Vec<_> = templates.iter().map(|template| template.path()).collect();
    format!(
        "{MARK} from {}, the registry and the platform's values: change those and\n\
         # run `pinrail generate`. Its form can be changed in {}\n\
         # (`pinrail generate --help`).\n#\n",
        layout::CONFIG,
        names.join(" and "),
    )
}

fn block(value: Filled, indent: usize) -> Result<Filled, Error> {
    let value = serde_json::to_value(&value)
        .map_err(|error| Error::new(minijinja::ErrorKind::BadSerialization, error.to_string()))?;
    Ok(Filled::from_safe_string(yaml::after_key(&value, indent)))
}

fn problem(path: &str, message: &str) -> RootError {
    RootError::Invalid(Box::new(Problem::error("template", path, message)))
}

/// An error of a replaced template, with its line.
fn explain(path: &str, error: &Error) -> RootError {
    let message = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    let line = error.line().and_then(|line| u64::try_from(line).ok());
    let problem = Problem { line, ..Problem::error("template", path, message) };
    let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml");
    let hint = format!("`pinrail generate --template {name}` shows the built-in one");
    RootError::Invalid(Box::new(problem.hint(hint)))
}
