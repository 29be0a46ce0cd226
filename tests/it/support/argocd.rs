//! A fake Argo CD (`tests/tools/argocd-api`): started, told what is there, and asked what happened.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use super::tools::tool;

/// An Argo CD of its own for one test, which knows [`FakeArgoCd::TOKEN`].
pub struct FakeArgoCd {
    program: Child,
    url: String,
}

static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

impl FakeArgoCd {
    /// The token of the account `pinrail`.
    pub const TOKEN: &str = "s3cret-argocd-token";
    /// What `docs/argocd.md` gives the account, and whose account it is.
    pub const POLICY: &str =
        "p, role:pinrail, applications, get, */*, allow\ng, pinrail, role:pinrail\n";

    pub fn start() -> Self {
        let mut command = tool("argocd-api");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("start Argo CD");
        let mut line = String::new();
        let stdout = program.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("read where it is");
        let told: Value = serde_json::from_str(&line).expect("it says where it is");
        let url = told["url"].as_str().expect("a URL").to_owned();
        let fake = Self { program, url };
        fake.policy(Self::POLICY);
        fake.tokens(json!({Self::TOKEN: "pinrail"}));
        fake
    }

    /// What goes into `argocd.url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Applications as a set makes them; those that are there keep their status.
    #[track_caller]
    pub fn apply(&self, applications: &[Value]) {
        self.control(Method::PUT, "applications", &json!(applications));
    }

    #[track_caller]
    pub fn delete(&self, name: &str) {
        self.control(Method::DELETE, &format!("applications/{name}"), &Value::Null);
    }

    /// An Application is synced, and the cluster then runs `images`; its health is what Argo CD
    /// makes of `objects`.
    #[track_caller]
    pub fn synced(&self, name: &str, images: &[String], objects: &[Value]) {
        let found = json!({"images": images, "objects": objects});
        self.control(Method::POST, &format!("applications/{name}/synced"), &found);
    }

    /// Merges into an Application; what Argo CD's type does not have is refused.
    #[track_caller]
    pub fn patch(&self, name: &str, patch: Value) {
        self.control(Method::PATCH, &format!("applications/{name}"), &patch);
    }

    /// The account of each token.
    #[track_caller]
    pub fn tokens(&self, tokens: Value) {
        self.control(Method::PUT, "tokens", &tokens);
    }

    /// Argo CD's `policy.csv`.
    #[track_caller]
    pub fn policy(&self, policy: &str) {
        self.send(Method::PUT, "policy", policy.to_owned());
    }

    /// What the next calls are answered with: `status`, `header`, `body`.
    #[track_caller]
    pub fn faults(&self, faults: Value) {
        self.control(Method::PUT, "faults", &faults);
    }

    /// Whether the application controller stands still, so that a refresh does not end.
    #[track_caller]
    pub fn stuck(&self, stuck: bool) {
        self.control(Method::PUT, "stuck", &stuck.into());
    }

    /// The calls so far: `path`, `query`, `authorized`.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let log = self.control(Method::GET, "log", &Value::Null);
        log.as_array().expect("a list").clone()
    }

    #[track_caller]
    fn control(&self, method: Method, what: &str, body: &Value) -> Value {
        let text = self.send(method, what, body.to_string());
        serde_json::from_str(&text).expect("the answer is JSON")
    }

    #[track_caller]
    fn send(&self, method: Method, what: &str, body: String) -> String {
        let url = format!("{}/control/{what}", self.url);
        let answer = CLIENT.request(method, url).body(body).send().expect("reach Argo CD");
        let (status, text) = (answer.status(), answer.text().expect("read its answer"));
        assert!(status.is_success(), "{what}: {text}");
        text
    }
}

impl Drop for FakeArgoCd {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
