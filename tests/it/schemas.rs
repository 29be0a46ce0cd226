//! The JSON Schemas: those under `schemas/` are the program's own, sound, and fit the worked
//! example.

mod agreement;

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pinrail::commands::schema::SchemaName;
use serde_json::Value;

use crate::support::pinrail::{pinrail, run};

const NAMES: [&str; 8] =
    ["config", "service", "pin", "lock", "override", "values", "platform", "report"];

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn schema(name: SchemaName) -> Validator {
    let schema = serde_json::from_str(&name.text()).expect("the schema is JSON");
    jsonschema::draft7::new(&schema).expect("the schema is one of draft 7")
}

fn from_yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("the text is YAML")
}

#[test]
fn the_schemas_in_the_repository_are_the_programs_own() {
    for name in NAMES {
        let printed = run(pinrail(Path::new("/")).args(["schema", name])).succeeded().stdout;
        let path = format!("schemas/{name}.schema.json");
        let stored = fs::read_to_string(top(&path)).unwrap_or_default();
        assert!(stored == printed, "stale: cargo run -- schema {name} > {path}");
    }
    let files = fs::read_dir(top("schemas")).expect("list the schemas").count();
    assert_eq!(files, NAMES.len());
}

#[test]
fn every_schema_is_a_sound_one_of_draft_7() {
    for name in NAMES {
        let text = fs::read_to_string(top(&format!("schemas/{name}.schema.json")));
        let schema: Value = serde_json::from_str(&text.expect("read it")).expect("it is JSON");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(schema["description"].is_string(), "{name} says what it is");
        if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_key_of_a_file_is_described() {
    fn undescribed(path: &str, schema: &Value, found: &mut Vec<String>) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            let said = ["description", "$ref", "allOf", "anyOf"]
                .iter()
                .any(|said| value.get(*said).is_some());
            if !said {
                found.push(path.clone());
            }
            undescribed(&path, value, found);
        }
    }
    for name in [SchemaName::Service, SchemaName::Pin, SchemaName::Lock] {
        let schema: Value = serde_json::from_str(&name.text()).expect("the schema is JSON");
        let mut found = Vec::new();
        undescribed(name.file_name(), &schema, &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn the_worked_example_validates() {
    let files = |folder: &str| {
        let mut open = vec![top("examples/services-root").join(folder)];
        let mut found = Vec::new();
        while let Some(path) = open.pop() {
            match fs::read_dir(&path) {
                Ok(entries) => open.extend(entries.map(|entry| entry.expect("an entry").path())),
                Err(_) => found.push(path),
            }
        }
        assert!(!found.is_empty(), "{folder}");
        found
    };
    for (folder, name) in [
        ("pinrail.yaml", SchemaName::Config),
        ("services", SchemaName::Service),
        ("envs", SchemaName::Pin),
        ("locks", SchemaName::Lock),
        ("platform-values.yaml", SchemaName::Platform),
        ("platform-values", SchemaName::Platform),
    ] {
        let schema = schema(name);
        for file in files(folder) {
            let text = fs::read_to_string(&file).expect("read it");
            // JSON is YAML too.
            let problems: Vec<_> =
                schema.iter_errors(&from_yaml(&text)).map(|error| error.to_string()).collect();
            assert_eq!(problems, Vec::<String>::new(), "{}", file.display());
        }
    }
}
