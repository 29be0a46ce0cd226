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

/// The same with two production environments in one group, and without `from` in a third.
pub const REGIONS: &str = "\
version: 1
domains: [{name: services}]
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: eu, group: production, cluster: eu-1, from: staging, mode: request}
  - {name: us, group: production, cluster: us-1, from: staging, mode: request}
  - {name: lab, cluster: lab-1, mode: request}
";

/// A chain of environments into which promotions are committed.
pub const DIRECT: &str = "\
version: 1
domains: [{name: services}]
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: qa, cluster: qa-1, from: staging, mode: direct}
  - {name: production, cluster: eu-1, from: qa, mode: request}
";

/// A forge that protects `main`: pins of staging, and all locks, are on `pins`.
pub const FORGE: &str = "\
version: 1
forge: {kind: gitlab, project: platform/services-root}
domains: [{name: services}]
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
        Self::with(CONFIG, services)
    }

    /// With another configuration, and the branch `pins` where that names a forge.
    pub fn with(config: &str, services: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("create a directory");
        let root = Self { folder };
        bare_repository(&root.repo());
        root.commit("pinrail.yaml", config);
        for service in services {
            root.commit(&format!("services/services/{service}.yaml"), "# all defaults\n");
        }
        if config.contains("gitlab") {
            git(&root.repo(), &["update-ref", "refs/heads/pins", &root.tip()]);
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

    /// A file on `main`.
    pub fn file(&self, path: &str) -> Option<String> {
        git::read_file(&self.repo(), "main", path)
    }

    /// A pin in any environment, read from a branch or commit.
    pub fn pin_at(&self, rev: &str, environment: &str, service: &str) -> Option<Value> {
        let text = git::read_file(&self.repo(), rev, &pin_path_in(environment, service))?;
        Some(serde_json::from_str(&text).expect("a pin is JSON"))
    }

    /// The image tag that is pinned in an environment, on `main`.
    pub fn tag(&self, environment: &str, service: &str) -> Option<String> {
        let pin = self.pin_at("main", environment, service)?;
        Some(pin["imageTag"].as_str().expect("a tag is a string").to_owned())
    }

    /// Every branch with the commit it is at: equal, if nothing was written in between.
    pub fn refs(&self) -> String {
        git(&self.repo(), &["for-each-ref", "--format=%(refname:short) %(objectname)"])
    }

    /// The branches of requests.
    pub fn requests(&self) -> Vec<String> {
        let names = git(&self.repo(), &["for-each-ref", "--format=%(refname:short)"]);
        names.lines().filter(|name| name.starts_with("pinrail/")).map(str::to_owned).collect()
    }

    pub fn branch_tip(&self, branch: &str) -> Option<String> {
        git::tip(&self.repo(), branch)
    }

    /// Pins a version into staging, as a pipeline would.
    #[track_caller]
    pub fn stage(&self, service: &str, tag: &str) -> Run {
        let revision = revision_of(tag);
        self.json(&["pin", service, "-e", "staging", "--image-tag", tag, "--revision", &revision])
            .succeeded()
    }

    /// Brings a version by way of staging and a request into production.
    #[track_caller]
    pub fn release(&self, service: &str, tag: &str) -> Run {
        self.stage(service, tag);
        self.json(&["promote", service, "--to", "production"]).succeeded();
        let request = format!("production/{service}");
        self.json(&["promotions", "merge", &request]).succeeded()
    }

    /// The program with `--json`; whatever comes of it, its output is one document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Run {
        let run = self.pinrail(&[&["--json"], arguments].concat());
        assert_eq!(run.document()["schemaVersion"], 1);
        run
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

/// A revision that goes with a tag: its digits, again and again.
pub fn revision_of(tag: &str) -> String {
    let digits: String = tag.chars().filter(char::is_ascii_digit).collect();
    assert!(!digits.is_empty(), "the tag `{tag}` has no digit");
    digits.chars().cycle().take(40).collect()
}

/// A pin's file as somebody else may have written it.
pub fn pin_file(cluster: &str, service: &str, tag: &str, more: &Value) -> String {
    let mut pin = serde_json::json!({
        "cluster": cluster,
        "service": service,
        "imageTag": tag,
        "targetRevision": revision_of(tag),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        pin[key] = value.clone();
    }
    format!("{pin:#}\n")
}

pub fn pin_path_in(environment: &str, service: &str) -> String {
    format!("envs/{environment}/services/{service}.json")
}

pub fn pin_path(service: &str) -> String {
    format!("envs/staging/services/{service}.json")
}
