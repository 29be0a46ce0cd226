//! Many processes pin at once, against real servers, and nothing is lost.
//!
//! Invariants: every acknowledged pin is in the history exactly once; every reported commit
//! is reachable from the tip; the history is one line; a commit touches what it says and
//! nothing else; of several writers of the same pin, one wins and the others exit 3.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::support::git;
use crate::support::git_http::GitHttp;
use crate::support::pinrail::{Run, pinrail_at};
use crate::support::root::{Root, pin_path, revision};
use crate::support::sshd::Sshd;

const DIFFERENT: usize = 64;
const SAME: usize = 8;

fn services() -> Vec<String> {
    (0..DIFFERENT).map(|number| format!("service-{number}")).collect()
}

fn root() -> Root {
    let names = services();
    let root = Root::new(&[]);
    for name in names.iter().map(String::as_str).chain(["shared"]) {
        root.commit(&format!("services/services/{name}.yaml"), "# all defaults\n");
    }
    root
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start pinrail")
}

/// One race at a time has the machine to itself.
static TRACK: Mutex<()> = Mutex::new(());

/// 64 processes pin 64 services and 8 pin one more, all at the same time.
fn race(root: &Root, url: &str, prepare: &dyn Fn(&mut Command)) {
    let _alone = TRACK.lock().unwrap_or_else(PoisonError::into_inner);
    let before = root.commits().len();
    let revision = revision('a');
    let pin = |service: &str, tag: &str| {
        let mut command = pinrail_at(
            url,
            &[
                "--json",
                "--timeout",
                "10m",
                "pin",
                service,
                "-e",
                "staging",
                "--image-tag",
                tag,
                "--revision",
                &revision,
                "--expect",
                "none",
            ],
        );
        prepare(&mut command);
        start(command)
    };
    let names = services();
    let mut running: Vec<(String, String, Child)> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let tag = format!("tag-{number}");
        running.push((name.clone(), tag.clone(), pin(name, &tag)));
        if number < SAME {
            let tag = format!("rival-{number}");
            running.push(("shared".to_owned(), tag.clone(), pin("shared", &tag)));
        }
    }
    let runs: Vec<(String, String, Run)> = running
        .into_iter()
        .map(|(service, tag, child)| {
            (service, tag, child.wait_with_output().expect("wait for pinrail").into())
        })
        .collect();

    let commits = root.commits();
    let mut reported = HashSet::new();
    for (service, tag, run) in runs.iter().filter(|(service, ..)| service != "shared") {
        assert_eq!(run.code, 0, "{service} {tag}: {run:?}");
        let document = run.document();
        assert_eq!(document["outcome"], "pinned");
        let commit = document["commit"].as_str().expect("a commit").to_owned();
        assert_eq!(
            commits.iter().filter(|there| **there == commit).count(),
            1,
            "{service} exactly once"
        );
        assert_eq!(git::changed_paths(&root.repo(), &commit), [pin_path(service)]);
        assert!(reported.insert(commit), "no two pins share a commit");
        assert_eq!(root.pinned(service).as_ref(), Some(tag));
    }
    let rivals: Vec<_> = runs.iter().filter(|(service, ..)| service == "shared").collect();
    let (won, lost): (Vec<_>, Vec<_>) = rivals.into_iter().partition(|(.., run)| run.code == 0);
    assert_eq!((won.len(), lost.len()), (1, SAME - 1), "{won:#?} {lost:#?}");
    for (_, tag, run) in &lost {
        assert_eq!(
            (run.code, &run.document()["outcome"]),
            (3, &Value::from("conflict")),
            "{tag}: {run:?}"
        );
    }
    let (_, tag, run) = won[0];
    assert_eq!(root.pinned("shared").as_ref(), Some(tag));
    assert!(reported.insert(run.document()["commit"].as_str().expect("a commit").to_owned()));
    assert_eq!(commits.len() - before, DIFFERENT + 1, "one commit for each pin, and no other");
    let all: HashSet<String> = commits[..=DIFFERENT].iter().cloned().collect();
    assert_eq!(all, reported);
    root.assert_sound();
}

#[test]
fn nothing_is_lost_over_http() {
    let root = root();
    let server = GitHttp::serve(&root.served());
    race(&root, &server.url("root.git"), &|_| {});
}

#[test]
fn nothing_is_lost_over_ssh() {
    let root = root();
    let folder = tempfile::tempdir().expect("create a directory");
    let server = Sshd::start(folder.path());
    let ssh = server.ssh_command();
    race(&root, &server.url(&root.repo()), &|command| {
        command.env("GIT_SSH_COMMAND", &ssh);
    });
}

#[test]
fn nothing_is_lost_on_a_local_path() {
    let root = root();
    let path = root.repo();
    race(&root, path.to_str().expect("the path is UTF-8"), &|_| {});
}

#[test]
fn nothing_is_lost_in_a_repository_with_a_work_tree_and_its_files_follow() {
    let root = Root::new(&["a", "b", "c", "d"]);
    let clone: PathBuf = root.path().join("clone");
    let source = root.repo();
    git::git(root.path(), &["clone", "--quiet", source.to_str().expect("UTF-8"), "clone"]);
    let revision = revision('a');
    let running: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|service| {
            let repo = clone.to_str().expect("the path is UTF-8");
            let pin = [
                "--json",
                "pin",
                service,
                "-e",
                "staging",
                "--image-tag",
                "1",
                "--revision",
                &revision,
            ];
            start(pinrail_at(repo, &pin))
        })
        .collect();
    for child in running {
        let run: Run = child.wait_with_output().expect("wait for pinrail").into();
        run.succeeded();
    }
    assert_eq!(git::git(&clone, &["status", "--porcelain"]), "");
    for service in ["a", "b", "c", "d"] {
        assert!(clone.join(pin_path(service)).is_file(), "{service}");
    }
}
