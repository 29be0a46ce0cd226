//! A command's failure: what, on which object, and what to run next.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::{Body, Outcome};
use crate::domain::problem::Problem;
use crate::domain::registry::RootError;
use crate::domain::tree::ReadError;
use crate::store::{Failure, StoreError};

/// What kind of failure; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ErrorKind {
    /// The command line is wrong.
    Usage,
    NotFound,
    Authentication,
    Network,
    Timeout,
    /// Something on this machine.
    Local,
    /// What is there is not what was expected.
    Conflict,
    /// A later pipeline was first.
    Superseded,
    /// Others were faster until the deadline.
    Contention,
    /// Pins, configuration or values that are not valid.
    Invalid,
    /// A gate, a lock or the server said no.
    Refused,
    /// A mistake of ours.
    Bug,
}

impl ErrorKind {
    /// The program's exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotFound | Self::Authentication | Self::Network | Self::Timeout | Self::Local => {
                1
            }
            Self::Usage => 2,
            Self::Conflict | Self::Superseded | Self::Contention => 3,
            Self::Invalid => 4,
            Self::Refused => 5,
            Self::Bug => 255,
        }
    }

    /// The outcome that goes with it.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Conflict | Self::Contention => Outcome::Conflict,
            Self::Superseded => Outcome::Superseded,
            Self::Invalid => Outcome::Invalid,
            Self::Refused => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }
}

/// A command's failure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    pub kind: ErrorKind,
    pub message: String,
    pub hints: Vec<String>,
    /// What is known of the result all the same.
    pub body: Option<Box<Body>>,
}

impl CommandError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), body: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    #[must_use]
    pub fn with(mut self, body: Body) -> Self {
        self.body = Some(Box::new(body));
        self
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        let hint = problem.hint.clone();
        Self::new(ErrorKind::Invalid, problem.to_string())
            .hints(hint)
            .hint("`pinrail check` lists all that is wrong")
    }
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        match error.source.downcast::<StoreError>() {
            Ok(store) => (*store).into(),
            Err(_) => Self::new(ErrorKind::Local, message),
        }
    }
}

impl From<RootError> for CommandError {
    fn from(error: RootError) -> Self {
        match error {
            RootError::Read(error) => error.into(),
            RootError::Invalid(problem) => (*problem).into(),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        let (kind, hint) = match error {
            StoreError::NotFound { .. } => (
                ErrorKind::NotFound,
                "check the address, and that the token may read it (a private repository looks missing without one)",
            ),
            StoreError::NoBranch { branch, .. } => {
                let hint = format!(
                    "`git push origin main:{branch}` makes it; `branches:` in pinrail.yaml names another"
                );
                return Self::new(ErrorKind::NotFound, message).hint(hint);
            }
            StoreError::Empty { .. } => {
                (ErrorKind::NotFound, "`pinrail init DIR` makes a services-root to push there")
            }
            StoreError::Auth { .. } => (
                ErrorKind::Authentication,
                "set PINRAIL_TOKEN (and PINRAIL_USERNAME, where the server wants one), or set up a git credential helper",
            ),
            StoreError::Network { .. } => (
                ErrorKind::Network,
                "nothing was written; `git ls-remote` on the same address shows whether git gets through",
            ),
            StoreError::Timeout { .. } => (
                ErrorKind::Timeout,
                "run it again, it is safe to repeat; `--timeout` gives it longer",
            ),
            StoreError::Unknown { .. } => (
                ErrorKind::Network,
                "run the same command again: it finds out and is safe to repeat",
            ),
            StoreError::Refused { .. } | StoreError::RefusedWhileMoving { .. } => (
                ErrorKind::Refused,
                "the words are the server's: look at the token's rights, the branch's protection and the hooks there",
            ),
            StoreError::Contention { .. } => (
                ErrorKind::Contention,
                "nothing was written: run it again, or give it longer with `--timeout`",
            ),
            StoreError::DirtyWorkTree { .. } => (
                ErrorKind::Refused,
                "commit or stash the changes there, or give the repository's URL with `--repo`",
            ),
            StoreError::NoRevision { .. } => (
                ErrorKind::NotFound,
                "`git fetch origin` brings it, and CI has one commit alone unless told otherwise: `fetch-depth: 0` for actions/checkout, `GIT_DEPTH: \"0\"` in GitLab CI",
            ),
            StoreError::CutHistory { .. } => (
                ErrorKind::NotFound,
                "fetch the whole history: `fetch-depth: 0` for actions/checkout, `GIT_DEPTH: \"0\"` in GitLab CI, elsewhere `git fetch --unshallow`",
            ),
            StoreError::Unrelated { .. } => {
                (ErrorKind::Invalid, "begin the branch anew, on the one that it is to come to")
            }
            StoreError::Malformed { .. } => {
                (ErrorKind::Invalid, "no git writes that; `git fsck` on it says more")
            }
            StoreError::NoSigningKey { .. } => (
                ErrorKind::Authentication,
                "nothing was written: PINRAIL_SIGNING_KEY names a key, or git's `commit.gpgSign` and `user.signingKey` do",
            ),
            StoreError::Signing(_) => (
                ErrorKind::Authentication,
                "nothing was written; a key with a passphrase belongs in its agent (`ssh-add KEY`, gpg-agent), for none is asked for: `pinrail doctor` tries it",
            ),
            StoreError::Local(_) => return Self::new(ErrorKind::Local, message),
        };
        Self::new(kind, message).hint(hint)
    }
}

impl From<Failure<Self>> for CommandError {
    fn from(failure: Failure<Self>) -> Self {
        match failure {
            Failure::Store(error) => error.into(),
            Failure::Plan(error) => error,
        }
    }
}
