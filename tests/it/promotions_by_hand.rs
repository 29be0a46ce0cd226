//! Requests that people touched with plain git: pushed to, merged, deleted, their base moved.

use serde_json::json;

use crate::support::git::{self, commit_file, git};
use crate::support::git_http::GitHttp;
use crate::support::pinrail::{pinrail_at, run};
use crate::support::root::{FORGE, REGIONS, Root, pin_file, pin_path_in, revision_of};

const API: &str = "pinrail/promote/production/api";
const PROMOTE: [&str; 4] = ["promote", "api", "--to", "production"];
const MERGE: [&str; 3] = ["promotions", "merge", "production/api"];

fn requested() -> Root {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    root.json(&PROMOTE).succeeded();
    root
}

/// Merges the request's branch as a forge's button would: one commit with two parents.
fn merge_by_hand(root: &Root) -> String {
    let (repo, head) = (root.repo(), root.branch_tip(API).expect("a branch"));
    let pin = git::read_file(&repo, &head, &pin_path_in("production", "api")).expect("a pin");
    let merged = commit_file(&repo, "main", &pin_path_in("production", "api"), &pin, "Merge");
    let tree = git(&repo, &["rev-parse", &format!("{merged}^{{tree}}")]);
    let parent = format!("{merged}^");
    let commit = ["commit-tree", "-m", "Merge", "-p", &parent, "-p", &head, &tree];
    let commit = git(&repo, &commit);
    git(&repo, &["update-ref", "refs/heads/main", &commit]);
    commit
}

#[test]
fn commits_of_a_human_are_neither_overwritten_nor_merged() {
    let root = requested();
    let theirs = commit_file(&root.repo(), API, "README.md", "while I am here\n", "More");
    root.stage("api", "2");
    let refs = root.refs();
    let run = root.json(&PROMOTE);
    let document = run.document();
    assert_eq!((run.code, &document["outcome"]), (5, &json!("refused")), "{run:?}");
    let cause = json!({"kind": "foreignCommits", "branch": API});
    assert_eq!(document["items"][0]["cause"], cause);
    let run = root.json(&MERGE);
    assert_eq!((run.code, &run.document()["error"]["kind"]), (5, &json!("refused")), "{run:?}");
    assert!(run.document()["error"]["message"].to_string().contains(API), "{run:?}");
    assert_eq!(root.refs(), refs);
    let list = root.json(&["promotions"]).succeeded().document();
    assert_eq!(list["requests"][0]["state"], "foreign");
    assert_eq!(list["requests"][0]["head"], theirs.as_str());
}

#[test]
fn a_human_who_pushed_another_file_into_the_one_commit_is_noticed_as_well() {
    let root = requested();
    let theirs = commit_file(&root.repo(), API, "pinrail.yaml", "version: 1\n", "More");
    let tree = git(&root.repo(), &["rev-parse", &format!("{theirs}^{{tree}}")]);
    let amended = git(&root.repo(), &["commit-tree", "-m", "Amended", "-p", "main", &tree]);
    git(&root.repo(), &["update-ref", &format!("refs/heads/{API}"), &amended]);
    let refs = root.refs();
    assert_eq!(root.json(&MERGE).code, 5);
    root.stage("api", "2");
    assert_eq!(root.json(&PROMOTE).code, 5);
    assert_eq!(root.branch_tip(API), Some(amended));
    assert_eq!(root.requests(), [API]);
    assert_ne!(root.refs(), refs, "staging went on");
}

#[test]
fn a_request_that_was_merged_by_hand_is_closed_by_promote() {
    let root = requested();
    let merged = merge_by_hand(&root);
    let document = root.json(&PROMOTE).succeeded().document();
    assert_eq!((&document["outcome"], &document["request"]), (&json!("unchanged"), &json!(null)));
    assert_eq!((root.requests(), root.tip()), (Vec::new(), merged));
}

#[test]
fn a_merge_after_a_merge_by_hand_is_told_so() {
    let root = requested();
    let head = root.branch_tip(API).expect("a branch");
    let merged = merge_by_hand(&root);
    let run = root.json(&MERGE).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "unchanged");
    assert_eq!(document["commit"], json!(null));
    assert_eq!(document["closed"], json!([API]));
    // The branch is gone now, and whoever approved the head still learns what became of it.
    let named = root.json(&[&MERGE[..], &["--head", &head]].concat()).succeeded().document();
    assert_eq!(named["outcome"], "unchanged");
    assert_eq!(root.json(&MERGE).code, 1);
    assert_eq!((root.requests(), root.tip()), (Vec::new(), merged));
}

#[test]
fn a_request_that_was_squashed_by_hand_has_nothing_left_to_ask_for() {
    let root = requested();
    let pin = git::read_file(&root.repo(), API, &pin_path_in("production", "api"));
    root.commit(&pin_path_in("production", "api"), &pin.expect("a pin"));
    let list = root.json(&["promotions"]).succeeded().document();
    assert_eq!(list["requests"][0]["state"], "empty");
    let text = root.pinrail(&MERGE).succeeded();
    assert!(text.stderr.contains("Nothing to do: all that"), "{text:?}");
    assert_eq!(root.requests(), Vec::<String>::new());
}

#[test]
fn a_branch_that_was_deleted_by_hand_is_made_again() {
    let root = requested();
    let asked = root.pin_at(API, "production", "api");
    git(&root.repo(), &["update-ref", "-d", &format!("refs/heads/{API}")]);
    assert_eq!(root.json(&MERGE).code, 1);
    let document = root.json(&PROMOTE).succeeded().document();
    assert_eq!(document["outcome"], "requested");
    assert_eq!(root.pin_at(API, "production", "api"), asked);
}

#[test]
fn a_request_whose_base_moved_is_found_again_and_not_made_anew() {
    let root = requested();
    let head = root.branch_tip(API);
    for number in 0..3 {
        root.commit("README.md", &format!("{number}\n"));
    }
    let document = root.json(&PROMOTE).succeeded().document();
    assert_eq!(document["outcome"], "requested");
    assert_eq!(document["request"]["head"], json!(head));
    assert_eq!(root.branch_tip(API), head);
}

#[test]
fn over_http_a_base_that_moved_is_no_commit_of_a_human() {
    let root = requested();
    let head = root.branch_tip(API);
    root.commit("README.md", "moved on\n");
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let at = |arguments: &[&str]| run(&mut pinrail_at(&url, &[&["--json"], arguments].concat()));
    assert_eq!(at(&PROMOTE).succeeded().document()["outcome"], "requested");
    assert_eq!(root.branch_tip(API), head);
    assert_eq!(at(&MERGE).succeeded().document()["outcome"], "merged");
    let parents = git(&root.repo(), &["log", "-1", "--format=%P", "main"]);
    assert_eq!(parents.split(' ').nth(1), head.as_deref());
}

#[test]
fn keys_that_somebody_gave_the_pin_meanwhile_survive_the_merge() {
    let root = Root::new(&["api"]);
    root.release("api", "1");
    root.stage("api", "2");
    root.json(&PROMOTE).succeeded();
    let noted = pin_file("eu-1", "api", "1", &json!({"note": [1, {"b": 1, "a": 2}]}));
    root.commit(&pin_path_in("production", "api"), &noted);
    root.json(&MERGE).succeeded();
    let pin = root.pin_at("main", "production", "api").expect("a pin");
    assert_eq!(pin["imageTag"], "2");
    assert_eq!(pin["note"], json!([1, {"b": 1, "a": 2}]));
}

#[test]
fn branches_that_look_like_requests_and_are_none_harm_nothing() {
    let root = requested();
    let other = ["pinrail/note", "pinrail/promote/production/Api", "pinrail/promote/a/b/c"];
    for branch in other {
        git(&root.repo(), &["update-ref", &format!("refs/heads/{branch}"), "main"]);
    }
    let list = root.json(&["promotions"]).succeeded().document();
    assert_eq!(list["requests"].as_array().map(Vec::len), Some(1));
    root.json(&MERGE).succeeded();
    assert_eq!(root.requests().len(), other.len());
}

#[test]
fn a_branch_without_a_common_past_is_nobody_s_request() {
    let root = requested();
    let tree = git(&root.repo(), &["rev-parse", &format!("{API}^{{tree}}")]);
    let orphan = git(&root.repo(), &["commit-tree", "-m", "Orphan", &tree]);
    git(&root.repo(), &["update-ref", &format!("refs/heads/{API}"), &orphan]);
    assert_eq!(root.json(&MERGE).code, 5);
    let list = root.json(&["promotions", "list"]).succeeded().document();
    assert_eq!(list["requests"][0]["state"], "foreign");
}

#[test]
fn a_pin_of_an_environment_without_a_source_is_asked_for() {
    let root = Root::with(REGIONS, &["api"]);
    let (main, revision) = (root.tip(), revision_of("1"));
    let pin = ["pin", "api", "-e", "lab", "--image-tag", "1", "--revision", &revision];
    let branch = "pinrail/promote/lab/api";
    let document = root.json(&pin).succeeded().document();
    assert_eq!((&document["outcome"], &document["commit"]), (&json!("requested"), &json!(null)));
    assert_eq!(document["request"]["branch"], branch);
    assert_eq!(document["request"]["head"], json!(root.branch_tip(branch)));
    assert_eq!(root.tip(), main);
    let refs = root.refs();
    assert_eq!(root.json(&pin).succeeded().document()["outcome"], "requested");
    assert_eq!(root.refs(), refs);
    let dry = root.json(&[&["--dry-run"], &pin[..5], &["2"], &pin[6..]].concat()).succeeded();
    assert_eq!(dry.document()["changes"][0]["path"], pin_path_in("lab", "api"));
    assert_eq!(root.refs(), refs);
    root.json(&["promotions", "merge", "lab/api"]).succeeded();
    assert_eq!(root.tag("lab", "api").as_deref(), Some("1"));
    assert_eq!(root.json(&pin).succeeded().document()["outcome"], "unchanged");
    commit_file(&root.repo(), branch, "README.md", "mine\n", "Mine");
    let run = root.json(&[&pin[..5], &["2"], &pin[6..]].concat());
    assert_eq!((run.code, &run.document()["outcome"]), (5, &json!("refused")), "{run:?}");
    assert!(run.document()["error"]["hints"].to_string().contains("close"), "{run:?}");
}

#[test]
fn requests_change_main_and_follow_staging_on_the_branch_of_pins() {
    let root = Root::with(FORGE, &["api"]);
    root.stage("api", "1");
    assert_eq!(root.tag("staging", "api"), None, "main has no pin of staging");
    let pins = root.branch_tip("pins");
    root.json(&PROMOTE).succeeded();
    assert_eq!(git::first_parent_log(&root.repo(), API)[1], root.tip());
    root.json(&MERGE).succeeded();
    assert_eq!(root.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(root.branch_tip("pins"), pins);
}
