//! What GitLab, and what stands in front of it, says when it does not do what it was asked.

use pinrail::forge::{CommitState, CommitStatus, Forge, ForgeError};
use serde_json::json;

use super::{LIST, Place, fault, spec};

#[test]
fn f5_a_limit_is_waited_for_and_told() {
    let place = Place::new();
    let soon = json!({"nth": 1, "preset": "rate-limit-soon"});
    place.fake.faults(json!([fault("POST", "/merge_requests", &soon)]));
    place.gitlab().create(&spec()).expect("create");
    let notices = place.notices.borrow().join("\n");
    assert!(notices.contains("no more requests for now: waiting 1 s"), "{notices}");
    place.fake.assert_nothing_repeated();
}

#[test]
fn f5_a_limit_that_ends_too_late_is_an_error_and_not_a_wait() {
    let place = Place::new();
    for preset in ["rate-limit", "rate-limit-bare"] {
        place.fake.faults(json!([fault("GET", "/merge_requests", &json!({"preset": preset}))]));
        let error = place.with_token("glpat-bob", false, 10).list_open("pin/");
        assert!(matches!(error, Err(ForgeError::RateLimited { .. })), "{error:?}");
    }
}

#[test]
fn f12_a_project_that_was_moved_is_neither_read_nor_written() {
    let place = Place::new();
    let request = place.open();
    let number = request.number;
    place.act(&json!({"do": "rename", "to": "acme/platform/new"}));
    let gitlab = place.gitlab();
    let moved = ForgeError::Moved { to: Some("acme/platform/new".to_owned()) };
    assert_eq!(gitlab.get(number), Err(moved.clone()));
    assert_eq!(gitlab.list_open("pin/"), Err(moved.clone()));
    assert_eq!(gitlab.create(&spec()), Err(moved.clone()));
    assert_eq!(gitlab.merge(number, &place.merge()), Err(moved.clone()));
    let status = CommitStatus {
        context: "pinrail".to_owned(),
        state: CommitState::Success,
        description: String::new(),
        url: None,
    };
    assert_eq!(gitlab.set_status(&request, &status), Err(moved));
}

#[test]
fn f12_a_service_that_was_moved_has_nothing_to_compare() {
    let place = Place::new();
    place.fake.act(json!([
        {"do": "project", "path": "acme/platform/api", "members": {"bob": "developer"},
         "files": {"x": "1"}},
        {"do": "rename", "project": "acme/platform/api", "to": "acme/platform/new"},
    ]));
    assert_eq!(place.gitlab().compare("acme/platform/api", "main", "main"), Ok(None));
}

#[test]
fn f12_a_redirect_elsewhere_is_not_followed() {
    let place = Place::new();
    let elsewhere = json!({
        "status": 301, "headers": {"location": "https://elsewhere.example.com/api/v4/"}, "body": "",
    });
    place.fake.faults(json!([fault("POST", "/merge_requests", &elsewhere)]));
    let error = place.gitlab().create(&spec()).expect_err("redirected");
    let to = Some("https://elsewhere.example.com/api/v4/".to_owned());
    assert_eq!(error, ForgeError::Moved { to });
    assert_eq!(place.asked(&format!("POST {LIST}")), 1);
}

#[test]
fn f15_a_token_that_is_not_taken_is_named_and_not_shown() {
    let place = Place::new();
    let expired = place.token(&json!({"name": "old", "user": "bob", "expiresIn": 1}));
    place.fake.post("/clock", &json!({"advance": 10}));
    let deploy =
        place.token(&json!({"name": "deploy", "kind": "deploy", "project": place.project}));
    for (secret, word) in [
        (expired.as_str(), "expired"),
        ("glpat-unknown", "401"),
        (deploy.as_str(), "a deploy token does not reach the API"),
    ] {
        let gitlab = place.with_token(secret, false, 10);
        for error in [
            gitlab.get(1).expect_err("read"),
            gitlab.create(&spec()).expect_err("write"),
            gitlab.token().expect_err("token"),
        ] {
            let words = error.to_string();
            assert!(matches!(error, ForgeError::Auth(_)), "{error:?}");
            assert!(words.contains(word) && words.contains("GITLAB_TOKEN"), "{words}");
            assert!(!words.contains(secret), "{words}");
        }
    }
}

#[test]
fn f15_a_job_token_cannot_open_a_request_and_what_can_is_named() {
    let place = Place::new();
    let secret = place.token(&json!({"kind": "job", "user": "bob", "project": place.project}));
    let error = place.with_token(&secret, true, 10).create(&spec()).expect_err("a job token");
    assert!(error.to_string().contains("project access token"), "{error}");
}

#[test]
fn f15_a_token_that_may_only_read_is_told_what_it_lacks() {
    let place = Place::new();
    let small = place.token(&json!({"name": "small", "user": "bob", "scopes": ["read_api"]}));
    let reader = place.token(&json!({"name": "reader", "user": "cy"}));
    for (secret, lacks) in [(small, "scope"), (reader, "Developer")] {
        let gitlab = place.with_token(&secret, false, 10);
        match gitlab.create(&spec()) {
            Err(ForgeError::Forbidden { need: Some(need), .. }) => assert!(need.contains(lacks)),
            other => panic!("{other:?}"),
        }
    }
    let stranger = place.with_token(&place.token(&json!({"user": "stranger"})), false, 10);
    let error = stranger.get(1).expect_err("hidden");
    assert!(matches!(error, ForgeError::NotFound(_)), "{error:?}");
}

#[test]
fn f15_a_token_that_ends_in_mid_run_ends_the_merge() {
    let place = Place::new();
    place.open();
    let revoke = json!({"nth": 1, "act": {"do": "revoke", "name": "bob"}});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &revoke)]));
    let error = place.gitlab().merge(1, &place.merge()).expect_err("revoked");
    assert!(matches!(error, ForgeError::Auth(_)), "{error:?}");
}

#[test]
fn f20_a_forge_that_hangs_costs_no_more_than_the_time_there_is() {
    let place = Place::new();
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &json!({"hang": true}))]));
    let error = place.with_token("glpat-bob", false, 1).get(1).expect_err("no answer");
    assert!(matches!(error, ForgeError::Timeout(_)), "{error:?}");
}

#[test]
fn f14_a_body_of_the_most_that_gitlab_takes_is_sent_and_a_longer_one_refused_in_words() {
    let place = Place::new();
    let gitlab = place.gitlab();
    let mut long = spec();
    long.body = "ü".repeat(gitlab.body_limit());
    let request = gitlab.create(&long).expect("create").request;
    assert_eq!(request.body.chars().count(), gitlab.body_limit());
    long.body.push('x');
    let error = gitlab.update(&request, &long).expect_err("too long");
    assert!(matches!(&error, ForgeError::Invalid(words) if words.contains("too long")), "{error}");
}

#[test]
fn a_page_in_front_of_gitlab_that_says_yes_is_no_answer() {
    let place = Place::new();
    place.open();
    let page = json!({
        "status": 200, "headers": {"content-type": "text/html"}, "body": "<html>Welcome</html>",
    });
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &page)]));
    let gitlab = place.with_token("glpat-bob", false, 3);
    let error = gitlab.get(1).expect_err("a page").to_string();
    assert!(error.contains("not JSON") && !error.contains("html"), "{error}");
}
