//! Tokens of every kind, and how the repository and its branches are set up.

use pinrail::forge::github::{App, installation_token};
use pinrail::forge::{BranchFacts, TokenFacts};
use secrecy::ExposeSecret;

use super::*;

fn facts(hub: &Hub, secret: &str) -> TokenFacts {
    hub.with(secret, Duration::from_secs(60)).token().expect("facts")
}

/// F15.
#[test]
fn a_token_is_known_by_what_github_tells_of_it() {
    let hub = Hub::new();
    let classic = facts(&hub, &hub.secret);
    assert_eq!(classic.login, "bob");
    assert_eq!(classic.kind.as_deref(), Some("personal access token (classic)"));
    assert_eq!(classic.scopes, Some(vec!["repo".to_owned()]));
    assert_eq!((classic.expires_at, classic.starts_pipelines), (None, true));

    let fine = json!({"name": "f", "kind": "fine", "user": "bob", "expiresIn": 3600});
    let fine = facts(&hub, &hub.token(fine));
    assert_eq!(fine.kind.as_deref(), Some("fine-grained personal access token"));
    assert_eq!(fine.scopes, None);
    let now = jiff::Timestamp::now().as_second();
    let left = fine.expires_at.expect("it expires").as_second() - now;
    assert!((3000..4000).contains(&left), "{left}");

    let actions = json!({"name": "a", "kind": "actions", "repositories": [ROOT]});
    let actions = facts(&hub, &hub.token(actions));
    assert_eq!(actions.kind.as_deref(), Some("GitHub Actions token"));
    assert!(!actions.starts_pipelines);
}

/// F15.
#[test]
fn a_token_that_is_not_taken_is_named_by_its_source_and_never_shown() {
    let hub = Hub::new();
    let github = hub.with("ghp_secretsecretsecret", Duration::from_secs(60));
    match github.get(1) {
        Err(ForgeError::Auth(words)) => {
            assert!(words.contains("PINRAIL_TOKEN"), "{words}");
            assert!(!words.contains("secretsecret"), "{words}");
        }
        other => panic!("{other:?}"),
    }
    for secret in ["", "two\nlines", "übel"] {
        let token = ApiToken { secret: secret.into(), source: "X".to_owned(), is_job_token: false };
        let made = GitHub::new(hub.address(ROOT), token, session(Duration::from_secs(1)));
        let refused = made.err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("what X holds is no token"));
    }
    // In mid-run: the request is open, and the token is not good any more.
    let short = json!({"name": "s", "user": "bob", "expiresIn": 600});
    let github = hub.with(&hub.token(short), Duration::from_secs(60));
    let request = github.create(&spec()).expect("opened").request;
    hub.fake.post("/clock", &json!({"advance": 700}));
    assert!(matches!(github.close(request.number), Err(ForgeError::Auth(_))));
    assert!(matches!(github.token(), Err(ForgeError::Auth(_))));
}

#[track_caller]
fn need<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> &'static str {
    match result {
        Err(ForgeError::Forbidden { need: Some(need), .. }) => need,
        other => panic!("{other:?}"),
    }
}

/// F15: each operation says what it lacks.
#[test]
fn a_token_that_may_not_is_told_what_it_needs() {
    let hub = Hub::new();
    let number = hub.opened();
    let reader = json!({"name": "r", "kind": "fine", "user": "bob",
        "permissions": {"contents": "read", "pull_requests": "read", "deployments": "read",
                        "statuses": "read"}});
    let github = hub.with(&hub.token(reader), Duration::from_secs(60));
    assert_eq!(
        need(github.create(&PullRequestSpec { branch: branch("x"), ..spec() })),
        "Pull requests: write"
    );
    assert_eq!(need(github.close(number)), "Pull requests: write");
    assert_eq!(need(github.comment(number, "x")), "Pull requests: write");
    assert_eq!(need(github.merge(number, &hub.now())), "Contents: write");
    assert_eq!(need(github.commit(&commit(&hub))), "Contents: write");
    assert_eq!(need(github.deploy(&super::live::deployment(&hub))), "Deployments: write");
    assert_eq!(
        need(github.set_status(&hub.github().get(number).expect("it"), &super::statuses::status())),
        "Commit statuses: write"
    );

    let classic = json!({"name": "c", "user": "bob", "scopes": ["read:org"]});
    let github = hub.with(&hub.token(classic), Duration::from_secs(60));
    assert!(matches!(github.get(number), Err(ForgeError::NotFound(_))), "it is hidden from it");
    let actions = json!({"name": "a", "kind": "actions", "repositories": [ROOT]});
    let github = hub.with(&hub.token(actions), Duration::from_secs(60));
    match github.create(&spec()) {
        Err(ForgeError::Forbidden { words, .. }) => {
            assert!(words.contains("not permitted"), "{words}");
        }
        other => panic!("{other:?}"),
    }
}

/// F15, on both layouts: an App's own calls have no token, but a signature.
#[test]
fn an_app_gets_a_token_for_this_repository_alone() {
    for hub in [Hub::new(), Hub::enterprise()] {
        hub.fake.act(json!({"do": "project", "path": "acme/other"}));
        let made = hub.fake.act(json!({"do": "app", "slug": "pinrail", "account": "acme",
            "permissions": {"contents": "write", "pull_requests": "write"}}));
        let mut app = App {
            id: made["id"].as_u64().expect("an id"),
            installation: None,
            key: made["privateKey"].as_str().expect("a key").into(),
        };
        let address = hub.address(ROOT);
        let session = session(Duration::from_secs(60));
        let token = installation_token(&address, &app, &session).expect("a token");
        let github = hub.with(token.expose_secret(), Duration::from_secs(60));
        assert_eq!(github.create(&spec()).expect("opened").request.author, "pinrail[bot]");
        let facts = github.token().expect("facts");
        assert_eq!(facts.kind.as_deref(), Some("installation token of a GitHub App"));
        assert!(facts.starts_pipelines && facts.expires_at.is_some());
        let elsewhere = hub.named("acme/other", token.expose_secret(), Duration::from_secs(60));
        assert!(matches!(elsewhere.get(1), Err(ForgeError::NotFound(_))));

        app.installation = made["installation"].as_u64();
        installation_token(&address, &app, &session).expect("another");
        let stranger = hub.address("nobody/root");
        app.installation = None;
        match installation_token(&stranger, &app, &session) {
            Err(ForgeError::NotFound(words)) => assert!(words.contains("not installed"), "{words}"),
            other => panic!("{other:?}"),
        }
        app.key = "no key".into();
        match installation_token(&address, &app, &session) {
            Err(ForgeError::Local(words)) => assert!(!words.contains("no key"), "{words}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_repository_tells_its_settings_to_who_may_see_them() {
    let hub = Hub::new();
    hub.act(
        "configure",
        json!({"allowSquash": false, "allowAutoMerge": true, "deleteBranchOnMerge": true}),
    );
    hub.act("ruleset", json!({"rules": [{"type": "merge_queue"}]}));
    let facts = hub.github().project().expect("facts");
    assert_eq!(facts.default_branch.as_deref(), Some("main"));
    assert_eq!(facts.methods, Some(vec![MergeMethod::Merge, MergeMethod::Rebase]));
    assert_eq!((facts.auto_merge, facts.removes_branches), (Some(true), Some(true)));
    assert_eq!((facts.may_push, facts.queue), (Some(true), Some(true)));
    assert!(facts.clock_ahead.is_some_and(|ahead| ahead.abs() < 60), "{facts:?}");
    assert!(facts.notes.is_empty(), "{facts:?}");

    let admin =
        hub.with(&hub.token(json!({"name": "ann", "user": "ann"})), Duration::from_secs(60));
    hub.fake.post("/clock", &json!({"advance": 3600}));
    hub.act("configure", json!({"archived": true}));
    let facts = admin.project().expect("facts");
    assert!(facts.clock_ahead.is_some_and(|ahead| (3500..3700).contains(&ahead)), "{facts:?}");
    assert_eq!(facts.notes.len(), 2, "archived, and Actions may not open: {facts:?}");
    let cy = hub.with(&hub.token(json!({"name": "cy", "user": "cy"})), Duration::from_secs(60));
    assert_eq!(cy.project().expect("facts").may_push, Some(false));
}

/// F6.
#[test]
fn a_branch_tells_how_it_is_protected() {
    let hub = Hub::new();
    let admin =
        hub.with(&hub.token(json!({"name": "ann", "user": "ann"})), Duration::from_secs(60));
    assert_eq!(admin.branch(&branch("gone")), Ok(BranchFacts::default()));
    let open = admin.branch(&branch("pin/a")).expect("facts");
    assert_eq!(
        (open.exists, open.requests_only, open.token_may_push),
        (true, Some(false), Some(true))
    );

    hub.act(
        "protect",
        json!({"branch": "main", "approvals": 2, "dismissStale": true,
        "codeOwners": true, "requiredChecks": ["ci"], "restrictTo": ["bob"]}),
    );
    let main = admin.branch(&branch("main")).expect("facts");
    assert_eq!((main.requests_only, main.approvals), (Some(true), Some(2)));
    assert_eq!((main.code_owners, main.dismisses_stale), (Some(true), Some(true)));
    assert_eq!(main.required_checks, ["ci"]);
    assert_eq!(main.may_push, ["user bob"]);
    assert_eq!((main.force_push, main.may_be_deleted), (Some(false), Some(false)));
    assert_eq!(main.token_may_push, Some(true), "an administrator may");

    // Details are for administrators.
    let main = hub.github().branch(&branch("main")).expect("facts");
    assert_eq!((main.requests_only, main.token_may_push), (None, None));
    assert_eq!(main.required_checks, ["ci"]);
}

/// F6: rulesets are told to all who can read.
#[test]
fn a_ruleset_counts_beside_classic_protection() {
    let hub = Hub::new();
    hub.act(
        "ruleset",
        json!({"bypass": ["ann"], "rules": [
        {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
        {"type": "required_status_checks", "parameters":
            {"required_status_checks": [{"context": "ci"}]}},
        {"type": "non_fast_forward"}, {"type": "deletion"}]}),
    );
    let main = hub.github().branch(&branch("main")).expect("facts");
    assert_eq!((main.requests_only, main.approvals), (Some(true), Some(1)));
    assert_eq!(main.required_checks, ["ci"]);
    assert_eq!((main.force_push, main.may_be_deleted), (Some(false), Some(false)));
    assert_eq!(main.token_may_push, Some(false));
    let admin =
        hub.with(&hub.token(json!({"name": "ann", "user": "ann"})), Duration::from_secs(60));
    assert_eq!(admin.branch(&branch("main")).expect("facts").token_may_push, Some(true));
}
