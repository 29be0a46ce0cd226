//! Bad pins that land anyway, through Argo CD's own code: each breaks one Application, closed,
//! and no other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Folder;
use super::comparison::assert_same;
use crate::support::root::revision;

const SET: &str = "pinrail-staging-services";
const PINS: &str = "envs/staging/services";
const INVALID: &str = "refs/pinrail/invalid-pin";

/// A valid pin of a service in staging.
fn good(service: &str) -> Value {
    json!({
        "cluster": "shared",
        "service": service,
        "imageTag": "1.2.3",
        "targetRevision": revision('c'),
    })
}

/// Pins whose Applications must be closed: the file's name without `.json`, and its text.
fn closed() -> Vec<(String, String)> {
    let mut cases: Vec<(String, Value)> = Vec::new();
    for (nick, key) in [
        ("cluster", "cluster"),
        ("service", "service"),
        ("tag", "imageTag"),
        ("revision", "targetRevision"),
    ] {
        let mut with = |name: String, value: Option<Value>| {
            let mut pin = good(&name);
            match value {
                Some(value) => pin[key] = value,
                None => drop(pin.as_object_mut().expect("an object").remove(key)),
            }
            cases.push((name, pin));
        };
        with(format!("no-{nick}"), None);
        for (kind, value) in [
            ("null", json!(null)),
            ("number", json!(1_234_567)),
            ("float", json!(1.5)),
            ("true", json!(true)),
            ("list", json!(["shared"])),
            ("object", json!({"a": "b"})),
            ("empty", json!("")),
            ("line", json!("x\n")),
            ("go", json!("{{ .file.path.filename }}")),
            ("go-open", json!("{{")),
            ("env", json!("$HOME")),
            ("quote", json!("a\"b'c`d")),
            ("comma", json!("a,b={c}")),
        ] {
            with(format!("{kind}-{nick}"), Some(value));
        }
    }
    for (name, key, value) in [
        ("branch", "targetRevision", json!("main")),
        ("short-revision", "targetRevision", json!("cccccccc")),
        ("upper-revision", "targetRevision", json!(revision('C'))),
        ("head", "targetRevision", json!("HEAD")),
        ("range", "targetRevision", json!("*")),
        ("two-revisions", "targetRevision", json!(revision('c') + &revision('c'))),
        ("revision-line", "targetRevision", json!(revision('c') + "\n")),
        ("other-service", "service", json!("python-example")),
        ("prefix-service", "service", json!("prefix")),
        ("other-cluster", "cluster", json!("eu-1")),
        ("dash-tag", "imageTag", json!("-x")),
        ("dot-tag", "imageTag", json!(".x")),
        ("long-tag", "imageTag", json!("x".repeat(129))),
        ("digest-tag", "imageTag", json!("x@sha256:00")),
        ("outside", "repoURL", json!("https://gitlab.example.com/billing/ledger.git")),
        ("host", "repoURL", json!("https://evil.example.com/services/x.git")),
        ("user", "repoURL", json!("https://gitlab.example.com@evil.example.com/services/x")),
        ("dots", "repoURL", json!("https://gitlab.example.com/services/../billing/x.git")),
        ("dots-end", "repoURL", json!("https://gitlab.example.com/services/..")),
        ("percent", "repoURL", json!("https://gitlab.example.com/services/%2e%2e/billing/x.git")),
        ("half-percent", "repoURL", json!("https://gitlab.example.com/services/.%2E/x.git")),
        ("query", "repoURL", json!("https://gitlab.example.com/services/x.git?y")),
        ("null-repo", "repoURL", json!(null)),
        ("empty-repo", "repoURL", json!("")),
        ("number-repo", "repoURL", json!(7)),
        ("go-repo", "repoURL", json!("https://gitlab.example.com/services/{{ .x }}")),
        ("up", "path", json!("../other")),
        ("up-inside", "path", json!("a/../../b")),
        ("up-end", "path", json!("a/..")),
        ("dot", "path", json!(".")),
        ("absolute", "path", json!("/etc")),
        ("empty-path", "path", json!("")),
        ("object-path", "path", json!({"path": "helm"})),
        ("null-path", "path", json!(null)),
        ("backslash", "path", json!("a\\..\\b")),
        ("md5", "imageDigest", json!("md5:00")),
        ("null-digest", "imageDigest", json!(null)),
        ("short-digest", "imageDigest", json!("sha256:00")),
        ("number-digest", "imageDigest", json!(1)),
    ] {
        let mut pin = good(name);
        pin[key] = value;
        cases.push((name.to_owned(), pin));
    }
    let mut cases: Vec<_> = cases.into_iter().map(|(name, pin)| (name, pin.to_string())).collect();
    let digits = |name: &str, key: &str, digits: &str| {
        let text = good(name).to_string();
        let from = format!("\"{key}\":\"{}\"", good(name)[key].as_str().expect("a text"));
        assert!(text.contains(&from), "{text}");
        (name.to_owned(), text.replace(&from, &format!("\"{key}\":{digits}")))
    };
    cases.push(digits("forty-digits", "targetRevision", &"1".repeat(40)));
    cases.push(digits("exponent", "imageTag", "1e10"));
    cases.push(("nothing-in-it".to_owned(), "{}".to_owned()));
    cases.push(("no-bytes".to_owned(), String::new()));
    cases.push(("other-keys".to_owned(), "{\"a\": {\"b\": [1, null]}}".to_owned()));
    cases
}

/// What is the set's own, whatever a pin says.
#[track_caller]
fn assert_closed(application: &Value, what: &str) {
    let spec = &application["spec"];
    assert_eq!(spec["source"]["targetRevision"], INVALID, "{what}");
    assert_eq!(spec["project"], SET, "{what}");
    let destination = json!({"name": "shared", "namespace": "services-staging"});
    assert_eq!(spec["destination"], destination, "{what}");
    let repository = spec["source"]["repoURL"].as_str().expect("a repository");
    assert!(repository.starts_with("https://gitlab.example.com/services/"), "{what}: {repository}");
    assert_eq!(spec["source"]["path"], "helm", "{what}");
    for parameter in spec["source"]["helm"]["parameters"].as_array().expect("parameters") {
        let name = parameter["name"].as_str().expect("a name");
        if matches!(name, "global.release.revision" | "global.release.image.tag") {
            assert_eq!(parameter["value"], "invalid-pin", "{what}");
        }
        if name == "global.release.image.digest" {
            assert_eq!(parameter["value"], Value::Null, "{what}");
        }
    }
}

/// The Application that comes from a file.
#[track_caller]
fn from_file<'a>(applications: &'a BTreeMap<String, Value>, path: &str) -> &'a Value {
    let annotation = |app: &Value| app["metadata"]["annotations"]["pinrail.dev/pin"] == *path;
    let mut found = applications.values().filter(|app| annotation(app));
    let first = found.next().unwrap_or_else(|| panic!("nothing comes from {path}"));
    assert!(found.next().is_none(), "two come from {path}");
    first
}

#[test]
fn a_bad_pin_breaks_one_application_closed_and_no_other() {
    let folder = Folder::example();
    let before = folder.expanded().sound();
    let cases = closed();
    assert!(cases.len() > 90, "{}", cases.len());
    for (name, text) in &cases {
        folder.write(&format!("{PINS}/{name}.json"), text);
    }
    let after = folder.expanded().sound();
    assert_eq!(after.len(), before.len() + cases.len());
    for (name, _) in &cases {
        assert_closed(&after[&format!("staging-{name}")], name);
    }
    for (name, application) in &before {
        assert_eq!(after[name], *application, "{name}");
    }
    // Pinrail foretells the closed ones too, and refuses each of them.
    assert_same(&after, &folder.expanded_offline());
    let errors = folder.errors();
    for (name, text) in &cases {
        let path = format!("{PINS}/{name}.json");
        let of_this = errors.iter().filter(|error| error.starts_with(&format!("{path}: ")));
        assert!(of_this.count() > 0, "{path} is in order: {text}");
    }
}

#[test]
fn what_is_valid_but_odd_is_as_good_as_any_pin() {
    let folder = Folder::example();
    for (name, key, value) in [
        ("digits", "imageTag", json!("0123456")),
        ("float", "imageTag", json!("1e10")),
        ("word", "imageTag", json!("null")),
        ("zeros", "targetRevision", json!(revision('0'))),
        ("deep", "path", json!("a/b.c/d-e/..f/g")),
        ("port", "repoURL", json!("https://gitlab.example.com/services/a%20b/...git")),
        ("more", "note", json!("{{ fail \"x\" }} $HOME ' \" ` \n")),
        ("files", "file", json!("x")),
        ("values", "values", json!({"service": "x", "pin": "invalid"})),
        ("large", "sequence", json!(12_345_678_901_234_567_890_u64)),
    ] {
        let mut pin = good(name);
        pin[key] = value;
        folder.write(&format!("{PINS}/{name}.json"), &pin.to_string());
    }
    let theirs = folder.expanded().sound();
    assert_same(&theirs, &folder.expanded_offline());
    for name in ["digits", "float", "word", "zeros", "deep", "port", "more", "files", "values"] {
        let source = &theirs[&format!("staging-{name}")]["spec"]["source"];
        assert_ne!(source["targetRevision"], INVALID, "{name}");
    }
    let tag = |name: &str| {
        let source = &theirs[&format!("staging-{name}")]["spec"]["source"];
        source["helm"]["parameters"][7]["value"].clone()
    };
    assert_eq!(
        (tag("digits"), tag("float"), tag("word")),
        ("0123456".into(), "1e10".into(), "null".into())
    );
}

#[test]
fn a_file_in_a_deeper_folder_never_stands_for_a_service() {
    let folder = Folder::example();
    let before = folder.expanded().sound();
    let files = [
        ("sub/x", good("x")),
        ("sub/python-example", good("python-example")),
        ("sub/deeper/go-example", good("go-example")),
        (".hidden/go-example", good("go-example")),
    ];
    for (path, pin) in &files {
        folder.write(&format!("{PINS}/{path}.json"), &pin.to_string());
    }
    let after = folder.expanded().sound();
    assert_eq!(after.len(), before.len() + files.len());
    for (path, _) in &files {
        let path = format!("{PINS}/{path}.json");
        let application = from_file(&after, &path);
        assert_closed(application, &path);
        let name = application["metadata"]["name"].as_str().expect("a name");
        assert!(name.starts_with("staging-invalid-"), "{name}");
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.starts_with(&path)), "{path}: {errors:?}");
    }
    for (name, application) in before {
        assert_eq!(after[&name], application, "{name}");
    }
}

#[test]
fn a_name_that_no_service_may_have_is_closed_under_another() {
    let folder = Folder::example();
    let before = folder.expanded().sound();
    let long = "x".repeat(60);
    let names = ["Upper", "", "a b", "-a", "a-", "a.b", "a_b", "é", "{{ .x }}", "$HOME", &long];
    for name in names {
        folder.write(&format!("{PINS}/{name}.json"), &good(name).to_string());
    }
    let after = folder.expanded().sound();
    assert_eq!(after.len(), before.len() + names.len());
    let errors = folder.errors();
    for name in names {
        let path = format!("{PINS}/{name}.json");
        let application = from_file(&after, &path);
        let made = application["metadata"]["name"].as_str().expect("a name");
        let release = application["spec"]["source"]["helm"]["releaseName"].as_str();
        let hash = made.strip_prefix("staging-invalid-").unwrap_or_else(|| panic!("{made}"));
        assert!(hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        assert_eq!(release, made.strip_prefix("staging-"), "{name}");
        assert!(errors.iter().any(|error| error.starts_with(&path)), "{path}: {errors:?}");
    }
    for (name, application) in before {
        assert_eq!(after[&name], application, "{name}");
    }
}

/// Each element of a list is a pin to Argo CD, and all have the file's name.
#[test]
fn a_list_of_pins_makes_none_of_them_and_leaves_the_others() {
    let folder = Folder::example();
    let before = folder.expanded().sound();
    let lists = [
        ("none", json!([])),
        ("two", json!([good("two"), good("two")])),
        ("mixed", json!([good("mixed"), good("python-example")])),
        ("one-empty", json!([{}])),
    ];
    for (name, list) in &lists {
        folder.write(&format!("{PINS}/{name}.json"), &list.to_string());
    }
    let expanded = folder.expanded();
    assert_eq!(expanded.error(SET), None);
    let refused = expanded.refused();
    let names: Vec<_> = refused.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(names, ["staging-mixed", "staging-two"]);
    let applications = expanded.applications(SET);
    for application in &applications {
        let name = application["metadata"]["name"].as_str().expect("a name");
        match before.get(name) {
            Some(as_before) => assert_eq!(application, as_before, "{name}"),
            None => assert!(
                names.contains(&name) || application["spec"]["source"]["targetRevision"] == INVALID,
                "{name}"
            ),
        }
    }
    assert_eq!(applications.len(), 5 + 2 + 2 + 1);
    let errors = folder.errors();
    for (name, _) in lists {
        let expected = format!("{PINS}/{name}.json: not a JSON object");
        assert!(errors.contains(&expected), "{name}: {errors:?}");
    }
}

/// Nothing is made, changed or deleted then, in this set alone; `check` does not let it happen.
#[test]
fn bytes_that_are_no_object_freeze_their_set_and_check_refuses_them() {
    let folder = Folder::example();
    let path = format!("{PINS}/python-example.json");
    let sound = folder.read(&path);
    let before = folder.expanded().sound();
    for text in ["{", "not a pin", "42", "\"x\"", &sound[..40], "\u{1}", "<<<<<<< HEAD\n"] {
        folder.write(&path, text);
        let expanded = folder.expanded();
        assert!(expanded.error(SET).is_some(), "{text:?}");
        assert_eq!(expanded.applications(SET), [Value::Null; 0], "{text:?}");
        let other = expanded.applications("pinrail-staging-billing");
        assert_eq!(other.len(), 3, "{text:?}");
        assert!(other.iter().all(|app| before.values().any(|as_before| app == as_before)));
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.starts_with(&path)), "{text:?}: {errors:?}");
    }
}

#[test]
fn check_refuses_an_environment_that_lost_its_pins() {
    let folder = Folder::example();
    folder.remove("envs/staging");
    let errors = folder.errors();
    let message = "`staging` has no pins, and `production-eu` is promoted to from it";
    assert!(errors.iter().any(|error| error.contains(message)), "{errors:?}");
    // Argo CD would not say a word.
    assert_eq!(folder.expanded().sound().len(), 14);
}

#[test]
fn check_refuses_an_environment_that_was_renamed() {
    let folder = Folder::example();
    let config = folder.read("pinrail.yaml").replace("staging\n", "stage\n");
    folder.write("pinrail.yaml", &config.replace("environment: staging", "environment: stage"));
    let errors = folder.errors();
    for expected in [
        "envs/staging/billing/ledger.json: `staging` is no environment of `pinrail.yaml`",
        "argocd/pinrail-staging-billing.yaml: it is no longer generated",
        "argocd/pinrail-stage-billing.yaml: it is not there, and would be generated",
    ] {
        assert!(errors.iter().any(|error| error == expected), "{expected}: {errors:?}");
    }
    assert!(errors.iter().any(|error| error.contains("`stage` has no pins")), "{errors:?}");
}

#[test]
fn check_refuses_a_service_of_two_domains() {
    let folder = Folder::example();
    folder.write(&format!("{PINS}/ledger.json"), &good("ledger").to_string());
    let errors = folder.errors();
    let both =
        "the Application `staging-ledger` also comes from `envs/staging/billing/ledger.json`";
    let home = "the service `ledger` is of the domain `billing`, and this pin says `services`";
    for expected in [both, home] {
        let expected = format!("{PINS}/ledger.json: {expected}");
        assert!(errors.iter().any(|error| error.starts_with(&expected)), "{expected}: {errors:?}");
    }
}
