//! The program itself, run as a user would, but knowing nothing of this machine.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::git;

/// The program, with nothing of the caller's environment but the path to other programs.
pub fn pinrail(folder: &Path) -> Command {
    let mut command = git::hermetic(env!("CARGO_BIN_EXE_pinrail"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// The same for the services-root at `repo`.
pub fn pinrail_at(repo: &str, arguments: &[&str]) -> Command {
    let mut command = pinrail(&std::env::temp_dir());
    command.args(["--repo", repo]).args(arguments);
    command
}

/// A program that is run at another time.
pub trait AtTime {
    /// At this time, such as `2026-11-21 12:00:00` in UTC, and on from there.
    fn at(&mut self, time: &str) -> &mut Self;
}

impl AtTime for Command {
    fn at(&mut self, time: &str) -> &mut Self {
        self.env("LD_PRELOAD", FAKETIME.as_str())
            .env("FAKETIME", format!("@{time}"))
            .env("TZ", "UTC")
            // What waits and what is on the disk are of this world.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env("FAKETIME_DISABLE_SHM", "1")
    }
}

/// Where the library of `faketime` is.
static FAKETIME: LazyLock<String> = LazyLock::new(|| {
    git::checked(git::hermetic("faketime").args(["-f", "+0d", "printenv", "LD_PRELOAD"]))
});

static REPORT: LazyLock<Validator> = LazyLock::new(|| {
    let schema = run(pinrail(&std::env::temp_dir()).args(["schema", "report"])).succeeded();
    let schema: Value = serde_json::from_str(&schema.stdout).expect("the schema is JSON");
    jsonschema::draft7::new(&schema).expect("the schema is one of draft 7")
});

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is UTF-8");
        Self {
            code: output.status.code().expect("the program ended by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

pub fn run(command: &mut Command) -> Run {
    command.output().expect("run pinrail").into()
}

impl Run {
    /// The one document of `--json`, which has the form that `pinrail schema report` tells.
    pub fn document(&self) -> Value {
        let document =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let problems: Vec<_> = REPORT.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(problems.is_empty(), "no report: {problems:?}: {self:?}");
        document
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Everything that a user saw, with the exit code, for a snapshot.
    pub fn transcript(&self) -> String {
        format!("exit code: {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

#[test]
fn a_run_may_be_at_another_time() {
    let folder = tempfile::tempdir().expect("create a directory");
    let root = folder.path().join("root");
    run(pinrail(folder.path()).args(["init", "root"]).at("2031-05-06 07:08:09")).succeeded();
    let when = git::git(&root, &["log", "-1", "--format=%cd", "--date=format:%Y-%m-%d %H:%M"]);
    assert_eq!(when, "2031-05-06 07:08");
}
