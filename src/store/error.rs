//! What can go wrong between us and the services-root, as decisions.

use std::time::Duration;

use super::location::Location;
use super::transport::TransportError;
use crate::domain::name::BranchName;

/// Why a services-root could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No repository, or not one that may be seen.
    #[error("no repository at {location}: {words}")]
    NotFound { location: String, words: String },
    #[error("{location} has no branch `{branch}`")]
    NoBranch { location: String, branch: BranchName },
    #[error("{location} is empty: it has no commit yet")]
    Empty { location: String },
    #[error("{location} wants to know who is asking, and took none of: {tried}")]
    Auth { location: String, tried: String },
    #[error("cannot reach {location}: {words}")]
    Network { location: String, words: String },
    #[error("{location} did not answer in time: {words}")]
    Timeout { location: String, words: String },
    /// The server said no, and nobody else moved the branch.
    #[error("{location} refused the change to `{branch}` ({}): {words}", tries(*attempts))]
    Refused { location: String, branch: BranchName, attempts: u32, words: String },
    /// A work tree with changes cannot follow its branch.
    #[error("the work tree of {location} has changes that are not committed")]
    DirtyWorkTree { location: String },
    /// The server keeps saying no while others move the branch.
    #[error(
        "{location} refused the change to `{branch}` in each of {attempts} tries, while others \
         moved the branch: {words}"
    )]
    RefusedWhileMoving { location: String, branch: BranchName, attempts: u32, words: String },
    #[error("others moved `{branch}` before each of {attempts} tries within {}s", waited.as_secs())]
    Contention { branch: BranchName, attempts: u32, waited: Duration },
    /// The push failed, and whether it landed could not be read.
    #[error("the push to `{branch}` failed ({words}), and whether it landed is unknown: {then}")]
    Unknown { branch: BranchName, words: String, then: String },
    #[error("no commit `{revision}` is here: {words}")]
    NoRevision { revision: String, words: String },
    #[error("history is cut here before the commit that `{head}` and `{base}` have in common")]
    CutHistory { base: String, head: String },
    #[error("`{head}` and `{base}` have no commit in common")]
    Unrelated { base: String, head: String },
    /// A tree that git itself would not have written.
    #[error("`{path}` is malformed: {words}")]
    Malformed { path: String, words: String },
    #[error(
        "{location} takes signed commits alone (`signing: required`), and there is no signing key"
    )]
    NoSigningKey { location: String },
    /// A key is set up, and nothing could be signed with it.
    #[error("the commit could not be signed: {0}")]
    Signing(String),
    #[error("{0}")]
    Local(String),
}

impl StoreError {
    pub(super) fn transport(location: &Location, error: TransportError) -> Self {
        let location = location.to_string();
        match error {
            TransportError::NotFound(words) => Self::NotFound { location, words },
            TransportError::Auth { tried } => Self::Auth { location, tried },
            TransportError::Timeout(words) => Self::Timeout { location, words },
            TransportError::Unreachable(words)
            | TransportError::Refused(words)
            | TransportError::Forbidden(words)
            | TransportError::Protocol(words) => Self::Network { location, words },
            TransportError::DirtyWorkTree => Self::DirtyWorkTree { location },
            TransportError::Stale => {
                Self::Network { location, words: "the branch moved".to_owned() }
            }
            TransportError::Local(words) => Self::Local(words),
        }
    }
}

impl From<git2::Error> for StoreError {
    fn from(error: git2::Error) -> Self {
        Self::Local(format!("git: {}", error.message()))
    }
}

fn tries(attempts: u32) -> String {
    if attempts == 1 { "one try".to_owned() } else { format!("after {attempts} tries") }
}
