//! `tend` on days when something else goes on, or goes wrong.

use serde_json::{Value, json};

use super::bad_days::{during, requested, routes};
use super::tending::{API, LOCK, TRAIN, comments, is_red, light, tend, train};
use super::world::{Kind, PROJECT};
use crate::support::git;
use crate::support::made::tree;
use crate::support::pinrail::Run;
use crate::support::root::pin_path_in;

const LOCKED: &str = "{\"reason\": \"incident\", \"owner\": \"anna\"}\n";

on_both!(
    a_request_that_was_merged_meanwhile_is_named,
    a_head_that_is_new_in_mid_run_is_judged_by_the_next,
    a_limit_in_mid_run_is_waited_for,
    one_that_fails_is_named_and_the_others_go_on,
    one_that_cannot_be_read_is_named_and_the_others_go_on,
    one_from_a_fork_waits_until_it_is_pushed_to_the_project,
    two_at_once_say_it_once,
);

fn status_route(kind: Kind) -> &'static str {
    match kind {
        Kind::GitLab => "POST /projects/{id}/statuses/{sha}",
        _ => "POST /repos/{owner}/{repo}/statuses/{sha}",
    }
}

/// A rule for the first look at a merge that is to be taken back.
fn cancelling(kind: Kind, mut rule: Value) -> Value {
    match kind {
        Kind::GitLab => rule["route"] = json!("GET /projects/{id}/merge_requests/{iid}"),
        _ => rule["route"] = json!("POST /graphql"),
    }
    rule["nth"] = json!(1);
    rule
}

fn a_request_that_was_merged_meanwhile_is_named(kind: Kind) {
    let world = requested(kind);
    let open = world.only();
    let merge = json!({"do": "merge", "project": PROJECT, "number": open.number});
    let rules = json!([cancelling(kind, json!({"when": "before", "act": merge}))]);
    let locked = during(&world, rules, || world.json(LOCK)).succeeded();
    let document = locked.document();
    assert_eq!(document["outcome"], "locked");
    assert_eq!(document["unstopped"][0]["number"].as_u64(), open.number, "{document:#}");
    assert_eq!(document["unstopped"][0]["reason"], "it was merged meanwhile");
}

fn one_that_fails_is_named_and_the_others_go_on(kind: Kind) {
    let world = requested(kind);
    world.stage("web", "1");
    world.promote("web").succeeded();
    world.push(world.pins(), "locks/production.json", LOCKED);
    let forbidden = json!({"message": "Resource not accessible"});
    let rules = json!([{"route": status_route(kind), "nth": 1, "status": 403, "json": forbidden}]);
    let run: Run = during(&world, rules, || world.json(&["tend"]));
    assert_eq!(run.code, 1, "{run:?}");
    let document = run.document();
    let failed: Vec<_> = document["requests"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one.get("problem").is_some())
        .map(|one| one["url"].clone())
        .collect();
    assert_eq!(failed.len(), 1, "{document:#}");
    let hints = document["error"]["hints"].to_string();
    assert!(hints.contains(failed[0].as_str().expect("a page")), "{hints}");
    let red = |branch: &str| u32::from(is_red(&world, branch));
    assert_eq!(red(API) + red("pinrail/promote/production/web"), 1);
    tend(&world);
    assert_eq!(red(API) + red("pinrail/promote/production/web"), 2);
}

fn one_that_cannot_be_read_is_named_and_the_others_go_on(kind: Kind) {
    let world = requested(kind);
    // A name that is there twice, under the name of one of ours.
    let file = git::git(&world.repo(), &["rev-parse", "main:pinrail.yaml"]);
    let entry = ("100644", "pinrail.yaml", file.as_str());
    let files = tree(&world.repo(), &[entry, entry]);
    let head = git::git(&world.repo(), &["commit-tree", "-p", "main", "-m", "x", &files]);
    let bad = "pinrail/promote/production/web";
    world.forge().act(json!({"do": "reset", "project": PROJECT, "branch": bad, "to": head}));
    world.forge().act(json!({"do": "open", "project": PROJECT, "head": bad, "base": "main",
        "title": "web", "by": "ben"}));
    world.push(world.pins(), "locks/production.json", LOCKED);
    let run: Run = world.json(&["tend"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(is_red(&world, API), "{run:?}");
    let document = run.document();
    let mut requests = document["requests"].as_array().expect("a list").iter();
    let told = requests.find(|one| one["branch"] == bad).expect("its item");
    assert_eq!(told["state"], "pending");
    assert!(told["problem"].to_string().contains("`/` is malformed"), "{told:#}");
}

fn two_at_once_say_it_once(kind: Kind) {
    let world = train(kind);
    let lock = "{\"reason\": \"migration\", \"owner\": \"anna\"}\n";
    world.push(world.pins(), "locks/production/web.json", lock);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| world.json(&["tend"]))).collect();
        for run in runs {
            run.join().expect("it ran").succeeded();
        }
    });
    assert_eq!(git::changed_paths(&world.repo(), TRAIN), [pin_path_in("production", "api")]);
    assert_eq!(comments(&world, TRAIN), 1);
    assert!(!is_red(&world, TRAIN));
    world.assert_sound();
}

fn a_limit_in_mid_run_is_waited_for(kind: Kind) {
    let world = requested(kind);
    world.push(world.pins(), "locks/production.json", LOCKED);
    let rules = json!([{"route": status_route(kind), "nth": 1, "preset": routes(kind).soon}]);
    let run = during(&world, rules, || world.json(&["tend"])).succeeded();
    assert!(is_red(&world, API), "{run:?}");
    world.forge().assert_nothing_repeated();
}

/// What a newer head is, nobody has said; the next run does.
fn a_head_that_is_new_in_mid_run_is_judged_by_the_next(kind: Kind) {
    let world = requested(kind);
    world.push(world.pins(), "locks/production.json", LOCKED);
    let push = json!({"do": "push", "project": PROJECT, "branch": API, "files": {"a": "b\n"}});
    let rules = json!([{"route": status_route(kind), "nth": 1, "when": "before", "act": push}]);
    let run = during(&world, rules, || world.json(&["tend"])).succeeded();
    assert_eq!(light(&world, API), None, "{run:?}");
    tend(&world);
    assert!(is_red(&world, API));
}

fn one_from_a_fork_waits_until_it_is_pushed_to_the_project(kind: Kind) {
    let world = requested(kind);
    let (fork, files) = ("eve/root", json!({"a": "b\n"}));
    world.forge().act(json!({"do": "project", "path": fork, "files": {"x": "1"}}));
    let repo = world.repo();
    let repo = repo.to_str().expect("a path");
    git::git(&world.forge().folder(fork), &["fetch", "-q", repo, "main:refs/heads/theirs"]);
    let main = world.tip("main");
    for step in [
        json!({"do": "reset", "project": fork, "branch": API, "to": main}),
        json!({"do": "push", "project": fork, "branch": API, "files": files}),
        json!({"do": "open", "project": PROJECT, "source": fork, "head": API, "base": "main",
            "by": "eve"}),
    ] {
        world.forge().act(step);
    }
    world.push(world.pins(), "locks/production.json", LOCKED);
    let document = tend(&world);
    let mut requests = document["requests"].as_array().expect("a list").iter();
    let told = requests.find(|one| one["state"] == "pending").expect("its item");
    let state = world.forge().state(PROJECT);
    let mut statuses = state["statuses"].as_array().expect("a list").iter();
    let ours = statuses.find(|one| one["sha"] == told["head"]).expect("its status");
    assert_eq!((&ours["context"], &ours["state"]), (&json!("pinrail/gates"), &json!("pending")));
    // It has the name of one of ours, which is judged all the same.
    assert!(is_red(&world, API), "{document:#}");
    assert_eq!(tend(&world)["outcome"], "unchanged");
}
