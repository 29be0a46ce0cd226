//! When what is there came in, and by whom: one walk along the first parents.

use std::collections::{BTreeMap, HashSet};

use git2::{Commit, Odb, Oid};
use jiff::Timestamp;

use super::error::StoreError;
use super::snapshot::{CommitId, Snapshot, Tips};
use super::tree_diff::{difference_at, differences};
use crate::domain::name::BranchName;

/// The commit that brought a file to what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    pub commit: CommitId,
    /// The committer's time.
    pub at: Timestamp,
    /// The author's name.
    pub by: String,
}

/// One change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub change: LastChange,
    /// The `Key: value` lines at the end of the commit's message, for people.
    pub trailers: Vec<(String, String)>,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

/// A moment in the past to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    Time(Timestamp),
    /// A commit id, or its beginning.
    Commit(String),
}

/// One step of a walk: a commit, and the trees that it stands between.
struct Step<'r> {
    commit: Commit<'r>,
    before: Option<Oid>,
    after: Oid,
}

impl<'r> Snapshot<'r> {
    /// Walks along the first parents, newest first, as far as the history at hand goes.
    /// Where it is cut, what the oldest commit changed is not known and it is left out.
    fn walk(
        &self,
        mut visit: impl FnMut(&Step<'r>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let repository = self.repository();
        let mut commit = repository.find_commit(self.commit)?;
        loop {
            let parent = match commit.parent_id(0) {
                Err(_) => None,
                Ok(parent) => match repository.find_commit(parent) {
                    Ok(parent) => Some(parent),
                    Err(_) => return Ok(()),
                },
            };
            let (before, after) = (parent.as_ref().map(Commit::tree_id), commit.tree_id());
            let step = Step { commit, before, after };
            if !visit(&step)? {
                return Ok(());
            }
            let Some(parent) = parent else { return Ok(()) };
            commit = parent;
        }
    }

    fn odb(&self) -> Result<Odb<'r>, StoreError> {
        Ok(self.repository().odb()?)
    }

    /// For every file below `folder`, the commit that made it what it is here. Where the
    /// history at hand is cut, what came before has no entry.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_changes(&self, folder: &str) -> Result<BTreeMap<String, LastChange>, StoreError> {
        let odb = self.odb()?;
        let root = self.repository().find_commit(self.commit)?.tree_id();
        let (_, top) = difference_at(&odb, None, Some(root), folder)?.unwrap_or_default();
        let mut open: HashSet<String> = HashSet::new();
        differences(&odb, None, top, folder, &mut |file| {
            open.insert(file.path.to_owned());
        })?;
        let mut found = BTreeMap::new();
        self.walk(|step| {
            let Some((before, after)) = difference_at(&odb, step.before, Some(step.after), folder)?
            else {
                return Ok(!open.is_empty());
            };
            let change = last_change(&step.commit);
            differences(&odb, before, after, folder, &mut |file| {
                if open.remove(file.path) {
                    found.insert(file.path.to_owned(), change.clone());
                }
            })?;
            Ok(!open.is_empty())
        })?;
        Ok(found)
    }

    /// The commit that made one file what it is here; none where there is no such file, or
    /// where the history at hand is cut before it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_change(&self, path: &str) -> Result<Option<CommitId>, StoreError> {
        let odb = self.odb()?;
        let mut found = None;
        self.walk(|step| {
            let difference = difference_at(&odb, step.before, Some(step.after), path)?;
            if let Some((_, Some(_))) = difference {
                found = Some(step.commit.id().to_string());
            }
            Ok(difference.is_none())
        })?;
        Ok(found)
    }

    /// Every change of these files, newest first, in one walk.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn changes_of(&self, paths: &[String]) -> Result<Vec<FileChange>, StoreError> {
        let odb = self.odb()?;
        let mut found = Vec::new();
        self.walk(|step| {
            for path in paths {
                if let Some((before, after)) =
                    difference_at(&odb, step.before, Some(step.after), path)?
                {
                    found.push(self.file_change(&step.commit, path, before, after)?);
                }
            }
            Ok(true)
        })?;
        Ok(found)
    }

    /// What this commit changed below `folder`, against its first parent.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn own_changes(&self, folder: &str) -> Result<Vec<FileChange>, StoreError> {
        let commit = self.repository().find_commit(self.commit)?;
        let before = commit.parent(0).ok().map(|parent| parent.tree_id());
        self.changes_between(before, &commit, folder)
    }

    fn changes_between(
        &self,
        before: Option<Oid>,
        commit: &Commit<'_>,
        folder: &str,
    ) -> Result<Vec<FileChange>, StoreError> {
        let odb = self.odb()?;
        let (before, after) = match folder {
            "" => (before, Some(commit.tree_id())),
            folder => {
                difference_at(&odb, before, Some(commit.tree_id()), folder)?.unwrap_or_default()
            }
        };
        let mut files = Vec::new();
        differences(&odb, before, after, folder, &mut |file| {
            files.push((file.path.to_owned(), file.before, file.after));
        })?;
        files
            .into_iter()
            .map(|(path, before, after)| self.file_change(commit, &path, before, after))
            .collect()
    }

    fn file_change(
        &self,
        commit: &Commit<'_>,
        path: &str,
        before: Option<Oid>,
        after: Option<Oid>,
    ) -> Result<FileChange, StoreError> {
        let read = |id: Option<Oid>| {
            id.and_then(|id| self.repository().find_blob(id).ok())
                .map(|blob| blob.content().to_vec())
        };
        Ok(FileChange {
            path: path.to_owned(),
            change: last_change(commit),
            trailers: trailers(commit),
            before: read(before),
            after: read(after),
        })
    }

    /// Who made this commit, and when.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn made(&self) -> Result<LastChange, StoreError> {
        Ok(last_change(&self.repository().find_commit(self.commit)?))
    }

    /// The commits that this one was made from.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn parents(&self) -> Result<Vec<CommitId>, StoreError> {
        let commit = self.repository().find_commit(self.commit)?;
        Ok(commit.parent_ids().map(|id| id.to_string()).collect())
    }

    /// Whether `other` is this commit or led to it, by whatever way.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn contains(&self, other: &str) -> Result<bool, StoreError> {
        let other: Oid = other.parse()?;
        Ok(self.commit == other
            || self.repository().graph_descendant_of(self.commit, other).unwrap_or(false))
    }

    /// The newest commit on the line of first parents at or before `time`.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn at(&self, time: Timestamp) -> Result<Option<Snapshot<'r>>, StoreError> {
        self.first_where(|commit| commit.time().seconds() <= time.as_second())
    }

    /// Whether `other` is on the line of first parents that leads here.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn follows(&self, other: &Snapshot<'_>) -> Result<bool, StoreError> {
        Ok(self.first_where(|commit| commit.id() == other.commit)?.is_some())
    }

    fn first_where(
        &self,
        wanted: impl Fn(&Commit<'_>) -> bool,
    ) -> Result<Option<Snapshot<'r>>, StoreError> {
        let repository = self.repository();
        let mut commit = repository.find_commit(self.commit)?;
        while !wanted(&commit) {
            match commit.parent(0) {
                Ok(parent) => commit = parent,
                Err(_) => return Ok(None),
            }
        }
        Snapshot::new(repository, commit.id()).map(Some)
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
        let Some(tip) = self.get(branch)? else { return Ok(None) };
        match moment {
            Moment::Time(time) => tip.at(*time),
            Moment::Commit(prefix) => {
                let Some(commit) = self.commit(prefix)? else { return Ok(None) };
                if tip.follows(&commit)? { Ok(Some(commit)) } else { tip.at(commit.made()?.at) }
            }
        }
    }
}

impl Tips<'_> {
    /// The commits that lead to `new` and not to `old`, newest first, a hundred at most: id,
    /// subject and author.
    ///
    /// # Errors
    /// A commit that the history at hand does not have.
    pub fn commits_between(
        &self,
        old: &str,
        new: &str,
    ) -> Result<Vec<(CommitId, String, String)>, StoreError> {
        const SHOWN: usize = 100;
        let repository = self.repository();
        let mut walk = repository.revwalk()?;
        walk.push(new.parse()?)?;
        walk.hide(old.parse()?)?;
        let told = |oid: Result<Oid, git2::Error>| {
            let commit = repository.find_commit(oid?)?;
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let subject = message.lines().next().unwrap_or_default().to_owned();
            Ok((commit.id().to_string(), subject, last_change(&commit).by))
        };
        walk.take(SHOWN).map(told).collect()
    }
}

fn last_change(commit: &Commit<'_>) -> LastChange {
    LastChange {
        commit: commit.id().to_string(),
        at: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        by: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
    }
}

fn trailers(commit: &Commit<'_>) -> Vec<(String, String)> {
    let message = String::from_utf8_lossy(commit.message_bytes());
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let pair =
        |line: &str| line.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned()));
    last.lines().filter_map(pair).collect()
}
