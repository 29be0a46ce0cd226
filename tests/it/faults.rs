//! A push whose answer is lost, false or never comes: whether it landed is read from the
//! branch, and an acknowledged pin is in the history exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::git::{commit_file, first_parent_log, tip};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::pinrail::{Run, run};
use crate::support::root::{Root, pin_path};
use crate::support::way::{assert_unchanged_again, foreign_pin, pin};

const BAD_GATEWAY: Fault = Fault::Instead(502, "Bad Gateway");

/// One pin through a server that does this to the pushes; how often it was pushed.
fn pin_under(root: &Root, decide: impl FnMut(usize) -> Fault + Send + 'static) -> (Run, usize) {
    let server = GitHttp::serve(&root.served());
    server.on_push(decide);
    let run = run(&mut pin(&server.url("root.git"), "api", "1"));
    let pushes = server.log().iter().filter(|request| request.is_push()).count();
    (run, pushes)
}

#[test]
fn a_push_that_was_applied_is_pinned_whatever_was_answered() {
    for fault in [
        Fault::ApplyThen(502, "Bad Gateway"),
        Fault::ApplyThen(500, "Internal Server Error"),
        Fault::ApplyThen(403, "Forbidden"),
        Fault::ApplyThen(200, "<html>Please log in</html>"),
        Fault::ApplyThenClose,
        Fault::CutAnswer,
    ] {
        let root = Root::new(&["api"]);
        let (pinned, pushes) = pin_under(&root, move |_| fault);
        assert_eq!(pinned.verdict(), "0 pinned", "{fault:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_eq!(pinned.document()["commit"], root.tip(), "{fault:?}");
        assert_eq!(pushes, 1, "{fault:?}");
    }
}

#[test]
fn a_push_that_was_not_applied_is_tried_again() {
    for fault in [BAD_GATEWAY, Fault::Instead(429, "Slow down"), Fault::CloseBefore] {
        let root = Root::new(&["api"]);
        let (pinned, pushes) = pin_under(&root, move |number| match number {
            0 => fault,
            _ => Fault::Pass,
        });
        assert_eq!(pinned.verdict(), "0 pinned", "{fault:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_eq!((pushes, pinned.document()["attempts"].as_u64()), (2, Some(2)), "{fault:?}");
    }
}

#[test]
fn a_push_that_never_gets_there_fails_and_leaves_nothing_behind() {
    for fault in [BAD_GATEWAY, Fault::CloseBefore] {
        let root = Root::new(&["api"]);
        let before = root.tip();
        let (failed, pushes) = pin_under(&root, move |_| fault);
        assert_eq!(failed.verdict(), "1 failed network", "{fault:?}: {failed:#?}");
        assert!((2..=3).contains(&pushes), "{fault:?}: {pushes} pushes");
        assert_eq!(root.tip(), before, "{fault:?}");
    }
}

#[test]
fn the_status_and_the_words_of_a_broken_server_are_shown() {
    let root = Root::new(&["api"]);
    let (failed, _) = pin_under(&root, |_| Fault::Instead(503, "the disk is full"));
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("503"), "{failed:#?}");
    assert!(failed.message().contains("the disk is full"), "{failed:#?}");
}

#[test]
fn a_push_that_was_applied_without_an_answer_is_found_below_another_writers_commit() {
    let root = Root::new(&["api", "other"]);
    let server = GitHttp::serve(&root.served());
    server.on_push(|_| Fault::ApplyThen(502, "Bad Gateway"));
    let (repo, before) = (root.repo(), root.tip());
    server.on_read(move |_, _| {
        // The first read after the push: somebody lands on top before we look.
        if first_parent_log(&repo, "main").get(1) == Some(&before) {
            commit_file(&repo, "main", "notes.md", "theirs\n", "note");
        }
        Fault::Pass
    });
    let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(pinned.document()["commit"], root.commits()[1]);
    assert_eq!(server.log().iter().filter(|request| request.is_push()).count(), 1);
    assert_eq!(pinned.document()["attempts"], 1);
}

#[test]
fn a_landed_pin_that_somebody_replaced_before_we_looked_is_pinned_all_the_same() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    server.on_push(|_| Fault::ApplyThenClose);
    let (repo, commits) = (root.repo(), root.commits().len());
    server.on_read(move |_, _| {
        if first_parent_log(&repo, "main").len() == commits + 1 {
            let theirs = foreign_pin("api", "theirs", None);
            commit_file(&repo, "main", &pin_path("api"), &theirs, "replace it");
        }
        Fault::Pass
    });
    let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(root.pinned("api").as_deref(), Some("theirs"));
}

#[test]
fn when_it_cannot_be_read_whether_it_landed_that_is_said_and_the_same_command_finds_out() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    server.on_push(|_| Fault::ApplyThenClose);
    let before = root.tip();
    let (repo, known) = (root.repo(), before.clone());
    server.on_read(move |_, _| match tip(&repo, "main") {
        Some(tip) if tip == known => Fault::Pass,
        _ => Fault::CloseBefore,
    });
    let mut command = pin(&server.url("root.git"), "api", "1");
    let failed = run(&mut command);
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("unknown"), "{failed:#?}");
    assert!(failed.hints().contains("run the same command again"), "{failed:#?}");
    assert!(!failed.hints().contains("nothing was written"), "{failed:#?}");

    server.on_read(|_, _| Fault::Pass);
    assert_unchanged_again(&mut command);
    assert_eq!(root.commits()[1], before, "it landed once");
}

#[test]
fn a_push_that_did_not_land_and_cannot_be_looked_for_is_unknown_too_and_pinned_the_next_time() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    let down = Arc::new(AtomicBool::new(false));
    let goes_down = Arc::clone(&down);
    server.on_push(move |_| {
        goes_down.store(true, Ordering::SeqCst);
        Fault::CloseBefore
    });
    server.on_read(move |_, _| match down.load(Ordering::SeqCst) {
        false => Fault::Pass,
        true => BAD_GATEWAY,
    });
    let mut command = pin(&server.url("root.git"), "api", "1");
    let failed = run(&mut command);
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("unknown"), "{failed:#?}");

    server.on_read(|_, _| Fault::Pass);
    server.on_push(|_| Fault::Pass);
    run(&mut command).assert_pinned_once(&root, "api", "1");
}

#[test]
fn a_read_that_fails_once_is_tried_again() {
    for fault in [BAD_GATEWAY, Fault::CloseBefore, Fault::CutAnswer] {
        let root = Root::new(&["api"]);
        let server = GitHttp::serve(&root.served());
        server.on_read(move |number, _| if number == 0 { fault } else { Fault::Pass });
        let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
        assert_eq!(pinned.verdict(), "0 pinned", "{fault:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
    }
}

#[test]
fn a_read_that_always_fails_is_a_network_failure() {
    for fault in [BAD_GATEWAY, Fault::CloseBefore, Fault::CutAnswer] {
        let root = Root::new(&["api"]);
        let server = GitHttp::serve(&root.served());
        server.on_read(move |_, _| fault);
        let failed = run(&mut pin(&server.url("root.git"), "api", "1"));
        assert_eq!(failed.verdict(), "1 failed network", "{fault:?}: {failed:#?}");
        assert!(server.log().iter().all(|request| !request.is_push()), "{fault:?}");
    }
}

#[test]
fn a_page_for_people_in_place_of_gits_answer_is_no_repository() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    server.on_read(|_, _| Fault::Instead(200, "<html><body>Please log in</body></html>"));
    let failed = run(&mut pin(&server.url("root.git"), "api", "1"));
    failed.assert_verdict("1 failed notFound");
    assert!(failed.message().contains("the answer is not git's"), "{failed:#?}");
}

#[test]
fn a_page_for_people_in_answer_to_a_push_is_a_failure_with_nothing_written() {
    let root = Root::new(&["api"]);
    let before = root.tip();
    let (failed, _) = pin_under(&root, |_| Fault::Instead(200, "<html>Please log in</html>"));
    assert_eq!((failed.code, failed.document()["outcome"].as_str()), (1, Some("failed")));
    assert!(failed.message().contains("the answer is not git's"), "{failed:#?}");
    assert_eq!(root.tip(), before);
}
