//! Another way for a commit to get onto a branch than a push.

use super::commit::{Change, Message};
use super::snapshot::CommitId;
use super::transport::TransportError;
use crate::domain::name::BranchName;

/// Makes commits where the repository is, such as a forge's API, which signs them.
pub trait Commits {
    /// Makes a commit and moves its branch to it; its id. [`TransportError::Stale`] where the
    /// branch is elsewhere, and an outcome that is not known only as
    /// [`TransportError::Unreachable`] or [`TransportError::Timeout`].
    fn commit(&self, commit: &NewCommit<'_>) -> Result<CommitId, TransportError>;
}

/// A commit that is to be.
pub struct NewCommit<'a> {
    pub branch: &'a BranchName,
    /// What the branch is at; none where it is not there.
    pub from: Option<CommitId>,
    /// What the commit is made on.
    pub parent: &'a CommitId,
    pub message: &'a Message,
    pub changes: &'a [Change],
}
