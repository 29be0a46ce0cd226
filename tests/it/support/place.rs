//! A directory that servers serve, and clones of what they serve.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use tempfile::TempDir;

use super::git::{bare_repository, command, commit_file, git, tip};
/// A directory with one bare repository of one commit, and room for clones.
pub struct Place {
    dir: TempDir,
    pub first: String,
}

impl Place {
    pub fn new() -> Place {
        let dir = tempfile::tempdir().expect("create a directory");
        let repo = dir.path().join("served/root.git");
        bare_repository(&repo);
        let first = commit_file(&repo, "main", "README", "hello\n", "First");
        Place { dir, first }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn root(&self) -> PathBuf {
        self.path().join("served")
    }

    pub fn repo(&self) -> PathBuf {
        self.root().join("root.git")
    }

    /// A clone made past all servers, with one commit that `url` does not have.
    pub fn clone_ahead_of(&self, url: &str) -> PathBuf {
        let clone = self.path().join("clone");
        let repo = self.repo();
        let source = repo.to_str().expect("the path is UTF-8");
        git(self.path(), &["clone", "--quiet", source, "clone"]);
        git(&clone, &["remote", "set-url", "origin", url]);
        commit_here(&clone, "pin.json");
        clone
    }

    pub fn applied(&self) -> bool {
        tip(&self.repo(), "main").as_ref() != Some(&self.first)
    }
}

pub fn commit_here(clone: &Path, file: &str) -> String {
    std::fs::write(clone.join(file), "{}\n").expect("write a file");
    git(clone, &["add", file]);
    git(clone, &["commit", "--quiet", "-m", "Pin"]);
    git(clone, &["rev-parse", "HEAD"])
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sixteen clients at once each push a branch of their own.
pub fn push_branches(place: &Place, clone: &Path, ssh_command: Option<&str>) {
    let branches: Vec<String> = (0..16).map(|number| format!("branch-{number}")).collect();
    let pushes: Vec<Child> = branches
        .iter()
        .map(|branch| {
            let target = format!("HEAD:refs/heads/{branch}");
            command(clone, &["push", "--quiet", "origin", &target])
                .envs(ssh_command.map(|value| ("GIT_SSH_COMMAND", value)))
                .stderr(Stdio::piped())
                .spawn()
                .expect("start git")
        })
        .collect();
    for push in pushes {
        let output = push.wait_with_output().expect("wait for git");
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let head = git(clone, &["rev-parse", "HEAD"]);
    for branch in branches {
        assert_eq!(tip(&place.repo(), &branch).as_ref(), Some(&head));
    }
}
