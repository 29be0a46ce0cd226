//! What can be found out about tokens, projects and branches.

use pinrail::domain::environment::MergeMethod;
use pinrail::forge::{BranchFacts, Forge, ForgeError};
use serde_json::json;

use super::{Place, fault};

#[test]
fn f15_each_kind_of_token_is_known_for_what_it_is() {
    let place = Place::new();
    for (token, kind, login) in [
        (json!({"name": "p", "user": "bob"}), "personal access token", "bob"),
        (
            json!({"name": "pr", "kind": "project", "project": place.project}),
            "project access token",
            "project_",
        ),
        (
            json!({"name": "gr", "kind": "group", "group": "acme/platform"}),
            "group access token",
            "group_",
        ),
    ] {
        let mut token = token;
        token["expiresIn"] = (30 * 86_400).into();
        let facts = place.with_token(&place.token(&token), false, 30).token().expect("facts");
        assert_eq!(facts.kind.as_deref(), Some(kind));
        assert!(facts.login.starts_with(login), "{facts:?}");
        assert!(facts.scopes.expect("scopes").contains(&"api".to_owned()));
        let midnight = facts.expires_at.expect("an end").as_second() % 86_400;
        assert!(facts.starts_pipelines && midnight == 0);
    }
    let secret = place.token(&json!({"kind": "job", "user": "bob", "project": place.project}));
    let facts = place.with_token(&secret, true, 30).token().expect("facts");
    assert_eq!((facts.login.as_str(), facts.kind.as_deref()), ("bob", Some("CI job token")));
    assert!(!facts.starts_pipelines);
}

#[test]
fn f15_a_token_of_a_small_scope_still_tells_about_itself() {
    let place = Place::new();
    let token = json!({"name": "small", "user": "bob", "scopes": ["read_repository"]});
    let gitlab = place.with_token(&place.token(&token), false, 30);
    let facts = gitlab.token().expect("facts");
    assert_eq!(facts.scopes, Some(vec!["read_repository".to_owned()]));
    assert!(facts.login.starts_with("user "), "{facts:?}");
    let error = gitlab.project().expect_err("too small");
    assert!(
        matches!(error, ForgeError::Forbidden { need: Some("the scope `api`"), .. }),
        "{error:?}"
    );
}

#[test]
fn a_project_tells_how_it_merges() {
    let place = Place::new();
    let facts = place.gitlab().project().expect("facts");
    assert_eq!(facts.default_branch.as_deref(), Some("main"));
    assert_eq!((facts.may_push, facts.fast_forward_only), (Some(true), Some(false)));
    assert_eq!(facts.methods, Some(vec![MergeMethod::Merge, MergeMethod::Squash]));
    assert_eq!((facts.queue, facts.removes_branches), (Some(false), Some(false)));
    assert_eq!((facts.auto_merge, facts.notes), (Some(true), Vec::new()));

    place.configure(&json!({
        "mergeMethod": "ff", "squashOption": "never", "mergeTrains": true,
        "removeSourceBranch": true, "pipelineMustSucceed": true,
    }));
    place.fake.post("/clock", &json!({"advance": 3600}));
    let cy = place.with_token(&place.token(&json!({"user": "cy"})), false, 30);
    let facts = cy.project().expect("facts");
    assert_eq!((facts.may_push, facts.fast_forward_only), (Some(false), Some(true)));
    assert_eq!(facts.methods, Some(vec![MergeMethod::Rebase]));
    assert_eq!((facts.queue, facts.removes_branches), (Some(true), Some(true)));
    assert!(facts.notes.concat().contains("pipeline"), "{:?}", facts.notes);
    let ahead = facts.clock_ahead.expect("a clock");
    assert!((3590..3610).contains(&ahead), "{ahead}");
}

#[test]
fn f16_what_an_old_version_or_a_job_token_is_not_told_is_none() {
    let place = Place::new();
    let gone = ["permissions", "merge_method", "squash_option", "merge_trains_enabled"]
        .map(|field| (format!("/{field}"), json!({"$delete": true})));
    let patch = json!({"patch": serde_json::Map::from_iter(gone)});
    place.fake.faults(json!([fault("GET", "", &patch)]));
    let facts = place.gitlab().project().expect("facts");
    assert_eq!((facts.may_push, facts.methods, facts.queue), (None, None, None));
    assert_eq!(facts.fast_forward_only, None);

    let secret = place.token(&json!({"kind": "job", "user": "bob", "project": place.project}));
    let facts = place.with_token(&secret, true, 30).project().expect("facts");
    assert_eq!((facts.default_branch, facts.may_push), (None, None));
}

#[test]
fn a_branch_tells_who_may_write_it_and_what_a_merge_needs() {
    let place = Place::new();
    let main = "main".parse().expect("a branch");
    let open = place.gitlab().branch(&main).expect("facts");
    assert_eq!((open.requests_only, open.token_may_push), (Some(false), Some(true)));
    assert_eq!((open.force_push, open.may_be_deleted), (Some(true), Some(false)));
    assert_eq!((open.approvals, open.dismisses_stale), (Some(0), Some(false)));

    place.act(&json!({
        "do": "protect", "branch": "ma*", "push": "none", "merge": "developer", "codeOwner": true,
    }));
    place.act(&json!({"do": "approvalRule", "required": 2}));
    place.configure(&json!({"resetApprovalsOnPush": true, "pipelineMustSucceed": true}));
    let facts = place.gitlab().branch(&main).expect("facts");
    let expected = BranchFacts {
        exists: true,
        requests_only: Some(true),
        token_may_push: Some(false),
        may_push: Vec::new(),
        approvals: Some(2),
        code_owners: Some(true),
        dismisses_stale: Some(true),
        required_checks: vec!["the pipeline".to_owned()],
        force_push: Some(false),
        may_be_deleted: Some(false),
    };
    assert_eq!(facts, expected);

    place.act(&json!({
        "do": "protect", "branch": "main", "push": "maintainer", "pushUsers": ["bob"],
    }));
    let facts = place.gitlab().branch(&main).expect("facts");
    assert_eq!((facts.requests_only, facts.token_may_push), (Some(false), Some(true)));
    assert_eq!(facts.may_push, ["Maintainers", "bob"]);

    let cy = place.with_token(&place.token(&json!({"user": "cy"})), false, 30);
    let facts = cy.branch(&main).expect("facts");
    assert_eq!((facts.exists, facts.requests_only, facts.code_owners), (true, None, None));
    let gone = "gone".parse().expect("a branch");
    assert_eq!(place.gitlab().branch(&gone), Ok(BranchFacts::default()));
}
