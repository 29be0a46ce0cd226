//! Landing a change: read, plan, push; after any failure look where the branch is now.
//!
//! The decision after a failed push rests on what the branch holds, never on what a
//! message says: servers word races and refusals alike.

use std::time::Duration;

use git2::{Oid, Repository};

use super::commit::{self, Author, Change, Message};
use super::commits::{Commits, NewCommit};
use super::error::StoreError;
use super::pace::Pace;
use super::plan::{Committed, Failure, Planned, Reading, Write};
use super::snapshot::{CommitId, Objects, Snapshot, Tips};
use super::traffic::Meter;
use super::transport::{Fetched, History, Transport, TransportError, Update};
use super::{Location, StateRepo};
use crate::domain::name::BranchName;

/// Tries when the branch stays where it was: enough for a lock of the server to go away.
const TRIES_WHEN_STILL: u32 = 3;
/// Refusals in a row, each while the branch moved, after which the server means it. A race
/// that is lost looks the same, so there must be more than contention brings.
const REFUSALS_WHEN_MOVING: u32 = 50;
/// So many lost races make the pause before the next try longer, once more for each.
const CROWD: u32 = 8;
/// Tries to reach a server that cannot be reached.
const TRIES_TO_READ: u32 = 4;
/// Time to find out what became of a push that ended at the deadline.
const LAST_LOOK: Duration = Duration::from_secs(10);

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

fn classify(base: Option<Oid>, ours: Option<Oid>, now: Option<Oid>) -> Seen {
    match now {
        now if now == ours => Seen::Landed,
        now if now == base => Seen::Still,
        _ => Seen::Moved,
    }
}

impl StateRepo {
    /// Lands what `plan` wants, running it again on every new state until the change is in,
    /// the plan refuses, or time is up. `plan` sees the branches of `reading`.
    ///
    /// # Errors
    /// The plan's own error, or the store's. After an error nothing of this plan is on the
    /// branch, unless the error is [`StoreError::Unknown`].
    pub fn transact<T, E>(
        &mut self,
        reading: &Reading,
        author: &Author,
        plan: impl FnMut(&Tips<'_>) -> Result<Planned<T>, E>,
    ) -> Result<Committed<T>, Failure<E>> {
        let dry_run = self.dry_run;
        let covers = |seen: &(Reading, Fetched)| {
            seen.0.history >= reading.history
                && reading.branches.iter().all(|branch| seen.0.branches.contains(branch))
        };
        let first = self.seen.take().filter(covers).map(|(_, fetched)| fetched);
        let mut landing = Landing {
            transport: self.transport.as_mut(),
            location: &self.location,
            pace: &mut self.pace,
            meter: &self.meter,
            reading,
            author,
            commits: self.commits.as_deref(),
            signed_only: self.signed_only,
        };
        landing.run(plan, first, dry_run)
    }
}

/// One change on its way to a branch.
struct Landing<'a> {
    transport: &'a mut dyn Transport,
    location: &'a Location,
    pace: &'a mut Pace,
    meter: &'a Meter,
    reading: &'a Reading,
    author: &'a Author,
    commits: Option<&'a dyn Commits>,
    signed_only: bool,
}

/// What the tries so far have shown.
#[derive(Debug, Default)]
struct Tally {
    attempts: u32,
    /// Refusals, and pushes without an answer, while the branch stayed where it was.
    refused: u32,
    unanswered: u32,
    refused_while_moving: u32,
    /// Races.
    lost: u32,
}

/// A commit that was pushed with no success so far.
struct Tried<T> {
    branch: BranchName,
    commit: Oid,
    committed: Committed<T>,
    /// Whether it was never answered, so that it may be on its way still.
    open: bool,
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
        let mut pending: Vec<Tried<T>> = Vec::new();
        loop {
            let began = self.pace.now();
            let fetched = match first.take() {
                Some(first) => first,
                None => self.read(pending.last(), &tally)?,
            };
            let objects = Objects::of(self.transport, self.location);
            let is_in = |tried: &Tried<T>| {
                let tip = fetched.tips.get(&tried.branch);
                tip.is_some_and(|tip| descends(objects.repository(), *tip, tried.commit))
            };
            if let Some(landed) = pending.iter().position(is_in) {
                return Ok(pending.swap_remove(landed).committed);
            }
            let tips = Tips::new(objects, fetched);
            let planned = plan(&tips);
            if let Some(last) = pending.last()
                && self.pace.now() >= self.pace.deadline
            {
                // What was pushed is not in, and what it was built on is not the tip any more.
                return Err(self.contention(&last.branch, &tally).into());
            }
            let Planned { value, write } = planned.map_err(Failure::Plan)?;
            let attempts = tally.attempts;
            let Some(write) = write else {
                return Ok(Committed { value, commit: None, changes: Vec::new(), attempts });
            };
            let from = tips.id(write.branch());
            let (to, changes) = match &write {
                Write::Commit { branch, parents, edits, message } => {
                    let base = parents.first().map(|base| Snapshot::of(objects, base));
                    let changes = base.transpose()?.map(|base| edits.changes(&base));
                    let changes = changes.transpose()?.unwrap_or_default();
                    if changes.is_empty() || dry_run {
                        return Ok(Committed { value, commit: None, changes, attempts });
                    }
                    if let (Some(commits), [parent]) = (self.commits, parents.as_slice()) {
                        tally.attempts += 1;
                        let attempts = tally.attempts;
                        let from = from.map(|from| from.to_string());
                        let new = NewCommit { branch, from, parent, message, changes: &changes };
                        match self.meter.time(|spent| &mut spent.pushing, || commits.commit(&new)) {
                            Ok(commit) => {
                                let commit = Some(commit);
                                return Ok(Committed { value, commit, changes, attempts });
                            }
                            Err(error) => self.after_api(branch, error, began, &mut tally)?,
                        }
                        continue;
                    }
                    let repository = objects.repository();
                    let to = self.write(repository, parents, &changes, message)?;
                    (Some(to), changes)
                }
                Write::Delete { .. } if from.is_none() || dry_run => {
                    return Ok(Committed { value, commit: None, changes: Vec::new(), attempts });
                }
                Write::Delete { .. } => (None, Vec::new()),
            };
            tally.attempts += 1;
            let update = Update { branch: write.branch(), from, to };
            self.meter.pushed();
            let (transport, until) = (&mut self.transport, self.pace.deadline);
            let push = || transport.push(&update, until);
            let pushed = self.meter.time(|traffic| &mut traffic.pushing, push);
            let commit = to.map(|oid| oid.to_string());
            let committed = Committed { value, commit, changes, attempts: tally.attempts };
            let Err(error) = pushed else { return Ok(committed) };
            let open = !error.is_refusal() && error != TransportError::Stale;
            let cycle = self.pace.now() - began;
            if self.after(&update, error, cycle, &mut tally)? == Seen::Landed {
                return Ok(committed);
            }
            let branch = update.branch.clone();
            pending.extend(to.map(|commit| Tried { branch, commit, committed, open }));
        }
    }

    /// Writes the commit that is to be pushed, each time anew, so that each is signed.
    fn write(
        &self,
        repository: &Repository,
        parents: &[CommitId],
        changes: &[Change],
        message: &Message,
    ) -> Result<Oid, StoreError> {
        if self.signed_only && self.author.signer.is_none() {
            return Err(StoreError::NoSigningKey { location: self.location.to_string() });
        }
        commit::write(repository, parents, changes, self.author, message, self.pace.deadline)
    }

    /// Waits where others were faster than a commit that was to be made elsewhere.
    fn after_api(
        &mut self,
        branch: &BranchName,
        error: TransportError,
        began: std::time::Instant,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        if error == TransportError::Stale {
            let cycle = self.pace.now() - began;
            return self.wait_for_others(branch, &error, cycle, tally);
        }
        let (location, branch) = (self.location.to_string(), branch.clone());
        Err(match error {
            error if error.is_refusal() => {
                let (attempts, words) = (tally.attempts, error.to_string());
                StoreError::Refused { location, branch, attempts, words }
            }
            TransportError::Unreachable(_) => {
                unknown(&branch, &error.to_string(), &"it was not looked for")
            }
            error => self.store_error(error),
        })
    }

    /// Reads the branches; where a push's fate is open, a failure leaves it open, and the
    /// deadline is stretched to find out.
    fn read<T>(&mut self, last: Option<&Tried<T>>, tally: &Tally) -> Result<Fetched, StoreError> {
        let Reading { branches, history } = self.reading;
        let deadline = self.pace.deadline;
        if last.is_some_and(|last| last.open) {
            self.pace.deadline = deadline.max(self.pace.now() + LAST_LOOK);
        }
        let read = read(self.transport, branches, *history, self.pace, self.meter);
        self.pace.deadline = deadline;
        read.map_err(|error| match (last, &error) {
            (Some(last), _) if last.open => {
                unknown(&last.branch, "the branch moved meanwhile", &error)
            }
            (Some(last), TransportError::Timeout(_)) => self.contention(&last.branch, tally),
            _ => self.store_error(error),
        })
    }

    fn contention(&mut self, branch: &BranchName, tally: &Tally) -> StoreError {
        let (branch, attempts) = (branch.clone(), tally.attempts);
        StoreError::Contention { branch, attempts, waited: self.pace.now() - self.pace.started }
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
            Seen::Moved => self.wait_for_others(update.branch, &error, cycle, tally)?,
            Seen::Still => self.wait_for_server(update.branch, error, tally)?,
        }
        Ok(seen)
    }

    /// The branch moved: waits before the change is planned again on the new tip.
    fn wait_for_others(
        &mut self,
        branch: &BranchName,
        error: &TransportError,
        cycle: Duration,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        (tally.refused, tally.unanswered) = (0, 0);
        tally.refused_while_moving =
            if error.is_refusal() { tally.refused_while_moving + 1 } else { 0 };
        let (branch, attempts) = (branch.clone(), tally.attempts);
        if tally.refused_while_moving >= REFUSALS_WHEN_MOVING {
            let (location, words) = (self.location.to_string(), error.to_string());
            return Err(StoreError::RefusedWhileMoving { location, branch, attempts, words });
        }
        // A push without an answer may have landed: that is looked into at once.
        if error.is_refusal() || *error == TransportError::Stale {
            // A try that cannot end in time would leave its fate open.
            if self.pace.now() + cycle >= self.pace.deadline {
                return Err(self.contention(&branch, tally));
            }
            // The last cycle measures the way, the repository and the server's load; many lost
            // races in a row show a crowd, which needs more room than a few.
            tally.lost += 1;
            self.pace.pause(cycle * 4 * (1 + tally.lost / CROWD), self.meter);
        }
        Ok(())
    }

    /// The branch is where it was: waits for a lock to go away, or gives up.
    fn wait_for_server(
        &mut self,
        branch: &BranchName,
        error: TransportError,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        let tries = if error.is_refusal() { &mut tally.refused } else { &mut tally.unanswered };
        *tries += 1;
        let may_pass = error.is_transient() || matches!(error, TransportError::Refused(_));
        if *tries < TRIES_WHEN_STILL && may_pass && self.pace.now() < self.pace.deadline {
            self.pace.pause(Duration::from_millis(500) * *tries, self.meter);
            return Ok(());
        }
        if error.is_transient() {
            return Err(unknown(branch, &error.to_string(), &"the branch has not moved so far"));
        }
        let (location, branch, attempts) =
            (self.location.to_string(), branch.clone(), tally.attempts);
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
        let branch = std::slice::from_ref(update.branch);
        let now = read(self.transport, branch, History::Nothing, self.pace, self.meter);
        self.pace.deadline = deadline;
        let now = now.map_err(|then| unknown(update.branch, &error.to_string(), &then))?;
        Ok(classify(update.from, update.to, now.tips.get(update.branch).copied()))
    }

    fn store_error(&self, error: TransportError) -> StoreError {
        StoreError::transport(self.location, error)
    }
}

fn unknown(branch: &BranchName, words: &str, then: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unknown { branch: branch.clone(), words: words.to_owned(), then: then.to_string() }
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
    meter: &Meter,
) -> Result<Fetched, TransportError> {
    let mut tries = 1;
    loop {
        let fetch = || transport.fetch(branches, history, pace.deadline);
        match meter.time(|traffic| &mut traffic.reading, fetch) {
            Err(error)
                if error.is_transient() && tries < TRIES_TO_READ && pace.now() < pace.deadline =>
            {
                pace.pause(Duration::from_millis(400) * tries, meter);
                tries += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
#[path = "land_tests.rs"]
mod tests;
