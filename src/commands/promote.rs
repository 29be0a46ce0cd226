//! `promote`: the version that is in `from` goes to the next environment.

use std::collections::BTreeMap;

use clap::Args;

use super::move_report::{MoveItem, PinMove, PromoteReport, RequestRef};
use super::report::{Body, DryRun, Outcome, Report, counted};
use super::requests::{self, Open};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::config::Config;
use crate::domain::environment::{Environment, Mode};
use crate::domain::layout;
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::promotion::{self, Cause, Move, Verdict};
use crate::domain::request::RequestName;
use crate::store::{Edits, Planned, Reading, StateRepo, Write};

/// Bring the version that is in `from` to the next environment.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail promote python-example --to production   # an environment or a group
  pinrail promote api worker --to production --all-or-nothing
  pinrail promote --all --to production            # everything that may go, as one train
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
    /// Write nothing unless every service may go
    #[arg(long)]
    all_or_nothing: bool,
}

/// What came of the parts of a promotion.
#[derive(Default)]
struct Done {
    items: Vec<MoveItem>,
    requests: Vec<RequestRef>,
    commit: Option<String>,
    attempts: u32,
    run: DryRun,
    said: Vec<String>,
}

/// The services that a promotion is about.
type Services = BTreeMap<ServiceName, DomainName>;

impl PromoteArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service that may not go, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config } = Opened::to_write(context)?;
        let targets = requests::targets(&config, self.to.as_str());
        if targets.is_empty() {
            state::environment(&config, self.to.as_str())?;
        }
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("promoting to {}", self.to));
        let (services, held_back) =
            self.judge_first(context, &mut repo, &main, &config, &targets)?;
        let mut done = Done { items: held_back, ..Done::default() };
        let (direct, request): (Vec<_>, Vec<_>) =
            targets.iter().partition(|target| target.mode == Mode::Direct);
        let part = Part { context, main: &main, config: &config, location: &location };
        if !services.is_empty() && !direct.is_empty() {
            let reading = reading(&config, self.all);
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
        Ok(report(done, self.all))
    }

    /// The services, and with `--all-or-nothing` the items of a promotion that may not be.
    fn judge_first(
        &self,
        context: &Context,
        repo: &mut StateRepo,
        main: &BranchName,
        config: &Config,
        targets: &[&Environment],
    ) -> Result<(Services, Vec<MoveItem>), CommandError> {
        let location = repo.location().to_string();
        let tips = repo.read(&reading(config, self.all))?;
        let state = State::read(&tips, main, &location)?;
        let root = state.root();
        let mut services = Services::new();
        if self.all {
            for (service, domain) in root.services()? {
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
            return Ok((services, Vec::new()));
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
        let mut moves = promotion::promote(&root, targets, &services, context.now)?;
        let refused = |step: &Move| matches!(step.verdict, Verdict::Refused(_));
        if !self.all_or_nothing || !moves.iter().any(refused) {
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
}

/// What is read for it: all pins, or those of the services that are named.
fn reading(config: &Config, all: bool) -> Reading {
    let branches = config.branches();
    if all { Reading::tips(&branches) } else { Reading::parts(&branches) }
}

fn names(targets: &[&&Environment]) -> Vec<EnvironmentName> {
    targets.iter().map(|target| target.name.clone()).collect()
}

/// What all parts of one promotion share.
struct Part<'a> {
    context: &'a Context,
    main: &'a BranchName,
    config: &'a Config,
    location: &'a str,
}

impl Part<'_> {
    /// Commits the pins of direct-mode environments.
    fn commit(
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
            let mut moves = self.moves(&state, targets, services)?;
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
        done.items
            .extend(landed.value.into_iter().map(|step| MoveItem::of(step, Outcome::Promoted)));
        done.attempts += landed.attempts;
        done.run = DryRun::of(self.context.dry_run, &landed.changes);
        done.commit = landed.commit;
        Ok(())
    }

    /// Opens a request, brings it up to date, or closes it when nothing is left to ask for.
    fn ask(
        &self,
        repo: &mut StateRepo,
        name: &RequestName,
        targets: &[EnvironmentName],
        services: &Services,
        done: &mut Done,
    ) -> Result<(), CommandError> {
        let branch = name.branch();
        let mut branches = self.config.branches();
        branches.push(branch.clone());
        let landed = repo.transact(&Reading::whole(&branches), &self.context.author, |tips| {
            let state = State::read(tips, self.main, self.location)?;
            let mut moves = self.moves(&state, targets, services)?;
            let open = Open::read(tips, name, &state)?;
            if let Some(open) = &open
                && open.foreign
            {
                for step in moves.iter_mut().filter(|step| step.verdict == Verdict::Go) {
                    step.verdict =
                        Verdict::Refused(Cause::ForeignCommits { branch: branch.to_string() });
                }
                return Ok(Planned { value: (moves, Some(open.head.clone())), write: None });
            }
            let head = open.as_ref().map(|open| open.head.clone());
            let wanted = wanted(&moves);
            let refused = moves.iter().any(|step| matches!(step.verdict, Verdict::Refused(_)));
            let environments: Vec<_> =
                targets.iter().filter_map(|name| self.config.environment(name.as_str())).collect();
            let write = match &open {
                Some(_) if wanted.is_empty() && refused => None,
                Some(_) if wanted.is_empty() => Some(Write::Delete { branch: branch.clone() }),
                None if wanted.is_empty() => None,
                Some(open) if open.pins == wanted => None,
                Some(open) if !requests::is_living(&environments) && !open.is_empty() => {
                    stay(&mut moves, open);
                    None
                }
                _ => {
                    let message = requests::message(self.context, name, &going(&moves));
                    let (parents, edits) = (vec![state.main.id()], edits(&moves));
                    Some(Write::Commit { branch: branch.clone(), parents, edits, message })
                }
            };
            Ok::<_, CommandError>(Planned { value: (moves, head), write })
        })?;
        let (moves, head) = landed.value;
        let asked = moves.iter().any(|step| step.verdict == Verdict::Go);
        done.attempts += landed.attempts;
        if self.context.dry_run {
            let mut run = DryRun::of(true, &landed.changes);
            done.run.dry_run = true;
            done.run.changes.append(&mut run.changes);
        }
        if asked {
            let known = landed.commit.or(head);
            done.requests.push(RequestRef {
                number: None,
                url: None,
                branch: branch.to_string(),
                head: known,
            });
        } else if head.is_some() && landed.attempts > 0 {
            done.said.push(format!("Closed {branch}: nothing is left to ask for"));
        }
        done.items.extend(moves.into_iter().map(|step| MoveItem::of(step, Outcome::Requested)));
        Ok(())
    }

    fn moves(
        &self,
        state: &State<'_>,
        targets: &[EnvironmentName],
        services: &Services,
    ) -> Result<Vec<Move>, CommandError> {
        let root = state.root();
        let targets = targets.iter().map(|name| state::environment(root.config, name.as_str()));
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        Ok(promotion::promote(&root, &targets, services, self.context.now)?)
    }
}

/// The moves that go, with both pins.
fn going(moves: &[Move]) -> Vec<PinMove> {
    let go = |step: &&Move| step.verdict == Verdict::Go;
    moves.iter().filter(go).filter_map(PinMove::of).collect()
}

/// The files that the moves write.
fn wanted(moves: &[Move]) -> BTreeMap<String, Vec<u8>> {
    let go = |step: &&Move| step.verdict == Verdict::Go;
    let file = |step: &Move| {
        Some((
            layout::pin(&step.environment, &step.domain, &step.service),
            step.to.as_ref()?.to_bytes(),
        ))
    };
    moves.iter().filter(go).filter_map(file).collect()
}

fn edits(moves: &[Move]) -> Edits {
    let mut edits = Edits::default();
    for (path, content) in wanted(moves) {
        edits.write(path, content);
    }
    edits
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

fn report(done: Done, all: bool) -> Report {
    let Done { items, requests, commit, attempts, run, mut said } = done;
    let any = |wanted: Outcome| items.iter().any(|item| item.outcome == wanted);
    let invalid = items.iter().any(|item| {
        item.cause.as_ref().is_some_and(super::super::domain::promotion::Cause::is_invalid)
    });
    let went = any(Outcome::Promoted) || any(Outcome::Requested);
    let refused = any(Outcome::Refused);
    let outcome = match () {
        () if refused && (went || (all && any(Outcome::Unchanged))) => Outcome::Partial,
        () if refused => Outcome::Refused,
        () if any(Outcome::Promoted) => Outcome::Promoted,
        () if went => Outcome::Requested,
        () => Outcome::Unchanged,
    };
    said.splice(0..0, run.shown());
    said.extend(items.iter().map(|item| item.sentence(run.dry_run)));
    said.extend(commit.iter().map(|commit| format!("Commit {}", &commit[..7])));
    said.extend(requests.iter().map(RequestRef::sentence));
    if items.is_empty() {
        said.push("Nothing to promote: no service is in the environment before".to_owned());
    }
    let request = if let [only] = requests.as_slice() { Some(only.clone()) } else { None };
    let count = items.iter().filter(|item| item.outcome == Outcome::Refused).count();
    let total = items.len();
    let body = Body::Promote(PromoteReport { items, request, requests, commit, attempts, run });
    let kind = match () {
        () if invalid => Some(ErrorKind::Invalid),
        () if outcome == Outcome::Refused || (refused && !all) => Some(ErrorKind::Refused),
        () => None,
    };
    let mut report = Report { said, ..Report::new(outcome, body) };
    report.shortfall = kind.map(|kind| {
        let what = if count == total {
            counted(count, "pin")
        } else {
            format!("{count} of {}", counted(total, "pin"))
        };
        let message = format!("{what} may not go");
        CommandError::new(kind, message)
            .hint("`--all-or-nothing` writes nothing then; `pinrail status` shows what is where")
    });
    report
}
