//! The parts of a promotion: a commit where pins go in directly, requests elsewhere.

use std::collections::BTreeMap;

use super::asking::{Asking, Wish};
use super::deployments;
use super::evidence::Inquiry;
use super::gate_status;
use super::gate_text;
use super::merging::{Merging, When};
use super::move_report::{MoveItem, PinMove, RequestRef};
use super::on_forge::Host;
use super::report::{DryRun, Outcome};
use super::request_text::Story;
use super::requests::{self, Open};
use super::state::{self, State};
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::gate::Overrides;
use crate::domain::layout;
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::promotion::{self, Move, Verdict};
use crate::domain::request::RequestName;
use crate::render::request::Intent;
use crate::store::{Access, Edits, Planned, Reading, StateRepo, Write};

/// The services that a promotion is about.
pub type Services = BTreeMap<ServiceName, DomainName>;

/// What came of the parts of a promotion.
#[derive(Default)]
pub struct Done {
    pub items: Vec<MoveItem>,
    pub requests: Vec<RequestRef>,
    pub commit: Option<String>,
    pub attempts: u32,
    pub run: DryRun,
    /// What was closed on the way, and what comes next.
    pub said: Vec<String>,
    pub next: Vec<String>,
    pub warnings: Vec<String>,
    /// Why a request that was to be merged was not.
    pub unmerged: Vec<CommandError>,
}

pub fn names(targets: &[&&Environment]) -> Vec<EnvironmentName> {
    targets.iter().map(|target| target.name.clone()).collect()
}

/// What all parts of one promotion share.
pub struct Part<'a> {
    pub context: &'a Context,
    pub access: &'a Access,
    pub main: &'a BranchName,
    pub config: &'a Config,
    pub location: &'a str,
    pub host: Option<&'a Host>,
    /// When its requests are to be merged, if at all by this run.
    pub when: Option<When>,
    pub inquiry: &'a Inquiry<'a>,
    pub overrides: &'a Overrides,
}

impl Part<'_> {
    /// Commits the pins of direct-mode environments.
    pub fn commit(
        &self,
        repo: &mut StateRepo,
        reading: &Reading,
        targets: &[EnvironmentName],
        services: &Services,
        done: &mut Done,
    ) -> Result<(), CommandError> {
        let mut first: Option<Vec<Move>> = None;
        let landed = repo.transact(reading, &self.context.author, |tips| {
            let state = State::read(tips, self.main, self.location)?;
            let mut moves = self.moves(&state, targets, services, self.overrides)?;
            let first = first.get_or_insert_with(|| moves.clone());
            for (step, first) in moves.iter_mut().zip(first.iter()) {
                if step.verdict == Verdict::Go && step.from != first.from {
                    step.verdict = Verdict::Refused(Cause::ChangedMeanwhile);
                }
            }
            let going = going(&moves);
            let subject = match going.as_slice() {
                [only] => format!(
                    "promote {} to {}: {}",
                    only.service, only.environment, only.to.image_tag
                ),
                several => format!("promote {} pins", several.len()),
            };
            let mut message = self.context.message(subject);
            message.body = going.iter().map(PinMove::line).collect();
            let write = Write::on(&self.config.pins_branch(), &state.pins, edits(&moves), message);
            Ok::<_, CommandError>(Planned { value: moves, write: Some(write) })
        })?;
        if landed.commit.is_some() {
            let (context, access, config) = (self.context, self.access, self.config);
            let (location, moves) = (repo.location(), going(&landed.value));
            let warnings = deployments::record_at(context, access, config, location, &moves);
            done.warnings.extend(warnings);
        }
        done.items
            .extend(landed.value.into_iter().map(|step| MoveItem::of(step, Outcome::Promoted)));
        done.attempts += landed.attempts;
        done.run = DryRun::of(self.context.dry_run, &landed.changes);
        done.commit = landed.commit;
        Ok(())
    }

    /// Opens a request, brings it up to date, or closes it when nothing is left to ask for.
    pub fn ask(
        &self,
        repo: &mut StateRepo,
        name: &RequestName,
        targets: &[EnvironmentName],
        services: &Services,
        done: &mut Done,
    ) -> Result<(), CommandError> {
        let Self { context, main, config, host, .. } = *self;
        let asking = Asking { context, main, config, host, name: name.clone() };
        let asked = asking.run(repo, |state, open| {
            let carried = open.map(|open| open.overrides.clone()).unwrap_or_default();
            let overrides = Overrides { carried, ..self.overrides.clone() };
            let mut moves = self.moves(state, targets, services, &overrides)?;
            if let Some(open) = open.filter(|open| open.foreign) {
                requests::refuse_foreign(&open.name, &mut moves);
                return Ok((moves, Wish::Leave));
            }
            if let Some(open) = open.filter(|open| asking.keeps(open)) {
                stay(&mut moves, open);
            }
            let held: Vec<Move> = moves.iter().filter(|step| step.stays()).cloned().collect();
            let pins = wanted(&moves);
            let wish = if !pins.is_empty() {
                let verdicts = gate_text::verdicts(&moves);
                let moves = going(&moves);
                let subject = subject(name, moves.len());
                let (status, intent) = (gate_status::green(), Intent::Promote);
                let story = Story { subject, pins, moves, held, verdicts, status, intent };
                Wish::Ask(Box::new(story))
            } else if held.is_empty() {
                Wish::Close
            } else {
                Wish::Leave
            };
            Ok((moves, wish))
        })?;
        done.attempts += asked.attempts;
        done.run.merge(asked.run);
        done.warnings.extend(asked.warnings);
        if asked.closed {
            done.said.push(format!("Closed {}: nothing is left to ask for", name.branch()));
        }
        let gone = match &asked.request {
            Some(request) => self.merge(repo, name, request, done),
            None => Outcome::Requested,
        };
        if gone == Outcome::Requested {
            done.next.extend(asked.request.iter().map(RequestRef::sentence));
        }
        done.requests.extend(asked.request);
        done.items.extend(asked.value.into_iter().map(|step| MoveItem::of(step, gone)));
        Ok(())
    }

    /// Merges a request where this run, or the configuration, has it merged; what became of
    /// what it asks for.
    fn merge(
        &self,
        repo: &mut StateRepo,
        name: &RequestName,
        request: &RequestRef,
        done: &mut Done,
    ) -> Outcome {
        let environments = requests::targets(self.config, name.target().as_str());
        let auto = self.host.is_some() && requests::is_auto(&environments);
        let (Some(when), Some(head), false) =
            (self.when.or(auto.then_some(When::Ready)), &request.head, self.context.dry_run)
        else {
            return Outcome::Requested;
        };
        let Self { context, main, config, host, inquiry, .. } = *self;
        let merging = Merging { context, main, config, host, inquiry };
        match merging.run(repo, name, Some(head.clone()), when) {
            Ok(merged) => {
                done.warnings.extend(merged.warnings);
                done.next.extend(merged.closed);
                done.commit = merged.report.commit.or(done.commit.take());
                if merged.outcome == Outcome::Queued {
                    done.next.extend(merged.said);
                    return Outcome::Requested;
                }
                Outcome::Promoted
            }
            Err(error) => {
                done.unmerged.push(error);
                Outcome::Requested
            }
        }
    }

    fn moves(
        &self,
        state: &State<'_>,
        targets: &[EnvironmentName],
        services: &Services,
        overrides: &Overrides,
    ) -> Result<Vec<Move>, CommandError> {
        let root = state.root();
        let targets = targets.iter().map(|name| state::environment(root.config, name.as_str()));
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        let sight = self.inquiry.on(state, services);
        Ok(promotion::promote(&sight.judge(&root), &targets, services, overrides)?)
    }
}

/// The moves that go, with both pins.
fn going(moves: &[Move]) -> Vec<PinMove> {
    let go = |step: &&Move| step.verdict == Verdict::Go;
    moves.iter().filter(go).filter_map(PinMove::of).collect()
}

/// The files that the moves write: pins, and what lets them past gates.
fn wanted(moves: &[Move]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for step in moves.iter().filter(|step| step.verdict == Verdict::Go) {
        let Some(to) = &step.to else { continue };
        files.insert(layout::pin(&step.environment, &step.domain, &step.service), to.to_bytes());
        if let Some(carries) = &step.carries {
            let path = layout::override_of(&step.environment, &step.service);
            files.insert(path, carries.to_bytes());
        }
    }
    files
}

fn edits(moves: &[Move]) -> Edits {
    let mut edits = Edits::default();
    for (path, content) in wanted(moves) {
        edits.write(path, content);
    }
    edits
}

/// What a promotion's commit is called.
pub fn subject(name: &RequestName, count: usize) -> String {
    let what = match name {
        RequestName::Single { service, .. } => service.to_string(),
        RequestName::Train { .. } => super::report::counted(count, "pin"),
    };
    format!("promote {what} to {}", name.target())
}

/// A frozen request stays as it was opened: that is what is asked for, and nothing else.
fn stay(moves: &mut [Move], open: &Open) {
    for step in moves.iter_mut().filter(|step| step.verdict == Verdict::Go) {
        let asked = open
            .moves
            .iter()
            .find(|asked| asked.service == step.service && asked.environment == step.environment);
        if let Some(asked) = asked {
            step.to = Some(asked.to.clone());
        } else {
            let branch = open.name.branch().to_string();
            step.verdict = Verdict::Refused(Cause::RequestFrozen { branch });
        }
    }
}
