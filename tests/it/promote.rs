//! `promote`: what goes where, what may not, and that the same command again does nothing.

use serde_json::{Value, json};

use crate::support::git;
use crate::support::root::{DIRECT, REGIONS, Root, pin_file, pin_path_in, revision_of};

/// `service environment outcome` of every item, in order.
fn outcomes(document: &Value) -> Vec<String> {
    let items = document["items"].as_array().expect("items");
    let word = |item: &Value, key: &str| item[key].as_str().expect("a string").to_owned();
    items
        .iter()
        .map(|item| ["service", "environment", "outcome"].map(|key| word(item, key)).join(" "))
        .collect()
}

#[test]
fn a_promotion_into_a_direct_environment_is_one_commit() {
    let root = Root::with(DIRECT, &["api", "web"]);
    root.stage("api", "1");
    root.stage("web", "2");
    let before = root.commits();
    let document = root.json(&["promote", "api", "web", "--to", "qa"]).succeeded().document();
    assert_eq!(document["outcome"], "promoted");
    assert_eq!(outcomes(&document), ["api qa promoted", "web qa promoted"]);
    assert_eq!(document["items"][0]["from"], Value::Null);
    assert_eq!(document["items"][1]["to"], root.pin_at("main", "qa", "web").expect("a pin"));
    assert_eq!(document["commit"], root.tip().as_str());
    assert_eq!(document["requests"], json!([]));
    assert_eq!(root.commits()[1..], before);
    assert_eq!(
        git::changed_paths(&root.repo(), "main"),
        [pin_path_in("qa", "api"), pin_path_in("qa", "web")]
    );
    let expected = json!({
        "cluster": "qa-1", "service": "api", "imageTag": "1", "targetRevision": revision_of("1"),
    });
    assert_eq!(root.pin_at("main", "qa", "api"), Some(expected));

    let refs = root.refs();
    let again = root.json(&["promote", "web", "api", "--to", "qa"]).succeeded().document();
    assert_eq!((&again["outcome"], &again["commit"]), (&json!("unchanged"), &Value::Null));
    assert_eq!(outcomes(&again), ["api qa unchanged", "web qa unchanged"]);
    assert_eq!(root.refs(), refs);
}

#[test]
fn a_promotion_into_a_request_environment_is_a_branch_and_main_stays() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    let main = root.tip();
    let run = root.json(&["promote", "api", "--to", "production"]).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "requested");
    assert_eq!(document["commit"], Value::Null);
    let branch = "pinrail/promote/production/api";
    let head = root.branch_tip(branch).expect("the request's branch");
    let request = json!({"number": null, "url": null, "branch": branch, "head": head});
    assert_eq!(document["request"], request);
    assert_eq!(root.tip(), main);
    assert_eq!(git::first_parent_log(&root.repo(), branch)[1], main);
    assert_eq!(git::changed_paths(&root.repo(), branch), [pin_path_in("production", "api")]);

    let refs = root.refs();
    let again = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
    assert_eq!((&again["outcome"], &again["request"]), (&json!("requested"), &request));
    assert_eq!(root.refs(), refs);
    let text = root.pinrail(&["promote", "api", "--to", "production"]).succeeded();
    assert_eq!(text.stdout, "");
    assert!(text.stderr.contains("Requested api in production: nothing → 1"), "{text:?}");
    assert!(text.stderr.contains("`pinrail promotions merge promote/production/api`"), "{text:?}");
}

#[test]
fn several_services_are_a_request_each_and_all_are_one_train() {
    let root = Root::new(&["api", "web", "never-pinned"]);
    root.stage("api", "1");
    root.stage("web", "1");
    let named = root.json(&["promote", "web", "api", "--to", "production"]).succeeded().document();
    assert_eq!(named["request"], Value::Null, "there are two");
    assert_eq!(
        root.requests(),
        ["pinrail/promote/production/api", "pinrail/promote/production/web"]
    );
    let all = root.json(&["promote", "--all", "--to", "production"]).succeeded().document();
    assert_eq!(all["outcome"], "requested");
    assert_eq!(all["request"]["branch"], "pinrail/train/production");
    assert_eq!(outcomes(&all), ["api production requested", "web production requested"]);
    assert_eq!(git::changed_paths(&root.repo(), "pinrail/train/production").len(), 2);
    let refs = root.refs();
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.json(&["promote", "api", "web", "--to", "production"]).succeeded();
    assert_eq!(root.refs(), refs);
}

#[test]
fn a_group_is_one_request_for_all_of_its_environments() {
    let root = Root::with(REGIONS, &["api"]);
    root.stage("api", "1");
    let document = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
    assert_eq!(outcomes(&document), ["api eu requested", "api us requested"]);
    let branch = "pinrail/promote/production/api";
    assert_eq!(document["request"]["branch"], branch);
    let clusters = ["eu", "us"].map(|name| root.pin_at(branch, name, "api").expect("a pin"));
    assert_eq!(clusters.map(|pin| pin["cluster"].clone()), [json!("eu-1"), json!("us-1")]);
}

#[test]
fn nothing_but_the_version_is_copied() {
    let root = Root::with(DIRECT, &["api"]);
    let extra = json!({
        "imageDigest": format!("sha256:{}", "a".repeat(64)),
        "repoURL": "https://git.example.com/services/mono.git",
        "path": "api/helm",
        "chartVersion": "1.2.3",
        "sequence": 17,
        "theirs": "stays in staging",
    });
    root.commit(&pin_path_in("staging", "api"), &pin_file("shared", "api", "2", &extra));
    let own = json!({"note": {"z": 1, "a": 2}, "chartVersion": "1.0.0"});
    root.commit(&pin_path_in("qa", "api"), &pin_file("qa-1", "api", "1", &own));
    root.json(&["promote", "api", "--to", "qa"]).succeeded();
    let mut expected = json!({
        "cluster": "qa-1", "service": "api", "imageTag": "2", "targetRevision": revision_of("2"),
        "note": {"z": 1, "a": 2},
    });
    for key in ["imageDigest", "repoURL", "path", "chartVersion", "sequence"] {
        expected[key] = extra[key].clone();
    }
    assert_eq!(root.pin_at("main", "qa", "api"), Some(expected));
    let text = root.file(&pin_path_in("qa", "api")).expect("a file");
    assert!(text.starts_with("{\n  \"cluster\": \"qa-1\",\n  \"service\": \"api\",\n"), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
}

#[test]
fn what_is_there_already_needs_no_request() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    let refs = root.refs();
    let document = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
    assert_eq!(document["outcome"], "unchanged");
    assert_eq!(document["request"], Value::Null);
    assert_eq!(document["items"][0]["from"], document["items"][0]["to"]);
    assert_eq!(root.refs(), refs);
}

#[test]
fn what_was_never_in_the_source_is_refused_with_its_cause() {
    let root = Root::new(&["api"]);
    let refs = root.refs();
    let run = root.json(&["promote", "api", "--to", "production"]);
    let document = run.document();
    assert_eq!((run.code, &document["outcome"]), (5, &json!("refused")), "{run:?}");
    let cause = json!({"kind": "notInSource", "source": "staging"});
    assert_eq!(document["items"][0]["cause"], cause);
    assert_eq!(document["error"]["kind"], "refused");
    assert_eq!(root.refs(), refs);
    let text = root.pinrail(&["promote", "api", "--to", "production"]);
    assert!(text.stderr.contains("Not api in production: it is not in `staging`"), "{text:?}");
}

#[test]
fn nothing_is_promoted_into_an_environment_without_a_source() {
    let root = Root::with(REGIONS, &["api"]);
    root.stage("api", "1");
    for target in ["staging", "lab"] {
        let run = root.json(&["promote", "api", "--to", target]);
        assert_eq!(run.code, 5, "{run:?}");
        assert_eq!(run.document()["items"][0]["cause"], json!({"kind": "noSource"}));
    }
}

#[test]
fn unknown_names_are_not_found_and_the_nearest_is_told() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    for (arguments, nearest) in [
        (["promote", "apii", "--to", "production"], "`api`"),
        (["promote", "api", "--to", "prodction"], "`production`"),
    ] {
        let run = root.json(&arguments);
        let document = run.document();
        assert_eq!((run.code, &document["outcome"]), (1, &json!("failed")), "{run:?}");
        assert_eq!(document["error"]["kind"], "notFound");
        let hints = document["error"]["hints"].to_string();
        assert!(hints.contains(nearest), "{hints}");
    }
}

#[test]
fn a_pin_that_is_not_valid_goes_nowhere() {
    let root = Root::new(&["api"]);
    root.commit(&pin_path_in("staging", "api"), "{\"imageTag\": 1.10}\n");
    let refs = root.refs();
    let run = root.json(&["promote", "api", "--to", "production"]);
    let document = run.document();
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(document["error"]["kind"], "invalid");
    assert_eq!(document["items"][0]["cause"]["kind"], "invalidPin");
    assert_eq!(root.refs(), refs);
}

#[test]
fn of_several_that_are_named_those_that_may_go_do_and_the_rest_is_an_error() {
    let root = Root::with(DIRECT, &["api", "web"]);
    root.stage("api", "1");
    let run = root.json(&["promote", "api", "web", "--to", "qa"]);
    let document = run.document();
    assert_eq!((run.code, &document["outcome"]), (5, &json!("partial")), "{run:?}");
    assert_eq!(outcomes(&document), ["api qa promoted", "web qa refused"]);
    assert_eq!(root.tag("qa", "api").as_deref(), Some("1"));
}

#[test]
fn all_or_nothing_writes_nothing_when_one_may_not_go() {
    let root = Root::with(DIRECT, &["api", "web"]);
    root.stage("api", "1");
    let refs = root.refs();
    for target in ["qa", "production"] {
        let run = root.json(&["promote", "api", "web", "--to", target, "--all-or-nothing"]);
        assert_eq!((run.code, &run.document()["outcome"]), (5, &json!("refused")), "{run:?}");
    }
    let run = root.json(&["promote", "api", "web", "--to", "qa", "--all-or-nothing"]);
    let items = run.document()["items"].clone();
    assert_eq!(items[0]["cause"], json!({"kind": "anotherRefused"}));
    assert_eq!(items[1]["cause"], json!({"kind": "notInSource", "source": "staging"}));
    assert_eq!(root.refs(), refs);
}

#[test]
fn of_all_those_that_may_go_do_and_that_is_no_error() {
    let root = Root::new(&["api", "web"]);
    root.stage("api", "1");
    root.stage("web", "1");
    root.commit("locks/production/web.json", "{\"reason\": \"incident 7\", \"owner\": \"anna\"}\n");
    let run = root.json(&["promote", "--all", "--to", "production"]).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "partial");
    assert_eq!(document.get("error"), None);
    assert_eq!(outcomes(&document), ["api production requested", "web production refused"]);
    let cause = json!({"kind": "locked", "reason": "incident 7", "owner": "anna", "until": null});
    assert_eq!(document["items"][1]["cause"], cause);
    let asked = git::changed_paths(&root.repo(), "pinrail/train/production");
    assert_eq!(asked, [pin_path_in("production", "api")]);
}

#[test]
fn a_service_that_one_environment_of_a_group_has_already_goes_to_the_other() {
    let root = Root::with(REGIONS, &["api"]);
    root.stage("api", "1");
    root.commit(&pin_path_in("eu", "api"), &pin_file("eu-1", "api", "1", &json!({})));
    let document = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
    assert_eq!(outcomes(&document), ["api eu unchanged", "api us requested"]);
    let asked = git::changed_paths(&root.repo(), "pinrail/promote/production/api");
    assert_eq!(asked, [pin_path_in("us", "api")]);
}

#[test]
fn a_dry_run_shows_the_files_and_writes_nothing() {
    let root = Root::with(DIRECT, &["api"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "qa"]).succeeded();
    root.stage("api", "2");
    let refs = root.refs();
    for (target, before) in [("qa", root.file(&pin_path_in("qa", "api"))), ("production", None)] {
        let run = root.json(&["--dry-run", "promote", "api", "--to", target]).succeeded();
        let document = run.document();
        assert_eq!(document["dryRun"], true);
        let [change] = document["changes"].as_array().expect("changes").as_slice() else {
            panic!("one file: {document:#}")
        };
        assert_eq!(change["path"], pin_path_in(target, "api"));
        assert_eq!(change["before"], json!(before));
        let after = change["after"].as_str().expect("a file");
        assert_eq!(
            serde_json::from_str::<Value>(after).expect("a pin"),
            document["items"][0]["to"]
        );
    }
    assert_eq!(root.refs(), refs);
    let text = root.pinrail(&["--dry-run", "promote", "api", "--to", "qa"]).succeeded();
    assert!(text.stderr.contains("Would write envs/qa/services/api.json"), "{text:?}");
    assert!(text.stderr.contains("Would have promoted api in qa: 1 → 2"), "{text:?}");
}
