//! What is to be landed: the plan's wishes, and what came of them.

use super::commit::{Change, Edits, Message};
use super::error::StoreError;
use super::snapshot::{CommitId, Snapshot};
use super::transport::History;
use crate::domain::name::BranchName;

/// What a plan wants: a value for the caller, and perhaps one branch changed.
#[derive(Debug)]
pub struct Planned<T> {
    pub value: T,
    pub write: Option<Write>,
}

/// One branch, changed. What is so already is not written.
#[derive(Debug)]
pub enum Write {
    /// A commit whose files are those of its first parent, edited.
    Commit { branch: BranchName, parents: Vec<CommitId>, edits: Edits, message: Message },
    /// No branch any more.
    Delete { branch: BranchName },
}

impl Write {
    /// A commit on the tip of a branch.
    #[must_use]
    pub fn on(branch: &BranchName, tip: &Snapshot<'_>, edits: Edits, message: Message) -> Self {
        Self::Commit { branch: branch.clone(), parents: vec![tip.id()], edits, message }
    }

    pub(super) fn branch(&self) -> &BranchName {
        match self {
            Self::Commit { branch, .. } | Self::Delete { branch } => branch,
        }
    }
}

/// Which branches a plan looks at, and how far back.
#[derive(Clone, Debug)]
pub struct Reading {
    pub(super) branches: Vec<BranchName>,
    pub(super) history: History,
}

impl Reading {
    /// The newest commits of these branches, of which a file is brought when it is read, or
    /// before by [`Files::prepare`](crate::domain::tree::Files::prepare).
    #[must_use]
    pub fn parts(branches: &[BranchName]) -> Self {
        Self::of(branches, History::Part)
    }

    /// The newest commits of these branches.
    #[must_use]
    pub fn tips(branches: &[BranchName]) -> Self {
        Self::of(branches, History::Tip)
    }

    /// These branches with everything that led to them.
    #[must_use]
    pub fn whole(branches: &[BranchName]) -> Self {
        Self::of(branches, History::Whole)
    }

    fn of(branches: &[BranchName], history: History) -> Self {
        let mut branches = branches.to_vec();
        branches.sort();
        branches.dedup();
        Self { branches, history }
    }
}

/// What came of a plan.
#[derive(Debug)]
pub struct Committed<T> {
    pub value: T,
    /// The commit on the branch; none where nothing was to change, or in a dry run.
    pub commit: Option<String>,
    pub changes: Vec<Change>,
    /// How many pushes it took.
    pub attempts: u32,
}

/// Why nothing was committed: the store's failure, or the plan's own refusal.
#[derive(Debug)]
pub enum Failure<E> {
    Store(StoreError),
    Plan(E),
}

impl<E> From<StoreError> for Failure<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
