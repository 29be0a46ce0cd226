//! The ways to a repository, a pin through each of them, and what came of it.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::git;
use super::git_http::GitHttp;
use super::pinrail::{Run, pinrail_at, run};
use super::root::{Root, pin_path, revision};
use super::sshd::Sshd;

/// The command that pins a service in staging, with one JSON document on stdout.
pub fn pin(url: &str, service: &str, tag: &str) -> Command {
    let revision = revision('a');
    let arguments = [
        "--json",
        "pin",
        service,
        "-e",
        "staging",
        "--image-tag",
        tag,
        "--revision",
        revision.as_str(),
    ];
    pinrail_at(url, &arguments)
}

/// A pin as somebody else would write it, of another revision than that of [`pin`].
pub fn foreign_pin(service: &str, tag: &str, sequence: Option<u64>) -> String {
    let mut pin = serde_json::json!({
        "cluster": "shared",
        "service": service,
        "imageTag": tag,
        "targetRevision": revision('f'),
    });
    if let Some(sequence) = sequence {
        pin["sequence"] = sequence.into();
    }
    format!("{pin:#}\n")
}

/// One way to a repository, with the server that it needs.
pub struct Way {
    pub name: &'static str,
    pub url: String,
    ssh_command: Option<String>,
    _server: Option<Server>,
}

#[allow(dead_code, reason = "kept for as long as the way is used")]
enum Server {
    Http(GitHttp),
    Ssh(Sshd, TempDir),
}

impl Way {
    fn http(root: &Root, repo: &str) -> Way {
        let server = GitHttp::serve(&root.served());
        let url = server.url(repo);
        Way { name: "HTTP", url, ssh_command: None, _server: Some(Server::Http(server)) }
    }

    fn ssh(root: &Root, repo: &str) -> Way {
        let folder = tempfile::tempdir().expect("create a directory");
        let server = Sshd::start(folder.path());
        Way {
            name: "SSH",
            url: server.url(&root.served().join(repo)),
            ssh_command: Some(server.ssh_command()),
            _server: Some(Server::Ssh(server, folder)),
        }
    }

    fn path(root: &Root, repo: &str) -> Way {
        let url = root.served().join(repo).to_str().expect("the path is UTF-8").to_owned();
        Way { name: "path", url, ssh_command: None, _server: None }
    }

    pub fn pin(&self, service: &str, tag: &str) -> Command {
        self.with_ssh(pin(&self.url, service, tag))
    }

    /// Any command, with one JSON document on stdout.
    pub fn json(&self, arguments: &[&str]) -> Run {
        run(&mut self.with_ssh(pinrail_at(&self.url, &[&["--json"], arguments].concat())))
    }

    fn with_ssh(&self, mut command: Command) -> Command {
        command.envs(self.ssh_command.iter().map(|ssh| ("GIT_SSH_COMMAND", ssh)));
        command
    }

    /// Every way to one of the repositories that lie beside a services-root.
    pub fn all(root: &Root, repo: &str) -> [Way; 3] {
        [Way::http(root, repo), Way::ssh(root, repo), Way::path(root, repo)]
    }
}

/// The same on every way, each with a services-root of its own.
pub fn on_every_way(services: &[&str], test: impl Fn(&Root, &Way)) {
    for way in [Way::http, Way::ssh, Way::path] {
        let root = Root::new(services);
        test(&root, &way(&root, "root.git"));
    }
}

impl Run {
    /// Exit code, outcome, and the kind of error if there is one: `5 refused refused`.
    #[track_caller]
    pub fn verdict(&self) -> String {
        let document = self.document();
        let words = [&document["outcome"], &document["error"]["kind"]];
        let words = words.into_iter().filter_map(Value::as_str);
        std::iter::once(self.code.to_string().as_str()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The error's message in the document.
    #[track_caller]
    pub fn message(&self) -> String {
        let document = self.document();
        document["error"]["message"].as_str().expect("an error with a message").to_owned()
    }

    /// The error's hints, in one text.
    #[track_caller]
    pub fn hints(&self) -> String {
        self.document()["error"]["hints"].to_string()
    }

    #[track_caller]
    pub fn assert_verdict(&self, expected: &str) {
        assert_eq!(self.verdict(), expected, "{self:#?}");
    }

    /// The pin landed: it is in the history exactly once, in the commit that was reported.
    #[track_caller]
    pub fn assert_pinned_once(&self, root: &Root, service: &str, tag: &str) {
        self.assert_verdict("0 pinned");
        let commit = self.document()["commit"].as_str().expect("a commit").to_owned();
        assert_eq!(git::changed_paths(&root.repo(), &commit), [pin_path(service)]);
        let wrote = |commit: &&String| pinned_by(root, commit, service).as_deref() == Some(tag);
        let commits = root.commits();
        assert_eq!(commits.iter().filter(wrote).collect::<Vec<_>>(), [&commit], "exactly once");
        root.assert_sound();
    }
}

/// The tag that a commit pinned a service to, where it wrote that pin.
fn pinned_by(root: &Root, commit: &str, service: &str) -> Option<String> {
    let path = pin_path(service);
    let wrote = git::changed_paths(&root.repo(), commit).contains(&path);
    let text = wrote.then(|| git::read_file(&root.repo(), commit, &path))??;
    let pin: Value = serde_json::from_str(&text).expect("a pin is JSON");
    Some(pin["imageTag"].as_str()?.to_owned())
}

/// Runs the same command twice: what the first one pinned, the second finds.
#[track_caller]
pub fn assert_unchanged_again(command: &mut Command) {
    run(command).assert_verdict("0 unchanged");
}
