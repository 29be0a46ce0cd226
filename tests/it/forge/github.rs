//! What the GitHub adapter makes of each answer of the forge. F1 to F23 are the numbers of
//! `tests/forges/README.md`.

mod bad_days;
mod commits;
mod facts;
mod live;
mod merging;
mod requests;
mod statuses;
mod withdraw;

use std::time::Duration;

use pinrail::domain::environment::MergeMethod;
use pinrail::domain::name::BranchName;
use pinrail::forge::github::GitHub;
use pinrail::forge::{
    Address, ApiCommit, ApiToken, Forge, ForgeError, Merge, MergeWhen, PullRequest,
    PullRequestSpec, Reviewer, Session,
};
use serde_json::{Value, json};

use crate::support::forge::FakeForge;
use crate::support::git::git;

const ROOT: &str = "acme/root";
const PULLS: &str = "/repos/{owner}/{repo}/pulls";
const MERGE: &str = "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge";

/// `acme/root` with `main` and a branch `pin/a`; ann owns, bob writes, cy reads.
struct Hub {
    fake: FakeForge,
    /// Bob's token.
    secret: String,
    main: String,
    /// The tip of `pin/a`.
    head: String,
}

impl Hub {
    fn new() -> Self {
        Self::on(FakeForge::github())
    }

    fn enterprise() -> Self {
        Self::on(FakeForge::github_enterprise("3.17"))
    }

    fn on(fake: FakeForge) -> Self {
        let made = fake.act(json!([
            {"do": "group", "path": "acme", "members": {"ann": "admin"},
             "teams": {"release": ["bob"]}},
            {"do": "project", "path": ROOT, "members": {"bob": "write", "cy": "read"},
             "files": {"pins/api.json": "1\n", "README.md": "hello\n"}},
            {"do": "token", "name": "bob", "user": "bob"},
            {"do": "push", "project": ROOT, "branch": "pin/a",
             "files": {"pins/api.json": "2\n"}, "message": "Pin api 2"},
        ]));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (main, head) = (text(&made[1]["sha"]), text(&made[3]["sha"]));
        Self { secret: text(&made[2]["secret"]), main, head, fake }
    }

    fn github(&self) -> GitHub {
        self.with(&self.secret, Duration::from_secs(60))
    }

    fn with(&self, secret: &str, timeout: Duration) -> GitHub {
        self.named(ROOT, secret, timeout)
    }

    fn address(&self, project: &str) -> Address {
        let url = |text: &str| text.parse().expect("a URL");
        Address {
            server: url(self.fake.web()),
            api: url(self.fake.api()),
            graphql: url(self.fake.graphql()),
            project: project.to_owned(),
        }
    }

    fn named(&self, project: &str, secret: &str, timeout: Duration) -> GitHub {
        let token = ApiToken {
            secret: secret.into(),
            source: "PINRAIL_TOKEN".to_owned(),
            is_job_token: false,
        };
        GitHub::new(self.address(project), token, session(timeout)).expect("a client")
    }

    /// The secret of a new token.
    fn token(&self, mut given: Value) -> String {
        given["do"] = json!("token");
        self.fake.act(given)["secret"].as_str().expect("a secret").to_owned()
    }

    /// A step on the project.
    #[track_caller]
    fn act(&self, what: &str, mut given: Value) -> Value {
        given["do"] = json!(what);
        given["project"] = json!(ROOT);
        self.fake.act(given)
    }

    /// The request of `pin/a`, opened by somebody else.
    fn opened(&self) -> u64 {
        let made = self.act("open", json!({"head": "pin/a", "base": "main", "by": "ann"}));
        made["number"].as_u64().expect("a number")
    }

    /// A commit that has none in common with `main`.
    fn unrelated(&self) -> String {
        let folder = self.fake.folder(ROOT);
        let tree = git(&folder, &["rev-parse", "main^{tree}"]);
        let commit = git(&folder, &["commit-tree", "-m", "Another root", &tree]);
        git(&folder, &["update-ref", "refs/heads/unrelated", &commit]);
        self.act("sync", json!({}));
        commit
    }

    /// Another branch with a request of its own, and its tip.
    fn another(&self, branch: &str) -> (u64, String) {
        let pushed = self.act("push", json!({"branch": branch, "files": {branch: "1"}}));
        let made = self.act("open", json!({"head": branch, "by": "ann"}));
        let head = pushed["sha"].as_str().expect("a commit").to_owned();
        (made["number"].as_u64().expect("a number"), head)
    }

    /// What the client did of one kind.
    fn effects(&self, kind: &str) -> u64 {
        self.fake.get("/counters")["byKind"][kind].as_u64().unwrap_or(0)
    }

    fn writes(&self) -> usize {
        let log = self.fake.get("/log");
        let log = log.as_array().or(log["entries"].as_array()).expect("a log").clone();
        log.iter().filter(|entry| entry["method"] != "GET").count()
    }

    fn now(&self) -> Merge {
        Merge { head: self.head.clone(), method: MergeMethod::Merge, when: MergeWhen::Now }
    }

    fn ready(&self) -> Merge {
        Merge { when: MergeWhen::Ready, ..self.now() }
    }
}

fn session(timeout: Duration) -> Session {
    Session::new(None, timeout, Box::new(|_| {})).expect("a session")
}

fn branch(name: &str) -> BranchName {
    BranchName::try_from(name.to_owned()).expect("a branch's name")
}

fn spec() -> PullRequestSpec {
    PullRequestSpec {
        branch: branch("pin/a"),
        base: branch("main"),
        title: "Promote api".to_owned(),
        body: "From 1 to 2.\n".to_owned(),
        labels: Vec::new(),
        reviewers: Vec::new(),
        assignees: Vec::new(),
        draft: false,
        squash: false,
    }
}

/// A new file on `main`.
fn commit(hub: &Hub) -> ApiCommit {
    ApiCommit {
        branch: branch("main"),
        from: Some(hub.main.clone()),
        parent: hub.main.clone(),
        subject: "Add a file".to_owned(),
        body: String::new(),
        files: vec![("new".to_owned(), Some(Vec::new()))],
    }
}

fn user(login: &str) -> Reviewer {
    Reviewer::User(login.to_owned())
}

#[track_caller]
fn not_mergeable<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> String {
    match result {
        Err(ForgeError::NotMergeable(words)) => words,
        other => panic!("{other:?}"),
    }
}
