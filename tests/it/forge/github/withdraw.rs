//! A merge that was to come by itself is taken back.

use pinrail::forge::{Merged, PullRequestState};

use super::*;

fn armed(hub: &Hub) -> u64 {
    hub.act("configure", json!({"allowAutoMerge": true}));
    hub.act("protect", json!({"branch": "main", "requiredChecks": ["ci"]}));
    let number = hub.opened();
    assert_eq!(hub.github().merge(number, &hub.ready()), Ok(Merged::WhenReady));
    number
}

fn queued(hub: &Hub) -> u64 {
    hub.act("ruleset", json!({"rules": [{"type": "merge_queue"}]}));
    let number = hub.opened();
    assert_eq!(hub.github().merge(number, &hub.now()), Ok(Merged::Queued));
    number
}

fn queue(hub: &Hub) -> Value {
    hub.fake.state(ROOT)["queue"].clone()
}

/// F10.
#[test]
fn auto_merge_is_taken_back_once() {
    let hub = Hub::new();
    let number = armed(&hub);
    let github = hub.github();
    assert!(github.get(number).expect("it").auto_merge);
    assert_eq!(github.cancel_auto_merge(number), Ok(true));
    assert_eq!(github.cancel_auto_merge(number), Ok(false));
    hub.act("status", json!({"sha": hub.head, "context": "ci", "state": "success"}));
    let request = github.get(number).expect("it");
    assert_eq!((request.state, request.auto_merge), (PullRequestState::Open, false));
    hub.fake.assert_nothing_repeated();
}

/// F17.
#[test]
fn a_place_in_the_merge_queue_is_given_up() {
    let hub = Hub::new();
    let number = queued(&hub);
    let github = hub.github();
    assert_eq!(queue(&hub), json!([number]));
    assert_eq!(github.cancel_auto_merge(number), Ok(true));
    assert_eq!(queue(&hub), json!([]));
    assert_eq!(github.cancel_auto_merge(number), Ok(false));
    assert_eq!(github.merge(number, &hub.now()), Ok(Merged::Queued));
}

/// F17: the checks come in while auto-merge is being taken back.
#[test]
fn what_slips_from_auto_merge_into_the_queue_is_taken_out_of_it() {
    let hub = Hub::new();
    let number = armed(&hub);
    hub.act("ruleset", json!({"rules": [{"type": "merge_queue"}]}));
    hub.fake.faults(json!([{"graphql": "disablePullRequestAutoMerge", "nth": 1, "act":
        {"do": "status", "project": ROOT, "sha": hub.head, "context": "ci", "state": "success"}}]));
    assert_eq!(hub.github().cancel_auto_merge(number), Ok(true));
    assert_eq!(queue(&hub), json!([]));
    assert_eq!(hub.effects("merge"), 0);
}

/// F3.
#[test]
fn a_withdrawal_whose_answer_was_lost_is_looked_up() {
    for when in ["before", "after"] {
        for preset in ["html-502", "drop"] {
            let rule = |mutation: &str| json!({"graphql": mutation, "nth": 1, "when": when, "preset": preset});
            let hub = Hub::new();
            let number = armed(&hub);
            hub.fake.faults(json!([rule("disablePullRequestAutoMerge")]));
            assert_eq!(hub.github().cancel_auto_merge(number), Ok(true), "{when} {preset}");
            assert!(!hub.github().get(number).expect("it").auto_merge);
            hub.fake.assert_nothing_repeated();

            let hub = Hub::new();
            let number = queued(&hub);
            hub.fake.faults(json!([rule("dequeuePullRequest")]));
            assert_eq!(hub.github().cancel_auto_merge(number), Ok(true), "{when} {preset}");
            assert_eq!(queue(&hub), json!([]));
        }
    }
}

/// F13.
#[test]
fn a_merge_that_was_quicker_is_told_and_what_was_closed_waits_for_nothing() {
    let hub = Hub::new();
    let number = armed(&hub);
    hub.fake.faults(json!([{"graphql": "disablePullRequestAutoMerge", "nth": 1, "act":
        {"do": "status", "project": ROOT, "sha": hub.head, "context": "ci", "state": "success"}}]));
    let github = hub.github();
    assert_eq!(github.cancel_auto_merge(number), Err(ForgeError::MergedMeanwhile));
    assert_eq!(github.cancel_auto_merge(number), Err(ForgeError::MergedMeanwhile));

    let hub = Hub::new();
    let number = queued(&hub);
    let step = json!({"do": "queue", "project": ROOT});
    hub.fake.faults(json!([{"graphql": "dequeuePullRequest", "nth": 1, "act": step}]));
    assert_eq!(hub.github().cancel_auto_merge(number), Err(ForgeError::MergedMeanwhile));

    let hub = Hub::new();
    let number = hub.opened();
    hub.act("close", json!({"number": number}));
    assert_eq!(hub.github().cancel_auto_merge(number), Ok(false));
    assert!(matches!(hub.github().cancel_auto_merge(99), Err(ForgeError::NotFound(_))));
}

#[test]
fn who_may_not_take_a_merge_back_is_told_what_is_missing() {
    let hub = Hub::new();
    let number = armed(&hub);
    let reader = json!({"name": "r", "kind": "fine", "user": "bob",
        "permissions": {"contents": "read", "pull_requests": "read"}});
    let github = hub.with(&hub.token(reader), Duration::from_secs(60));
    match github.cancel_auto_merge(number) {
        Err(ForgeError::Forbidden { need, .. }) => {
            assert_eq!(need, Some("Pull requests: write"));
        }
        other => panic!("{other:?}"),
    }
    assert!(github.get(number).expect("it").auto_merge);
}

/// Somebody who wants it merged all the same is not fought without end.
#[test]
fn a_merge_that_is_asked_for_again_and_again_is_told() {
    let hub = Hub::new();
    let number = queued(&hub);
    hub.fake.faults(json!([{"graphql": "dequeuePullRequest", "when": "after", "act":
        {"do": "enqueue", "project": ROOT, "number": number}}]));
    let stopped = hub.github().cancel_auto_merge(number);
    assert!(matches!(stopped, Err(ForgeError::Unknown(_))), "{stopped:?}");
}

/// F16.
#[test]
fn a_server_that_does_not_tell_of_queues_is_asked_for_auto_merge() {
    let hub = Hub::enterprise();
    let number = armed(&hub);
    let missing = json!([{"message": "Field 'isInMergeQueue' doesn't exist"}]);
    hub.fake.faults(json!([{"graphql": "repository",
        "patch": {"/data": null, "/errors": missing}}]));
    assert_eq!(hub.github().cancel_auto_merge(number), Ok(true));
    assert_eq!(hub.github().cancel_auto_merge(number), Ok(false));
}
