//! A merge is of the approved commit, once, or says in words why not.

use pinrail::domain::environment::MergeMethod;
use pinrail::forge::{Forge, ForgeError, Merge, Merged, PullRequestState};
use serde_json::{Value, json};

use super::{LIST, Place, fault, spec};

const MERGE: &str = "/merge_requests/{iid}/merge";

fn branch(place: &Place, name: &str) -> String {
    let state = place.fake.state(&place.project);
    state["branches"][name].as_str().unwrap_or("gone").to_owned()
}

fn now(commit: String) -> Merged {
    Merged::Now { commit: Some(commit) }
}

fn refused(place: &Place, merge: &Merge) -> String {
    match place.gitlab().merge(1, merge) {
        Err(ForgeError::NotMergeable(words)) => words,
        other => panic!("{other:?}"),
    }
}

fn status(place: &Place, state: &str) {
    place.act(&json!({"do": "status", "branch": "pin/a", "state": state}));
}

#[test]
fn f7_a_merge_waits_until_gitlab_knows_whether_it_can_be_merged() {
    let place = Place::new();
    place.fake.settings(json!({"mergeabilityPolls": 3}));
    place.open();
    let merged = place.gitlab().merge(1, &place.merge());
    assert_eq!(merged, Ok(now(branch(&place, "main"))));
    assert_eq!(branch(&place, "pin/a"), "gone");
    let request = place.gitlab().get(1).expect("get");
    assert_eq!(request.state, PullRequestState::Merged);
    assert_eq!(request.merged_with, Some(branch(&place, "main")));
    assert_eq!(place.asked(&format!("PUT {LIST}/{{iid}}/merge")), 1);
    place.fake.assert_nothing_repeated();
}

#[test]
fn f8_another_commit_than_the_approved_one_is_not_merged() {
    let place = Place::new();
    place.open();
    let stale = Merge { head: place.base.clone(), ..place.merge() };
    assert_eq!(place.gitlab().merge(1, &stale), Err(ForgeError::HeadMoved));
    // Between our look and the merge: 405, for GitLab checks the new head first.
    let push = json!({
        "nth": 1,
        "act": {"do": "push", "project": place.project, "branch": "pin/a", "files": {"y": "1"}},
    });
    place.fake.faults(json!([fault("PUT", MERGE, &push)]));
    assert_eq!(place.gitlab().merge(1, &place.merge()), Err(ForgeError::HeadMoved));
    let log = place
        .fake
        .get(&format!("/log?route=PUT%20{}", LIST.replace('/', "%2F") + "%2F%7Biid%7D%2Fmerge"));
    assert_eq!(log[0]["status"], json!(405), "{log}");
    assert_eq!(branch(&place, "main"), place.base);
}

#[test]
fn f8_each_gate_is_told_in_words() {
    let place = Place::new();
    place.open();
    place.act(&json!({"do": "edit", "number": 1, "title": "Draft: Promote"}));
    assert!(refused(&place, &place.merge()).contains("draft"));
    place.act(&json!({"do": "edit", "number": 1, "title": "Promote"}));

    place.configure(&json!({"discussionsMustBeResolved": true}));
    place.act(&json!({"do": "discuss", "number": 1}));
    assert!(refused(&place, &place.merge()).contains("discussions"));
    place.act(&json!({"do": "discuss", "number": 1, "resolved": true}));

    place.act(&json!({"do": "approvalRule", "required": 1}));
    assert!(refused(&place, &place.merge()).contains("approval"));
    place.act(&json!({"do": "review", "number": 1, "by": "ann", "state": "CHANGES_REQUESTED"}));
    assert!(refused(&place, &place.merge()).contains("asked for changes"));
    place.act(&json!({"do": "edit", "number": 1, "reviewers": []}));
    place.act(&json!({"do": "close", "number": 1}));
    assert_eq!(place.gitlab().merge(1, &place.merge()), Err(ForgeError::ClosedMeanwhile));
    assert_eq!(place.asked(&format!("PUT {LIST}/{{iid}}/merge")), 0);
}

#[test]
fn f8_a_pipeline_that_has_to_pass_a_conflict_and_a_status_nobody_knows() {
    let place = Place::new();
    place.open();
    place.configure(&json!({"pipelineMustSucceed": true}));
    status(&place, "failed");
    assert!(refused(&place, &place.merge()).contains("pipeline has to pass"));
    place.configure(&json!({"pipelineMustSucceed": false}));
    let new = json!({"patch": {"/detailed_merge_status": "full_moon"}});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &new)]));
    assert!(refused(&place, &place.merge()).contains("full_moon"));
    place.fake.faults(json!([]));
    place.act(&json!({"do": "push", "branch": "main", "files": {"pins/api.json": "3\n"}}));
    assert!(refused(&place, &place.merge()).contains("conflicts"));
}

#[test]
fn f8_who_may_not_merge_into_a_protected_branch_is_told_so() {
    let place = Place::new();
    place.open();
    place.act(&json!({"do": "protect", "branch": "main", "merge": "maintainer"}));
    let error = place.gitlab().merge(1, &place.merge()).expect_err("not bob");
    assert!(matches!(&error, ForgeError::Forbidden { need: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains("merge into `main`"), "{error}");
}

#[test]
fn f8_a_base_that_moves_during_the_merge_is_tried_again() {
    let place = Place::new();
    place.open();
    let push = json!({
        "nth": 1, "when": "checked",
        "act": {"do": "push", "project": place.project, "branch": "main", "files": {"z": "1"}},
    });
    place.fake.faults(json!([fault("PUT", MERGE, &push)]));
    let merged = place.gitlab().merge(1, &place.merge());
    assert_eq!(merged, Ok(now(branch(&place, "main"))));
    place.fake.assert_nothing_repeated();
}

#[test]
fn f13_what_people_do_in_the_middle_of_a_merge_is_noticed() {
    for (act, expected) in
        [("merge", ForgeError::MergedMeanwhile), ("close", ForgeError::ClosedMeanwhile)]
    {
        let place = Place::new();
        place.open();
        let step = json!({"do": act, "project": place.project, "number": 1});
        place.fake.faults(json!([fault("PUT", MERGE, &json!({"nth": 1, "act": step}))]));
        assert_eq!(place.gitlab().merge(1, &place.merge()), Err(expected));
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn f3_a_merge_whose_answer_is_lost_is_found_merged() {
    for preset in ["html-502", "drop", "empty-body"] {
        let place = Place::new();
        place.open();
        let rule = json!({"nth": 1, "when": "after", "preset": preset});
        place.fake.faults(json!([fault("PUT", MERGE, &rule)]));
        let merged = place.gitlab().merge(1, &place.merge());
        assert_eq!(merged, Ok(now(branch(&place, "main"))), "{preset}");
        assert_eq!(place.asked(&format!("PUT {LIST}/{{iid}}/merge")), 1, "{preset}");
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn a_merge_that_gitlab_is_still_at_when_it_answers_is_waited_for() {
    let place = Place::new();
    place.open();
    let at_it = json!({"patch": {"/state": "locked", "/merge_commit_sha": null}});
    place.fake.faults(json!([fault("PUT", MERGE, &at_it)]));
    let merged = place.gitlab().merge(1, &place.merge());
    assert_eq!(merged, Ok(now(branch(&place, "main"))));
    place.fake.assert_nothing_repeated();
}

#[test]
fn f15_a_job_token_cannot_merge() {
    let place = Place::new();
    place.open();
    let secret = place.token(&json!({"kind": "job", "user": "bob", "project": place.project}));
    let error = place.with_token(&secret, true, 30).merge(1, &place.merge()).expect_err("a job");
    assert!(matches!(error, ForgeError::Auth(_)), "{error:?}");
}

#[test]
fn f10_auto_merge_waits_for_the_pipeline_that_is_about_to_come() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    place.open();
    let pipeline = json!({
        "nth": 3,
        "act": {"do": "status", "project": place.project, "branch": "pin/a", "state": "running"},
    });
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &pipeline)]));
    let gitlab = place.gitlab();
    assert_eq!(gitlab.merge(1, &place.ready()), Ok(Merged::WhenReady));
    assert!(gitlab.get(1).expect("get").auto_merge);
    assert_eq!(gitlab.merge(1, &place.ready()), Ok(Merged::WhenReady));
    place.fake.assert_nothing_repeated();
    status(&place, "success");
    assert_eq!(gitlab.get(1).map(|request| request.state), Ok(PullRequestState::Merged));
}

#[test]
fn f10_auto_merge_of_what_waits_for_an_approval() {
    let place = Place::new();
    place.open();
    status(&place, "success");
    place.act(&json!({"do": "approvalRule", "required": 1}));
    let rule = json!({"nth": 1, "when": "after", "preset": "html-502"});
    place.fake.faults(json!([fault("PUT", MERGE, &rule)]));
    assert_eq!(place.gitlab().merge(1, &place.ready()), Ok(Merged::WhenReady));
    place.fake.assert_nothing_repeated();
    place.act(&json!({"do": "review", "number": 1, "by": "ann"}));
    assert_eq!(place.gitlab().merge(1, &place.ready()), Err(ForgeError::MergedMeanwhile));
}

#[test]
fn f10_where_nothing_is_to_be_waited_for_auto_merge_is_a_merge() {
    for pipeline in [None, Some("success")] {
        let place = Place::new();
        place.open();
        if let Some(state) = pipeline {
            status(&place, state);
        }
        let merged = place.gitlab().merge(1, &place.ready());
        assert_eq!(merged, Ok(now(branch(&place, "main"))), "{pipeline:?}");
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn f10_a_pipeline_that_never_comes_is_named() {
    let place = Place::new();
    place.configure(&json!({"pipelineMustSucceed": true}));
    place.open();
    assert!(refused(&place, &place.ready()).contains("it has none yet"));
    assert_eq!(branch(&place, "main"), place.base);
}

#[test]
fn f17_on_the_merge_train_is_not_merged() {
    let place = Place::new();
    place.configure(&json!({"mergeTrains": true}));
    place.open();
    let rule = json!({"nth": 1, "when": "after", "preset": "html-502"});
    place.fake.faults(json!([fault("POST", "/merge_trains/merge_requests/{iid}", &rule)]));
    assert_eq!(place.gitlab().merge(1, &place.merge()), Ok(Merged::Queued));
    assert_eq!(place.gitlab().merge(1, &place.merge()), Ok(Merged::Queued));
    assert_eq!(branch(&place, "main"), place.base);
    place.fake.assert_nothing_repeated();
    place.act(&json!({"do": "queue"}));
    assert_eq!(place.gitlab().merge(1, &place.merge()), Err(ForgeError::MergedMeanwhile));
}

#[test]
fn f18_the_commit_on_the_base_is_told_whatever_the_project_makes() {
    let squash = MergeMethod::Squash;
    for (settings, method) in [
        (json!({"mergeMethod": "ff"}), MergeMethod::Rebase),
        (json!({"mergeMethod": "ff", "squashOption": "always"}), MergeMethod::Merge),
        (json!({"mergeMethod": "rebase_merge"}), MergeMethod::Rebase),
        (json!({}), squash),
        (json!({"mergeMethod": "ff"}), squash),
    ] {
        let place = Place::new();
        place.configure(&settings);
        place.open();
        let merged = place.gitlab().merge(1, &Merge { method, ..place.merge() });
        assert_eq!(merged, Ok(now(branch(&place, "main"))), "{settings}");
        let request = &place.fake.state(&place.project)["requests"][0];
        let is_squashed = request["squashSha"] != Value::Null;
        assert_eq!(is_squashed, method == squash || settings["squashOption"] == "always");
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn a_squash_that_the_project_forbids_names_the_setting() {
    let place = Place::new();
    place.configure(&json!({"squashOption": "never"}));
    place.open();
    let squash = Merge { method: MergeMethod::Squash, ..place.merge() };
    assert!(refused(&place, &squash).contains("Squash commits when merging"));
}

#[test]
fn a_branch_that_is_behind_is_not_rebased_as_other_commits_were_approved() {
    let place = Place::new();
    place.configure(&json!({"mergeMethod": "ff"}));
    place.open();
    place.act(&json!({"do": "push", "branch": "main", "files": {"z": "1"}}));
    let rebase = Merge { method: MergeMethod::Rebase, ..place.merge() };
    assert!(refused(&place, &rebase).contains("commits that were approved"));
    assert_eq!(branch(&place, spec().branch.as_ref()), place.head);
}
