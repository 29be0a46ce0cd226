//! A repository as it is on this machine, read without asking its remote.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::{Commit, Oid, Repository};

use super::error::StoreError;
use super::snapshot::Snapshot;
use crate::domain::name::BranchName;
use crate::domain::tree::Files;

/// Where git looks for a name, in its order.
/// <https://git-scm.com/docs/gitrevisions>
const PLACES: [&str; 5] = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];

/// A repository on this machine.
pub struct Checkout {
    pub(super) repository: Repository,
    /// Whether the branches here are the ones that count, and not a remote's.
    is_server: bool,
}

impl Checkout {
    /// The repository whose work tree is exactly `folder`.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let repository = Repository::open(folder).ok()?;
        (!repository.is_bare()).then_some(Self { repository, is_server: false })
    }

    /// The repository that `folder` is in, or is, with a work tree or bare.
    ///
    /// # Errors
    /// No repository, or one that may not be read.
    pub fn around(folder: &Path) -> Result<Self, StoreError> {
        let repository =
            Repository::discover(folder).map_err(|error| no_repository(folder, error))?;
        Ok(Self { is_server: repository.is_bare(), repository })
    }

    /// The repository that a push is coming to, as git's pre-receive hook sees it: with the
    /// pushed objects, which are kept apart until the hook agrees, and the branches as they
    /// were. `objects` are the folders that `GIT_OBJECT_DIRECTORY` and
    /// `GIT_ALTERNATE_OBJECT_DIRECTORIES` name, which libgit2 does not look at.
    /// <https://git-scm.com/docs/git-receive-pack#_quarantine_environment>
    ///
    /// # Errors
    /// No repository, or a folder that cannot be read.
    pub fn in_hook(folder: &Path, objects: &[PathBuf]) -> Result<Self, StoreError> {
        let repository = Repository::open(folder).map_err(|error| no_repository(folder, error))?;
        let odb = repository.odb()?;
        for place in objects {
            let place = folder.join(place);
            let place = place
                .to_str()
                .ok_or_else(|| StoreError::Local(format!("{} is no UTF-8", place.display())))?;
            odb.add_disk_alternate(place)?;
        }
        drop(odb);
        Ok(Self { repository, is_server: true })
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

    /// A branch as it was last fetched, or else as it is here. In a bare repository, as it is
    /// here.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn snapshot(&self, branch: &BranchName) -> Result<Option<Snapshot<'_>>, StoreError> {
        let fetched = (!self.is_server).then(|| format!("refs/remotes/origin/{branch}"));
        let mut names = fetched.into_iter().chain([branch.reference()]);
        let found = names.find_map(|name| self.repository.find_reference(&name).ok());
        found.map(|found| Snapshot::new(&self.repository, found.peel_to_commit()?.id())).transpose()
    }

    /// The commit that a revision names, as `git rev-parse` reads it; but a name that means
    /// several commits is refused, where git takes a tag before a branch: whoever may push
    /// tags could have another commit looked at.
    ///
    /// # Errors
    /// [`StoreError::NoRevision`], or an object that is missing or broken.
    pub fn commit(&self, revision: &str) -> Result<Snapshot<'_>, StoreError> {
        Snapshot::new(&self.repository, self.named(revision)?.id())
    }

    pub(super) fn named(&self, revision: &str) -> Result<Commit<'_>, StoreError> {
        let none = |words: &str| StoreError::NoRevision {
            revision: revision.to_owned(),
            words: words.to_owned(),
        };
        let found = if let Some(id) = full_id(revision) {
            self.repository.find_object(id, None)
        } else {
            let called = PLACES.iter().filter_map(|place| {
                let reference = self.repository.find_reference(&format!("{place}{revision}"));
                Some(reference.ok()?.peel_to_commit().ok()?.id())
            });
            let called: BTreeSet<_> = called.collect();
            if called.len() > 1 && !revision.starts_with("refs/") {
                return Err(none("several branches or tags are called so: give its full name"));
            }
            self.repository.revparse_single(revision)
        };
        let commit = found.and_then(|found| found.peel_to_commit());
        commit.map_err(|error| none(error.message()))
    }
}

/// An id in full means that commit, even where a branch is called so.
fn full_id(revision: &str) -> Option<Oid> {
    const ID: usize = 40;
    (revision.len() == ID).then(|| revision.parse().ok())?
}

fn no_repository(folder: &Path, error: git2::Error) -> StoreError {
    let (location, words) = (folder.display().to_string(), error.message().to_owned());
    StoreError::NotFound { location, words }
}
