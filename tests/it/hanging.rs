//! A server that never answers: the deadline ends the run, and with it all that it started.

use std::fs;
use std::path::Path;

use crate::support::git_http::{Fault, GitHttp};
use crate::support::hooks::{Hook, executable};
use crate::support::pinrail::run;
use crate::support::root::Root;
use crate::support::way::{on_every_way, pin};
use crate::support::witness::assert_none_runs_with;

#[test]
fn a_push_without_an_answer_ends_at_the_deadline_with_nothing_written() {
    let root = Root::new(&["api"]);
    let before = root.tip();
    let server = GitHttp::serve(&root.served());
    server.on_push(|_| Fault::Hang);
    let failed = run(pin(&server.url("root.git"), "api", "1").args(["--timeout", "2s"]));
    failed.assert_verdict("1 failed timeout");
    assert!(failed.hints().contains("--timeout"), "{failed:#?}");
    drop(server);
    assert_eq!(root.tip(), before);
}

#[test]
fn a_read_without_an_answer_ends_at_the_deadline() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    server.on_read(|_, _| Fault::Hang);
    let failed = run(pin(&server.url("root.git"), "api", "1").args(["--timeout", "2s"]));
    failed.assert_verdict("1 failed timeout");
    assert!(server.log().iter().all(|request| !request.is_push()));
}

#[test]
fn a_push_that_landed_without_an_answer_in_time_is_pinned() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    // The server's last hook keeps the answer back; the branch has moved before.
    executable(&root.repo().join("hooks/post-receive"), &waiting_for_the_end(&root.repo()));
    let pinned = run(pin(&server.url("root.git"), "api", "1").args(["--timeout", "10s"]));
    fs::write(root.repo().join("go-on"), "").expect("let the hook end");
    pinned.assert_pinned_once(&root, "api", "1");
}

/// A script that runs until there is a file `go-on` in the repository, or no repository.
fn waiting_for_the_end(repo: &Path) -> String {
    let repo = repo.display();
    format!("#!/bin/sh\nwhile [ -d '{repo}' ] && ! [ -e '{repo}/go-on' ]; do sleep 0.1; done\n")
}

#[test]
fn a_hook_that_never_ends_is_not_waited_for() {
    on_every_way(&["api"], |root, way| {
        let before = root.tip();
        Hook::pre_receive(&root.repo(), &waiting_for_the_end(&root.repo()));
        let failed = run(way.pin("api", "1").args(["--timeout", "2s"]));
        assert_eq!(failed.verdict(), "1 failed timeout", "{}: {failed:#?}", way.name);
        assert_eq!(root.tip(), before, "{}", way.name);
        if way.name == "path" {
            // Everything on this machine was ours, so that nothing can land behind our back.
            assert_none_runs_with(&root.repo());
        }
        fs::write(root.repo().join("go-on"), "").expect("let the hook end");
    });
}

#[test]
fn a_write_to_a_path_that_is_ended_leaves_no_lock_behind() {
    let root = Root::new(&["api"]);
    let waiting = waiting_for_the_end(&root.repo());
    // The hook runs while git holds the branch's lock.
    let script = waiting.replace("#!/bin/sh\n", "#!/bin/sh\n[ \"$1\" = prepared ] || exit 0\n");
    let hook = root.repo().join("hooks/reference-transaction");
    executable(&hook, &script);
    let path = root.repo();
    let mut command = pin(path.to_str().expect("the path is UTF-8"), "api", "1");
    let failed = run(command.args(["--timeout", "2s"]));
    failed.assert_verdict("1 failed timeout");
    assert_none_runs_with(&root.repo());
    fs::remove_file(hook).expect("remove the hook");
    run(&mut command).assert_pinned_once(&root, "api", "1");
}

#[test]
fn an_ssh_that_never_answers_is_ended_at_the_deadline_with_all_that_it_started() {
    // With `exec` the program is ssh's own process, without it a child of that.
    for exec in ["exec ", ""] {
        let root = Root::new(&["api"]);
        let script = root.path().join("ssh");
        let marker = root.path().join("never");
        fs::write(&marker, "").expect("write the file that is followed");
        let text = format!("#!/bin/sh\n{exec}tail -f '{}'\n", marker.display());
        executable(&script, &text);
        let mut command = pin("ssh://git@127.0.0.1:1/root.git", "api", "1");
        command.env("GIT_SSH_COMMAND", &script).args(["--timeout", "2s"]);
        let failed = run(&mut command);
        failed.assert_verdict("1 failed timeout");
        assert_none_runs_with(&marker);
    }
}

#[test]
fn a_credential_helper_that_never_answers_is_ended_at_the_deadline() {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), "bot", "s3cret");
    let marker = root.path().join("never");
    fs::write(&marker, "").expect("write the file that is followed");
    let config = root.path().join("gitconfig");
    let helper = format!("[credential]\n\thelper = \"!tail -f '{}' #\"\n", marker.display());
    fs::write(&config, helper).expect("write git's configuration");
    let mut command = pin(&server.url("root.git"), "api", "1");
    command.env("GIT_CONFIG_GLOBAL", &config).args(["--timeout", "2s"]);
    let failed = run(&mut command);
    failed.assert_verdict("1 failed timeout");
    assert_none_runs_with(&marker);
}

#[test]
fn a_timeout_that_no_clock_can_tell_is_refused() {
    for time in ["18446744073709551615", "9223372036854775807s", "366d"] {
        let run =
            run(pin("https://git.example.com/root.git", "api", "1").args(["--timeout", time]));
        assert_eq!((run.code, run.stdout.contains("365d")), (2, true), "{time}: {run:?}");
    }
}
