//! The chart's schema, and the schemas of files that are made of it.

use serde_json::{Map, Value, json};

/// The one source: what Helm validates a service's values with.
const CHART: &str = include_str!("../../../chart/pinrail-service/values.schema.json");

/// The chart's defaults.
const DEFAULTS: &[u8] = include_bytes!("../../../chart/pinrail-service/values.yaml");

/// The schema of the chart `pinrail-service`.
#[must_use]
pub fn chart() -> Value {
    serde_json::from_str(CHART).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The chart's defaults, as Helm reads them.
#[must_use]
pub fn defaults() -> Value {
    super::super::yaml::parse(DEFAULTS).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The schema of a service's `helm/values.yaml` and `helm/values-<environment>.yaml`: what
/// the platform team and Pinrail say has no place there.
#[must_use]
pub fn service_file() -> Value {
    let mut chart = chart();
    let mut definitions = take(&mut chart, "definitions");
    definitions.shift_remove("platform");
    definitions.shift_remove("release");
    let mut service = take(&mut chart, "properties");
    let mut global = service.shift_remove("global").unwrap_or_default();
    if let Some(global) = global["properties"].as_object_mut() {
        global.shift_remove("platform");
        global.shift_remove("release");
    }
    global["description"] = json!("Whose service it is.");
    closed(
        "values",
        "A service's helm/values.yaml, or the values-<environment>.yaml that is laid over it.",
        json!({
            "global": global,
            super::CHART: {
                "description": "What the service needs; `{}` is a web service on port 8080.",
                "type": "object",
                "additionalProperties": false,
                "properties": service,
            },
        }),
        definitions,
    )
}

/// The schema of `platform-values.yaml` and `platform-values/<environment>.yaml`.
#[must_use]
pub fn platform_file() -> Value {
    let mut definitions = take(&mut chart(), "definitions");
    let mut platform = definitions.shift_remove("platform").unwrap_or_default();
    definitions.shift_remove("release");
    if let Some(properties) = platform["properties"].as_object_mut() {
        properties.shift_remove("version");
    }
    closed(
        "platform",
        "The platform team's values for every service: platform-values.yaml, or the \
         platform-values/<environment>.yaml that is laid over it.",
        json!({
            "global": {
                "description": "What every chart is given.",
                "type": "object",
                "additionalProperties": false,
                "properties": {"platform": platform},
            },
        }),
        definitions,
    )
}

fn take(schema: &mut Value, key: &str) -> Map<String, Value> {
    match schema[key].take() {
        Value::Object(map) => map,
        other => unreachable!("`{key}` of the chart's schema is {other}"),
    }
}

fn closed(
    title: &str,
    description: &str,
    properties: Value,
    definitions: Map<String, Value>,
) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "definitions": definitions,
    })
}
