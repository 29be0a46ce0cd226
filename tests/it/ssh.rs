//! SSH as people have it: keys, an agent, known hosts; and nothing left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::pinrail::run;
use crate::support::root::Root;
use crate::support::sshd::Sshd;
use crate::support::way::{assert_unchanged_again, pin};
use crate::support::witness::assert_none_runs_with;

/// A services-root behind SSH, and homes for its users.
struct Shell {
    server: Sshd,
    folder: TempDir,
    root: Root,
}

impl Shell {
    fn new() -> Shell {
        let root = Root::new(&["api"]);
        let folder = tempfile::tempdir().expect("create a directory");
        let server = Sshd::start(folder.path());
        // Instead of this machine's own configuration.
        fs::write(server.home().join(".ssh/config"), "").expect("write ssh's configuration");
        Shell { server, folder, root }
    }

    fn pin(&self) -> Command {
        pin(&self.server.url(&self.root.repo()), "api", "1")
    }

    /// A home that has these files of the server's own client, under these names.
    fn home(&self, files: &[(&Path, &str)]) -> PathBuf {
        let home = self.folder.path().join("another-home");
        fs::create_dir_all(home.join(".ssh")).expect("create a home");
        fs::write(home.join(".ssh/config"), "").expect("write ssh's configuration");
        for (from, name) in files {
            fs::copy(from, home.join(".ssh").join(name)).expect("copy a file");
        }
        home
    }
}

#[test]
fn a_key_that_a_variable_names_lets_us_in() {
    let shell = Shell::new();
    let key = shell.folder.path().join("deploy-key");
    fs::copy(shell.server.client_key(), &key).expect("copy the key");
    let home = shell.home(&[(&shell.server.known_hosts(), "known_hosts")]);
    let mut command = shell.pin();
    command.env("HOME", &home).env("PINRAIL_SSH_KEY", &key);
    run(&mut command).assert_pinned_once(&shell.root, "api", "1");
    assert_unchanged_again(&mut command);
    // And not without it.
    let failed = run(shell.pin().env("HOME", &home));
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("Permission denied"), "{failed:#?}");
}

#[test]
fn the_key_in_a_home_lets_us_in() {
    let shell = Shell::new();
    let pinned = run(shell.pin().env("HOME", shell.server.home()));
    pinned.assert_pinned_once(&shell.root, "api", "1");
}

#[test]
fn an_agent_lets_us_in() {
    let shell = Shell::new();
    let agent = shell.server.agent();
    let home = shell.home(&[(&shell.server.known_hosts(), "known_hosts")]);
    let mut command = shell.pin();
    command.env("HOME", &home).env("SSH_AUTH_SOCK", agent.socket());
    run(&mut command).assert_pinned_once(&shell.root, "api", "1");
}

#[test]
fn a_server_with_another_host_key_is_not_spoken_to() {
    let shell = Shell::new();
    let before = shell.root.tip();
    let home = shell.home(&[
        (&shell.server.wrong_known_hosts(), "known_hosts"),
        (&shell.server.client_key(), "id_ed25519"),
    ]);
    let failed = run(shell.pin().env("HOME", &home));
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("Host key verification failed"), "{failed:#?}");
    assert!(failed.stderr.contains("Host key verification failed"), "{failed:#?}");
    assert_eq!(shell.root.tip(), before);
}

#[test]
fn a_server_that_nobody_knows_is_not_trusted_at_first_sight() {
    let shell = Shell::new();
    let before = shell.root.tip();
    let home = shell.home(&[(&shell.server.client_key(), "id_ed25519")]);
    fs::write(home.join(".ssh/known_hosts"), "").expect("write known_hosts");
    let failed = run(shell.pin().env("HOME", &home));
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("Host key verification failed"), "{failed:#?}");
    let known = fs::read_to_string(home.join(".ssh/known_hosts")).expect("read known_hosts");
    assert_eq!(known, "");
    assert_eq!(shell.root.tip(), before);
}

#[test]
fn a_repository_that_is_not_there_is_told_in_the_servers_words() {
    let shell = Shell::new();
    let url = shell.server.url(&shell.root.served().join("nowhere.git"));
    let failed = run(pin(&url, "api", "1").env("HOME", shell.server.home()));
    assert_eq!((failed.code, failed.document()["outcome"].as_str()), (1, Some("failed")));
    assert!(failed.message().contains("does not appear to be a git repository"), "{failed:#?}");
}

#[test]
fn nothing_stays_behind_after_a_run() {
    let shell = Shell::new();
    let wrong = shell.home(&[(&shell.server.wrong_known_hosts(), "known_hosts")]);
    for (home, verdict) in [
        (shell.server.home(), "0 pinned"),
        (shell.server.home(), "0 unchanged"),
        (wrong, "1 failed network"),
    ] {
        // The place of the connection that a run's services share; its path must be short.
        let temporary = tempfile::tempdir().expect("create a directory");
        let mut command = shell.pin();
        command.env("HOME", home).env("TMPDIR", temporary.path());
        run(&mut command).assert_verdict(verdict);
        let left: Vec<_> = fs::read_dir(temporary.path()).expect("list it").collect();
        assert!(left.is_empty(), "{left:?}");
        assert_none_runs_with(temporary.path());
    }
}
