//! One services-root on each kind of forge, with the same services and the same people: what
//! a scenario needs, whoever hosts it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::forge::FakeForge;
use crate::support::git::{self, commit_file, git};
use crate::support::git_http::GitHttp;
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::{Root, pin_path_in, revision_of};

pub const PROJECT: &str = "acme/root";

/// Who hosts the services-root, and how commits get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Git,
    GitHub,
    /// GitHub, with `--via api`.
    GitHubApi,
    GitLab,
}

enum Server {
    Git { root: Box<Root>, server: Box<GitHttp> },
    Forge { forge: Box<FakeForge>, token: String },
}

/// A services-root that is reached over HTTP, and the forge around it.
pub struct World {
    pub kind: Kind,
    server: Server,
    /// The commit of each version of each service.
    versions: Mutex<BTreeMap<(String, String), String>>,
}

/// An open request, as its host tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    pub number: Option<u64>,
    pub branch: String,
    pub title: String,
    pub body: String,
    pub labels: Vec<String>,
}

const ENVIRONMENTS: &str = "\
environments:
  - {name: staging, cluster: shared, mode: direct, host: \"${{ service }}.staging.example.com\"}
  - {name: production, cluster: eu-1, from: staging, mode: request, protected: true,
     host: \"${{ service }}.example.com\", request: REQUEST}
  - {name: eu, group: regions, cluster: eu-1, from: staging, mode: request}
  - {name: us, group: regions, cluster: us-1, from: staging, mode: request}
  - {name: lab, cluster: lab-1, mode: request}
";

impl World {
    pub fn new(kind: Kind) -> Self {
        Self::with(kind, "{labels: [promotion]}")
    }

    /// With other rules for the requests of production.
    pub fn with(kind: Kind, request: &str) -> Self {
        let server = match kind {
            Kind::Git => Server::git(request),
            Kind::GitHub | Kind::GitHubApi => Server::forge(FakeForge::github(), "github", request),
            Kind::GitLab => Server::forge(FakeForge::gitlab(), "gitlab", request),
        };
        Self { kind, server, versions: Mutex::default() }
    }

    pub fn is_forge(&self) -> bool {
        self.kind != Kind::Git
    }

    /// The forge; plain git has none.
    pub fn forge(&self) -> &FakeForge {
        match &self.server {
            Server::Forge { forge, .. } => forge,
            Server::Git { .. } => panic!("plain git is no forge"),
        }
    }

    pub fn token(&self) -> &str {
        match &self.server {
            Server::Forge { token, .. } => token,
            Server::Git { .. } => "",
        }
    }

    pub fn url(&self) -> String {
        match &self.server {
            Server::Git { server, .. } => server.url("root.git"),
            Server::Forge { forge, .. } => forge.repository(PROJECT).to_string(),
        }
    }

    /// The folder of the bare repository.
    pub fn repo(&self) -> PathBuf {
        match &self.server {
            Server::Git { root, .. } => root.repo(),
            Server::Forge { forge, .. } => forge.folder(PROJECT),
        }
    }

    /// The branch of staging's pins, and of locks.
    pub fn pins(&self) -> &'static str {
        if self.is_forge() { "pins" } else { "main" }
    }

    /// The program as CI runs it, ready for more of its environment.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = pinrail_at(&self.url(), arguments);
        if let Server::Forge { forge, token } = &self.server {
            command.env("PINRAIL_TOKEN", token);
            if self.kind != Kind::GitLab {
                command.env("GITHUB_SERVER_URL", forge.web());
                command.env("GITHUB_API_URL", forge.api());
                command.env("GITHUB_GRAPHQL_URL", forge.graphql());
            }
        }
        if self.kind == Kind::GitHubApi {
            command.env("PINRAIL_VIA", "api");
        }
        command
    }

    /// The program with `--json`; whatever comes of it, its output is one document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Run {
        let run = run(&mut self.command(&[&["--json"], arguments].concat()));
        assert_eq!(run.document()["schemaVersion"], 1);
        run
    }

    /// Pins a version into staging, as a pipeline would.
    #[track_caller]
    pub fn stage(&self, service: &str, tag: &str) -> Run {
        let revision = self.version(service, tag);
        let create = ["--create", "--domain", "services"];
        let pin = ["pin", service, "-e", "staging", "--image-tag", tag, "--revision", &revision];
        self.json(&[&pin[..], &create].concat()).succeeded()
    }

    #[track_caller]
    pub fn promote(&self, service: &str) -> Run {
        self.json(&["promote", service, "--to", "production"])
    }

    /// The commit of a version; on a forge, one more of the service's own project.
    pub fn version(&self, service: &str, tag: &str) -> String {
        let Server::Forge { forge, .. } = &self.server else { return revision_of(tag) };
        let mut versions = self.versions.lock().expect("nobody panicked with it");
        let known = versions.get(&(service.to_owned(), tag.to_owned()));
        if let Some(known) = known {
            return known.clone();
        }
        let project = format!("services/{service}");
        if !versions.keys().any(|(other, _)| other == service) {
            forge.act(json!({"do": "project", "path": project, "private": true,
                "members": {"pinbot": member(self.kind)}, "files": {"README.md": service}}));
        }
        let message = format!("Make {service} {tag}");
        let pushed = forge.act(json!({"do": "push", "project": project, "branch": "main",
            "files": {"version": tag}, "message": message}));
        let sha = pushed["sha"].as_str().expect("a commit").to_owned();
        versions.insert((service.to_owned(), tag.to_owned()), sha.clone());
        sha
    }

    /// The image tag that is pinned in an environment.
    pub fn tag(&self, environment: &str, service: &str) -> Option<String> {
        let branch = if environment == "staging" { self.pins() } else { "main" };
        self.tag_at(branch, environment, service)
    }

    pub fn tag_at(&self, revision: &str, environment: &str, service: &str) -> Option<String> {
        let text = git::read_file(&self.repo(), revision, &pin_path_in(environment, service))?;
        let pin: Value = serde_json::from_str(&text).expect("a pin is JSON");
        Some(pin["imageTag"].as_str().expect("a tag is a string").to_owned())
    }

    pub fn tip(&self, branch: &str) -> Option<String> {
        git::tip(&self.repo(), branch)
    }

    /// Every branch with the commit it is at.
    pub fn refs(&self) -> String {
        let refs = git(&self.repo(), &["for-each-ref", "--format=%(refname) %(objectname)"]);
        let is_branch = |line: &&str| line.starts_with("refs/heads/");
        refs.lines().filter(is_branch).collect::<Vec<_>>().join("\n")
    }

    /// The requests that are open; with plain git, the branches of requests.
    pub fn open(&self) -> Vec<OpenRequest> {
        let texts = |value: &Value| -> Vec<String> {
            let values = value.as_array().into_iter().flatten();
            values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        match &self.server {
            Server::Git { root, .. } => {
                let request = |branch| OpenRequest {
                    number: None,
                    branch,
                    title: String::new(),
                    body: String::new(),
                    labels: Vec::new(),
                };
                root.requests().into_iter().map(request).collect()
            }
            Server::Forge { forge, .. } => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let request = |request: &Value| OpenRequest {
                    number: request["number"].as_u64(),
                    branch: text(&request["head"]),
                    title: text(&request["title"]),
                    body: text(&request["body"]),
                    labels: texts(&request["labels"]),
                };
                let state = forge.state(PROJECT);
                let all = state["requests"].as_array().expect("a list").iter();
                all.filter(|request| is_open(request)).map(request).collect()
            }
        }
    }

    /// The one request that is open.
    #[track_caller]
    pub fn only(&self) -> OpenRequest {
        let mut open = self.open();
        assert_eq!(open.len(), 1, "{open:#?}");
        open.remove(0)
    }

    /// Somebody's commit.
    pub fn push(&self, branch: &str, path: &str, content: &str) -> String {
        match &self.server {
            Server::Git { root, .. } => commit_file(&root.repo(), branch, path, content, "Mine"),
            Server::Forge { forge, .. } => {
                let pushed = forge.act(json!({"do": "push", "project": PROJECT, "branch": branch,
                    "files": {path: content}, "message": "Mine"}));
                pushed["sha"].as_str().expect("a commit").to_owned()
            }
        }
    }

    /// Somebody merges a request by hand, with the button where there is one.
    pub fn merge_by_hand(&self, request: &OpenRequest, method: &str) {
        match &self.server {
            Server::Git { root, .. } => {
                let head = root.branch_tip(&request.branch).expect("a branch");
                let tree = git(&root.repo(), &["merge-tree", "--write-tree", "main", &head]);
                let mut commit = vec!["commit-tree", "-m", "Merge", "-p", "main"];
                if method == "merge" {
                    commit.extend(["-p", &head]);
                }
                commit.push(&tree);
                let commit = git(&root.repo(), &commit);
                git(&root.repo(), &["update-ref", "refs/heads/main", &commit]);
            }
            Server::Forge { forge, .. } => {
                forge.act(json!({"do": "merge", "project": PROJECT, "number": request.number,
                    "method": method}));
            }
        }
    }

    /// Somebody closes a request by hand, and leaves its branch where the forge does.
    pub fn close_by_hand(&self, request: &OpenRequest) {
        match &self.server {
            Server::Git { root, .. } => {
                let name = format!("refs/heads/{}", request.branch);
                git(&root.repo(), &["update-ref", "-d", &name]);
            }
            Server::Forge { forge, .. } => {
                forge.act(json!({"do": "close", "project": PROJECT, "number": request.number}));
            }
        }
    }

    /// What was said below a request.
    pub fn comments(&self, number: Option<u64>) -> Vec<String> {
        let state = self.forge().state(PROJECT);
        let all = state["requests"].as_array().expect("a list").iter();
        let request = all.clone().find(|request| request["number"].as_u64() == number);
        let comments = request.expect("the request")["comments"].as_array().expect("a list");
        comments.iter().map(|comment| comment["body"].as_str().expect("text").to_owned()).collect()
    }

    /// That each write was done once, and the repository is sound.
    #[track_caller]
    pub fn assert_done_once(&self) {
        if let Server::Forge { forge, .. } = &self.server {
            forge.assert_nothing_repeated();
        }
        self.assert_sound();
    }

    #[track_caller]
    pub fn assert_sound(&self) {
        git(&self.repo(), &["fsck", "--strict", "--no-dangling"]);
    }
}

fn is_open(request: &Value) -> bool {
    matches!(request["state"].as_str(), Some("open" | "opened"))
}

/// The role of whoever writes.
fn member(kind: Kind) -> &'static str {
    if kind == Kind::GitLab { "developer" } else { "write" }
}

impl Server {
    fn git(request: &str) -> Self {
        let root = Root::with(&config("git", "https://git.example.com", request), &[]);
        let server = GitHttp::serve(&root.served());
        Self::Git { root: Box::new(root), server: Box::new(server) }
    }

    fn forge(forge: FakeForge, kind: &str, request: &str) -> Self {
        forge.act(json!({"do": "user", "login": "pinbot", "name": "Pin Bot"}));
        for login in ["anna", "ben"] {
            forge.act(json!({"do": "user", "login": login}));
        }
        let role = if kind == "gitlab" { "developer" } else { "write" };
        let reviewer = if kind == "gitlab" { "maintainer" } else { "maintain" };
        let config = config(kind, forge.web(), request);
        forge.act(json!({"do": "project", "path": PROJECT, "private": true,
            "members": {"pinbot": role, "anna": reviewer, "ben": role},
            "files": {"pinrail.yaml": config}}));
        forge.act(json!({"do": "reset", "project": PROJECT, "branch": "pins", "to": "main"}));
        // Whoever may write may ask, and merge; nobody pushes to main.
        forge.act(json!({"do": "protect", "project": PROJECT, "branch": "main", "approvals": 0,
            "push": "none", "merge": "developer", "enforceAdmins": true}));
        let kind_of_token = if kind == "gitlab" { "personal" } else { "fine" };
        let token = forge.act(json!({"do": "token", "name": "ci", "kind": kind_of_token,
            "user": "pinbot"}));
        let token = token["secret"].as_str().expect("a secret").to_owned();
        Self::Forge { forge: Box::new(forge), token }
    }
}

fn config(kind: &str, server: &str, request: &str) -> String {
    let forge = match kind {
        "git" => String::new(),
        kind => format!("forge: {{kind: {kind}, project: {PROJECT}}}\n"),
    };
    let services = format!(
        "services: {{repository: \"{server}/${{{{ domain }}}}/${{{{ service }}}}.git\"}}\n"
    );
    let environments = ENVIRONMENTS.replace("REQUEST", request);
    format!("version: 1\n{forge}{services}domains: [{{name: services}}]\n{environments}")
}
