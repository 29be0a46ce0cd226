//! A lock file stops pins, promotions and merges, and says why; what is there already stays.

use serde_json::{Value, json};

use crate::support::git;
use crate::support::pinrail::Run;
use crate::support::root::{FORGE, Root, pin_path, revision_of};

const LOCK: &str = "{\"reason\": \"incident 7\", \"owner\": \"anna\"}\n";

fn lock_until(time: &str) -> String {
    LOCK.replace('}', &format!(", \"until\": \"{time}\"}}"))
}

fn pin(root: &Root, tag: &str) -> Run {
    let revision = revision_of(tag);
    let pin = ["pin", "api", "-e", "staging", "--image-tag", tag, "--revision", &revision];
    root.json(&pin)
}

/// Pinned once, and something newer asked for in production.
fn ready() -> Root {
    let root = Root::new(&["api", "web"]);
    root.release("api", "1");
    root.stage("api", "2");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root
}

#[test]
fn a_lock_stops_a_pin_and_tells_who_and_why() {
    for (path, lock) in [
        ("locks/staging.json", LOCK.to_owned()),
        ("locks/staging/api.json", LOCK.to_owned()),
        ("locks/staging/api.json", lock_until("2999-01-01T00:00:00Z")),
    ] {
        let root = Root::new(&["api"]);
        root.stage("api", "1");
        root.commit(path, &lock);
        let refs = root.refs();
        let run = pin(&root, "2");
        let document = run.document();
        assert_eq!((run.code, &document["outcome"]), (5, &json!("refused")), "{run:?}");
        assert_eq!(document["previous"]["imageTag"], "1");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains("locked by anna") && message.contains("incident 7"), "{message}");
        let same = pin(&root, "1").succeeded();
        assert_eq!(same.document()["outcome"], "unchanged");
        assert_eq!(root.refs(), refs);
    }
}

#[test]
fn a_lock_that_is_over_or_for_others_stops_nothing() {
    let root = Root::new(&["api"]);
    root.commit("locks/staging/api.json", &lock_until("2020-01-01T00:00:00Z"));
    root.commit("locks/staging/web.json", LOCK);
    root.commit("locks/production.json", LOCK);
    assert_eq!(pin(&root, "1").succeeded().document()["outcome"], "pinned");
}

#[test]
fn of_many_pins_the_locked_one_stays_behind() {
    let root = Root::new(&["api", "web"]);
    root.commit("locks/staging/web.json", LOCK);
    let pin = |service: &str| json!({"service": service, "environment": "staging", "imageTag": "1", "targetRevision": revision_of("1")});
    let file = root.path().join("pins.json");
    std::fs::write(&file, json!([pin("api"), pin("web")]).to_string()).expect("write the pins");
    let from_file = ["pin", "--from-file", file.to_str().expect("UTF-8")];
    let refs = root.refs();
    let run = root.json(&[&from_file[..], &["--all-or-nothing"]].concat());
    let document = run.document();
    assert_eq!((run.code, &document["outcome"]), (5, &json!("refused")), "{run:?}");
    assert_eq!(document["items"][0]["cause"]["kind"], "anotherRefused");
    assert_eq!(document["items"][1]["cause"]["kind"], "locked");
    assert_eq!(root.refs(), refs);
    let run = root.json(&from_file);
    assert_eq!((run.code, &run.document()["outcome"]), (5, &json!("partial")), "{run:?}");
    assert_eq!(root.pinned("api").as_deref(), Some("1"));
    assert_eq!(root.pinned("web"), None);
}

#[test]
fn a_lock_stops_a_promotion_and_leaves_the_open_request_as_it_is() {
    for path in ["locks/production.json", "locks/production/api.json"] {
        let root = ready();
        root.stage("api", "3");
        root.commit(path, LOCK);
        let refs = root.refs();
        let run = root.json(&["promote", "api", "--to", "production"]);
        assert_eq!(run.code, 5, "{run:?}");
        let cause =
            json!({"kind": "locked", "reason": "incident 7", "owner": "anna", "until": null});
        assert_eq!(run.document()["items"][0]["cause"], cause);
        let run = root.json(&["promotions", "merge", "production/api"]);
        assert_eq!((run.code, &run.document()["error"]["kind"]), (5, &json!("refused")), "{run:?}");
        assert!(run.document()["error"]["message"].to_string().contains("incident 7"), "{run:?}");
        assert_eq!(root.refs(), refs);
    }
}

#[test]
fn a_promotion_of_what_is_there_needs_no_leave_of_a_lock() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    root.commit("locks/production.json", LOCK);
    let document = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
    assert_eq!(document["outcome"], "unchanged");
}

#[test]
fn a_lock_of_one_service_holds_up_the_train_that_carries_it() {
    let root = ready();
    root.stage("web", "1");
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.commit("locks/production/web.json", LOCK);
    let refs = root.refs();
    assert_eq!(root.json(&["promotions", "merge", "production"]).code, 5);
    assert_eq!(root.refs(), refs);
    // Asked again, the train goes without it.
    let document = root.json(&["promote", "--all", "--to", "production"]).succeeded().document();
    assert_eq!(document["outcome"], "partial");
    root.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(root.tag("production", "api").as_deref(), Some("2"));
    assert_eq!(root.tag("production", "web"), None);
}

#[test]
fn a_lock_that_nobody_can_read_is_invalid_and_nothing_passes_it() {
    let root = ready();
    for path in ["locks/production.json", "locks/staging.json"] {
        root.commit(path, "{\"reason\": \"incident 7\"}\n");
    }
    let refs = root.refs();
    let runs = [
        pin(&root, "9"),
        root.json(&["promotions", "merge", "production/api"]),
        root.json(&["promote", "api", "--to", "production"]),
    ];
    for run in runs {
        let document = run.document();
        assert_eq!((run.code, &document["error"]["kind"]), (4, &json!("invalid")), "{run:?}");
        assert!(run.stdout.contains("locks/"), "the file is named: {run:?}");
    }
    assert_eq!(root.refs(), refs);
}

#[test]
fn with_a_forge_the_locks_are_on_the_branch_of_pins() {
    let root = Root::with(FORGE, &["api"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    // On main it is a file that nobody reads.
    root.commit("locks/production.json", LOCK);
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    git::commit_file(&root.repo(), "pins", "locks/production.json", LOCK, "Lock");
    git::commit_file(&root.repo(), "pins", "locks/staging.json", LOCK, "Lock");
    assert_eq!(root.json(&["promotions", "merge", "production/api"]).code, 5);
    assert_eq!(pin(&root, "2").code, 5);
    let pinned: Value = serde_json::from_str(
        &git::read_file(&root.repo(), "pins", &pin_path("api")).expect("a pin"),
    )
    .expect("JSON");
    assert_eq!(pinned["imageTag"], "1");
}
