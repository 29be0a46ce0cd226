//! A services-root from its first day on, as a user reads it on the terminal.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{shown, snapshot};
use crate::support::git::git;
use crate::support::root::{pin_path, revision};

/// A root that `init` has made, and a transcript.
struct Story {
    folder: TempDir,
    text: String,
}

impl Story {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("create a directory");
        let text = shown(folder.path(), &["init", "services-root"]);
        Self { folder, text }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("services-root")
    }

    fn run(&mut self, arguments: &[&str]) -> &mut Self {
        self.text += &shown(&self.root(), arguments);
        self
    }

    fn pin(&mut self, service: &str, tag: &str, more: &[&str]) -> &mut Self {
        let revision = revision('a');
        let pin = ["pin", service, "-e", "staging", "--image-tag", tag, "--revision", &revision];
        self.run(&[&pin, more].concat())
    }

    /// Forgets what was said so far.
    fn then(&mut self) -> &mut Self {
        self.text.clear();
        self
    }

    /// With what differs from run to run made equal; how long ago a pin came decides the
    /// width of a column.
    #[track_caller]
    fn snapshot(&self, name: &str) {
        let root = self.root();
        let text = self.text.replace(root.to_str().expect("UTF-8"), "[ROOT]");
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r" · (now|\d+[mhd])\b", " · [AGO]");
        settings.add_filter(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]");
        settings.add_filter(r"   +", "  ");
        settings.bind(|| snapshot(name, &text));
    }
}

#[test]
fn the_first_day() {
    let mut story = Story::begin();
    story
        .run(&["status"])
        .run(&["service", "add", "api"])
        .run(&["service", "add", "api"])
        .run(&["service", "add", "worker", "--description", "Writes invoices"])
        .pin("api", "1.9", &[])
        .pin("api", "1.10", &["--expect", "1.9"])
        .pin("api", "1.10", &["--expect", "1.9"])
        .pin("worker", "0123", &[])
        .run(&["status"])
        .run(&["status", "worker", "-e", "staging"])
        .run(&["check"]);
    assert_eq!(git(&story.root(), &["status", "--porcelain"]), "");
    story.snapshot("story-first-day");
}

#[test]
fn the_registry() {
    let mut story = Story::begin();
    story
        .then()
        .run(&["domain", "list"])
        .run(&["domain", "add", "billing", "--owner", "@acme/billing", "--registration", "request"])
        .run(&["domain", "add", "billing", "--owner", "@acme/billing", "--registration", "request"])
        .run(&["domain", "list"])
        .run(&["service", "list"])
        .run(&[
            "service",
            "add",
            "invoice-api",
            "--domain",
            "billing",
            "--repository",
            "https://git.example.com/billing/invoices.git",
            "--chart-path",
            "api/helm",
        ])
        .pin("web", "1.0", &["--create"])
        .run(&["service", "list"])
        .run(&["service", "list", "--domain", "billing"])
        .run(&["service", "show", "invoice-api"])
        .run(&["service", "show", "web"])
        .run(&["service", "remove", "web"])
        .run(&["service", "remove", "invoice-api"]);
    let config = fs::read_to_string(story.root().join("pinrail.yaml")).expect("read it");
    let (_, domains) = config.split_once("domains:").expect("domains");
    let (domains, _) = domains.split_once("\n\n").expect("an empty line");
    story.text += &format!("domains:{domains}\n");
    story.snapshot("story-registry");
}

#[test]
fn the_past() {
    let mut story = Story::begin();
    story.pin("api", "1.9", &["--create"]);
    let first = git(&story.root(), &["rev-parse", "HEAD"]);
    story.pin("api", "1.10", &[]);
    let before = git(&story.root(), &["rev-parse", "HEAD~2"]);
    story.then();
    story
        .run(&["status", "--at", &first])
        .run(&["status", "--at", &first[..10]])
        .run(&["status", "--at", &before])
        .run(&["status", "--at", "2020-01-01"])
        .run(&["status", "--at", "yesterday"])
        .run(&["status", "--at", "00000000"]);
    story.text = story.text.replace(&first, "[FIRST]").replace(&first[..10], "[FIRST]");
    story.text = story.text.replace(&before, "[BEFORE]");
    story.snapshot("story-past");
}

#[test]
fn errors_say_what_and_what_to_do() {
    let mut story = Story::begin();
    story.pin("api", "1.0", &["--create", "--sequence", "7"]).then();
    let revision = revision('a');
    story
        .pin("apy", "1.0", &[])
        .pin("api", "2.0", &["--expect", "1.9"])
        .pin("api", "2.0", &["--sequence", "6"])
        .pin("api", "2.0", &["--image-tag", "latest"])
        .pin("api", "a/b", &[])
        .run(&["pin", "api", "-e", "stagin", "--image-tag", "2.0", "--revision", &revision])
        .run(&["pin", "api", "-e", "production", "--image-tag", "2.0", "--revision", &revision])
        .run(&["pin", "api", "-e", "staging", "--image-tag", "2.0"])
        .run(&["pin", "api", "-e", "staging", "--image-tag", "2.0", "--revision", "a2a7d76"])
        .run(&["pin", "api"])
        .run(&["service", "add", "API"])
        .run(&["service", "ad", "api"])
        .run(&["service", "remove", "api"])
        .run(&["init", "."])
        .run(&["--repo", "/nonexistent", "status"]);
    fs::write(story.root().join("README.md"), "mine\n").expect("change a file");
    story.pin("api", "2.0", &[]);
    story.snapshot("story-errors");
}

#[test]
fn a_dry_run_shows_what_it_would_write() {
    let mut story = Story::begin();
    story.pin("api", "1.0", &["--create"]).then();
    let list = Path::new("pins.json");
    let pins = format!(
        r#"[{{"service": "api", "environment": "staging", "imageTag": "1.1", "targetRevision": "{0}"}},
            {{"service": "web", "environment": "staging", "imageTag": "7", "targetRevision": "{0}", "create": true}}]"#,
        revision('b')
    );
    fs::write(story.folder.path().join(list), pins).expect("write the list");
    story
        .pin("api", "1.1", &["--dry-run"])
        .pin("api", "1.0", &["--dry-run"])
        .run(&["service", "add", "api", "--dry-run"])
        .run(&["pin", "--from-file", "../pins.json", "--dry-run"])
        .run(&["pin", "--from-file", "../pins.json"])
        .run(&["pin", "--from-file", "../pins.json", "-q"]);
    story.snapshot("story-dry-run");
}

#[test]
fn check_lists_every_problem_with_its_place() {
    let mut story = Story::begin();
    story.pin("api", "1.0", &["--create"]).then().run(&["check"]);
    let root = story.root();
    let write = |path: &str, content: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make the folder");
        fs::write(path, content).expect("write a file");
    };
    let pin = fs::read_to_string(root.join(pin_path("api"))).expect("read it");
    write(&pin_path("api"), &pin.replace("\"staging\"", "\"production\""));
    write(
        &pin_path("new"),
        &pin.replace("\"api\"", "\"new\"").replace("\n}", ",\n  \"note\": 1\n}"),
    );
    write("envs/stagin/services/api.json", &pin);
    write("services/services/api.yaml", "# facts\nrepositry: x\n");
    write("services/biling/x.yaml", "");
    write("locks/staging.json", "{\"reason\": \"\"}");
    story.run(&["check"]);
    let config = fs::read_to_string(root.join("pinrail.yaml")).expect("read it");
    write("pinrail.yaml", &config.replace("protected: true", "protcted: true"));
    story.run(&["check"]);
    story.snapshot("story-check");
}
