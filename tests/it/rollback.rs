//! `rollback`: to the version before, to one that is named, past one commit; under a lock.

use serde_json::{Value, json};

use crate::support::git;
use crate::support::pinrail::Run;
use crate::support::root::{DIRECT, REGIONS, Root, pin_file, pin_path_in, revision_of};

const BACK: [&str; 4] = ["rollback", "api", "-e", "production"];
const LOCK: &str = "locks/production/api.json";

/// A service whose three versions went all the way.
fn released() -> Root {
    let root = Root::new(&["api", "web"]);
    for tag in ["1", "2", "3"] {
        root.release("api", tag);
    }
    root
}

fn unlock(root: &Root, path: &str) {
    root.commit(
        path,
        "{\"reason\": \"over\", \"owner\": \"a\", \"until\": \"2020-01-01T00:00:00Z\"}",
    );
}

fn lock(root: &Root) -> Value {
    serde_json::from_str(&root.file(LOCK).expect("a lock")).expect("JSON")
}

fn try_pin(root: &Root, tag: &str) -> Run {
    let revision = revision_of(tag);
    root.json(&["pin", "api", "-e", "staging", "--image-tag", tag, "--revision", &revision])
}

#[test]
fn a_rollback_brings_the_version_before_and_its_lock_in_one_commit() {
    let root = released();
    let (before, second) = (root.commits(), root.pin_at("main~2", "production", "api"));
    let document = root.json(&BACK).succeeded().document();
    assert_eq!(document["outcome"], "rolledback");
    assert_eq!(document["commits"], json!([root.tip()]));
    assert_eq!(document["locks"], json!([LOCK]));
    let item = &document["items"][0];
    assert_eq!((&item["outcome"], &item["from"]["imageTag"]), (&json!("rolledback"), &json!("3")));
    assert_eq!(item["to"], second.expect("the second version"));
    assert_eq!(root.commits()[1..], before);
    let path = pin_path_in("production", "api");
    assert_eq!(git::changed_paths(&root.repo(), "main"), [path, LOCK.to_owned()]);
    assert_eq!(lock(&root)["owner"], "Somebody Else");
    assert_eq!(lock(&root)["reason"], "rolled back from 3 to 2");
    let message = git::message(&root.repo(), "main");
    assert!(message.starts_with("roll back api in production: 3 → 2\n"), "{message}");
    root.json(&["check"]).succeeded();
}

#[test]
fn the_same_rollback_again_does_not_go_back_further() {
    let root = released();
    root.json(&[&BACK[..], &["--reason", "checkout is broken"]].concat()).succeeded();
    assert_eq!(lock(&root)["reason"], "checkout is broken");
    let refs = root.refs();
    let document = root.json(&BACK).succeeded().document();
    assert_eq!((&document["outcome"], &document["commits"]), (&json!("unchanged"), &json!([])));
    assert_eq!(root.refs(), refs);
    // Once the lock is gone it goes on, and never to the version that was left.
    unlock(&root, LOCK);
    root.json(&BACK).succeeded();
    assert_eq!(root.tag("production", "api").as_deref(), Some("1"));
    unlock(&root, LOCK);
    assert_eq!(root.json(&BACK).code, 1);
}

#[test]
fn nothing_passes_the_lock_of_a_rollback() {
    let root = released();
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.stage("api", "4");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&BACK).succeeded();
    let refs = root.refs();
    for command in [
        &["promote", "api", "--to", "production"][..],
        &["promote", "--all", "--to", "production"],
        &["promotions", "merge", "production/api"],
    ] {
        let run = root.json(command);
        assert_eq!((run.code, &run.document()["error"]["kind"]), (5, &json!("refused")), "{run:?}");
    }
    assert_eq!(root.refs(), refs);
    assert_eq!(try_pin(&root, "5").code, 0, "staging goes on");
}

#[test]
fn a_direct_environment_goes_back_and_no_pin_passes() {
    let root = Root::with(DIRECT, &["api"]);
    for tag in ["1", "2"] {
        root.stage("api", tag);
    }
    root.json(&["promote", "api", "--to", "qa"]).succeeded();
    root.json(&["rollback", "api", "-e", "staging"]).succeeded();
    assert_eq!(root.pinned("api").as_deref(), Some("1"));
    for tag in ["2", "3"] {
        let run = try_pin(&root, tag);
        assert_eq!((run.code, &run.document()["outcome"]), (5, &json!("refused")), "{run:?}");
    }
    assert_eq!(try_pin(&root, "1").succeeded().document()["outcome"], "unchanged");
    assert_eq!(root.tag("qa", "api").as_deref(), Some("2"));
}

#[test]
fn a_rollback_goes_to_the_tag_the_revision_or_the_commit_that_is_named() {
    let root = released();
    // The commit on main that brought the first version into production.
    let first = root.commits().into_iter().rev().find(|commit| {
        git::changed_paths(&root.repo(), commit) == [pin_path_in("production", "api")]
    });
    let first = first.expect("the first promotion");
    for to in ["1", revision_of("1").as_str(), first.as_str(), &first[..8]] {
        let document = root.json(&[&BACK[..], &["--to", to]].concat()).succeeded().document();
        assert_eq!(document["items"][0]["to"]["imageTag"], "1", "{to}");
        assert_eq!(root.tag("production", "api").as_deref(), Some("1"), "{to}");
        let again = root.json(&[&BACK[..], &["--to", to]].concat()).succeeded().document();
        assert_eq!(again["outcome"], "unchanged", "{to}");
        root.json(&[&BACK[..], &["--to", "3"]].concat()).succeeded();
    }
}

#[test]
fn a_version_that_was_never_there_is_not_gone_to() {
    let root = released();
    root.stage("api", "4");
    let refs = root.refs();
    for to in ["4", "9.9.9", "0000000", &"b".repeat(40)] {
        let run = root.json(&[&BACK[..], &["--to", to]].concat());
        let document = run.document();
        assert_eq!((run.code, &document["outcome"]), (1, &json!("refused")), "{run:?}");
        let cause = json!({"kind": "neverThere", "version": to});
        assert_eq!(document["items"][0]["cause"], cause);
    }
    assert_eq!(root.refs(), refs);
}

#[test]
fn without_an_earlier_version_there_is_nothing_to_go_back_to() {
    let root = Root::new(&["api", "web"]);
    root.release("api", "1");
    let refs = root.refs();
    for service in ["api", "web"] {
        let run = root.json(&["rollback", service, "-e", "production"]);
        let document = run.document();
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(document["items"][0]["cause"], json!({"kind": "noEarlierVersion"}));
        assert_eq!(document["error"]["kind"], "notFound");
    }
    assert_eq!(root.json(&["rollback", "nobody", "-e", "production"]).code, 1);
    assert_eq!(root.json(&["rollback", "api", "-e", "prod"]).code, 1);
    assert_eq!(root.refs(), refs);
}

#[test]
fn a_group_goes_back_where_it_can_and_says_where_it_cannot() {
    let root = Root::with(REGIONS, &["api"]);
    for tag in ["1", "2"] {
        root.release("api", tag);
    }
    let group = ["rollback", "api", "-e", "production"];
    let document = root.json(&group).succeeded().document();
    assert_eq!(document["locks"], json!(["locks/eu/api.json", "locks/us/api.json"]));
    assert_eq!(document["commits"].as_array().map(Vec::len), Some(1), "both in one commit");
    for region in ["eu", "us"] {
        assert_eq!(root.tag(region, "api").as_deref(), Some("1"));
    }

    let root = Root::with(REGIONS, &["api"]);
    for tag in ["1", "2"] {
        root.stage("api", tag);
        root.json(&["promote", "api", "--to", "eu"]).succeeded();
        root.json(&["promotions", "merge", "eu/api"]).succeeded();
    }
    let run = root.json(&group);
    let document = run.document();
    assert_eq!((run.code, &document["items"][1]["environment"]), (1, &json!("us")), "{run:?}");
    assert_eq!(document["items"][1]["cause"], json!({"kind": "noEarlierVersion"}));
    assert_eq!(root.tag("eu", "api").as_deref(), Some("1"));
}

/// Two services came by one train; its merge.
fn train(root: &Root) -> String {
    root.release("api", "1");
    root.release("web", "1");
    root.stage("api", "2");
    root.stage("web", "2");
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    let merged = root.json(&["promotions", "merge", "production"]).succeeded().document();
    merged["commit"].as_str().expect("a commit").to_owned()
}

#[test]
fn a_train_is_undone_by_its_commit() {
    let root = Root::new(&["api", "web"]);
    let commit = train(&root);
    root.commit("README.md", "moved on\n");
    let undo = ["rollback", "--commit", &commit[..9]];
    let document = root.json(&undo).succeeded().document();
    assert_eq!(document["outcome"], "rolledback");
    assert_eq!(document["locks"], json!([LOCK, "locks/production/web.json"]));
    for service in ["api", "web"] {
        assert_eq!(root.tag("production", service).as_deref(), Some("1"));
    }
    let refs = root.refs();
    assert_eq!(root.json(&undo).succeeded().document()["outcome"], "unchanged");
    assert_eq!(root.refs(), refs);
}

#[test]
fn what_others_moved_on_is_not_undone() {
    let root = Root::new(&["api", "web"]);
    let commit = train(&root);
    root.release("web", "3");
    let run = root.json(&["rollback", "--commit", &commit]);
    let document = run.document();
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(document["items"][0]["outcome"], "rolledback");
    assert_eq!(document["items"][1]["cause"], json!({"kind": "movedOn"}));
    assert_eq!(root.tag("production", "web").as_deref(), Some("3"));
    assert_eq!(root.file("locks/production/web.json"), None);
}

#[test]
fn a_commit_that_is_none_or_changed_no_pin_cannot_be_undone() {
    let root = released();
    let readme = root.commit("README.md", "hello\n");
    let refs = root.refs();
    for commit in [readme.as_str(), &"b".repeat(40), "HEAD", "abc"] {
        let run = root.json(&["rollback", "--commit", commit]);
        assert_eq!(
            (run.code, &run.document()["error"]["kind"]),
            (1, &json!("notFound")),
            "{run:?}"
        );
    }
    assert_eq!(root.refs(), refs);
}

#[test]
fn keys_of_others_survive_and_what_was_taken_out_comes_back() {
    let root = Root::new(&["api"]);
    let path = pin_path_in("production", "api");
    let note = json!({"note": {"z": 1, "a": 2}});
    root.commit(&path, &pin_file("eu-1", "api", "1", &json!({"gone": true})));
    root.commit(&path, &pin_file("eu-1", "api", "2", &note));
    root.json(&BACK).succeeded();
    let pin = root.pin_at("main", "production", "api").expect("a pin");
    assert_eq!(pin["imageTag"], "1");
    assert_eq!((&pin["note"], pin.get("gone")), (&note["note"], None));
}

#[test]
fn a_dry_rollback_shows_pin_and_lock_and_writes_nothing() {
    let root = released();
    let refs = root.refs();
    let dry = [&["--dry-run"], &BACK[..]].concat();
    let document = root.json(&dry).succeeded().document();
    assert_eq!(document["dryRun"], true);
    let changes = document["changes"].as_array().expect("changes");
    let paths: Vec<_> = changes.iter().map(|change| change["path"].clone()).collect();
    assert_eq!(paths, [json!(pin_path_in("production", "api")), json!(LOCK)]);
    let text = root.pinrail(&dry).succeeded();
    assert!(text.stderr.contains("Would have rolled back api in production: 3 → 2"), "{text:?}");
    assert_eq!(root.refs(), refs);
}
