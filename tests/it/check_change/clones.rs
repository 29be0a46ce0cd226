//! The clones that checks run in: merged, stale, cut and forked ones.

use super::{BASE, Written, check_in, checked, ci_clone, gated, kind, messages};
use crate::support::git::{commit_file, git};
use crate::support::root::Root;

fn staged() -> Root {
    let root = gated();
    root.stage("api", "2");
    root
}

/// A branch that asks for version 2 of `api` in `eu`.
fn asking(root: &Root) {
    let written = Written::on(root).pin("eu", "api", "2").commit("ask");
    git(&written.clone, &["push", "--quiet", "origin", "change"]);
}

#[test]
fn what_is_judged_is_what_the_branch_has_changed_and_not_where_main_went_since() {
    let root = staged();
    asking(&root);
    root.commit("README.md", "more\n");
    root.stage("web", "2");
    root.json(&["promote", "web", "--to", "production"]).succeeded();
    root.json(&["promotions", "merge", "production/web"]).succeeded();
    let document = checked(&root, "change").succeeded().document();
    assert_eq!(document["moves"].as_array().expect("moves").len(), 1, "{document:#}");
}

#[test]
fn a_merge_that_the_forge_has_made_to_try_it_is_judged_alike() {
    let root = staged();
    asking(&root);
    root.commit("README.md", "more\n");
    let clone = ci_clone(&root, "main");
    git(&clone, &["merge", "--quiet", "--no-ff", "--no-edit", "origin/change"]);
    let run = check_in(&clone, &["--json", "check", "--base", BASE]).succeeded();
    assert_eq!(run.document()["moves"][0]["to"]["imageTag"], "2");
}

#[test]
fn locks_and_rules_are_those_of_now_and_not_of_the_clone() {
    let root = staged();
    asking(&root);
    let clone = ci_clone(&root, "change");
    let check = || check_in(&clone, &["--json", "check", "--base", BASE]);
    check().succeeded();
    let lock = r#"{"reason": "incident 7", "owner": "@anna"}"#;
    commit_file(&root.repo(), "pins", "locks/eu.json", lock, "Lock");
    let run = check();
    assert_eq!((run.code, kind(&run.document())), (5, "locked"), "{run:?}");
}

#[test]
fn a_pin_that_moved_on_since_is_told_with_what_to_do() {
    let root = staged();
    asking(&root);
    root.stage("api", "3");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&["promotions", "merge", "production/api"]).succeeded();
    let run = checked(&root, "change");
    assert_eq!(run.code, 5, "{run:?}");
    let document = run.document();
    assert_eq!(
        messages(&document),
        ["`main` has another version of it since this change was made"]
    );
    assert!(document["problems"][0]["hint"].as_str().expect("a hint").contains("git merge"));
}

#[test]
fn a_clone_that_is_cut_says_how_it_is_made_whole() {
    let root = staged();
    asking(&root);
    let folder = root.path().join("cut");
    let url = format!("file://{}", root.repo().display());
    let arguments = ["clone", "--quiet", "--depth", "1", "--branch", "change", &url, "cut"];
    git(root.path(), &arguments);
    let run = check_in(&folder, &["--json", "check", "--base", BASE]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.document()["error"]["hints"].to_string().contains("fetch-depth: 0"), "{run:?}");
    git(&folder, &["fetch", "--quiet", "--depth", "1", "origin", "+main:refs/remotes/origin/main"]);
    let run = check_in(&folder, &["--json", "check", "--base", BASE]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.document()["error"]["hints"].to_string().contains("GIT_DEPTH"), "{run:?}");
}

#[test]
fn a_fork_is_judged_by_the_services_root_and_hides_nothing_in_its_own_main() {
    let root = staged();
    let written = Written::on(&root).pin("eu", "api", "7").commit("forged");
    // The fork's main has the forged pin already, and the branch adds nothing.
    let fork = root.path().join("fork.git");
    git(
        root.path(),
        &["clone", "--quiet", "--bare", written.clone.to_str().expect("UTF-8"), "fork.git"],
    );
    git(&fork, &["update-ref", "refs/heads/main", "refs/heads/change"]);
    git(root.path(), &["clone", "--quiet", "fork.git", "mine"]);
    let (mine, repo) = (root.path().join("mine"), root.repo());
    let repo = repo.to_str().expect("UTF-8");
    let run = check_in(&mine, &["--json", "--repo", repo, "check", "--base", BASE]);
    assert_eq!(run.code, 1, "{run:?}");
    let document = run.document();
    let told = document["error"]["message"].as_str().expect("a message");
    assert!(told.contains("is not on the branch `main` of"), "{told}");
    git(&mine, &["fetch", "--quiet", repo, "main"]);
    let run = check_in(&mine, &["--json", "--repo", repo, "check", "--base", "FETCH_HEAD"]);
    assert_eq!((run.code, kind(&run.document())), (5, "neverIn"), "{run:?}");
}

#[test]
fn nothing_is_written_and_a_folder_may_be_named() {
    let root = staged();
    asking(&root);
    let clone = ci_clone(&root, "change");
    let refs = root.refs();
    let folder = clone.to_str().expect("UTF-8");
    let run = check_in(
        root.path(),
        &["--repo", root.repo().to_str().expect("UTF-8"), "check", folder, "--base", BASE],
    );
    assert_eq!(run.succeeded().stdout, "api in eu: 1 → 2 may go\n");
    assert_eq!(root.refs(), refs);
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
}
