//! A protected environment is never emptied unseen: `check` remembers what was there.

use crate::support::git::git;
use crate::support::pinrail::{pinrail, run};
use crate::support::root::{FORGE, Root};

fn released() -> Root {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    root
}

fn empty(root: &Root) {
    let clone = root.path().join("clone");
    git(root.path(), &["clone", "--quiet", &root.repo().display().to_string(), "clone"]);
    git(&clone, &["rm", "-r", "--quiet", "envs/production"]);
    git(&clone, &["commit", "--quiet", "-m", "oops"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
}

#[test]
fn what_was_pinned_once_is_missed_on_the_server_and_in_a_clone() {
    let root = released();
    root.json(&["check"]).succeeded();
    empty(&root);
    let check = root.json(&["check"]);
    assert_eq!(check.code, 4, "{check:?}");
    let problem = &check.document()["problems"][0];
    assert_eq!(problem["message"], "`production` is protected, and all of its pins are gone");
    let hint = problem["hint"].as_str().expect("a hint");
    let commit = hint.split('`').nth(1).expect("a command").split(' ').nth(2).expect("a commit");

    // What the hint says helps.
    let clone = root.path().join("clone");
    assert_eq!(run(pinrail(&clone).arg("check")).code, 4);
    git(&clone, &["checkout", "--quiet", commit, "--", "envs/production"]);
    git(&clone, &["commit", "--quiet", "-m", "back"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
    run(pinrail(&clone).arg("check")).succeeded();
}

#[test]
fn pins_that_are_deleted_and_not_committed_are_missed_too() {
    let root = released();
    let clone = root.path().join("clone");
    git(root.path(), &["clone", "--quiet", &root.repo().display().to_string(), "clone"]);
    std::fs::remove_dir_all(clone.join("envs/production")).expect("remove the pins");
    assert_eq!(run(pinrail(&clone).arg("check")).code, 4);
}

#[test]
fn an_environment_that_never_had_a_pin_is_in_order() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    root.json(&["check"]).succeeded();
    let forge = Root::with(FORGE, &["api"]);
    forge.json(&["check"]).succeeded();
}
