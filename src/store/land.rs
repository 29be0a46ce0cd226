//! Landing a change: read, plan, push; after any failure look where the branch is now.
//!
//! The decision after a failed push rests on what the branch holds, never on what a
//! message says: servers word races and refusals alike.

use std::time::{Duration, Instant};

use git2::{Oid, Repository};

use super::commit::{self, Author, Change, Edits, Message};
use super::error::StoreError;
use super::snapshot::{Snapshot, Tips, revision};
use super::transport::{Fetched, History, Transport, TransportError, Update};
use super::{Location, StateRepo};
use crate::domain::name::BranchName;

/// Tries when the branch stays where it was: enough for a lock of the server to go away.
const TRIES_WHEN_STILL: u32 = 3;
/// Refusals in a row, each while the branch moved, after which the server means it. A race
/// that is lost on the server looks the same, so there must be more than contention brings.
const REFUSALS_WHEN_MOVING: u32 = 20;
/// Tries to reach a server that cannot be reached.
const TRIES_TO_READ: u32 = 4;
/// Time to find out what became of a push that ended at the deadline.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// When to give up and how to wait, so that tests need not wait for real.
pub struct Pace {
    started: Instant,
    deadline: Instant,
    now: Box<dyn FnMut() -> Instant>,
    sleep: Box<dyn FnMut(Duration)>,
}

impl Pace {
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            started: Instant::now(),
            deadline,
            now: Box::new(Instant::now),
            sleep: Box::new(std::thread::sleep),
        }
    }

    fn now(&mut self) -> Instant {
        (self.now)()
    }

    /// Sleeps for a random part of `longest`, so that writers do not meet again; never for
    /// so long that only a few tries would be left.
    fn pause(&mut self, longest: Duration) {
        let now = self.now();
        let left = self.deadline.saturating_duration_since(now);
        (self.sleep)(longest.min(left / 8).mul_f64(fastrand::f64()));
    }
}

/// What a plan wants: a value for the caller, and perhaps edits.
#[derive(Debug)]
pub struct Planned<T> {
    pub value: T,
    /// None, or edits that change nothing, make no commit.
    pub edits: Option<(Edits, Message)>,
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

/// Where the branch is after a failed push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// At our commit: the push landed, whatever was answered.
    Landed,
    /// Elsewhere, or gone: somebody moved it, perhaps on top of our commit.
    Moved,
    /// Where it was: the push was refused, or a lock was held.
    Still,
}

fn classify(base: Oid, ours: Oid, now: Option<Oid>) -> Seen {
    match now {
        Some(tip) if tip == ours => Seen::Landed,
        Some(tip) if tip == base => Seen::Still,
        _ => Seen::Moved,
    }
}

impl StateRepo {
    /// Lands what `plan` wants on `target`, running it again on every new tip until the
    /// change is in, the plan refuses, or time is up.
    ///
    /// `plan` sees the newest commits of `target` and of `also`.
    ///
    /// # Errors
    /// The plan's own error, or the store's. After an error nothing of this plan is on the
    /// branch, unless the error is [`StoreError::Unknown`].
    pub fn transact<T, E>(
        &mut self,
        target: &BranchName,
        also: &[BranchName],
        author: &Author,
        plan: impl FnMut(&Tips<'_>) -> Result<Planned<T>, E>,
    ) -> Result<Committed<T>, Failure<E>> {
        let mut branches = vec![target.clone()];
        branches.extend(also.iter().filter(|branch| *branch != target).cloned());
        let dry_run = self.dry_run;
        let covers = |seen: &(Vec<BranchName>, Fetched)| {
            branches.iter().all(|branch| seen.0.contains(branch))
        };
        let first = self.seen.take().filter(covers).map(|(_, fetched)| fetched);
        let mut landing = Landing {
            transport: self.transport.as_mut(),
            location: &self.location,
            pace: &mut self.pace,
            target,
            branches,
            author,
        };
        landing.run(plan, first, dry_run)
    }
}

/// One change on its way to a branch.
struct Landing<'a> {
    transport: &'a mut dyn Transport,
    location: &'a Location,
    pace: &'a mut Pace,
    target: &'a BranchName,
    branches: Vec<BranchName>,
    author: &'a Author,
}

/// What the tries so far have shown.
#[derive(Debug, Default)]
struct Tally {
    attempts: u32,
    still: u32,
    refused_while_moving: u32,
}

impl Landing<'_> {
    /// `first` is what was read already, if anything was.
    fn run<T, E>(
        &mut self,
        mut plan: impl FnMut(&Tips<'_>) -> Result<Planned<T>, E>,
        mut first: Option<Fetched>,
        dry_run: bool,
    ) -> Result<Committed<T>, Failure<E>> {
        let mut tally = Tally::default();
        // Commits whose push failed: any of them may be in what is read next.
        let mut pending: Vec<(Oid, Committed<T>)> = Vec::new();
        loop {
            let began = self.pace.now();
            let fetched = match first.take() {
                Some(first) => first,
                None => self.read(!pending.is_empty())?,
            };
            let base = fetched.tips.get(self.target).copied();
            let is_in = |(ours, _): &(Oid, _)| {
                base.is_some_and(|tip| descends(self.transport.objects(), tip, *ours))
            };
            if let Some(landed) = pending.iter().position(is_in) {
                return Ok(pending.swap_remove(landed).1);
            }
            let tips = Tips::new(self.transport.objects(), fetched);
            let Planned { value, edits } = plan(&tips).map_err(Failure::Plan)?;
            let nothing =
                |value, changes, attempts| Committed { value, commit: None, changes, attempts };
            let Some((edits, message)) = edits else {
                return Ok(nothing(value, Vec::new(), tally.attempts));
            };
            let Some(base) = base else {
                return Err(self.no_branch(&tips).into());
            };
            let snapshot = Snapshot::new(self.transport.objects(), base)?;
            let changes = edits.changes(&snapshot)?;
            if changes.is_empty() || dry_run {
                return Ok(nothing(value, changes, tally.attempts));
            }
            let ours = commit::write(&snapshot, &changes, self.author, &message)?;
            tally.attempts += 1;
            let update = Update { branch: self.target, from: base, to: ours };
            let pushed = self.transport.push(&update, self.pace.deadline);
            let committed = Committed {
                value,
                commit: Some(revision(ours)),
                changes,
                attempts: tally.attempts,
            };
            let Err(error) = pushed else {
                return Ok(committed);
            };
            let cycle = self.pace.now() - began;
            if self.after(&update, error, cycle, &mut tally)? == Seen::Landed {
                return Ok(committed);
            }
            pending.push((ours, committed));
        }
    }

    /// Reads the branches; where a push's fate is open, a failure leaves it open.
    fn read(&mut self, pending: bool) -> Result<Fetched, StoreError> {
        let read = read(self.transport, &self.branches, History::Tip, self.pace);
        read.map_err(|error| match pending {
            true => self.unknown("the branch moved meanwhile", &error),
            false => self.store_error(error),
        })
    }

    /// Finds out what became of a push that failed, and waits if it is worth another try.
    fn after(
        &mut self,
        update: &Update<'_>,
        error: TransportError,
        cycle: Duration,
        tally: &mut Tally,
    ) -> Result<Seen, StoreError> {
        // The push itself has seen where the branch is, and sent nothing.
        let stale = error == TransportError::Stale;
        let seen = if stale { Seen::Moved } else { self.look(update, &error)? };
        match seen {
            Seen::Landed => {}
            Seen::Moved => self.wait_for_others(&error, cycle, tally)?,
            Seen::Still => self.wait_for_server(error, tally)?,
        }
        Ok(seen)
    }

    /// The branch moved: waits before the change is planned again on the new tip.
    fn wait_for_others(
        &mut self,
        error: &TransportError,
        cycle: Duration,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        tally.still = 0;
        tally.refused_while_moving =
            if error.is_refusal() { tally.refused_while_moving + 1 } else { 0 };
        let (branch, attempts) = (self.target.clone(), tally.attempts);
        if tally.refused_while_moving >= REFUSALS_WHEN_MOVING {
            let (location, words) = (self.location.to_string(), error.to_string());
            return Err(StoreError::RefusedWhileMoving { location, branch, attempts, words });
        }
        // A push without an answer may have landed: that is looked into at once.
        if error.is_refusal() || *error == TransportError::Stale {
            if self.pace.now() >= self.pace.deadline {
                let waited = self.pace.deadline - self.pace.started;
                return Err(StoreError::Contention { branch, attempts, waited });
            }
            // The last cycle measures the way, the repository and the server's load.
            self.pace.pause(cycle * 4);
        }
        Ok(())
    }

    /// The branch is where it was: waits for a lock to go away, or gives up.
    fn wait_for_server(
        &mut self,
        error: TransportError,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        tally.still += 1;
        let may_pass = error.is_transient() || matches!(error, TransportError::Refused(_));
        if tally.still < TRIES_WHEN_STILL && may_pass && self.pace.now() < self.pace.deadline {
            self.pace.pause(Duration::from_millis(500) * tally.still);
            return Ok(());
        }
        let (location, branch, attempts) =
            (self.location.to_string(), self.target.clone(), tally.attempts);
        if error.is_transient() {
            return Err(self.unknown(&error.to_string(), &"the branch has not moved so far"));
        }
        Err(if error.is_refusal() {
            StoreError::Refused { location, branch, attempts, words: error.to_string() }
        } else {
            self.store_error(error)
        })
    }

    /// Reads where the branch is now; a deadline that has passed is stretched for it.
    fn look(&mut self, update: &Update<'_>, error: &TransportError) -> Result<Seen, StoreError> {
        let deadline = self.pace.deadline;
        self.pace.deadline = deadline.max(self.pace.now() + LAST_LOOK);
        let now =
            read(self.transport, std::slice::from_ref(self.target), History::Nothing, self.pace);
        self.pace.deadline = deadline;
        let now = now.map_err(|then| self.unknown(&error.to_string(), &then))?;
        Ok(classify(update.from, update.to, now.tips.get(self.target).copied()))
    }

    fn unknown(&self, words: &str, then: &dyn std::fmt::Display) -> StoreError {
        StoreError::Unknown {
            branch: self.target.clone(),
            words: words.to_owned(),
            then: then.to_string(),
        }
    }

    fn no_branch(&self, tips: &Tips<'_>) -> StoreError {
        let location = self.location.to_string();
        if tips.is_empty() {
            StoreError::Empty { location }
        } else {
            StoreError::NoBranch { location, branch: self.target.clone() }
        }
    }

    fn store_error(&self, error: TransportError) -> StoreError {
        StoreError::transport(self.location, error)
    }
}

/// Whether `ours` is among the commits that led to `tip`; where history is cut, only as
/// far as it reaches, which is always back to what we built on.
fn descends(objects: &Repository, tip: Oid, ours: Oid) -> bool {
    let mut open = vec![tip];
    let mut seen = std::collections::HashSet::new();
    let Ok(born) = objects.find_commit(ours).map(|commit| commit.parent_ids().collect::<Vec<_>>())
    else {
        return false;
    };
    while let Some(oid) = open.pop() {
        if oid == ours {
            return true;
        }
        // What we built on is older than our commit, and so is all before it.
        if !born.contains(&oid)
            && seen.insert(oid)
            && let Ok(commit) = objects.find_commit(oid)
        {
            open.extend(commit.parent_ids());
        }
    }
    false
}

/// Reads the branches, more than once where the way there is shaky.
pub(super) fn read(
    transport: &mut dyn Transport,
    branches: &[BranchName],
    history: History,
    pace: &mut Pace,
) -> Result<Fetched, TransportError> {
    let mut tries = 1;
    loop {
        match transport.fetch(branches, history, pace.deadline) {
            Err(error)
                if error.is_transient() && tries < TRIES_TO_READ && pace.now() < pace.deadline =>
            {
                pace.pause(Duration::from_millis(400) * tries);
                tries += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
#[path = "land_tests.rs"]
mod tests;
