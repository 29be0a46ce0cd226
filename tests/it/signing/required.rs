//! `signing: required`: what is not signed by somebody who may is found, and not made.

use std::process::Command;

use serde_json::Value;

use super::by_ssh;
use crate::support::git::{checked, command, commit_file, git};
use crate::support::keys::Keys;
use crate::support::pinrail::{Run, pinrail, pinrail_at, run};
use crate::support::root::Root;
use crate::support::way::pin;

/// A services-root that takes signed commits alone, of `bot`.
fn required(keys: &Keys, options: &str) -> Root {
    let root = Root::new(&["api"]);
    let config = root.file("pinrail.yaml").expect("a configuration");
    root.commit(".pinrail/allowed_signers", &keys.allowed(&["bot"], options));
    root.commit("pinrail.yaml", &format!("{config}signing: required\n"));
    root
}

fn signed_pin(root: &Root, keys: &Keys, key: &str, tag: &str) -> Run {
    let mut command = pin(&root.repo().display().to_string(), "api", tag);
    run(command.env("PINRAIL_SIGNING_KEY", keys.path(key)))
}

/// What `check` finds wrong with signatures, each without the commit's id; every other problem
/// would be one of the test.
#[track_caller]
fn found(root: &Root) -> Vec<String> {
    let run = root.json(&["check"]);
    let document = run.document();
    let problems = document["problems"].as_array().expect("problems");
    assert_eq!(run.code, if problems.is_empty() { 0 } else { 4 }, "{run:?}");
    let told = |problem: &Value| {
        assert_eq!(problem["rule"], "signature", "{run:?}");
        let message = problem["message"].as_str().expect("a message");
        message.split_once(" of ").expect("where it is").1.to_owned()
    };
    problems.iter().map(told).collect()
}

/// git commits as somebody would, signed by a key.
fn commit_tree(root: &Root, keys: &Keys, key: &str, more: &[&str]) -> String {
    let tree = git(&root.repo(), &["rev-parse", "main^{tree}"]);
    commit_of(root, keys, key, &tree, more)
}

fn commit_of(root: &Root, keys: &Keys, key: &str, tree: &str, more: &[&str]) -> String {
    let key = format!("user.signingKey={}", keys.path(key).display());
    let mut arguments = vec!["-c", "gpg.format=ssh", "-c", &key, "commit-tree", "-m", "x"];
    arguments.extend(more);
    arguments.push(tree);
    checked(&mut command(&root.repo(), &arguments))
}

fn move_main(root: &Root, commit: &str) {
    git(&root.repo(), &["update-ref", "refs/heads/main", commit]);
}

#[test]
fn a_commit_of_somebody_who_may_is_in_order_and_no_other() {
    let keys = Keys::ssh(&["bot", "stranger"]);
    let root = required(&keys, "");
    assert_eq!(found(&root), ["`main` is not signed"]);
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    assert_eq!(found(&root), Vec::<String>::new());
    signed_pin(&root, &keys, "stranger", "2").assert_verdict("0 pinned");
    assert_eq!(found(&root), ["`main` is signed by a key that nobody of those who may has"]);
}

#[test]
fn a_commit_that_was_changed_after_it_was_signed_is_found() {
    let keys = Keys::ssh(&["bot"]);
    let root = required(&keys, "");
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    let signed = git(&root.repo(), &["cat-file", "commit", "main"]) + "\n";
    let forged = root.path().join("forged");
    std::fs::write(&forged, signed.replacen("Somebody Else", "Somebody Nice", 1)).expect("write");
    let path = forged.to_str().expect("UTF-8");
    let forged = git(&root.repo(), &["hash-object", "-t", "commit", "-w", path]);
    move_main(&root, &forged);
    assert_eq!(found(&root), ["`main` has a signature that does not fit it"]);
}

#[test]
fn an_entry_counts_for_commits_of_its_time_alone() {
    let keys = Keys::ssh(&["bot"]);
    let root = required(&keys, "valid-after=\"20200101Z\",valid-before=\"20210101Z\"");
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    let over = "`main` is signed by a key that was not valid then, or that is revoked";
    assert_eq!(found(&root), [over]);
    // The commit's own time counts, so that what was in order stays so when an entry ends.
    let key = format!("user.signingKey={}", keys.path("bot").display());
    let tree = git(&root.repo(), &["rev-parse", "main^{tree}"]);
    let arguments = ["-c", "gpg.format=ssh", "-c", &key, "commit-tree", "-S", "-m", "x", "-p"];
    let mut old = command(&root.repo(), &arguments);
    old.args(["main", &tree]).env("GIT_COMMITTER_DATE", "2020-06-01T12:00:00Z");
    move_main(&root, &checked(&mut old));
    assert_eq!(found(&root), Vec::<String>::new());
}

#[test]
fn a_signature_for_another_purpose_is_none_for_a_commit() {
    let keys = Keys::ssh(&["bot"]);
    let root = required(&keys, "namespaces=\"file\"");
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    assert_eq!(found(&root).len(), 1);
}

#[test]
fn openpgp_keys_count_where_they_are_in_the_ring() {
    let keys = Keys::ssh(&[]);
    keys.add_openpgp("bot");
    keys.add_openpgp("stranger");
    let root = Root::new(&["api"]);
    let config = root.file("pinrail.yaml").expect("a configuration");
    root.commit(".pinrail/keys.asc", &keys.armoured("bot@example.com"));
    root.commit("pinrail.yaml", &format!("{config}signing: required\n"));
    let pinned = |key: &str, tag: &str| {
        let mut command = pin(&root.repo().display().to_string(), "api", tag);
        command.env("PINRAIL_SIGNING_KEY", key).env("GNUPGHOME", keys.gnupg());
        run(&mut command).assert_verdict("0 pinned");
    };
    pinned("bot@example.com", "1");
    assert_eq!(found(&root), Vec::<String>::new());
    pinned("stranger@example.com", "2");
    assert_eq!(found(&root), ["`main` is signed by a key that nobody of those who may has"]);
}

#[test]
fn a_forges_own_merge_counts_as_what_it_merges_and_no_more() {
    let keys = Keys::ssh(&["bot", "stranger"]);
    // What came in by the merge, and whether the merge has a file of its own.
    for (sign, key, evil, expected) in [
        (true, "bot", false, vec![]),
        (false, "bot", false, vec!["`main` is not signed"]),
        (
            true,
            "stranger",
            false,
            vec!["`main` is signed by a key that nobody of those who may has"],
        ),
        (true, "bot", true, vec!["`main` is not signed"]),
    ] {
        let root = required(&keys, "");
        let base = root.tip();
        // The request's files are those of main with one more.
        git(&root.repo(), &["update-ref", "refs/heads/request", &base]);
        commit_file(&root.repo(), "request", "README.md", "new\n", "a request");
        let tree = git(&root.repo(), &["rev-parse", "request^{tree}"]);
        let more: &[&str] = if sign { &["-S", "-p", &base] } else { &["-p", &base] };
        let request = commit_of(&root, &keys, key, &tree, more);
        // Meanwhile main went on; the forge merges, and signs nothing.
        let ours = root.commit("services/services/other.yaml", "# all defaults\n");
        git(&root.repo(), &["update-ref", "refs/heads/merged", &ours]);
        commit_file(&root.repo(), "merged", "README.md", "new\n", "the merge's files");
        if evil {
            commit_file(&root.repo(), "merged", "services/services/evil.yaml", "# evil\n", "evil");
        }
        let tree = git(&root.repo(), &["rev-parse", "merged^{tree}"]);
        move_main(&root, &commit_of(&root, &keys, key, &tree, &["-p", &ours, "-p", &request]));
        assert_eq!(found(&root), expected, "signed: {sign}, by {key}, evil: {evil}");
    }
}

#[test]
fn nothing_is_written_without_a_key_where_one_is_required() {
    let keys = Keys::ssh(&["bot"]);
    let root = required(&keys, "");
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    let before = root.refs();
    for arguments in [
        &["pin", "api", "-e", "staging", "--image-tag", "2", "--revision", &"2".repeat(40)][..],
        &["promote", "api", "--to", "production"],
        &["service", "add", "other"],
    ] {
        let refused = root.json(arguments);
        refused.assert_verdict("1 failed authentication");
        assert!(refused.message().contains("signing: required"), "{refused:?}");
        assert!(refused.hints().contains("PINRAIL_SIGNING_KEY"), "{refused:?}");
        assert_eq!(root.refs(), before, "{arguments:?}");
    }
    // What writes nothing needs no key.
    root.json(&["promote", "api", "--to", "production", "--dry-run"]).succeeded();
    let url = root.repo().display().to_string();
    let mut promote: Command = pinrail_at(&url, &["promote", "api", "--to", "production"]);
    run(by_ssh(&keys, &mut promote)).succeeded();
}

#[test]
fn what_main_says_counts_and_not_the_change_that_is_judged() {
    let keys = Keys::ssh(&["bot"]);
    let root = required(&keys, "");
    signed_pin(&root, &keys, "bot", "1").assert_verdict("0 pinned");
    // In a clone: a change that lets everybody in, or that takes the rule away.
    let clone = root.path().join("clone");
    let clone_path = clone.to_str().expect("UTF-8");
    git(root.path(), &["clone", "-q", root.repo().to_str().expect("UTF-8"), clone_path]);
    let unsigned = commit_tree(&root, &keys, "bot", &["-p", "main"]);
    move_main(&root, &unsigned);
    git(&clone, &["fetch", "-q"]);
    let config = std::fs::read_to_string(clone.join("pinrail.yaml")).expect("the configuration");
    let open = config.replace("signing: required", "signing: optional");
    std::fs::write(clone.join("pinrail.yaml"), open).expect("write the configuration");
    let told = run(pinrail(&clone).args(["--json", "check"]));
    told.assert_verdict("4 invalid invalid");
    assert!(told.stdout.contains("is not signed"), "{told:?}");
}
