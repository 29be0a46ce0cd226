//! An update sends what differs; people are asked by name, and none is taken away.

use pinrail::forge::{Forge, ForgeError, PullRequestSpec, Reviewer};
use serde_json::{Value, json};

use super::{LIST, Place, fault, spec};

fn logins(place: &Place, field: &str) -> Vec<String> {
    let found = &place.fake.state(&place.project)["requests"][0][field];
    let login = |user: &Value| user.as_str().expect("a login").to_owned();
    found.as_array().expect("a list").iter().map(login).collect()
}

fn with_people(reviewers: &[Reviewer], assignees: &[&str]) -> PullRequestSpec {
    let assignees = assignees.iter().map(ToString::to_string).collect();
    PullRequestSpec { reviewers: reviewers.to_vec(), assignees, ..spec() }
}

fn user(login: &str) -> Reviewer {
    Reviewer::User(login.to_owned())
}

#[test]
fn people_are_found_by_name_and_a_bad_name_costs_no_good_one() {
    let place = Place::new();
    let team = |group: &str| Reviewer::Team(group.to_owned());
    place.fake.act(json!([
        {"do": "group", "path": "acme/reviewers", "members": {"mo": "developer", "cy": "developer"}},
        {"do": "user", "login": "stranger"},
    ]));
    let spec = with_people(
        &[user("ANN"), user("nobody"), user("stranger"), team("acme/reviewers"), team("acme/none")],
        &["bob", "ghost"],
    );
    let written = place.gitlab().create(&spec).expect("create");
    assert_eq!(logins(&place, "reviewers"), ["ann", "mo", "cy"]);
    assert_eq!(logins(&place, "assignees"), ["bob"]);
    let warnings = written.warnings.join("\n");
    for name in ["nobody", "stranger", "acme/none", "ghost"] {
        assert!(warnings.contains(&format!("`{name}`")), "{name}: {warnings}");
    }
    assert_eq!(written.warnings.len(), 4, "{warnings}");
}

#[test]
fn an_update_sends_only_what_differs_and_nothing_where_nothing_differs() {
    let place = Place::new();
    let gitlab = place.gitlab();
    let first = with_people(&[user("ann")], &["bob"]);
    let request = gitlab.create(&first).expect("create").request;
    assert_eq!(gitlab.update(&request, &first).expect("update").request, request);
    assert_eq!(place.asked(&format!("PUT {LIST}/{{iid}}")), 0);

    let edited = json!({"do": "edit", "number": 1, "reviewers": ["mo"], "labels": ["mine"]});
    place.act(&edited);
    let mut next = with_people(&[user("ann")], &["bob"]);
    next.body = "Something else.".to_owned();
    let written = gitlab.update(&request, &next).expect("update");
    assert_eq!(written.request.body, "Something else.");
    assert_eq!(logins(&place, "reviewers"), ["mo", "ann"]);
    let effects = place.fake.get("/effects").to_string();
    assert!(!effects.contains("title") && !effects.contains("assignee_ids"), "{effects}");
    let truth = &place.fake.state(&place.project)["requests"][0];
    assert_eq!(truth["labels"], json!(["mine", "promotion"]));
    place.fake.assert_nothing_repeated();
}

#[test]
fn whether_it_is_a_draft_is_left_to_people() {
    let place = Place::new();
    let gitlab = place.gitlab();
    let mut draft = spec();
    draft.draft = true;
    let request = gitlab.create(&draft).expect("create").request;
    assert_eq!((request.draft, request.title.as_str()), (true, "Promote api"));
    draft.title = "Promote api and web".to_owned();
    let request = gitlab.update(&request, &draft).expect("update").request;
    assert_eq!((request.draft, request.title.as_str()), (true, "Promote api and web"));
    place.act(&json!({"do": "edit", "number": 1, "title": "Promote api and web"}));
    let request = gitlab.update(&request, &draft).expect("update").request;
    assert!(!request.draft);
    assert_eq!(place.asked(&format!("PUT {LIST}/{{iid}}")), 1);
}

#[test]
fn f13_a_request_that_was_closed_or_merged_is_not_updated() {
    let place = Place::new();
    let request = place.open();
    let mut next = spec();
    next.title = "Other".to_owned();
    place.act(&json!({"do": "close", "number": 1}));
    assert_eq!(place.gitlab().update(&request, &next), Err(ForgeError::ClosedMeanwhile));
    place.act(&json!({"do": "reopen", "number": 1}));
    place.act(&json!({"do": "merge", "number": 1}));
    assert_eq!(place.gitlab().update(&request, &next), Err(ForgeError::MergedMeanwhile));
    assert_eq!(place.gitlab().close(1), Err(ForgeError::MergedMeanwhile));
}

#[test]
fn f3_an_update_without_an_answer_is_looked_up() {
    let place = Place::new();
    let request = place.open();
    let rule = json!({"nth": 1, "when": "after", "preset": "gateway-timeout"});
    place.fake.faults(json!([fault("PUT", "/merge_requests/{iid}", &rule)]));
    let mut next = spec();
    next.title = "Other".to_owned();
    let written = place.gitlab().update(&request, &next).expect("update");
    assert_eq!(written.request.title, "Other");
    place.fake.assert_nothing_repeated();
}
