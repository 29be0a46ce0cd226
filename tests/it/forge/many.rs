//! Many at once, and many that are there already.

use serde_json::json;

use super::world::{Kind, PROJECT, World};

const SERVICES: usize = 50;

fn fifty_promotions_at_once_give_fifty_requests(kind: Kind) {
    let world = World::new(kind);
    let names: Vec<String> = (0..SERVICES).map(|number| format!("service-{number:02}")).collect();
    let pins = names.iter().map(|name| {
        json!({"service": name, "environment": "staging", "imageTag": "1", "create": true,
            "targetRevision": "1".repeat(40)})
    });
    let file = tempfile::NamedTempFile::new().expect("make a file");
    std::fs::write(file.path(), json!(pins.collect::<Vec<_>>()).to_string()).expect("write it");
    let path = file.path().to_str().expect("the path is UTF-8");
    world.json(&["pin", "--from-file", path]).succeeded();
    std::thread::scope(|scope| {
        let promote =
            |name| world.json(&["--timeout", "10m", "promote", name, "--to", "production"]);
        let runs: Vec<_> = names.iter().map(|name| scope.spawn(move || promote(name))).collect();
        for run in runs {
            assert_eq!(run.join().expect("it ran").succeeded().document()["outcome"], "requested");
        }
    });
    let mut branches: Vec<String> = world.open().into_iter().map(|open| open.branch).collect();
    branches.sort();
    let expected: Vec<_> =
        names.iter().map(|name| format!("pinrail/promote/production/{name}")).collect();
    assert_eq!(branches, expected);
    world.assert_done_once();
}

fn among_ten_thousand_requests_ours_is_found(kind: Kind) {
    let world = World::new(kind);
    for service in ["api", "web"] {
        world.stage(service, "1");
        world.promote(service).succeeded();
    }
    world.forge().act(json!({"do": "seed", "project": PROJECT, "requests": 10_000,
        "head": "load/{n}"}));
    let before = world.forge().get("/counters")["requests"].as_u64().expect("a number");
    let again = world.promote("api").succeeded().document();
    let list = world.json(&["promotions"]).succeeded().document();
    let spent = world.forge().get("/counters")["requests"].as_u64().expect("a number") - before;
    assert_eq!(list["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["requests"][0]["number"], again["request"]["number"]);
    assert!(spent < 30, "{spent} requests to a forge that has 10,000");
}

on_both!(fifty_promotions_at_once_give_fifty_requests, among_ten_thousand_requests_ours_is_found);
