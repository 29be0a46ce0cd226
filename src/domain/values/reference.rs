//! The page that lists every key of the chart, made of its schema and its defaults.

use serde_json::{Map, Value};

use super::schema;

const HEAD: &str = "\
# Every key

Made of `chart/pinrail-service/values.schema.json` and `values.yaml` beside it; a test fails when
it is not. What to do with the keys is in the [cookbook](README.md).

A *name* is the developer's to give. What is left out has the default.

## The developer's

They stand under `pinrail-service` in a service's `helm/values.yaml` and
`helm/values-<environment>.yaml`. Beside it stand `global.domain` and `global.service`, which must
be the service's own.

";

const PLATFORM: &str = "\
## The platform team's

They stand under `global.platform` in `platform-values.yaml` of the services-root and in
`platform-values/<environment>.yaml`, which is laid over it.

";

const RELEASE: &str = "\
## Pinrail's

They stand under `global.release`, and Argo CD hands them over as forced strings: nobody writes
them into a file.

";

/// The page, as Markdown.
#[must_use]
pub fn page() -> String {
    let (chart, defaults) = (schema::chart(), schema::defaults());
    let mut rows = Rows { root: &chart, lines: Vec::new() };
    let mut page = HEAD.to_owned();
    for (key, schema) in chart["properties"].as_object().into_iter().flatten() {
        if key != "global" {
            rows.add(key, schema, defaults.get(key));
        }
    }
    page += &rows.table();
    let global = &defaults["global"];
    for (text, name) in [(PLATFORM, "platform"), (RELEASE, "release")] {
        page += "\n";
        page += text;
        for (key, schema) in
            chart["definitions"][name]["properties"].as_object().into_iter().flatten()
        {
            if key != "version" {
                rows.add(key, schema, global[name].get(key));
            }
        }
        page += &rows.table();
    }
    page
}

struct Rows<'a> {
    root: &'a Value,
    lines: Vec<String>,
}

impl<'a> Rows<'a> {
    fn table(&mut self) -> String {
        let head = "| key | value | default | |\n|---|---|---|---|\n";
        format!("{head}{}", self.lines.drain(..).collect::<String>())
    }

    /// A key, and the keys below it.
    fn add(&mut self, path: &str, schema: &Value, default: Option<&Value>) {
        let said = schema["description"].as_str();
        let schema = self.resolved(schema);
        let description = said.or(schema["description"].as_str()).unwrap_or_default();
        let properties = schema["properties"].as_object();
        let shown = match default {
            Some(value) if properties.is_none() => format!("`{value}`"),
            _ => String::new(),
        };
        let kind = self.kind(schema);
        self.lines.push(format!("| `{path}` | {kind} | {shown} | {} |\n", escaped(description)));
        for (key, inner) in properties.into_iter().flatten() {
            self.add(&format!("{path}.{key}"), inner, default.and_then(|default| default.get(key)));
        }
        if let Some(inner) = entry(schema)
            && let Some(properties) = self.resolved(inner)["properties"].as_object()
        {
            for (key, inner) in properties {
                self.add(&format!("{path}.NAME.{key}"), inner, None);
            }
        }
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
        let target = reference
            .and_then(Value::as_str)
            .and_then(|reference| self.root.pointer(reference.trim_start_matches('#')));
        target.map_or(schema, |target| self.resolved(target))
    }

    /// What may stand there, in words.
    fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolved(schema);
        if let Some(forms) = schema["anyOf"].as_array() {
            let words: Vec<_> = forms.iter().map(|form| self.kind(form)).collect();
            return words.join(" or ");
        }
        if let Some(options) = schema["enum"].as_array() {
            let words: Vec<_> = options
                .iter()
                .filter(|option| *option != "")
                .map(|option| {
                    format!(
                        "`{}`",
                        option.as_str().map_or_else(|| option.to_string(), str::to_owned)
                    )
                })
                .collect();
            return words.join(", ");
        }
        let range = match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(min), Some(max)) => format!(", {min} to {max}"),
            (Some(min), None) => format!(", at least {min}"),
            _ => String::new(),
        };
        match &schema["type"] {
            Value::String(kind) => match kind.as_str() {
                "array" => format!("list of: {}", self.kind(&schema["items"])),
                "object" => self.map(schema),
                kind => format!("{}{range}", word(kind)),
            },
            Value::Array(kinds) => {
                let words: Vec<_> = kinds.iter().filter_map(Value::as_str).map(word).collect();
                words.join(" or ")
            }
            _ => String::new(),
        }
    }

    fn map(&self, schema: &'a Value) -> String {
        match (schema["properties"].as_object(), entry(schema)) {
            (Some(properties), _) => {
                let keys: Vec<_> = properties.keys().map(String::as_str).collect();
                format!("{{{}}}", keys.join(", "))
            }
            (None, Some(inner)) => format!("name: {}", self.kind(inner)),
            (None, None) => "map".to_owned(),
        }
    }
}

/// The schema of a map's entries, where their names are free.
fn entry(schema: &Value) -> Option<&Value> {
    let patterns = schema["patternProperties"]
        .as_object()
        .and_then(|patterns: &Map<_, _>| patterns.values().next());
    patterns.or_else(|| schema.get("additionalProperties").filter(|inner| inner.is_object()))
}

fn word(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        other => other,
    }
}

/// A text for a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
