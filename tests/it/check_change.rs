//! `check --base` and `check --pre-receive`: what promotions refuse, a person's own change is
//! refused as well.

mod annotations;
mod clones;
mod forged;
mod honest;
mod hook;
mod rules;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::git::git;
use crate::support::pinrail::{Run, pinrail, run};
use crate::support::root::{Root, pin_file, pin_path_in};

/// The revision that pipelines judge by.
const BASE: &str = "refs/remotes/origin/main";

/// A forge, a soak that nothing in a test has waited for, and a freeze that is over.
const GATED: &str = "\
version: 1
forge: {kind: gitlab, project: platform/services-root}
maxRemovals: 2
domains: [{name: services}]
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: eu, group: production, cluster: eu-1, from: staging, mode: request, protected: true}
  - {name: us, group: production, cluster: us-1, from: staging, mode: request}
  - {name: slow, cluster: slow-1, from: staging, mode: request, gates: {soak: 1h, override: [\"@acme/sre\"]}}
";

/// A change that somebody writes with git, on a branch of its own.
struct Written {
    clone: PathBuf,
    branch: &'static str,
}

impl Written {
    /// On the newest main.
    fn on(root: &Root) -> Self {
        Self::named(root, "change")
    }

    fn named(root: &Root, branch: &'static str) -> Self {
        let clone = root.path().join(format!("of-{branch}"));
        let name = clone.to_str().expect("UTF-8");
        git(root.path(), &["clone", "--quiet", root.repo().to_str().expect("UTF-8"), name]);
        git(&clone, &["checkout", "--quiet", "-b", branch, "origin/main"]);
        Self { clone, branch }
    }

    fn write(self, path: &str, text: &str) -> Self {
        let file = self.clone.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("create it");
        std::fs::write(file, text).expect("write it");
        self
    }

    fn remove(self, path: &str) -> Self {
        git(&self.clone, &["rm", "-r", "--quiet", path]);
        self
    }

    fn pin(self, environment: &str, service: &str, tag: &str) -> Self {
        let cluster = match environment {
            "staging" => "shared",
            "eu" | "production" => "eu-1",
            "us" => "us-1",
            _ => "slow-1",
        };
        let text = pin_file(cluster, service, tag, &Value::Null);
        self.write(&pin_path_in(environment, service), &text)
    }

    fn commit(self, message: &str) -> Self {
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["commit", "--quiet", "--allow-empty", "-m", message]);
        self
    }

    /// Commits and pushes it; what the required check says in a clone of its own.
    fn checked(self, root: &Root) -> Run {
        let branch = self.branch;
        let this = self.commit("a change");
        git(&this.clone, &["push", "--quiet", "--force", "origin", branch]);
        checked(root, branch)
    }
}

/// A clone as CI makes it: every branch, and the request's head without a branch.
fn ci_clone(root: &Root, head: &str) -> PathBuf {
    let folder = tempfile::tempdir_in(root.path()).expect("create a directory").keep();
    let repo = root.repo();
    git(&folder, &["clone", "--quiet", "--no-checkout", repo.to_str().expect("UTF-8"), "."]);
    git(&folder, &["checkout", "--quiet", "--detach", &format!("origin/{head}")]);
    folder
}

/// What the required check says of a branch.
fn checked(root: &Root, branch: &str) -> Run {
    check_in(&ci_clone(root, branch), &["--json", "check", "--base", BASE])
}

fn check_in(folder: &Path, arguments: &[&str]) -> Run {
    run(pinrail(folder).args(arguments))
}

/// The kind of the first cause in a document.
fn kind(document: &Value) -> &str {
    let moves = document["moves"].as_array().expect("moves");
    moves.iter().find_map(|step| step["cause"]["kind"].as_str()).unwrap_or("")
}

/// The messages of a document's problems.
fn messages(document: &Value) -> Vec<&str> {
    let problems = document["problems"].as_array().expect("problems");
    problems.iter().map(|problem| problem["message"].as_str().expect("a message")).collect()
}

/// `api` and `web` with version 1 everywhere but in `slow`.
fn gated() -> Root {
    let root = Root::with(GATED, &["api", "web"]);
    for service in ["api", "web"] {
        root.stage(service, "1");
        root.json(&["promote", service, "--to", "production"]).succeeded();
        root.json(&["promotions", "merge", &format!("production/{service}")]).succeeded();
    }
    root
}
