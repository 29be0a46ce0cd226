//! When what is there came in, and by whom: one walk along the first parents.

use std::collections::{BTreeMap, HashSet};

use git2::{ObjectType, Oid, Repository};
use jiff::Timestamp;

use super::error::StoreError;
use super::snapshot::{Snapshot, Tips};
use crate::domain::name::BranchName;

/// The commit that brought a file to what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    pub commit: String,
    /// The committer's time.
    pub at: Timestamp,
    /// The author's name.
    pub by: String,
}

/// A moment in the past to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    Time(Timestamp),
    /// A commit id, or its beginning.
    Commit(String),
}

impl<'r> Snapshot<'r> {
    /// For every file below `folder`, the commit on the line of first parents that made it
    /// what it is here. Where the history at hand is cut, what came before has no entry.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_changes(&self, folder: &str) -> Result<BTreeMap<String, LastChange>, StoreError> {
        let repository = self.repository();
        let mut open: HashSet<String> = HashSet::new();
        differing(
            repository,
            None,
            subtree(repository, self.commit, folder)?,
            folder,
            &mut |path| {
                open.insert(path.to_owned());
            },
        )?;
        let mut found = BTreeMap::new();
        let mut oid = self.commit;
        while !open.is_empty() {
            let commit = repository.find_commit(oid)?;
            let parent = commit.parent_id(0).ok();
            let before = match parent {
                None => None,
                // The history at hand ends here: who brought this is not known.
                Some(parent) if repository.find_commit(parent).is_err() => break,
                Some(parent) => subtree(repository, parent, folder)?,
            };
            let change = last_change(&commit);
            differing(
                repository,
                before,
                subtree(repository, oid, folder)?,
                folder,
                &mut |path| {
                    if open.remove(path) {
                        found.insert(path.to_owned(), change.clone());
                    }
                },
            )?;
            let Some(parent) = parent else { break };
            oid = parent;
        }
        Ok(found)
    }

    /// The commit on the line of first parents that made one file what it is here; none
    /// where there is no such file, or where the history at hand is cut before it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_change(&self, path: &str) -> Result<Option<String>, StoreError> {
        let repository = self.repository();
        let content =
            |commit: Oid| match repository.find_commit(commit)?.tree()?.get_path(path.as_ref()) {
                Ok(entry) => Ok(Some(entry.id())),
                Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
                Err(error) => Err(error),
            };
        let Some(here) = content(self.commit)? else {
            return Ok(None);
        };
        let mut oid = self.commit;
        loop {
            match repository.find_commit(oid)?.parent_id(0) {
                Err(_) => return Ok(Some(oid.to_string())),
                Ok(parent) if repository.find_commit(parent).is_err() => return Ok(None),
                Ok(parent) if content(parent)? != Some(here) => return Ok(Some(oid.to_string())),
                Ok(parent) => oid = parent,
            }
        }
    }

    /// The newest commit on the line of first parents at or before `time`.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn at(&self, time: Timestamp) -> Result<Option<Snapshot<'r>>, StoreError> {
        let repository = self.repository();
        let mut oid = self.commit;
        loop {
            let commit = repository.find_commit(oid)?;
            if commit.time().seconds() <= time.as_second() {
                return Snapshot::new(repository, oid).map(Some);
            }
            match commit.parent_id(0) {
                Ok(parent) if repository.find_commit(parent).is_ok() => oid = parent,
                _ => return Ok(None),
            }
        }
    }

    /// The committer's time.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn time(&self) -> Result<Timestamp, StoreError> {
        Ok(last_change(&self.repository().find_commit(self.commit)?).at)
    }

    /// Whether `other` is on the line of first parents that leads here.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn follows(&self, other: &Snapshot<'_>) -> Result<bool, StoreError> {
        let mut oid = self.commit;
        loop {
            if oid == other.commit {
                return Ok(true);
            }
            match self.repository().find_commit(oid)?.parent_id(0) {
                Ok(parent) if self.repository().find_commit(parent).is_ok() => oid = parent,
                _ => return Ok(false),
            }
        }
    }
}

impl<'r> Tips<'r> {
    /// What a branch was at a moment. A commit counts for the branch that it is on; on
    /// another branch, its time does.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn get_at(
        &self,
        branch: &BranchName,
        moment: &Moment,
    ) -> Result<Option<Snapshot<'r>>, StoreError> {
        let Some(tip) = self.get(branch)? else {
            return Ok(None);
        };
        match moment {
            Moment::Time(time) => tip.at(*time),
            Moment::Commit(prefix) => {
                let Some(commit) = self.commit(prefix)? else {
                    return Ok(None);
                };
                if tip.follows(&commit)? { Ok(Some(commit)) } else { tip.at(commit.time()?) }
            }
        }
    }
}

fn last_change(commit: &git2::Commit<'_>) -> LastChange {
    LastChange {
        commit: commit.id().to_string(),
        at: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        by: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
    }
}

fn subtree(repository: &Repository, commit: Oid, folder: &str) -> Result<Option<Oid>, git2::Error> {
    let tree = repository.find_commit(commit)?.tree()?;
    match tree.get_path(folder.as_ref()) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Ok(Some(entry.id())),
        Ok(_) => Ok(None),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Calls `found` for every file of `after` that is not the same in `before`; folders that
/// are the same are not opened.
fn differing(
    repository: &Repository,
    before: Option<Oid>,
    after: Option<Oid>,
    folder: &str,
    found: &mut dyn FnMut(&str),
) -> Result<(), git2::Error> {
    let Some(after) = after.filter(|after| before != Some(*after)) else {
        return Ok(());
    };
    let after = repository.find_tree(after)?;
    let before = before.map(|before| repository.find_tree(before)).transpose()?;
    for entry in &after {
        let old = before.as_ref().and_then(|before| before.get_name_bytes(entry.name_bytes()));
        if old.as_ref().is_some_and(|old| old.id() == entry.id()) {
            continue;
        }
        let path = format!("{folder}/{}", String::from_utf8_lossy(entry.name_bytes()));
        if entry.kind() == Some(ObjectType::Tree) {
            let old = old.filter(|old| old.kind() == Some(ObjectType::Tree)).map(|old| old.id());
            differing(repository, old, Some(entry.id()), &path, found)?;
        } else {
            found(&path);
        }
    }
    Ok(())
}
