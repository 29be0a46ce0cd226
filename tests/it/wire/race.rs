//! A race that is lost to somebody who changed another pin, with every kind of server: the pin
//! lands once, on top of theirs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fallback::{is_question, notes, said, wants_a_part};
use super::many::{many, service, traffic};
use super::ssh::{Shell, VERSION};
use crate::support::git::{commit_file, git};
use crate::support::git_http::GitHttp;
use crate::support::hooks::Hook;
use crate::support::http1::{Answer, Message, Reply};
use crate::support::pinrail::run;
use crate::support::root::{Root, pin_path};
use crate::support::way::{foreign_pin, pin};

/// What a kind of server answers otherwise than git does.
type Stand = fn(&Message, &Path) -> Option<Reply>;

/// Pins a service while somebody else is faster with another, through a server of this kind.
fn race(prepare: impl FnOnce(&Root, &GitHttp), stand: Stand, note: Option<&str>) {
    let (root, _) = many(1, 20);
    let (ours, theirs) = (service("services", 1), service("services", 2));
    let server = GitHttp::serve(&root.served());
    prepare(&root, &server);
    let (repo, path, lost) = (root.repo(), pin_path(&theirs), AtomicBool::new(false));
    let faster = foreign_pin(&theirs, "9", None);
    server.stand_in(move |message, forward| {
        if message.request.is_push() && !lost.swap(true, Ordering::SeqCst) {
            commit_file(&repo, "main", &path, &faster, "Somebody was faster");
        }
        Answer::Whole(stand(message, &repo).unwrap_or_else(forward))
    });
    let pinned = run(pin(&server.url("root.git"), &ours, "2").arg("-v"));
    pinned.assert_pinned_once(&root, &ours, "2");
    assert_eq!(traffic(&pinned, "attempts"), 2, "{pinned:#?}");
    assert_eq!(root.pinned(&theirs).as_deref(), Some("9"), "{pinned:#?}");
    assert_eq!(root.pinned(&service("services", 3)).as_deref(), Some("1"));
    let notes = notes(&pinned);
    assert_eq!(notes.len(), usize::from(note.is_some()), "{pinned:#?}");
    assert!(notes.iter().all(|line| line.contains(note.unwrap_or_default())), "{pinned:#?}");
}

#[test]
fn a_lost_race_is_made_good_with_a_usual_server() {
    race(|_, _| {}, |_, _| None, None);
}

#[test]
fn a_lost_race_is_made_good_with_a_server_of_the_first_version() {
    race(|_, server| server.grow_old(), |_, _| None, Some("through libgit2"));
}

#[test]
fn a_lost_race_is_made_good_without_filters() {
    let without = |root: &Root, _: &GitHttp| {
        git(&root.repo(), &["config", "uploadpack.allowFilter", "false"]);
    };
    race(without, |_, _| None, Some("whole commits"));
}

#[test]
fn a_lost_race_is_made_good_where_no_single_trees_and_files_are_given() {
    let stand: Stand =
        |message, repo| wants_a_part(message, repo).then(|| said("git-upload-pack", ""));
    race(|_, _| {}, stand, Some("whole commits"));
}

#[test]
fn a_lost_race_is_made_good_where_the_second_version_is_answered_with_nothing() {
    let stand: Stand = |message, _| {
        let second = message.header("git-protocol") == Some("version=2");
        (is_question(message) && second).then(|| said("git-upload-pack", ""))
    };
    race(|_, server| server.grow_old(), stand, Some("through libgit2"));
}

#[test]
fn a_lost_race_over_ssh_brings_only_what_changed() {
    let shell = Shell::usual(many(1, 300).0, VERSION);
    let (repo, path) = (shell.root.repo(), pin_path(&service("services", 3)));
    let clean = shell.pin(&service("services", 1), "2");
    clean.assert_verdict("0 pinned");
    git(&repo, &["update-ref", "refs/heads/faster", "main"]);
    commit_file(&repo, "faster", &path, &foreign_pin("services-003", "9", None), "Faster");
    // What is pushed is set apart until the hook has ended, and branches are not to move.
    let script = "unset GIT_QUARANTINE_PATH\n\
                  git rev-parse --quiet --verify refs/heads/faster >/dev/null || exit 0\n\
                  git update-ref refs/heads/main refs/heads/faster\n\
                  git update-ref -d refs/heads/faster\n";
    let hook = Hook::pre_receive(&repo, script);
    let ours = service("services", 2);
    let pinned = shell.pin(&ours, "2");
    pinned.assert_pinned_once(&shell.root, &ours, "2");
    assert_eq!((hook.runs(), traffic(&pinned, "attempts")), (2, 2), "{pinned:#?}");
    assert_eq!(shell.root.pinned(&service("services", 3)).as_deref(), Some("9"));
    let (clean, raced) = (traffic(&clean, "receivedBytes"), traffic(&pinned, "receivedBytes"));
    assert!(raced < clean + (4 << 10), "{clean}, and {raced} with a race");
}
