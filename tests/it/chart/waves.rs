//! The order: whatever a pod refers to is there before it, or beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cells::CELLS;
use super::helm::{id, pod, wave};

/// Everything that an object brings into being, with its wave: itself, and what a controller
/// writes for it.
fn brought(objects: &[Value]) -> BTreeMap<String, i32> {
    let mut brought = BTreeMap::new();
    for object in objects {
        let mut add = |id: String| brought.insert(id, wave(object));
        add(id(object));
        let name = object["metadata"]["name"].as_str().expect("a name");
        match object["kind"].as_str() {
            Some("ExternalSecret") => {
                let target = &object["spec"]["target"]["name"];
                add(format!("Secret/{}", target.as_str().expect("a name")));
            }
            Some("Cluster") => {
                add(format!("Secret/{name}-app"));
            }
            Some("Database") => {
                let secret = &object["spec"]["parameters"]["secretName"];
                add(format!("Secret/{}", secret.as_str().expect("a name")));
            }
            _ => {}
        }
    }
    brought
}

/// Everything that a pod refers to.
fn wanted(pod: &Value) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let name = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
                    match key.as_str() {
                        "secretKeyRef" | "secretRef" => {
                            found.push(format!("Secret/{}", name("name")));
                        }
                        "configMapKeyRef" | "configMapRef" | "configMap" => {
                            found.push(format!("ConfigMap/{}", name("name")));
                        }
                        "secret" => found.push(format!("Secret/{}", name("secretName"))),
                        "persistentVolumeClaim" => {
                            found.push(format!("PersistentVolumeClaim/{}", name("claimName")));
                        }
                        "imagePullSecrets" => {
                            let names = value.as_array().expect("a list").iter();
                            found.extend(names.map(|entry| {
                                format!("Secret/{}", entry["name"].as_str().expect("a name"))
                            }));
                        }
                        "serviceAccountName" => {
                            found.push(format!(
                                "ServiceAccount/{}",
                                value.as_str().expect("a name")
                            ));
                        }
                        _ => {}
                    }
                    walk(value, found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(pod, &mut found);
    found
}

#[test]
fn whatever_a_pod_refers_to_is_there_before_it_or_beside_it() {
    for cell in CELLS.iter() {
        let brought = brought(&cell.objects);
        for object in &cell.objects {
            for wanted in pod(object).map(wanted).unwrap_or_default() {
                match brought.get(&wanted) {
                    // A disk waits for its pod, so it must not be in an earlier wave.
                    Some(at) if wanted.starts_with("PersistentVolumeClaim/") => {
                        assert_eq!(*at, wave(object), "{}: {}: {wanted}", cell.name, id(object));
                    }
                    Some(at) => assert!(
                        *at < wave(object),
                        "{}: {} wants {wanted}, which comes in wave {at}",
                        cell.name,
                        id(object)
                    ),
                    None => {
                        panic!("{}: {} wants {wanted}, which nobody brings", cell.name, id(object))
                    }
                }
            }
        }
    }
}

#[test]
fn secrets_come_before_databases_before_the_migration_before_the_app_before_its_routes() {
    for cell in CELLS.iter() {
        for object in &cell.objects {
            let component = &object["metadata"]["labels"]["app.kubernetes.io/component"];
            let kind = object["kind"].as_str().expect("a kind");
            let expected = match (kind, component.as_str().expect("a component")) {
                (
                    "ExternalSecret" | "Password" | "ServiceAccount" | "NetworkPolicy"
                    | "ConfigMap",
                    part,
                ) if part != "dashboard" => -30,
                ("Cluster" | "Database", "db") | (_, "redis") => -20,
                ("Job", "migrate") => -10,
                ("Deployment" | "CronJob" | "Service" | "PersistentVolumeClaim", _) => 0,
                ("Job", _) => 20,
                _ => 10,
            };
            assert_eq!(wave(object), expected, "{}: {}", cell.name, id(object));
        }
    }
}

#[test]
fn only_the_migration_is_a_hook_and_it_replaces_the_one_before() {
    for cell in CELLS.iter() {
        for object in &cell.objects {
            let annotations = object["metadata"]["annotations"].as_object().expect("annotations");
            let hooks: Vec<_> = annotations
                .iter()
                .filter(|(name, _)| name.contains("hook"))
                .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
                .collect();
            let expected: &[_] = if id(object) == "Job/python-example--migrate" {
                &[
                    ("argocd.argoproj.io/hook", "Sync"),
                    ("argocd.argoproj.io/hook-delete-policy", "BeforeHookCreation"),
                ]
            } else {
                &[]
            };
            assert_eq!(hooks, expected, "{}: {}", cell.name, id(object));
        }
    }
}
