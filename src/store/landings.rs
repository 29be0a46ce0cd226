//! Which versions files have had, and since when: what a soak is judged on.

use std::collections::BTreeMap;
use std::rc::Rc;

use git2::Oid;
use jiff::Timestamp;

use super::error::StoreError;
use super::history::is_cut;
use super::lookup::look_up;
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

/// A part of the line, and what files are at both of its ends.
struct Part<'p> {
    new: usize,
    old: usize,
    ends: Vec<End<'p>>,
}

/// A path, with what stands there at the newer end and at the older one.
type End<'p> = (&'p str, Option<Oid>, Option<Oid>);

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
        self.versions(line, files.take().collect(), landings).map(Some)
    }

    /// Adds what was found of files, newest first, to what they were before.
    fn versions(
        &self,
        line: &[Step],
        mut found: Vec<(String, Difference)>,
        mut landings: Landings,
    ) -> Result<Landings, StoreError> {
        while let Some((path, difference)) = found.pop() {
            let content = match difference.after {
                Some(id) => Some(self.repository().find_blob(id)?.content().to_vec()),
                None => None,
            };
            let version = Version { content, at: line[difference.step].at };
            landings.entry(path).or_default().push(version);
        }
        Ok(landings)
    }

    /// Versions that these files had until some time, oldest first, the first and the last of
    /// each among them: found by halving, which passes over what was left again for the same
    /// version. None where the history at hand is cut.
    ///
    /// It costs a look at some dozens of commits for each version, where [`Self::landings`] looks
    /// at all commits.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn past(&self, paths: &[String], until: Timestamp) -> Result<Option<Landings>, StoreError> {
        let Some(line) = &*self.line()? else { return Ok(None) };
        let Some(newest) = line.iter().position(|step| step.at <= until) else {
            return Ok(Some(Landings::new()));
        };
        let odb = self.repository().odb()?;
        let at = |step: usize, paths: &[&str]| {
            line.get(step)
                .map_or(Ok(vec![None; paths.len()]), |step| look_up(&odb, step.tree, paths))
        };
        let mut found = Vec::new();
        let all: Vec<&str> = paths.iter().map(String::as_str).collect();
        let ends = all.iter().zip(at(newest, &all)?).map(|(path, id)| (*path, id, None)).collect();
        // From a commit to an older one, the first of them to none at all, with what differs. A
        // list and no recursion; the newest comes first, so that neighbours, which are packed as
        // differences from each other, are read together.
        let mut parts = vec![Part { new: newest, old: line.len(), ends }];
        while let Some(Part { new, old, ends }) = parts.pop() {
            let ends = ends.into_iter().filter(|(_, new, old)| new != old);
            if new + 1 == old {
                found.extend(ends.map(|(path, after, before)| {
                    (path.to_owned(), Difference { step: new, before, after })
                }));
                continue;
            }
            let ends: Vec<_> = ends.collect();
            if ends.is_empty() {
                continue;
            }
            let middle = usize::midpoint(new, old);
            let asked: Vec<&str> = ends.iter().map(|(path, ..)| *path).collect();
            let there = at(middle, &asked)?;
            let half = |side: fn(End<'_>, Option<Oid>) -> End<'_>| {
                ends.iter().zip(&there).map(|(end, id)| side(*end, *id)).collect()
            };
            let newer = half(|(path, new, _), id| (path, new, id));
            let older = half(|(path, _, old), id| (path, id, old));
            parts.push(Part { new: middle, old, ends: older });
            parts.push(Part { new, old: middle, ends: newer });
        }
        self.versions(line, found, Landings::new()).map(Some)
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

/// A commit may claim any time at all; what is out of range must not make it an old one.
fn time(seconds: i64) -> Timestamp {
    let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(end)
}
