//! Where state repos of scenarios are: a server, or a forge, for many of them.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::history::{self, Versions, instant};
use super::scenario::Scenario;
use crate::support::forge::FakeForge;
use crate::support::git::bare_repository;
use crate::support::git_http::GitHttp;
use crate::support::pinrail::{AtTime, Run, pinrail, run};

/// Who hosts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Git,
    GitHub,
    GitLab,
}

enum Host {
    Git(GitHttp),
    Forge { forge: Box<FakeForge>, token: String },
}

/// One server with the service's own repository.
pub struct Place {
    pub kind: Kind,
    host: Host,
    pub versions: Versions,
    /// Clones, and with plain git what is served.
    folder: TempDir,
    count: Cell<usize>,
}

/// A state repo of one scenario.
pub struct StateRepo<'a> {
    pub place: &'a Place,
    /// Its name on the forge.
    pub project: String,
    pub url: String,
    /// The bare repository.
    pub folder: PathBuf,
}

const CODE: &str = "services/code";

/// CI's own check of a request.
pub const CHECK: &str = "check";
/// The status that `tend` sets.
pub const GATES: &str = "pinrail/gates";

impl Place {
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("create a directory");
        let (host, code) = match kind {
            Kind::Git => {
                let served = folder.path().join("served");
                let code = served.join(format!("{CODE}.git"));
                bare_repository(&code);
                (Host::Git(GitHttp::serve(&served)), code)
            }
            Kind::GitHub | Kind::GitLab => {
                let is_github = kind == Kind::GitHub;
                let forge = if is_github { FakeForge::github() } else { FakeForge::gitlab() };
                forge.act(json!({"do": "user", "login": "pinbot"}));
                forge.act(json!({"do": "user", "login": "anna"}));
                forge.act(project(kind, CODE));
                let token = forge.act(json!({"do": "token", "name": "ci", "user": "pinbot",
                    "kind": if is_github { "fine" } else { "personal" }}));
                let token = token["secret"].as_str().expect("a secret").to_owned();
                let code = forge.folder(CODE);
                (Host::Forge { forge: Box::new(forge), token }, code)
            }
        };
        let versions = history::write_versions(&code);
        let place = Self { kind, host, versions, folder, count: Cell::new(0) };
        place.sync(CODE);
        place
    }

    /// A new state repo with a scenario's history.
    pub fn write(&self, scenario: &Scenario) -> StateRepo<'_> {
        self.count.set(self.count.get() + 1);
        let project = format!("oracle/root{}", self.count.get());
        let (folder, url, server, forge) = match &self.host {
            Host::Git(server) => {
                let path = format!("{project}.git");
                let folder = self.folder.path().join("served").join(&path);
                bare_repository(&folder);
                let code = server.url(&format!("{CODE}.git"));
                (folder, server.url(&path), code, String::new())
            }
            Host::Forge { forge, .. } => {
                forge.act(self::project(self.kind, &project));
                let kind = if self.kind == Kind::GitHub { "github" } else { "gitlab" };
                let code = forge.repository(CODE).to_string();
                let told = format!("forge: {{kind: {kind}, project: {project}}}\n");
                (forge.folder(&project), forge.repository(&project).to_string(), code, told)
            }
        };
        let environments = scenario.environments.replace("GATES", scenario.gates);
        let config = format!(
            "version: 1\n{forge}maxRemovals: 2\nservices: {{repository: \"{server}\"}}\n\
             domains: [{{name: services}}]\nenvironments:\n{environments}"
        );
        history::write(&folder, scenario, &config, self.pins(), &self.versions);
        self.sync(&project);
        if let Host::Forge { forge, .. } = &self.host {
            // Nobody pushes to main, and what the gates refuse is not merged.
            forge.act(json!({"do": "protect", "project": project, "branch": "main",
                "approvals": 0, "push": "none", "merge": "developer", "enforceAdmins": true,
                "requiredChecks": [CHECK, GATES]}));
            if self.kind == Kind::GitLab {
                forge.act(json!({"do": "configure", "project": project,
                    "pipelineMustSucceed": true}));
            }
        }
        StateRepo { place: self, project, url, folder }
    }

    /// The branch of staging's pins, and of locks.
    pub fn pins(&self) -> &'static str {
        if self.kind == Kind::Git { "main" } else { "pins" }
    }

    /// The forge; plain git has none.
    pub fn forge(&self) -> Option<&FakeForge> {
        match &self.host {
            Host::Forge { forge, .. } => Some(forge),
            Host::Git(_) => None,
        }
    }

    /// A folder that nobody has used yet.
    pub fn new_folder(&self) -> PathBuf {
        self.count.set(self.count.get() + 1);
        self.folder.path().join(format!("clone{}", self.count.get()))
    }

    /// What was written into a repository's folder is told to the forge.
    pub fn sync(&self, project: &str) {
        if let Host::Forge { forge, .. } = &self.host {
            forge.act(json!({"do": "sync", "project": project}));
        }
    }

    /// The program as CI runs it in a folder, at a moment that does not pass: the second before
    /// a gate opens is that second, however slow the machine is.
    fn command(&self, folder: &Path, at: &str) -> Command {
        let mut command = pinrail(folder);
        let at = instant(at);
        command.at(&at).env("FAKETIME", &at);
        if let Host::Forge { forge, token } = &self.host {
            command.env("PINRAIL_TOKEN", token);
            if self.kind == Kind::GitHub {
                command.env("GITHUB_SERVER_URL", forge.web());
                command.env("GITHUB_API_URL", forge.api());
                command.env("GITHUB_GRAPHQL_URL", forge.graphql());
            }
        }
        command
    }
}

impl StateRepo<'_> {
    /// The program with `--json` on the repository, at a moment.
    pub fn pinrail(&self, at: &str, arguments: &[&str]) -> Run {
        let mut command = self.place.command(&std::env::temp_dir(), at);
        run(command.args(["--json", "--repo", &self.url]).args(arguments))
    }

    /// The same in a clone, which knows itself where it is from.
    pub fn pinrail_in(&self, clone: &Path, at: &str, arguments: &[&str]) -> Run {
        run(self.place.command(clone, at).arg("--json").args(arguments))
    }
}

/// An empty project, in which the program's own user may write.
fn project(kind: Kind, path: &str) -> serde_json::Value {
    let role = if kind == Kind::GitLab { "developer" } else { "write" };
    let reviewer = if kind == Kind::GitLab { "maintainer" } else { "maintain" };
    json!({"do": "project", "path": path, "private": true,
        "members": {"pinbot": role, "anna": reviewer}})
}
