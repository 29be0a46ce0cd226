//! The HTTP server, and somebody else who commits, behave as the other tests take for granted,
//! seen by the plain `git` program.

use std::process::Stdio;
use std::sync::mpsc;

use crate::support::git::{
    changed_paths, command, commit_file, first_parent_log, git, message, read_file, tip, try_git,
};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::place::{Place, commit_here, push_branches, stderr};

fn with_user(url: &str, user_info: &str) -> String {
    url.replace("http://", &format!("http://{user_info}@"))
}

/// Pushes through a server that does the same to every push, as `git` may try more than once.
/// Returns whether git took the push for done, and whether it is.
fn push_under(fault: Fault) -> (bool, bool) {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    server.on_push(move |_| fault);
    let clone = place.clone_ahead_of(&server.url("root.git"));
    let output = try_git(&clone, &["push", "--quiet", "origin", "main"]);
    (output.status.success(), place.applied())
}

#[test]
fn a_commit_by_somebody_else_is_one_file_on_top_of_the_branch() {
    let place = Place::new();
    let repo = place.repo();
    let second = commit_file(&repo, "main", "envs/dev/api.json", "{}", "Second\n\nBecause.");
    assert_eq!(first_parent_log(&repo, "main"), [second.as_str(), &place.first]);
    assert_eq!(changed_paths(&repo, &second), ["envs/dev/api.json"]);
    assert_eq!(changed_paths(&repo, &place.first), ["README"]);
    assert_eq!(message(&repo, &second), "Second\n\nBecause.");
    assert_eq!(read_file(&repo, &second, "README").as_deref(), Some("hello\n"));
    assert_eq!(read_file(&repo, "main", "envs/dev/api.json").as_deref(), Some("{}"));
    assert_eq!(read_file(&repo, "main", "nowhere"), None);
    assert_eq!(tip(&repo, "other"), None);
    git(&repo, &["fsck", "--strict"]);
}

#[test]
fn an_open_server_takes_a_push_and_gives_it_to_the_next_clone() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let url = server.url("root.git");
    git(place.path(), &["clone", "--quiet", &url, "one"]);
    let one = place.path().join("one");
    let pushed = commit_here(&one, "pin.json");
    git(&one, &["push", "--quiet", "origin", "main"]);
    assert_eq!(tip(&place.repo(), "main").as_ref(), Some(&pushed));
    git(place.path(), &["clone", "--quiet", &url, "two"]);
    let two = git(&place.path().join("two"), &["rev-parse", "HEAD"]);
    assert_eq!(two, pushed);

    let log = server.log();
    assert!(log.iter().all(|request| !request.had_authorization));
    assert_eq!(log.iter().filter(|request| request.is_push()).count(), 1);
    assert_eq!(log[0].method, "GET");
    assert_eq!(log[0].path, "/root.git/info/refs");
    assert_eq!(log[0].query, "service=git-upload-pack");
}

#[test]
fn a_clone_may_leave_out_blobs() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let url = server.url("root.git");
    let clone = ["clone", "--bare", "--filter=blob:none", &url, "partial"];
    let output = try_git(place.path(), &clone);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("filtering not recognized"));
}

#[test]
fn chunked_and_compressed_requests_arrive_whole() {
    let place = Place::new();
    // So many branches that git compresses the list of what it wants.
    for number in 0..60 {
        let branch = format!("branch-{number}");
        commit_file(&place.repo(), &branch, "file", &branch, "Branch");
    }
    let server = GitHttp::serve(&place.root());
    let clone = place.path().join("clone");
    let output = command(place.path(), &["clone", &server.url("root.git"), "clone"])
        .env("GIT_TRACE_CURL", "1")
        .output()
        .expect("start git");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("Content-Encoding: gzip"));

    let pushed = commit_here(&clone, "pin.json");
    let output = command(&clone, &["-c", "http.postBuffer=1", "push", "origin", "main"])
        .env("GIT_TRACE_CURL", "1")
        .output()
        .expect("start git");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("Transfer-Encoding: chunked"));
    assert_eq!(tip(&place.repo(), "main"), Some(pushed));
}

#[test]
fn a_server_with_credentials_is_open_to_them_alone() {
    let place = Place::new();
    let server = GitHttp::with_basic_auth(&place.root(), "bot", "s3cret");
    let url = server.url("root.git");
    for wrong in [&url, &with_user(&url, "bot:wrong")] {
        let output = try_git(place.path(), &["ls-remote", wrong]);
        assert!(!output.status.success());
    }
    assert!(server.log().iter().any(|request| request.had_authorization));

    let clone = place.clone_ahead_of(&with_user(&url, "bot:s3cret"));
    git(&clone, &["push", "--quiet", "origin", "main"]);
    assert!(place.applied());
    let log = server.log();
    let last = log.last().expect("there were requests");
    assert!(last.is_push());
    // "bot:s3cret"
    assert_eq!(last.authorization.as_deref(), Some("Basic Ym90OnMzY3JldA=="));
}

#[test]
fn a_read_only_token_reads_and_is_refused_to_push() {
    let place = Place::new();
    let server = GitHttp::read_only_token(&place.root(), "bot", "s3cret");
    let clone = place.clone_ahead_of(&with_user(&server.url("root.git"), "bot:s3cret"));
    git(&clone, &["fetch", "--quiet", "origin"]);
    let output = try_git(&clone, &["push", "origin", "main"]);
    assert!(stderr(&output).contains("403"), "{}", stderr(&output));
    assert!(!place.applied());
    let anonymous = try_git(place.path(), &["ls-remote", &server.url("root.git")]);
    assert!(!anonymous.status.success());
}

#[test]
fn a_push_that_passes_is_done_and_reported_as_done() {
    assert_eq!(push_under(Fault::Pass), (true, true));
}

#[test]
fn a_push_answered_instead_or_closed_before_is_not_applied() {
    assert_eq!(push_under(Fault::Instead(503, "busy")), (false, false));
    assert_eq!(push_under(Fault::Instead(401, "who?")), (false, false));
    assert_eq!(push_under(Fault::CloseBefore), (false, false));
}

#[test]
fn a_push_whose_answer_is_replaced_lost_or_cut_is_applied_all_the_same() {
    assert_eq!(push_under(Fault::ApplyThen(502, "bad gateway")), (false, true));
    assert_eq!(push_under(Fault::ApplyThenClose), (false, true));
    assert_eq!(push_under(Fault::CutAnswer), (false, true));
}

#[test]
fn a_push_that_hangs_holds_up_no_other_and_is_let_go_when_the_server_is_dropped() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let (arrived, arrival) = mpsc::channel();
    server.on_push(move |number| {
        arrived.send(number).expect("the test listens to the end");
        match number {
            1 => Fault::Pass,
            _ => Fault::Hang,
        }
    });
    let clone = place.clone_ahead_of(&server.url("root.git"));
    let mut push = command(&clone, &["push", "origin", "main"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("start git");
    assert_eq!(arrival.recv(), Ok(0));
    git(&clone, &["push", "--quiet", "origin", "HEAD:refs/heads/two"]);
    assert!(tip(&place.repo(), "two").is_some());
    assert!(push.try_wait().expect("look at git").is_none());
    drop(server);
    let output = push.wait_with_output().expect("wait for git");
    assert!(!output.status.success());
    assert!(!place.applied());
}

#[test]
fn a_callback_may_move_the_branch_before_the_push_gets_there() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let repo = place.repo();
    server.on_push(move |number| {
        if number == 0 {
            commit_file(&repo, "main", "other", "theirs", "Theirs");
        }
        Fault::Pass
    });
    let clone = place.clone_ahead_of(&server.url("root.git"));
    assert!(!try_git(&clone, &["push", "origin", "main"]).status.success());
    assert_eq!(first_parent_log(&place.repo(), "main").len(), 2);
    git(&clone, &["pull", "--quiet", "--rebase", "origin", "main"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
    assert_eq!(first_parent_log(&place.repo(), "main").len(), 3);
}

#[test]
#[should_panic(expected = "a thread of the HTTP server panicked")]
fn a_callback_that_panics_fails_its_test() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    server.on_push(|_| panic!("an assertion of the callback"));
    let clone = place.clone_ahead_of(&server.url("root.git"));
    assert!(!try_git(&clone, &["push", "origin", "main"]).status.success());
}

#[test]
fn reading_can_be_made_to_fail_as_well() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let url = server.url("root.git");
    for fault in [
        Fault::Instead(500, "down"),
        Fault::ApplyThen(502, "bad gateway"),
        Fault::CloseBefore,
        Fault::ApplyThenClose,
        Fault::CutAnswer,
    ] {
        server.on_read(move |_, _| fault);
        assert!(!try_git(place.path(), &["ls-remote", &url]).status.success());
    }
    server.on_read(|_, request| match request.method.as_str() {
        "POST" => Fault::Instead(500, "down"),
        _ => Fault::Pass,
    });
    let clone = try_git(place.path(), &["clone", &url, "half"]);
    assert!(!clone.status.success());
    server.on_read(|_, _| Fault::Pass);
    git(place.path(), &["clone", "--quiet", &url, "whole"]);
}

#[test]
fn a_moved_repository_is_found_through_its_old_url() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    server.redirect_from("/old.git", "/root.git");
    let clone = place.clone_ahead_of(&server.url("old.git"));
    git(&clone, &["push", "--quiet", "origin", "main"]);
    assert!(place.applied());
    assert_eq!(server.log()[0].path, "/old.git/info/refs");
    assert_eq!(server.log()[1].path, "/root.git/info/refs");
    assert_eq!(server.log()[1].query, "service=git-receive-pack");
}

#[test]
fn clients_pushing_at_the_same_time_all_get_through_over_http() {
    let place = Place::new();
    let server = GitHttp::serve(&place.root());
    let clone = place.clone_ahead_of(&server.url("root.git"));
    push_branches(&place, &clone, None);
}
