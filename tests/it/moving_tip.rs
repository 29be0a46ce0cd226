//! The branch moves between the read and the push: the change is planned again on the new
//! tip and judged again, and nobody's change is lost.

use crate::support::git::{commit_file, git, read_file, tip};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::pinrail::{Run, run};
use crate::support::root::{Root, pin_path, revision};
use crate::support::way::{foreign_pin, pin};

/// When somebody else gets in.
#[derive(Clone, Copy, Debug)]
enum When {
    /// When all is read, and the change is on its way.
    AtThePush,
    /// When the branch is read, and its files are not.
    BeforeTheFiles,
}

const WHENS: [When; 2] = [When::AtThePush, When::BeforeTheFiles];

/// One pin, while somebody else once commits one file.
fn pin_while(root: &Root, when: When, path: &str, content: &str, arguments: &[&str]) -> Run {
    let (repo, path, content) = (root.repo(), path.to_owned(), content.to_owned());
    pin_during(root, when, arguments, move || {
        commit_file(&repo, "main", &path, &content, "theirs");
    })
}

/// One pin, while something happens once.
fn pin_during(
    root: &Root,
    when: When,
    arguments: &[&str],
    happen: impl FnOnce() + Send + 'static,
) -> Run {
    let server = GitHttp::serve(&root.served());
    let mut happen = Some(happen);
    let mut once = move || happen.take().into_iter().for_each(|happen| happen());
    match when {
        When::AtThePush => server.on_push(move |_| {
            once();
            Fault::Pass
        }),
        When::BeforeTheFiles => server.on_read(move |number, _| {
            if number == 2 {
                once();
            }
            Fault::Pass
        }),
    }
    run(pin(&server.url("root.git"), "api", "1").args(arguments))
}

#[test]
fn another_services_pin_costs_one_more_push_and_both_are_there() {
    for when in WHENS {
        let root = Root::new(&["api", "other"]);
        let theirs = foreign_pin("other", "theirs", None);
        let pinned = pin_while(&root, when, &pin_path("other"), &theirs, &[]);
        assert_eq!(pinned.verdict(), "0 pinned", "{when:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_eq!(pinned.document()["attempts"], 2, "{when:?}");
        assert_eq!(root.pinned("other").as_deref(), Some("theirs"), "{when:?}");
    }
}

#[test]
fn a_pin_that_changed_since_it_was_read_is_a_conflict_and_stays() {
    for when in WHENS {
        for stored in [None, Some("old")] {
            let root = Root::new(&["api"]);
            if let Some(tag) = stored {
                root.commit(&pin_path("api"), &foreign_pin("api", tag, None));
            }
            let theirs = foreign_pin("api", "theirs", None);
            let lost = pin_while(&root, when, &pin_path("api"), &theirs, &[]);
            assert_eq!(lost.verdict(), "3 conflict conflict", "{when:?}: {lost:#?}");
            assert_eq!(lost.document()["previous"]["imageTag"], "theirs", "{when:?}");
            assert_eq!(lost.document()["commit"], serde_json::Value::Null, "{when:?}");
            assert_eq!(root.pinned("api").as_deref(), Some("theirs"), "{when:?}");
        }
    }
}

#[test]
fn an_expectation_is_judged_again_on_the_new_tip() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        root.commit(&pin_path("api"), &foreign_pin("api", "old", None));
        let theirs = foreign_pin("api", "new", None);
        let lost = pin_while(&root, when, &pin_path("api"), &theirs, &["--expect", "old"]);
        assert_eq!(lost.verdict(), "3 conflict conflict", "{when:?}: {lost:#?}");
        assert_eq!(root.pinned("api").as_deref(), Some("new"), "{when:?}");
    }
}

#[test]
fn an_expectation_that_still_holds_lets_the_pin_in() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        root.commit(&pin_path("api"), &foreign_pin("api", "old", None));
        // The same version under another digest: changed, and still what was expected.
        let mut theirs = foreign_pin("api", "old", None);
        let digest = format!(",\n  \"imageDigest\": \"sha256:{}\"\n}}", "0".repeat(64));
        theirs = theirs.replace("\n}", &digest);
        let pinned = pin_while(&root, when, &pin_path("api"), &theirs, &["--expect", "old"]);
        assert_eq!(pinned.verdict(), "0 pinned", "{when:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
    }
}

#[test]
fn the_same_pin_by_somebody_else_is_unchanged_in_their_commit() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        let theirs = foreign_pin("api", "1", None).replace(&revision('f'), &revision('a'));
        let same = pin_while(&root, when, &pin_path("api"), &theirs, &[]);
        assert_eq!(same.verdict(), "0 unchanged", "{when:?}: {same:#?}");
        assert_eq!(same.document()["commit"], root.tip(), "{when:?}");
    }
}

#[test]
fn a_later_pipeline_wins_over_an_earlier_one_that_was_faster() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        let theirs = foreign_pin("api", "theirs", Some(4));
        let pinned = pin_while(&root, when, &pin_path("api"), &theirs, &["--sequence", "5"]);
        assert_eq!(pinned.verdict(), "0 pinned", "{when:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_eq!(root.pinned("api").as_deref(), Some("1"), "{when:?}");
        assert_eq!(pinned.document()["pin"]["sequence"], 5, "{when:?}");
        assert_eq!(pinned.document()["previous"]["imageTag"], "theirs", "{when:?}");
        assert_eq!(root.commits().len(), 4, "theirs is in the history");
    }
}

#[test]
fn an_earlier_pipeline_is_superseded_by_a_later_one_that_was_faster() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        let theirs = foreign_pin("api", "theirs", Some(6));
        let late = pin_while(&root, when, &pin_path("api"), &theirs, &["--sequence", "5"]);
        assert_eq!(late.verdict(), "3 superseded superseded", "{when:?}: {late:#?}");
        assert_eq!(root.pinned("api").as_deref(), Some("theirs"), "{when:?}");
    }
}

#[test]
fn a_configuration_that_changed_meanwhile_is_the_one_that_counts() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        let config = read_file(&root.repo(), "main", "pinrail.yaml");
        let config = config.expect("a configuration").replace("mode: direct", "mode: request");
        let refused = pin_while(&root, when, "pinrail.yaml", &config, &[]);
        assert_eq!(refused.verdict(), "5 refused refused", "{when:?}: {refused:#?}");
        assert_eq!(root.pinned("api"), None, "{when:?}");
    }
}

#[test]
fn a_branch_that_was_deleted_meanwhile_is_not_made_again() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        let repo = root.repo();
        let gone = pin_during(&root, when, &[], move || {
            git(&repo, &["update-ref", "-d", "refs/heads/main"]);
        });
        assert_eq!(gone.verdict(), "1 failed notFound", "{when:?}: {gone:#?}");
        assert!(gone.message().contains("`main`"), "{when:?}: {gone:#?}");
        assert_eq!(tip(&root.repo(), "main"), None, "{when:?}");
    }
}

#[test]
fn a_branch_that_went_back_meanwhile_gets_the_pin_on_its_new_tip() {
    for when in WHENS {
        let root = Root::new(&["api"]);
        root.commit("notes.md", "a mistake\n");
        let before = root.commits()[1].clone();
        let (repo, to) = (root.repo(), before.clone());
        let pinned = pin_during(&root, when, &[], move || {
            git(&repo, &["update-ref", "refs/heads/main", &to]);
        });
        assert_eq!(pinned.verdict(), "0 pinned", "{when:?}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_eq!(root.commits()[1], before, "what was taken back stays so");
    }
}

#[test]
fn a_branch_that_moves_again_and_again_is_caught_up_with() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    let repo = root.repo();
    server.on_push(move |number| {
        if number < 6 {
            commit_file(&repo, "main", "notes.md", &number.to_string(), "note");
        }
        Fault::Pass
    });
    let pinned = run(&mut pin(&server.url("root.git"), "api", "1"));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(pinned.document()["attempts"], 7);
}
