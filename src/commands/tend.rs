//! `tend`: open requests are judged again, as time and locks change what may go.

use clap::Args;

use super::deployments;
use super::evidence::Inquiry;
use super::move_report::PinMove;
use super::report::{Body, DryRun, Outcome, Report, counted};
use super::requests;
use super::state::{self, Opened, State};
use super::tend_report::{TendItem, TendReport};
use super::tending::Tending;
use super::{CommandError, Context, ErrorKind};
use crate::domain::config::Config;
use crate::domain::environment::Mode;
use crate::domain::layout::{self, Place};
use crate::domain::name::{BranchName, EnvironmentName};
use crate::domain::pin::Pin;
use crate::store::{Reading, StateRepo};

/// How far back it is looked for what came in by hand.
const RECENT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// How many deployments a run looks at, at a few calls each; the next run takes the next ones.
const RECORDED: usize = 50;
/// How often the generated pipelines run it, in seconds.
const INTERVAL: i64 = 600;

/// Look after the open requests: judge each again, and show and do what follows
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail tend                     # as the scheduled pipeline does
  pinrail tend -e production       # an environment or a group
  pinrail tend --dry-run           # what the gates say, and what would be done

Each open request into the main branch, whoever made it, is judged as things are now, and that
is shown as the status `pinrail/gates` of its newest commit. Where a gate or a lock forbids it, a
merge that was to come by itself is taken back. Requests that have nothing left to ask for are
closed, a train goes on without services that may not go any more, and what was merged by hand
is recorded as deployed. The same again changes nothing.

Exit codes: 0 also where something is refused · 1 a request could not be looked after; the
others were")]
pub struct TendArgs {
    /// Only what is about this environment or group
    #[arg(short, long = "environment", value_name = "ENV|GROUP")]
    environment: Option<EnvironmentName>,
    /// Only the request with this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "environment")]
    request: Option<u64>,
}

impl TendArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A services-root or a forge that cannot be read, or a request that could not be looked
    /// after.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let mut opened = Opened::new(context)?;
        let _progress = context.talk.progress("looking after the open requests");
        let host = opened.host(context)?;
        if self.request.is_some() && host.is_none() {
            let message = "requests have numbers where a forge keeps them";
            return Err(CommandError::new(ErrorKind::Usage, message).hint("leave it out"));
        }
        let Opened { repo, main, config, access } = &mut opened;
        let scope = self.environment.map(|name| environments(config, &name)).transpose()?;
        let location = repo.location().clone();
        let inquiry = Inquiry::new(context, access, &location);
        let (only, scope) = (self.request, scope.as_deref());
        let tending =
            Tending { context, main, config, host: host.as_ref(), inquiry: &inquiry, scope, only };
        let requests = tending.run(repo)?;
        let mut warnings = Vec::new();
        if only.is_none() && !context.dry_run && host.is_some() && config.forge.deployments {
            let moves = merged_lately(context, repo, main, config, scope)?;
            warnings = deployments::record(host.as_ref(), config, &moves);
        }
        Ok(Report { warnings, ..told(context, requests) })
    }
}

/// The environments that a name stands for.
pub fn environments(
    config: &Config,
    name: &EnvironmentName,
) -> Result<Vec<EnvironmentName>, CommandError> {
    let targets = requests::targets(config, name.as_str());
    if targets.is_empty() {
        state::environment(config, name.as_str())?;
    }
    Ok(targets.into_iter().map(|target| target.name.clone()).collect())
}

/// The pins that came in by request within the last day, as many as one run looks at.
fn merged_lately(
    context: &Context,
    repo: &mut StateRepo,
    main: &BranchName,
    config: &Config,
    scope: Option<&[EnvironmentName]>,
) -> Result<Vec<PinMove>, CommandError> {
    let location = repo.location().to_string();
    let tips = repo.read(&Reading::whole(&config.branches()))?;
    let state = State::read(&tips, main, &location)?;
    let since = context.now.saturating_sub(RECENT).unwrap_or(jiff::Timestamp::MIN);
    let then = state.main.at(since)?;
    let mut moves = Vec::new();
    for change in state.main.changed_since(then.as_ref(), layout::ENVS)? {
        let Some(Place::Pin { domain, environment, service }) = layout::place(&change.path) else {
            continue;
        };
        let by_request = config
            .environment(environment.as_str())
            .is_some_and(|target| target.mode == Mode::Request);
        let is_meant = scope.is_none_or(|scope| scope.contains(&environment));
        let pin = |bytes: Option<Vec<u8>>| Pin::parse(&bytes?).ok();
        let Some(to) = pin(change.after).filter(|_| by_request && is_meant) else { continue };
        moves.push(PinMove { service, domain, environment, from: pin(change.before), to });
    }
    let run = usize::try_from(context.now.as_second() / INTERVAL).unwrap_or_default();
    let start = if moves.len() > RECORDED { run * RECORDED % moves.len() } else { 0 };
    let count = moves.len().min(RECORDED);
    Ok(moves.into_iter().cycle().skip(start).take(count).collect())
}

fn told(context: &Context, requests: Vec<TendItem>) -> Report {
    let mut said: Vec<_> =
        requests.iter().filter_map(|item| item.sentence(context.dry_run)).collect();
    if said.is_empty() {
        let open = counted(requests.len(), "open request");
        said.push(format!("Nothing to do: {open} looked after"));
    }
    let is_done = requests.iter().any(|item| !item.done.is_empty());
    let outcome = if is_done { Outcome::Tended } else { Outcome::Unchanged };
    let shortfall = shortfall(&requests);
    let run = DryRun::of(context.dry_run, &[]);
    let body = Body::Tend(TendReport { requests, run });
    Report { said, shortfall, ..Report::new(outcome, body) }
}

/// The error of a run that could not look after every request.
fn shortfall(requests: &[TendItem]) -> Option<CommandError> {
    /// As many as people read.
    const NAMED: usize = 5;
    let failed = requests.iter().filter_map(|item| Some((item.called(), item.problem.as_ref()?)));
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        return None;
    }
    let message = format!("{} could not be looked after", counted(failed.len(), "request"));
    let named = failed.iter().take(NAMED).map(|(name, problem)| format!("{name}: {problem}"));
    Some(
        CommandError::new(ErrorKind::Network, message)
            .hints(named)
            .hint("the others were; run it again, it is safe to repeat"),
    )
}
