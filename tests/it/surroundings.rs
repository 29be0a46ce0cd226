//! What a pin takes from its surroundings and leaves in the history: the CI's variables, the
//! author, the trailers, the keys of others; and what a dry run tells.

use std::process::Command;

use serde_json::Value;

use crate::support::git::{self, git};
use crate::support::pinrail::{pinrail_at, run};
use crate::support::root::{Root, pin_path, revision};

fn pin_command(root: &Root, more: &[&str]) -> Command {
    let repo = root.repo();
    let mut command = pinrail_at(repo.to_str().expect("the path is UTF-8"), &["--json", "pin"]);
    command.args(["api", "-e", "staging", "--image-tag", "1.0"]).args(more);
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"]
    {
        command.env_remove(name);
    }
    command
}

fn written(root: &Root) -> Value {
    let text = git::read_file(&root.repo(), "main", &pin_path("api")).expect("a pin");
    serde_json::from_str(&text).expect("a pin is JSON")
}

fn author(root: &Root) -> String {
    git(&root.repo(), &["log", "-1", "--format=%an <%ae>|%cn <%ce>", "main"])
}

#[test]
fn gitlab_tells_the_revision_the_sequence_the_author_and_the_run() {
    let root = Root::new(&["api"]);
    let mut command = pin_command(&root, &[]);
    command.envs([
        ("CI_COMMIT_SHA", revision('c').as_str()),
        ("CI_PIPELINE_ID", "48213"),
        ("CI_JOB_URL", "https://gitlab.example.com/services/api/-/jobs/7"),
        ("CI_PIPELINE_URL", "https://gitlab.example.com/services/api/-/pipelines/48213"),
        ("GITLAB_USER_NAME", "Anna Ernst"),
        ("GITLAB_USER_EMAIL", "anna@example.com"),
    ]);
    run(&mut command).succeeded();
    let pin = written(&root);
    assert_eq!(pin["targetRevision"], revision('c').as_str());
    assert_eq!(pin["sequence"], 48213);
    assert_eq!(author(&root), "Anna Ernst <anna@example.com>|Anna Ernst <anna@example.com>");
    let message = git::message(&root.repo(), "main");
    let (subject, trailers) = message.split_once("\n\n").expect("a body");
    assert_eq!(subject, "pin api in staging: 1.0");
    let trailers: Vec<_> = trailers.lines().collect();
    assert_eq!(trailers[0], "Run: https://gitlab.example.com/services/api/-/jobs/7");
    assert!(trailers.len() == 2 && trailers[1].starts_with("Pinrail-Id: "), "{trailers:?}");
}

#[test]
fn github_tells_the_revision_the_sequence_the_author_and_the_run() {
    let root = Root::new(&["api"]);
    let mut command = pin_command(&root, &[]);
    command.envs([
        ("GITHUB_SHA", revision('d').as_str()),
        ("GITHUB_RUN_ID", "12345678901"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/api"),
        ("GITHUB_ACTOR", "anna"),
    ]);
    run(&mut command).succeeded();
    let pin = written(&root);
    assert_eq!(pin["targetRevision"], revision('d').as_str());
    assert_eq!(pin["sequence"], 12_345_678_901_u64);
    let anna = "anna <anna@users.noreply.github.com>";
    assert_eq!(author(&root), format!("{anna}|{anna}"));
    let message = git::message(&root.repo(), "main");
    let run = "\nRun: https://github.com/acme/api/actions/runs/12345678901\n";
    assert!(message.contains(run), "{message}");
}

#[test]
fn what_is_told_wins_over_what_the_ci_tells() {
    let root = Root::new(&["api"]);
    let told = revision('a');
    let mut command = pin_command(&root, &["--revision", &told, "--sequence", "5"]);
    command.envs([("CI_COMMIT_SHA", revision('c').as_str()), ("CI_PIPELINE_ID", "48213")]);
    command.envs([("GIT_AUTHOR_NAME", "Ben"), ("GIT_AUTHOR_EMAIL", "ben@example.com")]);
    command.env("GITLAB_USER_NAME", "Anna Ernst");
    run(&mut command).succeeded();
    let pin = written(&root);
    assert_eq!((&pin["targetRevision"], &pin["sequence"]), (&Value::from(told), &Value::from(5)));
    assert!(author(&root).starts_with("Ben <ben@example.com>"), "{}", author(&root));
}

#[test]
fn a_later_pipeline_of_the_ci_wins_whatever_comes_last() {
    let root = Root::new(&["api"]);
    let pipeline = |number: &str, sha: char| {
        let mut command = pin_command(&root, &[]);
        let revision = revision(sha);
        run(command.envs([("CI_PIPELINE_ID", number), ("CI_COMMIT_SHA", &revision)]))
    };
    pipeline("9", 'b').succeeded();
    let late = pipeline("8", 'a');
    assert_eq!((late.code, &late.document()["outcome"]), (3, &Value::from("superseded")));
    assert_eq!(written(&root)["targetRevision"], revision('b').as_str());
}

#[test]
fn nobody_in_particular_commits_as_pinrail() {
    let root = Root::new(&["api"]);
    run(&mut pin_command(&root, &["--revision", &revision('a')])).succeeded();
    assert_eq!(author(&root), "pinrail <pinrail@localhost>|pinrail <pinrail@localhost>");
}

#[test]
fn a_name_from_the_ci_can_neither_break_a_commit_nor_forge_a_trailer() {
    let root = Root::new(&["api"]);
    let mut command = pin_command(&root, &["--revision", &revision('a')]);
    command.envs([
        ("GITLAB_USER_NAME", "<Anna>\nReviewed-by: x"),
        ("GITLAB_USER_EMAIL", "<>"),
        ("CI_JOB_URL", "https://ci\nApproved-by: everybody"),
    ]);
    run(&mut command).succeeded();
    assert!(!git::message(&root.repo(), "main").contains("\nApproved-by"));
    assert!(author(&root).starts_with("AnnaReviewed-by: x <"), "{}", author(&root));
    root.assert_sound();
}

#[test]
fn keys_that_are_not_known_survive_byte_for_byte_and_are_reported() {
    let root = Root::new(&["api"]);
    let unknown =
        ",\n  \"note\": 1.10,\n  \"more\": {\"b\":  1, \"a\": [\"\\u00e4\", 1E5, null]}\n}\n";
    let pin = |tag: &str| {
        let revision = revision('a');
        format!(
            "{{\n  \"cluster\": \"shared\",\n  \"service\": \"api\",\n  \"imageTag\": \"{tag}\",\n  \"targetRevision\": \"{revision}\"{unknown}"
        )
    };
    root.commit(&pin_path("api"), &pin("0.9"));
    run(&mut pin_command(&root, &["--revision", &revision('a')])).succeeded();
    assert_eq!(git::read_file(&root.repo(), "main", &pin_path("api")), Some(pin("1.0")));
    let check = root.pinrail(&["--json", "check"]).succeeded().document();
    let problems = check["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 2, "{check:#}");
    for (problem, key) in problems.iter().zip(["note", "more"]) {
        assert_eq!(problem["severity"], "warning");
        assert_eq!(problem["message"], format!("unknown key `{key}`"));
    }
}

#[test]
fn a_dry_run_tells_the_exact_change_and_makes_none() {
    let root = Root::new(&["api"]);
    let revision = revision('a');
    let before = git(&root.repo(), &["count-objects", "-v"]);
    let tips = git(&root.repo(), &["for-each-ref"]);
    let dry = run(&mut pin_command(&root, &["--revision", &revision, "--dry-run"])).succeeded();
    assert_eq!(git(&root.repo(), &["for-each-ref"]), tips);
    assert_eq!(git(&root.repo(), &["count-objects", "-v"]), before);
    let document = dry.document();
    assert_eq!(document["dryRun"], true);
    assert!(document["commit"].is_null());
    assert_eq!(document["attempts"], 0);
    assert!(dry.stderr.contains("Would write envs/staging/services/api.json"), "{}", dry.stderr);

    run(&mut pin_command(&root, &["--revision", &revision])).succeeded();
    let written = git::read_file(&root.repo(), "main", &pin_path("api")).expect("a pin");
    let change = &document["changes"][0];
    assert_eq!(change["path"], pin_path("api").as_str());
    assert_eq!((&change["before"], &change["after"]), (&Value::Null, &Value::from(written)));

    // Where nothing would change, nothing is told.
    let dry = run(&mut pin_command(&root, &["--revision", &revision, "--dry-run"])).succeeded();
    let document = dry.document();
    assert_eq!((&document["outcome"], document.get("changes")), (&"unchanged".into(), None));
}

#[test]
fn a_dry_run_of_the_registry_makes_no_change_either() {
    let root = Root::new(&["api"]);
    let before = git(&root.repo(), &["for-each-ref"]);
    for (arguments, path) in [
        (vec!["service", "add", "new"], "services/services/new.yaml"),
        (vec!["service", "remove", "api"], "services/services/api.yaml"),
        (vec!["domain", "add", "shop"], "pinrail.yaml"),
    ] {
        let run = root.pinrail(&[&["--json", "--dry-run"], &arguments[..]].concat()).succeeded();
        let document = run.document();
        assert_eq!(document["changes"][0]["path"], path, "{document:#}");
        assert!(document["commit"].is_null());
        assert_eq!(git(&root.repo(), &["for-each-ref"]), before);
    }
    let folder = root.path().join("new");
    let folder = folder.to_str().expect("the path is UTF-8");
    root.pinrail(&["--dry-run", "init", folder]).succeeded();
    assert!(!std::path::Path::new(folder).exists());
}
