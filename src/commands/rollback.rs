//! `rollback`: back to an earlier version, under a lock.

use std::collections::BTreeMap;

use clap::Args;

use super::asking::{Asking, Wish};
use super::deployments;
use super::gate_status;
use super::gate_text;
use super::move_report::{MoveItem, PinMove, RequestRef, RollbackReport, version};
use super::on_forge::{self, Host};
use super::report::{Body, DryRun, Outcome, Report, counted};
use super::request_text::Story;
use super::requests::refuse_foreign;
use super::rollback_plan::{Goal, settled};
use super::state::{Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::cause::Cause;
use crate::domain::config::{Config, ForgeKind};
use crate::domain::environment::Mode;
use crate::domain::layout;
use crate::domain::lock::Lock;
use crate::domain::name::{BranchName, EnvironmentName, ServiceName};
use crate::domain::promotion::{Move, Verdict};
use crate::domain::request::RequestName;
use crate::render::request::Intent;
use crate::store::{Access, Edits, Planned, Reading, StateRepo, Write};

/// Go back to an earlier version, and lock it so that nothing puts the newer one back.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail rollback python-example -e production               # to the version before
  pinrail rollback python-example -e production --to 1.4.0    # to one that was there
  pinrail rollback --commit 3f2c1d9                           # undo what one commit changed

The lock (locks/<environment>/<service>.json) is written in the same commit: no later pin or
promotion passes it.

Exit codes: 0 rolled back, or so already · 1 no such version was there · 5 others moved on")]
pub struct RollbackArgs {
    /// The services
    #[arg(value_name = "SERVICE", required_unless_present = "commit", conflicts_with = "commit")]
    services: Vec<ServiceName>,
    /// The environment or group
    #[arg(
        short,
        long,
        value_name = "ENV|GROUP",
        required_unless_present = "commit",
        conflicts_with = "commit"
    )]
    environment: Option<EnvironmentName>,
    /// The image tag, the revision, or a commit of the services-root, to go back to
    #[arg(long, value_name = "TAG|COMMIT", conflicts_with = "commit")]
    to: Option<String>,
    /// Undo what this commit of the services-root changed
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// Why, for whoever meets the lock
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What is rolled back, before anything is read.
struct Wanted<'a> {
    args: &'a RollbackArgs,
    context: &'a Context,
    access: &'a Access,
    main: &'a BranchName,
    location: &'a str,
}

impl RollbackArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A version that was never there, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, access } = Opened::new(context)?;
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("reading the history of {location}"));
        let wanted =
            Wanted { args: &self, context, access: &access, main: &main, location: &location };
        let mut report = RollbackReport {
            items: Vec::new(),
            locks: Vec::new(),
            commits: Vec::new(),
            requests: Vec::new(),
            attempts: 0,
            run: DryRun::of(context.dry_run, &[]),
        };
        // Where to go is decided once: who runs twice at the same time must not go back twice.
        let (decided, is_cut) = {
            let tips = repo.read(&Reading::whole(&config.branches()))?;
            let state = State::read(&tips, &main, &location)?;
            (self.goal().moves(&state, &tips, context)?, tips.is_cut())
        };
        let requests = wanted.requests(&config, &decided);
        let host = match requests.is_empty() {
            true => None,
            false => on_forge::host(context, &access, &config, repo.location())?,
        };
        if let Some(host) = &host {
            host.may_ask()?;
        }
        let (main, pins) = (config.main_branch(), config.pins_branch());
        // The lock first: it stops the line while the pins go back.
        let mut warnings = wanted.land(&mut repo, &config, &pins, &decided, &mut report)?;
        if main != pins && config.forge.kind == ForgeKind::Git {
            warnings.extend(wanted.land(&mut repo, &config, &main, &decided, &mut report)?);
        }
        for (name, moves) in requests {
            let host = host.as_ref();
            warnings.extend(wanted.ask(&mut repo, &config, host, name, &moves, &mut report)?);
        }
        Ok(Report { warnings, ..told(report, is_cut) })
    }

    fn goal(&self) -> Goal<'_> {
        match (&self.environment, &self.commit) {
            (Some(target), None) => {
                Goal::Version { services: &self.services, target, to: self.to.as_deref() }
            }
            (_, commit) => Goal::Before { commit: commit.as_deref().unwrap_or_default() },
        }
    }
}

impl Wanted<'_> {
    /// Lands what belongs on one branch: its environments' pins, and on the branch of pins
    /// every lock.
    fn land(
        &self,
        repo: &mut StateRepo,
        config: &Config,
        branch: &BranchName,
        decided: &[Move],
        report: &mut RollbackReport,
    ) -> Result<Vec<String>, CommandError> {
        let reading = Reading::tips(&config.branches());
        let mut warnings = Vec::new();
        let landed = repo.transact(&reading, &self.context.author, |tips| {
            let state = State::read(tips, self.main, self.location)?;
            let moves = settled(&state, decided)?;
            let mut edits = Edits::default();
            let mut locks = Vec::new();
            let gone: Vec<&Move> =
                moves.iter().filter(|step| step.verdict == Verdict::Go).collect();
            for step in &gone {
                if lands_on(&state.config, step, branch) {
                    write(&mut edits, step);
                }
                if state.config.pins_branch() == *branch {
                    let path = layout::service_lock(&step.environment, &step.service);
                    edits.write(path.clone(), self.lock(step).to_bytes());
                    locks.push(path);
                }
            }
            let tip = if *branch == *self.main { &state.main } else { &state.pins };
            let message = self.context.message(subject(&gone));
            let write = Some(Write::on(branch, tip, edits, message));
            let mine = |step: &&Move| lands_on(&state.config, step, branch);
            let mine: Vec<Move> = moves.iter().filter(mine).cloned().collect();
            Ok::<_, CommandError>(Planned { value: (mine, locks), write })
        })?;
        let (moves, locks) = landed.value;
        if landed.commit.is_some() {
            let gone = moves.iter().filter(|step| step.verdict == Verdict::Go);
            let gone: Vec<PinMove> = gone.filter_map(PinMove::of).collect();
            let (context, access, location) = (self.context, self.access, repo.location());
            warnings.extend(deployments::record_at(context, access, config, location, &gone));
        }
        report.items.extend(moves.into_iter().map(|step| MoveItem::of(step, Outcome::Promoted)));
        report.locks.extend(locks);
        report.commits.extend(landed.commit);
        report.attempts += landed.attempts;
        report.run.merge(DryRun::of(self.context.dry_run, &landed.changes));
        Ok(warnings)
    }

    /// The moves that must be asked for by their request: one for each service, so that no
    /// promotion of others takes its place.
    fn requests(&self, config: &Config, decided: &[Move]) -> BTreeMap<RequestName, Vec<Move>> {
        let mut requests: BTreeMap<RequestName, Vec<Move>> = BTreeMap::new();
        for step in decided.iter().filter(|step| is_asked_for(config, step)) {
            let target = self.args.environment.as_ref().unwrap_or(&step.environment).clone();
            let name = RequestName::Single { target, service: step.service.clone() };
            requests.entry(name).or_default().push(step.clone());
        }
        requests
    }

    /// Opens the request for a way back, in the place of the one that is open there.
    fn ask(
        &self,
        repo: &mut StateRepo,
        config: &Config,
        host: Option<&Host>,
        name: RequestName,
        decided: &[Move],
        report: &mut RollbackReport,
    ) -> Result<Vec<String>, CommandError> {
        let Self { context, main, .. } = *self;
        let asking = Asking { context, main, config, host, name };
        let asked = asking.run(repo, |state, open| {
            let mut moves = settled(state, decided)?;
            if open.is_some_and(|open| open.foreign) {
                refuse_foreign(&asking.name, &mut moves);
            }
            let gone: Vec<&Move> =
                moves.iter().filter(|step| step.verdict == Verdict::Go).collect();
            if gone.is_empty() {
                return Ok((moves, Wish::Leave));
            }
            let mut edits = Edits::default();
            let story = Story {
                subject: subject(&gone),
                pins: gone.iter().filter_map(|step| write(&mut edits, step)).collect(),
                moves: gone.iter().filter_map(|step| PinMove::of(step)).collect(),
                held: Vec::new(),
                verdicts: gate_text::back(),
                status: gate_status::green(),
                intent: Intent::RollBack,
            };
            Ok((moves, Wish::Ask(Box::new(story))))
        })?;
        report.requests.extend(asked.request);
        let items = asked.value.into_iter().map(|step| MoveItem::of(step, Outcome::Requested));
        report.items.extend(items);
        report.attempts += asked.attempts;
        report.run.merge(asked.run);
        Ok(asked.warnings)
    }

    fn lock(&self, step: &Move) -> Lock {
        let default = || {
            format!(
                "rolled back from {} to {}",
                version(step.from.as_ref()),
                version(step.to.as_ref())
            )
        };
        Lock {
            reason: self.args.reason.clone().unwrap_or_else(default),
            owner: self.context.author.name.clone(),
            until: None,
        }
    }
}

/// Whether a forge keeps the branch of a move from us, so that the change is asked for.
fn is_asked_for(config: &Config, step: &Move) -> bool {
    let environment = config.environment(step.environment.as_str());
    config.forge.kind != ForgeKind::Git
        && environment.is_some_and(|environment| environment.mode == Mode::Request)
}

fn lands_on(config: &Config, step: &Move, branch: &BranchName) -> bool {
    let environment = config.environment(step.environment.as_str());
    !is_asked_for(config, step)
        && environment.is_some_and(|environment| config.branch_of(environment) == *branch)
}

/// Writes the pin that a move goes to; its path and content.
fn write(edits: &mut Edits, step: &Move) -> Option<(String, Vec<u8>)> {
    let path = layout::pin(&step.environment, &step.domain, &step.service);
    let content = step.to.as_ref()?.to_bytes();
    edits.write(path.clone(), content.clone());
    Some((path, content))
}

fn subject(moves: &[&Move]) -> String {
    match moves {
        [only] => format!(
            "roll back {} in {}: {} → {}",
            only.service,
            only.environment,
            version(only.from.as_ref()),
            version(only.to.as_ref())
        ),
        several => format!("roll back {} pins", several.len()),
    }
}

fn told(mut report: RollbackReport, is_cut: bool) -> Report {
    let mut said = report.run.shown();
    said.extend(report.items.iter().map(|item| item.rolled_back(report.run.dry_run)));
    said.extend(report.commits.iter().map(|commit| format!("Commit {}", &commit[..7])));
    said.extend(report.requests.iter().map(RequestRef::sentence));
    if !report.run.dry_run {
        said.extend(report.locks.iter().map(|path| {
            format!("Locked: {path}; `pinrail unlock` takes it away when the newer version may come again")
        }));
    }
    let any = |wanted: Outcome| report.items.iter().any(|item| item.outcome == wanted);
    let outcome = match () {
        () if any(Outcome::Requested) => Outcome::Requested,
        () if any(Outcome::Promoted) => Outcome::Rolledback,
        () if any(Outcome::Refused) => Outcome::Refused,
        () => Outcome::Unchanged,
    };
    let refused: Vec<_> =
        report.items.iter().filter(|item| item.outcome == Outcome::Refused).collect();
    let is_absent =
        |cause: &Cause| matches!(cause, Cause::NoEarlierVersion | Cause::NeverThere { .. });
    let held_back = refused.iter().any(|item| !item.cause.as_ref().is_some_and(is_absent));
    let shortfall = (!refused.is_empty()).then(|| {
        let kind = if held_back { ErrorKind::Refused } else { ErrorKind::NotFound };
        let message =
            format!("{} of {} cannot go back", refused.len(), counted(report.items.len(), "pin"));
        let cut = "the repository is a shallow clone: use one with the whole history";
        CommandError::new(kind, message)
            .hints((is_cut && !held_back).then(|| cut.to_owned()))
            .hint("`pinrail history SERVICE` shows which versions were there, and `--to` names one")
    });
    for item in report.items.iter_mut().filter(|item| item.outcome == Outcome::Promoted) {
        item.outcome = Outcome::Rolledback;
    }
    Report { said, shortfall, ..Report::new(outcome, Body::Rollback(report)) }
}
