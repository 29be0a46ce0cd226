//! A set and a pin make an Application, as Argo CD's controller does it.
//!
//! Source: argo-cd `applicationset/generators/git.go` (parameters),
//! `applicationset/utils/utils.go` (templates).

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::set::{Set, below};
use crate::domain::gotemplate::GoTemplate;

/// One Application: the set's template, and the texts that this pin filled in.
pub struct Application<'a> {
    set: &'a Set,
    parameters: Map<String, Value>,
    texts: Vec<String>,
}

impl Set {
    /// The Application of a pin, whose path is known to be the set's.
    ///
    /// # Errors
    /// A template that gives no text: Argo CD would then not touch the whole set.
    pub fn expand(&self, path: &str, pin: Map<String, Value>) -> Result<Application<'_>, String> {
        let mut parameters = pin;
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let file = json!({
            "path": folder,
            "basename": folder.rsplit('/').next(),
            "filename": name,
            "segments": folder.split('/').collect::<Vec<_>>(),
        });
        match &self.prefix {
            Some(prefix) => parameters.insert(prefix.clone(), json!({"path": file})),
            None => parameters.insert("path".to_owned(), file),
        };
        let mut values = Map::new();
        for (name, template) in &self.values {
            // None of the values sees another one.
            let text = template
                .render(&parameters)
                .map_err(|error| format!("the value `{name}`: {error}"))?;
            values.insert(name.clone(), Value::from(text));
        }
        if !values.is_empty() {
            parameters.insert("values".to_owned(), Value::Object(values));
        }
        let texts = self.fields.iter().map(|field| {
            let text = field.text.render(&parameters);
            text.map_err(|error| format!("`{}`: {error}", field.pointer))
        });
        let texts = texts.collect::<Result<_, _>>()?;
        Ok(Application { set: self, parameters, texts })
    }
}

impl Application<'_> {
    /// The texts that differ for each pin.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// Whether the set took the pin for one that is not valid, and closed its Application.
    pub fn is_closed(&self) -> bool {
        self.texts().any(|text| text.contains("invalid-pin"))
    }

    /// The text at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&str> {
        let filled = self.set.fields.iter().position(|field| field.pointer == pointer);
        match filled {
            Some(index) => self.texts.get(index).map(String::as_str),
            None => self.set.template.pointer(pointer).and_then(Value::as_str),
        }
    }

    /// Where its sources are in the template: one, or several.
    pub fn sources(&self) -> Vec<String> {
        match self.set.template.pointer("/spec/sources").and_then(Value::as_array) {
            Some(sources) => (0..sources.len()).map(|n| format!("/spec/sources/{n}")).collect(),
            None => vec!["/spec/source".to_owned()],
        }
    }

    /// The repository of each source.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        self.sources().into_iter().filter_map(|source| self.at(&format!("{source}/repoURL")))
    }

    /// The name of the Helm release.
    pub fn release(&self) -> Option<&str> {
        self.sources().iter().find_map(|source| self.at(&format!("{source}/helm/releaseName")))
    }

    /// The whole object as Argo CD's controller makes it.
    ///
    /// # Errors
    /// A key that gives no text.
    pub fn object(&self) -> Result<Value, String> {
        let fields = self.set.fields.iter().map(|field| field.pointer.as_str());
        let texts = fields.zip(self.texts()).collect();
        let mut filled = self.filled(&self.set.template, "", &texts)?;
        let metadata = &mut filled["metadata"];
        if self.set.deletes && metadata.get("finalizers").is_none() {
            metadata["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        }
        metadata["namespace"] = Value::from(self.set.argocd.clone());
        Ok(filled)
    }

    fn filled(
        &self,
        value: &Value,
        pointer: &str,
        texts: &HashMap<&str, &str>,
    ) -> Result<Value, String> {
        Ok(match value {
            Value::String(plain) => Value::from(*texts.get(pointer).unwrap_or(&plain.as_str())),
            Value::Array(list) => {
                let filled = list.iter().enumerate();
                let filled = filled
                    .map(|(index, value)| self.filled(value, &format!("{pointer}/{index}"), texts));
                filled.collect::<Result<_, _>>()?
            }
            Value::Object(map) => {
                let filled = map.iter().filter(|(_, value)| !value.is_null());
                let filled = filled.map(|(key, value)| {
                    let value = self.filled(value, &below(pointer, key), texts)?;
                    Ok((self.key(key)?, value))
                });
                Value::Object(filled.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    fn key(&self, key: &str) -> Result<String, String> {
        if !key.contains("{{") {
            return Ok(key.to_owned());
        }
        let template = GoTemplate::parse(key).map_err(|error| error.to_string())?;
        template.render(&self.parameters).map_err(|error| error.to_string())
    }
}
