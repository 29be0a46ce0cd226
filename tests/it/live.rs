//! The live tests (`tests/live`), played on the fake forges so that they do not rot.

use serde_json::json;

use crate::support::forge::FakeForge;

#[path = "../live/scratch.rs"]
mod scratch;
#[path = "../live/story.rs"]
mod story;

use scratch::{Kind, Scratch};

const PROJECT: &str = "acme/scratch";

/// A forge that has nothing but an empty project, and who may write it.
fn place(forge: &FakeForge, token: &serde_json::Value, role: &str) -> (String, String) {
    forge.act(json!({"do": "user", "login": "tester"}));
    forge.act(json!({"do": "project", "path": PROJECT, "private": true,
        "members": {"tester": role}}));
    let token = forge.act(token.clone());
    let secret = token["secret"].as_str().expect("a secret").to_owned();
    (format!("{}/{PROJECT}", forge.web()), secret)
}

/// Twice, as the second run finds what the first has left.
fn played(kind: Kind, forge: &FakeForge, (url, token): (String, String)) {
    for _ in 0..2 {
        let scratch = Scratch::new(kind, &url, token.clone()).expect("a scratch project");
        story::play(&scratch, |_| {});
    }
    let state = forge.state(PROJECT);
    let branches: Vec<_> = state["branches"].as_object().expect("branches").keys().collect();
    assert_eq!(branches, ["main", "pins", "versions"]);
}

#[test]
fn the_live_tests_pass_on_the_fake_github() {
    let forge = FakeForge::github_enterprise("3.19");
    let token = json!({"do": "token", "name": "live", "kind": "fine", "user": "tester"});
    let place = place(&forge, &token, "write");
    played(Kind::GitHub, &forge, place);
}

#[test]
fn the_live_tests_pass_on_the_fake_gitlab() {
    let forge = FakeForge::gitlab();
    let token = json!({"do": "token", "name": "live", "kind": "personal", "user": "tester"});
    let place = place(&forge, &token, "maintainer");
    played(Kind::GitLab, &forge, place);
}

#[test]
fn a_project_with_anything_in_it_is_left_alone() {
    let forge = FakeForge::gitlab();
    let token = json!({"do": "token", "name": "live", "kind": "personal", "user": "tester"});
    let (url, token) = place(&forge, &token, "maintainer");
    forge.act(json!({"do": "push", "project": PROJECT, "branch": "main", "files": {"a": "1"}}));
    let before = forge.state(PROJECT)["branches"].clone();
    let refused = Scratch::new(Kind::GitLab, &url, token).err();
    assert_eq!(refused.as_deref(), Some("the project is not empty, and not of an earlier run"));
    assert_eq!(forge.state(PROJECT)["branches"], before);
}
