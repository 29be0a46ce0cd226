//! What a template works with, and how Go prints it.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::GoTemplateError;

/// A value: of a pin, of a template, or made by a function.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Nil,
    Bool(bool),
    /// Every number of a pin is a float to Argo CD.
    Number(f64),
    Text(Cow<'a, str>),
    List(&'a [Json]),
    Map(&'a Map<String, Json>),
    /// Made by `dict`.
    Dict(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(list) => Self::List(list),
            Json::Object(map) => Self::Map(map),
        }
    }
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// Go's truth: what is zero or empty is false.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(bool) => *bool,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Dict(dict) => !dict.is_empty(),
        }
    }

    /// The name of its kind, as `reflect` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Number(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) | Self::Dict(_) => "map",
        }
    }

    /// What is under a key, or none; none too where this is no map.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        match self {
            Self::Map(map) => map.get(key).map(Value::from),
            // Of a key that comes twice, the last counts.
            Self::Dict(dict) => {
                dict.iter().rfind(|(name, _)| name == key).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }

    /// What an action prints of it.
    pub fn printed(&self) -> Result<Cow<'_, str>, GoTemplateError> {
        Ok(match self {
            Self::Nil => Cow::Borrowed("<no value>"),
            Self::Bool(bool) => Cow::Owned(bool.to_string()),
            Self::Number(number) => Cow::Owned(float(*number)),
            Self::Text(text) => Cow::Borrowed(text),
            Self::List(_) => return Err(GoTemplateError::new("a list is printed")),
            Self::Map(_) | Self::Dict(_) => return Err(GoTemplateError::new("a map is printed")),
        })
    }
}

/// A float as Go's `%v` prints it: the shortest digits, with an exponent of two digits where
/// that is below -4 or above 5. <https://pkg.go.dev/strconv#FormatFloat>
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
