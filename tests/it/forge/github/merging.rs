//! Merges: now, later, through the queue, and each way in which GitHub says no.

use pinrail::forge::{Merged, PullRequestState};

use super::*;

#[track_caller]
fn merge_commit(merged: Result<Merged, ForgeError>) -> String {
    match merged {
        Ok(Merged::Now { commit: Some(commit) }) => commit,
        other => panic!("{other:?}"),
    }
}

/// F7, F18.
#[test]
fn a_merge_waits_until_github_knows_and_tells_the_new_commit() {
    let hub = Hub::new();
    let github = hub.github();
    hub.fake.settings(json!({"mergeabilityPolls": 2, "strictMergeability": true}));
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let (number, head) = hub.another(&format!("pin/{method:?}"));
        hub.act("push", json!({"branch": "main", "files": {"other": format!("{method:?}")}}));
        let merged =
            merge_commit(github.merge(number, &Merge { head: head.clone(), method, ..hub.now() }));
        let request = github.get(number).expect("it");
        assert_eq!(request.state, PullRequestState::Merged);
        assert_eq!(request.merged_with, Some(merged.clone()));
        assert_ne!(merged, head);
    }
    hub.fake.assert_nothing_repeated();
}

/// F3.
#[test]
fn a_merge_whose_answer_was_lost_is_found_merged() {
    let hub = Hub::new();
    let github = hub.github();
    for (n, fault) in [
        json!({"when": "after", "preset": "html-502"}),
        json!({"when": "after", "drop": true}),
        json!({"preset": "empty-body"}),
        json!({"when": "before", "preset": "gateway-timeout"}),
    ]
    .into_iter()
    .enumerate()
    {
        let (number, head) = hub.another(&format!("pin/{n}"));
        let mut rule = fault.clone();
        rule["route"] = json!(MERGE);
        rule["nth"] = json!(1);
        hub.fake.faults(json!([rule]));
        let merged = merge_commit(github.merge(number, &Merge { head, ..hub.now() }));
        assert_eq!(github.get(number).expect("it").merged_with, Some(merged), "{fault}");
        assert_eq!(hub.effects("merge"), n as u64 + 1, "{fault}");
    }
    hub.fake.assert_nothing_repeated();
}

/// F8, F13: before the merge is asked for, and in the middle of it.
#[test]
fn a_request_that_changed_is_not_merged() {
    let hub = Hub::new();
    let github = hub.github();
    let push = json!({"do": "push", "branch": "BRANCH", "files": {"more": "1"}});
    let gone = json!({"do": "reset", "branch": "BRANCH", "to": null});
    for (case, (step, expected)) in [
        (push, ForgeError::HeadMoved),
        (json!({"do": "close"}), ForgeError::ClosedMeanwhile),
        (json!({"do": "merge"}), ForgeError::MergedMeanwhile),
        (gone, ForgeError::ClosedMeanwhile),
    ]
    .into_iter()
    .enumerate()
    {
        for in_the_middle in [false, true] {
            let name = format!("pin/{case}/{in_the_middle}");
            let (number, head) = hub.another(&name);
            let mut step = step.clone();
            step["project"] = json!(ROOT);
            step["number"] = json!(number);
            step["branch"] = json!(name);
            if in_the_middle {
                hub.fake.faults(json!([{"route": MERGE, "nth": 1, "act": step}]));
            } else {
                hub.fake.act(step.clone());
            }
            let merged = github.merge(number, &Merge { head, ..hub.now() });
            assert_eq!(merged, Err(expected.clone()), "{step} {in_the_middle}");
        }
    }
    assert_eq!(hub.effects("merge"), 0);
}

/// F8.
#[test]
fn merges_of_others_into_the_base_are_outlasted() {
    let hub = Hub::new();
    let number = hub.opened();
    let push = |n: u64| {
        json!({"route": MERGE, "nth": n, "when": "checked", "act":
            {"do": "push", "project": ROOT, "branch": "main", "files": {"other": n.to_string()}}})
    };
    hub.fake
        .faults(json!([push(1), push(2), {"route": MERGE, "nth": 3, "preset": "base-modified"}]));
    merge_commit(hub.github().merge(number, &hub.now()));
    assert_eq!(hub.effects("merge"), 1);
}

#[test]
fn what_is_missing_is_told() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.github();
    let words = || not_mergeable(github.merge(number, &hub.now()));
    hub.act("protect", json!({"branch": "main", "approvals": 1}));
    assert!(words().contains("an approval is missing"), "{}", words());
    hub.act("review", json!({"number": number, "by": "bob", "state": "CHANGES_REQUESTED"}));
    assert!(words().contains("a reviewer asks for changes"), "{}", words());
    hub.act("protect", json!({"branch": "main", "requiredChecks": ["ci"]}));
    hub.act("status", json!({"sha": hub.head, "context": "ci", "state": "pending"}));
    assert!(words().contains("a check has not ended") && words().contains("ci"), "{}", words());
    hub.act("status", json!({"sha": hub.head, "context": "ci", "state": "failure"}));
    assert!(words().contains("a check failed"), "{}", words());
    hub.act("protect", json!({"branch": "main", "requiredChecks": [], "strict": true}));
    hub.act("push", json!({"branch": "main", "files": {"other": "1"}}));
    assert!(words().contains("lacks commits of its base"), "{}", words());
    hub.act("edit", json!({"number": number, "draft": true}));
    assert!(words().contains("it is a draft"), "{}", words());
    hub.act("edit", json!({"number": number, "draft": false}));
    hub.act("push", json!({"branch": "main", "files": {"pins/api.json": "other\n"}}));
    assert!(words().contains("it conflicts with its base"), "{}", words());
    assert_eq!(hub.effects("merge"), 0);
}

#[test]
fn a_method_that_the_repository_does_not_allow_is_told_with_those_that_it_does() {
    let hub = Hub::new();
    let number = hub.opened();
    hub.act("configure", json!({"allowMerge": false}));
    let words = not_mergeable(hub.github().merge(number, &hub.now()));
    assert!(words.contains("no merge by `merge`, but by squash and rebase"), "{words}");
}

/// F10: what can be merged at once is, for GitHub would wait for nothing.
#[test]
fn auto_merge_of_what_is_ready_merges() {
    let hub = Hub::new();
    let github = hub.github();
    let unrequired = json!({"branch": "main", "requiredChecks": []});
    for (case, (allowed, protection)) in
        [(true, None), (false, None), (true, Some(unrequired))].into_iter().enumerate()
    {
        let (number, head) = hub.another(&format!("pin/{case}"));
        hub.act("configure", json!({"allowAutoMerge": allowed}));
        if let Some(protection) = protection {
            hub.act("protect", protection);
            // `unstable`: a check fails that nobody requires.
            hub.act("status", json!({"sha": head, "context": "x", "state": "failure"}));
        }
        merge_commit(github.merge(number, &Merge { head, ..hub.ready() }));
    }
    hub.fake.assert_nothing_repeated();
}

/// F10, F3.
#[test]
fn auto_merge_is_switched_on_once_and_for_just_this_commit() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.github();
    hub.act("configure", json!({"allowAutoMerge": true}));
    hub.act("protect", json!({"branch": "main", "requiredChecks": ["ci"]}));
    let other = Merge { head: hub.main.clone(), ..hub.ready() };
    assert_eq!(github.merge(number, &other), Err(ForgeError::HeadMoved));
    hub.fake.faults(json!([
        {"graphql": "enablePullRequestAutoMerge", "nth": 1, "when": "after", "preset": "html-502"},
    ]));
    assert_eq!(github.merge(number, &hub.ready()), Ok(Merged::WhenReady));
    assert_eq!(github.merge(number, &hub.ready()), Ok(Merged::WhenReady));
    assert!(github.get(number).expect("it").auto_merge);
    assert_eq!(hub.effects("auto-merge"), 1);
    hub.act("status", json!({"sha": hub.head, "context": "ci", "state": "success"}));
    assert_eq!(github.merge(number, &hub.ready()), Err(ForgeError::MergedMeanwhile));
}

/// F10, F13.
#[test]
fn auto_merge_that_cannot_be_says_why() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.github();
    hub.act("protect", json!({"branch": "main", "requiredChecks": ["ci"]}));
    let words = not_mergeable(github.merge(number, &hub.ready()));
    assert!(words.contains("“Allow auto-merge” is off"), "{words}");
    hub.act("configure", json!({"allowAutoMerge": true}));
    hub.act("edit", json!({"number": number, "draft": true}));
    let words = not_mergeable(github.merge(number, &hub.ready()));
    assert!(words.contains("it is a draft"), "{words}");
    hub.act("edit", json!({"number": number, "draft": false}));
    hub.fake.faults(json!([{"graphql": "enablePullRequestAutoMerge", "nth": 1, "act":
        {"do": "push", "project": ROOT, "branch": "pin/a", "files": {"more": "1"}}}]));
    assert_eq!(github.merge(number, &hub.ready()), Err(ForgeError::HeadMoved));
    assert_eq!(hub.effects("auto-merge"), 0);
}

/// F17: queued is not merged.
#[test]
fn where_there_is_a_merge_queue_the_request_waits_in_it() {
    for when in [MergeWhen::Now, MergeWhen::Ready] {
        let hub = Hub::new();
        let number = hub.opened();
        let github = hub.github();
        hub.act("configure", json!({"allowAutoMerge": true}));
        hub.act("ruleset", json!({"rules": [{"type": "merge_queue"}]}));
        hub.fake.faults(json!([
            {"graphql": "enqueuePullRequest", "nth": 1, "when": "after", "drop": true},
        ]));
        let merge = Merge { when, ..hub.now() };
        assert_eq!(github.merge(number, &merge), Ok(Merged::Queued), "{when:?}");
        assert_eq!(github.get(number).expect("it").state, PullRequestState::Open);
        assert_eq!(hub.effects("enqueue"), 1, "{when:?}");
        hub.act("queue", json!({}));
        assert_eq!(github.get(number).expect("it").state, PullRequestState::Merged);
    }
}

/// F17, F13: the head moves while it is put into the queue.
#[test]
fn only_the_approved_commit_is_queued() {
    let hub = Hub::new();
    let number = hub.opened();
    hub.act("ruleset", json!({"rules": [{"type": "merge_queue"}]}));
    hub.fake.faults(json!([{"graphql": "enqueuePullRequest", "nth": 1, "act":
        {"do": "push", "project": ROOT, "branch": "pin/a", "files": {"more": "1"}}}]));
    assert_eq!(hub.github().merge(number, &hub.now()), Err(ForgeError::HeadMoved));
    assert_eq!(hub.effects("enqueue"), 0);
}

/// F16: a server that lacks a field of the query, part of an answer, words of another time.
#[test]
fn a_refusal_is_explained_as_far_as_an_odd_answer_goes() {
    let hub = Hub::enterprise();
    let number = hub.opened();
    let github = hub.github();
    hub.act("edit", json!({"number": number, "draft": true}));
    let patch = |patch: Value| {
        hub.fake.faults(json!([{"graphql": "repository", "patch": patch}]));
        not_mergeable(github.merge(number, &hub.now()))
    };
    let missing = json!([{"message": "Field 'isMergeQueueEnabled' doesn't exist"}]);
    let words = patch(json!({"/data": null, "/errors": missing}));
    assert!(words.contains("it is a draft"), "{words}");
    let words = patch(json!({
        "/data/repository/pullRequest/mergeStateStatus": "SIDEWAYS",
        "/data/repository/pullRequest/reviewDecision": null,
        "/data/repository/mergeCommitAllowed": null,
        "/errors": [{"message": "Something is missing"}],
    }));
    assert!(words.contains("it is a draft"), "{words}");
}
