//! How a request's head is judged, and what comes of it.

use pinrail::forge::{CommitState, CommitStatus, Merged};

use super::*;

pub fn status() -> CommitStatus {
    CommitStatus {
        context: "pinrail/gates".to_owned(),
        state: CommitState::Pending,
        description: "soaks until 14:00".to_owned(),
        url: None,
    }
}

fn failed() -> CommitStatus {
    CommitStatus { state: CommitState::Failure, ..status() }
}

fn passed() -> CommitStatus {
    CommitStatus { state: CommitState::Success, ..status() }
}

/// F3.
#[test]
fn a_status_is_set_once_for_each_word() {
    let hub = Hub::new();
    let github = hub.github();
    let request = github.get(hub.opened()).expect("it");
    hub.fake.faults(json!([{"route": "POST /repos/{owner}/{repo}/statuses/{sha}",
        "nth": 1, "when": "after", "preset": "html-502"}]));
    assert_eq!(github.set_status(&request, &status()), Ok(true));
    assert_eq!(github.set_status(&request, &status()), Ok(false));
    assert_eq!(hub.effects("status"), 1);
    let reworded = CommitStatus { description: "soaks until 15:00".to_owned(), ..status() };
    for word in [&reworded, &passed(), &failed(), &passed(), &status()] {
        assert_eq!(github.set_status(&request, word), Ok(true), "{word:?}");
    }
    assert_eq!(hub.effects("status"), 6);
    hub.fake.assert_nothing_repeated();
    let nowhere = PullRequest { head: "0".repeat(40), ..request };
    assert!(matches!(github.set_status(&nowhere, &passed()), Err(ForgeError::Invalid(_))));
}

/// By classic protection and by a ruleset; through the API, by a click, and by auto-merge.
#[test]
fn what_a_required_status_forbids_nobody_merges_until_it_is_green() {
    for ruleset in [false, true] {
        let hub = Hub::new();
        let github = hub.github();
        hub.act("configure", json!({"allowAutoMerge": true}));
        match ruleset {
            false => hub.act(
                "protect",
                json!({"branch": "main",
                "requiredChecks": ["pinrail/gates"], "enforceAdmins": true}),
            ),
            true => hub.act(
                "ruleset",
                json!({"rules": [{"type": "required_status_checks",
                "parameters": {"strict_required_status_checks_policy": false,
                    "required_status_checks": [{"context": "pinrail/gates"}]}}]}),
            ),
        };
        let number = hub.opened();
        let request = github.get(number).expect("it");
        let click = || hub.act("click", json!({"number": number, "by": "ann"}))["merged"].clone();
        for word in [failed(), status()] {
            assert_eq!(github.set_status(&request, &word), Ok(true));
            let words = not_mergeable(github.merge(number, &hub.now()));
            assert!(words.contains("a check"), "{words}");
            assert_eq!(click(), json!(false), "{word:?}");
        }
        assert_eq!(github.merge(number, &hub.ready()), Ok(Merged::WhenReady));
        assert_eq!(github.set_status(&request, &failed()), Ok(true));
        assert_eq!(github.get(number).expect("it").merged_with, None);
        assert_eq!(github.set_status(&request, &passed()), Ok(true));
        assert!(github.get(number).expect("it").merged_with.is_some(), "{ruleset}");

        let (number, head) = hub.another("pin/b");
        let request = github.get(number).expect("it");
        assert_eq!(github.set_status(&request, &failed()), Ok(true));
        assert_eq!(github.set_status(&request, &passed()), Ok(true));
        let merge = Merge { head, ..hub.now() };
        assert!(matches!(github.merge(number, &merge), Ok(Merged::Now { .. })), "{ruleset}");
    }
}
