//! What forges show beside the lines of a change.

use std::path::Path;

use serde_json::{Value, json};

use super::{BASE, Written, check_in, ci_clone, gated};
use crate::support::git::{commit_file, git};
use crate::support::pinrail::Run;
use crate::support::root::Root;

/// A change with a cause that somebody else has worded.
fn held() -> (Root, std::path::PathBuf) {
    let root = gated();
    root.stage("api", "2");
    let reason = "100%\n::error file=x::y\n##[add-mask]z";
    let lock = json!({"reason": reason, "owner": "@anna"}).to_string();
    commit_file(&root.repo(), "pins", "locks/eu.json", &lock, "Lock");
    let written = Written::on(&root).pin("eu", "api", "2").commit("ask");
    git(&written.clone, &["push", "--quiet", "origin", "change"]);
    let clone = ci_clone(&root, "change");
    (root, clone)
}

fn annotated(folder: &Path, form: &str) -> Run {
    check_in(folder, &["check", "--base", BASE, "--annotations", form])
}

#[test]
fn github_gets_one_command_for_each_and_none_from_elsewhere() {
    let (_root, clone) = held();
    let run = annotated(&clone, "github");
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(
        run.stdout,
        "::error file=envs/eu/services/api.json,line=4,title=pinrail%3A locked::api in eu: 1 → 2 \
         may not go: locked by @anna: 100%25%0A::error file=x::y%0A##[add-mask]z\n"
    );
    assert!(run.stderr.contains("api in eu"), "{run:?}");
    for line in run.stderr.lines() {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
    }
}

#[test]
fn gitlab_gets_a_code_quality_report_that_is_the_same_each_time() {
    let (_root, clone) = held();
    let report = || -> Value {
        let run = annotated(&clone, "gitlab");
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stderr.contains("api in eu"), "{run:?}");
        serde_json::from_str(&run.stdout).expect("a report")
    };
    let first = report();
    assert_eq!(first, report());
    let entry = &first[0];
    assert_eq!(
        (&entry["check_name"], &entry["severity"]),
        (&json!("pinrail/locked"), &json!("blocker"))
    );
    let location = json!({"path": "envs/eu/services/api.json", "lines": {"begin": 4}});
    assert_eq!(entry["location"], location);
    assert_eq!(entry["fingerprint"].as_str().expect("a text").len(), 64);
    let keys: Vec<_> = entry.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["description", "check_name", "fingerprint", "severity", "location"]);
}

#[test]
fn a_tree_is_annotated_as_well_and_one_in_order_has_nothing_to_show() {
    let (_root, clone) = held();
    git(&clone, &["checkout", "--quiet", "--detach", "origin/main"]);
    let run = annotated(&clone, "gitlab").succeeded();
    assert_eq!(run.stdout, "[]\n");
    assert_eq!(annotated(&clone, "github").succeeded().stdout, "");
    std::fs::write(clone.join("pinrail.yaml"), "version: 1\nenvironmnts: []\n").expect("write it");
    let run = check_in(&clone, &["check", ".", "--annotations", "github"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stdout.starts_with("::error file=pinrail.yaml,line=2,"), "{run:?}");
}
