//! What a developer writes stays what it is: no text is a template, a variable or a number.

use serde_json::{Value, json};

use super::helm::{Service, each, find, fixture, pod};

const HOSTILE: [&str; 14] = [
    "{{ .Values.global.release }}",
    "{{ fail \"no\" }}",
    "a \"quoted\" and 'quoted' text",
    "two\nlines\n",
    "  leading: [yaml, {a: b}]\n- x",
    "${HOME} $HOME `id` $HOME(x)",
    "a,b=c\\,d",
    "# not a comment",
    "tab\tand\r\nreturn",
    "null",
    "0755",
    "1.10",
    "\u{1f600} \u{202e} \u{1} \u{1b}",
    "<a href=\"&amp;\">",
];

#[test]
fn a_hostile_text_reaches_the_process_as_it_was_written() {
    each(&HOSTILE, |text| {
        let values = json!({"pinrail-service": {
            "envVars": {"TEXT": text},
            "command": ["sh", "-c", text],
            "args": [text],
            "files": {"/etc/app/file": text},
            "secrets": {"envVarsFromVault": {"KEY": "a-{{key}}-\"'$(x)"}},
            "alerts": {"rules": {"A": {"expr": text, "summary": text}}},
        }});
        let objects = Service::new(&fixture("minimal.yaml")).with(&values.to_string()).objects();
        let container = &pod(find(&objects, "Deployment/python-example")).expect("a pod")["spec"]["containers"]
            [0];
        let env = container["env"].as_array().expect("a list");
        let variable = env.iter().find(|entry| entry["name"] == "TEXT").expect("the variable");
        assert_eq!(variable["value"], *text);
        assert_eq!(container["command"], json!(["sh", "-c", text]));
        assert_eq!(container["args"], json!([text]));
        let files = objects
            .iter()
            .find(|object| object["kind"] == "ConfigMap" && object["immutable"] == true);
        let files = files.expect("the files")["data"].as_object().expect("a map");
        assert_eq!(files.values().collect::<Vec<_>>(), [text]);
        let rule = find(&objects, "PrometheusRule/python-example").to_string();
        assert!(rule.contains(&Value::from(*text).to_string()), "{rule}");
        let secret = find(&objects, "ExternalSecret/python-example--secrets");
        assert_eq!(secret["spec"]["data"][0]["remoteRef"]["property"], "a-{{key}}-\"'$(x)");
    });
}

/// As the kubelet expands a text: `$(NAME)` is a variable, `$$` is one `$`.
fn expanded(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result += &rest[..at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if rest.starts_with('(') && rest.contains(')') {
            result += "VARIABLE";
            rest = &rest[rest.find(')').expect("an end") + 1..];
        } else {
            result.push('$');
        }
    }
    result + rest
}

#[test]
fn what_the_kubelet_would_expand_comes_out_of_it_as_it_was_written() {
    for text in ["$(HOME)", "$$", "a$$(b)", "$$$(PATH)$", "$(a) $b", "p4$$w0rd$(x)$$$"] {
        let values = json!({"pinrail-service": {"envVars": {"TEXT": text}, "args": [text]}});
        let objects = Service::new(&fixture("minimal.yaml")).with(&values.to_string()).objects();
        let container = &pod(find(&objects, "Deployment/python-example")).expect("a pod")["spec"]["containers"]
            [0];
        let env = container["env"].as_array().expect("a list");
        let variable = env.iter().find(|entry| entry["name"] == "TEXT").expect("the variable");
        assert_eq!(expanded(variable["value"].as_str().expect("a text")), text);
        assert_eq!(expanded(container["args"][0].as_str().expect("a text")), text);
    }
}

#[test]
fn numbers_and_truth_values_reach_the_process_as_they_were_written() {
    for (written, expected) in [
        ("1000000", "1000000"),
        ("12345678.5", "12345678.5"),
        ("0", "0"),
        ("-7", "-7"),
        ("true", "true"),
        ("{value: false}", "false"),
        ("{value: 9007199254740991}", "9007199254740991"),
    ] {
        let values = format!("pinrail-service: {{envVars: {{TEXT: {written}}}}}");
        let objects = Service::new(&fixture("minimal.yaml")).with(&values).objects();
        let app = find(&objects, "Deployment/python-example");
        let env = app.pointer("/spec/template/spec/containers/0/env").expect("an environment");
        let variable = env.as_array().expect("a list").iter().find(|entry| entry["name"] == "TEXT");
        assert_eq!(variable.expect("the variable")["value"], expected, "{written}");
    }
}

#[test]
fn null_leaves_a_default_out() {
    let values = "pinrail-service: {postgres: {env: {PGHOST: null}}, redis: {env: {REDIS_URL: null, CACHE: uri}}}";
    let objects = Service::new(&fixture("article.yaml")).with(values).objects();
    let env = pod(find(&objects, "Deployment/python-example")).expect("a pod").to_string();
    assert!(!env.contains("PGHOST") && !env.contains("REDIS_URL"), "{env}");
    assert!(env.contains("\"CACHE\"") && env.contains("DATABASE_URL"), "{env}");
}
