//! The worked example as a real repository, with `main` and `pins` as its configuration says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::snapshot;
use crate::support::git::{self, checked, git};
use crate::support::pinrail::{Run, pinrail, pinrail_at, run};
use crate::support::root::revision;

/// What each branch holds, as pathspecs.
const BRANCHES: [(&str, &[&str]); 2] =
    [("main", &[".", ":!envs/staging", ":!locks"]), ("pins", &["envs/staging", "locks"])];

struct Example {
    folder: TempDir,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services-root")
}

impl Example {
    /// A bare repository with one commit on each branch, of a fixed day and person.
    fn make() -> Self {
        let example = Self { folder: tempfile::tempdir().expect("create a directory") };
        let repo = example.repo();
        git::bare_repository(&repo);
        for (branch, paths) in BRANCHES {
            let index = example.folder.path().join(branch);
            let indexed = |arguments: &[&str]| {
                let mut command = git::command(&source(), arguments);
                command.env("GIT_DIR", &repo).env("GIT_WORK_TREE", source());
                command.env("GIT_INDEX_FILE", &index);
                for who in ["AUTHOR", "COMMITTER"] {
                    command.env(format!("GIT_{who}_DATE"), "2020-01-01T12:00:00Z");
                    command.env(format!("GIT_{who}_NAME"), "Anna");
                }
                checked(&mut command)
            };
            indexed(&[&["add", "--"], paths].concat());
            let tree = indexed(&["write-tree"]);
            let commit = indexed(&["commit-tree", "-m", "The example", &tree]);
            git(&repo, &["update-ref", &format!("refs/heads/{branch}"), &commit]);
        }
        example
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("root.git")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        pinrail_at(self.repo().to_str().expect("the path is UTF-8"), arguments)
    }

    fn pinrail(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// The table on a page of so many columns.
    fn status(&self, columns: &str, more: &[&str]) -> String {
        let arguments = [&["status"], more].concat();
        let run = run(self.command(&arguments).env("COLUMNS", columns)).succeeded();
        let width: usize = columns.parse().expect("a number");
        let widest = run.stdout.lines().map(|line| line.chars().count()).max();
        assert!(widest.expect("a line") <= width, "{}", run.stdout);
        run.stdout
    }

    fn tips(&self) -> (Option<String>, Option<String>) {
        (git::tip(&self.repo(), "main"), git::tip(&self.repo(), "pins"))
    }
}

/// The days since the example's commits, which grow, as many digits as they are.
fn snapshot_of_old(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b\d{4}d\b", "[2k]d");
    settings.bind(|| snapshot(name, text));
}

#[test]
fn the_matrix_fits_the_terminal() {
    let example = Example::make();
    snapshot_of_old("example-status-140", &example.status("140", &[]));
    snapshot_of_old("example-status-60", &example.status("60", &[]));
    snapshot_of_old("example-status-production", &example.status("100", &["-e", "production"]));
    snapshot_of_old("example-status-ledger", &example.status("100", &["ledger"]));
}

#[test]
fn every_pin_of_every_branch_is_in_the_status() {
    let example = Example::make();
    let (main, pins) = example.tips();
    let document = example.pinrail(&["--json", "status"]).succeeded().document();
    assert_eq!(document["environments"], json!(["staging", "production-eu", "production-us"]));
    let services = document["services"].as_array().expect("services");
    assert_eq!(services.len(), 8);
    let mut seen = 0;
    for row in services {
        let name = |key: &str| row[key].as_str().expect("a name");
        for (environment, cell) in row["environments"].as_object().expect("environments") {
            let path = format!("envs/{environment}/{}/{}.json", name("domain"), name("service"));
            let text = fs::read_to_string(source().join(&path)).expect(&path);
            let pin: Value = serde_json::from_str(&text).expect("a pin is JSON");
            let commit = if environment == "staging" { &pins } else { &main };
            let expected =
                json!({"pin": pin, "commit": commit, "at": "2020-01-01T12:00:00Z", "by": "Anna"});
            assert_eq!(*cell, expected, "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 22);
}

#[test]
fn the_example_is_in_order_as_a_repository_and_as_a_folder() {
    let example = Example::make();
    let folder = source();
    let folder = folder.to_str().expect("the path is UTF-8");
    for arguments in [&["--json", "check"][..], &["--json", "check", folder]] {
        let document = example.pinrail(arguments).succeeded().document();
        assert_eq!(document["problems"], json!([]));
        assert_eq!((&document["services"], &document["pins"]), (&json!(8), &json!(22)));
    }
}

#[test]
fn a_clone_is_checked_with_the_branch_that_is_not_checked_out() {
    let example = Example::make();
    let clone = example.folder.path().join("clone");
    let url = example.repo();
    let url = url.to_str().expect("the path is UTF-8");
    git(example.folder.path(), &["clone", "--quiet", url, "clone"]);
    let document = run(pinrail(&clone).args(["--json", "check"])).succeeded().document();
    assert_eq!(document["pins"], 22, "{document:#}");
    // The work tree is what counts on this branch, committed or not.
    fs::remove_file(clone.join("services/billing/ledger.yaml")).expect("remove a file");
    let check = run(pinrail(&clone).arg("check"));
    assert_eq!(check.code, 4, "{check:?}");
    let expected = "`ledger` is not registered, and the domain `billing` demands it";
    assert_eq!(check.stdout.matches(expected).count(), 3, "{check:?}");
}

#[test]
fn a_service_shows_its_facts_and_the_defaults() {
    let example = Example::make();
    let document =
        example.pinrail(&["--json", "service", "show", "invoice-api"]).succeeded().document();
    let expected = json!([{
        "service": "invoice-api",
        "domain": "billing",
        "registered": true,
        "description": "Answers questions about invoices",
        "repository": "https://gitlab.example.com/billing/invoices.git",
        "chartPath": "api/helm",
        "image": "registry.example.com/billing/invoice-api",
        "environments": ["staging", "production-eu", "production-us"],
    }]);
    assert_eq!(document["services"], expected);
}

#[test]
fn a_pin_into_staging_touches_one_file_of_the_branch_of_pins() {
    let example = Example::make();
    let repo = example.repo();
    let (main, pins) = example.tips();
    let path = "envs/staging/billing/invoice-api.json";
    let before = git::read_file(&repo, "pins", path).expect("a pin");
    let revision = revision('c');
    let pin =
        ["pin", "invoice-api", "-e", "staging", "--image-tag", "2.0", "--revision", &revision];
    let document = example.pinrail(&[&["--json"], &pin[..]].concat()).succeeded().document();
    let (main_after, pins_after) = example.tips();
    assert_eq!(main_after, main);
    assert_eq!(document["commit"].as_str(), pins_after.as_deref());
    assert_eq!(git(&repo, &["rev-parse", "pins^"]), pins.expect("a branch of pins"));
    assert_eq!(git::changed_paths(&repo, "pins"), [path]);
    let old = "1a92c570c4aacc56c96f4fcc0cdbb6921a28e3ca";
    let expected = before
        .replace(&format!("\"imageTag\": \"{old}\""), "\"imageTag\": \"2.0\"")
        .replace(old, &revision);
    assert_eq!(git::read_file(&repo, "pins", path), Some(expected));

    // Again, it is the same commit that set the pin.
    let again = example.pinrail(&[&["--json"], &pin[..]].concat()).succeeded().document();
    assert_eq!((&again["outcome"], &again["commit"]), (&json!("unchanged"), &document["commit"]));
    assert_eq!(example.tips(), (main_after, pins_after));
}

#[test]
fn the_registry_is_changed_on_main_alone() {
    let example = Example::make();
    let (main, pins) = example.tips();
    example.pinrail(&["service", "add", "new"]).succeeded();
    assert_eq!(git::changed_paths(&example.repo(), "main"), ["services/services/new.yaml"]);
    assert_eq!(git(&example.repo(), &["rev-parse", "main^"]), main.expect("a main branch"));
    assert_eq!(example.tips().1, pins);
}

#[test]
fn a_pin_on_the_wrong_branch_is_found() {
    let example = Example::make();
    let path = "envs/staging/services/go-example.json";
    let pin = git::read_file(&example.repo(), "pins", path).expect("a pin");
    git::commit_file(&example.repo(), "main", path, &pin, "Wrong branch");
    let check = example.pinrail(&["check"]);
    assert_eq!(check.code, 4);
    let expected = format!(
        "{path}: error: the pins of `staging` belong on the branch `pins`, and this one is on \
         `main`\n  hint: remove it there\n"
    );
    assert_eq!(check.stdout, expected);
    assert_eq!(check.stderr, "error: 1 problem\n");
}
