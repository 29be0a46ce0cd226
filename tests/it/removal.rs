//! `service remove`: the pins, what Argo CD takes down with them, then the registry.

use serde_json::json;

use crate::support::git::{self, commit_file};
use crate::support::root::{FORGE, Root, pin_file, pin_path, pin_path_in};

const REMOVE: [&str; 3] = ["service", "remove", "api"];
const REGISTERED: &str = "services/services/api.yaml";
const LOCK: &str = "{\"reason\": \"incident 7\", \"owner\": \"anna\"}\n";

#[test]
fn a_service_goes_pins_first_and_the_applications_are_named() {
    let root = Root::new(&["api", "web"]);
    root.release("api", "1");
    root.release("web", "1");
    root.commit("locks/production/api.json", LOCK);
    let before = root.commits();
    let run = root.json(&REMOVE).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "removed");
    assert_eq!(document["applications"], json!(["staging-api", "production-api"]));
    let commits = root.commits();
    assert_eq!(document["commits"], json!([commits[1], commits[0]]));
    assert_eq!(commits[2..], before);
    assert_eq!(
        git::changed_paths(&root.repo(), &commits[1]),
        [pin_path_in("production", "api"), pin_path("api"), "locks/production/api.json".to_owned()]
    );
    assert_eq!(git::changed_paths(&root.repo(), &commits[0]), [REGISTERED]);
    for path in [&pin_path("api"), &pin_path_in("production", "api")] {
        assert_eq!(root.file(path), None);
    }
    assert_eq!(root.tag("production", "web").as_deref(), Some("1"));
    root.json(&["check"]).succeeded();
    root.assert_sound();

    let refs = root.refs();
    let again = root.json(&REMOVE);
    assert_eq!(
        (again.code, &again.document()["error"]["kind"]),
        (1, &json!("notFound")),
        "{again:?}"
    );
    assert_eq!(root.refs(), refs);
}

#[test]
fn people_are_told_what_argo_cd_deletes() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    let dry = root.pinrail(&[&["--dry-run"], &REMOVE[..]].concat()).succeeded();
    assert!(dry.stderr.contains("Argo CD would delete the Application staging-api"), "{dry:?}");
    assert!(dry.stderr.contains(&format!("Would remove {REGISTERED}")), "{dry:?}");
    assert!(dry.stderr.contains("Would remove api\n"), "{dry:?}");
    let run = root.pinrail(&REMOVE).succeeded();
    assert!(run.stderr.contains("Argo CD deletes the Application production-api"), "{run:?}");
    assert!(run.stderr.contains("Removed api\n"), "{run:?}");
}

#[test]
fn a_dry_removal_shows_every_file_and_writes_nothing() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    let refs = root.refs();
    let document = root.json(&[&["--dry-run"], &REMOVE[..]].concat()).succeeded().document();
    assert_eq!((&document["dryRun"], &document["commits"]), (&json!(true), &json!([])));
    let changes = document["changes"].as_array().expect("changes");
    let paths: Vec<_> = changes.iter().map(|change| change["path"].clone()).collect();
    let expected = [pin_path_in("production", "api"), pin_path("api"), REGISTERED.to_owned()];
    assert_eq!(paths, expected.map(|path| json!(path)));
    assert!(changes.iter().all(|change| change["before"].is_string() && change["after"].is_null()));
    assert_eq!(root.refs(), refs);
}

#[test]
fn a_service_that_is_only_registered_or_only_pinned_goes_as_well() {
    let root = Root::new(&["api"]);
    let document = root.json(&REMOVE).succeeded().document();
    assert_eq!((&document["outcome"], &document["applications"]), (&json!("removed"), &json!([])));
    assert_eq!(document["commits"].as_array().map(Vec::len), Some(1));
    let root = Root::new(&[]);
    let pin = pin_file("shared", "api", "1", &json!({}));
    root.commit(&pin_path("api"), &pin);
    let document = root.json(&REMOVE).succeeded().document();
    assert_eq!(document["applications"], json!(["staging-api"]));
    assert_eq!(root.file(&pin_path("api")), None);
}

#[test]
fn a_request_that_was_open_does_not_bring_a_removed_service_back() {
    let root = Root::new(&["api", "web"]);
    for service in ["api", "web"] {
        root.stage(service, "1");
    }
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.json(&REMOVE).succeeded();
    let refs = root.refs();
    for request in ["production/api", "production"] {
        let run = root.json(&["promotions", "merge", request]);
        let document = run.document();
        assert_eq!((run.code, &document["error"]["kind"]), (5, &json!("refused")), "{run:?}");
        assert!(document["error"]["message"].to_string().contains("staging"), "{document:#}");
    }
    let run = root.json(&["promote", "api", "--to", "production"]);
    assert_eq!((run.code, &run.document()["error"]["kind"]), (1, &json!("notFound")), "{run:?}");
    assert_eq!(root.refs(), refs);
    // The train goes on without it.
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(
        (root.tag("production", "api"), root.tag("production", "web").is_some()),
        (None, true)
    );
}

#[test]
fn with_a_forge_production_is_left_by_request_first() {
    let root = Root::with(FORGE, &["api", "web"]);
    root.release("api", "1");
    root.stage("web", "1");
    let refs = root.refs();
    for arguments in [&REMOVE[..], &[&["--dry-run"], &REMOVE[..]].concat()] {
        let run = root.json(arguments);
        let document = run.document();
        assert_eq!((run.code, &document["error"]["kind"]), (5, &json!("refused")), "{run:?}");
        assert!(document["error"]["message"].to_string().contains("production"), "{document:#}");
    }
    assert_eq!(root.refs(), refs);
    // What is in staging alone goes: its pin from the branch of pins, before its file from main.
    let document = root.json(&["service", "remove", "web"]).succeeded().document();
    assert_eq!(document["commits"], json!([root.branch_tip("pins"), root.tip()]));
    assert_eq!(git::changed_paths(&root.repo(), "pins"), [pin_path("web")]);
    assert_eq!(git::changed_paths(&root.repo(), "main"), ["services/services/web.yaml"]);
}

#[test]
fn a_removal_that_stopped_half_way_goes_on_where_it_was() {
    let root = Root::with(FORGE, &["api"]);
    root.stage("api", "1");
    // The pins are gone and the registry is not, as after a lost connection.
    let tree = git::git(&root.repo(), &["rev-parse", "main^{tree}"]);
    let commit = ["commit-tree", "-m", "Pins", "-p", "pins", &tree];
    let commit = git::git(&root.repo(), &commit);
    git::git(&root.repo(), &["update-ref", "refs/heads/pins", &commit]);
    commit_file(&root.repo(), "main", "README.md", "moved on\n", "Moved on");
    let document = root.json(&REMOVE).succeeded().document();
    assert_eq!((&document["outcome"], &document["applications"]), (&json!("removed"), &json!([])));
    assert_eq!(root.file(REGISTERED), None);
    assert_eq!(root.branch_tip("pins"), Some(commit));
}
