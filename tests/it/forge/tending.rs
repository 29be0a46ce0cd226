//! Locks and `tend`: what open requests are told, and what becomes of them, as things change.

use serde_json::{Value, json};

use super::bad_days::requested;
use super::world::{Kind, PROJECT, World};
use crate::support::git;
use crate::support::pinrail::{AtTime, run};
use crate::support::root::pin_path_in;

pub const API: &str = "pinrail/promote/production/api";
pub const TRAIN: &str = "pinrail/train/production";
pub const LOCK: &[&str] =
    &["lock", "-e", "production", "--reason", "incident 7", "--owner", "anna"];

macro_rules! on_all {
    ($($test:ident),* $(,)?) => {
        mod git_alone { $(#[test] fn $test() { super::$test(super::Kind::Git); })* }
        on_both!($($test),*);
    };
}

on_all!(
    what_is_there_by_now_is_closed,
    who_is_locked_leaves_the_train_once,
    a_train_that_is_locked_as_a_whole_waits,
    a_dry_run_tells_and_writes_nothing,
);

mod forges {
    use super::Kind;
    on_both!(
        a_lock_turns_the_light_red_and_nobody_merges_until_it_is_green,
        what_time_forbids_turns_red_when_it_comes_and_green_when_it_is_over,
        a_merge_that_was_to_come_by_itself_is_taken_back_once,
        what_was_merged_by_hand_is_recorded,
        requests_of_people_are_judged_by_all_that_they_change,
        with_nothing_to_do_each_request_costs_a_look_and_nothing_is_written,
        ten_thousand_requests_of_others_cost_their_list,
    );
    use super::{
        a_lock_turns_the_light_red_and_nobody_merges_until_it_is_green,
        a_merge_that_was_to_come_by_itself_is_taken_back_once,
        requests_of_people_are_judged_by_all_that_they_change,
        ten_thousand_requests_of_others_cost_their_list,
        what_time_forbids_turns_red_when_it_comes_and_green_when_it_is_over,
        what_was_merged_by_hand_is_recorded,
        with_nothing_to_do_each_request_costs_a_look_and_nothing_is_written,
    };
}

/// One with a request, where only what `pinrail/gates` and these other checks let pass is merged.
fn guarded(kind: Kind, others: &[&str]) -> World {
    let world = World::new(kind);
    if kind == Kind::GitLab {
        let step = json!({"do": "configure", "project": PROJECT, "pipelineMustSucceed": true});
        world.forge().act(step);
    } else {
        let checks: Vec<_> = [&["pinrail/gates"], others].concat();
        world.forge().act(json!({"do": "configure", "project": PROJECT,
            "allowAutoMerge": true}));
        world.forge().act(json!({"do": "protect", "project": PROJECT, "branch": "main",
            "approvals": 0, "requiredChecks": checks, "enforceAdmins": true}));
    }
    world.stage("api", "1");
    world.promote("api").succeeded();
    if kind == Kind::GitLab {
        let state = if others.is_empty() { "success" } else { "running" };
        pipeline(&world, state);
    }
    world
}

/// The project's own pipeline has run for the request, or runs.
fn pipeline(world: &World, state: &str) {
    let number = world.only().number;
    world.forge().act(json!({"do": "pipeline", "project": PROJECT, "number": number,
        "state": state}));
}

/// Somebody presses the Merge button; whether that merged it.
fn click(world: &World, number: Option<u64>) -> bool {
    let step = json!({"do": "click", "project": PROJECT, "number": number, "by": "anna"});
    world.forge().act(step)["merged"] == json!(true)
}

/// What the forge shows beside a branch's tip: the newest word of the gates.
pub fn light(world: &World, branch: &str) -> Option<(String, String)> {
    let (head, state) = (world.tip(branch), world.forge().state(PROJECT));
    let all = state["statuses"].as_array().expect("a list").iter();
    let mut ours = all.filter(|one| one["context"] == "pinrail/gates" && one["sha"] == json!(head));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ours.next_back().map(|one| (text(&one["state"]), text(&one["description"])))
}

pub fn is_red(world: &World, branch: &str) -> bool {
    let light = light(world, branch).map(|(state, _)| state);
    matches!(light.as_deref(), Some("failure" | "failed"))
}

fn spent(world: &World, what: &str) -> u64 {
    let counted = &world.forge().get("/counters")[what];
    counted
        .as_u64()
        .or_else(|| Some(counted.as_object()?.values().filter_map(Value::as_u64).sum()))
        .unwrap_or_else(|| panic!("no number {what}: {counted}"))
}

#[track_caller]
pub fn tend(world: &World) -> Value {
    world.json(&["tend"]).succeeded().document()
}

pub fn comments(world: &World, branch: &str) -> usize {
    let state = world.forge().state(PROJECT);
    let all = state["requests"].as_array().expect("a list").iter();
    let mut ours = all.filter(|request| request["head"] == json!(branch));
    let found = ours.next().and_then(|request| request["comments"].as_array().map(Vec::len));
    found.unwrap_or_default()
}

fn a_lock_turns_the_light_red_and_nobody_merges_until_it_is_green(kind: Kind) {
    let world = guarded(kind, &[]);
    let number = world.only().number;
    let document = world.json(LOCK).succeeded().document();
    assert_eq!((&document["outcome"], &document["unstopped"]), (&json!("locked"), &json!([])));
    let judged = &document["requests"][0];
    assert_eq!((&judged["state"], &judged["done"]), (&json!("red"), &json!(["status"])));
    let (_, words) = light(&world, API).expect("a status");
    assert_eq!(words, "api in production: locked by anna: incident 7");
    assert!(is_red(&world, API) && !click(&world, number));
    assert_eq!(world.json(&["promotions", "merge", "production/api"]).code, 5);
    let again = world.json(LOCK).succeeded().document();
    assert_eq!((&again["outcome"], &again["commit"]), (&json!("unchanged"), &Value::Null));
    let unlock = ["unlock", "-e", "production"];
    assert_eq!(world.json(&unlock).succeeded().document()["outcome"], "unlocked");
    assert_eq!(light(&world, API).map(|(state, _)| state).as_deref(), Some("success"));
    assert!(click(&world, number));
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(world.json(&unlock).succeeded().document()["outcome"], "unchanged");
    world.assert_done_once();
}

fn what_time_forbids_turns_red_when_it_comes_and_green_when_it_is_over(kind: Kind) {
    let world = guarded(kind, &[]);
    let config = git::read_file(&world.repo(), "main", "pinrail.yaml").expect("a configuration");
    let freeze = "protected: true, gates: {freeze: [{from: \"2030-05-01 00:00\", \
        to: \"2030-05-02 00:00\", timeZone: UTC, reason: fair}]}";
    world.push("main", "pinrail.yaml", &config.replace("protected: true", freeze));
    let at = |time: &str| run(world.command(&["--json", "tend"]).at(time)).succeeded().document();
    at("2030-04-30 23:00:00");
    assert!(!is_red(&world, API));
    let document = at("2030-05-01 12:00:00");
    assert_eq!(document["requests"][0]["moves"][0]["cause"]["kind"], "frozen", "{document:#}");
    assert!(is_red(&world, API) && !click(&world, world.only().number));
    at("2030-05-02 00:00:30");
    assert!(!is_red(&world, API) && click(&world, world.only().number));
}

fn a_merge_that_was_to_come_by_itself_is_taken_back_once(kind: Kind) {
    let world = guarded(kind, &["ci"]);
    let number = world.only().number;
    let merge = ["promotions", "merge", "production/api", "--auto-merge"];
    assert_eq!(world.json(&merge).succeeded().document()["outcome"], "queued");
    let document = world.json(LOCK).succeeded().document();
    assert_eq!(document["requests"][0]["done"], json!(["withdrawn", "status"]), "{document:#}");
    assert_eq!(document["unstopped"], json!([]));
    for _ in 0..2 {
        assert_eq!(tend(&world)["outcome"], "unchanged");
    }
    let said = world.comments(number);
    assert!(said.len() == 1 && said[0].contains("incident 7"), "{said:?}");
    world.json(&["unlock", "-e", "production"]).succeeded();
    match kind {
        Kind::GitLab => pipeline(&world, "success"),
        _ => {
            world.forge().act(json!({"do": "status", "project": PROJECT, "branch": API,
                "context": "ci", "state": "success"}));
        }
    }
    assert_eq!((world.tag("production", "api"), world.open().len()), (None, 1));
}

fn what_is_there_by_now_is_closed(kind: Kind) {
    let world = requested(kind);
    let path = pin_path_in("production", "api");
    let pin = git::read_file(&world.repo(), API, &path).expect("a pin");
    world.push("main", &path, &pin);
    let dry = world.json(&["tend", "--dry-run"]).succeeded().document();
    assert_eq!((&dry["requests"][0]["done"], world.open().len()), (&json!(["closed"]), 1));
    assert_eq!(tend(&world)["requests"][0]["done"], json!(["closed"]));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    let again = tend(&world);
    assert_eq!((&again["outcome"], &again["requests"]), (&json!("unchanged"), &json!([])));
    world.assert_done_once();
}

pub fn train(kind: Kind) -> World {
    let world = World::new(kind);
    for service in ["api", "web"] {
        world.stage(service, "1");
    }
    world.json(&["promote", "--all", "--to", "production"]).succeeded();
    world
}

fn who_is_locked_leaves_the_train_once(kind: Kind) {
    let world = train(kind);
    let lock = ["lock", "web", "-e", "production", "--reason", "migration", "--owner", "anna"];
    let document = world.json(&lock).succeeded().document();
    assert_eq!(document["requests"][0]["done"], json!(["rebuilt"]), "{document:#}");
    assert_eq!(git::changed_paths(&world.repo(), TRAIN), [pin_path_in("production", "api")]);
    for _ in 0..2 {
        assert_eq!(tend(&world)["outcome"], "unchanged");
    }
    if world.is_forge() {
        let said = world.comments(world.only().number);
        assert!(
            said.len() == 1 && said[0].contains("web in production: locked by anna"),
            "{said:?}"
        );
        let body = world.only().body;
        assert!(body.contains("web") && body.contains("migration"), "{body}");
        assert!(!is_red(&world, TRAIN));
    }
    world.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(world.tag("production", "web"), None);
    world.assert_done_once();
}

fn a_train_that_is_locked_as_a_whole_waits(kind: Kind) {
    let world = train(kind);
    let before = world.tip(TRAIN);
    let document = world.json(LOCK).succeeded().document();
    assert_eq!(document["requests"][0]["state"], "red", "{document:#}");
    assert_eq!(world.tip(TRAIN), before);
    world.json(&["unlock", "-e", "production"]).succeeded();
    assert_eq!(tend(&world)["requests"][0]["state"], "green");
    assert_eq!((world.tip(TRAIN), world.open().len()), (before, 1));
}

fn a_dry_run_tells_and_writes_nothing(kind: Kind) {
    let world = train(kind);
    let refs = world.refs();
    let dry = world.json(&[LOCK, &["--dry-run"]].concat()).succeeded().document();
    assert_eq!((&dry["dryRun"], world.refs()), (&json!(true), refs));
    let lock = "{\"reason\": \"migration\", \"owner\": \"anna\"}\n";
    world.push(world.pins(), "locks/production/web.json", lock);
    let refs = world.refs();
    let effects =
        |world: &World| if world.is_forge() { world.forge().get("/effects") } else { json!(0) };
    let before = effects(&world);
    let dry = world.json(&["tend", "--dry-run"]).succeeded().document();
    assert_eq!(dry["requests"][0]["done"], json!(["rebuilt"]), "{dry:#}");
    assert_eq!((world.refs(), effects(&world)), (refs, before));
}

fn what_was_merged_by_hand_is_recorded(kind: Kind) {
    let world = requested(kind);
    world.merge_by_hand(&world.only(), "squash");
    let live = |world: &World| {
        let state = world.forge().state("services/api");
        let all = state["deployments"].as_array().expect("a list").iter();
        all.filter(|one| one["environment"] == "production/api").count()
    };
    assert_eq!(live(&world), 0);
    for _ in 0..2 {
        tend(&world);
        assert_eq!(live(&world), 1);
    }
    world.assert_done_once();
}

fn requests_of_people_are_judged_by_all_that_they_change(kind: Kind) {
    let world = requested(kind);
    let open = |branch: &str, path: &str, content: &str| {
        world.forge().act(json!({"do": "push", "project": PROJECT, "branch": branch,
            "from": "main", "files": {path: content}, "message": "Mine"}));
        world.forge().act(json!({"do": "open", "project": PROJECT, "head": branch, "base": "main",
            "title": branch, "by": "ben"}));
    };
    let path = pin_path_in("production", "api");
    let pin = git::read_file(&world.repo(), API, &path).expect("a pin");
    open("ben/straight", &path, &pin.replace("\"imageTag\": \"1\"", "\"imageTag\": \"9\""));
    open("ben/docs", "README.md", "words\n");
    open("ben/broken", "pinrail.yaml", "version: 1\nenvironments: none\n");
    if kind == Kind::GitLab {
        for branch in ["ben/straight", "ben/docs", "ben/broken"] {
            world.forge().act(json!({"do": "pipeline", "project": PROJECT, "branch": branch,
                "state": "success"}));
        }
    }
    let document = tend(&world);
    assert!(is_red(&world, "ben/straight"), "{document:#}");
    assert!(is_red(&world, "ben/broken"), "{document:#}");
    assert_eq!(light(&world, "ben/docs").map(|(state, _)| state).as_deref(), Some("success"));
    assert!(!is_red(&world, API));
    let (name, path) = (json!("ben/broken"), json!("pinrail.yaml"));
    let requests = document["requests"].as_array().expect("a list");
    let broken = requests.iter().find(|request| request["branch"] == name).expect("its item");
    assert_eq!((&broken["problems"][0]["path"], &broken["moves"]), (&path, &json!([])));
    assert!(broken["reason"].to_string().contains("pinrail.yaml"), "{broken:#}");
}

fn with_nothing_to_do_each_request_costs_a_look_and_nothing_is_written(kind: Kind) {
    let world = World::new(kind);
    let mut costs = Vec::new();
    for count in [1, 5] {
        for number in 0..count {
            let service = format!("s{number}");
            world.stage(&service, "1");
            world.promote(&service).succeeded();
        }
        tend(&world);
        let (before, effects) = (spent(&world, "requests"), world.forge().get("/effects"));
        assert_eq!(tend(&world)["outcome"], "unchanged");
        assert_eq!(world.forge().get("/effects"), effects);
        costs.push(spent(&world, "requests") - before);
    }
    let each = (costs[1] - costs[0]) / 4;
    // GitLab tells the pipeline with the request; without one nothing green is set.
    assert_eq!((each, (costs[1] - costs[0]) % 4), (1, 0), "{costs:?}");
}

fn ten_thousand_requests_of_others_cost_their_list(kind: Kind) {
    let world = requested(kind);
    tend(&world);
    world.forge().act(json!({"do": "seed", "project": PROJECT, "requests": 10_000,
        "head": "load/{n}"}));
    let before = spent(&world, "requests");
    // What is new costs a look, and in two days nothing of this is.
    let tend = ["--json", "--timeout", "9m", "tend"];
    let run = run(world.command(&tend).at("2099-01-01 00:00:00")).succeeded();
    assert_eq!(run.document()["requests"].as_array().map(Vec::len), Some(1));
    let spent = spent(&world, "requests") - before;
    assert!(spent < 120, "{spent} requests to a forge that has 10,000");
}

#[test]
fn what_a_merge_queue_tries_is_judged_as_well() {
    let world = requested(Kind::GitHub);
    let entry = format!("gh-readonly-queue/main/pr-{}-0123abc", world.only().number.expect("one"));
    let path = pin_path_in("production", "api");
    let pin = git::read_file(&world.repo(), API, &path).expect("a pin");
    world.forge().act(json!({"do": "push", "project": PROJECT, "branch": entry, "from": "main",
        "files": {path: pin}, "message": "Merge"}));
    tend(&world);
    assert_eq!(light(&world, &entry).map(|(state, _)| state).as_deref(), Some("success"));
    world.json(LOCK).succeeded();
    assert!(is_red(&world, &entry) && is_red(&world, API));
}
