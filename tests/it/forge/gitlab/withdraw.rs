//! A merge that was to come by itself is taken back.

use pinrail::forge::{Forge, ForgeError, Merged, PullRequestState};
use serde_json::json;

use super::{LIST, Place, fault};

const CANCEL: &str = "/merge_requests/{iid}/cancel_merge_when_pipeline_succeeds";

/// A request that waits for its pipeline.
fn armed() -> Place {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    place.open();
    place.act(&json!({"do": "pipeline", "number": 1}));
    assert_eq!(place.gitlab().merge(1, &place.ready()), Ok(Merged::WhenReady));
    place
}

/// A request on the merge train.
fn aboard() -> Place {
    let place = Place::new();
    place.configure(&json!({"mergeTrains": true}));
    place.open();
    assert_eq!(place.gitlab().merge(1, &place.merge()), Ok(Merged::Queued));
    place
}

#[test]
fn f10_auto_merge_is_taken_back_once() {
    let place = armed();
    let gitlab = place.gitlab();
    assert_eq!(gitlab.cancel_auto_merge(1), Ok(true));
    assert_eq!(gitlab.cancel_auto_merge(1), Ok(false));
    assert_eq!(place.asked(&format!("POST {LIST}/{{iid}}/cancel_merge_when_pipeline_succeeds")), 1);
    place.act(&json!({"do": "status", "branch": "pin/a", "state": "success"}));
    let request = gitlab.get(1).expect("get");
    assert_eq!((request.state, request.auto_merge), (PullRequestState::Open, false));
    place.fake.assert_nothing_repeated();
}

#[test]
fn f17_a_request_is_taken_off_the_merge_train() {
    let place = aboard();
    let gitlab = place.gitlab();
    assert!(gitlab.get(1).expect("get").auto_merge);
    assert_eq!(gitlab.cancel_auto_merge(1), Ok(true));
    assert_eq!(place.fake.state(&place.project)["queue"], json!([]));
    assert_eq!(gitlab.cancel_auto_merge(1), Ok(false));
    assert_eq!(gitlab.merge(1, &place.merge()), Ok(Merged::Queued));
}

#[test]
fn f3_a_withdrawal_whose_answer_was_lost_is_looked_up() {
    for when in ["before", "after"] {
        for preset in ["html-502", "drop", "empty-body"] {
            for place in [armed(), aboard()] {
                let rule = json!({"nth": 1, "when": when, "preset": preset});
                place.fake.faults(json!([fault("POST", CANCEL, &rule)]));
                assert_eq!(place.gitlab().cancel_auto_merge(1), Ok(true), "{when} {preset}");
                assert!(!place.gitlab().get(1).expect("get").auto_merge);
                place.fake.assert_nothing_repeated();
            }
        }
    }
}

#[test]
fn f13_a_merge_that_was_quicker_is_told_and_what_was_closed_waits_for_nothing() {
    let place = armed();
    let green =
        json!({"do": "status", "project": place.project, "branch": "pin/a", "state": "success"});
    place.fake.faults(json!([fault("POST", CANCEL, &json!({"nth": 1, "act": green}))]));
    let gitlab = place.gitlab();
    assert_eq!(gitlab.cancel_auto_merge(1), Err(ForgeError::MergedMeanwhile));
    assert_eq!(gitlab.cancel_auto_merge(1), Err(ForgeError::MergedMeanwhile));

    let place = aboard();
    let arrives = json!({"do": "queue", "project": place.project});
    place.fake.faults(json!([fault("POST", CANCEL, &json!({"nth": 1, "act": arrives}))]));
    assert_eq!(place.gitlab().cancel_auto_merge(1), Err(ForgeError::MergedMeanwhile));

    let place = armed();
    place.act(&json!({"do": "close", "number": 1}));
    assert_eq!(place.gitlab().cancel_auto_merge(1), Ok(false));
    assert!(matches!(place.gitlab().cancel_auto_merge(99), Err(ForgeError::NotFound(_))));
}

#[test]
fn what_gitlab_is_merging_just_now_is_waited_for() {
    let place = armed();
    let at_it = json!({"nth": 1, "patch": {"/state": "locked"}});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &at_it)]));
    assert_eq!(place.gitlab().cancel_auto_merge(1), Ok(true));
    let at_it = json!({"patch": {"/state": "locked"}});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &at_it)]));
    let stopped = place.gitlab().cancel_auto_merge(1);
    assert!(matches!(stopped, Err(ForgeError::Unknown(_))), "{stopped:?}");
}

#[test]
fn what_gitlab_does_not_take_back_is_told() {
    let place = armed();
    // It says "created" all the same.
    let error = json!({"status": "error", "http_status": 406, "message": "Can't cancel"});
    let rule = json!({"status": 201, "json": error});
    place.fake.faults(json!([fault("POST", CANCEL, &rule)]));
    let stopped = place.gitlab().cancel_auto_merge(1);
    assert!(matches!(stopped, Err(ForgeError::Unknown(_))), "{stopped:?}");
}

#[test]
fn who_may_not_take_a_merge_back_is_told_what_is_missing() {
    let place = armed();
    place.act(&json!({"do": "protect", "branch": "main", "merge": "maintainer"}));
    place.act(&json!({"do": "member", "user": "dan", "role": "developer"}));
    let secret = place.token(&json!({"name": "dan", "user": "dan"}));
    let stopped = place.with_token(&secret, false, 30).cancel_auto_merge(1);
    assert!(matches!(&stopped, Err(ForgeError::Forbidden { need: Some(_), .. })), "{stopped:?}");
    assert!(place.gitlab().get(1).expect("get").auto_merge);
}
