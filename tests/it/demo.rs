//! `demo`: the whole story runs, tells itself, and leaves something sound to go on with.

use std::path::Path;

use serde_json::Value;

use crate::support::git::{changed_paths, git};
use crate::support::pinrail::{Run, pinrail, run};

fn demo(folder: &Path, arguments: &[&str]) -> Run {
    run(pinrail(folder).args(arguments))
}

/// A sound repository that everything can go on in.
fn assert_left_sound(folder: &Path) {
    let root = folder.join("services-root");
    for repository in [&root, &folder.join("shop"), &folder.join("cart")] {
        git(repository, &["fsck", "--strict", "--no-dangling"]);
        assert_eq!(git(repository, &["status", "--porcelain"]), "");
    }
    run(pinrail(&root).arg("check")).succeeded();
    let status = run(pinrail(&root).args(["--json", "status"])).succeeded().document();
    let services = status["services"].as_array().expect("services");
    let tag = |service: usize, environment: &str| {
        services[service]["environments"][environment]["pin"]["imageTag"].clone()
    };
    let tags = [tag(0, "staging"), tag(0, "production"), tag(1, "staging"), tag(1, "production")];
    assert_eq!(tags, ["1.1.0", "1.1.0", "1.2.0", "1.1.0"].map(Value::from));
    assert!(root.join("locks/production/shop.json").is_file());
    assert_eq!(git(&root, &["branch", "--format=%(refname:short)"]), "main");
    let merges = git(&root, &["rev-list", "--merges", "main"]);
    assert_eq!(merges.lines().count(), 2, "one for the train, one for shop");
    let train = merges.lines().next_back().expect("the train");
    assert_eq!(changed_paths(&root, train).len(), 2);
    // Going on.
    run(pinrail(&root).args(["promote", "--all", "--to", "production"])).succeeded();
}

#[test]
fn the_demo_tells_its_story_and_leaves_a_sound_services_root() {
    let folder = tempfile::tempdir().expect("create a directory");
    let run = demo(folder.path(), &["demo", "story"]).succeeded();
    assert_eq!(run.stderr, "", "all of it is data");
    let typed: Vec<&str> =
        run.stdout.lines().filter_map(|line| line.strip_prefix("$ pinrail ")).collect();
    for command in [
        "init services-root",
        "service add shop",
        "pin shop -e staging --image-tag 1.0.0",
        "promote --all --to production",
        "promotions merge production",
        "diff shop staging production",
        "rollback shop -e production",
        "status",
        "history shop -e production",
    ] {
        assert!(typed.iter().any(|typed| typed.starts_with(command)), "{command}: {typed:#?}");
    }
    assert!(run.stdout.contains("+ ") && run.stdout.contains("a new checkout"), "{}", run.stdout);
    assert!(run.stdout.contains("checkout is broken"), "{}", run.stdout);
    assert_left_sound(&folder.path().join("story"));
}

#[test]
fn what_the_demo_shows_can_be_typed() {
    let folder = tempfile::tempdir().expect("create a directory");
    let shown = demo(folder.path(), &["--json", "demo", "story"]).succeeded().document();
    let steps = shown["steps"].as_array().expect("steps");
    let init = steps[0]["command"].as_str().expect("a command");
    // A newcomer who types the first command in an empty folder gets the same services-root.
    let script = init.replacen("pinrail", env!("CARGO_BIN_EXE_pinrail"), 1);
    let typed = tempfile::tempdir().expect("create a directory");
    let mut shell = crate::support::git::hermetic("sh");
    let output = shell.args(["-c", &script]).current_dir(typed.path()).output().expect("run sh");
    assert!(output.status.success(), "{output:?}");
    let config = std::fs::read_to_string(typed.path().join("services-root/pinrail.yaml"));
    let config = config.expect("a configuration");
    let url = format!("file://{}/${{{{ service }}}}", typed.path().display());
    assert!(config.contains(&url), "{config}");
}

#[test]
fn the_demo_in_json_is_one_document_with_every_step() {
    let folder = tempfile::tempdir().expect("create a directory");
    let document = demo(folder.path(), &["--json", "demo", "story"]).succeeded().document();
    assert_eq!(document["outcome"], "ok");
    let directory = folder.path().join("story").canonicalize().expect("it is there");
    assert_eq!(document["directory"], directory.to_str().expect("UTF-8"));
    let steps = document["steps"].as_array().expect("steps");
    assert!(steps.len() > 15, "{}", steps.len());
    for step in steps {
        let refused = step["exitCode"] == 5;
        let command = step["command"].as_str().expect("a command");
        assert!(command.starts_with("pinrail "), "{command}");
        assert!(refused || step["exitCode"] == 0, "{step:#}");
        assert!(step["output"].is_string());
    }
    let refused: Vec<_> = steps.iter().filter(|step| step["exitCode"] == 5).collect();
    assert_eq!(refused.len(), 1, "the promotion under the lock");
    assert_left_sound(&directory);
}

#[test]
fn the_demo_spares_what_is_there() {
    let folder = tempfile::tempdir().expect("create a directory");
    std::fs::write(folder.path().join("mine"), "precious\n").expect("write a file");
    for name in [".", "mine"] {
        let run = demo(folder.path(), &["--json", "demo", name]);
        assert_eq!((run.code, &run.document()["outcome"]), (1, &Value::from("failed")), "{run:?}");
    }
    let left = std::fs::read_dir(folder.path()).expect("list the folder").count();
    assert_eq!(left, 1);
    std::fs::create_dir(folder.path().join("empty")).expect("create a folder");
    demo(folder.path(), &["-q", "demo", "empty"]).succeeded();
}

#[test]
fn the_demo_knows_nothing_of_the_surroundings() {
    let folder = tempfile::tempdir().expect("create a directory");
    let other = folder.path().join("other");
    git(folder.path(), &["init", "--quiet", "-b", "main", "other"]);
    let mut command = pinrail(&other);
    command.args(["demo", "story"]).envs([
        ("PINRAIL_REPO", "https://git.invalid/root.git"),
        ("CI_COMMIT_SHA", "1111111111111111111111111111111111111111"),
        ("CI_PIPELINE_ID", "7"),
        ("CI_JOB_URL", "https://gitlab.example.com/j/7"),
    ]);
    run(&mut command).succeeded();
    assert_left_sound(&other.join("story"));
}
