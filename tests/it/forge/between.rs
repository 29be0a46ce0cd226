//! What happens between two steps of ours: people, other runs, and steps that fail.

use serde_json::json;

use super::bad_days::{during, routes};
use super::world::{Kind, World};

fn a_limit_without_a_sensible_end_is_given_up(kind: Kind) {
    let world = World::new(kind);
    world.stage("api", "1");
    let rules = json!([{"route": routes(kind).create, "from": 1, "status": 429,
        "headers": {"retry-after": "9223372036854775807"}, "json": {"message": "slow down"}}]);
    let run = during(&world, rules, || world.promote("api"));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (1, &json!("timeout")), "{run:?}");
}

macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod github { $(#[test] fn $test() { super::$test(super::Kind::GitHub); })* }
        mod gitlab { $(#[test] fn $test() { super::$test(super::Kind::GitLab); })* }
    };
}

on_both!(a_limit_without_a_sensible_end_is_given_up,);
