//! Requests: found, listed, opened, brought up to date, talked about, closed.

use std::collections::BTreeSet;

use pinrail::forge::PullRequestState;

use super::*;

#[test]
fn a_request_is_found_by_just_its_branch_and_base() {
    let hub = Hub::new();
    let github = hub.github();
    assert_eq!(github.find_open(&branch("pin/a"), &branch("main")), Ok(None));
    hub.act("push", json!({"branch": "pin/ab", "files": {"x": "1"}}));
    hub.act("open", json!({"head": "pin/ab"}));
    assert_eq!(github.find_open(&branch("pin/a"), &branch("main")), Ok(None));
    let number = hub.opened();
    let found = github.find_open(&branch("pin/a"), &branch("main")).expect("asked").expect("found");
    assert_eq!(
        (found.number, found.head, found.author.as_str()),
        (number, hub.head.clone(), "ann")
    );
    assert_eq!(found.state, PullRequestState::Open);
    assert_eq!(github.find_open(&branch("pin/a"), &branch("other")), Ok(None));
    hub.act("close", json!({"number": number}));
    assert_eq!(github.find_open(&branch("pin/a"), &branch("main")), Ok(None));
    assert_eq!(github.get(number).expect("it").state, PullRequestState::Closed);
}

/// F11: the oldest request is closed while the pages are read, so that every other moves up.
#[test]
fn none_is_lost_and_none_doubled_while_others_close_and_open() {
    let hub = Hub::new();
    hub.act("seed", json!({"requests": 350, "head": "load/{n}"}));
    hub.opened();
    let list = format!("GET {PULLS}");
    hub.fake.faults(json!([
        {"route": list, "nth": 2, "act": {"do": "close", "project": ROOT, "number": 1}},
        {"route": list, "nth": 3, "act": [
            {"do": "close", "project": ROOT, "number": 250},
            {"do": "push", "project": ROOT, "branch": "load/new", "files": {"n": "1"}},
            {"do": "open", "project": ROOT, "head": "load/new"}]},
        {"route": list, "nth": 4, "act": {"do": "close", "project": ROOT, "number": 101}},
    ]));
    let found = hub.github().list_open("load/").expect("listed");
    let numbers: BTreeSet<u64> = found.iter().map(|request| request.number).collect();
    assert_eq!(numbers.len(), found.len(), "none twice");
    let stayed: BTreeSet<u64> = (1..=350).filter(|n| ![1, 101, 250].contains(n)).collect();
    assert!(stayed.is_subset(&numbers), "{:?}", stayed.difference(&numbers));
}

#[test]
fn a_list_of_all_has_those_of_forks_and_tells_them_apart() {
    let hub = Hub::new();
    hub.fake.act(json!([
        {"do": "project", "path": "eve/root", "files": {"x": "1"}},
        {"do": "push", "project": "eve/root", "branch": "pin/a", "files": {"y": "1"}},
        {"do": "open", "project": ROOT, "source": "eve/root", "head": "pin/a", "by": "eve"},
    ]));
    let ours = hub.opened();
    let github = hub.github();
    let listed = |prefix: &str| -> Vec<_> {
        let found = github.list_open(prefix).expect("listed");
        found.into_iter().map(|it| (it.number, it.branch, it.base, it.from_fork)).collect()
    };
    let one = |number, from_fork| (number, "pin/a".to_owned(), "main".to_owned(), from_fork);
    assert_eq!(listed(""), [one(1, true), one(ours, false)]);
    assert_eq!(listed("pin/"), [one(ours, false)]);
    let found = github.find_open(&branch("pin/a"), &branch("main")).expect("asked");
    assert_eq!(found.map(|it| (it.number, it.head)), Some((ours, hub.head.clone())));
    assert!(github.get(1).expect("it").from_fork);
}

#[test]
fn many_open_requests_are_a_page_for_each_hundred() {
    let hub = Hub::new();
    hub.act("seed", json!({"requests": 1200, "head": "load/{n}"}));
    assert_eq!(hub.github().list_open("load/").expect("listed").len(), 1200);
    let asked = hub.fake.get("/counters")["byRoute"][format!("GET {PULLS}")].as_u64();
    assert_eq!(asked, Some(13), "the first twice: its Link names the last");
}

#[test]
fn a_request_is_opened_once_and_with_all_that_it_is_to_have() {
    let hub = Hub::new();
    let wanted = PullRequestSpec {
        labels: vec!["promotion".to_owned(), "api".to_owned()],
        reviewers: vec![user("ann"), Reviewer::Team("acme/release".to_owned())],
        assignees: vec!["bob".to_owned()],
        draft: true,
        ..spec()
    };
    let written = hub.github().create(&wanted).expect("opened");
    assert_eq!(written.warnings, Vec::<String>::new());
    let request = written.request;
    assert!(request.draft);
    assert_eq!((request.title.as_str(), request.author.as_str()), ("Promote api", "bob"));
    assert_eq!(request.url, format!("{}/{ROOT}/pull/1", hub.fake.web()));
    let state = &hub.fake.state(ROOT)["requests"][0];
    assert_eq!(state["labels"], json!(["promotion", "api"]));
    assert_eq!(hub.github().create(&wanted), Err(ForgeError::AlreadyExists));

    let before = hub.writes();
    let again = hub.github().update(&request, &wanted).expect("nothing differs");
    assert_eq!((again.warnings, hub.writes()), (Vec::new(), before));
    hub.fake.assert_nothing_repeated();
}

#[test]
fn a_branch_with_nothing_new_is_nothing_to_ask() {
    let hub = Hub::new();
    hub.act("reset", json!({"branch": "same", "to": hub.main}));
    let same = PullRequestSpec { branch: branch("same"), ..spec() };
    assert_eq!(hub.github().create(&same), Err(ForgeError::NothingToAsk));
    let gone = PullRequestSpec { branch: branch("gone"), ..spec() };
    assert!(matches!(hub.github().create(&gone), Err(ForgeError::Invalid(_))));
}

/// F3, F4: whatever becomes of the answer, there is one request.
#[test]
fn a_request_whose_answer_was_lost_is_found_and_not_opened_again() {
    let hub = Hub::new();
    let github = hub.github();
    for (n, fault) in [
        json!({"when": "after", "preset": "html-502"}),
        json!({"when": "after", "drop": true}),
        json!({"cut": true}),
        json!({"preset": "empty-body"}),
        json!({"when": "before", "preset": "html-503"}),
        json!({"when": "before", "drop": true}),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("pin/{n}");
        hub.act("push", json!({"branch": name, "files": {"n": name}}));
        let mut rule = fault.clone();
        rule["route"] = json!(format!("POST {PULLS}"));
        rule["nth"] = json!(1);
        hub.fake.faults(json!([rule]));
        let wanted = PullRequestSpec { branch: branch(&name), ..spec() };
        let opened = github.create(&wanted).unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert_eq!(opened.request.branch, name, "{fault}");
        assert_eq!(hub.effects("request"), n as u64 + 1, "{fault}");
    }
    hub.fake.assert_nothing_repeated();
}

/// F9: somebody else opened one in between, and the answer was lost as well.
#[test]
fn the_request_of_somebody_else_is_not_taken_for_ours() {
    let hub = Hub::new();
    hub.fake.faults(json!([{
        "route": format!("POST {PULLS}"), "nth": 1, "preset": "html-502",
        "act": {"do": "open", "project": ROOT, "head": "pin/a", "base": "main", "by": "ann"},
    }]));
    assert_eq!(hub.github().create(&spec()), Err(ForgeError::AlreadyExists));
    assert_eq!(hub.effects("request"), 0);
}

/// F21: the list does not have the request yet that was opened without an answer.
#[test]
fn a_request_that_is_not_listed_yet_is_not_opened_again() {
    let hub = Hub::new();
    hub.fake.settings(json!({"listLag": 1}));
    hub.fake.faults(json!([
        {"route": format!("POST {PULLS}"), "nth": 1, "when": "after", "preset": "html-502"},
    ]));
    assert_eq!(hub.github().create(&spec()), Err(ForgeError::AlreadyExists));
    assert_eq!(hub.effects("request"), 1);
}

#[test]
fn who_cannot_be_asked_costs_a_warning_and_nobody_else() {
    let hub = Hub::new();
    let wanted = PullRequestSpec {
        labels: vec!["promotion".to_owned()],
        reviewers: vec![
            user("ann"),
            user("bob"),
            user("nobody"),
            Reviewer::Team("release".to_owned()),
            Reviewer::Team("ghosts".to_owned()),
        ],
        assignees: vec!["cy".to_owned(), "nobody".to_owned()],
        ..spec()
    };
    let written = hub.github().create(&wanted).expect("opened");
    let warned = |word: &str| {
        let about: Vec<_> = written.warnings.iter().filter(|it| it.contains(word)).collect();
        assert!(!about.is_empty(), "{word}: {:?}", written.warnings);
    };
    warned("`bob` opened the request");
    warned("team reviewers: ghosts");
    warned("reviewers: nobody");
    warned("`nobody` is not assigned");
    assert_eq!(written.warnings.len(), 4, "{:?}", written.warnings);
    let state = &hub.fake.state(ROOT)["requests"][0];
    assert_eq!(state["labels"], json!(["promotion"]), "{state}");
    hub.fake.assert_nothing_repeated();
}

#[test]
fn an_update_sends_what_differs_and_takes_nothing_away() {
    let hub = Hub::new();
    let number = hub.opened();
    hub.act("edit", json!({"number": number, "labels": ["by-hand"], "draft": true}));
    let github = hub.github();
    let wanted = PullRequestSpec { labels: vec!["promotion".to_owned()], ..spec() };
    let request = github.get(number).expect("it");
    let now = github.update(&request, &wanted).expect("updated").request;
    assert_eq!((now.title, now.body, now.draft), (wanted.title.clone(), wanted.body.clone(), true));
    assert_eq!(hub.fake.state(ROOT)["requests"][0]["labels"], json!(["by-hand", "promotion"]));

    // What a person typed on a page has other ends of lines, and is no difference.
    hub.act("edit", json!({"number": number, "body": "From 1 to 2.\r\n"}));
    let before = hub.writes();
    github.update(&request, &wanted).expect("nothing to do");
    assert_eq!(hub.writes(), before);

    hub.act("review", json!({"number": number, "by": "cy", "state": "COMMENTED"}));
    let asked = PullRequestSpec { reviewers: vec![user("cy")], ..wanted };
    github.update(&request, &asked).expect("nothing to do");
    assert_eq!(hub.writes(), before, "who has had a say is not asked again");
    hub.fake.assert_nothing_repeated();
}

/// F3, F13.
#[test]
fn an_update_survives_a_lost_answer_and_tells_of_an_end_in_between() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.github();
    let request = github.get(number).expect("it");
    hub.fake.faults(json!([
        {"route": format!("PATCH {PULLS}/{{pull_number}}"), "nth": 1, "when": "after", "drop": true},
    ]));
    assert_eq!(github.update(&request, &spec()).expect("updated").request.title, "Promote api");
    hub.fake.assert_nothing_repeated();
    hub.act("close", json!({"number": number}));
    assert_eq!(github.update(&request, &spec()), Err(ForgeError::ClosedMeanwhile));
    hub.act("reopen", json!({"number": number}));
    hub.act("merge", json!({"number": number}));
    assert_eq!(github.update(&request, &spec()), Err(ForgeError::MergedMeanwhile));
}

/// F14.
#[test]
fn a_body_above_the_limit_is_refused_in_words() {
    let hub = Hub::new();
    let github = hub.github();
    let body = |length: usize| PullRequestSpec { body: "ä".repeat(length), ..spec() };
    match github.create(&body(github.body_limit() + 1)) {
        Err(ForgeError::Invalid(words)) => assert!(words.contains("too long"), "{words}"),
        other => panic!("{other:?}"),
    }
    github.create(&body(github.body_limit())).expect("just right");
}

#[test]
fn a_request_is_closed_once_and_stays_closed() {
    let hub = Hub::new();
    let number = hub.opened();
    hub.fake.faults(json!([
        {"route": format!("PATCH {PULLS}/{{pull_number}}"), "nth": 1, "when": "after", "preset": "html-502"},
    ]));
    hub.github().close(number).expect("closed");
    hub.github().close(number).expect("closed already");
    assert_eq!(hub.effects("request-update"), 1);
    assert!(matches!(hub.github().close(99), Err(ForgeError::NotFound(_))));
}

#[test]
fn a_comment_is_made_once_however_many_there_are() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.github();
    let comments: Vec<_> = (0..120)
        .map(
            |n| json!({"do": "comment", "project": ROOT, "number": number, "body": format!("{n}")}),
        )
        .collect();
    hub.fake.act(json!(comments));
    github.comment(number, "7").expect("was said on the first page");
    github.comment(number, "117").expect("was said on the second page");
    assert_eq!(hub.effects("comment"), 0);
    hub.fake.faults(json!([{
        "route": "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
        "nth": 1, "when": "after", "preset": "html-502",
    }]));
    github.comment(number, "Superseded by #2.\n").expect("said");
    github.comment(number, "Superseded by #2.\n").expect("said already");
    assert_eq!(hub.effects("comment"), 1);
}

#[test]
fn the_approvals_that_count_are_the_newest_of_those_who_can_write() {
    let hub = Hub::new();
    hub.fake.act(json!([
        {"do": "member", "project": ROOT, "user": "dan", "role": "write"},
        {"do": "member", "project": ROOT, "user": "eve", "role": "write"},
    ]));
    let number = hub.opened();
    let github = hub.github();
    for (by, state) in [
        ("bob", "CHANGES_REQUESTED"),
        ("bob", "APPROVED"),
        ("bob", "COMMENTED"),
        ("cy", "APPROVED"),
        ("dan", "APPROVED"),
        ("dan", "CHANGES_REQUESTED"),
        ("eve", "APPROVED"),
    ] {
        hub.act("review", json!({"number": number, "by": by, "state": state}));
    }
    assert_eq!(github.approvals(number), Ok(vec!["bob".to_owned(), "eve".to_owned()]));

    hub.act("protect", json!({"branch": "main", "approvals": 1, "dismissStale": true}));
    hub.act("push", json!({"branch": "pin/a", "files": {"pins/api.json": "3\n"}}));
    assert_eq!(github.approvals(number), Ok(Vec::new()), "a new commit dismissed them");
}
