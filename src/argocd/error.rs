//! What Argo CD can answer instead of an Application.

use std::time::Duration;

use crate::session::{Again, Failure};

/// Why Argo CD did not say. Each variant is a decision of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgoCdError {
    /// No token that Argo CD takes (any more).
    #[error("it does not take the token: {0}")]
    Unauthorised(String),
    /// The token is known and may not read this Application.
    #[error("the token may not read it: {0}")]
    Forbidden(String),
    /// There is no such Application in the project, and the token may know.
    #[error("{0}")]
    NotFound(String),
    /// Too many calls; `wait` is the server's word, where it gave one.
    #[error("{words}")]
    Limited { words: String, wait: Option<Duration> },
    /// It was reached and gave no answer in time, as where its controller stands still.
    #[error("{0}")]
    Timeout(String),
    /// It could not be reached, or failed.
    #[error("{0}")]
    Unreachable(String),
    /// What answered is not the API of an Argo CD.
    #[error("{0}")]
    Protocol(String),
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
}

impl Failure for ArgoCdError {
    fn timeout(words: &str) -> Self {
        Self::Timeout(words.to_owned())
    }

    fn again(&self) -> Again {
        match self {
            Self::Unreachable(_) => Again::Soon,
            Self::Limited { wait, .. } => Again::After(*wait),
            _ => Again::Never,
        }
    }
}
