//! Values of the configuration that name a service or environment: `${{ service }}.example.com`.
//!
//! The delimiters let Argo CD's `{{ }}` and Helm's pass through untouched.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::name::checked_string;

/// A text with `${{ … }}` in it, known to parse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(String);

checked_string!(Template, TemplateError);

/// A template that does not parse, or that asks for what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template `{template}` is not valid: {problem}")]
pub struct TemplateError {
    template: String,
    problem: String,
}

/// An engine with Pinrail's delimiters and strict undefined values.
#[must_use]
pub fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    let syntax = SyntaxConfig::builder()
        .block_delimiters("${%", "%}")
        .variable_delimiters("${{", "}}")
        .comment_delimiters("${#", "#}")
        .keep_trailing_newline(true)
        .build();
    if let Ok(syntax) = syntax {
        engine.set_syntax(syntax);
    }
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine
}

/// The engine for single values: plain text, nothing escaped.
static VALUES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = engine();
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine
});

impl TryFrom<String> for Template {
    type Error = TemplateError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        match VALUES.template_from_str(&value) {
            Ok(_) if value.is_empty() => {
                Err(TemplateError { problem: "it is empty".to_owned(), template: value })
            }
            Ok(_) => Ok(Self(value)),
            Err(error) => Err(TemplateError { problem: plain(&error), template: value }),
        }
    }
}

impl Template {
    /// The text with every value filled in.
    ///
    /// # Errors
    /// A value that is not among `values`.
    pub fn expand(&self, values: &[(&str, &str)]) -> Result<String, TemplateError> {
        let values: BTreeMap<_, _> =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        VALUES.render_str(&self.0, values.clone()).map_err(|error| {
            let unknown = self.names().into_iter().find(|name| !values.contains_key(name.as_str()));
            TemplateError {
                template: self.0.clone(),
                problem: unknown
                    .map_or_else(|| plain(&error), |name| format!("`{name}` has no value here")),
            }
        })
    }

    /// The names that the template asks for, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = VALUES
            .template_from_str(&self.0)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default();
        names.sort();
        names
    }
}

/// The engine's message without its place, which says nothing about a one-line value.
fn plain(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned)
}

impl JsonSchema for Template {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_other_braces_pass_through() {
        let template: Template = "${{ service }}.{{ .x }}.example.com".parse().expect("template");
        assert_eq!(template.names(), ["service"]);
        assert_eq!(
            template.expand(&[("service", "a<b")]).expect("text"),
            "a<b.{{ .x }}.example.com"
        );
    }

    #[test]
    fn an_unknown_name_and_a_broken_template_are_errors() {
        let template: Template = "${{ sevice }}".parse().expect("template");
        let error = template.expand(&[("service", "a")]).expect_err("unknown").to_string();
        assert!(error.contains("`sevice` has no value here"), "{error}");
        assert!("${{ service".parse::<Template>().is_err());
        assert!("".parse::<Template>().is_err());
    }
}
