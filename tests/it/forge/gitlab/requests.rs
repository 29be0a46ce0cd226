//! Requests are found, listed, opened, closed and commented, once each.

use pinrail::forge::{Forge, ForgeError, Merged, PullRequestState};
use serde_json::json;

use super::{LIST, Place, fault, spec};
use crate::support::forge::FakeForge;

#[test]
fn a_request_is_opened_found_read_commented_and_closed() {
    let place = Place::new();
    let gitlab = place.gitlab();
    let (branch, base) = (spec().branch, spec().base);
    assert_eq!(gitlab.find_open(&branch, &base), Ok(None));
    let written = gitlab.create(&spec()).expect("create");
    assert_eq!(written.warnings, Vec::<String>::new());
    let request = written.request;
    assert_eq!((request.number, request.state), (1, PullRequestState::Open));
    assert_eq!((request.branch.as_str(), request.base.as_str()), ("pin/a", "main"));
    assert_eq!((request.head.as_str(), request.author.as_str()), (place.head.as_str(), "bob"));
    assert_eq!((request.title.as_str(), request.body.as_str()), ("Promote api", "What changes.\n"));
    assert_eq!(request.url, format!("{}/{}/-/merge_requests/1", place.fake.web(), place.project));
    assert!(!request.draft && !request.auto_merge && request.merged_with.is_none());
    assert_eq!(gitlab.find_open(&branch, &base), Ok(Some(request.clone())));
    assert_eq!(gitlab.find_open(&base, &branch), Ok(None));
    assert_eq!(gitlab.get(1), Ok(request.clone()));
    assert_eq!(gitlab.list_open("pin/"), Ok(vec![request]));
    assert_eq!(gitlab.list_open("other/"), Ok(Vec::new()));
    let truth = &place.fake.state(&place.project)["requests"][0];
    assert_eq!(truth["labels"], json!(["promotion"]));
    assert_eq!(truth["removeSource"], json!(true));

    assert_eq!(gitlab.approvals(1), Ok(Vec::new()));
    place.act(&json!({"do": "review", "number": 1, "by": "ann"}));
    assert_eq!(gitlab.approvals(1), Ok(vec!["ann".to_owned()]));
    gitlab.comment(1, "Live.").expect("comment");
    gitlab.comment(1, "Live.").expect("comment again");
    gitlab.close(1).expect("close");
    gitlab.close(1).expect("close again");
    assert_eq!(gitlab.get(1).map(|request| request.state), Ok(PullRequestState::Closed));
    assert_eq!(gitlab.find_open(&branch, &base), Ok(None));
    let counters = place.fake.get("/counters");
    let expected = json!({"request": 1, "comment": 1, "request-update": 1});
    assert_eq!(counters["byKind"], expected);
    place.fake.assert_nothing_repeated();
}

#[test]
fn a_list_of_all_has_those_of_forks_and_tells_them_apart() {
    let place = Place::new();
    place.fake.act(json!([
        {"do": "project", "path": "eve/root", "files": {"x": "1"}},
        {"do": "push", "project": "eve/root", "branch": "pin/a", "files": {"y": "1"}},
        {"do": "open", "project": place.project, "source": "eve/root", "head": "pin/a", "by": "eve"},
        {"do": "open", "project": place.project, "head": "pin/a"},
    ]));
    let gitlab = place.gitlab();
    let listed = |prefix: &str| -> Vec<_> {
        let found = gitlab.list_open(prefix).expect("listed");
        found.into_iter().map(|it| (it.number, it.branch, it.base, it.from_fork)).collect()
    };
    let one = |number, from_fork| (number, "pin/a".to_owned(), "main".to_owned(), from_fork);
    assert_eq!(listed(""), [one(1, true), one(2, false)]);
    assert_eq!(listed("pin/"), [one(2, false)]);
    let found = gitlab.find_open(&spec().branch, &spec().base).expect("asked");
    assert_eq!(found.map(|it| (it.number, it.head)), Some((2, place.head.clone())));
    assert!(gitlab.get(1).expect("get").from_fork);
}

#[test]
fn f22_a_relative_root_and_names_that_are_encoded() {
    let place = Place::on(FakeForge::gitlab_below("/gitlab"), "acme/Größe/root");
    place.act(&json!({"do": "push", "branch": "pin/ä#&+1", "files": {"x": "1"}}));
    let gitlab = place.gitlab();
    let mut odd = spec();
    odd.branch = "pin/ä#&+1".parse().expect("a branch");
    let request = gitlab.create(&odd).expect("create").request;
    assert!(request.url.contains("/gitlab/acme/"), "{}", request.url);
    assert_eq!(gitlab.find_open(&odd.branch, &odd.base), Ok(Some(request)));
    assert!(gitlab.branch(&odd.branch).expect("branch").exists);
    let behind = gitlab.compare(&place.project, "main", "pin/ä#&+1").expect("compare");
    assert_eq!(behind.expect("there").total, 1);
    gitlab.comment(1, "Größe").expect("comment");
    let request = gitlab.create(&spec()).expect("create").request;
    assert!(matches!(gitlab.merge(request.number, &place.merge()), Ok(Merged::Now { .. })));
    place.fake.assert_nothing_repeated();
    place.act(&json!({"do": "rename", "to": "acme/Größe/new"}));
    let moved = ForgeError::Moved { to: Some("acme/Größe/new".to_owned()) };
    assert_eq!(gitlab.get(1), Err(moved));
}

#[test]
fn f9_a_second_request_for_a_branch_exists_already() {
    let place = Place::new();
    place.open();
    assert_eq!(place.gitlab().create(&spec()), Err(ForgeError::AlreadyExists));
    place.fake.assert_nothing_repeated();
}

#[test]
fn a_branch_with_nothing_new_leaves_no_empty_request_behind() {
    let place = Place::new();
    place.act(&json!({"do": "reset", "branch": "pin/a", "to": "main"}));
    assert_eq!(place.gitlab().create(&spec()), Err(ForgeError::NothingToAsk));
    assert_eq!(place.asked(&format!("POST {LIST}")), 0);
    let mut gone = spec();
    gone.branch = "pin/gone".parse().expect("a branch");
    let error = place.gitlab().create(&gone).expect_err("no branch").to_string();
    assert!(error.contains("pin/gone"), "{error}");
}

#[test]
fn f3_a_write_without_an_answer_is_looked_up_and_not_repeated() {
    for fate in [
        json!({"when": "after", "preset": "html-502"}),
        json!({"when": "after", "preset": "drop"}),
        json!({"preset": "empty-body"}),
        json!({"cut": true}),
        json!({"when": "before", "preset": "drop"}),
    ] {
        let place = Place::new();
        let mut first = fate.clone();
        first["nth"] = 1.into();
        place.fake.faults(json!([
            fault("POST", "/merge_requests", &first),
            fault("POST", "/merge_requests/{iid}/notes", &first),
            fault("PUT", "/merge_requests/{iid}", &first),
        ]));
        let gitlab = place.gitlab();
        assert_eq!(gitlab.create(&spec()).expect("create").request.number, 1, "{fate}");
        gitlab.comment(1, "Live.").expect("comment");
        gitlab.close(1).expect("close");
        let counters = place.fake.get("/counters");
        let expected = json!({"request": 1, "comment": 1, "request-update": 1});
        assert_eq!(counters["byKind"], expected, "{fate}");
        place.fake.assert_nothing_repeated();
    }
}

#[test]
fn f21_a_fresh_request_that_the_list_does_not_show_yet_is_not_opened_twice() {
    let place = Place::new();
    place.fake.settings(json!({"listLag": 1}));
    let rule = json!({"nth": 1, "when": "after", "preset": "html-502"});
    place.fake.faults(json!([fault("POST", "/merge_requests", &rule)]));
    assert_eq!(place.gitlab().create(&spec()), Err(ForgeError::AlreadyExists));
    place.fake.assert_nothing_repeated();
    assert!(place.gitlab().find_open(&spec().branch, &spec().base).expect("find").is_some());
}

#[test]
fn f4_a_burst_of_html_is_waited_out_and_never_shown() {
    let place = Place::new();
    place.open();
    let burst = json!({"from": 1, "to": 2, "preset": "html-502"});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &burst)]));
    assert_eq!(place.gitlab().get(1).map(|request| request.number), Ok(1));
    place.fake.faults(json!([fault(
        "GET",
        "/merge_requests/{iid}",
        &json!({"preset": "html-503"})
    )]));
    let error = place.with_token("glpat-bob", false, 3).get(1).expect_err("it fails");
    assert_eq!(error, ForgeError::Unreachable("GitLab fails (503 Service Unavailable)".to_owned()));
}

#[test]
fn f11_a_request_that_is_closed_between_two_pages_costs_no_other_one() {
    let place = Place::new();
    for batch in ["a", "b", "c"] {
        place.act(&json!({"do": "seed", "requests": 60, "head": format!("load/{batch}/{{n}}")}));
        place.fake.post("/clock", &json!({"advance": 10}));
    }
    let closed = json!({
        "nth": 2,
        "act": [
            {"do": "close", "project": place.project, "number": 1},
            {"do": "close", "project": place.project, "number": 2},
        ],
    });
    place.fake.faults(json!([fault("GET", "/merge_requests", &closed)]));
    let found = place.gitlab().list_open("load/").expect("list");
    let mut numbers: Vec<u64> = found.iter().map(|request| request.number).collect();
    numbers.retain(|number| *number > 2);
    assert_eq!(numbers, (3..=180).collect::<Vec<u64>>());
}

#[test]
fn f11_ten_thousand_open_requests_are_listed_once_each() {
    let place = Place::new();
    place.act(&json!({"do": "seed", "requests": 10_001, "head": "load/{n}"}));
    place.open();
    let gitlab = place.gitlab();
    let found = gitlab.list_open("load/").expect("list");
    let numbers: Vec<u64> = found.iter().map(|request| request.number).collect();
    assert_eq!(numbers, (1..=10_001).collect::<Vec<u64>>());
    let found = gitlab.find_open(&spec().branch, &spec().base).expect("find");
    assert_eq!(found.map(|request| request.number), Some(10_002));
}

#[test]
fn a_comment_is_found_among_hundreds() {
    let place = Place::new();
    place.open();
    let notes: Vec<_> = (0..150)
        .map(|n| json!({"do": "comment", "project": place.project, "number": 1, "body": format!("{n}")}))
        .collect();
    place.fake.act(notes.into());
    place.gitlab().comment(1, "0").expect("said long ago");
    place.gitlab().comment(1, "149").expect("said just now");
    assert_eq!(place.asked(&format!("POST {LIST}/{{iid}}/notes")), 0);
}

#[test]
fn f16_fields_that_an_old_version_does_not_have_are_done_without() {
    let place = Place::new();
    place.open();
    let gone = json!({"patch": {
        "/draft": {"$delete": true}, "/detailed_merge_status": {"$delete": true},
        "/reviewers": {"$delete": true}, "/assignees": {"$delete": true}, "/labels": null,
        "/author": null, "/head_pipeline": {"$delete": true}, "/description": null,
        "/merge_when_pipeline_succeeds": {"$delete": true}, "/squash_commit_sha": {"$delete": true},
        "/new_field": {"of": "a newer version"},
    }});
    place.fake.faults(json!([fault("GET", "/merge_requests/{iid}", &gone)]));
    let request = place.gitlab().get(1).expect("read");
    assert_eq!((request.author.as_str(), request.body.as_str(), request.draft), ("", "", false));
    assert!(place.gitlab().merge(1, &place.merge()).is_ok());
    place.fake.faults(json!([fault(
        "GET",
        "/merge_requests/{iid}",
        &json!({"patch": {"/iid": null}})
    )]));
    let error = place.gitlab().get(1).expect_err("no number");
    assert!(matches!(error, ForgeError::Protocol(_)), "{error:?}");
}
