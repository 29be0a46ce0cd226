//! A scratch project on a real forge: set up, looked at by git and the forge's own API, and
//! emptied again. Whatever Pinrail says it did is judged by those two.

use std::process::{Command, Stdio};
use std::time::Duration;

use pinrail::domain::config::ForgeKind;
use pinrail::forge::Address;
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::Value;
use tempfile::TempDir;

/// The first line of the configuration: whatever else is in a project, it is not ours to empty.
const MARK: &str = "# Made by Pinrail's live tests, which write and remove here what they like.\n";
/// What a person would have set for git and HTTP on this machine.
const KEPT: [&str; 7] = [
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "PINRAIL_CA_FILE",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GitHub,
    GitLab,
}

impl Kind {
    fn forge(self) -> ForgeKind {
        if self == Self::GitHub { ForgeKind::Github } else { ForgeKind::Gitlab }
    }
}

pub struct Scratch {
    pub kind: Kind,
    address: Address,
    url: String,
    token: String,
    clone: TempDir,
    http: Client,
    /// What the names of this run's services begin with.
    pub prefix: String,
}

impl Scratch {
    /// Sets the project up: a services-root with nothing pinned, and versions to pin.
    pub fn new(kind: Kind, url: &str, token: String) -> Result<Self, String> {
        let parsed = url.parse().map_err(|error| format!("{error}"))?;
        let address = Address::of(kind.forge(), &parsed, None, &[]).map_err(|e| e.to_string())?;
        let clone = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut http = Client::builder().user_agent("pinrail-live-tests");
        if let Some(file) = std::env::var_os("PINRAIL_CA_FILE") {
            let pem = std::fs::read(file).map_err(|error| error.to_string())?;
            let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| e.to_string())?;
            http = found
                .into_iter()
                .fold(http, reqwest::blocking::ClientBuilder::add_root_certificate);
        }
        let http = http.build().map_err(|error| error.to_string())?;
        let prefix = format!("live-{:08x}", fastrand::u32(..));
        let url = url.to_owned();
        let scratch = Self { kind, address, url, token, clone, http, prefix };
        scratch.git(&["init", "--quiet"], None)?;
        scratch.fetch()?;
        if let Ok(config) = scratch.read("main", "pinrail.yaml")
            && config.starts_with(MARK)
        {
            scratch.tidy()?;
        } else if !scratch.git(&["branch", "--remotes"], None)?.is_empty() {
            return Err("the project is not empty, and not of an earlier run".to_owned());
        }
        scratch.empty()?;
        scratch.make_versions()?;
        Ok(scratch)
    }

    /// Closes what is open, and removes every branch of a request and every pin.
    pub fn tidy(&self) -> Result<(), String> {
        let list = self.pinrail(&["promotions"]).succeeded().document;
        for request in list["requests"].as_array().into_iter().flatten() {
            let branch = request["branch"].as_str().unwrap_or_default();
            self.pinrail(&["promotions", "close", branch]).succeeded();
        }
        self.fetch()?;
        let left = self.git(
            &["for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin/pinrail"],
            None,
        )?;
        for branch in left.lines() {
            self.git(&["push", "--quiet", &self.url, "--delete", branch], None)?;
        }
        self.empty()
    }

    /// Leaves the configuration alone on both branches.
    fn empty(&self) -> Result<(), String> {
        let forge = if self.kind == Kind::GitHub { "github" } else { "gitlab" };
        let config = format!(
            "{MARK}version: 1
forge: {{kind: {forge}, project: {project}, deployments: false}}
services: {{repository: \"{url}\"}}
domains: [{{name: services}}]
environments:
  - {{name: staging, cluster: staging, mode: direct}}
  - {{name: production, cluster: production, from: staging, mode: request,
     request: {{labels: [pinrail-live]}}}}
",
            project = self.address.project,
            url = self.url,
        );
        let blob = self.git(&["hash-object", "-w", "--stdin"], Some(&config))?;
        let tree = self.git(&["mktree"], Some(&format!("100644 blob {blob}\tpinrail.yaml\n")))?;
        for branch in ["main", "pins"] {
            let old = self.tip(branch);
            if let Some(old) = &old
                && self.git(&["rev-parse", &format!("{old}^{{tree}}")], None)? == tree
            {
                continue;
            }
            let parent = old.iter().flat_map(|old| ["-p", old]);
            let commit: Vec<&str> = ["commit-tree", &tree, "-m", "Begin with nothing"]
                .into_iter()
                .chain(parent)
                .collect();
            let commit = self.git(&commit, None)?;
            self.push(&commit, branch)?;
        }
        self.fetch()
    }

    /// Three commits one upon another, the same in every run: the versions of the services.
    fn make_versions(&self) -> Result<(), String> {
        let tree = self.git(&["mktree"], Some(""))?;
        let mut parent: Option<String> = None;
        for version in 1..=3 {
            let message = format!("Make version {version}");
            let mut commit = vec!["commit-tree", &tree, "-m", &message];
            commit.extend(parent.iter().flat_map(|parent| ["-p", parent]));
            parent = Some(self.git(&commit, None)?);
        }
        self.push(&parent.unwrap_or_default(), "versions")?;
        self.fetch()
    }

    fn push(&self, commit: &str, branch: &str) -> Result<(), String> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        self.git(&["push", "--quiet", &self.url, &refspec], None).map(drop)
    }

    /// The commit of a version.
    pub fn version(&self, tag: u32) -> String {
        let commit = format!("refs/remotes/origin/versions~{}", 3 - tag);
        self.git(&["rev-parse", &commit], None).expect("the versions were pushed")
    }

    pub fn fetch(&self) -> Result<(), String> {
        let refspec = "+refs/heads/*:refs/remotes/origin/*";
        self.git(&["fetch", "--quiet", "--prune", &self.url, refspec], None).map(drop)
    }

    /// Where a branch was at the last [`Self::fetch`].
    pub fn tip(&self, branch: &str) -> Option<String> {
        let name = format!("refs/remotes/origin/{branch}");
        self.git(&["rev-parse", "--verify", "--quiet", &name], None).ok()
    }

    pub fn read(&self, branch: &str, path: &str) -> Result<String, String> {
        self.git(&["show", &format!("refs/remotes/origin/{branch}:{path}")], None)
    }

    /// The image tag that is pinned there by now.
    pub fn tag(&self, branch: &str, environment: &str, service: &str) -> Option<String> {
        self.fetch().expect("fetch");
        let pin = self.read(branch, &format!("envs/{environment}/services/{service}.json")).ok()?;
        let pin: Value = serde_json::from_str(&pin).expect("a pin is JSON");
        pin["imageTag"].as_str().map(ToOwned::to_owned)
    }

    /// git, which gets the token from a helper of its own: no argument and no file has it.
    fn git(&self, arguments: &[&str], input: Option<&str>) -> Result<String, String> {
        let mut command = clean("git");
        command.args(arguments).current_dir(self.clone.path()).env("LIVE_TOKEN", &self.token);
        let user = if self.kind == Kind::GitHub { "x-access-token" } else { "oauth2" };
        let helper = format!("!f() {{ echo username={user}; echo \"password=$LIVE_TOKEN\"; }}; f");
        let settings = [("credential.helper", helper.as_str()), ("user.name", "Pinrail's tests")];
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (at, (key, value)) in settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_EMAIL"), "pinrail@localhost");
            command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
        }
        if let Some(file) = std::env::var_os("PINRAIL_CA_FILE") {
            command.env("GIT_SSL_CAINFO", file);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = command.spawn().map_err(|error| error.to_string())?;
        if let Some(mut stdin) = program.stdin.take() {
            use std::io::Write;
            stdin.write_all(input.unwrap_or_default().as_bytes()).map_err(|e| e.to_string())?;
        }
        let output = program.wait_with_output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
        }
    }

    /// The program, with `--json`.
    pub fn pinrail(&self, arguments: &[&str]) -> Run {
        self.run(arguments, "git")
    }

    /// The same; its commits get there by `via`.
    pub fn run(&self, arguments: &[&str], via: &str) -> Run {
        let mut command = clean(env!("CARGO_BIN_EXE_pinrail"));
        command.args(["--json", "--timeout", "5m"]).args(arguments);
        command.env("PINRAIL_REPO", &self.url).env("PINRAIL_TOKEN", &self.token);
        command.env("PINRAIL_VIA", via).stdin(Stdio::null());
        let output = command.output().expect("run pinrail");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains(&self.token), "it shows the token");
        let document = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stderr}"));
        Run { code: output.status.code(), document }
    }

    /// A call of the forge's own API, below the project.
    pub fn api(&self, method: &Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    fn ask(&self, method: &Method, path: &str, body: &Value) -> (reqwest::StatusCode, Value) {
        let (below, header, secret) = match self.kind {
            Kind::GitHub => {
                let bearer = format!("Bearer {}", self.token);
                (format!("repos/{}", self.address.project), "authorization", bearer)
            }
            Kind::GitLab => {
                let project = self.address.project.replace('/', "%2F");
                (format!("projects/{project}"), "private-token", self.token.clone())
            }
        };
        let base = self.address.api.as_str().trim_end_matches('/');
        let mut call = self.http.request(method.clone(), format!("{base}/{below}/{path}"));
        call = call.header(header, secret);
        if *method != Method::GET {
            call = call.header("content-type", "application/json").body(body.to_string());
        }
        let answer = call.send().expect("reach the forge");
        let (status, text) = (answer.status(), answer.text().expect("read its answer"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn request_path(&self, number: u64) -> String {
        let all = if self.kind == Kind::GitHub { "pulls" } else { "merge_requests" };
        format!("{all}/{number}")
    }

    /// A request as the forge's own API shows it.
    pub fn request(&self, number: u64) -> Request {
        let told = self.api(&Method::GET, &self.request_path(number), &Value::Null);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.kind {
            Kind::GitHub => Request {
                state: if told["merged"] == true {
                    "merged".to_owned()
                } else {
                    text(&told["state"])
                },
                head: text(&told["head"]["sha"]),
                title: text(&told["title"]),
                body: text(&told["body"]),
            },
            Kind::GitLab => Request {
                state: text(&told["state"]).replace("opened", "open"),
                head: text(&told["sha"]),
                title: text(&told["title"]),
                body: text(&told["description"]),
            },
        }
    }

    /// The same once it is at `head`: forges hear of a push a moment after it.
    pub fn request_at(&self, number: u64, head: &str) -> Request {
        let mut request = self.request(number);
        for _ in 0..30 {
            if request.head == head {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
            request = self.request(number);
        }
        assert_eq!(request.head, head, "{request:#?}");
        request
    }

    /// A person's click on the forge's own button, again while the forge has to think first.
    pub fn click_merge(&self, number: u64) {
        let path = format!("{}/merge", self.request_path(number));
        let mut refused = Value::Null;
        for _ in 0..30 {
            // GitLab finds out whether it can be merged when it is looked at.
            self.request(number);
            let (status, answer) = self.ask(&Method::PUT, &path, &serde_json::json!({}));
            if status.is_success() {
                return;
            }
            assert!([405, 409, 422].contains(&status.as_u16()), "{status}: {answer}");
            refused = answer;
            std::thread::sleep(Duration::from_secs(1));
        }
        panic!("the forge did not merge {number}: {refused}");
    }
}

/// A request on the forge.
#[derive(Debug)]
pub struct Request {
    /// `open`, `closed` or `merged`.
    pub state: String,
    pub head: String,
    pub title: String,
    pub body: String,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub document: Value,
}

impl Run {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

/// A program that knows nothing of the CI it runs in.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    let kept = KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    command.env_clear().envs(kept).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command
}
