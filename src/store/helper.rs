//! git's credential helpers, asked through `git credential`, so that everything that works
//! for `git` works here. Secrets travel through pipes, never through arguments.

use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::child::{Guarded, Words, command};

/// Where such a login came from, for messages.
pub const NAME: &str = "git's credential helper";

/// A user name and its secret.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub secret: SecretString,
    /// Where it came from, for messages.
    pub source: String,
    pub from_helper: bool,
}

/// Asks the helpers for a login; none where there is no git or no helper that knows one.
pub fn ask(url: &Url, user: Option<&str>, until: Instant) -> Option<Login> {
    let user = user.map(|user| format!("username={user}\n")).unwrap_or_default();
    let answer = run("fill", &format!("{}{user}\n", about(url)), until)?;
    let value =
        |key: &str| answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Some(Login {
        user: value("username")?.to_owned(),
        secret: value("password")?.to_owned().into(),
        source: NAME.to_owned(),
        from_helper: true,
    })
}

/// Tells the helpers that a login was accepted.
pub fn approve(url: &Url, login: &Login, until: Instant) {
    run("approve", &described(url, login), until);
}

/// Tells the helpers that a login was refused.
pub fn reject(url: &Url, login: &Login, until: Instant) {
    run("reject", &described(url, login), until);
}

fn described(url: &Url, login: &Login) -> String {
    format!("{}username={}\npassword={}\n\n", about(url), login.user, login.secret.expose_secret())
}

fn about(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    format!("protocol={scheme}\nhost={host}{port}\npath={}\n", url.path().trim_start_matches('/'))
}

fn run(action: &str, input: &str, until: Instant) -> Option<String> {
    let mut git = command("git");
    // Nobody is there to answer a prompt.
    git.args(["-c", "core.askPass=", "credential", action])
        .env_remove("GIT_ASKPASS")
        .env_remove("SSH_ASKPASS");
    let mut child =
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let (stdin, answer) = (child.stdin.take(), child.stdout.take().map(Words::listen));
    let guarded = Guarded::new(child, until);
    stdin?.write_all(input.as_bytes()).ok()?;
    let (status, _) = guarded.finish();
    status?.success().then(|| answer.map(|answer| answer.take()))?
}
