//! What a request or a push would change, read from the repository that has it.

use std::collections::BTreeMap;

use git2::{Commit, Oid, Repository, Sort};

use super::checkout::Checkout;
use super::commit::Edits;
use super::error::StoreError;
use super::history::is_cut;
use super::proposed::{self, ProposedFile};
use super::snapshot::{CommitId, Snapshot};

/// Commits that are to come to a branch, and what they make of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The branch's commit before; none where the branch is new.
    pub base: Option<CommitId>,
    pub head: CommitId,
    /// What `head` has and `base` has not, oldest first. With it comes the merge that a forge
    /// has made to try the request, where that is checked out.
    pub commits: Vec<CommitId>,
    /// Whether `head` was built on `base`, or contains it.
    pub contains_base: bool,
    /// Sorted by path.
    pub files: Vec<ProposedFile>,
}

impl Proposal {
    /// What `head` has changed since it left `base`, by their names: the files in which it
    /// differs from the commit that both have. Where there are several such commits, a file
    /// counts that differs from any of them: a merge could bring back what looks unchanged from
    /// one side.
    ///
    /// # Errors
    /// [`StoreError::CutHistory`], [`StoreError::Unrelated`], [`StoreError::Malformed`], or an
    /// object that is missing or broken.
    pub fn of(
        base: (&str, &Snapshot<'_>),
        head: (&str, &Snapshot<'_>),
    ) -> Result<Self, StoreError> {
        let ((base_name, base), (head_name, head)) = (base, head);
        let repository = head.repository();
        let (old, new) =
            (repository.find_commit(base.commit)?, repository.find_commit(head.commit)?);
        let names = || (base_name.to_owned(), head_name.to_owned());
        let common = common(repository, &old, &new)?;
        let is_cut = || is_cut_before(repository, (&old, &new), &common);
        if repository.is_shallow() && (common.is_empty() || is_cut()?) {
            let (base, head) = names();
            return Err(StoreError::CutHistory { base, head });
        }
        if common.is_empty() {
            let (base, head) = names();
            return Err(StoreError::Unrelated { base, head });
        }
        let mut files = BTreeMap::new();
        for id in &common {
            let left = repository.find_commit(*id)?.tree_id();
            for file in proposed::files(repository, Some(left), new.tree_id())? {
                files.entry(file.path.clone()).or_insert(file);
            }
        }
        Ok(Self {
            base: Some(base.id()),
            head: head.id(),
            commits: between(repository, Some(&old), &new)?,
            contains_base: common == [old.id()],
            files: files.into_values().collect(),
        })
    }

    /// The plain files as they are to be. Whatever else is to stand in a path, such as a
    /// symbolic link, is taken away: who judges refuses it first.
    #[must_use]
    pub fn edits(&self) -> Edits {
        let mut edits = Edits::default();
        for file in &self.files {
            match file.after.as_ref().and_then(|after| after.plain()) {
                Some(content) => edits.write(&file.path, content.to_vec()),
                None => edits.remove(&file.path),
            }
        }
        edits
    }
}

impl Checkout {
    /// [`Proposal::of`] two revisions.
    ///
    /// # Errors
    /// As it, and [`StoreError::NoRevision`].
    pub fn proposal(&self, base: &str, head: &str) -> Result<Proposal, StoreError> {
        let (old, new) = (self.commit(base)?, self.commit(head)?);
        Proposal::of((base, &old), (head, &new))
    }

    /// What a push makes of a branch that was at `old`, or was not there: the files in which
    /// the two commits differ, whether `new` was built on `old` or takes its place.
    ///
    /// # Errors
    /// [`StoreError::NoRevision`], [`StoreError::Malformed`], or an object that is missing or
    /// broken.
    pub fn update(&self, old: Option<&str>, new: &str) -> Result<Proposal, StoreError> {
        let repository = &self.repository;
        let (old, new) = (old.map(|old| self.named(old)).transpose()?, self.named(new)?);
        let before = old.as_ref().map(Commit::tree_id);
        let contains_base = match &old {
            Some(old) => common(repository, old, &new)? == [old.id()],
            None => true,
        };
        Ok(Proposal {
            base: old.as_ref().map(|old| old.id().to_string()),
            head: new.id().to_string(),
            commits: between(repository, old.as_ref(), &new)?,
            contains_base,
            files: proposed::files(repository, before, new.tree_id())?,
        })
    }
}

/// The best of the commits that both have.
fn common(
    repository: &Repository,
    base: &Commit<'_>,
    head: &Commit<'_>,
) -> Result<Vec<Oid>, StoreError> {
    match repository.merge_bases(base.id(), head.id()) {
        Ok(common) => Ok(common.iter().copied().collect()),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the history is cut on the way from what both have: there may then be more that both
/// have.
fn is_cut_before(
    repository: &Repository,
    (base, head): (&Commit<'_>, &Commit<'_>),
    common: &[Oid],
) -> Result<bool, StoreError> {
    let mut walk = repository.revwalk()?;
    walk.push(base.id())?;
    walk.push(head.id())?;
    common.iter().try_for_each(|id| walk.hide(*id))?;
    for id in walk {
        if is_cut(&repository.find_commit(id?)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The commits that `head` has and `base` has not, oldest first. Those of a new branch are the
/// ones that no branch here has.
fn between(
    repository: &Repository,
    base: Option<&Commit<'_>>,
    head: &Commit<'_>,
) -> Result<Vec<CommitId>, StoreError> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(head.id())?;
    match base {
        Some(base) => walk.hide(base.id())?,
        None => walk.hide_glob("refs/heads/*")?,
    }
    walk.map(|id| Ok(id?.to_string())).collect()
}
