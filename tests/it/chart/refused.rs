//! What is not valid is refused by Helm, with an error that names the place.

use serde_json::{Value, json};

use super::helm::{Service, each, fixture, yaml};

/// Values that are wrong in one place, and what the refusal must name.
pub const WRONG: &[(&str, &str)] = &[
    ("prot: 8080", "'prot'"),
    ("port: '8080'", "/port"),
    ("port: 70000", "/port"),
    ("command: ./serve", "/command"),
    ("args: [1]", "/args/0"),
    ("size: {cpu: 1}", "/size"),
    ("size: {cpu: 1, memory: 256}", "/size/memory"),
    ("size: XXL", "there is no size `XXL`; the platform has L, M, S"),
    ("scale: two", "/scale"),
    ("scale: {min: 2}", "/scale"),
    ("scale: {min: 3, max: 2}", "`max` (2) is below `min` (3)"),
    ("envVars: {a-b: c}", "/envVars"),
    ("envVars: {A: [b]}", "/envVars/A"),
    // A character that YAML cannot hold: Helm would leave all variables out, and say nothing.
    ("envVars: {A: \"\\x7f\"}", "/envVars/A"),
    ("args: [\"\\x9f\"]", "/args/0"),
    ("envVars: {A: {valeu: b}}", "/envVars/A"),
    ("secrets: {enabled: yes please}", "/secrets/enabled"),
    ("secrets: {envVarsFromVault: [A]}", "/secrets/envVarsFromVault"),
    ("secrets: {envVarsFromVault: {A: 1}}", "/secrets/envVarsFromVault/A"),
    (
        "secrets: {envVarsFromVault: {A: B}}\nenvVars: {A: c}",
        "`A` is in both envVars and secrets.envVarsFromVault",
    ),
    ("secrets: {filesFromVault: {etc/key: A}}", "/secrets/filesFromVault"),
    ("files: {/etc/app/: x}", "/files"),
    ("files: {/etc/../x: x}", "/files"),
    ("files: {/etc/x: 1}", "/files/"),
    ("files: {/data: x}\nvolumes: {a: {mountPath: /data}}", "are mounted at `/data`"),
    ("health: {path: healthz}", "/health/path"),
    ("health: {startupSeconds: 0}", "/health/startupSeconds"),
    ("ingress: {path: weather}", "/ingress/path"),
    ("ingress: {path: /a/}", "/ingress/path"),
    ("ingress: {aliases: [WWW.example.org]}", "/ingress/aliases/0"),
    (
        "ingress: {aliases: [www.example.com]}",
        "`www.example.com` does not end in what the platform allows: example.org",
    ),
    ("ingress: {aliases: [wwwexample.org]}", "does not end in what the platform allows"),
    ("postgres: {storage: '10'}", "/postgres/storage"),
    ("postgres: {storage: 10Gi}", "/postgres/storage"),
    ("postgres: {version: 17}", "/postgres/version"),
    ("postgres: {env: {URL: url}}", "/postgres/env/URL"),
    ("redis: {enabled: 'true'}", "/redis/enabled"),
    ("redis: {env: {URL: jdbc-uri}}", "/redis/env/URL"),
    ("migrate: [alembic]", "/migrate"),
    ("migrate: {timeoutSeconds: 0}", "/migrate/timeoutSeconds"),
    ("workers: {Mailer: {command: [a]}}", "/workers"),
    ("workers: {a--b: {command: [a]}}", "/workers"),
    ("workers: {mailer: {}}", "/workers/mailer"),
    ("workers: {mailer: {command: [a], scale: -1}}", "/workers/mailer/scale"),
    ("cronJobs: {a: {command: [a]}}", "/cronJobs/a"),
    ("cronJobs: {a: {command: [a], schedule: daily}}", "/cronJobs/a/schedule"),
    ("cronJobs: {a: {command: [a], schedule: 'TZ=UTC 0 0 * * *'}}", "/cronJobs/a/schedule"),
    ("jobs: {a: {command: a}}", "/jobs/a/command"),
    ("volumes: {a: {mountPath: /data, storage: 5Gi}}", "/volumes/a/storage"),
    ("volumes: {a: {storage: 5}}", "/volumes/a"),
    ("volumes: {a: {mountPath: /data, storage: 5}}\nscale: 2", "scale: `volumes.a` is a disk"),
    (
        "volumes: {a: {mountPath: /data, storage: 5}}\nscale: {min: 1, max: 2}",
        "scale: `volumes.a` is a disk",
    ),
    ("network: {allowFrom: ['*']}", "/network/allowFrom/0"),
    ("network: {allowTo: ['smtp.example.com:99999']}", "/network/allowTo/0"),
    ("metrics: {path: metrics}", "/metrics/path"),
    ("metrics: {enabled: true}\nport: 0", "metrics.port is missing"),
    ("alerts: {rules: {A: {for: 10m}}}", "/alerts/rules/A"),
    ("alerts: {rules: {A: {expr: up, severity: bad}}}", "/alerts/rules/A/severity"),
    ("dashboard: true", "/dashboard"),
    ("security: {runAsUser: 0}", "/security/runAsUser"),
    ("security: {runAsUser: root}", "/security/runAsUser"),
];

#[test]
fn what_is_wrong_is_refused_by_its_place() {
    each(WRONG, |(values, expected)| {
        let values = values.replace('\n', "\n  ");
        let service =
            Service::new(&fixture("minimal.yaml")).with(&format!("pinrail-service:\n  {values}\n"));
        let refusal = service.refusal();
        assert!(refusal.contains(expected), "{values}{refusal}");
    });
}

#[test]
fn what_the_platform_says_wrong_is_refused_by_its_place() {
    let wrong = [
        (json!({"routing": {"api": "gatway"}}), "/global/platform/routing/api"),
        (json!({"routing": {"rewritePath": "/"}}), "/global/platform/routing/rewritePath"),
        (json!({"secrets": {"path": "{domain}"}}), "/global/platform/secrets/path"),
        (json!({"security": {"runAsUser": 0}}), "/global/platform/security/runAsUser"),
        (
            json!({"postgres": {"provider": "crossplane"}}),
            "crossplane needs an apiVersion and a kind",
        ),
        (json!({"sizes": {"S": {"memory": "128"}}}), "/global/platform/sizes/S/memory"),
        (
            json!({"extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]}),
            "does not hold `{service}`",
        ),
    ];
    each(&wrong, |(platform, expected)| {
        let refusal = Service::new(&fixture("article.yaml")).on_platform(platform).refusal();
        assert!(refusal.contains(expected), "{refusal}");
    });
    let values = "pinrail-service: {ingress: {path: /a, rewrite: true}, network: {allowTo: ['a.example.com:1']}}";
    for (platform, expected) in [
        (json!({"routing": {"api": "ingress"}}), "is not told how to take a path off"),
        (json!({"network": {"hostNames": "refuse"}}), "`a.example.com:1` names a host"),
    ] {
        let service = Service::new(&fixture("minimal.yaml")).with(values).on_platform(&platform);
        let refusal = service.refusal();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

/// The maps whose keys are names that the developer gives.
const NAMES: [&str; 11] = [
    "envVars",
    "secrets.envVarsFromVault",
    "secrets.filesFromVault",
    "files",
    "postgres.env",
    "redis.env",
    "workers",
    "cronJobs",
    "jobs",
    "volumes",
    "alerts.rules",
];

/// The values once for each key, in which that key is misspelt.
pub fn misspelt(values: &Value) -> Vec<(String, Value)> {
    fn walk(path: &str, at: &Value, all: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
        let Value::Object(map) = at else { return };
        for (key, value) in map {
            let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if !NAMES.contains(&path.trim_start_matches("pinrail-service.")) {
                let mut wrong = all.clone();
                let place =
                    wrong.pointer_mut(pointer).and_then(Value::as_object_mut).expect("a map");
                let value = place.shift_remove(key).expect("the key");
                place.insert(format!("{key}x"), value);
                found.push((inner.clone(), wrong));
            }
            let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            walk(&inner, value, all, &pointer, found);
        }
    }
    let mut found = Vec::new();
    walk("", values, values, "", &mut found);
    found
}

/// The values with every key of one depth misspelt, and those keys.
fn misspelt_at(depth: usize, path: &str, values: &Value, keys: &mut Vec<String>) -> Value {
    let Value::Object(map) = values else { return values.clone() };
    let names = NAMES.contains(&path.trim_start_matches("pinrail-service."));
    let entries = map.iter().map(|(key, value)| {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if depth == 0 && !names {
            keys.push(format!("{key}x"));
            return (format!("{key}x"), value.clone());
        }
        let value = match depth {
            0 => value.clone(),
            _ => misspelt_at(depth - 1, &inner, value, keys),
        };
        (key.clone(), value)
    });
    Value::Object(entries.collect())
}

#[test]
fn no_key_can_be_misspelt() {
    let full = yaml(&fixture("full.yaml"));
    let mut seen = 0;
    // Helm names every key that it does not know, so one rendering shows a whole depth. It does
    // not look at the wrapper's own key, at depth 0: `pinrail values check` does.
    for depth in 1..5 {
        let mut keys = Vec::new();
        let values = misspelt_at(depth, "", &full, &mut keys);
        assert!(!keys.is_empty(), "{depth}");
        let refusal = Service::new(&values.to_string()).refusal();
        for key in &keys {
            assert!(refusal.contains(&format!("'{key}'")), "{depth}: {key}: {refusal}");
        }
        seen += keys.len();
    }
    assert_eq!(seen, misspelt(&full).len() - 2, "all but `global` and `pinrail-service`");
}
