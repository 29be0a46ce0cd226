//! Servers that cannot do the usual: the pin lands all the same, and only `-v` tells how.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::many::traffic;
use crate::support::git::git;
use crate::support::git_http::GitHttp;
use crate::support::http1::{Answer, Message, Reply};
use crate::support::pinrail::{Run, run};
use crate::support::root::Root;
use crate::support::way::{assert_unchanged_again, pin};

/// A services-root, and a server that gets in the way of what is usual.
fn behind(prepare: impl FnOnce(&Root, &GitHttp)) -> (Root, GitHttp) {
    let root = Root::new(&["api", "web"]);
    let server = GitHttp::serve(&root.served());
    prepare(&root, &server);
    (root, server)
}

/// A server that answers some requests like this.
fn standing_in(
    stand: impl Fn(&Message) -> Option<Reply> + Send + Sync + 'static,
) -> (Root, GitHttp) {
    behind(|_, server| {
        server.stand_in(move |message, forward| {
            Answer::Whole(stand(message).unwrap_or_else(forward))
        });
    })
}

/// The pin lands once and silently; `-v` has as many lines with these words as are told.
#[track_caller]
fn assert_lands(root: &Root, url: &str, words: &str, lines: usize) {
    let usual = GitHttp::serve(&root.served());
    let silent = run(&mut pin(url, "api", "1"));
    silent.assert_pinned_once(root, "api", "1");
    assert_eq!(traffic(&silent, "attempts"), 1, "{silent:#?}");
    let as_usual = run(&mut pin(&usual.url("root.git"), "api", "2"));
    let count = |text: &str| text.lines().count();
    assert_eq!(count(&silent.stderr), count(&as_usual.stderr), "{silent:#?}");
    assert_eq!(notes(&silent), [""; 0], "{silent:#?}");

    let told = run(pin(url, "web", "1").arg("-v"));
    told.assert_pinned_once(root, "web", "1");
    let noted = notes(&told);
    assert_eq!(noted.len(), lines, "{told:#?}");
    assert!(noted.iter().all(|line| line.starts_with(words)), "{told:#?}");
    assert_unchanged_again(&mut pin(url, "web", "1"));
}

/// What was said of another way than the usual.
pub fn notes(run: &Run) -> Vec<&str> {
    let is_note = |line: &&str| {
        line.starts_with("reading whole commits") || line.starts_with("reading through")
    };
    run.stderr.lines().filter(is_note).collect()
}

pub fn has(message: &Message, words: &str) -> bool {
    message.body.windows(words.len()).any(|bytes| bytes == words.as_bytes())
}

pub fn is_question(message: &Message) -> bool {
    message.request.method == "POST" && message.request.path.ends_with("/git-upload-pack")
}

/// Whether something else than commits is asked for.
pub fn wants_a_part(message: &Message, repo: &Path) -> bool {
    let is_fetch = is_question(message) && has(message, "command=fetch");
    let commits = git(repo, &["rev-list", "--all"]);
    is_fetch && !commits.lines().any(|id| has(message, &format!("want {id}")))
}

/// An answer of a service.
pub fn said(service: &str, body: impl Into<Vec<u8>>) -> Reply {
    let mut reply = Reply::text(200, "");
    reply.headers = vec![format!("Content-Type: application/x-{service}-result")];
    reply.body = body.into();
    reply
}

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

#[test]
fn a_server_of_the_first_version_is_read_through_libgit2() {
    let (root, server) = behind(|_, server| server.grow_old());
    assert_lands(&root, &server.url("root.git"), "reading through libgit2: ", 1);
}

#[test]
fn a_server_without_filters_gives_whole_commits() {
    let (root, server) = behind(|root, _| {
        git(&root.repo(), &["config", "uploadpack.allowFilter", "false"]);
    });
    assert_lands(&root, &server.url("root.git"), "reading whole commits: ", 1);
}

#[test]
fn a_server_that_gives_no_single_trees_and_files_gives_whole_commits() {
    let root = Root::new(&["api", "web"]);
    let server = GitHttp::serve(&root.served());
    let repo = root.repo();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    server.stand_in(move |message, forward| {
        if wants_a_part(message, &repo) {
            count.fetch_add(1, Ordering::SeqCst);
            return Answer::Whole(said("git-upload-pack", ""));
        }
        Answer::Whole(forward())
    });
    assert_lands(&root, &server.url("root.git"), "reading whole commits: ", 1);
    // Once for each of the runs: who was refused does not ask so again.
    assert_eq!(refused.load(Ordering::SeqCst), 3);
}

#[test]
fn a_server_that_answers_the_second_version_with_nothing_is_read_in_the_first() {
    let (root, server) = standing_in(|message| {
        let second = message.header("git-protocol") == Some("version=2");
        (is_question(message) && second).then(|| said("git-upload-pack", ""))
    });
    server.grow_old();
    assert_lands(&root, &server.url("root.git"), "reading through libgit2: ", 1);
}

#[test]
fn a_server_that_only_says_that_it_speaks_the_second_version_is_read_in_the_first() {
    let (root, server) = standing_in(|message| {
        let second = message.header("git-protocol") == Some("version=2");
        (is_question(message) && second).then(|| said("git-upload-pack", ""))
    });
    let url = server.url("root.git");
    run(&mut pin(&url, "api", "1")).assert_pinned_once(&root, "api", "1");
    let told = run(pin(&url, "web", "1").arg("-v"));
    told.assert_pinned_once(&root, "web", "1");
    let [whole, libgit2] = notes(&told)[..] else { panic!("{told:#?}") };
    assert!(whole.starts_with("reading whole commits: "), "{told:#?}");
    assert!(libgit2.starts_with("reading through libgit2: "), "{told:#?}");
}

#[test]
fn a_server_that_takes_no_thin_packs_gets_a_whole_one() {
    let pushes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pushes);
    let (root, server) = standing_in(move |message| {
        let number = message.request.is_push().then(|| count.fetch_add(1, Ordering::SeqCst));
        (number == Some(0)).then(|| {
            let report = line("unpack index-pack abnormal exit\n")
                + &line("ng refs/heads/main unpacker error\n")
                + "0000";
            said("git-receive-pack", line(&format!("\x01{report}")) + "0000")
        })
    });
    let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(pushes.load(Ordering::SeqCst), 2);
    assert_eq!(traffic(&pinned, "attempts"), 1, "{pinned:#?}");
    assert!(!pinned.stderr.contains("unpack"), "{pinned:#?}");
}

#[test]
fn a_repository_that_moved_is_found() {
    let (root, server) = behind(|_, server| server.redirect_from("/old.git", "/root.git"));
    assert_lands(&root, &server.url("old.git"), "", 0);
    let log = server.log();
    let pushed = log.iter().filter(|request| request.is_push());
    // A push is never sent where it would be sent on.
    assert!(pushed.clone().all(|push| push.path.starts_with("/root.git/")), "{log:#?}");
    assert_eq!(pushed.count(), 2);
}

#[test]
fn a_root_that_lies_on_another_server_now_is_not_followed_there() {
    let (root, server) = behind(|_, _| {});
    let before = root.refs();
    let old = GitHttp::serve(&root.served());
    old.redirect_from("/old.git", &server.url("root.git"));
    let failed = run(&mut pin(&old.url("old.git"), "api", "1"));
    assert_eq!(failed.code, 1, "{failed:#?}");
    assert!(failed.message().contains("redirects to 127.0.0.1"), "{failed:#?}");
    assert!(server.log().is_empty(), "{:#?}", server.log());
    assert_eq!(root.refs(), before);
}

#[test]
fn a_main_branch_of_another_name_is_found_by_head() {
    let (root, server) = behind(|root, _| {
        let repo = root.repo();
        let config = root.file("pinrail.yaml").expect("the configuration");
        root.commit("pinrail.yaml", &format!("{config}branches: {{main: trunk, pins: trunk}}\n"));
        git(&repo, &["branch", "-m", "main", "trunk"]);
        git(&repo, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    });
    let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
    assert_eq!(pinned.verdict(), "0 pinned", "{pinned:#?}");
    assert_eq!(root.branch_tip("trunk").as_deref(), pinned.document()["commit"].as_str());
}
