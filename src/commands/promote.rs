//! `promote`: the version that is in `from` goes to the next environment.

use std::collections::BTreeMap;

use clap::Args;

use super::evidence::{self, Inquiry};
use super::merging::When;
use super::move_report::{MoveItem, PromoteReport};
use super::on_forge;
use super::promote_parts::{Done, Part, Services, names};
use super::report::{Body, Outcome, Report, counted};
use super::requests::{self, Open};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::cause::Cause;
use crate::domain::config::Config;
use crate::domain::environment::{Environment, Mode};
use crate::domain::gate::{Gate, Overrides, Overriding};
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::promotion::{self, Move, Verdict};
use crate::domain::request::RequestName;
use crate::store::{Reading, StateRepo};

/// What the first look is taken with.
struct First<'a> {
    main: &'a BranchName,
    config: &'a Config,
    inquiry: &'a Inquiry<'a>,
}

/// Bring the version that is in `from` to the next environment.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail promote python-example --to production   # an environment or a group
  pinrail promote api worker --to production --all-or-nothing
  pinrail promote --all --to production            # everything that may go, as one train
  pinrail promote api --to production --auto-merge # merged once the forge's rules allow
  pinrail promote api --to production --dry-run

Into an environment with `mode: direct` the pins are committed; with `mode: request` a request
is opened, or the one that is open is brought up to date. The same command again changes
nothing.

Exit codes: 0 promoted, requested or so already; with --all also if some could not go ·
4 a pin is not valid · 5 a service that was named may not go")]
pub struct PromoteArgs {
    /// The services
    #[arg(value_name = "SERVICE", required_unless_present = "all", conflicts_with = "all")]
    services: Vec<ServiceName>,
    /// Every service that is in `from`, in one request: what may not go stays
    #[arg(long)]
    all: bool,
    /// The environment or group to promote to
    #[arg(long, value_name = "ENV|GROUP")]
    to: EnvironmentName,
    /// Only the services of this domain
    #[arg(long, value_name = "DOMAIN", requires = "all")]
    domain: Option<DomainName>,
    /// Let the versions past these gates, where `gates.override` names who may
    #[arg(long = "override", value_name = "GATE", value_delimiter = ',', requires = "reason")]
    overridden: Vec<Gate>,
    /// Why the gates are overridden, for whoever approves it
    #[arg(long, value_name = "TEXT", requires = "overridden")]
    reason: Option<String>,
    /// Write nothing unless every service may go
    #[arg(long)]
    all_or_nothing: bool,
    /// Merge the request as well, as soon as the forge knows that it can be merged
    #[arg(long)]
    merge: bool,
    /// Have the forge merge it once its rules allow
    #[arg(long, conflicts_with = "merge")]
    auto_merge: bool,
}

impl PromoteArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service that may not go, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, access } = Opened::to_write(context)?;
        let targets = requests::targets(&config, self.to.as_str());
        if targets.is_empty() {
            state::environment(&config, self.to.as_str())?;
        }
        if let Some(domain) = &self.domain {
            state::domain(&config, domain.as_str())?;
        }
        let (at, location) = (repo.location().clone(), repo.location().to_string());
        let _progress = context.talk.progress(&format!("promoting to {}", self.to));
        let inquiry = Inquiry::new(context, &access, &at);
        let overrides = self.overrides(context);
        let first = First { main: &main, config: &config, inquiry: &inquiry };
        let (services, held_back) = self.judge_first(&first, &mut repo, &targets, &overrides)?;
        let mut done = Done { items: held_back, ..Done::default() };
        let (direct, request): (Vec<_>, Vec<_>) =
            targets.iter().partition(|target| target.mode == Mode::Direct);
        let host = match request.is_empty() {
            true => None,
            false => on_forge::host(context, &access, &config, repo.location())?,
        };
        let when = match () {
            () if self.merge => Some(When::Now),
            () if self.auto_merge => Some(When::Ready),
            () => None,
        };
        let (main, config, location, host) = (&main, &config, &location, host.as_ref());
        let (access, inquiry, overrides) = (&access, &inquiry, &overrides);
        let part = Part { context, access, main, config, location, host, when, inquiry, overrides };
        if !services.is_empty() && !direct.is_empty() {
            let reading = evidence::reading(config, &targets, !self.all);
            part.commit(&mut repo, &reading, &names(&direct), &services, &mut done)?;
        }
        if !services.is_empty() && !request.is_empty() {
            let request = names(&request);
            if self.all {
                let name = RequestName::Train { target: self.to.clone() };
                part.ask(&mut repo, &name, &request, &services, &mut done)?;
            } else {
                for (service, domain) in &services {
                    let name =
                        RequestName::Single { target: self.to.clone(), service: service.clone() };
                    let only = BTreeMap::from([(service.clone(), domain.clone())]);
                    part.ask(&mut repo, &name, &request, &only, &mut done)?;
                }
            }
        }
        Ok(report(done, self.all && !self.all_or_nothing))
    }

    /// The requests that it asks by.
    fn requests(&self) -> Vec<RequestName> {
        let target = || self.to.clone();
        let single = |service: &ServiceName| RequestName::Single {
            target: target(),
            service: service.clone(),
        };
        match self.all {
            true => vec![RequestName::Train { target: target() }],
            false => self.services.iter().map(single).collect(),
        }
    }

    /// What this run asks to be let past.
    fn overrides(&self, context: &Context) -> Overrides {
        let asked = self.reason.clone().map(|reason| Overriding {
            gates: self.overridden.clone(),
            reason,
            owner: context.author.name.clone(),
        });
        Overrides { asked, ..Overrides::default() }
    }

    /// The services, and with `--all-or-nothing` the items of a promotion that may not be.
    fn judge_first(
        &self,
        first: &First<'_>,
        repo: &mut StateRepo,
        targets: &[&Environment],
        overrides: &Overrides,
    ) -> Result<(Services, Vec<MoveItem>), CommandError> {
        let First { main, config, inquiry } = *first;
        let location = repo.location().to_string();
        let requests = match targets.iter().any(|target| target.mode == Mode::Request) {
            true if self.all_or_nothing => self.requests(),
            _ => Vec::new(),
        };
        let reading = match (requests.is_empty(), self.all_or_nothing) {
            (true, true) => evidence::reading(config, targets, !self.all),
            (true, false) => evidence::reading(config, &[], !self.all),
            (false, _) => {
                let branches = requests.iter().map(RequestName::branch);
                Reading::whole(&config.branches().into_iter().chain(branches).collect::<Vec<_>>())
            }
        };
        let tips = repo.read(&reading)?;
        let state = State::read(&tips, main, &location)?;
        let services = self.services_in(&state, targets)?;
        if !self.all_or_nothing {
            return Ok((services, Vec::new()));
        }
        let (root, sight) = (state.root(), inquiry.on(&state, &services));
        let mut moves = promotion::promote(&sight.judge(&root), targets, &services, overrides)?;
        for name in requests {
            let open = Open::read(&tips, &name, &state)?;
            if open.is_some_and(|open| open.foreign) {
                refuse_foreign(&name, config, &mut moves);
            }
        }
        if !moves.iter().any(Move::is_refused) {
            return Ok((services, Vec::new()));
        }
        for step in moves.iter_mut().filter(|step| step.verdict == Verdict::Go) {
            step.verdict = Verdict::Refused(Cause::AnotherRefused);
        }
        Ok((
            Services::new(),
            moves.into_iter().map(|step| MoveItem::of(step, Outcome::Promoted)).collect(),
        ))
    }

    /// The services that are named, or with `--all` those that are in `from`.
    fn services_in(
        &self,
        state: &State<'_>,
        targets: &[&Environment],
    ) -> Result<Services, CommandError> {
        let root = state.root();
        let config = root.config;
        let mut services = Services::new();
        if self.all {
            let is_wanted =
                |domain: &DomainName| self.domain.as_ref().is_none_or(|wanted| wanted == domain);
            for (service, domain) in root.services()? {
                if !is_wanted(&domain) {
                    continue;
                }
                let comes = |target: &&Environment| {
                    let source =
                        target.from.as_ref().and_then(|from| config.environment(from.as_str()));
                    source.is_some_and(|source| {
                        !matches!(root.pin(source, &domain, &service), Ok(None))
                    })
                };
                if targets.iter().any(comes) {
                    services.insert(service, domain);
                }
            }
            return Ok(services);
        }
        let sources = targets.iter().filter_map(|target| target.from.as_ref());
        let sources: Vec<_> =
            sources.filter_map(|from| config.environment(from.as_str())).collect();
        for service in &self.services {
            let pinned = sources
                .iter()
                .find_map(|source| root.domain_in((source, service, None)).transpose());
            let domain = match pinned.transpose()? {
                Some(domain) => domain.clone(),
                None => state::domain_of(&root, service)?,
            };
            services.insert(service.clone(), domain);
        }
        Ok(services)
    }
}

/// Refuses what would be asked for on a branch that has commits of others.
fn refuse_foreign(name: &RequestName, config: &Config, moves: &mut [Move]) {
    let is_asked_there = |step: &&mut Move| {
        let target = config.environment(step.environment.as_str());
        let service = match name {
            RequestName::Single { service, .. } => *service == step.service,
            RequestName::Train { .. } => true,
        };
        service && target.is_some_and(|target| target.mode == Mode::Request)
    };
    requests::refuse_foreign(name, moves.iter_mut().filter(is_asked_there));
}

fn report(done: Done, all: bool) -> Report {
    let Done { items, requests, commit, attempts, run, mut said, next, mut warnings, unmerged } =
        done;
    let any = |wanted: Outcome| items.iter().any(|item| item.outcome == wanted);
    let invalid = items.iter().any(|item| item.cause.as_ref().is_some_and(Cause::is_invalid));
    let went = any(Outcome::Promoted) || any(Outcome::Requested);
    let refused = any(Outcome::Refused);
    let outcome = match () {
        () if refused && (went || (all && any(Outcome::Unchanged))) => Outcome::Partial,
        () if refused => Outcome::Refused,
        () if any(Outcome::Promoted) => Outcome::Promoted,
        () if went => Outcome::Requested,
        () if any(Outcome::Waiting) => Outcome::Waiting,
        () => Outcome::Unchanged,
    };
    said.splice(0..0, run.shown());
    said.extend(items.iter().map(|item| item.sentence(run.dry_run)));
    said.extend(commit.iter().map(|commit| format!("Commit {}", &commit[..7])));
    said.extend(next);
    if items.is_empty() {
        said.push("Nothing to promote: no service is in the environment before".to_owned());
    }
    let request = if let [only] = requests.as_slice() { Some(only.clone()) } else { None };
    let count = items.iter().filter(|item| item.outcome == Outcome::Refused).count();
    let total = items.len();
    let remedy = items.iter().find_map(|item| item.cause.as_ref()?.remedy());
    let body = Body::Promote(PromoteReport { items, request, requests, commit, attempts, run });
    let kind = match () {
        () if invalid => Some(ErrorKind::Invalid),
        () if outcome == Outcome::Refused || (refused && !all) => Some(ErrorKind::Refused),
        () => None,
    };
    let held = kind.map(|kind| {
        let what = if count == total {
            counted(count, "pin")
        } else {
            format!("{count} of {}", counted(total, "pin"))
        };
        let message = format!("{what} may not go");
        let several = "`--all-or-nothing` writes nothing then";
        CommandError::new(kind, message)
            .hints(remedy)
            .hints((total > 1 && !all).then(|| several.to_owned()))
            .hint("`pinrail status` shows what is where")
    });
    // The first is the error of the run; none is kept from people.
    let mut shortfalls = held.into_iter().chain(unmerged);
    let shortfall = shortfalls.next();
    warnings.extend(shortfalls.map(|CommandError { message, hints, .. }| {
        hints.last().map_or(message.clone(), |hint| format!("{message} ({hint})"))
    }));
    Report { said, warnings, shortfall, ..Report::new(outcome, body) }
}
