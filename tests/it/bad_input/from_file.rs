//! `pin --from-file`: lists that are not what they should be, and lists that only partly
//! may go in.

use std::fs;

use serde_json::{Value, json};

use super::{Told, check, root, state};
use crate::support::git::{self, git};
use crate::support::pinrail::Run;
use crate::support::root::{Root, pin_path, revision};

fn wanted(service: &str, tag: &str) -> Value {
    let revision = revision('b');
    json!({"service": service, "environment": "staging", "imageTag": tag, "targetRevision": revision})
}

fn pin_file(root: &Root, content: &str, more: &[&str]) -> Run {
    let file = root.path().join("pins.json");
    fs::write(&file, content).expect("write the list");
    let file = file.to_str().expect("the path is UTF-8");
    root.pinrail(&[&["pin", "--from-file", file], more].concat())
}

/// Nothing at all goes in.
#[track_caller]
fn refused(content: &str, told: &Told<'_>) {
    let root = root();
    let before = state(&root.repo());
    let (for_people, for_programs) =
        (pin_file(&root, content, &[]), pin_file(&root, content, &["--json"]));
    assert_eq!(state(&root.repo()), before);
    check(&for_people, &for_programs, told);
}

fn invalid(message: &str) -> Told<'_> {
    Told { code: 4, kind: "invalid", message, hint: "a JSON list of objects with service," }
}

#[test]
fn a_list_must_be_a_list_of_wanted_pins() {
    for content in ["", "{", "7", "{}", "null", "\"api\"", "[7]", "[null]", "[[]]", "version: 1"] {
        refused(content, &invalid("pins.json: "));
    }
    refused("[]", &invalid("there is no pin in it"));
}

#[test]
fn every_entry_of_a_list_must_be_well_formed() {
    let with = |key: &str, value: Value| {
        let mut bad = wanted("web", "2.0");
        bad[key] = value;
        json!([wanted("api", "2.0"), bad]).to_string()
    };
    refused(&with("imagTag", json!("3.0")), &invalid("unknown field `imagTag`"));
    refused(&with("imageTag", json!(1.10)), &invalid("invalid type: floating point"));
    refused(&with("imageTag", json!("a b")), &invalid("`a b` is no image tag"));
    refused(&with("service", json!("../api")), &invalid("`../api` is no service name"));
    refused(&with("environment", json!("Staging")), &invalid("`Staging` is no environment name"));
    refused(&with("targetRevision", json!("main")), &invalid("`main` is no revision"));
    refused(&with("imageDigest", json!("latest")), &invalid("`latest` is no image digest"));
    refused(&with("sequence", json!(-1)), &invalid("invalid value: integer `-1`"));
    refused(r#"[{"service": "api"}]"#, &invalid("missing field `environment`"));
    let twice = wanted("api", "2.0").to_string().replace('{', "{\"service\": \"web\", ");
    refused(&format!("[{twice}]"), &invalid("duplicate field `service`"));
}

#[test]
fn the_same_pin_is_wanted_once() {
    let list = json!([wanted("api", "2.0"), wanted("web", "2.0"), wanted("api", "3.0")]);
    refused(&list.to_string(), &invalid("`api` is there twice for `staging`"));
}

#[test]
fn an_unknown_name_among_good_ones_stops_all() {
    let list = json!([wanted("api", "2.0"), wanted("wep", "2.0")]).to_string();
    let told = |message, hint| Told { code: 1, kind: "notFound", message, hint };
    refused(&list, &told("there is no service `wep`", "did you mean `web`?"));
    refused(
        &list.replace("wep", "web").replace("staging", "stagin"),
        &told("there is no environment `stagin`", "did you mean `staging`?"),
    );
    let told = Told { code: 5, kind: "refused", message: "by request only", hint: "promote" };
    refused(&list.replace("wep", "web").replacen("staging", "production", 1), &told);
}

#[test]
fn a_list_that_is_not_there_is_told_as_such() {
    let root = root();
    let command = |more: &[&str]| {
        root.pinrail(&[&["pin", "--from-file", "/nonexistent/pins.json"], more].concat())
    };
    let told = Told {
        code: 1,
        kind: "local",
        message: "cannot read /nonexistent/pins.json",
        hint: "`-` for stdin",
    };
    check(&command(&[]), &command(&["--json"]), &told);
}

#[test]
fn a_list_leaves_no_room_for_a_pin_beside_it() {
    let told = Told { code: 2, kind: "usage", message: "cannot be used with", hint: "--help" };
    let root = root();
    let list = json!([wanted("api", "2.0")]).to_string();
    let command = |more: &[&str]| pin_file(&root, &list, &[&["web"], more].concat());
    check(&command(&[]), &command(&["--json"]), &told);
}

#[test]
fn a_list_goes_in_as_one_commit() {
    let root = root();
    let list = json!([wanted("api", "2.0"), wanted("web", "0123")]).to_string();
    let document = pin_file(&root, &list, &["--json"]).succeeded().document();
    assert_eq!(document["outcome"], "pinned");
    assert_eq!(document["commit"], root.tip().as_str());
    assert_eq!(git::changed_paths(&root.repo(), &root.tip()), ["api", "web"].map(pin_path));
    assert_eq!(root.pinned("web").as_deref(), Some("0123"));
    assert_eq!(git::message(&root.repo(), &root.tip()).lines().next(), Some("pin 2 services"));
    // And again there is nothing to do.
    let tip = root.tip();
    let document = pin_file(&root, &list, &["--json"]).succeeded().document();
    assert_eq!((&document["outcome"], &document["commit"]), (&json!("unchanged"), &Value::Null));
    assert_eq!(root.tip(), tip);
}

/// A list of two of which one comes too late: `api` has been pinned by a later pipeline.
fn one_of_two() -> (Root, String) {
    let root = root();
    let mut later = wanted("api", "9.0");
    later["sequence"] = json!(9);
    pin_file(&root, &json!([later]).to_string(), &[]).succeeded();
    let mut late = wanted("api", "2.0");
    late["sequence"] = json!(8);
    (root, json!([late, wanted("web", "2.0")]).to_string())
}

#[test]
fn those_that_may_go_in_do_and_the_others_are_told() {
    let (root, list) = one_of_two();
    let run = pin_file(&root, &list, &["--json"]);
    assert_eq!(run.code, 3, "{run:?}");
    let document = run.document();
    assert_eq!(document["outcome"], "partial");
    assert_eq!(document["error"]["kind"], "superseded");
    assert_eq!(document["error"]["message"], "1 of 2 pins did not go in");
    let outcomes = ["superseded", "pinned"];
    for (item, outcome) in document["items"].as_array().expect("items").iter().zip(outcomes) {
        assert_eq!(item["outcome"], outcome, "{document:#}");
    }
    assert_eq!(document["commit"], root.tip().as_str());
    assert_eq!(git::changed_paths(&root.repo(), &root.tip()), [pin_path("web")]);
    assert_eq!(root.pinned("api").as_deref(), Some("9.0"));

    // Again: what went in stays, what did not is still told.
    let before = state(&root.repo());
    let again = pin_file(&root, &list, &[]);
    assert_eq!((again.code, state(&root.repo())), (3, before), "{again:?}");
    assert!(again.stderr.contains("error: 1 of 2 pins did not go in"), "{again:?}");
    assert!(again.stderr.contains("Nothing to do: web in staging is 2.0 already"), "{again:?}");
}

#[test]
fn all_or_nothing_writes_nothing_unless_all_may_go_in() {
    let (root, list) = one_of_two();
    let before = state(&root.repo());
    let run = pin_file(&root, &list, &["--all-or-nothing", "--json"]);
    assert_eq!((run.code, state(&root.repo())), (3, before), "{run:?}");
    let document = run.document();
    assert_eq!(document["outcome"], "superseded");
    assert_eq!(document["error"]["message"], "2 of 2 pins did not go in");
    assert_eq!(document["items"][1]["outcome"], "refused");
    assert_eq!((&document["commit"], root.pinned("web")), (&Value::Null, None));

    let all = json!([wanted("api", "9.0"), wanted("web", "2.0")]).to_string();
    pin_file(&root, &all, &["--all-or-nothing"]).succeeded();
    assert_eq!(root.pinned("web").as_deref(), Some("2.0"));
    git(&root.repo(), &["fsck", "--strict", "--no-dangling"]);
}
