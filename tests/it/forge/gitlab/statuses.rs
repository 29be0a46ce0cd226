//! How a request's head is judged, and what comes of it.

use pinrail::forge::{
    CommitState, CommitStatus, Forge, ForgeError, Merged, PullRequest, PullRequestState,
};
use serde_json::{Value, json};

use super::{Place, fault};

const SET: &str = "POST /projects/{id}/statuses/{sha}";

fn status(state: CommitState) -> CommitStatus {
    CommitStatus {
        context: "pinrail/gates".to_owned(),
        state,
        description: "soaks until noon".to_owned(),
        url: Some("https://example.com/board".to_owned()),
    }
}

/// Makes a pipeline of the request and tells its number.
fn pipeline(place: &Place, state: &str) -> Value {
    let step = json!({"do": "pipeline", "project": place.project, "number": 1, "state": state});
    place.fake.act(step)["id"].clone()
}

fn statuses(place: &Place) -> Vec<Value> {
    let state = place.fake.state(&place.project);
    let all = state["statuses"].as_array().expect("a list").iter();
    all.filter(|one| one["context"] == "pinrail/gates").cloned().collect()
}

#[test]
fn a_status_follows_its_states_and_is_set_once_for_each_word() {
    let place = Place::new();
    let request = place.open();
    let number = pipeline(&place, "success");
    let gitlab = place.gitlab();
    for (state, word) in [
        (CommitState::Pending, "pending"),
        (CommitState::Failure, "failed"),
        (CommitState::Success, "success"),
        (CommitState::Failure, "failed"),
        (CommitState::Pending, "pending"),
        (CommitState::Success, "success"),
    ] {
        assert_eq!(gitlab.set_status(&request, &status(state)), Ok(true), "{word}");
        assert_eq!(gitlab.set_status(&request, &status(state)), Ok(false), "{word}");
        let newest = statuses(&place).pop().expect("one");
        assert_eq!((&newest["state"], &newest["pipeline"]), (&json!(word), &number));
        assert_eq!(newest["targetUrl"], json!("https://example.com/board"));
    }
    assert_eq!(place.asked(SET), 6);
    place.fake.assert_nothing_repeated();
}

/// GitLab changes the words of what is pending with its state alone.
#[test]
fn other_words_are_news_but_for_what_is_pending() {
    let place = Place::new();
    let request = place.open();
    pipeline(&place, "success");
    let gitlab = place.gitlab();
    for (state, changes) in [(CommitState::Pending, false), (CommitState::Failure, true)] {
        gitlab.set_status(&request, &status(state)).expect("set");
        let other = CommitStatus { description: "is locked".to_owned(), ..status(state) };
        assert_eq!(gitlab.set_status(&request, &other), Ok(changes));
    }
    let words: Vec<_> = statuses(&place).iter().map(|one| one["description"].clone()).collect();
    assert_eq!(words, ["soaks until noon", "is locked"]);
}

#[test]
fn a_status_goes_to_the_pipeline_that_the_merge_waits_for() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    let request = place.open();
    pipeline(&place, "success");
    place.act(&json!({"do": "pipeline", "branch": "pin/a", "state": "failed"}));
    let newest = pipeline(&place, "success");
    let gitlab = place.gitlab();
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Failure)), Ok(true));
    assert_eq!(statuses(&place)[0]["pipeline"], newest);
    assert!(matches!(gitlab.merge(1, &place.merge()), Err(ForgeError::NotMergeable(_))));
    // One that is made anew, by a new run, has none of it yet.
    let rerun = pipeline(&place, "success");
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Failure)), Ok(true));
    assert_eq!(statuses(&place)[1]["pipeline"], rerun);
}

#[test]
fn what_the_status_forbids_nobody_merges_until_it_is_green() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    let request = place.open();
    pipeline(&place, "success");
    let gitlab = place.gitlab();
    let click = || {
        let step = json!({"do": "click", "project": place.project, "number": 1, "by": "ann"});
        place.fake.act(step)["merged"].clone()
    };
    for state in [CommitState::Failure, CommitState::Pending] {
        assert_eq!(gitlab.set_status(&request, &status(state)), Ok(true));
        assert_eq!(click(), json!(false), "{state:?}");
        if state == CommitState::Failure {
            let refused = gitlab.merge(1, &place.merge());
            assert!(matches!(refused, Err(ForgeError::NotMergeable(_))), "{refused:?}");
        }
    }
    assert_eq!(gitlab.merge(1, &place.ready()), Ok(Merged::WhenReady));
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Success)), Ok(true));
    assert_eq!(gitlab.get(1).map(|request| request.state), Ok(PullRequestState::Merged));
}

#[test]
fn after_green_a_merge_by_hand_goes_through() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    let request = place.open();
    pipeline(&place, "success");
    let gitlab = place.gitlab();
    for state in [CommitState::Failure, CommitState::Success] {
        gitlab.set_status(&request, &status(state)).expect("set");
    }
    let step = json!({"do": "click", "project": place.project, "number": 1, "by": "ann"});
    assert_eq!(place.fake.act(step), json!({"merged": true, "words": null}));
}

/// A success would be a pipeline that passed, in place of the project's own.
#[test]
fn before_there_is_a_pipeline_only_what_stops_the_merge_is_set() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    let request = place.open();
    let gitlab = place.gitlab();
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Success)), Ok(false));
    assert_eq!((statuses(&place), place.asked(SET)), (Vec::new(), 0));
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Failure)), Ok(true));
    let made = place.fake.state(&place.project)["pipelines"][0].clone();
    assert_eq!((&made["ref"], &made["source"]), (&json!("pin/a"), &json!("external")));
    assert!(matches!(gitlab.merge(1, &place.merge()), Err(ForgeError::NotMergeable(_))));
    assert_eq!(gitlab.set_status(&request, &status(CommitState::Success)), Ok(true));
    assert!(matches!(gitlab.merge(1, &place.merge()), Ok(Merged::Now { .. })));
}

/// A pipeline of merged results runs on a commit of its own, and its status belongs there.
#[test]
fn the_pipeline_of_merged_results_is_judged_at_its_own_commit() {
    let place = Place::new();
    let request = place.open();
    let number = place.fake.act(json!({"do": "pipeline", "project": place.project,
        "branch": "main", "state": "success"}))["id"]
        .clone();
    let merged = json!({"id": number, "sha": place.base, "status": "success"});
    place.fake.faults(json!([fault(
        "GET",
        "/merge_requests/{iid}",
        &json!({"patch": {"/head_pipeline": merged}})
    )]));
    assert_eq!(place.gitlab().set_status(&request, &status(CommitState::Failure)), Ok(true));
    let set = statuses(&place).pop().expect("one");
    assert_eq!((&set["sha"], &set["pipeline"]), (&json!(place.base), &number));
}

#[test]
fn a_head_that_moved_is_not_judged() {
    let place = Place::new();
    let request = place.open();
    pipeline(&place, "success");
    place.act(&json!({"do": "push", "branch": "pin/a", "files": {"y": "1"}}));
    let set = place.gitlab().set_status(&request, &status(CommitState::Success));
    assert_eq!((set, place.asked(SET)), (Err(ForgeError::HeadMoved), 0));
    let nowhere = PullRequest { number: 99, ..request };
    let set = place.gitlab().set_status(&nowhere, &status(CommitState::Success));
    assert!(matches!(set, Err(ForgeError::NotFound(_))), "{set:?}");
}

#[test]
fn f3_a_status_without_an_answer_is_looked_up() {
    for preset in ["html-502", "drop", "empty-body"] {
        let place = Place::new();
        let request = place.open();
        pipeline(&place, "success");
        let rule = json!({"nth": 1, "when": "after", "preset": preset});
        place.fake.faults(json!([fault("POST", "/statuses/{sha}", &rule)]));
        let set = place.gitlab().set_status(&request, &status(CommitState::Success));
        assert_eq!((set, place.asked(SET)), (Ok(true), 1), "{preset}");
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn a_status_that_another_one_is_in_the_way_of_is_set_after_it() {
    let place = Place::new();
    let request = place.open();
    pipeline(&place, "success");
    let busy = json!({
        "nth": 1, "status": 409,
        "json": {"message": "Another update to this commit status is in progress"},
    });
    place.fake.faults(json!([fault("POST", "/statuses/{sha}", &busy)]));
    let set = place.gitlab().set_status(&request, &status(CommitState::Success));
    assert_eq!(set, Ok(true));
    place.fake.assert_nothing_repeated();
}
