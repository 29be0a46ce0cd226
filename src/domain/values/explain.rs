//! What a schema finds, in words: the place, what is there, and what would be right.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value};

use super::super::nearest::{did_you_mean, nearest};
use super::super::problem::Problem;
use super::CHART;
use super::tree::{Node, Place};

/// What one error of the schema says of the file.
pub fn problems(error: &ValidationError<'_>, node: &Node, schema: &Value) -> Vec<Problem> {
    let path: Vec<String> = segments(error.instance_path().as_str());
    let here = At { path, node, schema };
    let around = here.schema_of(error);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|key| here.unknown_key(key, around)).collect()
        }
        ValidationErrorKind::AnyOf { context } => here.none_fits(error, context, around),
        ValidationErrorKind::Type { kind } => vec![here.of_another_kind(error, &expected(kind))],
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let problem = here.problem(&format!("{} lacks `{key}`", here.name()));
            let about = &around["properties"][key];
            vec![with_hint(
                problem,
                here.description(about).map(|about| format!("`{key}`: {about}")),
            )]
        }
        ValidationErrorKind::Enum { options } => vec![here.not_one_of(error, options)],
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::MinLength { .. } => {
            let shown = shown(error.instance());
            let problem = here.problem(&format!("{} cannot be {shown}", here.name()));
            vec![with_hint(problem, here.description(around))]
        }
        ValidationErrorKind::Minimum { limit } => {
            vec![here.problem(&format!(
                "{} is {}, and must be at least {limit}",
                here.name(),
                error.instance()
            ))]
        }
        ValidationErrorKind::Maximum { limit } => {
            vec![here.problem(&format!(
                "{} is {}, and must be at most {limit}",
                here.name(),
                error.instance()
            ))]
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            vec![here.problem(&format!(
                "{} is {}, and must be more than {limit}",
                here.name(),
                error.instance()
            ))]
        }
        ValidationErrorKind::PropertyNames { error } => {
            let key = error.instance().as_str().unwrap_or_default();
            let place = node.place_of(here.path.iter().map(String::as_str).chain([key]));
            let message = format!("the name `{key}` in {} is too long", here.name());
            vec![with_hint(at(place, &message), here.description(around))]
        }
        _ => vec![here.problem(&format!("{}: {error}", here.name()))],
    }
}

fn segments(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

fn at(place: &Place, message: &str) -> Problem {
    // A key may hold what would move a terminal's cursor.
    let harmless: String = message
        .chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect();
    Problem { line: place.line, ..Problem::error("values", &place.file, harmless) }
}

fn with_hint(problem: Problem, hint: Option<String>) -> Problem {
    Problem { hint, ..problem }
}

/// A place in a file, and the schema that it is held against.
struct At<'a> {
    path: Vec<String>,
    node: &'a Node,
    schema: &'a Value,
}

impl At<'_> {
    fn name(&self) -> String {
        if self.path.is_empty() {
            "the file".to_owned()
        } else {
            format!("`{}`", self.path.join("."))
        }
    }

    fn problem(&self, message: &str) -> Problem {
        at(self.node.place_of(self.path.iter().map(String::as_str)), message)
    }

    /// The schema whose keyword failed.
    fn schema_of(&self, error: &ValidationError<'_>) -> &Value {
        let pointer = error.schema_path().as_str();
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }

    fn description(&self, schema: &Value) -> Option<String> {
        let referred = schema["$ref"].as_str();
        let schema = referred
            .and_then(|reference| self.schema.pointer(reference.trim_start_matches('#')))
            .unwrap_or(schema);
        schema["description"].as_str().map(str::to_owned)
    }

    fn unknown_key(&self, key: &str, schema: &Value) -> Problem {
        let path: Vec<_> = self.path.iter().map(String::as_str).chain([key]).collect();
        let place = self.node.place_of(path.iter().copied());
        let name = path.join(".");
        let plain = |message: String, hint: &str| at(place, &message).hint(hint);
        match path.as_slice() {
            ["global", "platform"] => plain(
                "`global.platform` is the platform team's".to_owned(),
                "it stands in platform-values.yaml of the services-root, and would win over this",
            ),
            ["global", "release"] => plain(
                "`global.release` is Pinrail's: it says what is deployed".to_owned(),
                "take it out; `pinrail render` shows a service with it",
            ),
            [CHART, "global"] => {
                plain(format!("`{name}` is not read"), "`global` stands at the top of the file")
            }
            [key] if self.is_of_the_service(key) => plain(
                format!("`{key}` does not stand at the top"),
                "it stands under `pinrail-service`",
            ),
            _ => {
                let empty = Map::new();
                let known = schema["properties"].as_object().unwrap_or(&empty);
                if let Some(pattern) = schema["patternProperties"]
                    .as_object()
                    .and_then(|patterns| patterns.keys().next())
                {
                    return plain(
                        format!("`{name}`: `{key}` is no name that may stand here"),
                        &format!("it must match {pattern}"),
                    );
                }
                let hint = did_you_mean(&nearest(key, known.keys())).unwrap_or_else(|| {
                    let known: Vec<_> = known.keys().map(String::as_str).collect();
                    format!("valid here: {}", known.join(", "))
                });
                plain(format!("unknown key `{name}`"), &hint)
            }
        }
    }

    fn is_of_the_service(&self, key: &str) -> bool {
        self.schema["properties"][CHART]["properties"].get(key).is_some()
    }

    /// Of several forms, the one that was meant is the one whose kind fits.
    fn none_fits(
        &self,
        error: &ValidationError<'_>,
        forms: &[Vec<ValidationError<'static>>],
        schema: &Value,
    ) -> Vec<Problem> {
        let is_other_kind = |inner: &ValidationError<'_>| {
            inner.instance_path().as_str() == error.instance_path().as_str()
                && matches!(inner.kind(), ValidationErrorKind::Type { .. })
        };
        if let Some(meant) = forms.iter().find(|form| !form.iter().any(is_other_kind)) {
            return meant
                .iter()
                .flat_map(|inner| problems(inner, self.node, self.schema))
                .collect();
        }
        let kinds = forms.iter().flatten().filter(|inner| is_other_kind(inner));
        let kinds: Vec<_> = kinds
            .filter_map(|inner| match inner.kind() {
                ValidationErrorKind::Type { kind } => Some(expected(kind)),
                _ => None,
            })
            .collect();
        let problem = self.of_another_kind(error, &kinds.join(" or "));
        vec![with_hint(problem, self.description(schema))]
    }

    fn of_another_kind(&self, error: &ValidationError<'_>, expected: &str) -> Problem {
        let name = self.name();
        match &**error.instance() {
            Value::Null => self
                .problem(&format!("{name} has no value, and must be {expected}"))
                .hint("give it one, or leave the key out"),
            other => self.problem(&format!("{name} is {}, and must be {expected}", kind_of(other))),
        }
    }

    fn not_one_of(&self, error: &ValidationError<'_>, options: &Value) -> Problem {
        let texts: Vec<_> = options
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|text| !text.is_empty())
            .collect();
        let shown = shown(error.instance());
        let near = error.instance().as_str().map(|text| nearest(text, &texts)).unwrap_or_default();
        let hint =
            did_you_mean(&near).unwrap_or_else(|| format!("valid here: {}", texts.join(", ")));
        self.problem(&format!("{} cannot be {shown}", self.name())).hint(hint)
    }
}

fn expected(kind: &TypeKind) -> String {
    let word = |kind: &str| {
        match kind {
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "object" => "a map",
            "array" => "a list",
            other => return other.to_owned(),
        }
        .to_owned()
    };
    match kind {
        TypeKind::Single(kind) => word(&kind.to_string()),
        TypeKind::Multiple(kinds) => {
            let words: Vec<_> = kinds.iter().map(|kind| word(&kind.to_string())).collect();
            words.join(" or ")
        }
    }
}

/// What a value is, with the value itself where it is short.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => format!("`{value}`"),
        Value::Number(_) => format!("the number {value}"),
        Value::String(_) => format!("the text {}", shown(value)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let short: String = text.escape_debug().take(LONGEST).collect();
    let more = if text.chars().count() > LONGEST { "…" } else { "" };
    format!("`{short}{more}`")
}
