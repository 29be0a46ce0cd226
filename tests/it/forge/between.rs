//! What happens between two steps of ours: people, other runs, and steps that fail.

use serde_json::json;

use super::bad_days::{during, routes};
use super::world::{Kind, PROJECT, World};
use crate::support::root::pin_path_in;

const API: &str = "pinrail/promote/production/api";

fn requested(kind: Kind, rules: &str) -> World {
    let world = World::with(kind, rules);
    world.stage("api", "1");
    world.promote("api").succeeded();
    world
}

fn a_limit_without_a_sensible_end_is_given_up(kind: Kind) {
    let world = World::new(kind);
    world.stage("api", "1");
    let rules = json!([{"route": routes(kind).create, "from": 1, "status": 429,
        "headers": {"retry-after": "9223372036854775807"}, "json": {"message": "slow down"}}]);
    let run = during(&world, rules, || world.promote("api"));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (1, &json!("timeout")), "{run:?}");
}

fn what_is_merged_is_merged_although_its_branch_stays(kind: Kind) {
    let world = requested(kind, "{}");
    let rules = json!([{"route": "git-receive-pack", "from": 1, "status": 403, "body": "no"}]);
    world.forge().faults(rules);
    let run = world.json(&["promotions", "merge", "production/api"]).succeeded();
    assert_eq!(run.document()["outcome"], "merged", "{run:?}");
    // GitLab has removed it with the merge.
    assert_eq!(run.stderr.contains("was not closed"), kind == Kind::GitHub, "{run:?}");
    let deployed = &world.forge().state("services/api")["deployments"];
    assert_eq!(deployed.as_array().map(Vec::len), Some(2), "{deployed:#}");
}

fn each_request_that_is_not_merged_is_told(kind: Kind) {
    let world = World::new(kind);
    let services = ["api", "web", "worker"];
    for service in services {
        world.stage(service, "1");
    }
    let promote = [&["promote"], &services[..], &["--to", "production"]].concat();
    world.json(&promote).succeeded();
    if kind == Kind::GitLab {
        world.forge().act(json!({"do": "approvalRule", "project": PROJECT, "required": 1}));
    } else {
        world
            .forge()
            .act(json!({"do": "protect", "project": PROJECT, "branch": "main", "approvals": 1}));
    }
    world.forge().act(json!({"do": "review", "project": PROJECT, "number": 1, "by": "anna"}));
    let run = world.json(&[&promote[..], &["--merge"]].concat());
    let document = run.document();
    assert_eq!((run.code, &document["error"]["kind"]), (5, &json!("refused")), "{run:?}");
    let outcomes: Vec<_> =
        document["items"].as_array().expect("a list").iter().map(|item| &item["outcome"]).collect();
    assert_eq!(outcomes, ["promoted", "requested", "requested"]);
    for open in &document["requests"].as_array().expect("a list")[1..] {
        let told = format!("the request: {}", open["url"].as_str().expect("a page"));
        assert!(run.stderr.contains(&told), "{run:?}");
    }
}

fn all_or_nothing_counts_a_humans_commits(kind: Kind) {
    let world = requested(kind, "{}");
    world.push(API, "README.md", "mine\n");
    for service in ["api", "web"] {
        world.stage(service, "2");
    }
    let refs = world.refs();
    let run = world.json(&["promote", "web", "api", "--to", "production", "--all-or-nothing"]);
    assert_eq!((run.code, world.refs()), (5, refs), "{run:?}");
    let causes = ["foreignCommits", "anotherRefused"];
    for (item, cause) in run.document()["items"].as_array().expect("a list").iter().zip(causes) {
        assert_eq!(item["cause"]["kind"], cause, "{run:?}");
    }
}

fn all_or_nothing_holds_for_all_as_well(kind: Kind) {
    let world = World::new(kind);
    for service in ["api", "held"] {
        world.stage(service, "1");
    }
    let lock = "{\"reason\": \"incident\", \"owner\": \"anna\"}\n";
    world.push(world.pins(), "locks/production/held.json", lock);
    let refs = world.refs();
    let run = world.json(&["promote", "--all", "--to", "production", "--all-or-nothing"]);
    assert_eq!((run.code, world.refs()), (5, refs), "{run:?}");
    assert_eq!(run.document()["outcome"], "refused", "{run:?}");
}

fn a_text_tells_what_the_branch_asks_for(kind: Kind) {
    let world = requested(kind, "{}");
    world.stage("api", "3");
    world.promote("api").succeeded();
    let others = world.tip(API).expect("a branch");
    world.stage("api", "2");
    // Another run brings the branch elsewhere, just before this one tells of its own.
    let rules = json!([{"route": routes(kind).update, "nth": 1,
        "act": {"do": "reset", "project": PROJECT, "branch": API, "to": others}}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert_eq!(run.document()["request"]["head"], json!(world.tip(API)));
    assert_eq!(world.tag_at(API, "production", "api").as_deref(), Some("2"));
    assert!(world.only().body.contains("`2`"), "{}", world.only().body);
}

fn what_another_run_asks_for_is_not_closed(kind: Kind) {
    let world = requested(kind, "{}");
    world.stage("api", "2");
    world.promote("api").succeeded();
    let others = world.tip(API).expect("a branch");
    world.stage("api", "1");
    world.promote("api").succeeded();
    let pin = crate::support::git::read_file(&world.repo(), API, &pin_path_in("production", "api"));
    world.push("main", &pin_path_in("production", "api"), &pin.expect("a pin"));
    let open = world.only();
    // The second look comes just before the request would be closed.
    let rules = json!([{"route": routes(kind).find, "nth": 2,
        "act": {"do": "reset", "project": PROJECT, "branch": API, "to": others}}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert_eq!(run.document()["outcome"], "unchanged", "{run:?}");
    assert_eq!((world.only().number, world.tip(API)), (open.number, Some(others)));
    assert!(!run.stderr.contains("Closed"), "{run:?}");
}

fn a_close_that_meets_a_merge_says_so(kind: Kind) {
    let world = requested(kind, "{}");
    let merge = json!({"do": "merge", "project": PROJECT, "number": world.only().number});
    let rules = json!([{"route": routes(kind).comment, "nth": 1, "when": "after", "act": merge}]);
    let run = during(&world, rules, || world.json(&["promotions", "close", "production/api"]));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (3, &json!("conflict")), "{run:?}");
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
}

fn a_replacement_that_meets_a_merge_asks_for_the_rest(kind: Kind) {
    let world = requested(kind, "{update: frozen}");
    let number = world.only().number;
    world.forge().act(json!({"do": "review", "project": PROJECT, "number": number, "by": "anna"}));
    world.stage("api", "2");
    let merge = json!({"do": "merge", "project": PROJECT, "number": number});
    let rules = json!([{"route": routes(kind).comment, "nth": 1, "when": "after", "act": merge}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert_eq!(run.document()["outcome"], "requested", "{run:?}");
    assert_ne!(world.only().number, number);
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
}

fn what_is_behind_is_made_anew(kind: Kind) {
    let world = World::new(kind);
    if kind == Kind::GitLab {
        world.forge().act(json!({"do": "configure", "project": PROJECT, "mergeMethod": "ff"}));
    } else {
        world.forge().act(json!({"do": "protect", "project": PROJECT, "branch": "main",
            "strict": true, "requiredChecks": [], "approvals": 0}));
    }
    for service in ["api", "web"] {
        world.stage(service, "1");
        world.promote(service).succeeded();
    }
    let open = world.open();
    world.json(&["promotions", "merge", "production/api"]).succeeded();
    let run = world.json(&["promotions", "merge", "production/web"]);
    assert_eq!((run.code, run.stderr.contains("makes it anew")), (5, true), "{run:?}");
    world.promote("web").succeeded();
    assert_eq!(world.only().number, open[1].number);
    world.json(&["promotions", "merge", "production/web"]).succeeded();
    assert_eq!(world.tag("production", "web").as_deref(), Some("1"));
    world.assert_done_once();
}

on_both!(
    a_limit_without_a_sensible_end_is_given_up,
    what_is_merged_is_merged_although_its_branch_stays,
    each_request_that_is_not_merged_is_told,
    all_or_nothing_counts_a_humans_commits,
    all_or_nothing_holds_for_all_as_well,
    a_text_tells_what_the_branch_asks_for,
    what_another_run_asks_for_is_not_closed,
    a_close_that_meets_a_merge_says_so,
    a_replacement_that_meets_a_merge_asks_for_the_rest,
    what_is_behind_is_made_anew,
);
