//! Bad days of a forge, as whoever runs the program meets them: one outcome, one exit code, no
//! request twice, no write lost.

use serde_json::{Value, json};

use super::world::{Kind, PROJECT, World};
use crate::support::pinrail::Run;

const API: &str = "pinrail/promote/production/api";

/// The routes of one forge that a request goes through.
pub struct Routes {
    pub find: &'static str,
    pub create: &'static str,
    pub update: &'static str,
    pub merge: &'static str,
    pub comment: &'static str,
    /// What a limit with a short wait, and one without a word, look like.
    pub soon: &'static str,
    pub bare: &'static str,
}

pub fn routes(kind: Kind) -> Routes {
    match kind {
        Kind::GitLab => Routes {
            find: "GET /projects/{id}/merge_requests",
            create: "POST /projects/{id}/merge_requests",
            update: "PUT /projects/{id}/merge_requests/{iid}",
            merge: "PUT /projects/{id}/merge_requests/{iid}/merge",
            comment: "POST /projects/{id}/merge_requests/{iid}/notes",
            soon: "rate-limit-soon",
            bare: "rate-limit-bare",
        },
        _ => Routes {
            find: "GET /repos/{owner}/{repo}/pulls",
            create: "POST /repos/{owner}/{repo}/pulls",
            update: "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
            merge: "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
            comment: "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
            soon: "secondary-limit-soon",
            bare: "secondary-limit-bare",
        },
    }
}

fn staged(kind: Kind) -> World {
    let world = World::new(kind);
    world.stage("api", "1");
    world
}

pub fn requested(kind: Kind) -> World {
    let world = staged(kind);
    world.promote("api").succeeded();
    world
}

/// Plays rules of the fault script; each of them must have had its moment by the end of `run`.
#[track_caller]
pub fn during(world: &World, rules: Value, run: impl FnOnce() -> Run) -> Run {
    world.forge().faults(rules);
    let done = run();
    let report = world.forge().get("/faults");
    let rules = report.as_array().or_else(|| report["rules"].as_array()).expect("a list");
    assert!(rules.iter().all(|rule| rule["played"] != json!(0)), "{report:#} {done:?}");
    world.forge().faults(json!([]));
    done
}

fn a_limit_that_names_its_end_is_waited_for_and_told(kind: Kind) {
    let world = staged(kind);
    let Routes { create, soon, .. } = routes(kind);
    let rules = json!([{"route": create, "nth": 1, "preset": soon}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert!(run.stderr.contains("waiting"), "{run:?}");
    assert_eq!(run.document()["request"]["number"].as_u64(), world.only().number);
    world.assert_done_once();
}

fn a_limit_without_an_end_is_given_up_at_the_timeout(kind: Kind) {
    let world = staged(kind);
    let Routes { create, bare, .. } = routes(kind);
    let rules = json!([{"route": create, "from": 1, "preset": bare}]);
    let limited = ["--timeout", "10s", "promote", "api", "--to", "production"];
    let run = during(&world, rules, || world.json(&limited));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (1, &json!("timeout")), "{run:?}");
    assert_eq!(world.open(), []);
    world.promote("api").succeeded();
    assert_eq!(world.only().branch, API);
    world.assert_done_once();
}

fn a_write_that_was_done_and_not_answered_is_not_done_again(kind: Kind) {
    let world = staged(kind);
    let Routes { create, update, merge, .. } = routes(kind);
    let lost = |route: &str, how: &str| match how {
        "drop" => json!([{"route": route, "nth": 1, "when": "after", "drop": true}]),
        preset => json!([{"route": route, "nth": 1, "when": "after", "preset": preset}]),
    };
    during(&world, lost(create, "html-502"), || world.promote("api")).succeeded();
    let number = world.only().number;
    world.stage("api", "2");
    let run = during(&world, lost(update, "drop"), || world.promote("api")).succeeded();
    assert_eq!(run.document()["request"]["number"].as_u64(), number);
    let approve = ["promotions", "merge", "production/api"];
    let run = during(&world, lost(merge, "html-502"), || world.json(&approve)).succeeded();
    assert_eq!(run.document()["outcome"], "merged", "{run:?}");
    assert_eq!((world.tag("production", "api").as_deref(), world.open()), (Some("2"), Vec::new()));
    world.assert_done_once();
}

fn a_word_that_was_said_and_not_answered_is_not_said_again(kind: Kind) {
    let world = requested(kind);
    let open = world.only();
    let comment = routes(kind).comment;
    let rules = json!([{"route": comment, "nth": 1, "when": "after", "preset": "html-502"}]);
    let close = ["promotions", "close", "production/api"];
    during(&world, rules, || world.json(&close)).succeeded();
    assert_eq!((world.comments(open.number).len(), world.open()), (1, Vec::new()));
    world.assert_done_once();
}

fn a_forge_that_is_down_for_a_moment_is_asked_again(kind: Kind) {
    let world = staged(kind);
    let find = routes(kind).find;
    let rules = json!([{"route": find, "from": 1, "to": 2, "preset": "html-502"}]);
    during(&world, rules, || world.promote("api")).succeeded();
    assert_eq!(world.only().branch, API);
}

fn a_forge_that_hangs_is_given_up_at_the_timeout(kind: Kind) {
    let world = staged(kind);
    let refs = world.refs();
    let rules = json!([{"route": routes(kind).find, "from": 1, "hang": true}]);
    let promote = ["--timeout", "3s", "promote", "api", "--to", "production"];
    let run = during(&world, rules, || world.json(&promote));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (1, &json!("timeout")), "{run:?}");
    assert_eq!((world.refs(), world.open()), (refs, Vec::new()));
}

fn a_merge_by_hand_in_mid_run_is_the_approval(kind: Kind) {
    let world = requested(kind);
    let number = world.only().number;
    world.stage("api", "2");
    let merge = json!({"do": "merge", "project": PROJECT, "number": number});
    // The second look comes after the branch was brought up to date.
    let rules = json!([{"route": routes(kind).find, "nth": 2, "act": merge}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert_eq!(run.document()["outcome"], "unchanged", "{run:?}");
    assert_eq!((world.tag("production", "api").as_deref(), world.open()), (Some("2"), Vec::new()));
    assert_eq!(world.tip(API), None);
}

fn a_close_by_hand_in_mid_run_gives_one_new_request(kind: Kind) {
    let world = requested(kind);
    let number = world.only().number;
    world.stage("api", "2");
    let close = json!({"do": "close", "project": PROJECT, "number": number});
    let rules = json!([{"route": routes(kind).find, "nth": 2, "act": close}]);
    let run = during(&world, rules, || world.promote("api")).succeeded();
    assert_ne!(world.only().number, number);
    assert_eq!(run.document()["request"]["number"].as_u64(), world.only().number);
}

fn a_head_that_the_forge_has_yet_to_see_is_waited_for(kind: Kind) {
    let world = requested(kind);
    world.stage("api", "2");
    world.forge().settings(json!({"headLag": 3}));
    let promote = ["promote", "api", "--to", "production", "--merge"];
    world.json(&promote).succeeded();
    assert_eq!(world.tag("production", "api").as_deref(), Some("2"));
    world.assert_done_once();
}

fn what_people_write_around_our_text_stays(kind: Kind) {
    let world = requested(kind);
    let open = world.only();
    let body = format!("Please wait for Anna.\n\n{}\n\nAsk in #ops.", open.body);
    world
        .forge()
        .act(json!({"do": "edit", "project": PROJECT, "number": open.number, "body": body}));
    world.stage("api", "2");
    world.promote("api").succeeded();
    let after = world.only().body;
    for part in ["Please wait for Anna.", "Ask in #ops.", "`2`"] {
        assert!(after.contains(part), "{part}: {after}");
    }
    assert!(!after.contains("`1`"), "{after}");
}

fn a_commit_that_comes_before_the_merge_is_not_merged(kind: Kind) {
    let world = requested(kind);
    let push = json!({"do": "push", "project": PROJECT, "branch": API,
        "files": {"README.md": "more\n"}});
    let rules = json!([{"route": routes(kind).merge, "nth": 1, "act": push}]);
    let approve = ["promotions", "merge", "production/api"];
    let run = during(&world, rules, || world.json(&approve));
    assert_eq!((run.code, &run.document()["error"]["kind"]), (3, &json!("conflict")), "{run:?}");
    assert_eq!((world.tag("production", "api"), world.open().len()), (None, 1));
}

fn a_project_that_was_renamed_is_written_to_under_no_name(kind: Kind) {
    let world = staged(kind);
    let folder = world.repo();
    world.forge().act(json!({"do": "rename", "project": PROJECT, "to": "acme/state"}));
    let run = world.promote("api");
    let document = run.document();
    assert_eq!((run.code, &document["error"]["kind"]), (1, &json!("notFound")), "{run:?}");
    assert!(document["error"]["hints"].to_string().contains("forge.project"), "{run:?}");
    let names = crate::support::git::git(&folder, &["for-each-ref", "refs/heads/pinrail"]);
    assert_eq!(names, "");
}

fn branches_that_the_token_may_not_write_are_told_with_the_servers_words(kind: Kind) {
    let world = World::new(kind);
    let protect = json!({"do": "protect", "project": PROJECT, "branch": "p*", "approvals": 1,
        "push": "maintainer", "restrictTo": ["anna"]});
    let revision = world.version("api", "1");
    world.forge().act(protect);
    let refs = world.refs();
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    let run = world.json(&[&pin[..], &["--create"]].concat());
    assert_eq!((run.code, &run.document()["error"]["kind"]), (5, &json!("refused")), "{run:?}");
    assert!(
        run.document()["error"]["message"].to_string().to_lowercase().contains("protected"),
        "{run:?}"
    );
    assert_eq!(world.refs(), refs);
}

on_both!(
    a_limit_that_names_its_end_is_waited_for_and_told,
    a_limit_without_an_end_is_given_up_at_the_timeout,
    a_write_that_was_done_and_not_answered_is_not_done_again,
    a_word_that_was_said_and_not_answered_is_not_said_again,
    a_forge_that_is_down_for_a_moment_is_asked_again,
    a_forge_that_hangs_is_given_up_at_the_timeout,
    a_merge_by_hand_in_mid_run_is_the_approval,
    a_close_by_hand_in_mid_run_gives_one_new_request,
    a_head_that_the_forge_has_yet_to_see_is_waited_for,
    what_people_write_around_our_text_stays,
    a_commit_that_comes_before_the_merge_is_not_merged,
    a_project_that_was_renamed_is_written_to_under_no_name,
    branches_that_the_token_may_not_write_are_told_with_the_servers_words,
);

#[test]
fn a_commit_through_the_api_that_was_not_answered_is_not_made_again() {
    let world = World::new(Kind::GitHubApi);
    let revision = world.version("api", "1");
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    let rules = json!([{"graphql": "createCommitOnBranch", "nth": 1, "when": "after",
        "preset": "html-502"}]);
    let run = during(&world, rules, || world.json(&[&pin[..], &["--create"]].concat())).succeeded();
    let document = run.document();
    assert_eq!(
        (&document["outcome"], &document["commit"]),
        (&json!("pinned"), &json!(world.tip("pins")))
    );
    let commits = crate::support::git::first_parent_log(&world.repo(), "pins");
    assert_eq!(commits.len(), 2);
    world.assert_done_once();
}

#[test]
fn a_branch_that_moves_under_a_commit_through_the_api_is_built_upon_again() {
    let world = World::new(Kind::GitHubApi);
    let revision = world.version("api", "1");
    let push = json!({"do": "push", "project": PROJECT, "branch": "pins", "files": {"a": "b\n"}});
    let rules = json!([{"graphql": "createCommitOnBranch", "nth": 1, "act": push}]);
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    let run = during(&world, rules, || world.json(&[&pin[..], &["--create"]].concat())).succeeded();
    assert_eq!(run.document()["attempts"], 2);
    assert_eq!(world.tag("staging", "api").as_deref(), Some("1"));
    assert_eq!(crate::support::git::read_file(&world.repo(), "pins", "a").as_deref(), Some("b\n"));
}

#[test]
fn where_commits_must_be_signed_those_of_the_api_need_no_key_of_ours() {
    for (kind, code) in [(Kind::GitHubApi, 0), (Kind::GitHub, 1)] {
        let world = World::new(kind);
        let revision = world.version("api", "1");
        let config = crate::support::git::read_file(&world.repo(), "main", "pinrail.yaml");
        let config = config.expect("a configuration") + "signing: required\n";
        world.push("main", "pinrail.yaml", &config);
        let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
        let run = world.json(&[&pin[..], &["--create"]].concat());
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(world.tag("staging", "api").is_some(), code == 0);
    }
}
