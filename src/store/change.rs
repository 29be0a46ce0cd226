//! What a request or a push would change, read from the repository that has it.

use std::collections::BTreeMap;

use git2::{Commit, Oid, Sort};

use super::checkout::Checkout;
use super::commit::Edits;
use super::error::StoreError;
use super::history::is_cut;
use super::proposed::{self, ProposedFile};
use super::snapshot::CommitId;

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
    /// What `head` has changed since it left `base`: the files in which it differs from the
    /// commit that both have. Where there are several such commits, a file counts that differs
    /// from any of them: a merge could bring back what looks unchanged from one side.
    ///
    /// # Errors
    /// [`StoreError::NoRevision`], [`StoreError::CutHistory`], [`StoreError::Unrelated`],
    /// [`StoreError::Malformed`], or an object that is missing or broken.
    pub fn proposal(&self, base: &str, head: &str) -> Result<Proposal, StoreError> {
        let (old, new) = (self.named(base)?, self.named(head)?);
        let names = || (base.to_owned(), head.to_owned());
        let common = self.common(&old, &new)?;
        if self.repository.is_shallow()
            && (common.is_empty() || self.is_cut(&old, &new, &common)?)
        {
            let (base, head) = names();
            return Err(StoreError::CutHistory { base, head });
        }
        if common.is_empty() {
            let (base, head) = names();
            return Err(StoreError::Unrelated { base, head });
        }
        let mut files = BTreeMap::new();
        for id in &common {
            let left = self.repository.find_commit(*id)?.tree_id();
            for file in proposed::files(&self.repository, Some(left), new.tree_id())? {
                files.entry(file.path.clone()).or_insert(file);
            }
        }
        Ok(Proposal {
            base: Some(old.id().to_string()),
            head: new.id().to_string(),
            commits: self.between(Some(&old), &new)?,
            contains_base: common == [old.id()],
            files: files.into_values().collect(),
        })
    }

    /// What a push makes of a branch that was at `old`, or was not there: the files in which
    /// the two commits differ, whether `new` was built on `old` or takes its place.
    ///
    /// # Errors
    /// [`StoreError::NoRevision`], [`StoreError::Malformed`], or an object that is missing or
    /// broken.
    pub fn update(&self, old: Option<&str>, new: &str) -> Result<Proposal, StoreError> {
        let (old, new) = (old.map(|old| self.named(old)).transpose()?, self.named(new)?);
        let before = old.as_ref().map(Commit::tree_id);
        let contains_base = match &old {
            Some(old) => self.common(old, &new)? == [old.id()],
            None => true,
        };
        Ok(Proposal {
            base: old.as_ref().map(|old| old.id().to_string()),
            head: new.id().to_string(),
            commits: self.between(old.as_ref(), &new)?,
            contains_base,
            files: proposed::files(&self.repository, before, new.tree_id())?,
        })
    }

    /// The best of the commits that both have.
    fn common(&self, base: &Commit<'_>, head: &Commit<'_>) -> Result<Vec<Oid>, StoreError> {
        match self.repository.merge_bases(base.id(), head.id()) {
            Ok(common) => Ok(common.iter().copied().collect()),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the history is cut on the way from what both have: there may then be more that
    /// both have.
    fn is_cut(
        &self,
        base: &Commit<'_>,
        head: &Commit<'_>,
        common: &[Oid],
    ) -> Result<bool, StoreError> {
        let mut walk = self.repository.revwalk()?;
        walk.push(base.id())?;
        walk.push(head.id())?;
        common.iter().try_for_each(|id| walk.hide(*id))?;
        for id in walk {
            if is_cut(&self.repository.find_commit(id?)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commits that `head` has and `base` has not, oldest first. Those of a new branch are
    /// the ones that no branch here has.
    fn between(
        &self,
        base: Option<&Commit<'_>>,
        head: &Commit<'_>,
    ) -> Result<Vec<CommitId>, StoreError> {
        let mut walk = self.repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        walk.push(head.id())?;
        match base {
            Some(base) => walk.hide(base.id())?,
            None => walk.hide_glob("refs/heads/*")?,
        }
        walk.map(|id| Ok(id?.to_string())).collect()
    }
}
