//! What promotions come to, whoever hosts the services-root: one table for every kind.

use serde_json::{Value, json};

use super::world::{Kind, World};
use crate::support::git;
use crate::support::root::pin_path_in;

const API: &str = "pinrail/promote/production/api";

/// Each scenario as a test on each kind.
macro_rules! on_every_kind {
    ($($scenario:ident),* $(,)?) => {
        mod git_alone { $(#[test] fn $scenario() { super::$scenario(super::Kind::Git); })* }
        mod github { $(#[test] fn $scenario() { super::$scenario(super::Kind::GitHub); })* }
        mod github_via_api { $(#[test] fn $scenario() { super::$scenario(super::Kind::GitHubApi); })* }
        mod gitlab { $(#[test] fn $scenario() { super::$scenario(super::Kind::GitLab); })* }
    };
}

on_every_kind!(
    a_promotion_is_asked_for_once,
    what_moves_on_brings_its_request_up_to_date,
    what_is_there_by_now_is_not_asked_for_any_more,
    commits_of_a_human_stay,
    a_merge_by_hand_is_the_approval,
    a_squash_by_hand_is_the_approval_too,
    a_request_that_a_human_closed_is_opened_anew,
    a_merge_approves_one_commit_and_cleans_up,
    a_merge_of_what_is_not_asked_for_any_more_is_a_conflict,
    promote_and_merge_in_one_go,
    a_train_takes_what_may_go,
    a_group_is_one_request,
    a_lock_stops_both_the_promotion_and_the_merge,
    a_main_that_moved_elsewhere_changes_nothing,
    a_main_that_has_another_version_by_now_is_asked_anew,
    a_pin_without_a_source_is_asked_for,
    a_way_back_is_asked_for_or_taken,
    requests_are_listed_shown_and_closed,
    a_dry_run_writes_nothing,
    two_at_once_ask_once,
);

fn staged(kind: Kind, tag: &str) -> World {
    let world = World::new(kind);
    world.stage("api", tag);
    world
}

fn requested(kind: Kind) -> World {
    let world = staged(kind, "1");
    world.promote("api").succeeded();
    world
}

fn a_promotion_is_asked_for_once(kind: Kind) {
    let world = staged(kind, "1");
    let main = world.tip("main");
    let document = world.promote("api").succeeded().document();
    assert_eq!(document["outcome"], "requested", "{document:#}");
    let request = &document["request"];
    assert_eq!(request["branch"], API);
    assert_eq!(request["head"], json!(world.tip(API)));
    assert_eq!(git::changed_paths(&world.repo(), API), [pin_path_in("production", "api")]);
    assert_eq!((world.tip("main"), world.tag("production", "api")), (main, None));
    let open = world.only();
    assert_eq!((open.branch.as_str(), request["number"].as_u64()), (API, open.number));
    if world.is_forge() {
        assert!(open.title.contains("api") && open.title.contains("production"), "{}", open.title);
        assert!(open.body.contains("`1`"), "{}", open.body);
        assert_eq!(open.labels, ["promotion"]);
        let url = request["url"].as_str().expect("a page");
        assert!(url.contains(&format!("/{}", open.number.expect("a number"))), "{url}");
    }
    let (refs, before) = (world.refs(), world.open());
    let again = world.promote("api").succeeded().document();
    assert_eq!(again["request"], document["request"]);
    assert_eq!((world.refs(), world.open()), (refs, before));
    world.assert_done_once();
}

fn what_moves_on_brings_its_request_up_to_date(kind: Kind) {
    let world = requested(kind);
    let (before, head) = (world.only(), world.tip(API));
    world.stage("api", "2");
    let document = world.promote("api").succeeded().document();
    let after = world.only();
    assert_eq!(
        (after.number, document["request"]["number"].as_u64()),
        (before.number, before.number)
    );
    assert_ne!(world.tip(API), head);
    assert_eq!(world.tag_at(API, "production", "api").as_deref(), Some("2"));
    assert_eq!(git::first_parent_log(&world.repo(), API)[1], world.tip("main").expect("main"));
    if world.is_forge() {
        assert!(after.body.contains("`2`") && !after.body.contains("`1`"), "{}", after.body);
    }
    world.assert_done_once();
}

fn what_is_there_by_now_is_not_asked_for_any_more(kind: Kind) {
    let world = requested(kind);
    let open = world.only();
    let pin = git::read_file(&world.repo(), API, &pin_path_in("production", "api")).expect("a pin");
    world.push("main", &pin_path_in("production", "api"), &pin);
    let document = world.promote("api").succeeded().document();
    assert_eq!((&document["outcome"], &document["request"]), (&json!("unchanged"), &Value::Null));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    if world.is_forge() {
        let comments = world.comments(open.number);
        assert!(
            matches!(comments.as_slice(), [only] if only.contains("nothing is left")),
            "{comments:?}"
        );
    }
    world.assert_done_once();
}

fn commits_of_a_human_stay(kind: Kind) {
    let world = requested(kind);
    let theirs = world.push(API, "README.md", "while I am here\n");
    world.stage("api", "2");
    let (refs, open) = (world.refs(), world.open());
    let run = world.promote("api");
    let document = run.document();
    assert_eq!((run.code, &document["outcome"]), (5, &json!("refused")), "{run:?}");
    let cause = json!({"kind": "foreignCommits", "branch": API});
    assert_eq!(document["items"][0]["cause"], cause);
    assert_eq!(world.json(&["promotions", "merge", "production/api"]).code, 5);
    assert_eq!((world.refs(), world.open()), (refs, open));
    assert_eq!(world.tip(API), Some(theirs));
    world.assert_done_once();
}

fn a_merge_by_hand_is_the_approval(kind: Kind) {
    let world = requested(kind);
    world.merge_by_hand(&world.only(), "merge");
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    let document = world.promote("api").succeeded().document();
    assert_eq!((&document["outcome"], &document["request"]), (&json!("unchanged"), &Value::Null));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    world.stage("api", "2");
    world.promote("api").succeeded();
    assert_eq!(world.tag_at(&world.only().branch, "production", "api").as_deref(), Some("2"));
    world.assert_sound();
}

fn a_squash_by_hand_is_the_approval_too(kind: Kind) {
    let world = requested(kind);
    world.merge_by_hand(&world.only(), "squash");
    let document = world.promote("api").succeeded().document();
    assert_eq!((&document["outcome"], &document["request"]), (&json!("unchanged"), &Value::Null));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    world.assert_done_once();
}

fn a_request_that_a_human_closed_is_opened_anew(kind: Kind) {
    let world = requested(kind);
    let closed = world.only();
    world.close_by_hand(&closed);
    assert_eq!(world.open(), []);
    assert_eq!(world.json(&["promotions", "merge", "production/api"]).code, 1);
    let document = world.promote("api").succeeded().document();
    let open = world.only();
    assert_eq!(document["request"]["number"].as_u64(), open.number);
    if world.is_forge() {
        assert_ne!(open.number, closed.number);
    }
}

fn a_merge_approves_one_commit_and_cleans_up(kind: Kind) {
    let world = requested(kind);
    let head = world.tip(API).expect("a branch");
    let merge = ["promotions", "merge", "production/api", "--head", &head];
    let document = world.json(&merge).succeeded().document();
    assert_eq!((&document["outcome"], &document["head"]), (&json!("merged"), &json!(head)));
    assert_eq!(document["commit"], json!(world.tip("main")));
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    assert_eq!(world.json(&merge).succeeded().document()["outcome"], "unchanged");
    assert_eq!(world.json(&merge[..3]).code, 1);
    world.assert_done_once();
}

fn a_merge_of_what_is_not_asked_for_any_more_is_a_conflict(kind: Kind) {
    let world = requested(kind);
    let head = world.tip(API).expect("a branch");
    world.stage("api", "2");
    world.promote("api").succeeded();
    let run = world.json(&["promotions", "merge", "production/api", "--head", &head]);
    assert_eq!((run.code, &run.document()["error"]["kind"]), (3, &json!("conflict")), "{run:?}");
    assert_eq!((world.tag("production", "api"), world.open().len()), (None, 1));
}

fn promote_and_merge_in_one_go(kind: Kind) {
    let world = staged(kind, "1");
    let promote = ["promote", "api", "--to", "production", "--merge"];
    let document = world.json(&promote).succeeded().document();
    assert_eq!(
        (&document["outcome"], &document["items"][0]["outcome"]),
        (&json!("promoted"), &json!("promoted"))
    );
    assert_eq!(document["commit"], json!(world.tip("main")));
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!((world.open(), world.tip(API)), (Vec::new(), None));
    assert_eq!(world.json(&promote).succeeded().document()["outcome"], "unchanged");
    world.assert_done_once();
}

fn a_train_takes_what_may_go(kind: Kind) {
    let world = staged(kind, "1");
    world.stage("web", "1");
    world.stage("held", "1");
    let lock = "{\"reason\": \"incident\", \"owner\": \"anna\"}\n";
    world.push(world.pins(), "locks/production/held.json", lock);
    let document = world.json(&["promote", "--all", "--to", "production"]).succeeded().document();
    assert_eq!(document["outcome"], "partial");
    let train = "pinrail/train/production";
    assert_eq!(document["request"]["branch"], train);
    let paths = ["api", "web"].map(|service| pin_path_in("production", service));
    assert_eq!(git::changed_paths(&world.repo(), train), paths);
    let open = world.only();
    if world.is_forge() {
        for word in ["api", "web", "held", "incident"] {
            assert!(open.body.contains(word), "{word}: {}", open.body);
        }
    }
    world.json(&["promotions", "merge", "production"]).succeeded();
    assert_eq!(world.tag("production", "web").as_deref(), Some("1"));
    assert_eq!((world.open(), world.tag("production", "held")), (Vec::new(), None));
    world.assert_done_once();
}

fn a_group_is_one_request(kind: Kind) {
    let world = staged(kind, "1");
    let document = world.json(&["promote", "api", "--to", "regions"]).succeeded().document();
    let items = document["items"].as_array().expect("a list").len();
    assert_eq!((items, world.only().branch.as_str()), (2, "pinrail/promote/regions/api"));
    world.json(&["promotions", "merge", "regions/api"]).succeeded();
    for environment in ["eu", "us"] {
        assert_eq!(world.tag(environment, "api").as_deref(), Some("1"));
    }
}

fn a_lock_stops_both_the_promotion_and_the_merge(kind: Kind) {
    let world = requested(kind);
    let lock = "{\"reason\": \"incident\", \"owner\": \"anna\"}\n";
    world.push(world.pins(), "locks/production.json", lock);
    let merge = world.json(&["promotions", "merge", "production/api"]);
    assert_eq!(merge.code, 5, "{merge:?}");
    world.stage("web", "1");
    let promote = world.promote("web");
    assert_eq!(
        (promote.code, &promote.document()["items"][0]["cause"]["kind"]),
        (5, &json!("locked"))
    );
    assert_eq!((world.tag("production", "api"), world.open().len()), (None, 1));
}

fn a_main_that_moved_elsewhere_changes_nothing(kind: Kind) {
    let world = requested(kind);
    let (head, open) = (world.tip(API), world.open());
    world.push("main", "README.md", "moved on\n");
    let document = world.promote("api").succeeded().document();
    assert_eq!(document["request"]["head"], json!(head));
    assert_eq!((world.tip(API), world.open()), (head, open));
    world.json(&["promotions", "merge", "production/api"]).succeeded();
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    assert_eq!(git::read_file(&world.repo(), "main", "README.md").as_deref(), Some("moved on\n"));
}

fn a_main_that_has_another_version_by_now_is_asked_anew(kind: Kind) {
    let world = requested(kind);
    let head = world.tip(API);
    let pin = git::read_file(&world.repo(), API, &pin_path_in("production", "api")).expect("a pin");
    let other = pin.replace("\"imageTag\": \"1\"", "\"imageTag\": \"0\"");
    world.push("main", &pin_path_in("production", "api"), &other);
    world.promote("api").succeeded();
    assert_ne!(world.tip(API), head);
    world.json(&["promotions", "merge", "production/api"]).succeeded();
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    world.assert_done_once();
}

fn a_pin_without_a_source_is_asked_for(kind: Kind) {
    let world = staged(kind, "1");
    let revision = world.version("api", "1");
    let pin = ["pin", "api", "-e", "lab", "--image-tag", "1", "--revision", &revision];
    let document = world.json(&pin).succeeded().document();
    assert_eq!(document["outcome"], "requested", "{document:#}");
    assert_eq!(document["request"]["number"].as_u64(), world.only().number);
    let refs = world.refs();
    world.json(&pin).succeeded();
    assert_eq!(world.refs(), refs);
    world.json(&["promotions", "merge", "lab/api"]).succeeded();
    assert_eq!(world.json(&pin).succeeded().document()["outcome"], "unchanged");
    assert_eq!((world.tag("lab", "api").as_deref(), world.open()), (Some("1"), Vec::new()));
    world.assert_done_once();
}

fn a_way_back_is_asked_for_or_taken(kind: Kind) {
    let world = World::new(kind);
    for tag in ["1", "2"] {
        world.stage("api", tag);
        world.json(&["promote", "api", "--to", "production", "--merge"]).succeeded();
    }
    let run = world.json(&["rollback", "api", "-e", "production"]).succeeded();
    let lock = git::read_file(&world.repo(), world.pins(), "locks/production/api.json");
    assert!(lock.is_some(), "{run:?}");
    if world.is_forge() {
        let open = world.only();
        assert_eq!(run.document()["outcome"], "requested");
        assert!(open.title.starts_with("Roll back"), "{}", open.title);
        world.merge_by_hand(&open, "merge");
    }
    assert_eq!(world.tag("production", "api").as_deref(), Some("1"));
    let again = world.json(&["rollback", "api", "-e", "production", "--to", "1"]).succeeded();
    assert_eq!(again.document()["outcome"], "unchanged");
    world.assert_sound();
}

fn requests_are_listed_shown_and_closed(kind: Kind) {
    let world = requested(kind);
    world.stage("web", "1");
    world.promote("web").succeeded();
    let list = world.json(&["promotions"]).succeeded().document();
    let listed = list["requests"].as_array().expect("a list");
    let branches: Vec<_> = listed.iter().map(|request| &request["branch"]).collect();
    assert_eq!(branches, [API, "pinrail/promote/production/web"]);
    let numbers: Vec<_> = listed.iter().map(|request| request["number"].as_u64()).collect();
    let open: Vec<_> = world.open().iter().map(|request| request.number).collect();
    assert_eq!(numbers, open);
    let shown = world.json(&["promotions", "show", "production/api"]).succeeded().document();
    assert_eq!(shown["requests"][0], listed[0]);
    world.json(&["promotions", "close", "production/api"]).succeeded();
    assert_eq!((world.only().number, world.tip(API)), (open[1], None));
    let gone = world.json(&["promotions", "close", "production/api"]);
    assert_eq!((gone.code, &gone.document()["error"]["kind"]), (1, &json!("notFound")), "{gone:?}");
    world.assert_done_once();
}

fn a_dry_run_writes_nothing(kind: Kind) {
    let world = staged(kind, "1");
    let (refs, open) = (world.refs(), world.open());
    let promote = ["--dry-run", "promote", "api", "--to", "production", "--merge"];
    let document = world.json(&promote).succeeded().document();
    assert_eq!(document["changes"][0]["path"], pin_path_in("production", "api"));
    assert_eq!((world.refs(), world.open()), (refs, open));
    world.promote("api").succeeded();
    let (refs, open) = (world.refs(), world.open());
    for command in ["merge", "close"] {
        world.json(&["--dry-run", "promotions", command, "production/api"]).succeeded();
    }
    world.stage("api", "2");
    let staged = world.refs();
    world.json(&promote).succeeded();
    world.json(&["--dry-run", "rollback", "api", "-e", "staging"]).succeeded();
    assert_eq!((world.refs(), world.open()), (staged, open));
    assert_ne!(world.refs(), refs, "staging went on");
}

fn two_at_once_ask_once(kind: Kind) {
    let world = staged(kind, "1");
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| world.promote("api"))).collect();
        for run in runs {
            let document = run.join().expect("it ran").succeeded().document();
            assert_eq!(document["outcome"], "requested", "{document:#}");
        }
    });
    assert_eq!(world.tag_at(&world.only().branch, "production", "api").as_deref(), Some("1"));
    world.assert_done_once();
}
