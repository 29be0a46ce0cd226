//! Bad input, one mistake at a time: a clear error with what to do, the right exit code, and
//! a repository that is as it was.

mod from_file;
mod registry;
mod repository;
mod values;

use std::path::Path;

use serde_json::Value;

use crate::support::git::try_git;
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::{Root, revision};

/// What a mistake must come to.
struct Told<'a> {
    code: i32,
    kind: &'a str,
    /// A part of the message.
    message: &'a str,
    /// A part of one of the hints.
    hint: &'a str,
}

impl Told<'_> {
    /// The outcome that goes with the kind of failure.
    fn outcome(&self) -> &str {
        match self.kind {
            "conflict" | "superseded" | "invalid" | "refused" => self.kind,
            "contention" => "conflict",
            _ => "failed",
        }
    }
}

/// All references with their commits, and what a work tree has beside them.
fn state(repo: &Path) -> String {
    let shown = |arguments: &[&str]| {
        String::from_utf8(try_git(repo, arguments).stdout).expect("git printed UTF-8")
    };
    shown(&["for-each-ref"])
        + &shown(&["symbolic-ref", "HEAD"])
        + &shown(&["status", "--porcelain"])
}

/// Runs the program on `repo`, once for people and once for programs: both are told the
/// same, and nothing has changed.
#[track_caller]
fn refused(repo: &Path, arguments: &[&str], told: &Told<'_>) {
    let before = state(repo);
    let path = repo.to_str().expect("the path is UTF-8");
    let for_people = run(&mut pinrail_at(path, arguments));
    let for_programs = run(pinrail_at(path, arguments).arg("--json"));
    assert_eq!(state(repo), before, "{arguments:?} changed the repository");
    check(&for_people, &for_programs, told);
}

#[track_caller]
fn check(for_people: &Run, for_programs: &Run, told: &Told<'_>) {
    assert_eq!((for_people.code, for_programs.code), (told.code, told.code), "{for_people:#?}");
    let document = for_programs.document();
    let error = &document["error"];
    assert_eq!(
        (&document["schemaVersion"], &document["outcome"], &error["kind"]),
        (&Value::from(1), &Value::from(told.outcome()), &Value::from(told.kind)),
        "{document:#}"
    );
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(told.message), "{message}");
    let hints: Vec<_> =
        error["hints"].as_array().expect("hints").iter().filter_map(Value::as_str).collect();
    assert!(hints.iter().any(|hint| hint.contains(told.hint)), "{message}\n{hints:#?}");

    let shown = &for_people.stderr;
    assert_eq!(for_people.stdout, "", "stdout is for data");
    assert!(shown.starts_with("error: "), "{shown}");
    assert!(shown.contains(told.message) && shown.contains(told.hint), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours where nobody looks: {shown}");
}

/// A bare repository where `api` and `web` are registered and `api` is pinned.
fn root() -> Root {
    let root = Root::new(&["api", "web"]);
    root.pinrail(&pin_of("api", "staging", "1.0").each()).succeeded();
    root
}

/// The arguments of a pin.
struct Arguments(Vec<String>);

impl Arguments {
    fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    fn and<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.each().into_iter().chain(more.iter().copied()).collect()
    }
}

fn pin_of(service: &str, environment: &str, tag: &str) -> Arguments {
    let revision = revision('a');
    let arguments =
        ["pin", service, "-e", environment, "--image-tag", tag, "--revision", &revision];
    Arguments(arguments.map(ToOwned::to_owned).to_vec())
}
