//! The repository around a work tree, as it is on this machine.

use std::path::Path;

use git2::Repository;

use super::error::StoreError;
use super::snapshot::Snapshot;
use crate::domain::name::BranchName;
use crate::domain::tree::Files;

/// A repository with a work tree, read without asking its remote.
pub struct Checkout {
    repository: Repository,
}

impl Checkout {
    /// The repository whose work tree is exactly `folder`.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let repository = Repository::open(folder).ok()?;
        (!repository.is_bare()).then_some(Self { repository })
    }

    /// The branch that is checked out.
    #[must_use]
    pub fn branch(&self) -> Option<BranchName> {
        let head = self.repository.find_reference("HEAD").ok()?;
        head.symbolic_target().ok()??.strip_prefix("refs/heads/")?.parse().ok()
    }

    /// A file that the branch checked out does not have, from the one that the remote's HEAD
    /// names, or else from `main`.
    #[must_use]
    pub fn anywhere(&self, path: &str) -> Option<Vec<u8>> {
        ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/heads/main"].iter().find_map(
            |name| {
                let commit = self.repository.find_reference(name).ok()?.peel_to_commit().ok()?;
                Snapshot::new(&self.repository, commit.id()).ok()?.read(path).ok()?
            },
        )
    }

    /// A branch as it was last fetched, or else as it is here.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn snapshot(&self, branch: &BranchName) -> Result<Option<Snapshot<'_>>, StoreError> {
        let names = [format!("refs/remotes/origin/{branch}"), branch.reference()];
        let found = names.iter().find_map(|name| self.repository.find_reference(name).ok());
        found.map(|found| Snapshot::new(&self.repository, found.peel_to_commit()?.id())).transpose()
    }
}
