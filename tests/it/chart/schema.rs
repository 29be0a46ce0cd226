//! The schema: one file, closed, every key described and with a default.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::helm::{CHART, yaml};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(CHART).join(path)).expect(path)
}

fn schema() -> Value {
    serde_json::from_str(&read("pinrail-service/values.schema.json")).expect("the schema is JSON")
}

fn each_schema(path: &str, schema: &Value, see: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(map) => {
            see(path, schema);
            for (key, value) in map {
                // An example may hold anything.
                if key != "enum" && key != "const" {
                    each_schema(&format!("{path}/{key}"), value, see);
                }
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                each_schema(&format!("{path}/{index}"), value, see);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_is_a_sound_one_of_draft_7() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
        panic!("{error}");
    }
    jsonschema::draft7::new(&schema).expect("it compiles");
}

#[test]
fn the_schema_needs_no_other_file() {
    each_schema("", &schema(), &mut |path, schema| {
        if let Some(reference) = schema.get("$ref") {
            let reference = reference.as_str().expect("a text");
            assert!(reference.starts_with("#/definitions/"), "{path}: {reference}");
        }
    });
}

#[test]
fn every_object_is_closed_or_says_what_its_values_are() {
    each_schema("", &schema(), &mut |path, schema| {
        // A newer Pinrail may say more of a release; a newer platform is another version.
        let open = ["/definitions/release", "/properties/global/properties/platform"];
        if schema["type"] == "object" && !open.iter().any(|open| path.starts_with(open)) {
            assert!(schema.get("additionalProperties").is_some(), "{path} is open");
        }
    });
}

#[test]
fn every_key_is_described() {
    each_schema("", &schema(), &mut |path, schema| {
        let is_schema = schema.get("type").is_some()
            || schema.get("enum").is_some()
            || schema.get("anyOf").is_some();
        let at_a_key = path.rsplit('/').nth(1) == Some("properties");
        if is_schema || at_a_key {
            let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            let referred = schema.get("$ref").is_some();
            assert!(referred || said.ends_with('.'), "{path}: {said:?}");
        }
    });
}

/// The keys of a schema that has `properties`, and of a map of values, as `a.b.c`.
fn keys(path: &str, schema: &Value, root: &Value, found: &mut Vec<String>) {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/then/$ref"));
    let reference = reference.or_else(|| schema.pointer("/allOf/0/$ref"));
    if let Some(reference) = reference.and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("the definition");
        return keys(path, target, root, found);
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            for (key, schema) in properties {
                keys(&format!("{path}.{key}"), schema, root, found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

#[test]
fn the_defaults_have_every_key_of_the_schema_and_no_other() {
    fn has(values: &Value, path: &str) -> bool {
        path.split('.').skip(1).try_fold(values, |at, key| at.get(key)).is_some()
    }
    let values = yaml(&read("pinrail-service/values.yaml"));
    let mut found = Vec::new();
    keys("", &schema(), &schema(), &mut found);
    assert!(found.len() > 90, "{}", found.len());
    // Helm would warn where a map takes the place of a scalar.
    let without = [".size", ".scale"];
    for path in &found {
        assert_eq!(has(&values, path), !without.contains(&path.as_str()), "{path}");
    }
    let validator = jsonschema::draft7::new(&schema()).expect("it compiles");
    let problems: Vec<_> = validator.iter_errors(&values).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_default_has_its_comment() {
    let text = read("pinrail-service/values.yaml");
    let lines: Vec<_> = text.lines().collect();
    let holds_others = |line: &str| line.trim_end().ends_with(':');
    for (number, line) in lines.iter().enumerate() {
        let is_key =
            line.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains(':');
        let inside_a_default =
            ["DATABASE_URL", "PG", "REDIS_URL", "grafana_dashboard", "S:", "M:", "L:"]
                .iter()
                .any(|start| line.trim_start().starts_with(start));
        if is_key && !inside_a_default && !holds_others(line) {
            assert!(lines[number - 1].trim_start().starts_with("# -- "), "{}: {line}", number + 1);
        }
    }
}

#[test]
fn the_platforms_keys_are_those_of_their_version() {
    let (schema, mut found) = (schema(), Vec::new());
    keys("", &schema["definitions"]["platform"], &schema, &mut found);
    let version = &schema["properties"]["global"]["properties"]["platform"]["if"]["properties"]["version"]
        ["const"];
    let values = yaml(&read("pinrail-service/values.yaml"));
    assert_eq!(values["global"]["platform"]["version"], *version);
    // Other keys are another version: raise it in values.yaml and values.schema.json, or
    // services with an older chart do not render under the new platform.
    super::golden::compare(&format!("platform-{version}.txt"), &(found.join("\n") + "\n"));
}

/// The words of a template's actions: `{{ … }}`, without texts and comments.
fn words(template: &str) -> Vec<String> {
    let actions = template.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let code = actions.filter(|action| !action.trim_start_matches('-').trim().starts_with("/*"));
    let unquoted =
        code.flat_map(|action| action.split('"').step_by(2).map(str::to_owned).collect::<Vec<_>>());
    unquoted
        .flat_map(|code| {
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && !"._$".contains(c));
            words.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn no_template_asks_the_cluster_throws_dice_or_renders_what_a_developer_wrote() {
    let barred = ["lookup", "tpl", "now", "env", "expandenv", "uuidv4", "shuffle", "getHostByName"];
    let barred_starts = ["rand", "gen", "derive", "htpasswd", "bcrypt", "encrypt"];
    let (mut seen, folder) = (0, Path::new(CHART).join("pinrail-service/templates"));
    for entry in fs::read_dir(folder).expect("list the templates") {
        let path = entry.expect("an entry").path();
        let words = words(&fs::read_to_string(&path).expect("read a template"));
        seen += words.iter().filter(|word| *word == "include").count();
        for word in words {
            let calls = barred.contains(&word.as_str())
                || barred_starts.iter().any(|start| word.starts_with(start));
            assert!(!calls, "{}: {word}", path.display());
        }
    }
    assert!(seen > 100, "{seen}");
}
