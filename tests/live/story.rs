//! What is played on a scratch project: a few of the scenarios of `tests/it/forge`, in a row.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use reqwest::Method;
use serde_json::{Value, json};

use super::scratch::{Kind, Scratch};

type Part = (&'static str, fn(&Scratch));

const PARTS: [Part; 8] = [
    ("a promotion is asked for once, and follows", asked_for_once),
    ("the list and the forge agree", listed),
    ("a merge approves one commit", merged),
    ("what is closed is closed there too", closed),
    ("a train tells what it brings", train),
    ("what moved on is merged in the same go", in_one_go),
    ("a way back is asked for under a lock, and a person merges it", back),
    ("`--via api` signs on GitHub, and is refused on GitLab", via_api),
];

/// Plays every part and tidies up, also after one that failed.
///
/// # Panics
/// What is not as it should be.
pub fn play(scratch: &Scratch, done: impl Fn(&str)) {
    let played = catch_unwind(AssertUnwindSafe(|| {
        for (name, part) in PARTS {
            part(scratch);
            done(name);
        }
    }));
    let tidied = catch_unwind(AssertUnwindSafe(|| scratch.tidy().expect("tidy up")));
    for ended in [played, tidied] {
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

fn api(scratch: &Scratch) -> String {
    format!("{}-api", scratch.prefix)
}

fn web(scratch: &Scratch) -> String {
    format!("{}-web", scratch.prefix)
}

fn stage(scratch: &Scratch, service: &str, tag: u32, via: &str) {
    let (image, revision) = (tag.to_string(), scratch.version(tag));
    let pin = ["pin", service, "-e", "staging", "--image-tag", &image, "--revision", &revision];
    let create = ["--create", "--domain", "services"];
    scratch.run(&[&pin[..], &create].concat(), via).succeeded();
}

fn promote(scratch: &Scratch, service: &str) -> Value {
    scratch.pinrail(&["promote", service, "--to", "production"]).succeeded().document
}

fn number(document: &Value) -> u64 {
    document["request"]["number"].as_u64().unwrap_or_else(|| panic!("no request: {document:#}"))
}

fn head(document: &Value) -> &str {
    document["request"]["head"].as_str().unwrap_or_else(|| panic!("no head: {document:#}"))
}

fn asked_for_once(scratch: &Scratch) {
    let service = api(scratch);
    stage(scratch, &service, 1, "git");
    let first = promote(scratch, &service);
    assert_eq!(first["outcome"], "requested", "{first:#}");
    assert_eq!(promote(scratch, &service)["request"], first["request"], "the same again");
    stage(scratch, &service, 2, "git");
    let second = promote(scratch, &service);
    assert_eq!(number(&first), number(&second), "it follows");
    let request = scratch.request_at(number(&second), head(&second));
    assert_eq!(request.state, "open");
    assert!(request.title.contains(&service), "{request:#?}");
    assert!(request.body.contains("`2`") && !request.body.contains("`1`"), "{request:#?}");
    assert_eq!(scratch.tag("main", "production", &service), None);
}

fn listed(scratch: &Scratch) {
    let list = scratch.pinrail(&["promotions"]).succeeded().document;
    let branch = format!("pinrail/promote/production/{}", api(scratch));
    let requests = list["requests"].as_array().expect("a list");
    let [only] = requests.as_slice() else { panic!("{list:#}") };
    assert_eq!(only["branch"], json!(branch));
    assert_eq!(scratch.request(only["number"].as_u64().expect("a number")).state, "open");
}

fn merged(scratch: &Scratch) {
    let service = api(scratch);
    let (name, branch) =
        (format!("production/{service}"), format!("pinrail/promote/production/{service}"));
    let number = number(&promote(scratch, &service));
    let other = scratch.version(1);
    let stale = scratch.pinrail(&["promotions", "merge", &name, "--head", &other]);
    assert_eq!(stale.code, Some(3), "{stale:#?}");
    let document = scratch.pinrail(&["promotions", "merge", &name]).succeeded().document;
    assert_eq!(document["outcome"], "merged", "{document:#}");
    assert_eq!(scratch.tag("main", "production", &service).as_deref(), Some("2"));
    assert_eq!(document["commit"], json!(scratch.tip("main")));
    assert_eq!((scratch.request(number).state.as_str(), scratch.tip(&branch)), ("merged", None));
    assert_eq!(promote(scratch, &service)["outcome"], "unchanged");
}

fn closed(scratch: &Scratch) {
    let service = web(scratch);
    stage(scratch, &service, 1, "git");
    let number = number(&promote(scratch, &service));
    scratch.pinrail(&["promotions", "close", &format!("production/{service}")]).succeeded();
    assert_eq!(scratch.request(number).state, "closed");
    let list = scratch.pinrail(&["promotions"]).succeeded().document;
    assert_eq!(list["requests"], json!([]));
}

fn train(scratch: &Scratch) {
    let (api, web) = (api(scratch), web(scratch));
    stage(scratch, &api, 3, "git");
    let document =
        scratch.pinrail(&["promote", "--all", "--to", "production"]).succeeded().document;
    let request = scratch.request(number(&document));
    for told in [api.as_str(), &web, "Make version 3"] {
        assert!(request.body.contains(told), "{told}: {request:#?}");
    }
    scratch.pinrail(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(scratch.tag("main", "production", &api).as_deref(), Some("3"));
    assert_eq!(scratch.tag("main", "production", &web).as_deref(), Some("1"));
}

fn in_one_go(scratch: &Scratch) {
    let service = web(scratch);
    stage(scratch, &service, 2, "git");
    let number = number(&promote(scratch, &service));
    stage(scratch, &service, 3, "git");
    let promote = ["promote", &service, "--to", "production", "--merge"];
    let document = scratch.pinrail(&promote).succeeded().document;
    assert_eq!(document["outcome"], "promoted", "{document:#}");
    assert_eq!(scratch.request(number).state, "merged");
    assert_eq!(scratch.tag("main", "production", &service).as_deref(), Some("3"));
}

fn back(scratch: &Scratch) {
    let service = api(scratch);
    let back = ["rollback", &service, "-e", "production", "--reason", "a live test"];
    let document = scratch.pinrail(&back).succeeded().document;
    assert_eq!(document["outcome"], "requested", "{document:#}");
    let number = document["requests"][0]["number"].as_u64().expect("a request");
    scratch.fetch().expect("fetch");
    let lock = scratch.read("pins", &format!("locks/production/{service}.json"));
    assert!(lock.is_ok_and(|lock| lock.contains("a live test")));
    scratch.click_merge(number);
    assert_eq!(scratch.tag("main", "production", &service).as_deref(), Some("2"));
    let locked = scratch.pinrail(&["promote", &service, "--to", "production"]);
    assert_eq!(locked.code, Some(5), "{locked:#?}");
}

fn via_api(scratch: &Scratch) {
    let service = web(scratch);
    if scratch.kind == Kind::GitLab {
        let (image, revision) = ("2", scratch.version(2));
        let pin = ["pin", &service, "-e", "staging", "--image-tag", image, "--revision", &revision];
        assert_eq!(scratch.run(&pin, "api").code, Some(2), "it is for GitHub alone");
        return;
    }
    stage(scratch, &service, 1, "api");
    let promote = ["promote", &service, "--to", "production"];
    let first = scratch.run(&promote, "api").succeeded().document;
    stage(scratch, &service, 2, "api");
    let document = scratch.run(&promote, "api").succeeded().document;
    assert_eq!(number(&first), number(&document), "it follows");
    let commit = format!("commits/{}", head(&document));
    let commit = scratch.api(&Method::GET, &commit, &Value::Null);
    assert_eq!(commit["commit"]["verification"]["verified"], true, "{commit:#}");
    assert_eq!(scratch.request_at(number(&document), head(&document)).state, "open");
    let merge = ["promotions", "merge", &format!("production/{service}")];
    scratch.run(&merge, "api").succeeded();
    assert_eq!(scratch.tag("main", "production", &service).as_deref(), Some("2"));
}
