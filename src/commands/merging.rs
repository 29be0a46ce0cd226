//! Merging a request: the approval of one commit, by git or by the forge.

use std::time::Duration;

use super::approval::{Approved, approve, missing};
use super::asking::{Asking, LOOKS};
use super::deployments;
use super::evidence::Inquiry;
use super::move_report::{MergeReport, PinMove};
use super::on_forge::Host;
use super::report::{DryRun, Outcome};
use super::requests;
use super::state::State;
use super::{CommandError, Context};
use crate::domain::config::Config;
use crate::domain::name::BranchName;
use crate::domain::request::RequestName;
use crate::forge::{ForgeError, Merge, MergeWhen, Merged as ByForge, PullRequest};
use crate::store::{Planned, Reading, StateRepo, Write};

/// When a request is to be merged. Where there is no forge, nothing is to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Now,
    /// Once the forge's rules allow.
    Ready,
}

/// What merges a request.
pub struct Merging<'a> {
    pub context: &'a Context,
    pub main: &'a BranchName,
    pub config: &'a Config,
    pub host: Option<&'a Host>,
    pub inquiry: &'a Inquiry<'a>,
}

/// What came of a merge.
pub struct Merged {
    pub outcome: Outcome,
    pub report: MergeReport,
    pub said: Vec<String>,
    /// Other requests that are over.
    pub closed: Vec<String>,
    pub warnings: Vec<String>,
}

/// What became of it.
enum Ended {
    In { moves: Vec<PinMove>, commit: Option<String>, attempts: u32, run: DryRun },
    Queued(&'static str),
    Before,
    Empty,
}

impl Merging<'_> {
    /// Merges the request if it asks with `head`, or with what it asks now where none is told,
    /// and closes the requests that have nothing left to ask for.
    pub fn run(
        &self,
        repo: &mut StateRepo,
        name: &RequestName,
        head: Option<String>,
        when: When,
    ) -> Result<Merged, CommandError> {
        let _progress = self.context.talk.progress(&format!("merging {}", name.branch()));
        let mut approved = head;
        let ended = match self.host {
            None => self.by_git(repo, name, &mut approved)?,
            Some(host) => self.by_forge(host, repo, name, &mut approved, when)?,
        };
        let branch = name.branch();
        let mut report = MergeReport {
            branch: branch.to_string(),
            head: approved,
            commit: None,
            moves: Vec::new(),
            closed: Vec::new(),
            attempts: 0,
            run: DryRun::of(self.context.dry_run, &[]),
        };
        let mut said = Vec::new();
        let mut warnings = Vec::new();
        let outcome = match ended {
            Ended::In { moves, commit, attempts, run } => {
                (report.commit, report.attempts, report.run) = (commit, attempts, run);
                said = report.run.shown();
                let would = if self.context.dry_run { "Would have merged" } else { "Merged" };
                let commit =
                    report.commit.as_ref().map(|commit| format!(" (commit {})", &commit[..7]));
                said.push(format!("{would} {branch}{}", commit.unwrap_or_default()));
                said.extend(moves.iter().map(PinMove::line));
                report.moves = moves;
                if !self.context.dry_run {
                    warnings.extend(deployments::record(self.host, self.config, &report.moves));
                }
                Outcome::Merged
            }
            Ended::Queued(what) => {
                said.push(format!("{branch} {what}"));
                Outcome::Queued
            }
            Ended::Before => {
                said.push(format!("Nothing to do: {branch} was merged by somebody else"));
                Outcome::Unchanged
            }
            Ended::Empty => {
                said.push(format!("Nothing to do: all that {branch} asks for is there"));
                Outcome::Unchanged
            }
        };
        if !self.context.dry_run && outcome != Outcome::Queued {
            self.tidy(repo, &mut report.closed, &mut warnings);
        }
        let others = report.closed.iter().filter(|closed| **closed != branch.as_str());
        let closed = others.map(|closed| format!("Closed {closed}: it has nothing new to ask for"));
        let closed = closed.collect();
        Ok(Merged { outcome, report, said, closed, warnings })
    }

    /// The change is made again on the newest main, as a merge of both.
    fn by_git(
        &self,
        repo: &mut StateRepo,
        name: &RequestName,
        approved: &mut Option<String>,
    ) -> Result<Ended, CommandError> {
        let location = repo.location().to_string();
        let reading = self.reading(name);
        let landed = repo.transact(&reading, &self.context.author, |tips| {
            let state = State::read(tips, self.main, &location)?;
            let open = match approve(self.context, tips, &state, name, approved, self.inquiry)? {
                Approved::Open(open) => *open,
                Approved::Before => return Ok(Planned { value: Ended::Before, write: None }),
                Approved::Empty => return Ok(Planned { value: Ended::Empty, write: None }),
            };
            let mut message = requests::message(self.context, name, &open.moves);
            message.subject = format!("merge {}", name.branch());
            message.trailers.push(("Request".to_owned(), name.branch().to_string()));
            let write = Write::Commit {
                branch: self.main.clone(),
                parents: vec![state.main.id(), open.head.clone()],
                edits: open.edits,
                message,
            };
            let (commit, attempts, run) = (None, 0, DryRun::default());
            let value = Ended::In { moves: open.moves, commit, attempts, run };
            Ok::<_, CommandError>(Planned { value, write: Some(write) })
        })?;
        let run = DryRun::of(self.context.dry_run, &landed.changes);
        Ok(match landed.value {
            Ended::In { moves, .. } => {
                Ended::In { moves, commit: landed.commit, attempts: landed.attempts, run }
            }
            ended => ended,
        })
    }

    fn by_forge(
        &self,
        host: &Host,
        repo: &mut StateRepo,
        name: &RequestName,
        approved: &mut Option<String>,
        when: When,
    ) -> Result<Ended, CommandError> {
        let location = repo.location().to_string();
        let open = {
            let tips = repo.read(&self.reading(name))?;
            let state = State::read(&tips, self.main, &location)?;
            match approve(self.context, &tips, &state, name, approved, self.inquiry)? {
                Approved::Open(open) => *open,
                Approved::Before => return Ok(Ended::Before),
                Approved::Empty => return Ok(Ended::Empty),
            }
        };
        let Some(request) = self.standing(host, name, &open.head)? else {
            return Err(missing(name, std::iter::empty()));
        };
        let (moves, attempts) = (open.moves, 1);
        let run = DryRun::of(self.context.dry_run, &[]);
        if self.context.dry_run {
            return Ok(Ended::In { moves, commit: None, attempts: 0, run });
        }
        let environments = requests::targets(self.config, name.target().as_str());
        let merge = Merge {
            head: open.head.clone(),
            method: requests::method_of(&environments),
            when: if when == When::Now { MergeWhen::Now } else { MergeWhen::Ready },
        };
        match host.forge.merge(request.number, &merge) {
            Ok(ByForge::Now { commit }) => {
                // It is in, whatever becomes of its branch: the tidying tries again, and tells.
                let _ = requests::delete(self.context, repo, name, Some(&open.head));
                Ok(Ended::In { moves, commit, attempts, run })
            }
            Ok(ByForge::Queued) => Ok(Ended::Queued("waits in the merge queue")),
            Ok(ByForge::WhenReady) => Ok(Ended::Queued("is merged once the forge's rules allow")),
            Err(ForgeError::MergedMeanwhile) => Ok(Ended::Before),
            Err(ForgeError::ClosedMeanwhile) => Err(missing(name, std::iter::empty())),
            Err(error) => {
                let error = CommandError::from(error);
                let again = open.stale.then(|| {
                    "main has moved on: the same `pinrail promote` makes the request anew"
                        .to_owned()
                });
                Err(error.hints(again).hint(format!("the request: {}", request.url)))
            }
        }
    }

    /// The open request; forges need a moment to see what was pushed to its branch.
    fn standing(
        &self,
        host: &Host,
        name: &RequestName,
        head: &str,
    ) -> Result<Option<PullRequest>, CommandError> {
        let mut standing = None;
        for look in 0..LOOKS {
            standing = host.forge.find_open(&name.branch(), self.main)?;
            if standing.as_ref().is_none_or(|request| request.head == head) {
                break;
            }
            std::thread::sleep(Duration::from_millis(250) * 2_u32.pow(look));
        }
        Ok(standing)
    }

    fn reading(&self, name: &RequestName) -> Reading {
        let mut branches = self.config.branches();
        branches.push(name.branch());
        Reading::whole(&branches)
    }

    /// Closes every request that has nothing left to ask for, or that is superseded. The merge
    /// is done by then: what cannot be closed is a warning.
    fn tidy(&self, repo: &mut StateRepo, closed: &mut Vec<String>, warnings: &mut Vec<String>) {
        let (config, over) = match self.over(repo) {
            Ok(found) => found,
            Err(error) => {
                warnings.push(format!("requests that are over were not closed: {error}"));
                return;
            }
        };
        for (name, head) in over {
            let Self { context, main, host, .. } = *self;
            let branch = name.branch().to_string();
            let asking = Asking { context, main, config: &config, host, name };
            let word = "every pin that it asks for is there, or a newer one";
            match asking.withdraw(repo, Some(&head), word) {
                Ok(withdrawn) => closed.extend(withdrawn.then_some(branch)),
                Err(error) => {
                    warnings.push(format!("{branch} is over and was not closed: {error}"));
                }
            }
        }
    }

    /// The requests that are over, and the configuration by now.
    fn over(
        &self,
        repo: &mut StateRepo,
    ) -> Result<(Config, Vec<(RequestName, String)>), CommandError> {
        let config = {
            let tips = repo.tips(std::slice::from_ref(self.main))?;
            super::state::config_on(&tips, self.main)?.unwrap_or_default()
        };
        let (state, open) = requests::all(repo, &config, self.main)?;
        let mut over = Vec::new();
        for open in open {
            if open.is_empty() || open.is_superseded(&state, self.inquiry)? {
                over.push((open.name, open.head));
            }
        }
        Ok((config, over))
    }
}
