//! `rollback`: back to an earlier version, under a lock.

use clap::Args;

use super::move_report::{MoveItem, RollbackReport, version};
use super::report::{Body, DryRun, Outcome, Report, counted};
use super::requests;
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::config::{Config, ForgeKind};
use crate::domain::environment::{Environment, Mode};
use crate::domain::layout::{self, Place};
use crate::domain::lock::Lock;
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{Cause, Move, Verdict};
use crate::domain::request::RequestName;
use crate::store::{Edits, FileChange, Moment, Planned, Reading, Snapshot, StateRepo, Tips, Write};

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
    main: &'a BranchName,
    location: &'a str,
}

impl RollbackArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A version that was never there, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config } = Opened::new(context)?;
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("reading the history of {location}"));
        let wanted = Wanted { args: &self, context, main: &main, location: &location };
        let mut report = RollbackReport {
            items: Vec::new(),
            locks: Vec::new(),
            commits: Vec::new(),
            attempts: 0,
            run: DryRun::of(context.dry_run, &[]),
        };
        let (main, pins) = (config.main_branch(), config.pins_branch());
        if main != pins {
            // The lock first: it stops the line while the pins go back.
            wanted.land(&mut repo, &config, &pins, &mut report)?;
        }
        wanted.land(&mut repo, &config, &main, &mut report)?;
        told(report)
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
        report: &mut RollbackReport,
    ) -> Result<(), CommandError> {
        let is_main = *branch == config.main_branch();
        // Only a forge can keep the main branch from us; there the change is asked for.
        let ask = is_main && config.forge.kind != ForgeKind::Git;
        let request = ask.then(|| self.request(config)).flatten();
        let mut branches = config.branches();
        branches.extend(request.as_ref().map(RequestName::branch));
        let landed = repo.transact(&Reading::whole(&branches), &self.context.author, |tips| {
            let state = State::read(tips, self.main, self.location)?;
            let moves = self.moves(&state, tips)?;
            let mut edits = Edits::default();
            let mut locks = Vec::new();
            let gone: Vec<&Move> =
                moves.iter().filter(|step| step.verdict == Verdict::Go).collect();
            for step in &gone {
                let environment = state::environment(&state.config, step.environment.as_str())?;
                if state.config.branch_of(environment) == *branch
                    && let Some(to) = &step.to
                {
                    edits.write(
                        layout::pin(&step.environment, &step.domain, &step.service),
                        to.to_bytes(),
                    );
                }
                if state.config.pins_branch() == *branch {
                    let path = layout::service_lock(&step.environment, &step.service);
                    edits.write(path.clone(), self.lock(step).to_bytes());
                    locks.push(path);
                }
            }
            let subject = match gone.as_slice() {
                [only] => format!(
                    "roll back {} in {}: {} → {}",
                    only.service,
                    only.environment,
                    version(only.from.as_ref()),
                    version(only.to.as_ref())
                ),
                several => format!("roll back {} pins", several.len()),
            };
            let message = self.context.message(subject);
            let write = match &request {
                Some(name) => Write::Commit {
                    branch: name.branch(),
                    parents: vec![state.main.id()],
                    edits,
                    message,
                },
                None if is_main => Write::on(branch, &state.main, edits, message),
                None => Write::on(branch, &state.pins, edits, message),
            };
            let mine = |step: &Move| {
                let environment = state.config.environment(step.environment.as_str());
                environment
                    .is_some_and(|environment| state.config.branch_of(environment) == *branch)
            };
            let moves: Vec<Move> = moves.iter().filter(|step| mine(step)).cloned().collect();
            Ok::<_, CommandError>(Planned { value: (moves, locks), write: Some(write) })
        })?;
        let (moves, locks) = landed.value;
        let went = if request.is_some() { Outcome::Requested } else { Outcome::Promoted };
        report.items.extend(moves.into_iter().map(|step| MoveItem::of(step, went)));
        report.locks.extend(locks);
        report.commits.extend(landed.commit);
        report.attempts += landed.attempts;
        let mut run = DryRun::of(self.context.dry_run, &landed.changes);
        report.run.changes.append(&mut run.changes);
        Ok(())
    }

    /// The request of a rollback that a forge must approve.
    fn request(&self, config: &Config) -> Option<RequestName> {
        let target = self.args.environment.clone()?;
        let is_request = |environment: &&Environment| environment.mode == Mode::Request;
        requests::targets(config, target.as_str())
            .iter()
            .find(|environment| is_request(environment))?;
        Some(match self.args.services.as_slice() {
            [service] => RequestName::Single { target, service: service.clone() },
            _ => RequestName::Train { target },
        })
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

    fn moves(&self, state: &State<'_>, tips: &Tips<'_>) -> Result<Vec<Move>, CommandError> {
        if let Some(commit) = &self.args.commit {
            return undo(state, tips, commit);
        }
        let Some(name) = &self.args.environment else { return Ok(Vec::new()) };
        let targets = requests::targets(&state.config, name.as_str());
        if targets.is_empty() {
            state::environment(&state.config, name.as_str())?;
        }
        let root = state.root();
        let mut moves = Vec::new();
        for service in &self.args.services {
            let domain = state::domain_of(&root, service)?;
            for target in &targets {
                let current = root.pin(target, &domain, service)?;
                let is_main = state.config.branch_of(target) == state.config.main_branch();
                let snapshot = if is_main { &state.main } else { &state.pins };
                let earlier =
                    self.earlier(target, &domain, service, current.as_ref(), snapshot, tips)?;
                moves.push(step(target, &domain, service, current, earlier));
            }
        }
        Ok(moves)
    }

    /// The pin to go back to.
    fn earlier(
        &self,
        target: &Environment,
        domain: &DomainName,
        service: &ServiceName,
        current: Option<&Pin>,
        snapshot: &Snapshot<'_>,
        tips: &Tips<'_>,
    ) -> Result<Result<Pin, Cause>, CommandError> {
        let path = layout::pin(&target.name, domain, service);
        let changes = snapshot.changes_of(std::slice::from_ref(&path))?;
        let mut pins = changes
            .iter()
            .flat_map(|change| [&change.after, &change.before])
            .filter_map(|bytes| parsed(bytes.as_deref()));
        let Some(to) = &self.args.to else {
            let earlier = pins.find(|pin| current.is_none_or(|current| !current.same_version(pin)));
            return Ok(earlier.ok_or(Cause::NoEarlierVersion));
        };
        if let Some(pin) =
            pins.find(|pin| pin.image_tag.as_str() == to || pin.target_revision.as_str() == to)
        {
            return Ok(Ok(pin));
        }
        let is_id = (4..=40).contains(&to.len()) && to.bytes().all(|byte| byte.is_ascii_hexdigit());
        let branch = tips.names().iter().find_map(|name| {
            tips.get(name).ok()?.filter(|tip| tip.id() == snapshot.id()).map(|_| name.clone())
        });
        let then = match branch.filter(|_| is_id) {
            Some(branch) => tips.get_at(&branch, &Moment::Commit(to.clone()))?,
            None => None,
        };
        let then =
            then.map(|then| crate::domain::tree::Files::read(&then, &path)).transpose()?.flatten();
        Ok(parsed(then.as_deref()).ok_or_else(|| Cause::NeverThere { version: to.clone() }))
    }
}

fn parsed(bytes: Option<&[u8]>) -> Option<Pin> {
    Pin::parse(bytes?).ok()
}

/// One move back; unchanged where the version is there.
fn step(
    target: &Environment,
    domain: &DomainName,
    service: &ServiceName,
    from: Option<Pin>,
    earlier: Result<Pin, Cause>,
) -> Move {
    let (to, verdict) = match earlier {
        Err(cause) => (None, Verdict::Refused(cause)),
        Ok(pin) => {
            let to = pin.promoted_to(target, from.as_ref());
            let same = from.as_ref().is_some_and(|from| from.same_version(&to));
            (Some(to), if same { Verdict::Unchanged } else { Verdict::Go })
        }
    };
    Move {
        service: service.clone(),
        domain: domain.clone(),
        environment: target.name.clone(),
        from,
        to,
        verdict,
    }
}

/// The moves that undo one commit, as far as its pins are still there.
fn undo(state: &State<'_>, tips: &Tips<'_>, commit: &str) -> Result<Vec<Move>, CommandError> {
    let found = if commit.len() >= 4 { tips.commit(commit)? } else { None };
    let of_ours = |found: &Snapshot<'_>| {
        Ok::<_, CommandError>(
            state.main.contains(&found.id())? || state.pins.contains(&found.id())?,
        )
    };
    let Some(found) = found.filter(|found| of_ours(found).unwrap_or(false)) else {
        let message = format!("there is no commit `{commit}`");
        return Err(CommandError::new(ErrorKind::NotFound, message)
            .hint("`pinrail history SERVICE` lists them"));
    };
    let root = state.root();
    let mut moves = Vec::new();
    for FileChange { path, before, after, .. } in found.own_changes(layout::ENVS)? {
        let Some(Place::Pin { environment, domain, service }) = layout::place(&path) else {
            continue;
        };
        let Some(target) = root.config.environment(environment.as_str()) else { continue };
        let current = root.pin(target, &domain, &service)?;
        let (before, after) = (parsed(before.as_deref()), parsed(after.as_deref()));
        let still = current == after
            || matches!((&current, &after), (Some(current), Some(after)) if current.same_version(after));
        let undone = matches!((&current, &before), (Some(current), Some(before)) if current.same_version(before));
        let earlier = match before {
            Some(before) if still || undone => Ok(before),
            _ if !still => Err(Cause::MovedOn),
            _ => Err(Cause::NoEarlierVersion),
        };
        moves.push(step(target, &domain, &service, current, earlier));
    }
    if moves.is_empty() {
        let message = format!("the commit `{commit}` changed no pin");
        return Err(CommandError::new(ErrorKind::NotFound, message)
            .hint("`pinrail history SERVICE` lists those that did"));
    }
    Ok(moves)
}

fn told(report: RollbackReport) -> Result<Report, CommandError> {
    let mut said = report.run.shown();
    said.extend(report.items.iter().map(|item| item.rolled_back(report.run.dry_run)));
    said.extend(report.commits.iter().map(|commit| format!("Commit {}", &commit[..7])));
    if !report.run.dry_run {
        said.extend(report.locks.iter().map(|path| {
            format!("Locked: {path}; remove it when the newer version may come again")
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
    let moved_on = refused.iter().any(|item| item.cause == Some(Cause::MovedOn));
    let shortfall = (!refused.is_empty()).then(|| {
        let kind = if moved_on { ErrorKind::Refused } else { ErrorKind::NotFound };
        let message =
            format!("{} of {} cannot go back", refused.len(), counted(report.items.len(), "pin"));
        CommandError::new(kind, message)
            .hint("`pinrail history SERVICE` shows which versions were there")
    });
    let mut report = report;
    for item in report.items.iter_mut().filter(|item| item.outcome == Outcome::Promoted) {
        item.outcome = Outcome::Rolledback;
    }
    Ok(Report { said, shortfall, ..Report::new(outcome, Body::Rollback(report)) })
}
