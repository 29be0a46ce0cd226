//! Facts in, verdicts out; and a forge that answers so.

use jiff::Timestamp;

use super::finding::{Finding, Verdict};
use super::{branches, examined, project, report, token};
use crate::commands::ErrorKind;
use crate::domain::config::Config;
use crate::domain::environment::MergeMethod;
use crate::domain::name::BranchName;
use crate::forge::*;

const CONFIG: &str = "\
version: 1
forge: {kind: gitlab, project: platform/services-root}
owners: [\"@acme/platform\"]
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: production, cluster: eu-1, from: staging, mode: request}
";

fn config(text: &str) -> Config {
    Config::parse(text.as_bytes()).expect("a configuration")
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

fn good_token() -> TokenFacts {
    TokenFacts {
        login: "project_7_bot".to_owned(),
        kind: Some("project access token".to_owned()),
        scopes: Some(vec!["api".to_owned()]),
        expires_at: "2027-05-01T00:00:00Z".parse().ok(),
        starts_pipelines: true,
    }
}

fn good_project() -> ProjectFacts {
    ProjectFacts {
        default_branch: Some("main".to_owned()),
        may_push: Some(true),
        methods: Some(vec![MergeMethod::Merge]),
        fast_forward_only: Some(false),
        auto_merge: Some(true),
        removes_branches: Some(true),
        queue: Some(false),
        clock_ahead: Some(-3),
        notes: vec!["a merge needs a pipeline that passed".to_owned()],
    }
}

fn good_main() -> BranchFacts {
    BranchFacts {
        exists: true,
        requests_only: Some(true),
        token_may_push: Some(false),
        may_push: Vec::new(),
        approvals: Some(1),
        code_owners: Some(true),
        dismisses_stale: Some(true),
        required_checks: vec!["check".to_owned()],
        force_push: Some(false),
        may_be_deleted: Some(false),
    }
}

fn good_pins() -> BranchFacts {
    BranchFacts { requests_only: Some(false), token_may_push: Some(true), ..good_main() }
}

/// What is not in order, as `verdict name`.
fn amiss(found: &[Finding]) -> Vec<String> {
    let shown = |one: &Finding| format!("{:?} {}", one.verdict, one.name).to_lowercase();
    found.iter().filter(|one| one.verdict != Verdict::Ok).map(shown).collect()
}

fn assert_helpful(found: &[Finding]) {
    for one in found.iter().filter(|one| one.verdict == Verdict::Problem) {
        assert!(one.hint.is_some(), "{one:?} does not say what to do");
    }
}

#[test]
fn what_is_as_the_settings_say_is_in_order() {
    let config = config(CONFIG);
    assert_eq!(amiss(&token::token(&config, &good_token(), now())), Vec::<String>::new());
    assert_eq!(amiss(&project::project(&config, &good_project())), Vec::<String>::new());
    assert_eq!(amiss(&branches::main(&config, &good_main())), Vec::<String>::new());
    assert_eq!(amiss(&branches::pins(&config, &good_pins())), Vec::<String>::new());
}

#[test]
fn a_forge_that_tells_nothing_gives_no_verdict_and_no_alarm() {
    let config = config(CONFIG);
    let facts = BranchFacts { exists: true, ..BranchFacts::default() };
    let found = [
        project::project(&config, &ProjectFacts::default()),
        branches::main(&config, &facts),
        branches::pins(&config, &facts),
    ]
    .concat();
    let other: Vec<_> =
        amiss(&found).into_iter().filter(|one| !one.starts_with("unknown ")).collect();
    // The one thing that is known: no check is there.
    assert_eq!(other, ["warning main.checks"]);
}

#[test]
fn each_fault_of_a_token_has_its_verdict() {
    let ends = |time: &str| TokenFacts { expires_at: time.parse().ok(), ..good_token() };
    let scoped = |scopes: &[&str]| TokenFacts {
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        ..good_token()
    };
    let github = CONFIG.replace("gitlab", "github");
    for (text, facts, expected) in [
        (CONFIG, ends("2026-11-21T11:00:00Z"), &["problem token.expiry"][..]),
        (CONFIG, ends("2026-12-05T11:59:59Z"), &["warning token.expiry"]),
        (CONFIG, ends("2026-12-05T12:00:00Z"), &[]),
        (CONFIG, TokenFacts { expires_at: None, ..good_token() }, &[]),
        (
            CONFIG,
            TokenFacts { starts_pipelines: false, scopes: None, ..good_token() },
            &["problem token.pipelines", "unknown token.scopes"],
        ),
        (
            CONFIG,
            scoped(&["read_api", "write_repository"]),
            &["problem token.requests", "warning token.statuses", "warning token.deployments"],
        ),
        (
            CONFIG,
            scoped(&["read_api"]),
            &[
                "problem token.push",
                "problem token.requests",
                "warning token.statuses",
                "warning token.deployments",
            ],
        ),
        (&github, scoped(&["repo"]), &[]),
        (&github, scoped(&[]), &["unknown token.scopes"]),
        (
            &github,
            scoped(&["contents:write", "metadata:read"]),
            &["problem token.requests", "warning token.statuses", "warning token.deployments"],
        ),
        (
            &github,
            scoped(&["contents:write", "pull_requests:write", "statuses:write"]),
            &["warning token.deployments"],
        ),
    ] {
        let found = token::token(&config(text), &facts, now());
        assert_eq!(amiss(&found), expected, "{facts:?}");
        assert_helpful(&found);
    }
}

#[test]
fn without_requests_a_token_needs_less() {
    let config = config(&CONFIG.replace("from: staging, mode: request", "mode: direct"));
    let scopes = Some(vec!["write_repository".to_owned()]);
    let facts = TokenFacts { starts_pipelines: false, scopes, ..good_token() };
    let found = token::token(&config, &facts, now());
    assert_eq!(amiss(&found), ["warning token.pipelines", "warning token.deployments"]);
}

#[test]
fn each_fault_of_a_project_has_its_verdict() {
    let good = good_project;
    let squash = "mode: request, request: {mergeMethod: squash, autoMerge: true}";
    let wanting = CONFIG.replace("mode: request", squash);
    for (text, facts, expected) in [
        (CONFIG, ProjectFacts { clock_ahead: Some(30), ..good() }, &[][..]),
        (CONFIG, ProjectFacts { clock_ahead: Some(31), ..good() }, &["warning clock"]),
        (CONFIG, ProjectFacts { clock_ahead: Some(-31), ..good() }, &["warning clock"]),
        (CONFIG, ProjectFacts { may_push: Some(false), ..good() }, &["problem project.push"]),
        (
            CONFIG,
            ProjectFacts { default_branch: Some("pins".to_owned()), ..good() },
            &["warning project.defaultbranch"],
        ),
        (
            CONFIG,
            ProjectFacts { methods: Some(vec![MergeMethod::Rebase]), ..good() },
            &["problem merge.method"],
        ),
        (
            CONFIG,
            ProjectFacts { fast_forward_only: Some(true), ..good() },
            &["warning merge.fastforward"],
        ),
        (CONFIG, ProjectFacts { auto_merge: Some(false), ..good() }, &[]),
        (
            &wanting,
            ProjectFacts { auto_merge: Some(false), ..good() },
            &["problem merge.method", "problem merge.auto"],
        ),
        (&wanting, ProjectFacts { methods: Some(vec![MergeMethod::Squash]), ..good() }, &[]),
        (
            CONFIG,
            ProjectFacts { removes_branches: Some(false), ..good() },
            &["warning merge.branches"],
        ),
    ] {
        let found = project::project(&config(text), &facts);
        assert_eq!(amiss(&found), expected, "{facts:?}");
        assert_helpful(&found);
    }
}

#[test]
fn each_fault_of_main_has_its_verdict() {
    let good = good_main;
    let people = vec!["Maintainers".to_owned()];
    for (facts, expected) in [
        (
            BranchFacts { requests_only: Some(false), may_push: people.clone(), ..good() },
            &["problem main.requests"][..],
        ),
        (BranchFacts { token_may_push: Some(true), ..good() }, &["warning main.bypass"]),
        (BranchFacts { may_push: people, ..good() }, &["warning main.bypass"]),
        (
            // Without an approval there is none to be dropped.
            BranchFacts { approvals: Some(0), dismisses_stale: Some(false), ..good() },
            &["warning main.approvals"],
        ),
        (BranchFacts { dismisses_stale: Some(false), ..good() }, &["warning main.staleapprovals"]),
        (BranchFacts { code_owners: Some(false), ..good() }, &["warning main.codeowners"]),
        (BranchFacts { required_checks: Vec::new(), ..good() }, &["warning main.checks"]),
        (BranchFacts { force_push: Some(true), ..good() }, &["problem main.history"]),
        (BranchFacts { may_be_deleted: Some(true), ..good() }, &["problem main.history"]),
        (BranchFacts { may_be_deleted: None, ..good() }, &["unknown main.history"]),
    ] {
        let found = branches::main(&config(CONFIG), &facts);
        assert_eq!(amiss(&found), expected, "{facts:?}");
        assert_helpful(&found);
    }
    let nobody = config(&CONFIG.replace("owners: [\"@acme/platform\"]\n", ""));
    assert_eq!(amiss(&branches::main(&nobody, &good())), ["warning main.codeowners"]);
}

#[test]
fn each_fault_of_pins_has_its_verdict() {
    let good = good_pins;
    for (facts, expected) in [
        (BranchFacts { token_may_push: Some(false), ..good() }, "problem pins.push"),
        (BranchFacts { token_may_push: None, ..good() }, "unknown pins.push"),
        (BranchFacts { force_push: Some(true), ..good() }, "problem pins.history"),
        (BranchFacts { may_be_deleted: Some(true), ..good() }, "problem pins.history"),
    ] {
        let found = branches::pins(&config(CONFIG), &facts);
        assert_eq!(amiss(&found), [expected], "{facts:?}");
        assert_helpful(&found);
    }
    // Where both are one branch, its history is judged once.
    let one = config(&CONFIG.replace("owners:", "branches: {pins: main}\nowners:"));
    let facts = BranchFacts { force_push: Some(true), ..good() };
    assert_eq!(amiss(&branches::pins(&one, &facts)), Vec::<String>::new());
}

#[test]
fn what_cannot_be_reached_decides_the_exit_code_before_what_is_refused() {
    let problem = |kind| Finding::problem("x", "y").kind(kind);
    for (checks, code) in [
        (vec![Finding::ok("x", "y"), Finding::warning("x", "y"), Finding::unknown("x", "y")], 0),
        (vec![Finding::ok("x", "y"), problem(ErrorKind::Refused)], 5),
        (vec![problem(ErrorKind::Refused), problem(ErrorKind::Authentication)], 1),
        (vec![problem(ErrorKind::Network)], 1),
    ] {
        let report = report(checks);
        assert_eq!(report.shortfall.map_or(0, |error| error.kind.exit_code()), code);
    }
}

/// A forge that is asked for facts alone; anything else would be a write or not a doctor's.
struct Told {
    token: Result<TokenFacts, ForgeError>,
    project: Result<ProjectFacts, ForgeError>,
    pins: Result<BranchFacts, ForgeError>,
}

impl Told {
    fn good() -> Self {
        Self { token: Ok(good_token()), project: Ok(good_project()), pins: Ok(good_pins()) }
    }

    fn amiss(&self) -> Vec<String> {
        amiss(&examined(&config(CONFIG), self, now()))
    }
}

#[test]
fn what_the_forge_does_not_tell_hides_nothing_else() {
    assert_eq!(Told::good().amiss(), Vec::<String>::new());
    let words = || "words".to_owned();
    let told = Told { token: Err(ForgeError::Auth(words())), ..Told::good() };
    assert_eq!(told.amiss(), ["problem token"]);
    let unreached = ForgeError::Unreachable(words());
    let told = Told { project: Err(unreached), ..Told::good() };
    assert_eq!(told.amiss(), ["problem project"]);
    let forbidden = ForgeError::Forbidden { words: words(), need: None };
    let told = Told { token: Err(forbidden.clone()), pins: Err(forbidden), ..Told::good() };
    assert_eq!(told.amiss(), ["unknown token", "unknown pins"]);
    let told = Told { pins: Err(ForgeError::NotFound(words())), ..Told::good() };
    assert_eq!(told.amiss(), ["unknown pins"]);
    let told = Told { pins: Ok(BranchFacts::default()), ..Told::good() };
    assert_eq!(told.amiss(), Vec::<String>::new(), "the repository itself tells of it");
}

impl Forge for Told {
    fn token(&self) -> Result<TokenFacts, ForgeError> {
        self.token.clone()
    }

    fn project(&self) -> Result<ProjectFacts, ForgeError> {
        self.project.clone()
    }

    fn branch(&self, name: &BranchName) -> Result<BranchFacts, ForgeError> {
        if name.as_str() == "main" { Ok(good_main()) } else { self.pins.clone() }
    }

    fn body_limit(&self) -> usize {
        unreachable!()
    }

    fn find_open(&self, _: &BranchName, _: &BranchName) -> Result<Option<PullRequest>, ForgeError> {
        unreachable!()
    }

    fn list_open(&self, _: &str) -> Result<Vec<PullRequest>, ForgeError> {
        unreachable!()
    }

    fn create(&self, _: &PullRequestSpec) -> Result<Written, ForgeError> {
        unreachable!()
    }

    fn update(&self, _: &PullRequest, _: &PullRequestSpec) -> Result<Written, ForgeError> {
        unreachable!()
    }

    fn merge(&self, _: u64, _: &Merge) -> Result<Merged, ForgeError> {
        unreachable!()
    }

    fn cancel_auto_merge(&self, _: u64) -> Result<bool, ForgeError> {
        unreachable!()
    }

    fn close(&self, _: u64) -> Result<(), ForgeError> {
        unreachable!()
    }

    fn get(&self, _: u64) -> Result<PullRequest, ForgeError> {
        unreachable!()
    }

    fn approvals(&self, _: u64) -> Result<Vec<String>, ForgeError> {
        unreachable!()
    }

    fn comment(&self, _: u64, _: &str) -> Result<(), ForgeError> {
        unreachable!()
    }

    fn compare(&self, _: &str, _: &str, _: &str) -> Result<Option<Comparison>, ForgeError> {
        unreachable!()
    }

    fn deploy(&self, _: &Deployment) -> Result<(), ForgeError> {
        unreachable!()
    }

    fn set_status(&self, _: &PullRequest, _: &CommitStatus) -> Result<bool, ForgeError> {
        unreachable!()
    }

    fn commit(&self, _: &ApiCommit) -> Result<String, ForgeError> {
        unreachable!()
    }
}
