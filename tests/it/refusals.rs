//! A push that the server refuses: told from a race by where the branch is, never by the
//! words, and given up on after a few tries with the words shown.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::git::commit_file;
use crate::support::git_http::{Fault, GitHttp};
use crate::support::hooks::{Hook, executable};
use crate::support::pinrail::run;
use crate::support::root::Root;
use crate::support::way::{assert_unchanged_again, on_every_way, pin};

/// What servers say when somebody else was faster.
const LIKE_A_RACE: [&str; 3] = [
    "cannot lock ref 'refs/heads/main': is at 1111111111 but expected 2222222222",
    "failed to update ref",
    "! [rejected] main -> main (fetch first)",
];

/// A lock as a crashed or busy git leaves it.
fn hold_the_branch(repo: &Path) -> PathBuf {
    let lock = repo.join("refs/heads/main.lock");
    fs::write(&lock, "").expect("hold the branch's lock");
    lock
}

#[test]
fn a_refusal_that_looks_like_a_race_is_refused_after_a_few_tries_in_the_servers_words() {
    on_every_way(&["api"], |root, way| {
        let before = root.tip();
        let hook = Hook::refusing(&root.repo(), &LIKE_A_RACE);
        let refused = run(&mut way.pin("api", "1"));
        assert_eq!(refused.verdict(), "5 refused refused", "{}: {refused:#?}", way.name);
        for words in LIKE_A_RACE {
            assert!(refused.message().contains(words), "{}: {refused:#?}", way.name);
            assert!(refused.stderr.contains(words), "{}: {refused:#?}", way.name);
        }
        assert!((1..=3).contains(&hook.runs()), "{}: {} pushes", way.name, hook.runs());
        assert_eq!(root.tip(), before);
    });
}

#[test]
fn a_refused_push_sends_as_few_requests_as_the_hook_has_runs() {
    let root = Root::new(&["api"]);
    let hook = Hook::refusing(&root.repo(), &["no"]);
    let server = GitHttp::serve(&root.served());
    let refused = run(&mut pin(&server.url("root.git"), "api", "1"));
    refused.assert_verdict("5 refused refused");
    let pushes = server.log().iter().filter(|request| request.is_push()).count();
    assert_eq!(pushes, hook.runs());
    assert!(refused.message().contains(&format!("after {pushes} tries")), "{refused:#?}");
}

#[test]
fn a_lock_that_stays_is_refused_and_nothing_is_written() {
    on_every_way(&["api"], |root, way| {
        let before = root.tip();
        let hook = Hook::pre_receive(&root.repo(), "");
        hold_the_branch(&root.repo());
        let refused = run(&mut way.pin("api", "1"));
        assert_eq!(refused.verdict(), "5 refused refused", "{}: {refused:#?}", way.name);
        assert!((2..=3).contains(&hook.runs()), "{}: {} pushes", way.name, hook.runs());
        assert_eq!(root.tip(), before);
    });
}

#[test]
fn a_lock_that_goes_away_is_waited_for() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    let lock = hold_the_branch(&root.repo());
    server.on_push(move |number| {
        if number == 1 {
            fs::remove_file(&lock).expect("let the lock go");
        }
        Fault::Pass
    });
    let mut command = pin(&server.url("root.git"), "api", "1");
    let pinned = run(&mut command);
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(pinned.document()["attempts"], 2);
    assert_unchanged_again(&mut command);
}

#[test]
fn a_lock_that_goes_away_is_waited_for_on_every_way() {
    on_every_way(&["api"], |root, way| {
        let lock = hold_the_branch(&root.repo());
        // The second run of the hook is the second push.
        let script = format!(
            "[ $(wc -l <'{0}/hook-runs') -lt 2 ] || rm -f '{1}'",
            root.repo().display(),
            lock.display()
        );
        let hook = Hook::pre_receive(&root.repo(), &script);
        let pinned = run(&mut way.pin("api", "1"));
        assert_eq!(pinned.verdict(), "0 pinned", "{}: {pinned:#?}", way.name);
        pinned.assert_pinned_once(root, "api", "1");
        assert_eq!(hook.runs(), 2, "{}", way.name);
    });
}

#[test]
fn a_server_that_refuses_while_others_push_is_given_up_on_and_both_facts_are_told() {
    let root = Root::new(&["api", "other"]);
    let hook = Hook::refusing(&root.repo(), &LIKE_A_RACE);
    let server = GitHttp::serve(&root.served());
    let repo = root.repo();
    server.on_push(move |number| {
        // Past all hooks, as somebody does whom the server lets in.
        commit_file(&repo, "main", "notes.md", &number.to_string(), "note");
        Fault::Pass
    });
    // Fifty tries may take longer than usual where many tests share the machine.
    let refused = run(pin(&server.url("root.git"), "api", "1").args(["--timeout", "20m"]));
    refused.assert_verdict("5 refused refused");
    let message = refused.message();
    assert!(message.contains("refused") && message.contains("moved"), "{refused:#?}");
    for words in LIKE_A_RACE {
        assert!(message.contains(words), "{refused:#?}");
    }
    assert!((4..=50).contains(&hook.runs()), "{} pushes", hook.runs());
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn a_hook_that_lets_in_at_last_is_taken_at_its_word() {
    on_every_way(&["api"], |root, way| {
        let runs = root.repo().join("hook-runs");
        let script = format!("[ $(wc -l <'{}') -ge 2 ]", runs.display());
        Hook::pre_receive(&root.repo(), &script);
        let pinned = run(&mut way.pin("api", "1"));
        assert_eq!(pinned.verdict(), "0 pinned", "{}: {pinned:#?}", way.name);
        pinned.assert_pinned_once(root, "api", "1");
    });
}

#[test]
fn a_branch_that_takes_no_push_by_its_own_configuration_is_refused() {
    on_every_way(&["api"], |root, way| {
        // The receiving end's own no, for one branch, as protected branches are refused.
        let before = root.tip();
        let script = "[ \"$1\" != refs/heads/main ] || { echo 'main is protected' >&2; exit 1; }";
        let update = root.repo().join("hooks/update");
        executable(&update, &format!("#!/bin/sh\n{script}\n"));
        let refused = run(&mut way.pin("api", "1"));
        assert_eq!(refused.verdict(), "5 refused refused", "{}: {refused:#?}", way.name);
        assert!(refused.message().contains("main is protected"), "{}: {refused:#?}", way.name);
        assert_eq!(root.tip(), before);
    });
}
