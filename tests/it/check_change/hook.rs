//! `check --pre-receive` in git's own hook, on pushes by git and by Pinrail.

use std::path::Path;
use std::process::Output;

use super::{GATED, Written};
use crate::support::git::{self, command, git};
use crate::support::git_http::GitHttp;
use crate::support::hooks::executable;
use crate::support::pinrail::{pinrail, run};
use crate::support::root::{Root, revision_of};

/// All on one branch, as without a forge.
const PLAIN: &str = "\
version: 1
domains:
  - {name: services}
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: production, cluster: eu-1, from: staging, mode: request}
";

const LOCK: &str = r#"{"reason": "incident 7", "owner": "@anna"}"#;

fn guard(repo: &Path) {
    let program = env!("CARGO_BIN_EXE_pinrail");
    let script = format!("#!/bin/sh\nexec {program} check --pre-receive\n");
    executable(&repo.join("hooks/pre-receive"), &script);
}

fn guarded(config: &str) -> Root {
    let root = Root::with(config, &["api", "web"]);
    guard(&root.repo());
    root
}

/// Pushes what a person has written; what git said.
fn pushed(written: Written, to: &str) -> Output {
    let written = written.commit("by hand");
    let refspec = format!("{}:{to}", written.branch);
    command(&written.clone, &["push", "origin", &refspec]).output().expect("push")
}

#[track_caller]
fn refused(output: &Output, words: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(words), "{words}: {told}");
    assert!(told.contains("pre-receive hook declined"), "{told}");
}

#[track_caller]
fn taken(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything that Pinrail does to a services-root without a forge, in order.
fn story(root: &Root) {
    for (service, tag) in [("api", "1"), ("web", "1"), ("api", "2")] {
        root.release(service, tag);
    }
    root.json(&["rollback", "api", "-e", "production"]).succeeded();
    root.json(&["service", "add", "new"]).succeeded();
    root.json(&["domain", "add", "more"]).succeeded();
    root.json(&["service", "remove", "web"]).succeeded();
    root.stage("api", "3");
    assert_eq!(root.json(&["promote", "api", "--to", "production"]).code, 5);
    root.assert_sound();
}

#[test]
fn what_pinrail_writes_is_taken() {
    story(&guarded(PLAIN));
}

#[test]
fn a_forged_push_is_refused_with_words_for_whoever_pushes() {
    let root = guarded(PLAIN);
    root.release("api", "1");
    let forged = pushed(Written::on(&root).pin("production", "api", "7"), "main");
    refused(&forged, "`7` was never in `staging`");
    let beside = Written::named(&root, "beside").pin("staging", "api", "2");
    refused(
        &pushed(beside.write("CODEOWNERS", "* @me\n"), "main"),
        "a rule does not come with a pin",
    );
    taken(&pushed(Written::named(&root, "staged").pin("staging", "api", "2"), "main"));
    taken(&pushed(Written::named(&root, "lock").write("locks/staging.json", LOCK), "main"));
    let held = Written::named(&root, "held").pin("staging", "api", "3");
    refused(&pushed(held, "main"), "locked by @anna: incident 7");
    // Taking the lock away in the same push does not help, and in one of its own it does.
    let aside = Written::named(&root, "aside").pin("staging", "api", "3");
    refused(&pushed(aside.remove("locks/staging.json"), "main"), "locked by @anna");
    taken(&pushed(Written::named(&root, "unlock").remove("locks/staging.json"), "main"));
    taken(&pushed(Written::named(&root, "after").pin("staging", "api", "3"), "main"));
    root.assert_sound();
}

#[test]
fn several_commits_are_one_change() {
    let root = guarded(PLAIN);
    root.release("api", "1");
    let written = Written::on(&root).pin("production", "api", "7").commit("forged");
    refused(&pushed(written.pin("production", "api", "8"), "main"), "never in");
    let written = Written::named(&root, "undone").pin("production", "api", "7").commit("forged");
    taken(&pushed(written.pin("production", "api", "1").write("README", "x"), "main"));
}

#[test]
fn pins_and_locks_on_a_branch_of_their_own_are_judged_there() {
    let config = GATED.replace(
        "forge: {kind: gitlab, project: platform/services-root}",
        "branches: {pins: pins}",
    );
    let root = Root::with(&config, &["api", "web"]);
    guard(&root.repo());
    // The branch begins as a copy.
    let start = Written::on(&root);
    taken(
        &command(&start.clone, &["push", "origin", "origin/main:refs/heads/pins"])
            .output()
            .expect("push"),
    );
    root.stage("api", "1");
    let on_pins = |branch| {
        let written = Written::named(&root, branch);
        git(&written.clone, &["reset", "--quiet", "--hard", "origin/pins"]);
        written
    };
    refused(&pushed(on_pins("wrong").pin("eu", "api", "1"), "pins"), "belong on the branch `main`");
    taken(&pushed(on_pins("lock").write("locks/staging/api.json", LOCK), "pins"));
    refused(&pushed(on_pins("held").pin("staging", "api", "2"), "pins"), "locked by @anna");
    taken(&pushed(on_pins("free").remove("locks/staging/api.json"), "pins"));
    taken(&pushed(on_pins("next").pin("staging", "api", "2"), "pins"));
    // A way back and its lock.
    let back = on_pins("back").pin("staging", "api", "1").write("locks/staging/api.json", LOCK);
    taken(&pushed(back, "pins"));
    let lock = Written::named(&root, "aside").write("locks/eu.json", LOCK);
    refused(&pushed(lock, "main"), "does not set or take away a lock");
    taken(&pushed(Written::named(&root, "asked").pin("eu", "api", "1"), "main"));
}

#[test]
fn main_and_pins_are_neither_removed_nor_rewritten_and_other_branches_are_free() {
    let root = guarded(PLAIN);
    root.release("api", "1");
    git(&root.repo(), &["config", "receive.denyDeleteCurrent", "ignore"]);
    let written = Written::on(&root).write("README", "1").commit("one");
    let push = |arguments: &[&str]| {
        command(&written.clone, &[&["push", "origin"], arguments].concat()).output().expect("push")
    };
    refused(&push(&["--delete", "main"]), "this branch is never removed");
    git(&written.clone, &["checkout", "--quiet", "-B", "old", "origin/main~1"]);
    refused(&push(&["--force", "old:main"]), "this branch only ever goes forward");
    taken(&push(&["old:refs/heads/pinrail/promote/production/api"]));
    taken(&push(&["old:refs/tags/v1"]));
    taken(&push(&["--delete", "pinrail/promote/production/api"]));
}

#[test]
fn a_new_services_root_is_taken_if_it_is_valid() {
    let folder = tempfile::tempdir().expect("create a directory");
    let repo = folder.path().join("served.git");
    git::bare_repository(&repo);
    guard(&repo);
    run(pinrail(folder.path()).args(["init", "new"])).succeeded();
    let new = folder.path().join("new");
    let url = repo.to_str().expect("UTF-8");
    std::fs::write(new.join("pinrail.yaml"), "version: 1\n").expect("break it");
    git(&new, &["commit", "--quiet", "-a", "-m", "broken"]);
    refused(
        &command(&new, &["push", url, "main"]).output().expect("push"),
        "missing field `environments`",
    );
    git(&new, &["reset", "--quiet", "--hard", "HEAD~1"]);
    taken(&command(&new, &["push", url, "main"]).output().expect("push"));
}

#[test]
fn the_same_over_http() {
    let root = guarded(PLAIN);
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let pin = |tag: &str| {
        let revision = revision_of(tag);
        let what = ["pin", "api", "-e", "staging", "--image-tag", tag, "--revision", &revision];
        run(pinrail(root.path()).args(["--json", "--repo", &url]).args(what))
    };
    pin("1").succeeded();
    let written = Written::on(&root).pin("production", "api", "7");
    git(&written.clone, &["remote", "set-url", "origin", &url]);
    refused(&pushed(written, "main"), "`7` was never in `staging`");
}

#[test]
fn outside_of_a_hook_it_says_where_it_belongs() {
    let run = run(pinrail(&std::env::temp_dir()).args(["check", "--pre-receive"]));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("hooks/pre-receive"), "{run:?}");
}
