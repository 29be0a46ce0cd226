//! Secrets reach the server and nobody else: no output, no program's arguments or
//! environment, no file.

use std::process::Command;

use crate::support::git::{first_parent_log, git, message};
use crate::support::git_http::GitHttp;
use crate::support::hooks::executable;
use crate::support::pinrail::{pinrail, run};
use crate::support::root::Root;
use crate::support::sshd::Sshd;
use crate::support::way::pin;
use crate::support::witness::Witness;

/// Every variable that holds a secret where a pipeline runs, each with one of its own.
const VARIABLES: [&str; 15] = [
    "PINRAIL_TOKEN",
    "PINRAIL_ARGOCD_TOKEN",
    "ARGOCD_AUTH_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT",
    "CI_BUILD_TOKEN",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_REGISTRY_PASSWORD",
    "CI_REPOSITORY_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

fn secret(variable: &str) -> String {
    format!("s3cret-{}", variable.to_lowercase().replace('_', "-"))
}

/// Runs a command among witnesses; what they saw, and what was said, knows no secret.
#[track_caller]
fn assert_keeps_secrets(root: &Root, command: &mut Command, also: &[&str], programs: &[&str]) {
    let witness = Witness::new(root.path());
    let pinned = run(command.env("PATH", witness.path()).arg("-v"));
    pinned.assert_pinned_once(root, "api", "1");
    let saw = witness.saw();
    for program in programs {
        assert!(saw.contains(&format!("/{program} ")), "{program} was not run:\n{saw}");
    }
    let log = first_parent_log(&root.repo(), "main");
    let commit = format!("{} {}", message(&root.repo(), &log[0]), git(&root.repo(), &["show"]));
    let secrets = VARIABLES.iter().map(|name| secret(name));
    for secret in secrets.chain(also.iter().map(|secret| (*secret).to_owned())) {
        assert!(!saw.contains(&secret), "a program saw {secret}:\n{saw}");
        for text in [&pinned.stdout, &pinned.stderr, &commit] {
            assert!(!text.contains(&secret), "{secret}: {text}");
        }
    }
}

fn with_secrets(command: &mut Command) -> &mut Command {
    command.envs(VARIABLES.iter().map(|name| (name, secret(name))))
}

#[test]
fn the_ssh_program_sees_no_secret() {
    let root = Root::new(&["api"]);
    let folder = tempfile::tempdir().expect("create a directory");
    let server = Sshd::start(folder.path());
    std::fs::write(server.home().join(".ssh/config"), "").expect("write ssh's configuration");
    let mut command = pin(&server.url(&root.repo()), "api", "1");
    with_secrets(command.env("HOME", server.home()));
    assert_keeps_secrets(&root, &mut command, &[], &["ssh"]);
}

#[test]
fn the_git_program_that_writes_to_a_path_sees_no_secret() {
    let root = Root::new(&["api"]);
    let path = root.repo();
    let mut command = pin(path.to_str().expect("the path is UTF-8"), "api", "1");
    assert_keeps_secrets(&root, with_secrets(&mut command), &[], &["git"]);
}

#[test]
fn the_git_program_that_asks_the_helpers_gets_a_secret_through_its_pipe_alone() {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), "anna", "s3cret-of-helper");
    let helper = root.path().join("helper");
    let answer = "username=anna\\npassword=s3cret-of-helper\\n";
    executable(&helper, &format!("#!/bin/sh\n[ $1 = get ] && printf '{answer}'\nexit 0\n"));
    let config = root.path().join("gitconfig");
    let text = format!("[credential]\n\thelper = \"!'{}'\"\n", helper.display());
    std::fs::write(&config, text).expect("write git's configuration");
    let mut command = pin(&server.url("root.git"), "api", "1");
    with_secrets(command.env("GIT_CONFIG_GLOBAL", config));
    // Ours would win over the helper.
    command.env_remove("PINRAIL_TOKEN");
    assert_keeps_secrets(&root, &mut command, &["s3cret-of-helper"], &["git"]);
}

#[test]
fn a_secret_in_the_url_of_a_clone_is_seen_by_no_program_and_the_clone_is_left_alone() {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), "anna", "s3cret-of-clone");
    let url = server.url("root.git").replace("http://", "http://anna:s3cret-of-clone@");
    let (source, clone) = (root.repo(), root.path().join("clone"));
    git(root.path(), &["clone", "--quiet", source.to_str().expect("UTF-8"), "clone"]);
    git(&clone, &["remote", "set-url", "origin", &url]);
    let config = std::fs::read_to_string(clone.join(".git/config")).expect("read it");
    let mut command = pinrail(&clone);
    command.args(["--json", "pin", "api", "-e", "staging", "--image-tag", "1"]);
    command.args(["--revision", &"a".repeat(40)]);
    assert_keeps_secrets(&root, &mut command, &["s3cret-of-clone"], &[]);
    let after = std::fs::read_to_string(clone.join(".git/config")).expect("read it");
    assert_eq!(after, config);
}
