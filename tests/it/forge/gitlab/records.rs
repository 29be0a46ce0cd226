//! Deployments, statuses and comparisons.

use pinrail::forge::{ApiCommit, CommitState, CommitStatus, Deployment, Forge, ForgeError};
use serde_json::json;

use super::{Place, fault};

fn deployment(place: &Place) -> Deployment {
    Deployment {
        project: place.project.clone(),
        revision: place.base.clone(),
        environment: "production/api".to_owned(),
        url: Some("https://api.example.com/".parse().expect("a URL")),
        production: true,
        description: "api 2".to_owned(),
    }
}

#[test]
fn f19_what_is_live_is_recorded_once() {
    let place = Place::new();
    let gitlab = place.gitlab();
    let first = deployment(&place);
    gitlab.deploy(&first).expect("deploy");
    gitlab.deploy(&first).expect("deploy again");
    let state = place.fake.state(&place.project);
    assert_eq!(state["deployments"].as_array().map(Vec::len), Some(1), "{state}");
    assert_eq!(state["deployments"][0]["sha"], json!(place.base));
    assert_eq!(state["deployments"][0]["status"], json!("success"));
    assert_eq!(state["environments"][0]["externalUrl"], json!("https://api.example.com/"));
    assert_eq!(state["environments"][0]["tier"], json!("production"));

    let moved = Deployment {
        revision: place.head.clone(),
        url: Some("https://new.example.com/".parse().expect("a URL")),
        ..first.clone()
    };
    gitlab.deploy(&moved).expect("another revision");
    gitlab
        .deploy(&Deployment { environment: "dev/api".to_owned(), production: false, ..moved })
        .expect("another environment");
    let state = place.fake.state(&place.project);
    assert_eq!(state["environments"][0]["externalUrl"], json!("https://new.example.com/"));
    assert_eq!(state["environments"][1]["tier"], json!("development"));
    place.fake.assert_nothing_repeated();
    // A step back is news again.
    gitlab.deploy(&first).expect("back");
    assert_eq!(place.fake.state(&place.project)["deployments"].as_array().map(Vec::len), Some(4));
}

#[test]
fn f19_a_job_token_is_enough_in_its_own_project() {
    let place = Place::new();
    let secret = place.token(&json!({"kind": "job", "user": "bob", "project": place.project}));
    let gitlab = place.with_token(&secret, true, 30);
    gitlab.deploy(&deployment(&place)).expect("deploy");
    place.fake.assert_nothing_repeated();
}

#[test]
fn f19_a_protected_environment_is_told_in_words() {
    let place = Place::new();
    place.configure(&json!({"protectedEnvironments": {"production/api": "maintainer"}}));
    let error = place.gitlab().deploy(&deployment(&place)).expect_err("not bob");
    assert!(matches!(&error, ForgeError::Forbidden { need: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains("`production/api`"), "{error}");
}

#[test]
fn f3_a_record_without_an_answer_is_looked_up() {
    for preset in ["html-502", "drop", "empty-body"] {
        let place = Place::new();
        let rule = json!({"nth": 1, "when": "after", "preset": preset});
        place.fake.faults(json!([
            fault("POST", "/environments", &rule),
            fault("POST", "/deployments", &rule),
            fault("POST", "/statuses/{sha}", &rule),
        ]));
        place.gitlab().deploy(&deployment(&place)).expect("deploy");
        place.gitlab().set_status(&place.head, &status(CommitState::Success)).expect("status");
        place.fake.assert_nothing_repeated();
    }
}

fn status(state: CommitState) -> CommitStatus {
    CommitStatus {
        context: "pinrail/soak".to_owned(),
        state,
        description: "soaks until noon".to_owned(),
        url: Some("https://example.com/board".to_owned()),
    }
}

#[test]
fn a_status_follows_its_states_and_may_be_set_twice() {
    let place = Place::new();
    let gitlab = place.gitlab();
    for (state, word) in [
        (CommitState::Pending, "pending"),
        (CommitState::Pending, "pending"),
        (CommitState::Failure, "failed"),
        (CommitState::Success, "success"),
    ] {
        gitlab.set_status(&place.head, &status(state)).expect("set");
        let statuses = place.fake.state(&place.project)["statuses"].clone();
        let newest = statuses.as_array().and_then(|all| all.last()).expect("one").clone();
        assert_eq!((&newest["state"], &newest["context"]), (&json!(word), &json!("pinrail/soak")));
        assert_eq!(newest["targetUrl"], json!("https://example.com/board"));
    }
    let error = gitlab.set_status(&"0".repeat(40), &status(CommitState::Success));
    assert!(matches!(error, Err(ForgeError::NotFound(_))), "{error:?}");
}

#[test]
fn a_status_that_another_one_is_in_the_way_of_is_set_after_it() {
    let place = Place::new();
    let busy = json!({
        "nth": 1, "status": 409,
        "json": {"message": {"base": ["Another update to this pipeline is in progress"]}},
    });
    place.fake.faults(json!([fault("POST", "/statuses/{sha}", &busy)]));
    place.gitlab().set_status(&place.head, &status(CommitState::Success)).expect("set");
    place.fake.assert_nothing_repeated();
}

#[test]
fn commits_between_two_revisions_are_told_newest_first() {
    let place = Place::new();
    let more = json!({"do": "push", "branch": "pin/a", "files": {"b": "1"}, "message": "Second", "by": "ann"});
    place.act(&more);
    place.act(&json!({"do": "push", "branch": "main", "files": {"c": "1"}}));
    let gitlab = place.gitlab();
    let found = gitlab.compare(&place.project, "main", "pin/a").expect("compare").expect("there");
    let subjects: Vec<_> =
        found.commits.iter().map(|one| (one.message.as_str(), one.author.as_str())).collect();
    assert_eq!(subjects, [("Second", "ann"), ("Pin api 2", "human")]);
    assert_eq!((found.total, found.behind), (2, 1));
    let page = format!("{}/{}/-/compare/main...pin/a", place.fake.web(), place.project);
    assert_eq!(found.url, Some(page));
    assert_eq!(gitlab.compare(&place.project, "main", "gone"), Ok(None));
    assert_eq!(gitlab.compare("acme/hidden", "main", "pin/a"), Ok(None));
}

#[test]
fn f2_a_commit_through_the_api_is_refused_as_gitlab_cannot_compare_and_swap() {
    let place = Place::new();
    let commit = ApiCommit {
        branch: "main".parse().expect("a branch"),
        from: Some(place.base.clone()),
        parent: place.base.clone(),
        subject: "Pin".to_owned(),
        body: String::new(),
        files: Vec::new(),
    };
    let error = place.gitlab().commit(&commit).expect_err("not on GitLab");
    assert!(matches!(error, ForgeError::Unsupported(_)), "{error:?}");
    assert_eq!(place.fake.get("/counters")["requests"], json!(0));
}
