//! What is live, and what is between two commits.

use std::io::Write as _;
use std::process::Stdio;

use pinrail::forge::Deployment;

use super::*;
use crate::support::git::hermetic;

pub fn deployment(hub: &Hub) -> Deployment {
    Deployment {
        project: ROOT.to_owned(),
        revision: hub.main.clone(),
        environment: "production/api".to_owned(),
        url: Some("https://api.example.com/".parse().expect("a URL")),
        production: true,
        description: "d".repeat(200),
    }
}

/// Each deployment of the project: its commit and its newest state.
fn live(hub: &Hub) -> Vec<(String, String)> {
    let state = hub.fake.state(ROOT);
    let deployments = state["deployments"].as_array().expect("deployments").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    deployments
        .iter()
        .map(|one| {
            let newest = one["statuses"].as_array().and_then(|all| all.last()).cloned();
            (text(&one["sha"]), text(&newest.unwrap_or_default()["state"]))
        })
        .collect()
}

/// F19: red checks, an older default branch and production do not matter; the older one retires.
#[test]
fn what_is_live_is_recorded_once_and_the_one_before_retires() {
    let hub = Hub::new();
    let github = hub.github();
    hub.act("status", json!({"sha": hub.main, "context": "ci", "state": "failure"}));
    github.deploy(&deployment(&hub)).expect("recorded");
    github.deploy(&deployment(&hub)).expect("recorded already");
    assert_eq!(live(&hub), [(hub.main.clone(), "success".to_owned())]);

    let next = Deployment { revision: hub.head.clone(), ..deployment(&hub) };
    github.deploy(&next).expect("recorded");
    let elsewhere = Deployment { environment: "staging/api".to_owned(), production: false, ..next };
    github.deploy(&elsewhere).expect("recorded");
    let (old, new) = ("inactive".to_owned(), "success".to_owned());
    let expected =
        [(hub.main.clone(), old), (hub.head.clone(), new.clone()), (hub.head.clone(), new)];
    assert_eq!(live(&hub), expected);
    hub.fake.assert_nothing_repeated();
}

/// F3.
#[test]
fn a_deployment_whose_answer_was_lost_is_recorded_once() {
    let hub = Hub::new();
    let rule =
        |route: &str| json!({"route": route, "nth": 1, "when": "after", "preset": "html-502"});
    hub.fake.faults(json!([
        rule("POST /repos/{owner}/{repo}/deployments"),
        rule("POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"),
    ]));
    hub.github().deploy(&deployment(&hub)).expect("recorded");
    assert_eq!(live(&hub), [(hub.main.clone(), "success".to_owned())]);
    hub.fake.assert_nothing_repeated();
}

/// F19: 202, 409 and 403 in words.
#[test]
fn a_deployment_that_github_does_not_record_is_told_why() {
    let hub = Hub::new();
    let create = "POST /repos/{owner}/{repo}/deployments";
    for (status, message) in
        [(202, "Auto-merged main into x"), (409, "Commit status checks failed")]
    {
        hub.fake.faults(json!([{"route": create, "status": status, "json": {"message": message}}]));
        match hub.github().deploy(&deployment(&hub)) {
            Err(ForgeError::Invalid(words)) => assert!(words.contains(message), "{words}"),
            other => panic!("{other:?}"),
        }
    }
    hub.fake.faults(json!([]));
    hub.act("configure", json!({"protectedEnvironments": ["production/api"]}));
    match hub.github().deploy(&deployment(&hub)) {
        Err(ForgeError::Forbidden { words, .. }) => assert!(words.contains("protected"), "{words}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(live(&hub), []);
}

#[test]
fn a_comparison_has_the_newest_first_and_all_counts() {
    let hub = Hub::new();
    let github = hub.github();
    let next =
        hub.act("push", json!({"branch": "pin/a", "files": {"x": "1"}, "message": "Second"}));
    let next = next["sha"].as_str().expect("a commit");
    let between = github.compare(ROOT, &hub.main, next).expect("asked").expect("compared");
    let messages: Vec<_> = between.commits.iter().map(|it| it.message.trim_end()).collect();
    assert_eq!(messages, ["Second", "Pin api 2"]);
    assert_eq!((between.total, between.behind), (2, 0));
    assert!(between.url.is_some() && between.commits[0].id == next);
    let back = github.compare(ROOT, next, &hub.main).expect("asked").expect("compared");
    assert_eq!((back.total, back.behind), (0, 2));
    assert_eq!(github.compare(ROOT, &"0".repeat(40), next), Ok(None));
    assert_eq!(github.compare("acme/none", &hub.main, next), Ok(None));
}

/// Whether a step is one forward: only what the older has and the newer lacks is told by `behind`.
#[test]
fn what_the_newer_revision_lacks_is_counted() {
    let hub = Hub::new();
    let github = hub.github();
    let pushed = hub.act("push", json!({"branch": "main", "files": {"other": "1"}}));
    let main = pushed["sha"].as_str().expect("a commit").to_owned();
    let behind = |from: &str, to: &str| {
        let between = github.compare(ROOT, from, to).expect("asked");
        between.map(|it| (it.total, it.behind))
    };
    assert_eq!(behind(&main, &main), Some((0, 0)), "the same");
    assert_eq!(behind(&hub.main, &main), Some((1, 0)), "ahead");
    assert_eq!(behind(&main, &hub.main), Some((0, 1)), "behind");
    assert_eq!(behind(&main, &hub.head), Some((1, 1)), "diverged");
    let stranger = hub.unrelated();
    assert_eq!(behind(&main, &stranger), None, "unrelated");
    for missing in ["0".repeat(40), "gone".to_owned()] {
        assert_eq!((behind(&main, &missing), behind(&missing, &main)), (None, None));
    }
}

#[test]
fn of_a_long_comparison_the_newest_are_told() {
    let hub = Hub::new();
    let mut stream = String::new();
    for n in 0..230 {
        let from = if n == 0 { format!("from {}\n", hub.main) } else { String::new() };
        let message = format!("Commit {n}");
        stream += &format!(
            "commit refs/heads/long\ncommitter A <a@example.com> {n} +0000\ndata {}\n{message}\n{from}",
            message.len()
        );
    }
    let mut git = hermetic("git");
    git.arg("-C").arg(hub.fake.folder(ROOT)).args(["fast-import", "--quiet"]);
    let mut import = git.stdin(Stdio::piped()).spawn().expect("git");
    let mut stdin = import.stdin.take().expect("its input is a pipe");
    stdin.write_all(stream.as_bytes()).expect("import");
    drop(stdin);
    assert!(import.wait().expect("git").success());
    hub.act("sync", json!({}));
    let between = hub.github().compare(ROOT, &hub.main, "long").expect("asked").expect("compared");
    assert_eq!(between.total, 230);
    assert_eq!(between.commits[0].message.trim_end(), "Commit 229");
    assert_eq!(between.commits.len(), 130);
}
