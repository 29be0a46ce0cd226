//! What only a forge has: approvals, reviewers, auto-merge, queues, deployments.

use serde_json::{Value, json};

use super::world::{Kind, PROJECT, World};
use crate::support::git;
use crate::support::pinrail::run;
use crate::support::root::pin_path_in;

const API: &str = "pinrail/promote/production/api";

fn requested(kind: Kind, rules: &str) -> World {
    let world = World::with(kind, rules);
    world.stage("api", "1");
    world.promote("api").succeeded();
    world
}

fn request(world: &World, number: Option<u64>) -> Value {
    let state = world.forge().state(PROJECT);
    let all = state["requests"].as_array().expect("a list").iter();
    all.clone().find(|request| request["number"].as_u64() == number).expect("the request").clone()
}

fn what_is_approved_is_frozen(kind: Kind) {
    let world = requested(kind, "{update: frozen}");
    let first = world.only();
    world.stage("api", "2");
    world.promote("api").succeeded();
    assert_eq!(world.only().number, first.number, "nobody has approved it so far");
    let approve = json!({"do": "review", "project": PROJECT, "number": first.number, "by": "anna"});
    world.forge().act(approve);
    let again = world.promote("api").succeeded().document();
    assert_eq!(again["request"]["number"].as_u64(), first.number, "it asks for the same");
    let head = world.tip(API);
    world.stage("api", "3");
    world.promote("api").succeeded();
    let second = world.only();
    assert_ne!(second.number, first.number);
    assert_eq!(world.tag_at(API, "production", "api").as_deref(), Some("3"));
    assert!(
        world.comments(first.number)[0].contains("approved"),
        "{:?}",
        world.comments(first.number)
    );
    assert_eq!(json!(head), request(&world, first.number)["headSha"], "what was approved stays so");
}

fn people_and_labels_come_from_the_rules(kind: Kind) {
    let rules = "{labels: [promotion, prod], reviewers: [\"user:anna\", \"user:nobody\"], assignees: [ben], draft: true}";
    let world = World::with(kind, rules);
    world.stage("api", "1");
    let run = world.promote("api").succeeded();
    assert!(run.stderr.contains("nobody"), "{run:?}");
    let open = request(&world, world.only().number);
    assert_eq!((&open["reviewers"], &open["assignees"]), (&json!(["anna"]), &json!(["ben"])));
    assert_eq!(open["labels"], json!(["promotion", "prod"]));
    let title = open["title"].as_str().expect("a title");
    assert!(open["draft"] == json!(true) || title.starts_with("Draft: "), "{open:#}");
    let merge = world.json(&["promotions", "merge", "production/api"]);
    assert_eq!(merge.code, 5, "{merge:?}");
    assert!(merge.document()["error"]["message"].to_string().to_lowercase().contains("draft"));
    world.assert_done_once();
}

fn what_needs_an_approval_waits_for_it(kind: Kind) {
    let world = requested(kind, "{}");
    let number = world.only().number;
    if kind == Kind::GitLab {
        world.forge().act(json!({"do": "approvalRule", "project": PROJECT, "required": 1}));
    } else {
        world
            .forge()
            .act(json!({"do": "protect", "project": PROJECT, "branch": "main", "approvals": 1}));
        world.forge().act(json!({"do": "configure", "project": PROJECT, "allowAutoMerge": true}));
    }
    let refused = world.json(&["promotions", "merge", "production/api"]);
    assert_eq!((refused.code, world.tag("production", "api")), (5, None), "{refused:?}");
    assert!(refused.document()["error"]["message"].to_string().contains("approv"), "{refused:?}");
    let auto = ["promotions", "merge", "production/api", "--auto-merge"];
    let queued = world.json(&auto).succeeded().document();
    assert_eq!((&queued["outcome"], world.tag("production", "api")), (&json!("queued"), None));
    assert_eq!(world.json(&auto).succeeded().document()["outcome"], "queued");
    world.forge().act(json!({"do": "review", "project": PROJECT, "number": number, "by": "anna"}));
    // GitLab has merged it by itself by now; the fake GitHub does so with the next request.
    if world.tag("production", "api").is_none() {
        world.json(&["promotions", "merge", "production/api"]).succeeded();
    }
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
}

fn a_way_back_passes_its_own_lock_and_nothing_newer_does(kind: Kind) {
    let world = World::new(kind);
    for tag in ["1", "2"] {
        world.stage("api", tag);
        world.json(&["promote", "api", "--to", "production", "--merge"]).succeeded();
    }
    world.stage("api", "3");
    world.json(&["promote", "--all", "--to", "production"]).succeeded();
    world.json(&["rollback", "api", "-e", "production"]).succeeded();
    assert_eq!(world.json(&["promotions", "merge", "production"]).code, 5);
    world.json(&["promotions", "merge", "production/api"]).succeeded();
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    // What was left by going back is no way back.
    let newer = git::read_file(&world.repo(), "main~1", &pin_path_in("production", "api"));
    world.forge().act(json!({"do": "push", "project": PROJECT, "branch": API, "from": "main",
        "files": {pin_path_in("production", "api"): newer.expect("the pin before")}}));
    world.forge().act(json!({"do": "open", "project": PROJECT, "head": API, "base": "main"}));
    let again = world.json(&["promotions", "merge", "production/api"]);
    assert_eq!(
        (again.code, world.tag("production", "api").as_deref()),
        (5, Some("1")),
        "{again:?}"
    );
}

fn auto_merge_merges_at_once_what_may_go(kind: Kind) {
    let world = World::with(kind, "{autoMerge: true}");
    if kind != Kind::GitLab {
        world.forge().act(json!({"do": "configure", "project": PROJECT, "allowAutoMerge": true}));
    }
    world.stage("api", "1");
    let document = world.promote("api").succeeded().document();
    assert_eq!(document["outcome"], "promoted", "{document:#}");
    assert_eq!((world.tag("production", "api").as_deref(), world.open()), (Some("1"), Vec::new()));
    let lab = "  - {name: lab, cluster: lab-1, mode: request";
    let config = git::read_file(&world.repo(), "main", "pinrail.yaml").expect("it has one");
    let config = config.replace(lab, &format!("{lab}, request: {{autoMerge: true}}"));
    world.push("main", "pinrail.yaml", &config);
    let revision = world.version("api", "1");
    let pin = ["pin", "api", "-e", "lab", "--image-tag", "1", "--revision", &revision];
    assert_eq!(world.json(&pin).succeeded().document()["outcome"], "pinned");
    assert_eq!((world.tag("lab", "api").as_deref(), world.open()), (Some("1"), Vec::new()));
    world.assert_done_once();
}

fn the_forge_is_told_what_is_live(kind: Kind) {
    let world = World::new(kind);
    world.stage("api", "1");
    world.stage("api", "1");
    world.json(&["promote", "api", "--to", "production", "--merge"]).succeeded();
    let state = world.forge().state("services/api");
    let deployments = state["deployments"].as_array().expect("a list");
    let sha = world.version("api", "1");
    assert_eq!(deployments.len(), 2, "{deployments:#?}");
    assert!(deployments.iter().all(|it| it["sha"] == json!(sha)), "{deployments:#?}");
    let text = state.to_string();
    for url in ["https://api.staging.example.com", "https://api.example.com"] {
        assert!(text.contains(url), "{url}: {state:#}");
    }
    world.push("main", "pinrail.yaml", &config_without_deployments(&world));
    world.stage("api", "2");
    let after = world.forge().state("services/api")["deployments"].as_array().map(Vec::len);
    assert_eq!(after, Some(2));
    world.assert_done_once();
}

fn config_without_deployments(world: &World) -> String {
    let config = crate::support::git::read_file(&world.repo(), "main", "pinrail.yaml");
    config
        .expect("it has one")
        .replace("project: acme/root", "project: acme/root, deployments: false")
}

fn what_the_service_did_between_is_told(kind: Kind) {
    let world = World::new(kind);
    world.stage("api", "1");
    world.json(&["promote", "api", "--to", "production", "--merge"]).succeeded();
    for tag in ["2", "3", "4"] {
        world.version("api", tag);
    }
    world.stage("api", "4");
    world.promote("api").succeeded();
    let body = world.only().body;
    for told in ["Make api 2", "Make api 3", "Make api 4", "compare", "`1`", "`4`"] {
        assert!(body.contains(told), "{told}: {body}");
    }
    assert!(!body.contains("Make api 1"), "{body}");
    let back = world.version("api", "1");
    world.json(&["promotions", "merge", "production/api"]).succeeded();
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &back];
    world.json(&pin).succeeded();
    world.promote("api").succeeded();
    assert!(world.only().body.contains("WARNING"), "{}", world.only().body);
}

on_both!(
    what_is_approved_is_frozen,
    people_and_labels_come_from_the_rules,
    what_needs_an_approval_waits_for_it,
    a_way_back_passes_its_own_lock_and_nothing_newer_does,
    auto_merge_merges_at_once_what_may_go,
    the_forge_is_told_what_is_live,
    what_the_service_did_between_is_told,
);

#[test]
fn a_merge_queue_takes_its_turn() {
    let world = requested(Kind::GitHub, "{}");
    let queue = json!([{"type": "merge_queue", "parameters": {}}]);
    world.forge().act(json!({"do": "ruleset", "project": PROJECT, "rules": queue}));
    let merge = ["promotions", "merge", "production/api"];
    let document = world.json(&merge).succeeded().document();
    assert_eq!((&document["outcome"], world.tag("production", "api")), (&json!("queued"), None));
    assert_eq!(world.json(&merge).succeeded().document()["outcome"], "queued");
    world.forge().act(json!({"do": "queue", "project": PROJECT}));
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(world.promote("api").succeeded().document()["outcome"], "unchanged");
}

#[test]
fn a_merge_train_takes_its_turn() {
    let world = requested(Kind::GitLab, "{}");
    world.forge().act(json!({"do": "configure", "project": PROJECT, "mergeTrains": true}));
    let merge = ["promotions", "merge", "production/api"];
    let document = world.json(&merge).succeeded().document();
    assert_eq!((&document["outcome"], world.tag("production", "api")), (&json!("queued"), None));
    world.forge().act(json!({"do": "queue", "project": PROJECT}));
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(world.promote("api").succeeded().document()["outcome"], "unchanged");
}

#[test]
fn a_pipeline_records_what_is_live_with_the_token_of_its_own_project() {
    let world = World::new(Kind::GitLab);
    let revision = world.version("api", "1");
    let forge = world.forge();
    let root = json!({"do": "token", "name": "root", "kind": "project", "project": PROJECT,
        "role": "maintainer"});
    let root = forge.act(root)["secret"].as_str().expect("a secret").to_owned();
    let job = json!({"do": "token", "name": "job", "kind": "job", "user": "pinbot",
        "project": "services/api"});
    let job = forge.act(job)["secret"].as_str().expect("a secret").to_owned();
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    let mut command = world.command(&[&pin[..], &["--create"]].concat());
    command.env("PINRAIL_TOKEN", root).env("CI_JOB_TOKEN", job);
    command.env("CI_SERVER_URL", forge.web()).env("CI_API_V4_URL", forge.api());
    let told = run(command.env("CI_PROJECT_URL", format!("{}/services/api", forge.web())));
    assert_eq!((told.code, told.stderr.contains("warning")), (0, false), "{told:?}");
    let state = forge.state("services/api");
    assert_eq!(state["deployments"].as_array().map(Vec::len), Some(1), "{state:#}");
    // In anybody else's pipeline the record is left out with a word, and the pin is in.
    let revision = world.version("api", "2");
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "2", "--revision", &revision];
    let root = forge.act(json!({"do": "token", "name": "other", "kind": "project",
        "project": PROJECT, "role": "maintainer"}));
    let secret = root["secret"].as_str().expect("a secret");
    let told = run(world.command(&pin).env("PINRAIL_TOKEN", secret));
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("deployments: false"), "{told:?}");
}
