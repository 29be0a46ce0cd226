//! `lock`: nothing new comes into an environment, or into some services of it.

use clap::Args;
use jiff::Timestamp;

use super::evidence::Inquiry;
use super::report::{Body, DryRun, Outcome, Report};
use super::state::{self, Opened, State};
use super::tend::environments;
use super::tend_report::{GateState, LockItem, LockReport, TendItem, Unstopped};
use super::tending::Tending;
use super::{CommandError, Context, ErrorKind};
use crate::domain::environment::Period;
use crate::domain::layout;
use crate::domain::lock::Lock;
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::domain::tree::Files;
use crate::store::{Edits, Planned, Reading, Write};

/// Stop the line: nothing new comes into an environment, or into these services of it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail lock -e production --reason 'incident 7'          # an environment or a group
  pinrail lock api -e production --reason 'data migration' --until 2h
  pinrail lock -e production --reason 'trade fair' --until 2026-12-24T12:00:00Z

What is there stays, and `pinrail rollback` may still go back. Open requests are judged again at
once: their status turns red, a merge that was to come by itself is taken back, and those that
could not be stopped are named. `pinrail unlock` takes the lock away.

Exit codes: 0 locked, or so already · 5 the server refused it")]
pub struct LockArgs {
    /// The services; without one, the whole environment
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// The environment or group
    #[arg(short, long = "environment", value_name = "ENV|GROUP")]
    environment: EnvironmentName,
    /// Why, for whoever is held up
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Whom to ask [default: the author of the commit]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    owner: Option<String>,
    /// When it ends by itself: after so long, or at a time
    #[arg(long, value_name = "2h|TIME", value_parser = end)]
    until: Option<End>,
}

/// When a lock ends.
#[derive(Clone, Debug)]
enum End {
    After(Period),
    At(Timestamp),
}

fn end(text: &str) -> Result<End, String> {
    let time = || text.parse().map(End::At).ok();
    text.parse().map(End::After).ok().or_else(time).ok_or_else(|| {
        "use a length of time such as `2h`, or a time such as `2026-12-24T12:00:00Z`".to_owned()
    })
}

impl LockArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service or environment that is not there, or a services-root that cannot be written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let lock = Lock {
            until: self.until.as_ref().map(|end| end.time(context.now)).transpose()?,
            reason: self.reason,
            owner: self.owner.unwrap_or_else(|| context.author.name.clone()),
        };
        let wanted =
            Locking { services: self.services, target: self.environment, lock: Some(lock) };
        wanted.run(context)
    }
}

impl End {
    fn time(&self, now: Timestamp) -> Result<Timestamp, CommandError> {
        let at = match self {
            Self::At(at) => *at,
            // Commits and locks have whole seconds.
            Self::After(period) => now
                .checked_add(period.duration())
                .ok()
                .and_then(|at| Timestamp::from_second(at.as_second()).ok())
                .unwrap_or(Timestamp::MAX),
        };
        if at > now {
            return Ok(at);
        }
        Err(CommandError::new(ErrorKind::Usage, format!("`--until` is over: {at}"))
            .hint("a time to come, such as `--until 2h`"))
    }
}

/// Locks that are to be, or to be no more.
pub struct Locking {
    pub services: Vec<ServiceName>,
    pub target: EnvironmentName,
    /// None where they are to be taken away.
    pub lock: Option<Lock>,
}

impl Locking {
    /// Writes the locks in one commit, and looks after the requests that they are about.
    pub fn run(&self, context: &Context) -> Result<Report, CommandError> {
        let mut opened = Opened::to_write(context)?;
        let _progress = context.talk.progress(&format!("writing to {}", opened.repo.location()));
        let scope = environments(&opened.config, &self.target)?;
        let mut report = self.land(context, &mut opened, &scope)?;
        let mut warnings = Vec::new();
        if !context.dry_run {
            match tend(context, &mut opened, &scope) {
                Ok(requests) => report.requests = requests,
                Err(error) => warnings.push(format!(
                    "the open requests were not judged again, and may be merged as they stand: {error}; `pinrail tend` does it"
                )),
            }
        }
        report.unstopped = report.requests.iter().filter_map(unstopped).collect();
        Ok(Report { warnings, ..told(report) })
    }

    fn land(
        &self,
        context: &Context,
        opened: &mut Opened,
        scope: &[EnvironmentName],
    ) -> Result<LockReport, CommandError> {
        let Opened { repo, main, config, .. } = opened;
        let location = repo.location().to_string();
        let landed =
            repo.transact(&Reading::tips(&config.branches()), &context.author, |tips| {
                let state = State::read(tips, main, &location)?;
                let mut edits = Edits::default();
                let locks = self.items(&state, scope, &mut edits)?;
                let message = context.message(self.subject());
                let branch = state.config.pins_branch();
                let write = Some(Write::on(&branch, &state.pins, edits, message));
                Ok::<_, CommandError>(Planned { value: locks, write })
            })?;
        Ok(LockReport {
            locks: landed.value,
            run: DryRun::of(context.dry_run, &landed.changes),
            commit: landed.commit,
            attempts: landed.attempts,
            requests: Vec::new(),
            unstopped: Vec::new(),
        })
    }

    /// What is to become of each lock, on one state.
    fn items(
        &self,
        state: &State<'_>,
        scope: &[EnvironmentName],
        edits: &mut Edits,
    ) -> Result<Vec<LockItem>, CommandError> {
        let root = state.root();
        if self.lock.is_some() {
            for service in &self.services {
                state::domain_of(&root, service)?;
            }
        }
        let mut items = Vec::new();
        for environment in scope {
            let mut places: Vec<_> = self
                .services
                .iter()
                .map(|service| (Some(service), layout::service_lock(environment, service)))
                .collect();
            if places.is_empty() {
                places.push((None, layout::environment_lock(environment)));
            }
            for (service, path) in places {
                let there = state.pins.read(&path)?;
                let previous = there.as_deref().and_then(|bytes| Lock::parse(bytes).ok());
                let is_so = match &self.lock {
                    Some(lock) => previous.as_ref() == Some(lock),
                    None => there.is_none(),
                };
                let outcome = match &self.lock {
                    _ if is_so => Outcome::Unchanged,
                    Some(lock) => {
                        edits.write(&path, lock.to_bytes());
                        Outcome::Locked
                    }
                    None => {
                        edits.remove(&path);
                        Outcome::Unlocked
                    }
                };
                items.push(LockItem {
                    environment: environment.clone(),
                    service: service.cloned(),
                    path,
                    outcome,
                    lock: self.lock.clone(),
                    previous: previous.filter(|_| !is_so),
                });
            }
        }
        Ok(items)
    }

    fn subject(&self) -> String {
        let verb = if self.lock.is_some() { "lock" } else { "unlock" };
        let what = match self.services.as_slice() {
            [] => String::new(),
            [only] => format!("{only} in "),
            several => format!("{} services in ", several.len()),
        };
        let why = self.lock.as_ref().map(|lock| format!(": {}", lock.reason)).unwrap_or_default();
        format!("{verb} {what}{}{why}", self.target)
    }
}

fn told(report: LockReport) -> Report {
    let mut said = report.run.shown();
    said.extend(report.locks.iter().map(|item| sentence(item, report.run.dry_run)));
    said.extend(report.commit.iter().map(|commit| format!("Commit {}", &commit[..7])));
    said.extend(report.requests.iter().filter_map(|item| item.sentence(false)));
    let unstopped = report.unstopped.iter().map(|it| {
        let name = it.url.as_ref().unwrap_or(&it.branch);
        format!("Not stopped: {name}: {}", it.reason)
    });
    let mut warnings: Vec<_> = unstopped.collect();
    let others = report.requests.iter().filter(|item| item.unstopped.is_none());
    warnings.extend(
        others.filter_map(|item| Some(format!("{}: {}", item.called(), item.problem.as_ref()?))),
    );
    let changed = report.locks.iter().find(|item| item.outcome != Outcome::Unchanged);
    let outcome = changed.map_or(Outcome::Unchanged, |item| item.outcome);
    Report { said, warnings, ..Report::new(outcome, Body::Lock(report)) }
}

fn sentence(item: &LockItem, dry_run: bool) -> String {
    let LockItem { environment, service, lock, previous, .. } = item;
    let what = match service {
        Some(service) => format!("{service} in {environment}"),
        None => environment.to_string(),
    };
    let was = previous.as_ref().map(|was| format!(" (was: {}, by {})", was.reason, was.owner));
    let was = was.unwrap_or_default();
    let (verb, tail) = match (item.outcome, lock) {
        (Outcome::Unchanged, Some(_)) => {
            return format!("Nothing to do: {what} is locked so already");
        }
        (Outcome::Unchanged, None) => {
            return format!("Nothing to do: {what} has no lock of its own");
        }
        (_, Some(lock)) => {
            let until = lock.until.map(|until| format!(" until {until}")).unwrap_or_default();
            ("locked", format!("{until}: {}{was}", lock.reason))
        }
        (_, None) => ("unlocked", was),
    };
    format!("{} {what}{tail}", super::move_report::done(verb, dry_run))
}

/// A request that is held back now, and may be merged all the same.
fn unstopped(item: &TendItem) -> Option<Unstopped> {
    let reason = item.unstopped.clone().filter(|_| item.state == GateState::Red)?;
    let TendItem { number, url, branch, .. } = item;
    Some(Unstopped { number: *number, url: url.clone(), branch: branch.clone(), reason })
}

/// Looks after the requests that are about these environments.
fn tend(
    context: &Context,
    opened: &mut Opened,
    scope: &[EnvironmentName],
) -> Result<Vec<TendItem>, CommandError> {
    let host = opened.host(context)?;
    let Opened { repo, main, config, access } = opened;
    let location = repo.location().clone();
    let inquiry = Inquiry::new(context, access, &location);
    let (scope, host) = (Some(scope), host.as_ref());
    let tending = Tending { context, main, config, host, inquiry: &inquiry, scope, only: None };
    tending.run(repo)
}
