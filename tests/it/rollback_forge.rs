//! Going back where a forge protects `main`, where history is cut, and with others about.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::git::{self, commit_file, git};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::{FORGE, Root, pin_path_in, revision_of};
use crate::support::way::Way;

const BACK: [&str; 4] = ["rollback", "api", "-e", "production"];
const API: &str = "pinrail/promote/production/api";
const LOCK: &str = "locks/production/api.json";

fn released(root: Root) -> Root {
    for tag in ["1", "2"] {
        root.release("api", tag);
    }
    root
}

#[test]
fn with_a_forge_the_lock_is_set_and_the_way_back_is_asked_for() {
    let root = released(Root::with(FORGE, &["api"]));
    let main = root.tip();
    let run = root.json(&BACK).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "requested");
    assert_eq!(document["locks"], json!([LOCK]));
    assert_eq!(document["requests"][0]["branch"], API);
    assert_eq!(document["requests"][0]["head"], json!(root.branch_tip(API)));
    assert_eq!(root.tip(), main, "main is protected");
    assert_eq!(git::changed_paths(&root.repo(), "pins"), [LOCK]);
    assert_eq!(git::changed_paths(&root.repo(), API), [pin_path_in("production", "api")]);
    assert_eq!(root.pin_at(API, "production", "api").expect("a pin")["imageTag"], "1");

    let refs = root.refs();
    let again = root.json(&BACK).succeeded().document();
    assert_eq!(again["outcome"], "requested");
    assert_eq!(again["requests"], document["requests"]);
    assert_eq!(root.refs(), refs);

    // The button in the forge: a merge by somebody else.
    let pin = git::read_file(&root.repo(), API, &pin_path_in("production", "api"));
    root.commit(&pin_path_in("production", "api"), &pin.expect("a pin"));
    let refs = root.refs();
    assert_eq!(root.json(&BACK).succeeded().document()["outcome"], "unchanged");
    assert_eq!(root.refs(), refs);
}

#[test]
fn with_a_forge_no_promotion_takes_the_place_of_the_way_back() {
    let root = released(Root::with(FORGE, &["api", "web"]));
    root.stage("api", "3");
    root.stage("web", "1");
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    root.json(&BACK).succeeded();
    let asked = root.branch_tip(API);
    assert_eq!(root.json(&["promote", "api", "--to", "production"]).code, 5);
    root.json(&["promote", "--all", "--to", "production"]).succeeded();
    assert_eq!(root.branch_tip(API), asked);
    // Merging another request does not close it either.
    root.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(root.tag("production", "web").as_deref(), Some("1"));
    assert_eq!(root.branch_tip(API), asked);
}

#[test]
fn with_a_forge_commits_of_a_human_stay_and_the_lock_is_set_all_the_same() {
    let root = released(Root::with(FORGE, &["api"]));
    root.stage("api", "3");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let theirs = commit_file(&root.repo(), API, "README.md", "mine\n", "Mine");
    let run = root.json(&BACK);
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(run.document()["items"][0]["cause"]["kind"], "foreignCommits");
    assert_eq!(root.branch_tip(API), Some(theirs));
    assert!(git::read_file(&root.repo(), "pins", LOCK).is_some());
}

#[test]
fn with_a_forge_a_commit_on_main_is_undone_by_request_and_one_on_pins_at_once() {
    let root = released(Root::with(FORGE, &["api"]));
    let (main, merged) = (root.tip(), root.tip());
    let document = root.json(&["rollback", "--commit", &merged]).succeeded().document();
    assert_eq!(document["outcome"], "requested");
    assert_eq!((root.tip(), root.requests()), (main.clone(), vec![API.to_owned()]));
    let pinned = document["commits"].as_array().map(Vec::len);
    assert_eq!(pinned, Some(1), "the lock");
    let staged = git(&root.repo(), &["log", "-1", "--format=%H", "pins", "--", "envs"]);
    let document = root.json(&["rollback", "--commit", &staged]).succeeded().document();
    assert_eq!(document["outcome"], "rolledback");
    let paths = [pin_path_in("staging", "api"), "locks/staging/api.json".to_owned()];
    assert_eq!(git::changed_paths(&root.repo(), "pins"), paths);
    assert_eq!(root.tip(), main);
}

#[test]
fn with_two_branches_and_no_forge_the_lock_comes_first() {
    let config = FORGE.replace(
        "forge: {kind: gitlab, project: platform/services-root}",
        "branches: {main: main, pins: pins} # no gitlab",
    );
    let root = released(Root::with(&config, &["api"]));
    let document = root.json(&BACK).succeeded().document();
    assert_eq!(document["outcome"], "rolledback");
    assert_eq!(document["commits"], json!([root.branch_tip("pins"), root.tip()]));
    assert_eq!(git::changed_paths(&root.repo(), "pins"), [LOCK]);
    assert_eq!(git::changed_paths(&root.repo(), "main"), [pin_path_in("production", "api")]);
    let refs = root.refs();
    assert_eq!(root.json(&BACK).succeeded().document()["outcome"], "unchanged");
    assert_eq!(root.refs(), refs);
}

#[test]
fn of_many_who_go_back_at_once_none_goes_back_twice() {
    let root = released(Root::new(&["api"]));
    root.release("api", "3");
    let before = root.commits().len();
    let url = root.repo().to_str().expect("the path is UTF-8").to_owned();
    let start = |_| {
        let mut command = pinrail_at(&url, &[&["--json"], &BACK[..]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start pinrail")
    };
    let running: Vec<_> = (0..6).map(start).collect();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for child in running {
        let run: Run = child.wait_with_output().expect("wait for pinrail").into();
        let outcome = run.succeeded().document()["outcome"].to_string();
        *outcomes.entry(outcome).or_default() += 1;
    }
    let expected = [("\"rolledback\"".to_owned(), 1), ("\"unchanged\"".to_owned(), 5)];
    assert_eq!(outcomes, BTreeMap::from(expected));
    assert_eq!(root.tag("production", "api").as_deref(), Some("2"));
    assert_eq!(root.commits().len() - before, 1);
}

#[test]
fn a_version_that_comes_in_while_going_back_is_told_and_not_taken_out() {
    let root = released(Root::new(&["api"]));
    let server = GitHttp::serve(&root.served());
    let theirs = crate::support::root::pin_file("eu-1", "api", "9", &json!({}));
    let repo = root.repo();
    server.on_push(move |number| {
        if number == 0 {
            commit_file(&repo, "main", &pin_path_in("production", "api"), &theirs, "Theirs");
        }
        Fault::Pass
    });
    let url = server.url("root.git");
    let run = run(&mut pinrail_at(&url, &[&["--json"], &BACK[..]].concat()));
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(run.document()["items"][0]["cause"], json!({"kind": "changedMeanwhile"}));
    assert_eq!(root.tag("production", "api").as_deref(), Some("9"));
}

/// A bare mirror that has only the newest commit of every branch.
fn shallow(root: &Root, name: &str) {
    let source = format!("file://{}", root.repo().display());
    let clone = ["clone", "--quiet", "--bare", "--depth", "1", "--no-single-branch", &source];
    git(&root.served(), &[&clone[..], &[name]].concat());
    git(&root.served().join(name), &["config", "http.receivepack", "true"]);
}

#[test]
fn a_shallow_mirror_has_no_earlier_version_and_takes_pins_all_the_same() {
    let root = released(Root::new(&["api"]));
    for way in Way::all(&root, "shallow.git") {
        shallow(&root, "shallow.git");
        let back = way.json(&BACK);
        assert_eq!(back.code, 1, "{}: {back:?}", way.name);
        let document = back.document();
        assert_eq!(document["items"][0]["cause"], json!({"kind": "noEarlierVersion"}));
        assert!(document["error"]["hints"].to_string().contains("shallow"), "{back:?}");
        let status = way.json(&["status"]).succeeded().document();
        let cell = &status["services"][0]["environments"]["production"];
        assert_eq!((&cell["pin"]["imageTag"], &cell["commit"]), (&json!("2"), &Value::Null));
        let history = way.json(&["history", "api"]).succeeded().document();
        assert_eq!(history["changes"], json!([]));

        let revision = revision_of("3");
        let pin = ["pin", "api", "-e", "staging", "--image-tag", "3", "--revision", &revision];
        assert_eq!(way.json(&pin).succeeded().document()["outcome"], "pinned");
        let asked = way.json(&["promote", "api", "--to", "production"]).succeeded().document();
        assert_eq!(asked["outcome"], "requested");
        let merge = ["promotions", "merge", "production/api"];
        assert_eq!(way.json(&merge).succeeded().document()["outcome"], "merged");
        let document = way.json(&BACK).succeeded().document();
        assert_eq!(document["items"][0]["to"]["imageTag"], "2", "what came since can be undone");
        std::fs::remove_dir_all(root.served().join("shallow.git")).expect("remove the mirror");
    }
}
