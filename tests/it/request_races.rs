//! Many processes promote, merge and close at once: one request each, one merge each.

use std::collections::{BTreeMap, HashSet};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::git;
use crate::support::git_http::{Fault, GitHttp};
use crate::support::pinrail::{Run, pinrail_at};
use crate::support::root::{DIRECT, Root, pin_file, pin_path, pin_path_in, revision_of};

const API: &str = "pinrail/promote/production/api";
const MERGE: [&str; 3] = ["promotions", "merge", "production/api"];

fn start(url: &str, arguments: &[&str]) -> Child {
    let mut command = pinrail_at(url, &[&["--json", "--timeout", "10m"], arguments].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start pinrail")
}

fn end(child: Child) -> Run {
    let run = Run::from(child.wait_with_output().expect("wait for pinrail"));
    assert_eq!(run.document()["schemaVersion"], 1);
    run
}

fn local(root: &Root) -> String {
    root.repo().to_str().expect("the path is UTF-8").to_owned()
}

fn services(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("service-{number}")).collect()
}

/// A root whose services are all in staging.
fn staged(services: &[String]) -> Root {
    let root = Root::new(&[]);
    for service in services {
        root.commit(&pin_path(service), &pin_file("shared", service, "1", &json!({})));
    }
    root
}

fn promote_each(url: &str, services: &[String]) -> Vec<Run> {
    let running: Vec<Child> = services
        .iter()
        .map(|service| start(url, &["promote", service, "--to", "production"]))
        .collect();
    running.into_iter().map(|child| end(child).succeeded()).collect()
}

/// Every service promoted at the same time makes a request of its own, and the same again none.
fn every_one_once(root: &Root, url: &str, services: &[String]) {
    let main = root.tip();
    let mut heads = HashSet::new();
    for (run, service) in promote_each(url, services).iter().zip(services) {
        let document = run.document();
        assert_eq!(document["outcome"], "requested", "{run:?}");
        let branch = format!("pinrail/promote/production/{service}");
        assert_eq!(document["request"]["branch"], branch.as_str());
        let head = root.branch_tip(&branch).expect("the request's branch");
        assert_eq!(document["request"]["head"], head.as_str());
        let changed = git::changed_paths(&root.repo(), &head);
        assert_eq!(changed, [pin_path_in("production", service)]);
        assert_eq!(git::first_parent_log(&root.repo(), &branch)[1], main);
        assert!(heads.insert(head), "no two requests share a commit");
    }
    assert_eq!(root.requests().len(), services.len());
    assert_eq!(root.tip(), main);
    let refs = root.refs();
    for run in promote_each(url, services) {
        assert_eq!(run.document()["outcome"], "requested", "{run:?}");
    }
    assert_eq!(root.refs(), refs);
    root.assert_sound();
}

#[test]
fn fifty_promotions_at_once_are_fifty_requests_and_the_same_again_changes_nothing() {
    let services = services(50);
    let root = staged(&services);
    every_one_once(&root, &local(&root), &services);
}

#[test]
fn promotions_at_once_over_http_are_a_request_each() {
    let services = services(16);
    let root = staged(&services);
    let server = GitHttp::serve(&root.served());
    every_one_once(&root, &server.url("root.git"), &services);
}

#[test]
fn the_same_promotion_eight_times_at_once_is_one_request() {
    let services = services(1);
    let root = staged(&services);
    let same: Vec<String> = services.iter().cycle().take(8).cloned().collect();
    let heads: HashSet<Value> = promote_each(&local(&root), &same)
        .iter()
        .map(|run| run.document()["request"]["head"].clone())
        .collect();
    assert_eq!(heads.len(), 1, "all of them found the one request");
    assert_eq!(root.requests().len(), 1);
}

#[test]
fn promotions_at_once_into_a_direct_environment_all_land() {
    let names = services(12);
    let root = Root::with(DIRECT, &[]);
    for name in &names {
        root.commit(&pin_path(name), &pin_file("shared", name, "1", &json!({})));
    }
    let before = root.commits().len();
    let running: Vec<Child> =
        names.iter().map(|name| start(&local(&root), &["promote", name, "--to", "qa"])).collect();
    for (child, name) in running.into_iter().zip(&names) {
        let document = end(child).succeeded().document();
        assert_eq!(document["outcome"], "promoted");
        let commit = document["commit"].as_str().expect("a commit");
        assert_eq!(git::changed_paths(&root.repo(), commit), [pin_path_in("qa", name)]);
        assert!(root.commits().iter().any(|there| there == commit));
    }
    assert_eq!(root.commits().len() - before, names.len());
    root.assert_sound();
}

/// Of many who merge one request, one does; the others are told. Nothing is doubled.
fn one_merges(root: &Root, url: &str, count: usize) {
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let (head, before) = (root.branch_tip(API).expect("a branch"), root.commits());
    let running: Vec<Child> = (0..count).map(|_| start(url, &MERGE)).collect();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for child in running {
        let run = end(child);
        let document = run.document();
        let outcome = document["outcome"].as_str().expect("an outcome").to_owned();
        match outcome.as_str() {
            "merged" => assert_eq!(document["commit"], root.commits()[0].as_str()),
            "unchanged" => assert_eq!((run.code, &document["commit"]), (0, &Value::Null)),
            // The branch was gone before this one looked.
            _ => assert_eq!((run.code, &document["error"]["kind"]), (1, &json!("notFound"))),
        }
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert_eq!(outcomes.get("merged"), Some(&1), "{outcomes:?}");
    assert_eq!(root.commits()[1..], before, "one commit on main");
    let parents = git::git(&root.repo(), &["log", "-1", "--format=%P", "main"]);
    assert_eq!(parents, format!("{} {head}", before[0]));
    assert_eq!(root.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(root.requests(), Vec::<String>::new());
    root.assert_sound();
}

#[test]
fn of_two_who_merge_the_same_request_one_does_and_the_other_is_told_so() {
    for _ in 0..5 {
        let root = Root::new(&["api"]);
        one_merges(&root, &local(&root), 2);
    }
}

#[test]
fn of_eight_who_merge_the_same_request_over_http_one_does() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    one_merges(&root, &server.url("root.git"), 8);
}

#[test]
fn who_merges_second_while_the_first_push_is_under_way_is_told_so() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let server = GitHttp::serve(&root.served());
    let path = local(&root);
    server.on_push(move |number| {
        if number == 0 {
            let first = end(start(&path, &MERGE)).succeeded();
            assert_eq!(first.document()["outcome"], "merged");
        }
        Fault::Pass
    });
    let second = end(start(&server.url("root.git"), &MERGE)).succeeded();
    assert_eq!(second.document()["outcome"], "unchanged", "{second:?}");
    let merges = git::git(&root.repo(), &["rev-list", "--merges", "--count", "main"]);
    assert_eq!(merges, "1");
}

#[test]
fn a_merge_whose_answer_was_lost_is_one_merge_and_said_to_be() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let server = GitHttp::serve(&root.served());
    server.on_push(|number| if number == 0 { Fault::ApplyThenClose } else { Fault::Pass });
    let run = end(start(&server.url("root.git"), &MERGE)).succeeded();
    let document = run.document();
    assert_eq!(document["outcome"], "merged", "{run:?}");
    assert_eq!(document["commit"], root.tip().as_str());
    assert_eq!(root.requests(), Vec::<String>::new());
}

#[test]
fn a_request_that_changes_while_it_is_merged_is_merged_as_it_was_approved() {
    let root = Root::new(&["api", "web"]);
    root.stage("api", "1");
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    let head = root.branch_tip(API).expect("a branch");
    let server = GitHttp::serve(&root.served());
    let path = local(&root);
    // The promotion comes when the merge has been read and decided, and moves main as well.
    server.on_push(move |number| {
        if number == 0 {
            let revision = revision_of("2");
            let pin = ["pin", "api", "-e", "staging", "--image-tag", "2", "--revision", &revision];
            end(start(&path, &pin)).succeeded();
            end(start(&path, &["promote", "api", "--to", "production"])).succeeded();
        }
        Fault::Pass
    });
    let run = end(start(&server.url("root.git"), &MERGE));
    assert_eq!((run.code, &run.document()["outcome"]), (3, &json!("conflict")), "{run:?}");
    assert_eq!(root.tag("production", "api"), None);
    assert_ne!(root.branch_tip(API), Some(head));
    assert_eq!(root.requests(), [API], "what is asked for now waits for its own approval");
}

#[test]
fn promotions_and_merges_at_once_lose_nothing() {
    for _ in 0..3 {
        let root = Root::new(&["api"]);
        root.stage("api", "1");
        root.json(&["promote", "api", "--to", "production"]).succeeded();
        root.stage("api", "2");
        let url = local(&root);
        let merge = start(&url, &MERGE);
        let promote = start(&url, &["promote", "api", "--to", "production"]);
        let (merge, promote) = (end(merge), end(promote).succeeded());
        let (merged, asked) = (merge.document(), promote.document());
        let tag = root.tag("production", "api");
        match merged["outcome"].as_str() {
            Some("merged") => assert_eq!(
                tag.as_deref(),
                merged["moves"][0]["to"]["imageTag"].as_str(),
                "what was said to be merged is there"
            ),
            _ => assert_eq!((merge.code, tag), (3, None), "{merge:?}"),
        }
        if root.tag("production", "api").as_deref() == Some("2") {
            assert_eq!(root.requests(), Vec::<String>::new(), "{merged:#} {asked:#}");
        } else {
            assert_eq!(asked["outcome"], "requested", "{merged:#} {asked:#}");
            assert_eq!(root.pin_at(API, "production", "api").expect("a pin")["imageTag"], "2");
            let head = asked["request"]["head"].as_str();
            assert_eq!(root.branch_tip(API).as_deref(), head);
        }
        root.assert_sound();
    }
}
