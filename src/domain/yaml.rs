//! YAML files read into closed types: every error has its line and the nearest valid key.

use serde::de::DeserializeOwned;

use super::nearest::{did_you_mean, nearest};

/// Why a YAML text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", self.place())]
pub struct YamlError {
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
    pub problem: String,
    pub hint: Option<String>,
}

impl YamlError {
    fn place(&self) -> String {
        self.line.map(|line| format!("line {line}: ")).unwrap_or_default()
    }
}

/// Reads one YAML document; an empty one is the default value.
///
/// # Errors
/// Text that is no YAML, an unknown or repeated key, a value of another kind.
pub fn parse<T: DeserializeOwned + Default>(text: &[u8]) -> Result<T, YamlError> {
    let text = std::str::from_utf8(text).map_err(|error| YamlError {
        line: None,
        problem: format!("not UTF-8: {error}"),
        hint: None,
    })?;
    let only_comments = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    if only_comments {
        return Ok(T::default());
    }
    // As editors read it with our schema: `20` is no string, and `yes` is no truth value.
    let options = serde_saphyr::options! { strict_booleans: true, no_schema: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(&error))
}

/// Reads every document of a YAML text.
///
/// # Errors
/// Text that is no YAML, or a repeated key.
pub fn documents(text: &str) -> Result<Vec<serde_json::Value>, YamlError> {
    let options = serde_saphyr::options! { strict_booleans: true, no_schema: true };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| explain(&error))
}

fn explain(error: &serde_saphyr::Error) -> YamlError {
    let error = error.without_snippet();
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    let (problem, hint) = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            let hint = did_you_mean(&nearest(field, expected.iter()))
                .unwrap_or_else(|| format!("valid here: {}", expected.join(", ")));
            (format!("unknown key `{field}`"), Some(hint))
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("unknown value `{variant}`"),
            Some(format!("valid here: {}", expected.join(", "))),
        ),
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("the key `{key}` is there twice"), None)
        }
        other => {
            let text = other.to_string();
            let plain = text.split(" at line ").next().unwrap_or(&text);
            (plain.to_owned(), None)
        }
    };
    YamlError { line, problem, hint }
}
