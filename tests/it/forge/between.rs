//! What happens between two steps of ours: people, other runs, and steps that fail.

use serde_json::json;

use super::bad_days::{during, routes};
use super::world::{Kind, World};

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
    assert_eq!(run.stderr.contains("were not closed"), kind == Kind::GitHub, "{run:?}");
    let deployed = &world.forge().state("services/api")["deployments"];
    assert_eq!(deployed.as_array().map(Vec::len), Some(2), "{deployed:#}");
}

macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod github { $(#[test] fn $test() { super::$test(super::Kind::GitHub); })* }
        mod gitlab { $(#[test] fn $test() { super::$test(super::Kind::GitLab); })* }
    };
}

on_both!(
    a_limit_without_a_sensible_end_is_given_up,
    what_is_merged_is_merged_although_its_branch_stays,
);
