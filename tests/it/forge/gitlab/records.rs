//! Deployments and comparisons.

use pinrail::forge::{ApiCommit, Deployment, Forge, ForgeError};
use serde_json::json;

use super::{Place, fault};
use crate::support::git::git;

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
        ]));
        place.gitlab().deploy(&deployment(&place)).expect("deploy");
        place.fake.assert_nothing_repeated();
    }
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

/// Whether a step is one forward: only what the older has and the newer lacks is told by `behind`.
#[test]
fn what_the_newer_revision_lacks_is_counted() {
    let place = Place::new();
    place.act(&json!({"do": "push", "branch": "main", "files": {"other": "1"}}));
    let folder = place.fake.folder(&place.project);
    let main = git(&folder, &["rev-parse", "main"]);
    let tree = git(&folder, &["rev-parse", "main^{tree}"]);
    let stranger = git(&folder, &["commit-tree", "-m", "Another root", &tree]);
    git(&folder, &["update-ref", "refs/heads/unrelated", &stranger]);
    place.act(&json!({"do": "sync"}));
    let gitlab = place.gitlab();
    let behind = |from: &str, to: &str| {
        let between = gitlab.compare(&place.project, from, to).expect("asked");
        between.map(|it| (it.total, it.behind))
    };
    assert_eq!(behind(&main, &main), Some((0, 0)), "the same");
    assert_eq!(behind(&place.base, &main), Some((1, 0)), "ahead");
    assert_eq!(behind(&main, &place.base), Some((0, 1)), "behind");
    assert_eq!(behind(&main, &place.head), Some((1, 1)), "diverged");
    assert_eq!(behind(&main, &stranger), Some((1, 2)), "unrelated");
    for missing in ["0".repeat(40), "gone".to_owned()] {
        assert_eq!((behind(&main, &missing), behind(&missing, &main)), (None, None));
    }
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
