//! Requests that somebody forges: by hand, past every command.

use serde_json::json;

use super::{Written, checked, gated, kind, messages};
use crate::support::git::{commit_file, git};
use crate::support::pinrail::Run;
use crate::support::root::{Root, pin_path_in};

const LOCK: &str = r#"{"reason": "incident 7", "owner": "@anna"}"#;

#[track_caller]
fn refused(run: &Run, cause: &str) {
    assert_eq!(run.code, 5, "{run:?}");
    let document = run.document();
    assert_eq!(document["outcome"], "refused", "{document:#}");
    assert_eq!(kind(&document), cause, "{document:#}");
}

#[test]
fn a_version_straight_to_production_is_refused() {
    let root = gated();
    refused(&Written::on(&root).pin("eu", "api", "7").checked(&root), "neverIn");
    // What was staged after all may go.
    root.stage("api", "7");
    let run = checked(&root, "change").succeeded();
    assert_eq!(run.document()["moves"][0]["outcome"], "allowed");
}

#[test]
fn a_revision_that_was_never_in_staging_is_refused_under_a_tag_that_was() {
    let root = gated();
    root.stage("api", "2");
    let pin = root.pin_at("pins", "staging", "api").expect("a pin");
    let forged = json!({"cluster": "eu-1", "service": "api", "imageTag": pin["imageTag"],
        "targetRevision": "f".repeat(40)});
    let written = Written::on(&root).write(&pin_path_in("eu", "api"), &format!("{forged:#}\n"));
    refused(&written.checked(&root), "neverIn");
}

#[test]
fn two_environments_at_once_are_refused() {
    let root = gated();
    root.stage("api", "2");
    let run = Written::on(&root).pin("eu", "api", "2").pin("us", "api", "2").checked(&root);
    assert_eq!(run.code, 0, "of one group: {run:?}");
    let written = Written::named(&root, "two").pin("eu", "api", "2").pin("slow", "api", "2");
    let run = written.checked(&root);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(messages(&run.document())[0].contains("come to `eu` and to `slow` at once"), "{run:?}");
}

#[test]
fn a_deleted_environment_is_refused() {
    let root = gated();
    let run = Written::on(&root).remove("envs/eu").checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(messages(&run.document()), ["`eu` is protected, and all of its pins are gone"]);
    let config = root.file("pinrail.yaml").expect("a configuration");
    let without: Vec<_> = config.lines().filter(|line| !line.contains("name: us,")).collect();
    let written = Written::named(&root, "config").write("pinrail.yaml", &without.join("\n"));
    let run = written.checked(&root);
    assert!(run.code != 0, "{run:?}");
    let told = run.document();
    assert!(messages(&told).iter().any(|it| it.starts_with("`us` is taken out")), "{told:#}");
    let written = Written::named(&root, "both").remove("envs/us");
    let run = written.write("pinrail.yaml", &without.join("\n")).checked(&root);
    assert_eq!(run.code, 5, "{run:?}");
}

#[test]
fn a_trailer_makes_no_rollback() {
    let root = gated();
    root.stage("api", "2");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&["promotions", "merge", "production/api"]).succeeded();
    commit_file(&root.repo(), "pins", "locks/eu.json", LOCK, "Lock");
    let written = Written::on(&root).pin("eu", "api", "1");
    let written = written.commit("roll back api in eu\n\nRollback: true\nPinrail-Id: 1");
    refused(&written.checked(&root), "locked");
    // The service's own lock, on the branch that pipelines and people cannot request to, does.
    commit_file(&root.repo(), "pins", "locks/eu/api.json", LOCK, "Lock");
    let run = checked(&root, "change").succeeded();
    assert_eq!(run.document()["moves"][0]["outcome"], "rollback");
    // It is no way forward.
    root.stage("api", "3");
    refused(&Written::named(&root, "forward").pin("eu", "api", "3").checked(&root), "locked");
}

#[test]
fn a_lock_that_is_removed_on_the_side_still_holds() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    root.stage("api", "2");
    let lock = "locks/production/api.json";
    root.commit(lock, LOCK);
    let run = Written::on(&root).pin("production", "api", "2").remove(lock).checked(&root);
    refused(&run, "locked");
    assert!(messages(&run.document())[0].contains("does not set or take away a lock"), "{run:?}");
    let run = Written::named(&root, "lock").remove(lock).checked(&root);
    assert_eq!(run.code, 5, "{run:?}");
}

#[test]
fn a_soak_that_is_not_over_is_refused_and_an_override_must_be_of_the_change_itself() {
    let root = gated();
    refused(&Written::on(&root).pin("slow", "api", "1").checked(&root), "soaking");
    let file = "overrides/slow/api.json";
    let told = |tag: &str| {
        let revision = crate::support::root::revision_of(tag);
        json!({"gates": ["soak"], "reason": "urgent", "owner": "@anna",
            "at": "2026-11-21T12:00:00Z", "imageTag": tag, "targetRevision": revision})
        .to_string()
    };
    let with = |branch| Written::named(&root, branch).pin("slow", "api", "1");
    with("allowed").write(file, &told("1")).checked(&root).succeeded();
    let run = with("other").write(file, &told("2")).checked(&root);
    refused(&run, "soaking");
    root.commit(file, &told("1"));
    refused(&with("copied").checked(&root), "soaking");
    // The one that may not be overridden there at all.
    let run = Written::named(&root, "order").pin("slow", "api", "9");
    let order = told("9").replace("\"soak\"", "\"order\"");
    let run = run.write(file, &order).checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
}

#[test]
fn a_link_in_the_place_of_a_pin_is_not_valid() {
    let root = gated();
    let written = Written::on(&root);
    let pin = written.clone.join(pin_path_in("eu", "api"));
    std::fs::remove_file(&pin).expect("remove the pin");
    std::os::unix::fs::symlink("web.json", &pin).expect("link it");
    let run = written.checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(messages(&run.document())[0].contains("it is a symbolic link"), "{run:?}");
    let written = Written::named(&root, "folder");
    git(&written.clone, &["rm", "-r", "--quiet", "envs/us"]);
    std::os::unix::fs::symlink("eu", written.clone.join("envs/us")).expect("link it");
    assert_eq!(written.checked(&root).code, 4);
}

#[test]
fn the_rules_that_judge_are_never_those_of_the_change() {
    let root = gated();
    let config = root.file("pinrail.yaml").expect("a configuration");
    let eased = config.replace("soak: 1h, ", "");
    let written = Written::on(&root).pin("slow", "api", "1").write("pinrail.yaml", &eased);
    let run = written.checked(&root);
    refused(&run, "soaking");
    assert!(messages(&run.document())[0].contains("a rule does not come with a pin"), "{run:?}");
}
