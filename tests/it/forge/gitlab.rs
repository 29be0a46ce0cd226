//! What the GitLab adapter makes of each answer of the forge. The numbers F1 to F22 are those
//! of `tests/forges/README.md`.

mod facts;
mod merging;
mod people;
mod records;
mod refusals;
mod requests;
mod statuses;
mod withdraw;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use pinrail::domain::config::ForgeKind;
use pinrail::domain::environment::MergeMethod;
use pinrail::forge::gitlab::GitLab;
use pinrail::forge::{
    Address, ApiToken, Endpoints, Forge, Merge, MergeWhen, PullRequest, PullRequestSpec, Session,
};
use serde_json::{Value, json};

use crate::support::forge::FakeForge;

const LIST: &str = "/projects/{id}/merge_requests";

/// A project with `main` and a branch `pin/a`; bob writes, cy reads, mo maintains, ann owns.
struct Place {
    fake: FakeForge,
    project: String,
    /// The commit of `main`.
    base: String,
    /// The commit of `pin/a`.
    head: String,
    /// What was said while waiting.
    notices: Rc<RefCell<Vec<String>>>,
}

impl Place {
    fn new() -> Self {
        Self::on(FakeForge::gitlab(), "acme/platform/root")
    }

    fn on(fake: FakeForge, project: &str) -> Self {
        let group = project.rsplit_once('/').expect("a group").0;
        let made = fake.act(json!([
            {"do": "group", "path": group, "members": {"ann": "owner"}},
            {"do": "project", "path": project,
             "members": {"bob": "developer", "cy": "reporter", "mo": "maintainer"},
             "files": {"pins/api.json": "1\n"}},
            {"do": "token", "name": "bob", "user": "bob", "secret": "glpat-bob"},
            {"do": "push", "project": project, "branch": "pin/a",
             "files": {"pins/api.json": "2\n"}, "message": "Pin api 2"},
        ]));
        let sha = |at: usize| made[at]["sha"].as_str().expect("a commit").to_owned();
        let (base, head) = (sha(1), sha(3));
        Self { fake, project: project.to_owned(), base, head, notices: Rc::default() }
    }

    fn gitlab(&self) -> GitLab {
        self.with_token("glpat-bob", false, 30)
    }

    /// With a token of another kind; `seconds` until time is up.
    fn with_token(&self, secret: &str, is_job_token: bool, seconds: u64) -> GitLab {
        let address = Address::of(
            ForgeKind::Gitlab,
            &self.fake.repository(&self.project),
            Some(&self.project),
            &[Endpoints {
                server: self.fake.web().parse().expect("a URL"),
                api: self.fake.api().parse().expect("a URL"),
                graphql: None,
            }],
        );
        let token = ApiToken {
            secret: secret.to_owned().into(),
            source: "GITLAB_TOKEN".to_owned(),
            is_job_token,
        };
        let notices = Rc::clone(&self.notices);
        let notice = move |text: &str| notices.borrow_mut().push(text.to_owned());
        let session = Session::new(None, Duration::from_secs(seconds), Box::new(notice));
        GitLab::new(address.expect("an address"), token, session.expect("a session"))
            .expect("an adapter")
    }

    /// A token that the fake makes; its secret.
    fn token(&self, token: &Value) -> String {
        let mut step = token.clone();
        step["do"] = "token".into();
        self.fake.act(step)["secret"].as_str().expect("a secret").to_owned()
    }

    fn act(&self, step: &Value) {
        let mut step = step.clone();
        step["project"] = self.project.as_str().into();
        self.fake.act(step);
    }

    fn configure(&self, settings: &Value) {
        let mut step = settings.clone();
        step["do"] = "configure".into();
        self.act(&step);
    }

    /// How often a route was asked.
    fn asked(&self, route: &str) -> u64 {
        self.fake.get("/counters")["byRoute"][route].as_u64().unwrap_or_default()
    }

    fn open(&self) -> PullRequest {
        self.gitlab().create(&spec()).expect("create").request
    }

    fn merge(&self) -> Merge {
        Merge { head: self.head.clone(), method: MergeMethod::Merge, when: MergeWhen::Now }
    }

    fn ready(&self) -> Merge {
        Merge { when: MergeWhen::Ready, ..self.merge() }
    }
}

fn spec() -> PullRequestSpec {
    PullRequestSpec {
        branch: "pin/a".parse().expect("a branch"),
        base: "main".parse().expect("a branch"),
        title: "Promote api".to_owned(),
        body: "What changes.\n".to_owned(),
        labels: vec!["promotion".to_owned()],
        reviewers: Vec::new(),
        assignees: Vec::new(),
        draft: false,
        squash: false,
    }
}

/// A rule of the fault script for a route of the project.
fn fault(method: &str, path: &str, rule: &Value) -> Value {
    let mut rule = rule.clone();
    rule["route"] = format!("{method} /projects/{{id}}{path}").into();
    rule
}
