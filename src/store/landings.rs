//! Which versions files have had, and since when: what a soak is judged on.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use git2::{Odb, Oid};
use jiff::Timestamp;

use super::error::StoreError;
use super::history::is_cut;
use super::raw_tree::Entries;
use super::search::Files;
use super::snapshot::Snapshot;
use super::tree_diff::{Difference, differences};
use crate::domain::tree::Files as _;

/// The versions of some files by path, oldest first. A file that never was has no entry.
pub type Landings = BTreeMap<String, Vec<Version>>;

/// What a file was from some time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// None where the file was taken away.
    pub content: Option<Vec<u8>>,
    /// The committer's time of the commit that brought it, or the latest of those before it on
    /// the line of first parents where that is later. It may lie in the future.
    pub at: Timestamp,
}

/// A commit on the line of first parents.
pub(super) struct Step {
    commit: Oid,
    tree: Oid,
    at: Timestamp,
}

impl Snapshot<'_> {
    /// Every version that these files have had on the line of first parents; none where the
    /// history at hand is cut, as then neither the versions nor their times are known.
    ///
    /// With `since`, what landed until then is left out, but for the version that was there at
    /// that time: its `at` is then not later than `since`, and not earlier than when it landed.
    /// It costs what has changed since, where the whole costs a look at every commit's trees.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn landings(
        &self,
        paths: &[String],
        since: Option<Timestamp>,
    ) -> Result<Option<Landings>, StoreError> {
        let Some(line) = &*self.line()? else { return Ok(None) };
        // Times never fall along the line, so that this one parts it in two.
        let until = since.and_then(|since| line.iter().position(|step| step.at <= since));
        let news = &line[..until.unwrap_or(line.len())];
        let steps: Vec<_> = (0..news.len())
            .map(|step| Difference {
                step,
                before: line.get(step + 1).map(|before| before.tree),
                after: Some(line[step].tree),
            })
            .collect();
        let repository = self.repository();
        let mut landings = Landings::new();
        if let Some(until) = until {
            let then = &line[until];
            let files = Snapshot::new(repository, then.commit)?;
            for path in paths {
                let content = files.read(path);
                let content = content.map_err(|error| StoreError::Local(error.to_string()))?;
                if content.is_some() {
                    landings.insert(path.clone(), vec![Version { content, at: then.at }]);
                }
            }
        }
        let mut files = Files::new(paths.iter().cloned(), false);
        differences(&repository.odb()?, "", &steps, &mut files)?;
        let mut found: Vec<_> = files.take().collect();
        while let Some((path, difference)) = found.pop() {
            let content = match difference.after {
                Some(id) => Some(repository.find_blob(id)?.content().to_vec()),
                None => None,
            };
            let version = Version { content, at: line[difference.step].at };
            landings.entry(path).or_default().push(version);
        }
        Ok(Some(landings))
    }

    /// Versions that a file had until some time, oldest first, the first and the last among
    /// them: found by halving, which passes over what was left again for the same version. None
    /// where the history at hand is cut.
    ///
    /// It costs a look at some dozens of commits, where [`Self::landings`] looks at all of them.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn past(&self, path: &str, until: Timestamp) -> Result<Option<Vec<Version>>, StoreError> {
        let Some(line) = &*self.line()? else { return Ok(None) };
        let Some(newest) = line.iter().position(|step| step.at <= until) else {
            return Ok(Some(Vec::new()));
        };
        let (repository, first) = (self.repository(), line.len() - 1);
        let odb = repository.odb()?;
        let mut known = HashMap::new();
        let mut at = |step: usize| blob(&odb, line[step].tree, path, &mut known);
        let mut found: Vec<(usize, Option<Oid>)> = Vec::new();
        let begin = at(first)?;
        found.extend(begin.map(|id| (first, Some(id))));
        // A list and no recursion; the older half is taken from it first.
        let mut halves = vec![((newest, at(newest)?), (first, begin))];
        while let Some((new, old)) = halves.pop() {
            if new.1 == old.1 {
                continue;
            }
            if new.0 + 1 == old.0 {
                found.push(new);
                continue;
            }
            let middle = usize::midpoint(new.0, old.0);
            let middle = (middle, at(middle)?);
            halves.push((new, middle));
            halves.push((middle, old));
        }
        let version = |(step, id): (usize, Option<Oid>)| {
            let content = match id {
                Some(id) => Some(repository.find_blob(id)?.content().to_vec()),
                None => None,
            };
            Ok(Version { content, at: line[step].at })
        };
        found.into_iter().map(version).collect::<Result<_, StoreError>>().map(Some)
    }

    /// The line of first parents that leads here, newest first, with the time of each landing;
    /// none where it is cut.
    fn line(&self) -> Result<Rc<Option<Vec<Step>>>, StoreError> {
        if let Some(known) = self.line.get() {
            return Ok(Rc::clone(known));
        }
        let line = Rc::new(self.walk_line()?);
        Ok(Rc::clone(self.line.get_or_init(|| line)))
    }

    fn walk_line(&self) -> Result<Option<Vec<Step>>, StoreError> {
        let repository = self.repository();
        let mut line = Vec::new();
        let mut next = Some(repository.find_commit(self.commit)?);
        while let Some(commit) = next.take() {
            match commit.parent_id(0) {
                Err(_) if is_cut(&commit) => return Ok(None),
                Err(_) => {}
                Ok(parent) => match repository.find_commit(parent) {
                    Ok(parent) => next = Some(parent),
                    Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
                    Err(error) => return Err(error.into()),
                },
            }
            let (commit, tree, at) = (commit.id(), commit.tree_id(), time(commit.time().seconds()));
            line.push(Step { commit, tree, at });
        }
        let mut latest = Timestamp::MIN;
        for step in line.iter_mut().rev() {
            latest = latest.max(step.at);
            step.at = latest;
        }
        Ok(Some(line))
    }
}

/// The file that stands in a path of a tree. What a folder has of a name is kept, as many
/// commits share their folders.
fn blob(
    odb: &Odb<'_>,
    tree: Oid,
    path: &str,
    known: &mut HashMap<(usize, Oid), Option<Oid>>,
) -> Result<Option<Oid>, StoreError> {
    let mut here = tree;
    for (depth, name) in path.split('/').enumerate() {
        let next = if let Some(next) = known.get(&(depth, here)) {
            *next
        } else {
            let read = odb.read(here)?;
            let mut entries = Entries(read.data());
            let next = entries.find(|entry| entry.name == name.as_bytes());
            let next = next.filter(|entry| !entry.is_submodule()).map(|entry| entry.id);
            known.insert((depth, here), next);
            next
        };
        let Some(next) = next else { return Ok(None) };
        here = next;
    }
    Ok(Some(here))
}

/// A commit may claim any time at all; what is out of range must not make it an old one.
fn time(seconds: i64) -> Timestamp {
    let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(end)
}
