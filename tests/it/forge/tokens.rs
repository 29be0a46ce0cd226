//! Which tokens may ask, and that none of them is ever seen.

use serde_json::json;

use super::world::{Kind, PROJECT, World};
use crate::support::git;
use crate::support::pinrail::{Run, run};

const PROMOTE: [&str; 5] = ["--json", "promote", "api", "--to", "production"];

fn staged(kind: Kind) -> World {
    let world = World::new(kind);
    world.stage("api", "1");
    world
}

fn token(world: &World, given: serde_json::Value) -> String {
    let mut step = json!({"do": "token", "name": "other"});
    step.as_object_mut().expect("an object").extend(given.as_object().expect("one").clone());
    world.forge().act(step)["secret"].as_str().expect("a secret").to_owned()
}

/// What comes of asking with a token, after which nothing may be written.
#[track_caller]
fn refused_with(world: &World, secret: &str) -> Run {
    let (refs, open) = (world.refs(), world.open());
    let asked = run(world.command(&PROMOTE).env("PINRAIL_TOKEN", secret));
    assert_ne!(asked.code, 0, "{asked:?}");
    assert_eq!((world.refs(), world.open()), (refs, open), "{asked:?}");
    assert!(secret.is_empty() || !format!("{asked:?}").contains(secret), "{asked:?}");
    asked
}

#[test]
fn githubs_own_token_of_a_workflow_may_not_ask_as_no_check_would_run() {
    let world = staged(Kind::GitHub);
    world.forge().act(json!({"do": "configure", "project": PROJECT,
        "actionsMayCreatePullRequests": true}));
    let secret = token(&world, json!({"kind": "actions", "repositories": [PROJECT]}));
    let document = refused_with(&world, &secret).document();
    assert_eq!(document["error"]["kind"], "authentication", "{document:#}");
    assert!(document["error"]["hints"].to_string().contains("GitHub App"), "{document:#}");
}

#[test]
fn a_way_back_that_may_not_be_asked_for_sets_no_lock() {
    let world = World::new(Kind::GitHub);
    for tag in ["1", "2"] {
        world.stage("api", tag);
        world.json(&["promote", "api", "--to", "production", "--merge"]).succeeded();
    }
    let secret = token(&world, json!({"kind": "actions", "repositories": [PROJECT]}));
    let refs = world.refs();
    let back = ["--json", "rollback", "api", "-e", "production"];
    let asked = run(world.command(&back).env("PINRAIL_TOKEN", secret));
    assert_eq!((asked.code, world.refs()), (1, refs), "{asked:?}");
}

#[test]
fn gitlabs_job_token_may_not_ask_as_no_check_would_run() {
    let world = staged(Kind::GitLab);
    world.forge().act(json!({"do": "configure", "project": PROJECT,
        "jobTokenPush": true, "jobTokenCrossProjectPush": true,
        "jobTokenAllowlist": ["services/api"]}));
    let secret = token(&world, json!({"kind": "job", "user": "pinbot", "project": "services/api"}));
    let mut command = world.command(&PROMOTE);
    command.env_remove("PINRAIL_TOKEN").env("CI_JOB_TOKEN", &secret);
    command.env("CI_SERVER_URL", world.forge().web()).env("CI_API_V4_URL", world.forge().api());
    let (refs, asked) = (world.refs(), run(&mut command));
    let document = asked.document();
    assert_eq!(
        (asked.code, &document["error"]["kind"]),
        (1, &json!("authentication")),
        "{asked:?}"
    );
    assert!(document["error"]["hints"].to_string().contains("project access token"), "{asked:?}");
    assert_eq!((world.refs(), world.open()), (refs, Vec::new()));
}

#[test]
fn an_expired_and_a_missing_token_are_told_as_such() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        let world = staged(kind);
        let made = if kind == Kind::GitLab { "personal" } else { "fine" };
        let given = json!({"kind": made, "user": "pinbot", "expiresIn": 60});
        let secret = token(&world, given);
        world.forge().post("/clock", &json!({"advance": 120}));
        let document = refused_with(&world, &secret).document();
        assert_eq!(document["error"]["kind"], "authentication", "{document:#}");
        let document = refused_with(&world, "").document();
        assert_eq!(document["error"]["kind"], "authentication", "{document:#}");
    }
}

#[test]
fn a_token_that_is_too_small_leaves_nothing_behind() {
    let world = staged(Kind::GitHub);
    let given = json!({"kind": "fine", "user": "pinbot",
        "permissions": {"contents": "write", "pull_requests": "read"}});
    let secret = token(&world, given);
    let asked = refused_with(&world, &secret);
    let document = asked.document();
    assert_eq!((asked.code, &document["error"]["kind"]), (5, &json!("refused")), "{asked:?}");
    assert!(
        document["error"]["hints"].to_string().to_lowercase().contains("pull requests"),
        "{document:#}"
    );

    let world = staged(Kind::GitLab);
    let given = json!({"kind": "personal", "user": "pinbot",
        "scopes": ["read_api", "read_repository", "write_repository"]});
    let secret = token(&world, given);
    let asked = refused_with(&world, &secret);
    assert_eq!(asked.code, 5, "{asked:?}");
    assert!(asked.document()["error"]["hints"].to_string().contains("api"), "{asked:?}");
}

#[test]
fn a_github_app_asks_with_a_token_of_its_own() {
    let world = staged(Kind::GitHub);
    let permissions = json!({"contents": "write", "pull_requests": "write", "issues": "write",
        "deployments": "write", "metadata": "read"});
    let app = world.forge().act(json!({"do": "app", "slug": "pinner", "account": "acme",
        "permissions": permissions}));
    let folder = tempfile::tempdir().expect("create a directory");
    let key = folder.path().join("key.pem");
    std::fs::write(&key, app["privateKey"].as_str().expect("a key")).expect("write it");
    let mut command = world.command(&PROMOTE);
    command.env_remove("PINRAIL_TOKEN").env("PINRAIL_GITHUB_APP_ID", app["id"].to_string());
    command.env("PINRAIL_GITHUB_APP_PRIVATE_KEY_FILE", &key);
    let document = run(&mut command).succeeded().document();
    assert_eq!(document["request"]["number"].as_u64(), world.only().number);
    let events = world.forge().get(&format!("/events?project={PROJECT}"));
    let last = events.as_array().and_then(|events| events.last()).expect("a push").clone();
    assert_eq!((&last["by"], &last["startsPipeline"]), (&json!("pinner[bot]"), &json!(true)));

    // What it reads and writes in a service's project it does with another token, for that one.
    let register = format!("repository: {}/acme/own.git\n", world.forge().web());
    world.push("main", "services/services/own.yaml", &register);
    let config = git::read_file(&world.repo(), "main", "pinrail.yaml").expect("it has one");
    let anywhere: Vec<_> = config.lines().filter(|line| !line.starts_with("services:")).collect();
    world.push("main", "pinrail.yaml", &(anywhere.join("\n") + "\n"));
    world.forge().act(json!({"do": "project", "path": "acme/own", "private": true}));
    let version = |content: &str| {
        let pushed = world.forge().act(json!({"do": "push", "project": "acme/own",
            "branch": "main", "files": {"v": content}, "message": format!("Make own {content}")}));
        pushed["sha"].as_str().expect("a commit").to_owned()
    };
    for tag in ["1", "2"] {
        let revision = version(tag);
        let pin = ["pin", "own", "-e", "staging", "--image-tag", tag, "--revision", &revision];
        let as_app = |arguments: &[&str]| {
            let mut command = world.command(arguments);
            command.env_remove("PINRAIL_TOKEN").env("PINRAIL_GITHUB_APP_ID", app["id"].to_string());
            run(command.env("PINRAIL_GITHUB_APP_PRIVATE_KEY_FILE", &key)).succeeded()
        };
        let pinned = as_app(&pin);
        assert!(!pinned.stderr.contains("warning"), "{pinned:?}");
        let merge: &[&str] = if tag == "1" { &["--merge"] } else { &[] };
        as_app(&[&["promote", "own", "--to", "production"], merge].concat());
    }
    let asked = world.open().into_iter().find(|open| open.branch.ends_with("/own"));
    let body = asked.expect("a request").body;
    assert!(body.contains("Make own 2"), "{body}");
    let deployments = world.forge().state("acme/own")["deployments"].as_array().map(Vec::len);
    assert_eq!(deployments, Some(3));

    for (variable, value) in [
        ("PINRAIL_GITHUB_APP_ID", "pinner"),
        ("PINRAIL_GITHUB_APP_PRIVATE_KEY_FILE", "/nonexistent"),
    ] {
        let wrong = run(command.env(variable, value));
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.stderr.contains(variable), "{wrong:?}");
        command.env("PINRAIL_GITHUB_APP_ID", app["id"].to_string());
    }
}
