//! A scenario's history, written by `git fast-import`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::scenario::{Change, Scenario};
use crate::support::git::{checked, command, git, read_file};
use crate::support::root::pin_path_in;

/// The versions of the one service that scenarios are about, by name: its commits.
pub type Versions = BTreeMap<String, String>;

/// A repository with the versions `1` to `40`, each on top of the one before, and `side`, which
/// is on top of `1` alone.
pub fn write_versions(repo: &Path) -> Versions {
    let mut import = Import::default();
    for number in 1..=40 {
        import.commit("main", "2026-01-01 00:00", &number.to_string(), None, "");
        if number == 1 {
            import.branch_off("refs/heads/side", "main");
        }
    }
    import.commit("side", "2026-01-01 00:00", "side", None, "");
    import.run(repo);
    let log = git(repo, &["log", "--branches", "--format=%s %H"]);
    let version = |line: &str| {
        let (name, commit) = line.split_once(' ').expect("a subject and a commit");
        (name.to_owned(), commit.to_owned())
    };
    log.lines().map(version).collect()
}

/// Writes a scenario into an empty repository.
pub fn write(repo: &Path, scenario: &Scenario, config: &str, pins: &str, versions: &Versions) {
    let mut writer = Writer { import: Import::default(), pins, versions };
    let services = ["api", "web", "job"].map(|name| format!("services/services/{name}.yaml"));
    let files = services.iter().map(|path| (path.as_str(), "# all defaults\n"));
    let files: String = files
        .chain([("pinrail.yaml", config)])
        .map(|(path, text)| write_file(path, text))
        .collect();
    writer.import.commit("main", "2026-01-01 00:00", "Begin", None, &files);
    if pins != "main" {
        writer.import.branch_off(&format!("refs/heads/{pins}"), "main");
    }
    for (at, change) in scenario.history {
        writer.write(at, change);
    }
    writer.import.run(repo);
}

/// One more commit in a repository that has a history.
pub fn append(repo: &Path, at: &str, change: &Change, pins: &str, versions: &Versions) {
    let mut import = Import::default();
    import.there.extend(["main", pins].map(|branch| format!("refs/heads/{branch}")));
    let mut writer = Writer { import, pins, versions };
    writer.write(at, change);
    writer.import.run(repo);
}

struct Writer<'a> {
    import: Import,
    /// The branch of direct environments and locks.
    pins: &'a str,
    versions: &'a Versions,
}

impl Writer<'_> {
    fn write(&mut self, at: &str, change: &Change) {
        if let Change::Merge(changes) = change {
            let [(_, first), ..] = changes else { panic!("a branch has commits") };
            let (branch, _) = self.edits(first);
            let mut all = String::new();
            self.import.branch_off("refs/made/side", &branch);
            for (at, change) in *changes {
                let (on, edits) = self.edits(change);
                assert_eq!(on, branch, "all are on one branch");
                self.import.commit_on("refs/made/side", at, "On a branch", None, &edits);
                all.push_str(&edits);
            }
            self.import.commit(&branch, at, "Merge", Some("refs/made/side"), &all);
        } else {
            let (branch, edits) = self.edits(change);
            self.import.commit(&branch, at, "Change", None, &edits);
        }
    }

    /// The branch that a change belongs on, and the change as `fast-import` takes it.
    fn edits(&self, change: &Change) -> (String, String) {
        let pin = |environment: &str, service: &str, tag: &str, version: &str| {
            let pin = new_pin(environment, service, tag, self.versions, version);
            (pin_path_in(environment, service), Some(format!("{pin:#}\n")))
        };
        let (path, content) = match *change {
            Change::Pin(environment, version) => pin(environment, "api", version, version),
            Change::PinOf(environment, service, version) => {
                pin(environment, service, version, version)
            }
            Change::Retag(environment, tag, version) => pin(environment, "api", tag, version),
            Change::Note(environment, version) => {
                let mut pin = new_pin(environment, "api", version, self.versions, version);
                pin["sequence"] = json!(7);
                (pin_path_in(environment, "api"), Some(format!("{pin:#}\n")))
            }
            Change::Remove(environment) => (pin_path_in(environment, "api"), None),
            Change::Lock(name, lock) => (format!("locks/{name}.json"), Some(lock.to_owned())),
            Change::Unlock(name) => (format!("locks/{name}.json"), None),
            Change::Write(path, content) => (path.to_owned(), Some(fill(content, self.versions))),
            Change::Merge(_) => panic!("a merge is in no branch"),
        };
        let direct = ["envs/staging/", "envs/qa/", "locks/"];
        let is_direct = direct.iter().any(|start| path.starts_with(start));
        let branch = if is_direct { self.pins } else { "main" };
        let edit = content.map_or_else(|| format!("D {path}\n"), |text| write_file(&path, &text));
        (branch.to_owned(), edit)
    }
}

/// A pin of the four keys that each has; clusters are named like environments here.
pub fn new_pin(
    environment: &str,
    service: &str,
    tag: &str,
    versions: &Versions,
    version: &str,
) -> Value {
    json!({
        "cluster": environment,
        "service": service,
        "imageTag": tag,
        "targetRevision": revision(versions, version),
    })
}

/// The commit of a version; one that was never made has an id that no commit has.
pub fn revision(versions: &Versions, version: &str) -> String {
    versions.get(version).cloned().unwrap_or_else(|| "f".repeat(40))
}

/// A text in which `<1>` stands for the commit of version `1`.
pub fn fill(text: &str, versions: &Versions) -> String {
    let Some((before, rest)) = text.split_once('<') else { return text.to_owned() };
    let (version, after) = rest.split_once('>').expect("a bracket is closed");
    format!("{before}{}{}", revision(versions, version), fill(after, versions))
}

/// The version that `api` has in an environment, as the files tell.
pub fn version_at(repo: &Path, branch: &str, environment: &str) -> Option<String> {
    let text = read_file(repo, branch, &pin_path_in(environment, "api"))?;
    let pin: Value = serde_json::from_str(&text).ok()?;
    pin["imageTag"].as_str().map(str::to_owned)
}

/// A time of a scenario, in full: `2026-03-02 10:00:00`.
pub fn instant(text: &str) -> String {
    let date = if text.contains(' ') { String::new() } else { "2026-03-02 ".to_owned() };
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    format!("{date}{text}{seconds}")
}

fn write_file(path: &str, text: &str) -> String {
    format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len())
}

/// What `git fast-import` reads.
#[derive(Default)]
struct Import {
    stream: String,
    /// The refs of the repository that it has not heard of.
    there: BTreeSet<String>,
}

impl Import {
    fn commit(&mut self, branch: &str, at: &str, subject: &str, merge: Option<&str>, edits: &str) {
        self.commit_on(&format!("refs/heads/{branch}"), at, subject, merge, edits);
    }

    /// A ref that begins where a branch is.
    fn branch_off(&mut self, on: &str, branch: &str) {
        writeln!(self.stream, "reset {on}\nfrom refs/heads/{branch}\n")
            .expect("a string takes all");
    }

    /// A commit on what the ref is at; its author wrote it long before.
    fn commit_on(&mut self, on: &str, at: &str, subject: &str, merge: Option<&str>, edits: &str) {
        let at: jiff::civil::DateTime = instant(at).parse().expect("a time");
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).expect("it is in range").timestamp();
        let merge = merge.map(|merge| format!("merge {merge}\n")).unwrap_or_default();
        let is_there = self.there.remove(on);
        let from = if is_there { format!("from {on}^0\n") } else { String::new() };
        write!(
            self.stream,
            "commit {on}\nauthor Anna <anna@example.com> 1000000000 +0000\n\
             committer Anna <anna@example.com> {} +0900\ndata {}\n{subject}\n{from}{merge}{edits}\n",
            at.as_second(),
            subject.len(),
        )
        .expect("a string takes all");
    }

    fn run(&self, repo: &Path) {
        let mut import = command(repo, &["fast-import", "--quiet", "--force"]);
        let mut child = import.stdin(Stdio::piped()).spawn().expect("start git fast-import");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        stdin.write_all(self.stream.as_bytes()).expect("hand it the history");
        drop(stdin);
        assert!(child.wait().expect("wait for git").success(), "{}", self.stream);
        checked(&mut command(repo, &["update-ref", "-d", "refs/made/side"]));
    }
}
