//! The plain `git` program, cut off from the machine's configuration.
//!
//! Tests look at repositories through it, so that what Pinrail wrote is judged by another
//! implementation than the one Pinrail wrote it with.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program that sees nothing of the caller's environment apart from `PATH`.
pub fn hermetic(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(located(program.as_ref()));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Somebody Else")
        .env("GIT_AUTHOR_EMAIL", "else@example.com")
        .env("GIT_COMMITTER_NAME", "Somebody Else")
        .env("GIT_COMMITTER_EMAIL", "else@example.com")
        .stdin(Stdio::null());
    command
}

/// Where a program is. By its name and with a `PATH` of its own, the standard library starts it
/// from a copy of the whole test process, which takes longer than what it does.
fn located(program: &OsStr) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| program.into())
}

/// `git` in a directory, for a test that wants to add to its environment or not to wait for it.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = hermetic("git");
    command.current_dir(dir).args(args);
    command
}

/// Runs `git` and returns what it printed, without the last line's end.
#[track_caller]
pub fn git(dir: &Path, args: &[&str]) -> String {
    checked(&mut command(dir, args))
}

pub fn try_git(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("start git")
}

/// Runs a command that has to succeed; what it printed, without the last line's end.
#[track_caller]
pub fn checked(command: &mut Command) -> String {
    let output = command.output().expect("start the program");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text(output.stdout)
}

/// A repository as a server keeps it: open to pushes, and never repacked behind a test's back.
pub fn bare_repository(path: &Path) {
    std::fs::create_dir_all(path).expect("create the repository's directory");
    git(path, &["init", "--quiet", "--bare", "-b", "main"]);
    for (key, value) in [
        ("http.receivepack", "true"),
        ("uploadpack.allowFilter", "true"),
        ("gc.auto", "0"),
        ("receive.autogc", "false"),
    ] {
        git(path, &["config", key, value]);
    }
}

/// The commit a branch points at; `None` when there is no such branch.
pub fn tip(repo: &Path, branch: &str) -> Option<String> {
    let reference = branch_reference(branch);
    let output = try_git(repo, &["rev-parse", "--verify", "--quiet", &reference]);
    output.status.success().then(|| text(output.stdout))
}

/// A file's exact content in a commit or on a branch; `None` when it is not there.
pub fn read_file(repo: &Path, rev: &str, path: &str) -> Option<String> {
    let output = try_git(repo, &["cat-file", "blob", &format!("{rev}:{path}")]);
    output.status.success().then(|| String::from_utf8(output.stdout).expect("the file is UTF-8"))
}

/// Somebody else pushed: puts one file on a branch of a bare repository, creating the branch if
/// need be, and returns the new commit.
#[track_caller]
pub fn commit_file(repo: &Path, branch: &str, path: &str, content: &str, message: &str) -> String {
    let blob = write_blob(repo, content);
    let scratch = tempfile::tempdir().expect("create a directory for the index");
    let index = scratch.path().join("index");
    let reference = branch_reference(branch);
    // Others may be pushing to the branch; the one who lost starts again from their commit.
    for _ in 0..20 {
        let parent = tip(repo, branch);
        match &parent {
            Some(parent) => indexed(repo, &index, &["read-tree", parent]),
            None => indexed(repo, &index, &["read-tree", "--empty"]),
        };
        let entry = format!("100644,{blob},{path}");
        indexed(repo, &index, &["update-index", "--add", "--cacheinfo", &entry]);
        let tree = indexed(repo, &index, &["write-tree"]);
        let mut arguments = vec!["commit-tree", "-m", message, &tree];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent]);
        }
        let commit = git(repo, &arguments);
        // An empty old value means that the branch must not exist yet.
        let old = parent.unwrap_or_default();
        let update = try_git(repo, &["update-ref", &reference, &commit, &old]);
        if update.status.success() {
            return commit;
        }
    }
    panic!("{reference} would not take a commit of {path}");
}

/// The branch's commits along first parents, newest first.
#[track_caller]
pub fn first_parent_log(repo: &Path, branch: &str) -> Vec<String> {
    let reference = branch_reference(branch);
    lines(&git(repo, &["rev-list", "--first-parent", &reference]))
}

/// The paths a commit added, changed or removed, compared with its first parent.
#[track_caller]
pub fn changed_paths(repo: &Path, commit: &str) -> Vec<String> {
    let arguments = [
        "-c",
        "core.quotePath=false",
        "diff-tree",
        "--root",
        "-r",
        "--no-commit-id",
        "--name-only",
        "--no-renames",
        "--diff-merges=first-parent",
        commit,
    ];
    lines(&git(repo, &arguments))
}

/// A commit's whole message.
#[track_caller]
pub fn message(repo: &Path, commit: &str) -> String {
    git(repo, &["log", "-1", "--format=%B", commit]).trim_end().to_owned()
}

fn write_blob(repo: &Path, content: &str) -> String {
    let mut child = command(repo, &["hash-object", "-w", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start git hash-object");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    stdin.write_all(content.as_bytes()).expect("hand the content to git");
    drop(stdin);
    let output = child.wait_with_output().expect("wait for git hash-object");
    assert!(output.status.success(), "git hash-object failed");
    text(output.stdout)
}

#[track_caller]
fn indexed(repo: &Path, index: &Path, args: &[&str]) -> String {
    checked(command(repo, args).env("GIT_INDEX_FILE", index))
}

fn branch_reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn text(stdout: Vec<u8>) -> String {
    let mut text = String::from_utf8(stdout).expect("git printed UTF-8");
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
