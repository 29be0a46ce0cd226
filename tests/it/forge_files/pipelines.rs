//! The pipelines that `init` writes: valid, with few rights, and run as a runner would.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{made, read};
use crate::support::git::{self, git};
use crate::support::pinrail::Run;
use crate::support::tools;

const WORKFLOW: &str = ".github/workflows/pinrail.yml";
const TEND: &str = ".github/workflows/pinrail-tend.yml";
const GITLAB: &str = ".gitlab-ci.yml";

fn parsed(root: &Path, path: &str) -> Value {
    serde_saphyr::from_str(&read(root, path)).expect(path)
}

/// A new services-root, and those who run its pipeline.
pub struct Runner {
    folder: tempfile::TempDir,
    kind: &'static str,
}

impl Runner {
    pub fn new(kind: &'static str) -> Self {
        Self { folder: made(kind, &[]), kind }
    }

    pub fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    /// Somebody's commit on a branch of the services-root; its id.
    pub fn commit(&self, branch: &str, path: &str, content: &str) -> String {
        git::commit_file(&self.root(), branch, path, content, "a change");
        git::tip(&self.root(), branch).expect("a branch")
    }

    /// Runs the pipeline's own scripts on a commit, of a branch or of a request.
    pub fn run(&self, branch: Option<&str>, commit: &str) -> Run {
        let root = self.root();
        let place = tempfile::tempdir_in(self.folder.path()).expect("create a directory");
        let program = Path::new(env!("CARGO_BIN_EXE_pinrail")).parent().expect("a folder");
        let path = std::env::var("PATH").expect("a path");
        let mut shell = git::hermetic("sh");
        shell.env("PATH", format!("{}:{path}", program.display())).env("HOME", place.path());
        shell.env("GIT_CONFIG_GLOBAL", place.path().join("gitconfig")).current_dir(place.path());
        let script = if self.kind == "gitlab" {
            // The runner itself brings every branch, and leaves the commit detached.
            let clone = place.path().join("clone");
            let origin = root.to_str().expect("UTF-8");
            git(place.path(), &["clone", "--quiet", "--no-checkout", origin, "clone"]);
            git(&clone, &["checkout", "--quiet", "--detach", commit]);
            shell.current_dir(&clone).env("CI_PROJECT_DIR", &clone);
            branch.map(|branch| shell.env("CI_COMMIT_BRANCH", branch));
            lines(&parsed(&root, GITLAB)["check"]["script"])
        } else {
            shell.env("GITHUB_SERVER_URL", format!("file://{}", self.folder.path().display()));
            shell.env("GITHUB_REPOSITORY", "root").env("GITHUB_SHA", commit);
            let event = if branch.is_some() { "push" } else { "pull_request" };
            shell.env("GITHUB_EVENT_NAME", event);
            shell.env("GITHUB_REF_NAME", branch.unwrap_or("1/merge"));
            let steps = parsed(&root, WORKFLOW)["jobs"]["check"]["steps"].clone();
            // Each step begins in the workspace.
            let of_step =
                |step: &Value| format!("(set -e; {})", step["run"].as_str().expect("run"));
            steps.as_array().expect("steps").iter().map(of_step).collect::<Vec<_>>().join("\n")
        };
        shell.args(["-e", "-c", &script]).output().expect("run the scripts").into()
    }
}

fn lines(script: &Value) -> String {
    let lines = script.as_array().expect("a list").iter();
    lines.map(|line| line.as_str().expect("a text")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_workflows_are_such_that_github_understands() {
    let folder = made("github", &["--owner", "@acme/platform"]);
    for workflow in [WORKFLOW, TEND] {
        let mut lint = tools::tool("actionlint");
        let output = lint
            .args(["-shellcheck=", "-pyflakes=", "-no-color"])
            .arg(folder.path().join("root").join(workflow))
            .output()
            .expect("start actionlint");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn who_looks_after_requests_runs_nothing_of_theirs() {
    let folder = made("github", &[]);
    let workflow = parsed(&folder.path().join("root"), TEND);
    let on = &workflow["on"];
    assert_eq!(on["schedule"][0]["cron"], "*/10 * * * *");
    assert_eq!(on["push"]["branches"], json!(["main", "pins"]));
    // The token of the run, which a fork's request gets too, may do nothing at all.
    assert_eq!(workflow["permissions"], json!({}));
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let job = &workflow["jobs"]["tend"];
    assert!(job.get("permissions").is_none(), "{job}");
    let steps = job["steps"].as_array().expect("steps");
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    let script = step["run"].as_str().expect("a script");
    assert!(step.get("uses").is_none() && !script.contains("${{"), "{step}");
    assert!(script.starts_with("pinrail tend ") && !script.contains("git"), "{script}");
}

#[test]
fn gitlabs_tend_runs_where_its_token_is_and_never_for_a_request() {
    let folder = made("gitlab", &[]);
    let job = &parsed(&folder.path().join("root"), GITLAB)["tend"];
    let rules = job["rules"].as_array().expect("rules");
    let [rule] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!(rule["if"], r#"$CI_COMMIT_BRANCH == "main" || $CI_COMMIT_BRANCH == "pins""#);
    assert_eq!(job["variables"]["GIT_STRATEGY"], "none");
    assert!(lines(&job["script"]).starts_with("pinrail tend "), "{job}");
}

#[test]
fn a_workflow_that_is_wrong_is_found() {
    let folder = made("github", &[]);
    let file = folder.path().join("root").join(WORKFLOW);
    let text = fs::read_to_string(&file).expect("read it").replace("runs-on:", "run-on:");
    fs::write(&file, text).expect("write it");
    let output = tools::tool("actionlint").arg(file).output().expect("start actionlint");
    assert!(!output.status.success());
}

#[test]
fn the_workflow_may_read_and_nothing_else_and_runs_nobody_elses_code() {
    let folder = made("github", &[]);
    let root = folder.path().join("root");
    let workflow = parsed(&root, WORKFLOW);
    assert_eq!(workflow["permissions"], json!({"contents": "read"}));
    let on = &workflow["on"];
    assert_eq!(on["pull_request"]["branches"], json!(["main"]));
    assert_eq!(on["push"]["branches"], json!(["main", "pins"]));
    assert!(on.get("pull_request_target").is_none(), "it would run a fork's files with secrets");
    let job = &workflow["jobs"]["check"];
    assert_eq!(job["container"], "${{ vars.PINRAIL_IMAGE }}");
    for step in job["steps"].as_array().expect("steps") {
        assert!(step.get("uses").is_none(), "{step}");
        // What others write comes by the environment, and is never part of a script.
        assert!(!step["run"].as_str().expect("a script").contains("${{"), "{step}");
    }
}

#[test]
fn gitlabs_pipeline_runs_for_requests_and_for_both_branches() {
    let folder = made("gitlab", &[]);
    let pipeline = parsed(&folder.path().join("root"), GITLAB);
    let rules = pipeline["workflow"]["rules"].as_array().expect("rules");
    let conditions: Vec<_> = rules.iter().map(|rule| rule["if"].as_str().expect("if")).collect();
    assert_eq!(
        conditions,
        [
            r#"$CI_PIPELINE_SOURCE == "merge_request_event""#,
            r#"$CI_COMMIT_BRANCH == "main" || $CI_COMMIT_BRANCH == "pins""#
        ]
    );
    let job = &pipeline["check"];
    assert_eq!(pipeline["stages"], json!([job["stage"], pipeline["tend"]["stage"]]));
    assert_eq!(
        (&job["image"]["name"], &job["variables"]["GIT_DEPTH"]),
        (&json!("$PINRAIL_IMAGE"), &json!("0"))
    );
    assert!(job.get("allow_failure").is_none(), "{job}");
    let report = json!({"codequality": "gl-code-quality-report.json"});
    assert_eq!(job["artifacts"], json!({"when": "always", "reports": report}));
}

#[test]
fn a_new_root_passes_its_own_pipeline_on_both_branches_and_in_a_request() {
    for kind in ["gitlab", "github"] {
        let runner = Runner::new(kind);
        let commit = git::tip(&runner.root(), "main").expect("main");
        for branch in [Some("main"), Some("pins"), None] {
            let run = runner.run(branch, &commit).succeeded();
            assert!(run.stderr.contains("In order"), "{kind}: {run:?}");
        }
    }
}

#[test]
fn a_mistake_on_either_branch_or_in_a_request_stops_the_pipeline() {
    for kind in ["gitlab", "github"] {
        let runner = Runner::new(kind);
        let good = git::tip(&runner.root(), "main").expect("main");
        let pin = "envs/staging/services/api.json";
        let bad = runner.commit("pins", pin, "{}");
        let run = runner.run(Some("pins"), &bad);
        assert!(run.code != 0 && run.stdout.contains(pin), "{kind}: {run:?}");
        git(&runner.root(), &["update-ref", "refs/heads/pins", &good]);

        git(&runner.root(), &["update-ref", "refs/heads/asked", &good]);
        let asked = runner.commit("asked", "envs/production/services/api.json", "{}");
        // As a request it is judged as main, whose pin it is.
        let run = runner.run(None, &asked);
        assert!(run.code != 0 && run.stderr.contains("envs/production"), "{kind}: {run:?}");
    }
}
