//! When what is there came in, and by whom: one walk along the first parents.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Commit, Oid};
use jiff::Timestamp;

use super::error::StoreError;
use super::search::{Below, Files};
use super::snapshot::{CommitId, Snapshot, Tips};
use super::tree_diff::{Difference, differences};
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

/// A part of a walk along the first parents, newest first.
struct Stretch {
    commits: Vec<Oid>,
    /// What each commit made of the root.
    steps: Vec<Difference>,
}

impl<'r> Snapshot<'r> {
    /// Walks along the first parents, newest first, as far as the history at hand goes and
    /// `visit` answers yes. Where it is cut, what the oldest commit changed is not known and
    /// it is left out.
    ///
    /// The parts grow, so that what is near is found soon and the rest in few passes.
    fn walk(
        &self,
        mut visit: impl FnMut(&Stretch) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        const FIRST: usize = 16;
        const LONGEST: usize = 1 << 14;
        let repository = self.repository();
        let mut length = FIRST;
        let mut next = Some(repository.find_commit(self.commit)?);
        while next.is_some() {
            let mut stretch = Stretch { commits: Vec::new(), steps: Vec::new() };
            while stretch.commits.len() < length
                && let Some(commit) = next.take()
            {
                let before = match commit.parent_id(0) {
                    Err(_) if is_cut(&commit) => break,
                    Err(_) => None,
                    Ok(parent) => {
                        let Ok(parent) = repository.find_commit(parent) else { break };
                        Some(next.insert(parent).tree_id())
                    }
                };
                let (step, after) = (stretch.steps.len(), Some(commit.tree_id()));
                stretch.steps.push(Difference { step, before, after });
                stretch.commits.push(commit.id());
            }
            if !visit(&stretch)? {
                return Ok(());
            }
            length = (2 * length).min(LONGEST);
        }
        Ok(())
    }

    /// Walks and looks for files; each change comes with its commit, newest first.
    fn search(
        &self,
        mut files: Files,
        mut visit: impl FnMut(&Commit<'_>, &str, Difference),
    ) -> Result<(), StoreError> {
        let odb = self.repository().odb()?;
        self.walk(|stretch| {
            differences(&odb, "", &stretch.steps, &mut files)?;
            for (path, difference) in files.take() {
                let commit = self.repository().find_commit(stretch.commits[difference.step])?;
                visit(&commit, &path, difference);
            }
            Ok(!files.is_done())
        })
    }

    /// For every file below `folder`, the commit that made it what it is here. Where the
    /// history at hand is cut, what came before has no entry.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_changes(&self, folder: &str) -> Result<BTreeMap<String, LastChange>, StoreError> {
        let root = self.repository().find_commit(self.commit)?.tree_id();
        let files = self.differences_below(folder, None, root)?.into_iter().map(|(path, _)| path);
        let mut found = BTreeMap::new();
        self.search(Files::new(files, true), |commit, path, _| {
            found.insert(path.to_owned(), last_change(commit));
        })?;
        Ok(found)
    }

    /// The commit that made one file what it is here; none where there is no such file, or
    /// where the history at hand is cut before it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_change(&self, path: &str) -> Result<Option<CommitId>, StoreError> {
        let mut last = None;
        self.search(Files::new([path.to_owned()], true), |commit, _, difference| {
            last = difference.after.map(|_| commit.id().to_string());
        })?;
        Ok(last)
    }

    /// Every change of these files, newest first, in one walk.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn changes_of(&self, paths: &[String]) -> Result<Vec<FileChange>, StoreError> {
        let mut changes = Vec::new();
        self.search(Files::new(paths.iter().cloned(), false), |commit, path, difference| {
            changes.push(self.file_change(commit, path, difference));
        })?;
        Ok(changes)
    }

    /// What this commit changed below `folder`, against its first parent.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn own_changes(&self, folder: &str) -> Result<Vec<FileChange>, StoreError> {
        let commit = self.repository().find_commit(self.commit)?;
        let before = commit.parent(0).ok().map(|parent| parent.tree_id());
        let found = self.differences_below(folder, before, commit.tree_id())?;
        let change = |(path, difference): (String, _)| self.file_change(&commit, &path, difference);
        Ok(found.into_iter().map(change).collect())
    }

    /// The files that differ below a folder, sorted by path.
    pub(super) fn differences_below(
        &self,
        folder: &str,
        before: Option<Oid>,
        after: Oid,
    ) -> Result<Vec<(String, Difference)>, StoreError> {
        let step = Difference { step: 0, before, after: Some(after) };
        let mut below = Below { folder, found: Vec::new() };
        differences(&self.repository().odb()?, "", &[step], &mut below)?;
        below.found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(below.found)
    }

    fn file_change(&self, commit: &Commit<'_>, path: &str, difference: Difference) -> FileChange {
        let read = |id: Option<Oid>| {
            id.and_then(|id| self.repository().find_blob(id).ok())
                .map(|blob| blob.content().to_vec())
        };
        FileChange {
            path: path.to_owned(),
            change: last_change(commit),
            trailers: trailers(commit),
            before: read(difference.before),
            after: read(difference.after),
        }
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

    /// The newest commit on the line of first parents in which `folder` has files; none where
    /// the history at hand has no such commit.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn last_with(&self, folder: &str) -> Result<Option<CommitId>, StoreError> {
        let has = |commit: &Commit<'_>| {
            commit.tree().is_ok_and(|tree| tree.get_path(Path::new(folder)).is_ok())
        };
        Ok(self.first_where(has)?.map(|found| found.id()))
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
    /// Whether the history at hand is cut, as that of a shallow clone is.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.repository().is_shallow()
    }

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

/// Whether the commit has a parent that a shallow clone does not know of.
pub(super) fn is_cut(commit: &Commit<'_>) -> bool {
    commit.parent_count() == 0
        && commit
            .raw_header_bytes()
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(b"parent "))
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
