//! A small services-root in a bare repository, to serve and to pin into.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::git::{self, bare_repository, commit_file, git};
use super::pinrail::{Run, pinrail_at, run};

/// A revision of forty times the same digit.
pub fn revision(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

const CONFIG: &str = "\
version: 1
services:
  repository: https://git.example.com/${{ domain }}/${{ service }}.git
domains:
  - {name: services}
  - {name: billing, registration: request}
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: production, cluster: eu-1, from: staging, mode: request, protected: true}
";

/// A bare repository `root.git` with a configuration and any number of services that are
/// registered and not pinned.
pub struct Root {
    folder: TempDir,
}

impl Root {
    pub fn new(services: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("create a directory");
        let root = Self { folder };
        bare_repository(&root.repo());
        root.commit("pinrail.yaml", CONFIG);
        for service in services {
            root.commit(&format!("services/services/{service}.yaml"), "# all defaults\n");
        }
        root
    }

    /// The folder that a server serves.
    pub fn served(&self) -> PathBuf {
        self.folder.path().join("served")
    }

    pub fn repo(&self) -> PathBuf {
        self.served().join("root.git")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody else's commit.
    pub fn commit(&self, path: &str, content: &str) -> String {
        commit_file(&self.repo(), "main", path, content, &format!("write {path}"))
    }

    pub fn tip(&self) -> String {
        git::tip(&self.repo(), "main").expect("a main branch")
    }

    /// The commits on main, newest first.
    pub fn commits(&self) -> Vec<String> {
        git::first_parent_log(&self.repo(), "main")
    }

    /// The image tag that is pinned in staging.
    pub fn pinned(&self, service: &str) -> Option<String> {
        let text = git::read_file(&self.repo(), "main", &pin_path(service))?;
        let pin: Value = serde_json::from_str(&text).expect("a pin is JSON");
        Some(pin["imageTag"].as_str().expect("a tag is a string").to_owned())
    }

    /// The program on this repository's own path.
    pub fn pinrail(&self, arguments: &[&str]) -> Run {
        let repo = self.repo();
        run(&mut pinrail_at(repo.to_str().expect("the path is UTF-8"), arguments))
    }

    /// What `git fsck` finds wrong.
    pub fn assert_sound(&self) {
        git(&self.repo(), &["fsck", "--strict", "--no-dangling"]);
    }
}

pub fn pin_path(service: &str) -> String {
    format!("envs/staging/services/{service}.json")
}
