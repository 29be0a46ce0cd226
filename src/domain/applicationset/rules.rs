//! The form of a set that cannot do harm.

use serde_json::{Map, Value};

use super::set::{Set, fields};
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::gotemplate::GoTemplate;
use crate::domain::layout;

/// What the generator may say; `exclude`, `selector` and a matrix would make pins disappear.
const GENERATOR: [&str; 6] =
    ["repoURL", "revision", "requeueAfterSeconds", "pathParamPrefix", "files", "values"];
/// What may be asked of a sync; `Replace` and `Force` destroy, `CreateNamespace` is the tenants'.
const SYNC_OPTIONS: [&str; 9] = [
    "PruneLast=true",
    "FailOnSharedResource=true",
    "ApplyOutOfSyncOnly=true",
    "ServerSideApply=true",
    "RespectIgnoreDifferences=true",
    "PruneConfirm=true",
    "Prune=confirm",
    "Delete=confirm",
    "SkipDryRunOnMissingResource=true",
];
const RETRIES: i64 = 10;

/// Reads a set, or tells everything that is wrong with it.
pub fn judge(config: &Config, document: &Value) -> Result<Set, Vec<String>> {
    let mut form = Form { document, problems: Vec::new() };
    form.is("/spec/goTemplate", &Value::from(true));
    let strict = |options: &Value| {
        options.as_array().is_some_and(|list| list.contains(&Value::from("missingkey=error")))
    };
    form.holds("/spec/goTemplateOptions", "have `missingkey=error`", strict);
    for key in ["templatePatch", "strategy", "ignoreApplicationDifferences"] {
        form.absent(&format!("/spec/{key}"));
    }
    let Some((environment, folder)) = form.generator(config) else {
        return Err(form.problems);
    };
    form.policy(environment);
    form.template(environment);
    let set = form.set(config, environment, folder);
    match set {
        Some(set) if form.problems.is_empty() => Ok(set),
        _ => Err(form.problems),
    }
}

struct Form<'a> {
    document: &'a Value,
    problems: Vec<String>,
}

impl<'a> Form<'a> {
    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.document.pointer(pointer)
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn wrong(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn holds(&mut self, pointer: &str, must: &str, holds: impl FnOnce(&Value) -> bool) {
        if !holds(self.at(pointer).unwrap_or(&Value::Null)) {
            self.wrong(format!("`{}` must {must}", path(pointer)));
        }
    }

    fn is(&mut self, pointer: &str, expected: &Value) {
        self.holds(pointer, &format!("be {expected}"), |found| found == expected);
    }

    fn absent(&mut self, pointer: &str) {
        self.holds(pointer, "not be there", Value::is_null);
    }

    /// A text that Argo CD must not fill in from a pin.
    fn literal(&mut self, pointer: &str) {
        self.holds(pointer, "be a text without `{{`", |found| {
            found.as_str().is_some_and(|text| !text.is_empty() && !text.contains("{{"))
        });
    }

    /// One generator: the pins of one environment and domain, on their branch.
    fn generator<'c>(&mut self, config: &'c Config) -> Option<(&'c Environment, String)> {
        self.holds("/spec/generators", "be one `git` generator", |found| {
            let only = found.as_array().filter(|list| list.len() == 1).map(|list| &list[0]);
            only.and_then(Value::as_object).is_some_and(|only| only.keys().eq(["git"]))
        });
        let keys = self.at("/spec/generators/0/git").and_then(Value::as_object);
        for key in keys.into_iter().flat_map(Map::keys) {
            if !GENERATOR.contains(&key.as_str()) {
                self.wrong(format!("`generators[0].git.{key}` must not be there"));
            }
        }
        self.holds("/spec/generators/0/git/files", "be one `path`", |found| {
            let only = found.as_array().filter(|list| list.len() == 1).map(|list| &list[0]);
            only.and_then(Value::as_object).is_some_and(|only| only.keys().eq(["path"]))
        });
        let glob = self.text("/spec/generators/0/git/files/0/path");
        let folder = glob.strip_suffix("/*.json").unwrap_or_default();
        let parts: Vec<_> = folder.split('/').collect();
        let found = match parts.as_slice() {
            [layout::ENVS, environment, domain] => {
                config.environment(environment).zip(config.domain(domain))
            }
            _ => None,
        };
        let Some((environment, domain)) = found else {
            self.wrong(format!(
                "`{glob}` must be `{}/<environment>/<domain>/*.json`",
                layout::ENVS
            ));
            return None;
        };
        let repository = config.repository.as_ref().map_or("", |url| url.as_str());
        self.is("/spec/generators/0/git/repoURL", &Value::from(repository));
        let revision = config.branch_of(environment).reference();
        self.is("/spec/generators/0/git/revision", &Value::from(revision));
        self.is("/spec/template/spec/destination/name", &Value::from(environment.cluster.as_str()));
        if let Ok(namespace) = config.namespace(&domain.name, &environment.name) {
            self.is("/spec/template/spec/destination/namespace", &Value::from(namespace));
        }
        let name = super::name(&environment.name, &domain.name);
        self.is("/metadata/name", &Value::from(name.as_str()));
        self.is("/spec/template/spec/project", &Value::from(name));
        Some((environment, folder.to_owned()))
    }

    /// What may be deleted, and what not.
    fn policy(&mut self, environment: &Environment) {
        let finalizer = |found: &Value| {
            found.as_array().is_some_and(|list| {
                list.contains(&Value::from("resources-finalizer.argocd.argoproj.io"))
            })
        };
        if environment.protected {
            self.is("/spec/syncPolicy/applicationsSync", &Value::from("create-update"));
            self.is("/spec/syncPolicy/preserveResourcesOnDeletion", &Value::from(true));
            self.holds("/metadata/finalizers", "have Argo CD's finalizer", finalizer);
            self.absent("/spec/template/metadata/finalizers");
        } else {
            self.is("/spec/syncPolicy/applicationsSync", &Value::from("sync"));
        }
        let automated = "/spec/template/spec/syncPolicy/automated/allowEmpty";
        self.holds(automated, "not be true", |found| *found != true);
        let retries = "/spec/template/spec/syncPolicy/retry/limit";
        self.holds(retries, "be 0 to 10", |found| {
            found.is_null() || found.as_i64().is_some_and(|limit| (0..=RETRIES).contains(&limit))
        });
        let options = self.at("/spec/template/spec/syncPolicy/syncOptions");
        for option in options.and_then(Value::as_array).into_iter().flatten() {
            if !option.as_str().is_some_and(|option| SYNC_OPTIONS.contains(&option)) {
                self.wrong(format!("`syncOptions` must not have {option}"));
            }
        }
    }

    fn template(&mut self, environment: &Environment) {
        self.literal("/spec/template/spec/destination/namespace");
        self.absent("/spec/template/spec/destination/server");
        self.absent(
            "/spec/template/metadata/annotations/argocd.argoproj.io~1manifest-generate-paths",
        );
        self.absent("/spec/template/spec/sourceHydrator");
        let name = self.text("/spec/template/metadata/name");
        if !name.starts_with(&format!("{}-{{{{", environment.name)) {
            self.wrong(format!(
                "`template.metadata.name` must begin with `{}-` and the service",
                environment.name
            ));
        }
        let one =
            self.at("/spec/template/spec/source").map(|_| "/spec/template/spec/source".to_owned());
        let several = self.at("/spec/template/spec/sources").and_then(Value::as_array);
        let several =
            (0..several.map_or(0, Vec::len)).map(|n| format!("/spec/template/spec/sources/{n}"));
        for source in one.into_iter().chain(several) {
            self.absent(&format!("{source}/helm/values"));
            let parameters =
                self.at(&format!("{source}/helm/parameters")).and_then(Value::as_array);
            for parameter in parameters.into_iter().flatten() {
                if parameter["forceString"] != true {
                    self.wrong(format!(
                        "the parameter {} must have `forceString: true`",
                        parameter["name"]
                    ));
                }
            }
            if self.text(&format!("{source}/targetRevision")).is_empty() {
                self.wrong(format!("`{}.targetRevision` is not there", path(&source)));
            }
        }
    }

    /// The set, with all its templates read.
    fn set(&mut self, config: &Config, environment: &Environment, folder: String) -> Option<Set> {
        let mut values = Vec::new();
        let told = self.at("/spec/generators/0/git/values").and_then(Value::as_object);
        for (name, text) in told.into_iter().flatten() {
            match GoTemplate::parse(text.as_str().unwrap_or_default()) {
                Ok(template) => values.push((name.clone(), template)),
                Err(error) => self.wrong(format!("`values.{name}`: {error}")),
            }
        }
        let template = self.at("/spec/template")?.clone();
        let fields =
            fields(&template).map_err(|error| self.wrong(format!("`template`: {error}"))).ok()?;
        let prefix = self.at("/spec/generators/0/git/pathParamPrefix").and_then(Value::as_str);
        Some(Set {
            file: String::new(),
            environment: environment.name.to_string(),
            folder,
            project: self.text("/spec/template/spec/project").to_owned(),
            cluster: environment.cluster.to_string(),
            namespace: self.text("/spec/template/spec/destination/namespace").to_owned(),
            argocd: config.argocd.namespace.clone().unwrap_or_else(|| "argocd".to_owned()),
            deletes: !environment.protected,
            prefix: prefix.filter(|prefix| !prefix.is_empty()).map(ToOwned::to_owned),
            values,
            template,
            fields,
        })
    }
}

/// A JSON pointer as people write paths.
fn path(pointer: &str) -> String {
    pointer
        .trim_start_matches("/spec/")
        .trim_start_matches('/')
        .replace('/', ".")
        .replace("~1", "/")
}
