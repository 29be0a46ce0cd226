//! The two fake forges (`tests/forges`): started, told what happens, and asked what happened.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use reqwest::blocking::Client;
use serde_json::{Value, json};
use url::Url;

use super::git::hermetic;

/// A forge of its own for one test; at its end no answer may have been invalid.
pub struct FakeForge {
    program: Child,
    urls: Value,
}

static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

impl FakeForge {
    /// GitHub as github.com answers.
    pub fn github() -> Self {
        Self::start(&["github"])
    }

    /// GitHub Enterprise Server of a version, such as `3.17`.
    pub fn github_enterprise(version: &str) -> Self {
        Self::start(&["github", "--layout=ghes", &format!("--ghes={version}")])
    }

    pub fn gitlab() -> Self {
        Self::start(&["gitlab"])
    }

    /// GitLab with its pages below a path, such as `/gitlab`.
    pub fn gitlab_below(root: &str) -> Self {
        Self::start(&["gitlab", &format!("--root={root}")])
    }

    pub fn start(arguments: &[&str]) -> Self {
        let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forges/serve.mjs");
        let installed = serve.with_file_name("node_modules");
        assert!(installed.is_dir(), "the forges are not installed: run tests/forges/run --install");
        let mut command: Command = hermetic("node");
        command.arg(serve).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("start the forge");
        let mut line = String::new();
        let stdout = program.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("read where it is");
        let urls = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { program, urls }
    }

    fn url(&self, name: &str) -> &str {
        self.urls[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.urls))
    }

    /// Its pages, without a slash at the end.
    pub fn web(&self) -> &str {
        self.url("web")
    }

    pub fn api(&self) -> &str {
        self.url("api")
    }

    /// GitHub's GraphQL.
    pub fn graphql(&self) -> &str {
        self.url("graphql")
    }

    /// The address of a project's repository.
    pub fn repository(&self, project: &str) -> Url {
        format!("{}/{project}.git", self.web()).parse().expect("a URL")
    }

    /// One step, or a list of them, as `tests/forges/README.md` tells.
    #[track_caller]
    pub fn act(&self, step: Value) -> Value {
        self.post("/act", &step)
    }

    /// The fault script, in place of the one before.
    #[track_caller]
    pub fn faults(&self, rules: Value) -> Value {
        self.post("/faults", &json!({"seed": 1, "rules": rules}))
    }

    #[track_caller]
    pub fn settings(&self, settings: Value) -> Value {
        self.post("/settings", &settings)
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.url("control"));
        let answer = CLIENT.post(url).body(body.to_string()).send().expect("reach the forge");
        let (status, text) = (answer.status(), answer.text().expect("read its answer"));
        assert!(status.is_success(), "{path} {body}: {text}");
        serde_json::from_str(&text).expect("the answer is JSON")
    }

    /// Such as `/log`, `/effects`, `/counters` or `/state?project=acme/root`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url("control"));
        let text = CLIENT
            .get(url)
            .send()
            .and_then(reqwest::blocking::Response::text)
            .expect("ask the forge");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The truth about a project.
    #[track_caller]
    pub fn state(&self, project: &str) -> Value {
        self.get(&format!("/state?project={project}"))
    }

    /// The folder of a project's bare repository.
    #[track_caller]
    pub fn folder(&self, project: &str) -> PathBuf {
        let state = self.state(project);
        PathBuf::from(state["dir"].as_str().expect("a project has a folder"))
    }

    /// That nothing was done twice.
    #[track_caller]
    pub fn assert_nothing_repeated(&self) {
        let repeated = &self.get("/counters")["repeated"];
        assert_eq!(*repeated, json!({}), "done twice");
    }
}

impl Drop for FakeForge {
    fn drop(&mut self) {
        let violations = (!std::thread::panicking()).then(|| self.get("/violations"));
        let _ = self.program.kill();
        let _ = self.program.wait();
        if let Some(violations) = violations {
            assert_eq!(violations, json!([]), "answers that no forge would give");
        }
    }
}
