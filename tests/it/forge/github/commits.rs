//! Commits through the API: compare and swap, and no branch of somebody else's overwritten.

use pinrail::forge::PullRequestState;

use super::*;
use crate::support::git::hermetic;

/// One pin on `main`, as its branch is.
fn pin(hub: &Hub) -> ApiCommit {
    ApiCommit {
        branch: branch("main"),
        from: Some(hub.main.clone()),
        parent: hub.main.clone(),
        subject: "Pin api 2".to_owned(),
        body: "By a pipeline.".to_owned(),
        files: vec![
            ("pins/api.json".to_owned(), Some(b"2\n".to_vec())),
            ("README.md".to_owned(), None),
        ],
    }
}

fn tip(hub: &Hub, branch: &str) -> Option<String> {
    let branches = &hub.fake.state(ROOT)["branches"];
    branches[branch].as_str().map(str::to_owned)
}

fn file(hub: &Hub, at: &str) -> String {
    let folder = hub.fake.folder(ROOT);
    let mut git = hermetic("git");
    let output = git.arg("-C").arg(folder).args(["show", at]).output().expect("git");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_commit_is_made_on_the_head_that_was_expected() {
    let hub = Hub::new();
    let id = hub.github().commit(&pin(&hub)).expect("made");
    assert_eq!(tip(&hub, "main"), Some(id.clone()));
    assert_eq!(file(&hub, &format!("{id}:pins/api.json")), "2\n");
    assert_eq!(file(&hub, &format!("{id}:README.md")), "");
    assert!(file(&hub, &id).contains("Pin api 2"));
    // F1, before and in the middle.
    assert_eq!(hub.github().commit(&pin(&hub)), Err(ForgeError::HeadMoved));
    for when in ["before", "checked"] {
        let now = ApiCommit {
            from: tip(&hub, "main"),
            parent: tip(&hub, "main").expect("it"),
            ..pin(&hub)
        };
        hub.fake.faults(json!([{"graphql": "createCommitOnBranch", "nth": 1, "when": when, "act":
            {"do": "push", "project": ROOT, "branch": "main", "files": {"other": when}}}]));
        let now = ApiCommit { files: vec![("new".to_owned(), Some(Vec::new()))], ..now };
        assert_eq!(hub.github().commit(&now), Err(ForgeError::HeadMoved), "{when}");
    }
    assert_eq!(hub.effects("commit"), 1);
}

/// F3, F16, F20: also when somebody built on it before we looked.
#[test]
fn a_commit_whose_answer_was_lost_is_found_and_not_made_again() {
    let hub = Hub::new();
    let github = hub.github();
    let push = json!({"do": "push", "project": ROOT, "branch": "main", "files": {"other": "1"}});
    for (n, fault) in [
        json!({"when": "after", "preset": "html-502"}),
        json!({"when": "after", "preset": "graphql-timeout"}),
        json!({"when": "after", "drop": true}),
        json!({"when": "after", "drop": true, "act": push}),
        json!({"cut": true}),
        json!({"when": "before", "preset": "graphql-timeout"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut rule = fault.clone();
        rule["graphql"] = json!("createCommitOnBranch");
        rule["nth"] = json!(1);
        hub.fake.faults(json!([rule]));
        let main = tip(&hub, "main").expect("it");
        let files = vec![("pins/api.json".to_owned(), Some(n.to_string().into()))];
        let pin = ApiCommit { from: Some(main.clone()), parent: main, files, ..pin(&hub) };
        let id = github.commit(&pin).unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert_eq!(file(&hub, &format!("{id}:pins/api.json")), n.to_string(), "{fault}");
        assert_eq!(hub.effects("commit"), n as u64 + 1, "{fault}");
    }
}

#[test]
fn a_new_branch_is_made_for_it_and_goes_again_where_the_commit_is_refused() {
    let hub = Hub::new();
    let name = "pinrail/promote/production/api";
    let new = ApiCommit { branch: branch(name), from: None, ..pin(&hub) };
    hub.fake.faults(json!([
        {"route": "POST /repos/{owner}/{repo}/git/refs", "nth": 1, "when": "after", "preset": "html-502"},
    ]));
    let id = hub.github().commit(&new).expect("made");
    assert_eq!(tip(&hub, name), Some(id));
    assert_eq!(tip(&hub, "main"), Some(hub.main.clone()));
    assert_eq!(hub.github().commit(&new), Err(ForgeError::HeadMoved), "it is there by now");
    hub.fake.assert_nothing_repeated();

    let files = vec![("nowhere".to_owned(), None)];
    let bad = ApiCommit { branch: branch("pinrail/bad"), from: None, files, ..pin(&hub) };
    assert!(matches!(hub.github().commit(&bad), Err(ForgeError::Invalid(_))));
    assert_eq!(tip(&hub, "pinrail/bad"), None);
}

/// F13: set back to `main` first, the request would have closed itself.
#[test]
fn a_living_request_is_rebuilt_on_the_new_main_and_stays_open() {
    for fault in
        [json!([]), json!([{"graphql": "updateRefs", "nth": 1, "when": "after", "drop": true}])]
    {
        let hub = Hub::new();
        let number = hub.opened();
        let main = hub.act("push", json!({"branch": "main", "files": {"other": "1"}}));
        let main = main["sha"].as_str().expect("a commit").to_owned();
        hub.fake.faults(fault);
        let living = ApiCommit {
            branch: branch("pin/a"),
            from: Some(hub.head.clone()),
            parent: main,
            ..pin(&hub)
        };
        let id = hub.github().commit(&living).expect("rebuilt");
        let request = hub.github().get(number).expect("it");
        assert_eq!((request.state, request.head), (PullRequestState::Open, id));
        let branches = hub.fake.state(ROOT)["branches"].to_string();
        assert!(!branches.contains("scratch"), "{branches}");
        hub.fake.assert_nothing_repeated();

        // Nobody else's commit is overwritten.
        let theirs = hub.act("push", json!({"branch": "pin/a", "files": {"theirs": "1"}}));
        assert_eq!(hub.github().commit(&living), Err(ForgeError::HeadMoved));
        assert_eq!(tip(&hub, "pin/a").as_deref(), theirs["sha"].as_str());
    }
}

/// F1: the branch moves after it was looked at.
#[test]
fn a_branch_that_moves_while_it_is_rebuilt_is_left_as_it_is() {
    for when in ["before", "checked"] {
        let hub = Hub::new();
        let living =
            ApiCommit { branch: branch("pin/a"), from: Some(hub.head.clone()), ..pin(&hub) };
        hub.fake.faults(json!([{"graphql": "updateRefs", "nth": 1, "when": when, "act":
            {"do": "push", "project": ROOT, "branch": "pin/a", "files": {"theirs": "1"}}}]));
        assert_eq!(hub.github().commit(&living), Err(ForgeError::HeadMoved), "{when}");
        let branches = hub.fake.state(ROOT)["branches"].to_string();
        assert!(!branches.contains("scratch"), "{branches}");
        let tip = tip(&hub, "pin/a").expect("it");
        assert_eq!(file(&hub, &format!("{tip}:theirs")), "1", "{when}");
    }
}

/// F6: by its type, by its words, and by a type that nobody knows yet.
#[test]
fn a_protected_branch_is_told_in_githubs_words_and_not_tried_again() {
    let hub = Hub::new();
    let refused = |expected: &str| {
        let before = hub.writes();
        match hub.github().commit(&pin(&hub)) {
            Err(ForgeError::Protected(words)) => assert!(words.contains(expected), "{words}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(hub.writes(), before + 1);
    };
    hub.act("protect", json!({"branch": "main", "approvals": 1}));
    refused("Changes must be made through a pull request");
    hub.act("unprotect", json!({"branch": "main"}));
    hub.act("ruleset", json!({"rules": [{"type": "pull_request"}]}));
    refused("Repository rule violations found");
    hub.fake.faults(json!([{"graphql": "createCommitOnBranch", "patch":
        {"/errors/0/type": "REPOSITORY_RULE_VIOLATION"}}]));
    refused("Repository rule violations found");
    hub.fake.faults(json!([]));
    hub.act("ruleset", json!({"rules": [{"type": "pull_request"}], "bypass": ["bob"]}));
    hub.github().commit(&pin(&hub)).expect("bob may pass");
}

/// F14, F22.
#[test]
fn what_is_too_large_is_refused_and_odd_names_are_fine() {
    let hub = Hub::new();
    let odd = ApiCommit {
        branch: branch("früh/pin#1"),
        from: None,
        files: vec![("pins/ü b%2F.json".to_owned(), Some("ü".into()))],
        ..pin(&hub)
    };
    let id = hub.github().commit(&odd).expect("made");
    assert_eq!(tip(&hub, "früh/pin#1"), Some(id.clone()));
    assert_eq!(file(&hub, &format!("{id}:pins/ü b%2F.json")), "ü");
    hub.fake.settings(json!({"bodyLimit": 100}));
    assert!(matches!(hub.github().commit(&pin(&hub)), Err(ForgeError::Invalid(_))));
}
