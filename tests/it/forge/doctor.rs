//! `doctor` against the two fake forges: what they tell is judged, and nothing is written.

use serde_json::{Value, json};

use super::world::{Kind, PROJECT, World};
use crate::support::pinrail::Run;

#[track_caller]
fn verdict(run: &Run, name: &str) -> String {
    let document = run.document();
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no check {name}: {document:#}"));
    found["verdict"].as_str().expect("a verdict").to_owned()
}

/// Protects a branch as the list of settings says: on GitHub main, on GitLab, whose main is
/// protected from the first, pins.
fn protect(world: &World) -> Value {
    world.forge().act(match world.kind {
        Kind::GitLab => json!({"do": "protect", "project": PROJECT, "branch": "pins",
            "push": "developer", "merge": "none", "allowForce": false}),
        _ => json!({"do": "ruleset", "project": PROJECT, "name": "main", "enforcement": "active",
            "branches": ["main"], "rules": [
                {"type": "deletion"},
                {"type": "non_fast_forward"},
                {"type": "pull_request", "parameters": {
                    "required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true,
                    "require_code_owner_review": true, "require_last_push_approval": true,
                    "required_review_thread_resolution": false}},
                {"type": "required_status_checks", "parameters": {
                    "strict_required_status_checks_policy": false,
                    "required_status_checks": [{"context": "check"}]}}]}),
    })
}

#[test]
fn a_branch_is_in_order_once_it_is_protected_as_the_settings_say() {
    for (kind, protected) in
        [(Kind::GitHub, &["main.requests", "main.history"][..]), (Kind::GitLab, &["pins.history"])]
    {
        let world = World::new(kind);
        let before = world.refs();
        let open = world.json(&["doctor"]);
        for name in ["reach", "push", "branches", "clock", "token", "token.pipelines"] {
            assert_eq!(verdict(&open, name), "ok", "{kind:?} {name}: {open:?}");
        }
        for name in protected {
            assert_ne!(verdict(&open, name), "ok", "{kind:?} {name}: {open:?}");
        }
        protect(&world);
        let closed = world.json(&["doctor"]);
        for name in protected.iter().chain(&["main.requests", "main.history"]) {
            assert_eq!(verdict(&closed, name), "ok", "{kind:?} {name}: {closed:?}");
        }
        assert_eq!((world.refs(), world.open()), (before, Vec::new()), "{kind:?}");
    }
}
