//! What Pinrail's own commands ask for passes as a request.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{BASE, Written, check_in, checked, ci_clone, gated};
use crate::support::git::git;
use crate::support::root::Root;

/// All that files for Argo CD are made from.
const GENERATED: &str = "\
version: 1
repository: https://git.example.com/platform/root.git
services:
  repository: https://git.example.com/${{ domain }}/${{ service }}.git
  image: registry.example.com/${{ domain }}/${{ service }}
domains:
  - {name: services}
environments:
  - {name: staging, cluster: shared, mode: direct, host: \"${{ service }}.staging.example.com\"}
  - {name: production, cluster: eu-1, from: staging, mode: request, host: \"${{ service }}.example.com\"}
";

#[track_caller]
fn outcomes(document: &Value) -> Vec<&str> {
    let moves = document["moves"].as_array().expect("moves");
    moves.iter().map(|step| step["outcome"].as_str().expect("an outcome")).collect()
}

#[test]
fn requests_of_promotions_trains_and_rollbacks_pass() {
    let root = gated();
    root.stage("api", "2");
    root.stage("web", "2");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let document = checked(&root, "pinrail/promote/production/api").succeeded().document();
    assert_eq!(document["outcome"], "ok");
    assert_eq!(outcomes(&document), ["allowed", "allowed"]);
    assert_eq!(document["problems"], json!([]));
    assert_eq!((&document["services"], &document["pins"]), (&json!(1), &json!(3)));
    root.json(&["promotions", "merge", "production/api"]).succeeded();
    // What is merged changes nothing any more.
    let document = checked(&root, "main").succeeded().document();
    assert_eq!(document["moves"], json!([]));

    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    checked(&root, "pinrail/train/production").succeeded();
    root.json(&["rollback", "api", "-e", "production"]).succeeded();
    let document = checked(&root, "pinrail/promote/production/api").succeeded().document();
    assert_eq!(outcomes(&document), ["rollback", "rollback"]);
}

#[test]
fn what_promote_refuses_is_refused_with_the_same_cause_and_may_be_overridden() {
    let root = gated();
    let refused = root.json(&["promote", "api", "--to", "slow"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let cause = &refused.document()["items"][0]["cause"];
    let run = Written::on(&root).pin("slow", "api", "1").checked(&root);
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(run.document()["moves"][0]["cause"], *cause);
    let urgent = ["--override", "soak", "--reason", "urgent"];
    root.json(&[&["promote", "api", "--to", "slow"], &urgent[..]].concat()).succeeded();
    let document = checked(&root, "pinrail/promote/slow/api").succeeded().document();
    assert_eq!(outcomes(&document), ["allowed"]);
}

#[test]
fn a_way_back_on_one_branch_brings_its_lock_along() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    root.release("api", "2");
    let clone = local(&root);
    in_clone(&clone, &["rollback", "api", "-e", "production"]);
    let document = judged(&root, &clone, 0);
    assert_eq!(outcomes(&document), ["rollback"]);
    // Without it, the same pin is an older version, and no promotion brings that.
    git(&clone, &["rm", "-r", "--quiet", "locks"]);
    git(&clone, &["commit", "--quiet", "-m", "no lock"]);
    let document = judged(&root, &clone, 5);
    assert_eq!(outcomes(&document), ["refused"]);
    assert_eq!(document["moves"][0]["cause"]["kind"], "older");
}

/// A clone of one's own, in which commands write.
fn local(root: &Root) -> PathBuf {
    let clone = ci_clone(root, "main");
    git(&clone, &["checkout", "--quiet", "-B", "main"]);
    if root.branch_tip("pins").is_some() {
        git(&clone, &["branch", "pins", "origin/pins"]);
    }
    clone
}

fn in_clone(clone: &Path, arguments: &[&str]) {
    let here = clone.to_str().expect("UTF-8");
    check_in(clone, &[&["--repo", here], arguments].concat()).succeeded();
}

/// What the check says of the clone's main.
#[track_caller]
fn judged(root: &Root, clone: &Path, code: i32) -> Value {
    let repo = root.repo();
    let repo = repo.to_str().expect("UTF-8");
    let arguments = ["--json", "--repo", repo, "check", "--base", BASE];
    let run = check_in(clone, &arguments);
    assert_eq!(run.code, code, "{run:?}");
    run.document()
}

#[test]
fn changes_of_the_registry_and_of_what_is_generated_pass() {
    let root = Root::with(GENERATED, &[]);
    for arguments in [
        &["generate"][..],
        &["service", "add", "api", "--description", "all of it"],
        &["domain", "add", "billing"],
        &["service", "remove", "api"],
    ] {
        let clone = local(&root);
        in_clone(&clone, arguments);
        assert_ne!(git(&clone, &["rev-parse", "HEAD"]), root.tip(), "{arguments:?} writes");
        let document = judged(&root, &clone, 0);
        assert_eq!(document["problems"], json!([]), "{arguments:?}");
        git(&clone, &["push", "--quiet", "origin", "main"]);
    }
}

#[test]
fn a_service_leaves_with_its_pins_in_one_change_or_after_them() {
    let root = gated();
    let both = Written::on(&root).remove("envs/eu/services/api.json");
    let both = both.remove("envs/us/services/api.json").remove("services/services/api.yaml");
    let document = both.checked(&root).succeeded().document();
    assert_eq!(outcomes(&document), ["removed", "removed"]);
    let one = Written::named(&root, "pins").remove("envs/eu/services/api.json");
    one.checked(&root).succeeded();
}
