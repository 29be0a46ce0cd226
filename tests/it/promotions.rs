//! The requests of a Git server without an API: listed, shown, merged, closed.

use serde_json::{Value, json};

use crate::support::git;
use crate::support::root::{REGIONS, Root, pin_file, pin_path_in};

const API: &str = "pinrail/promote/production/api";
const TRAIN: &str = "pinrail/train/production";

fn requested(services: &[&str]) -> Root {
    let root = Root::new(services);
    for service in services {
        root.stage(service, "1");
        root.json(&["promote", service, "--to", "production"]).succeeded();
    }
    root
}

#[track_caller]
fn list(root: &Root) -> Vec<Value> {
    let document = root.json(&["promotions"]).succeeded().document();
    assert_eq!(document["command"], "promotions list");
    document["requests"].as_array().expect("a list").clone()
}

#[test]
fn a_request_is_listed_and_shown_from_its_branch_alone() {
    let root = requested(&["api", "web"]);
    let requests = list(&root);
    assert_eq!(requests.len(), 2);
    let [api, _] = requests.as_slice() else { panic!("two: {requests:?}") };
    assert_eq!((&api["branch"], &api["state"]), (&json!(API), &json!("open")));
    assert_eq!(api["head"], root.branch_tip(API).expect("a branch").as_str());
    assert_eq!(api["by"], "Somebody Else");
    let to = root.pin_at(API, "production", "api");
    let moves = json!([{"service": "api", "environment": "production", "from": null, "to": to}]);
    assert_eq!(api["moves"], moves);
    for name in ["production/api", "promote/production/api", API] {
        let shown = root.json(&["promotions", "show", name]).succeeded().document();
        assert_eq!(shown["requests"], json!([api]), "{name}");
    }
    let text = root.pinrail(&["promotions", "show", "production/api"]).succeeded().stdout;
    assert!(text.contains("api") && text.contains("1111111"), "{text}");
    let text = root.pinrail(&["promotions"]).succeeded().stdout;
    assert!(text.contains("api in production: nothing → 1"), "{text}");
}

#[test]
fn a_merge_is_a_merge_of_the_tip_and_the_head_that_changes_the_pins_alone() {
    let root = requested(&["api"]);
    let head = root.branch_tip(API).expect("a branch");
    root.commit("services/services/web.yaml", "# somebody else's\n");
    let tip = root.commit("README.md", "moved on\n");
    let document = root.json(&["promotions", "merge", "production/api"]).succeeded().document();
    assert_eq!(document["outcome"], "merged");
    assert_eq!(document["commit"], root.tip().as_str());
    assert_eq!(document["head"], head.as_str());
    assert_eq!(document["closed"], json!([API]));
    let parents = git::git(&root.repo(), &["log", "-1", "--format=%P", "main"]);
    assert_eq!(parents, format!("{tip} {head}"));
    assert_eq!(git::changed_paths(&root.repo(), "main"), [pin_path_in("production", "api")]);
    assert_eq!(root.file("README.md").as_deref(), Some("moved on\n"));
    assert_eq!(root.requests(), Vec::<String>::new());
    assert!(list(&root).is_empty());
    root.assert_sound();
}

#[test]
fn a_living_request_follows_staging_and_a_frozen_one_stays() {
    for (update, expected) in [("living", "2"), ("frozen", "1")] {
        let root = requested(&["api"]);
        let config = root.file("pinrail.yaml").expect("a configuration");
        let request = format!("request, request: {{update: {update}}}");
        root.commit("pinrail.yaml", &config.replace("mode: request", &format!("mode: {request}")));
        let first = root.branch_tip(API);
        root.stage("api", "2");
        let document = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
        assert_eq!(document["outcome"], "requested", "{update}");
        assert_eq!(document["items"][0]["to"]["imageTag"], expected, "{update}");
        let asked = root.pin_at(API, "production", "api").expect("a pin");
        assert_eq!(asked["imageTag"], expected, "{update}");
        assert_eq!(root.branch_tip(API) == first, update == "frozen");
        assert_eq!(document["request"]["head"], root.branch_tip(API).expect("a branch").as_str());
        root.json(&["promotions", "merge", "production/api"]).succeeded();
        assert_eq!(root.tag("production", "api").as_deref(), Some(expected));
        // What was frozen can be asked for now.
        let again = root.json(&["promote", "api", "--to", "production"]).succeeded().document();
        let outcome = if update == "frozen" { "requested" } else { "unchanged" };
        assert_eq!(again["outcome"], outcome, "{update}");
    }
}

#[test]
fn what_is_staged_while_a_frozen_train_is_open_is_not_on_it() {
    let root = Root::new(&["api", "web"]);
    let config = root.file("pinrail.yaml").expect("a configuration");
    let frozen = "mode: request, request: {update: frozen}";
    root.commit("pinrail.yaml", &config.replace("mode: request", frozen));
    root.stage("api", "1");
    let train = ["promote", "--all", "--to", "production"];
    root.json(&train).succeeded();
    root.stage("web", "1");
    let document = root.json(&train).succeeded().document();
    assert_eq!(document["outcome"], "partial");
    let outcomes: Vec<_> = document["items"].as_array().expect("items").iter().collect();
    assert_eq!(outcomes[0]["outcome"], "requested");
    assert_eq!(outcomes[1]["service"], "web");
    assert_eq!(outcomes[1]["cause"], json!({"kind": "requestFrozen", "branch": TRAIN}));
    root.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(root.tag("production", "web"), None);
    assert_eq!(root.json(&train).succeeded().document()["outcome"], "requested");
}

#[test]
fn a_request_that_has_nothing_left_to_ask_for_is_closed_by_the_next_promote() {
    let root = requested(&["api"]);
    let path = pin_path_in("production", "api");
    root.commit(&path, &pin_file("eu-1", "api", "1", &json!({})));
    let run = root.pinrail(&["promote", "api", "--to", "production"]).succeeded();
    assert!(run.stderr.contains(&format!("Closed {API}")), "{run:?}");
    assert_eq!(root.requests(), Vec::<String>::new());
}

#[test]
fn a_train_and_a_single_request_stand_side_by_side_and_one_merge_can_end_both() {
    let root = requested(&["api"]);
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    assert_eq!(root.requests(), [API, TRAIN]);
    let document = root.json(&["promotions", "merge", "production"]).succeeded().document();
    assert_eq!(document["branch"], TRAIN);
    assert_eq!(document["closed"], json!([API, TRAIN]));
    assert_eq!(root.requests(), Vec::<String>::new());
}

#[test]
fn a_train_goes_on_without_the_service_that_a_single_request_brought() {
    let root = requested(&["api", "web"]);
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    let merged = root.json(&["promotions", "merge", "production/api"]).succeeded().document();
    assert_eq!(merged["closed"], json!([API]));
    let shown = root.json(&["promotions", "show", "production"]).succeeded().document();
    let moves = shown["requests"][0]["moves"].as_array().expect("moves").clone();
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0]["service"], "web");
    let merged = root.json(&["promotions", "merge", "production"]).succeeded().document();
    assert_eq!(merged["moves"].as_array().expect("moves").len(), 1);
    assert_eq!(root.tag("production", "web").as_deref(), Some("1"));
    assert_eq!(root.requests(), Vec::<String>::new());
}

#[test]
fn a_request_is_closed_when_a_newer_version_of_all_that_it_asks_for_came_by_another() {
    let root = requested(&["api", "web"]);
    root.stage("api", "2");
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    let merged = root.json(&["promotions", "merge", "production"]).succeeded().document();
    let web = "pinrail/promote/production/web";
    assert_eq!(merged["closed"], json!([API, web, TRAIN]), "no way back to 1 stays open");
    assert_eq!(root.tag("production", "api").as_deref(), Some("2"));
}

#[test]
fn a_request_for_a_newer_version_outlives_the_merge_of_an_older_one() {
    let root = requested(&["api"]);
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.stage("api", "2");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let merged = root.json(&["promotions", "merge", "production"]).succeeded().document();
    assert_eq!(merged["closed"], json!([TRAIN]));
    assert_eq!(root.requests(), [API]);
    let shown = root.json(&["promotions", "show", "production/api"]).succeeded().document();
    let step = &shown["requests"][0]["moves"][0];
    assert_eq!((&step["from"]["imageTag"], &step["to"]["imageTag"]), (&json!("1"), &json!("2")));
}

#[test]
fn a_request_for_a_group_goes_on_without_the_environment_that_came_first() {
    let root = Root::with(REGIONS, &["api"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&["promote", "api", "--to", "eu"]).succeeded();
    let merged = root.json(&["promotions", "merge", "eu/api"]).succeeded().document();
    assert_eq!(merged["closed"], json!(["pinrail/promote/eu/api"]));
    root.json(&["promotions", "merge", "production/api"]).succeeded();
    assert_eq!(git::changed_paths(&root.repo(), "main"), [pin_path_in("us", "api")]);
}

#[test]
fn a_merge_approves_the_head_that_it_names_and_no_other() {
    let root = requested(&["api"]);
    let old = root.branch_tip(API).expect("a branch");
    root.stage("api", "2");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let refs = root.refs();
    for head in [old.as_str(), &"b".repeat(40), &old[..9]] {
        let run = root.json(&["promotions", "merge", "production/api", "--head", head]);
        assert_eq!((run.code, &run.document()["outcome"]), (3, &json!("conflict")), "{run:?}");
    }
    // A variable that is not set must not approve whatever is there.
    for head in ["", "a", "main"] {
        let run = root.json(&["promotions", "merge", "production/api", "--head", head]);
        assert_eq!(run.code, 2, "{run:?}");
    }
    assert_eq!(root.refs(), refs);
    let head = root.branch_tip(API).expect("a branch");
    let arguments = ["promotions", "merge", "production/api", "--head", &head[..12]];
    assert_eq!(root.json(&arguments).succeeded().document()["head"], head.as_str());
}

#[test]
fn a_merge_that_check_would_refuse_writes_nothing() {
    let root = requested(&["api"]);
    let config = root.file("pinrail.yaml").expect("a configuration");
    let without = config.replace("  - {name: services}\n", "");
    assert_ne!(config, without);
    root.commit("pinrail.yaml", &without);
    let refs = root.refs();
    let run = root.json(&["promotions", "merge", "production/api"]);
    let document = run.document();
    assert_eq!((run.code, &document["error"]["kind"]), (4, &json!("invalid")), "{run:?}");
    assert!(document["error"]["message"].to_string().contains("services"), "{document:#}");
    assert_eq!(root.refs(), refs);
}

#[test]
fn a_request_that_is_closed_changes_nothing_and_can_be_opened_again() {
    let root = requested(&["api"]);
    let main = root.tip();
    let dry = root.json(&["--dry-run", "promotions", "close", "production/api"]).succeeded();
    assert_eq!(dry.document()["dryRun"], true);
    assert_eq!(root.requests(), [API]);
    let document = root.json(&["promotions", "close", "production/api"]).succeeded().document();
    assert_eq!((&document["outcome"], &document["closed"]), (&json!("closed"), &json!([API])));
    assert_eq!((root.requests(), root.tip()), (Vec::new(), main));
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    assert_eq!(root.requests(), [API]);
}

#[test]
fn an_unknown_request_is_not_found_and_a_wrong_name_is_a_mistake_in_the_command() {
    let root = requested(&["api"]);
    for command in ["show", "merge", "close"] {
        let run = root.json(&["promotions", command, "production/apii"]);
        let document = run.document();
        assert_eq!((run.code, &document["outcome"]), (1, &json!("failed")), "{run:?}");
        assert!(document["error"]["hints"].to_string().contains(API), "{document:#}");
        assert_eq!(root.json(&["promotions", command, "a/b/c/d"]).code, 2);
    }
}

#[test]
fn a_dry_merge_shows_the_files_and_writes_nothing() {
    let root = requested(&["api"]);
    let refs = root.refs();
    let arguments = ["--dry-run", "promotions", "merge", "production/api"];
    let document = root.json(&arguments).succeeded().document();
    assert_eq!((&document["outcome"], &document["commit"]), (&json!("merged"), &Value::Null));
    assert_eq!(document["changes"][0]["path"], pin_path_in("production", "api"));
    let text = root.pinrail(&arguments).succeeded();
    assert!(text.stderr.contains(&format!("Would have merged {API}")), "{text:?}");
    assert_eq!(root.refs(), refs);
}
