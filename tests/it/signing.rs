//! Signed commits: every commit that is made is signed, and git itself finds so.

mod required;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::git::{checked, commit_file, first_parent_log, git, hermetic, message};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::hooks::executable;
use crate::support::keys::Keys;
use crate::support::pinrail::{Run, pinrail, pinrail_at, run};
use crate::support::root::{Root, pin_path, revision_of};
use crate::support::sshd::Agent;
use crate::support::way::{foreign_pin, pin};
use crate::support::witness::Witness;

/// Gives a command what it needs to sign.
type SetUp<'a> = &'a dyn Fn(&mut Command) -> &mut Command;

fn by_ssh<'a>(keys: &Keys, command: &'a mut Command) -> &'a mut Command {
    command.env("PINRAIL_SIGNING_KEY", keys.path("bot"))
}

/// Every command that commits, one after the other.
fn a_release(url: &str, set_up: SetUp<'_>) {
    let pinned = |tag: &str| {
        let revision = revision_of(tag);
        ["pin", "api", "-e", "staging", "--image-tag", tag, "--revision", &revision]
            .map(str::to_owned)
            .to_vec()
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for arguments in [
        words("service add api"),
        pinned("1"),
        words("promote api --to production"),
        words("promotions merge production/api"),
        pinned("2"),
        words("rollback api -e staging"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(set_up(&mut pinrail_at(url, &arguments))).succeeded();
    }
}

#[track_caller]
fn assert_all_signed(root: &Root, keys: &Keys, before: &str) {
    let new = git(&root.repo(), &["rev-list", &format!("{before}..main")]);
    assert!(new.lines().count() >= 6, "{new}");
    for commit in new.lines() {
        keys.assert_signed(&root.repo(), commit);
    }
    root.assert_sound();
}

#[test]
fn git_finds_every_commit_signed_by_ssh_over_http_and_by_path() {
    let keys = Keys::ssh(&["bot"]);
    let over_http = |root: &Root| {
        let server = GitHttp::serve(&root.served());
        (server.url("root.git"), Some(server))
    };
    let by_path = |root: &Root| (root.repo().display().to_string(), None);
    for way in [&over_http as &dyn Fn(&Root) -> (String, Option<GitHttp>), &by_path] {
        let root = Root::new(&[]);
        let before = root.tip();
        let (url, _server) = way(&root);
        a_release(&url, &|command| by_ssh(&keys, command));
        assert_all_signed(&root, &keys, &before);
    }
}

#[test]
fn git_finds_every_commit_signed_by_openpgp() {
    let keys = Keys::ssh(&[]);
    keys.add_openpgp("bot");
    let root = Root::new(&[]);
    let before = root.tip();
    let server = GitHttp::serve(&root.served());
    a_release(&server.url("root.git"), &|command| {
        command.env("PINRAIL_SIGNING_KEY", "bot@example.com").env("GNUPGHOME", keys.gnupg())
    });
    assert_all_signed(&root, &keys, &before);
}

#[test]
fn the_first_commit_of_a_new_root_is_signed() {
    let keys = Keys::ssh(&["bot"]);
    let folder = tempfile::tempdir().expect("create a directory");
    run(by_ssh(&keys, pinrail(folder.path()).args(["init", "root"]))).succeeded();
    keys.assert_signed(&folder.path().join("root"), "main");
}

#[test]
fn gits_own_configuration_counts_where_no_variable_is_set() {
    let keys = Keys::ssh(&["bot"]);
    let root = Root::new(&["api"]);
    let home = tempfile::tempdir().expect("create a directory");
    let url = root.repo().display().to_string();
    let configured = |lines: &str, tag: &str| {
        fs::write(home.path().join(".gitconfig"), lines).expect("write the configuration");
        run(pin(&url, "api", tag).env("HOME", home.path())).succeeded();
        root.tip()
    };
    let key = keys.path("bot").display().to_string();
    let format = format!("[gpg]\n format = ssh\n[user]\n signingKey = {key}\n");
    keys.assert_signed(&root.repo(), &configured(&format!("{format}[commit]\n gpgSign\n"), "1"));
    // A key alone does not have git sign, either.
    let unsigned = configured(&format, "2");
    assert!(!raw(&root, &unsigned).contains("gpgsig"));
}

fn raw(root: &Root, commit: &str) -> String {
    git(&root.repo(), &["cat-file", "commit", commit])
}

#[test]
fn a_public_key_is_enough_where_its_private_half_is_in_the_agent() {
    let keys = Keys::ssh(&["bot"]);
    let agent = Agent::start(&keys.path("bot"));
    fs::remove_file(keys.path("bot")).expect("take the private key away");
    let file = keys.path("bot.pub").display().to_string();
    let literal = format!("key::{}", keys.public("bot"));
    for key in [file, literal, keys.public("bot")] {
        let root = Root::new(&["api"]);
        let mut command = pin(&root.repo().display().to_string(), "api", "1");
        command.env("PINRAIL_SIGNING_KEY", &key).env("SSH_AUTH_SOCK", agent.socket());
        run(&mut command).assert_pinned_once(&root, "api", "1");
        keys.assert_signed(&root.repo(), &root.tip());
    }
}

#[test]
fn what_is_made_anew_after_a_lost_race_is_signed_anew() {
    let keys = Keys::ssh(&["bot"]);
    let root = Root::new(&["api", "other"]);
    let server = GitHttp::serve(&root.served());
    let repo = root.repo();
    server.on_push(move |number| {
        if number < 2 {
            let theirs = foreign_pin("other", &format!("theirs-{number}"), None);
            commit_file(&repo, "main", &pin_path("other"), &theirs, "theirs");
        }
        Fault::Pass
    });
    let pinned = run(by_ssh(&keys, &mut pin(&server.url("root.git"), "api", "1")));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(pinned.document()["attempts"], 3, "{pinned:#?}");
    keys.assert_signed(&root.repo(), &root.tip());
}

/// The pin did not go, by the error's kind, and nothing was written.
#[track_caller]
fn assert_not_signed(root: &Root, before: &str, run: &Run, words: &str) {
    run.assert_verdict("1 failed authentication");
    assert!(run.message().contains(words), "{run:?}");
    assert_eq!(root.refs(), before);
}

#[test]
fn a_key_with_a_passphrase_that_no_agent_has_is_an_error_and_no_question() {
    let keys = Keys::ssh(&[]);
    keys.add_ssh("bot", "hunter2");
    let root = Root::new(&["api"]);
    let before = root.refs();
    let url = root.repo().display().to_string();
    // A program that answers would be asked where one is set up for a desktop.
    let asked = keys.path("asked");
    let askpass = keys.path("askpass");
    let script = format!("#!/bin/sh\ntouch '{}'\necho hunter2\n", asked.display());
    executable(&askpass, &script);
    let mut command = pin(&url, "api", "1");
    command.env("SSH_ASKPASS", &askpass).env("DISPLAY", ":0");
    let refused = run(by_ssh(&keys, &mut command));
    assert_not_signed(&root, &before, &refused, "ssh-keygen: ");
    assert!(refused.hints().contains("ssh-add"), "{refused:?}");
    assert!(!asked.exists(), "it was asked for");
    // The agent is given the key where its owner is: here, from a copy without the passphrase.
    let open = keys.path("open");
    fs::copy(keys.path("bot"), &open).expect("copy the key");
    let mut change = hermetic("ssh-keygen");
    change.args(["-q", "-p", "-P", "hunter2", "-N", "", "-f"]).arg(&open);
    checked(&mut change);
    let agent = Agent::start(&open);
    run(by_ssh(&keys, pin(&url, "api", "1").env("SSH_AUTH_SOCK", agent.socket()))).succeeded();
    keys.assert_signed(&root.repo(), &root.tip());
}

#[test]
fn a_key_or_program_that_is_not_there_is_an_error_and_nothing_is_written() {
    let root = Root::new(&["api"]);
    let before = root.refs();
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let with = |key: &str, format: &str| {
        let mut command = pin(&url, "api", "1");
        run(command.env("PINRAIL_SIGNING_KEY", key).env("PINRAIL_SIGNING_FORMAT", format))
    };
    assert_not_signed(&root, &before, &with("/nowhere/key", ""), "/nowhere/key");
    assert_not_signed(&root, &before, &with("key", "x509"), "`x509`");
    assert_not_signed(&root, &before, &with("nobody@example.com", ""), "gpg: ");
    let mut without = pin(&url, "api", "1");
    without.env("PATH", "/nonexistent").env("PINRAIL_SIGNING_KEY", "/nowhere/key");
    assert_not_signed(&root, &before, &run(&mut without), "no program `ssh-keygen`");
}

#[test]
fn the_key_itself_is_in_no_output_no_arguments_and_no_environment() {
    let keys = Keys::ssh(&["bot"]);
    let root = Root::new(&["api"]);
    let secret = fs::read_to_string(keys.path("bot")).expect("read the key");
    let secret = secret.lines().nth(1).expect("its second line");
    let witness = Witness::new(root.path());
    let url = root.repo().display().to_string();
    let mut command = pin(&url, "api", "1");
    let pinned = run(by_ssh(&keys, &mut command).env("PATH", witness.path()).arg("-v"));
    pinned.assert_pinned_once(&root, "api", "1");
    // Its path is no secret; the key in place of the path is a mistake, and not repeated.
    let text = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n");
    let mut again = pin(&url, "api", "2");
    again.env("PATH", witness.path()).env("PINRAIL_SIGNING_KEY", &text);
    let mistake = run(&mut again);
    mistake.assert_verdict("1 failed authentication");
    let saw = witness.saw();
    assert!(saw.contains("/ssh-keygen "), "it was not run:\n{saw}");
    let commit = message(&root.repo(), &first_parent_log(&root.repo(), "main")[0]);
    for text in [saw, commit, format!("{pinned:?}{mistake:?}")] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn doctor_tries_the_key_and_writes_nothing() {
    let keys = Keys::ssh(&["bot", "stranger"]);
    let root = Root::new(&["api"]);
    let told = |root: &Root, key: Option<&Path>| {
        let mut command = pinrail_at(&root.repo().display().to_string(), &["--json", "doctor"]);
        let run = run(command.envs(key.map(|key| ("PINRAIL_SIGNING_KEY", key))));
        let document = run.document();
        let checks = document["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "signing").expect("a check");
        format!("{} {}: {}", run.code, check["verdict"], check["message"]).replace('"', "")
    };
    let bot = keys.path("bot");
    let before = root.refs();
    assert_eq!(told(&root, None), "0 ok: no key is set up: commits are not signed");
    assert!(told(&root, Some(&bot)).ends_with("/bot (PINRAIL_SIGNING_KEY) works"));
    assert!(told(&root, Some(&keys.path("missing"))).starts_with("1 problem: "));
    assert_eq!(root.refs(), before);
    root.commit(".pinrail/allowed_signers", &keys.allowed(&["bot"], ""));
    assert!(told(&root, Some(&bot)).ends_with("works, and is that of bot@example.com"));
    let stranger = told(&root, Some(&keys.path("stranger")));
    assert!(stranger.starts_with("0 warning: ") && stranger.contains("not among"), "{stranger}");
    let config = root.file("pinrail.yaml").expect("a configuration");
    root.commit("pinrail.yaml", &format!("{config}signing: required\n"));
    assert!(told(&root, None).starts_with("1 problem: commits must be signed here"));
    assert!(told(&root, Some(&keys.path("stranger"))).starts_with("5 problem: "));
    assert!(told(&root, Some(&bot)).starts_with("0 ok: "));
}
