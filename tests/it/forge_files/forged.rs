//! Forged requests, judged by the scripts of the generated job itself.

use std::path::PathBuf;

use serde_json::Value;

use super::pipelines::Runner;
use crate::support::git::{self, git};
use crate::support::pinrail::Run;
use crate::support::root::{pin_file, pin_path_in, revision_of};

const LOCK: &str = r#"{"reason": "incident 7", "owner": "@anna"}"#;

fn pin(environment: &str, tag: &str) -> (String, String) {
    (pin_path_in(environment, "api"), pin_file(environment, "api", tag, &Value::Null))
}

/// A new services-root with version 1 in both environments and 2 in staging, and its pipeline.
fn released(kind: &'static str) -> Runner {
    let runner = Runner::new(kind);
    for (branch, environment, tag) in
        [("pins", "staging", "1"), ("main", "production", "1"), ("pins", "staging", "2")]
    {
        let (path, text) = pin(environment, tag);
        runner.commit(branch, &path, &text);
    }
    runner
}

/// Somebody's request, written with git.
struct Asked<'a> {
    runner: &'a Runner,
    clone: PathBuf,
}

impl<'a> Asked<'a> {
    fn of(runner: &'a Runner) -> Self {
        let clone = tempfile::tempdir().expect("create a directory").keep();
        git(&clone, &["clone", "--quiet", runner.root().to_str().expect("UTF-8"), "."]);
        Self { runner, clone }
    }

    fn write(self, (path, text): (String, String)) -> Self {
        let file = self.clone.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("create it");
        std::fs::write(file, text).expect("write it");
        self
    }

    fn remove(self, path: &str) -> Self {
        git(&self.clone, &["rm", "-r", "--quiet", path]);
        self
    }

    /// What the pipeline says of it.
    fn judged(self, message: &str) -> Run {
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["commit", "--quiet", "-m", message]);
        git(&self.clone, &["push", "--quiet", "--force", "origin", "HEAD:refs/heads/asked"]);
        let commit = git(&self.clone, &["rev-parse", "HEAD"]);
        std::fs::remove_dir_all(&self.clone).expect("remove the clone");
        self.runner.run(None, &commit)
    }
}

#[track_caller]
fn refused(run: &Run, words: &str) {
    assert!(run.code != 0 && run.stderr.contains(words), "{words}: {run:?}");
}

fn forged(kind: &'static str) {
    let runner = released(kind);
    let asked = || Asked::of(&runner);
    asked().write(pin("production", "2")).judged("an honest one").succeeded();
    refused(&asked().write(pin("production", "7")).judged("straight"), "never in `staging`");
    let both = asked().write(pin("production", "2")).write(pin("staging", "7"));
    refused(&both.judged("two at once"), "belong on the branch `pins`");
    refused(&asked().remove("envs/production").judged("delete"), "all of its pins are gone");
    let (path, text) = pin("production", "2");
    let text = text.replace(&revision_of("2"), &revision_of("8"));
    refused(&asked().write((path, text)).judged("a revision"), "never in `staging`");
    runner.commit("pins", "locks/production.json", LOCK);
    let back = asked().write(pin("production", "2")).judged("roll back api\n\nRollback: true");
    refused(&back, "locked by @anna");
    let lock = ("locks/production.json".to_owned(), LOCK.replace('7', "8"));
    let aside = asked().write(pin("production", "2")).write(lock).judged("lock");
    refused(&aside, "does not set or take away a lock");
}

#[test]
fn they_are_refused_on_gitlab() {
    forged("gitlab");
}

#[test]
fn they_are_refused_on_github() {
    forged("github");
}

#[test]
fn what_the_job_says_is_shown_beside_the_lines() {
    let runner = released("github");
    let run = Asked::of(&runner).write(pin("production", "7")).judged("straight");
    let command =
        "::error file=envs/production/services/api.json,line=4,title=pinrail%3A neverIn::";
    assert!(run.stdout.contains(command), "{run:?}");
    assert!(git::tip(&runner.root(), "asked").is_some());
}
