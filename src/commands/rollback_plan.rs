//! Where a rollback leads: to the version before, to a named one, or past one commit.

use super::move_report::PinMove;
use super::requests;
use super::state::{self, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::cause::Cause;
use crate::domain::environment::Environment;
use crate::domain::layout::{self, Place};
use crate::domain::lock::Lock;
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{Move, Verdict};
use crate::domain::rollback::{WayBack, leads_back, way_back};
use crate::domain::tree::Files;
use crate::store::{FileChange, Moment, Snapshot, Tips};

/// Where to go back to.
pub enum Goal<'a> {
    /// The version before, or the one that is named.
    Version { services: &'a [ServiceName], target: &'a EnvironmentName, to: Option<&'a str> },
    /// What was there before this commit of the services-root.
    Before { commit: &'a str },
}

impl Goal<'_> {
    /// The moves that lead there, decided on one state.
    pub fn moves(
        &self,
        state: &State<'_>,
        tips: &Tips<'_>,
        context: &Context,
    ) -> Result<Vec<Move>, CommandError> {
        match self {
            Self::Before { commit } => undo(state, tips, commit),
            Self::Version { services, target, to } => {
                back(state, tips, context, services, target, *to)
            }
        }
    }
}

/// The moves to an earlier version of each service in each environment.
fn back(
    state: &State<'_>,
    tips: &Tips<'_>,
    context: &Context,
    services: &[ServiceName],
    target: &EnvironmentName,
    to: Option<&str>,
) -> Result<Vec<Move>, CommandError> {
    let targets = requests::targets(&state.config, target.as_str());
    if targets.is_empty() {
        state::environment(&state.config, target.as_str())?;
    }
    let root = state.root();
    let mut moves = Vec::new();
    for service in services {
        let domain = state::domain_of(&root, service)?;
        for target in &targets {
            let current = root.pin(target, &domain, service)?;
            let path = layout::pin(&target.name, &domain, service);
            let branch = state.config.branch_of(target);
            let changes = state.tip(&branch).changes_of(std::slice::from_ref(&path))?;
            let earlier = match to {
                None => {
                    let held = is_held(&state.pins, target, service, context)?;
                    before(&changes, current.as_ref(), held).ok_or(Cause::NoEarlierVersion)
                }
                Some(to) => match named(&changes, to) {
                    Some(pin) => Ok(pin),
                    None => at(tips, &branch, to, &path)?
                        .ok_or_else(|| Cause::NeverThere { version: to.to_owned() }),
                },
            };
            moves.push(step(target, &domain, service, current, earlier));
        }
    }
    Ok(moves)
}

/// Whether a lock of its own holds the service there.
fn is_held(
    locks: &dyn Files,
    target: &Environment,
    service: &ServiceName,
    context: &Context,
) -> Result<bool, CommandError> {
    let lock = locks.read(&layout::service_lock(&target.name, service))?;
    let lock = lock.and_then(|bytes| Lock::parse(&bytes).ok());
    Ok(lock.is_some_and(|lock| lock.holds(context.now)))
}

/// Whether a move goes back under the lock that a rollback has set for it: what came before
/// what is there now, and never what was left by going back.
pub fn goes_back(
    state: &State<'_>,
    step: &PinMove,
    context: &Context,
    locks: &dyn Files,
) -> Result<bool, CommandError> {
    let PinMove { service, domain, environment, to, .. } = step;
    let target = state::environment(&state.config, environment.as_str())?;
    if !is_held(locks, target, service, context)? {
        return Ok(false);
    }
    let path = layout::pin(environment, domain, service);
    let tip = state.tip(&state.config.branch_of(target));
    let versions = versions(&tip.changes_of(std::slice::from_ref(&path))?);
    Ok(leads_back(versions.iter().map(Option::as_ref), to))
}

/// The version before; what a rollback brought and still locks is where the same command
/// leads to.
fn before(changes: &[FileChange], current: Option<&Pin>, held: bool) -> Option<Pin> {
    let versions = versions(changes);
    let WayBack { before, came_back } = way_back(versions.iter().map(Option::as_ref));
    if came_back && held { current.cloned() } else { before.cloned() }
}

/// What a pin was, oldest first.
fn versions(changes: &[FileChange]) -> Vec<Option<Pin>> {
    let first = changes.last().map(|change| parsed(change.before.as_deref()));
    let later = changes.iter().rev().map(|change| parsed(change.after.as_deref()));
    first.into_iter().chain(later).collect()
}

/// The newest pin with this tag or revision.
fn named(changes: &[FileChange], to: &str) -> Option<Pin> {
    let files = changes.iter().flat_map(|change| [&change.after, &change.before]);
    let mut pins = files.filter_map(|bytes| parsed(bytes.as_deref()));
    pins.find(|pin| pin.image_tag.as_str() == to || pin.target_revision.as_str() == to)
}

/// The pin as it was at a commit of the services-root.
fn at(
    tips: &Tips<'_>,
    branch: &BranchName,
    to: &str,
    path: &str,
) -> Result<Option<Pin>, CommandError> {
    if !(4..=40).contains(&to.len()) || !to.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let then = tips.get_at(branch, &Moment::Commit(to.to_owned()))?;
    let file = then.map(|then| then.read(path)).transpose()?.flatten();
    Ok(parsed(file.as_deref()))
}

fn parsed(bytes: Option<&[u8]>) -> Option<Pin> {
    Pin::parse(bytes?).ok()
}

/// What was decided, on the newest state: done by others, moved on by others, or still to do.
pub fn settled(state: &State<'_>, decided: &[Move]) -> Result<Vec<Move>, CommandError> {
    let root = state.root();
    let mut moves = decided.to_vec();
    for step in moves.iter_mut().filter(|step| step.verdict == Verdict::Go) {
        let target = state::environment(&state.config, step.environment.as_str())?;
        let now = root.pin(target, &step.domain, &step.service)?;
        if now == step.from {
            continue;
        }
        let there = match (&now, &step.to) {
            (Some(now), Some(to)) => now.same_version(to),
            _ => false,
        };
        step.verdict =
            if there { Verdict::Unchanged } else { Verdict::Refused(Cause::ChangedMeanwhile) };
        step.from = now;
    }
    Ok(moves)
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
        judgements: Vec::new(),
        carries: None,
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
