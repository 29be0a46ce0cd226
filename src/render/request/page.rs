//! The templates of a request, built in or from `templates/`, and as much text as fits.

use minijinja::value::{Serde, Value as Filled};
use minijinja::{AutoEscape, Environment, Error, Output};
use serde_json::Value;

use super::facts::Facts;
use super::frame::framed;
use super::text;
use super::values::{Measure, values};
use crate::domain::problem::Problem;
use crate::domain::registry::RootError;
use crate::domain::template;
use crate::domain::tree::Files;

/// The longest title, in characters: GitLab's columns have room for 255, GitHub takes 256.
const LONGEST_TITLE: usize = 255;

/// One template; a file of its name in `templates/` replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// The title of a request
    RequestTitle,
    /// The body of a request
    RequestBody,
}

impl Template {
    /// The template that is built in.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RequestTitle => include_str!("../templates/request/title.txt"),
            Self::RequestBody => include_str!("../templates/request/body.md"),
        }
    }

    /// The name that `pinrail generate --template` knows it by.
    fn name(self) -> &'static str {
        match self {
            Self::RequestTitle => "request-title",
            Self::RequestBody => "request-body",
        }
    }

    /// Its path where it is replaced.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::RequestTitle => "templates/request-title.txt",
            Self::RequestBody => "templates/request-body.md",
        }
    }
}

/// What a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// One line, at most 255 characters.
    pub title: String,
    /// Markdown between markers, see [`merged`](super::merged).
    pub body: String,
}

/// The templates of requests.
pub struct Templates {
    engine: Environment<'static>,
}

impl Templates {
    /// Reads the templates.
    ///
    /// # Errors
    /// A replaced template that does not parse or cannot be read.
    pub fn read(main: &dyn Files) -> Result<Self, RootError> {
        let mut engine = template::engine();
        // What is neither JSON nor HTML, so that blocks and macros are not escaped twice.
        engine.set_auto_escape_callback(|_| AutoEscape::Custom("text".into()));
        engine.set_formatter(|output, state, value| {
            let is_title = state.name() == Template::RequestTitle.path();
            write(output, value, if is_title { text::title } else { text::markdown })
        });
        engine.add_filter("code", |text: &str| Filled::from_safe_string(text::code(text)));
        engine.add_filter("link", link);
        engine.add_filter("counted", counted);
        engine.add_filter("listed", listed);
        for template in [Template::RequestTitle, Template::RequestBody] {
            let path = template.path();
            let text = match main.read(path)? {
                Some(text) => String::from_utf8(text)
                    .map_err(|_| invalid(Problem::error("template", path, "it is not UTF-8")))?,
                None => template.text().to_owned(),
            };
            engine
                .add_template_owned(path.to_owned(), text)
                .map_err(|error| explain(template, &error))?;
        }
        Ok(Self { engine })
    }

    /// A request's title and body; the body has at most `limit` characters. What does not fit
    /// is left out: commits first, then links, then rows, each counted.
    ///
    /// # Errors
    /// A replaced template that asks for what is not there, or whose text is too long even
    /// with nothing but counts in it. The built-in ones fit into 4,000 characters.
    pub fn page(&self, facts: &Facts, limit: usize) -> Result<Page, RootError> {
        let title = self.filled(Template::RequestTitle, &values(facts, Measure::MOST))?;
        let title = text::cut(&text::line(&title), LONGEST_TITLE);
        let mut shortest = usize::MAX;
        for measure in Measure::all() {
            let text = self.filled(Template::RequestBody, &values(facts, measure))?;
            let body = framed(&text, &facts.head);
            shortest = shortest.min(body.chars().count());
            if shortest <= limit {
                return Ok(Page { title, body });
            }
        }
        let message = format!(
            "the text has {shortest} characters with nothing but counts in it, and {limit} is the limit"
        );
        let path = Template::RequestBody.path();
        let hint =
            "show `pins`, `ways`, `verdicts` and `stays` as lists, which are cut to what fits";
        Err(invalid(Problem::error("template", path, message).hint(hint)))
    }

    fn filled(&self, template: Template, values: &Value) -> Result<String, RootError> {
        self.engine
            .get_template(template.path())
            .and_then(|found| found.render(Filled::from(Serde(values))))
            .map_err(|error| explain(template, &error))
    }
}

/// Writes a value: what a filter has made as it is, anything else as text.
fn write(output: &mut Output<'_>, value: &Filled, escape: fn(&str) -> String) -> Result<(), Error> {
    let written = match value.as_str() {
        Some(text) if value.is_safe() => text.to_owned(),
        Some(text) => escape(text),
        None if value.is_none() => String::new(),
        None => escape(&value.to_string()),
    };
    output.write_str(&written).map_err(Error::from)
}

/// A text as a link to a page, or as it is where there is none.
fn link(text: Filled, url: Option<&str>) -> Filled {
    let shown = match text.as_str() {
        Some(shown) if text.is_safe() => shown.to_owned(),
        Some(shown) => text::markdown(shown),
        None => text::markdown(&text.to_string()),
    };
    Filled::from_safe_string(url.map_or_else(|| shown.clone(), |url| text::link(&shown, url)))
}

/// `1 commit`, `2 commits`.
fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// `a, b and c`, or `a, b, c, d and 9 more`.
fn listed(mut names: Vec<String>) -> String {
    if names.len() > 5 {
        let more = format!("{} more", names.len() - 4);
        names.truncate(4);
        names.push(more);
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

fn invalid(problem: Problem) -> RootError {
    RootError::Invalid(Box::new(problem))
}

/// An error of a template, with its line.
fn explain(template: Template, error: &Error) -> RootError {
    let message = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    let line = error.line().and_then(|line| u64::try_from(line).ok());
    let problem = Problem { line, ..Problem::error("template", template.path(), message) };
    let hint = format!("`pinrail generate --template {}` shows the built-in one", template.name());
    invalid(problem.hint(hint))
}
