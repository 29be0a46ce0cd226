//! A token that asks for changes is seen by the forge and by nobody else: no output, no program's
//! arguments or environment, no file, no URL, no commit, nothing that people read.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::world::{Kind, PROJECT, World};
use crate::support::git::git;
use crate::support::hooks::executable;
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::sshd::Sshd;
use crate::support::witness::Witness;

/// All that a promotion does on a forge, each time with `command` made ready anew.
fn everything(command: impl Fn(&[&str]) -> Command) -> Vec<Run> {
    let steps: [&[&str]; 5] = [
        &["-v", "promote", "api", "--to", "production"],
        &["-v", "promotions"],
        &["-v", "promotions", "merge", "production/api"],
        &["-v", "--json", "rollback", "api", "-e", "production", "--to", "9"],
        &["-v", "--json", "promotions", "close", "production/api"],
    ];
    steps.iter().map(|step| run(&mut command(step))).collect()
}

/// Nothing that anybody can read has the secret.
#[track_caller]
fn assert_unseen(world: &World, secret: &str, runs: &[Run], saw: &str, folder: &Path) {
    assert_eq!(runs[0].code, 0, "{runs:?}");
    assert_eq!(runs[2].code, 0, "{runs:?}");
    assert!(!format!("{runs:?}").contains(secret), "{runs:?}");
    assert!(!saw.contains(secret), "a program saw it:\n{saw}");
    let state = world.forge().state(PROJECT).to_string();
    let urls = world.forge().get("/log").to_string();
    let commits = git(&world.repo(), &["log", "--all", "--patch", "--format=fuller"]);
    for text in [state, urls, commits] {
        assert!(!text.contains(secret), "{text}");
    }
    for file in files(folder) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        assert!(!text.contains(secret), "{} has it", file.display());
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("list the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn staged(kind: Kind) -> (World, tempfile::TempDir) {
    let world = World::new(kind);
    world.stage("api", "1");
    (world, tempfile::tempdir().expect("create a directory"))
}

fn over_http(kind: Kind) {
    let (world, folder) = staged(kind);
    let witness = Witness::new(folder.path());
    let runs = everything(|step| {
        let mut command = world.command(step);
        command.env("PATH", witness.path()).env("TMPDIR", folder.path()).env("HOME", folder.path());
        command
    });
    assert_unseen(&world, world.token(), &runs, &witness.saw(), folder.path());
}

#[test]
fn over_http_github() {
    over_http(Kind::GitHub);
}

#[test]
fn over_http_github_via_api() {
    over_http(Kind::GitHubApi);
}

#[test]
fn over_http_gitlab() {
    over_http(Kind::GitLab);
}

#[test]
fn git_s_credential_helper_is_asked_through_its_pipe_alone() {
    let (world, folder) = staged(Kind::GitLab);
    let witness = Witness::new(folder.path());
    // The helper itself has it, so it lies elsewhere.
    let elsewhere = tempfile::tempdir().expect("create a directory");
    let helper = elsewhere.path().join("helper");
    let answer = format!("username=oauth2\\npassword={}\\n", world.token());
    executable(&helper, &format!("#!/bin/sh\n[ $1 = get ] && printf '{answer}'\nexit 0\n"));
    let config = folder.path().join("gitconfig");
    let text = format!("[credential]\n\thelper = \"!'{}'\"\n", helper.display());
    fs::write(&config, text).expect("write git's configuration");
    let runs = everything(|step| {
        let mut command = world.command(step);
        command.env("PATH", witness.path()).env("TMPDIR", folder.path());
        command.env("GIT_CONFIG_GLOBAL", &config).env_remove("PINRAIL_TOKEN");
        command
    });
    let saw = witness.saw();
    assert!(saw.contains("credential fill"), "{saw}");
    assert_unseen(&world, world.token(), &runs, &saw, folder.path());
}

#[test]
fn beside_ssh_the_token_goes_to_the_api_alone() {
    let (world, folder) = staged(Kind::GitLab);
    let server = Sshd::start(folder.path());
    fs::write(server.home().join(".ssh/config"), "").expect("write ssh's configuration");
    // What is pushed past the forge's own front is noticed when it is asked next.
    let sync = json!({"do": "sync", "project": PROJECT});
    let routes = ["GET *", "POST *", "PUT *"].map(|route| json!({"route": route, "act": sync}));
    world.forge().faults(json!(routes));
    let config = git(&world.repo(), &["show", "main:pinrail.yaml"]);
    let address = format!("repository: {}\n", world.url());
    world.push("main", "pinrail.yaml", &format!("{config}\n{address}"));
    let witness = Witness::new(folder.path());
    let url = server.url(&world.repo());
    let runs = everything(|step| {
        let mut command = pinrail_at(&url, step);
        command.env("PATH", witness.path()).env("TMPDIR", folder.path());
        command.env("HOME", server.home()).env("PINRAIL_TOKEN", world.token());
        command
    });
    let saw = witness.saw();
    assert!(saw.contains("/ssh "), "{saw}");
    assert_unseen(&world, world.token(), &runs, &saw, folder.path());
}
