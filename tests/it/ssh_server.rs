//! The SSH server behaves as the other tests take for granted, seen by the plain `git` program.

use std::path::{Path, PathBuf};

use crate::support::git::command;
use crate::support::place::{Place, push_branches, stderr};
use crate::support::sshd::Sshd;

#[test]
fn the_ssh_server_takes_a_push_with_the_key_and_gives_it_to_the_next_clone() {
    let place = Place::new();
    let sshd = Sshd::start(place.path());
    let url = sshd.url(&place.repo());
    let clone = place.clone_ahead_of(&url);
    let with_key = |dir: &Path, args: &[&str]| {
        let output = command(dir, args)
            .env("GIT_SSH_COMMAND", sshd.ssh_command())
            .output()
            .expect("start git");
        let said = stderr(&output);
        assert!(output.status.success(), "{said}\n{}", sshd.log());
    };
    with_key(&clone, &["push", "--quiet", "origin", "main"]);
    assert!(place.applied());
    with_key(place.path(), &["clone", "--quiet", &url, "two"]);
    assert!(place.path().join("two/pin.json").exists());
}

#[test]
fn the_ssh_server_knows_the_key_from_an_agent_and_nobody_without_it() {
    let place = Place::new();
    let sshd = Sshd::start(place.path());
    let agent = sshd.agent();
    let list = |socket: PathBuf| {
        command(place.path(), &["ls-remote", &sshd.url(&place.repo())])
            .env("GIT_SSH_COMMAND", sshd.ssh_command_with_agent())
            .env("SSH_AUTH_SOCK", socket)
            .output()
            .expect("start git")
    };
    let output = list(agent.socket());
    assert!(output.status.success(), "{}\n{}", stderr(&output), sshd.log());
    let socket = agent.socket();
    drop(agent);
    let output = list(socket);
    assert!(stderr(&output).contains("Permission denied"), "{}", stderr(&output));
}

#[test]
fn a_wrong_host_key_is_refused() {
    let place = Place::new();
    let sshd = Sshd::start(place.path());
    let clone = place.clone_ahead_of(&sshd.url(&place.repo()));
    let output = command(&clone, &["push", "origin", "main"])
        .env("GIT_SSH_COMMAND", sshd.ssh_command_trusting(&sshd.wrong_known_hosts()))
        .output()
        .expect("start git");
    assert!(stderr(&output).contains("Host key verification failed"), "{}", stderr(&output));
    assert!(!place.applied());
}

#[test]
fn clients_pushing_at_the_same_time_all_get_through_over_ssh() {
    let place = Place::new();
    let sshd = Sshd::start(place.path());
    let clone = place.clone_ahead_of(&sshd.url(&place.repo()));
    push_branches(&place, &clone, Some(&sshd.ssh_command()));
}
