//! One ApplicationSet, read so that it can be expanded.

use serde_json::Value;

use crate::domain::gotemplate::{GoTemplate, GoTemplateError};

/// An ApplicationSet of one domain in one environment.
#[derive(Clone, Debug)]
pub struct Set {
    /// The generated file.
    pub file: String,
    pub environment: String,
    /// Where its pins are.
    pub folder: String,
    pub project: String,
    pub cluster: String,
    pub namespace: String,
    /// The namespace of Argo CD, and so of the Applications.
    pub(super) argocd: String,
    /// Whether an Application that goes takes what it made with it.
    pub(super) deletes: bool,
    /// The generator's `pathParamPrefix`, where it has one.
    pub(super) prefix: Option<String>,
    /// The generator's `values`.
    pub(super) values: Vec<(String, GoTemplate)>,
    /// The Application as it is written, and the texts in it that differ for each pin.
    pub(super) template: Value,
    pub(super) fields: Vec<Field>,
}

/// A text of an Application that differs for each pin.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its place, as a JSON pointer.
    pub pointer: String,
    pub text: GoTemplate,
}

/// Finds the templates within a value; every text of it is one to Argo CD, keys too.
pub(super) fn fields(value: &Value) -> Result<Vec<Field>, GoTemplateError> {
    let mut found = Vec::new();
    walk(value, String::new(), &mut found)?;
    Ok(found)
}

fn walk(value: &Value, pointer: String, found: &mut Vec<Field>) -> Result<(), GoTemplateError> {
    match value {
        Value::String(text) if text.contains("{{") => {
            found.push(Field { pointer, text: GoTemplate::parse(text)? });
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                walk(inner, format!("{pointer}/{index}"), found)?;
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                if key.contains("{{") {
                    GoTemplate::parse(key)?;
                }
                walk(inner, below(&pointer, key), found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The JSON pointer of what is under a key.
pub(super) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
