//! Where wanted pins go, whether they may, and landing them.

use super::asking::{Asked, Asking, Wish};
use super::deployments;
use super::merging::{Merging, When};
use super::move_report::{PinMove, RequestRef};
use super::report::{DryRun, Outcome, PinItem};
use super::request_text::Story;
use super::requests;
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{ImageDigest, ImageTag, Revision};
use crate::domain::config::{Config, Registration};
use crate::domain::environment::Mode;
use crate::domain::judge::{Expectation, Judgement, Sequence, judge};
use crate::domain::layout;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::pin::Pin;
use crate::domain::promotion::Cause;
use crate::domain::registry::Root;
use crate::domain::request::RequestName;
use crate::render::request::Intent;
use crate::store::{Edits, Planned, Reading, Write};

/// One pin that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    pub image_tag: ImageTag,
    pub revision: Revision,
    pub digest: Option<ImageDigest>,
    pub expect: Option<Expectation>,
    pub sequence: Sequence,
    pub create: bool,
    pub domain: Option<DomainName>,
    /// Whether what the registry says counts anew, and not only for a first pin.
    pub from_registry: bool,
}

impl Wanted {
    /// The domain that the service is likely to be of: the one that was told, or the one of
    /// the repository that the CI builds.
    fn likely<'a>(&'a self, config: &'a Config, context: &Context) -> Option<&'a DomainName> {
        let by_repository =
            || config.domain_by_repository(&self.service, context.ci.repository.as_deref()?);
        self.domain.as_ref().or_else(by_repository)
    }
}

/// What came of the pins that were wanted.
pub struct Pinned {
    pub items: Vec<PinItem>,
    pub commit: Option<String>,
    pub request: Option<RequestRef>,
    pub attempts: u32,
    pub run: DryRun,
    pub warnings: Vec<String>,
}

/// Lands every pin that may go in, in one commit; none of them, if one may not and `all`.
/// A single pin of an environment that changes by request, and into which nothing is
/// promoted, is asked for.
pub fn pin(context: &Context, wanted: &[Wanted], all: bool) -> Result<Pinned, CommandError> {
    let mut opened = Opened::to_write(context)?;
    let location = opened.repo.location().to_string();
    let _progress = context.talk.progress(&format!("writing to {location}"));
    if let [only] = wanted
        && opened.config.environment(only.environment.as_str()).is_some_and(|environment| {
            environment.mode == Mode::Request && environment.from.is_none()
        })
    {
        return ask(context, &mut opened, only);
    }
    let Opened { mut repo, main, config, access } = opened;
    let target = config.pins_branch();
    let reading = Reading::parts(&[main.clone(), target.clone()]);
    let mut first: Option<Vec<Option<Pin>>> = None;
    let landed = repo.transact(&reading, &context.author, |tips| {
        let state = State::read(tips, &main, &location)?;
        let root = state.root();
        let places = Place::of_all(&root, wanted, context)?;
        direct_only(&root, wanted)?;
        let now = || places.iter().map(|place| place.current.clone()).collect();
        let first = first.get_or_insert_with(now);
        let mut items = Vec::new();
        for ((wanted, place), first) in wanted.iter().zip(&places).zip(first.iter()) {
            items.push(place.judge(&root, wanted, first.as_ref(), context)?);
        }
        if all && items.iter().any(|item| !went_in(item.outcome)) {
            for item in items.iter_mut().filter(|item| item.outcome == Outcome::Pinned) {
                (item.outcome, item.cause) = (Outcome::Refused, Some(Cause::AnotherRefused));
            }
        }
        let mut edits = Edits::default();
        for (item, place) in
            items.iter().zip(&places).filter(|(item, _)| item.outcome == Outcome::Pinned)
        {
            edits.write(place.path(item), item.pin.to_bytes());
        }
        let write = Some(Write::on(&target, &state.pins, edits, context.message(subject(&items))));
        let domains: Vec<_> = places.into_iter().map(|place| place.domain).collect();
        Ok::<_, CommandError>(Planned { value: (items, domains), write })
    })?;
    let (items, domains) = landed.value;
    let is_in = landed.commit.is_some();
    let commit = match (items.as_slice(), domains.as_slice()) {
        ([item], [domain]) if item.outcome == Outcome::Unchanged && !context.dry_run => {
            let path = layout::pin(&item.environment, domain, &item.service);
            let tip = repo.tips(std::slice::from_ref(&target))?.get(&target)?;
            tip.map(|tip| tip.last_change(&path)).transpose()?.flatten()
        }
        _ => landed.commit,
    };
    let run = DryRun::of(context.dry_run, &landed.changes);
    let mut warnings = Vec::new();
    if is_in {
        let moves = moves(&items, &domains);
        let location = repo.location();
        warnings = deployments::record_at(context, &access, &config, location, &moves);
    }
    Ok(Pinned { items, commit, request: None, attempts: landed.attempts, run, warnings })
}

/// Opens the living request for one pin, or brings it up to date.
fn ask(context: &Context, opened: &mut Opened, wanted: &Wanted) -> Result<Pinned, CommandError> {
    let host = opened.host(context)?;
    let Opened { repo, main, config, .. } = opened;
    let name =
        RequestName::Single { target: wanted.environment.clone(), service: wanted.service.clone() };
    let asking = Asking { context, main, config, host: host.as_ref(), name };
    let mut first: Option<Option<Pin>> = None;
    let asked = asking.run(repo, |state, open| {
        let root = state.root();
        let place = Place::of(&root, wanted, context)?;
        let first = first.get_or_insert_with(|| place.current.clone());
        let mut item = place.judge(&root, wanted, first.as_ref(), context)?;
        let is_foreign = open.is_some_and(|open| open.foreign);
        let wish = match item.outcome {
            Outcome::Pinned if is_foreign => {
                item.outcome = Outcome::Refused;
                let branch = asking.name.branch().to_string();
                item.cause = Some(Cause::ForeignCommits { branch });
                Wish::Leave
            }
            Outcome::Pinned => {
                let only = std::slice::from_ref(&item);
                let moves = moves(only, std::slice::from_ref(&place.domain));
                let subject = subject(only);
                item.outcome = Outcome::Requested;
                let pins = [(place.path(&item), item.pin.to_bytes())].into();
                Wish::Ask(Story { subject, pins, moves, held: Vec::new(), intent: Intent::Pin })
            }
            Outcome::Unchanged if !is_foreign => Wish::Close,
            _ => Wish::Leave,
        };
        Ok((item, wish))
    })?;
    let Asked { value: mut item, request, attempts, run, mut warnings, .. } = asked;
    let is_auto = requests::is_auto(&requests::targets(config, wanted.environment.as_str()));
    let mut commit = None;
    if is_auto
        && host.is_some()
        && !context.dry_run
        && let Some(RequestRef { head, .. }) = &request
    {
        let merging = Merging { context, main, config, host: host.as_ref() };
        match merging.run(repo, &asking.name, head.clone(), When::Ready) {
            Ok(merged) if merged.outcome == Outcome::Merged => {
                (item.outcome, commit) = (Outcome::Pinned, merged.report.commit);
                warnings.extend(merged.warnings);
            }
            Ok(merged) => warnings.extend(merged.warnings),
            Err(error) => warnings.push(format!("it is not merged by itself: {error}")),
        }
    }
    Ok(Pinned { items: vec![item], commit, request, attempts, run, warnings })
}

/// The pins that went in.
fn moves(items: &[PinItem], domains: &[DomainName]) -> Vec<PinMove> {
    let pinned = items.iter().zip(domains).filter(|(item, _)| item.outcome == Outcome::Pinned);
    let step = |(item, domain): (&PinItem, &DomainName)| PinMove {
        service: item.service.clone(),
        domain: domain.clone(),
        environment: item.environment.clone(),
        from: item.previous.clone(),
        to: item.pin.clone(),
    };
    pinned.map(step).collect()
}

/// Several pins land in one commit, which an environment that changes by request has none of.
fn direct_only(root: &Root<'_>, wanted: &[Wanted]) -> Result<(), CommandError> {
    for wanted in wanted {
        if state::environment(root.config, wanted.environment.as_str())?.mode == Mode::Request {
            let message = format!("`{}` takes changes by request only", wanted.environment);
            let hint = "pin it alone, with `pinrail pin SERVICE`: that opens a request";
            return Err(CommandError::new(ErrorKind::Refused, message).hint(hint));
        }
    }
    Ok(())
}

/// Whether a pin is, or will be, as it was wanted.
pub fn went_in(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pinned | Outcome::Unchanged | Outcome::Requested)
}

fn subject(items: &[PinItem]) -> String {
    let written: Vec<_> = items.iter().filter(|item| item.outcome == Outcome::Pinned).collect();
    match written.as_slice() {
        [item] => format!("pin {} in {}: {}", item.service, item.environment, item.pin.image_tag),
        several => format!("pin {} services", several.len()),
    }
}

/// Where a wanted pin goes, and what is there.
struct Place {
    domain: DomainName,
    wanted: Pin,
    current: Option<Pin>,
}

impl Place {
    fn of_all(
        root: &Root<'_>,
        wanted: &[Wanted],
        context: &Context,
    ) -> Result<Vec<Self>, CommandError> {
        let mut sought = Vec::new();
        for wanted in wanted {
            let environment = state::environment(root.config, wanted.environment.as_str())?;
            sought.push((environment, &wanted.service, wanted.likely(root.config, context)));
        }
        root.prepare(&sought)?;
        wanted.iter().map(|wanted| Self::of(root, wanted, context)).collect()
    }

    fn of(root: &Root<'_>, wanted: &Wanted, context: &Context) -> Result<Self, CommandError> {
        let environment = state::environment(root.config, wanted.environment.as_str())?;
        if let (Mode::Request, Some(from)) = (environment.mode, &environment.from) {
            let name = &environment.name;
            let message = format!("`{name}` takes changes by request only");
            return Err(CommandError::new(ErrorKind::Refused, message).hint(format!(
                "pin it in `{from}` first; `pinrail promote {} --to {name}` then asks for it here",
                wanted.service
            )));
        }
        if let Some(told) = &wanted.domain {
            state::domain(root.config, told.as_str())?;
        }
        let likely = wanted.likely(root.config, context);
        let domain = match root.domain_in((environment, &wanted.service, likely))? {
            Some(home) => as_told(wanted, home)?,
            None => home(root, wanted)?,
        };
        let mut pin = Pin::new(
            environment.cluster.clone(),
            wanted.service.clone(),
            wanted.image_tag.clone(),
            wanted.revision.clone(),
        );
        pin.image_digest.clone_from(&wanted.digest);
        let current = root.pin(environment, &domain, &wanted.service)?;
        if let Some(current) = current.as_ref().filter(|_| !wanted.from_registry) {
            pin.keep_source(current);
        } else {
            let facts = root.facts(&domain, &wanted.service)?.unwrap_or_default();
            facts.apply_to(&mut pin, root.config, &domain).map_err(|error| {
                CommandError::new(ErrorKind::Invalid, format!("{}: {error}", layout::CONFIG))
            })?;
        }
        Ok(Self { domain, wanted: pin, current })
    }

    fn path(&self, item: &PinItem) -> String {
        layout::pin(&item.environment, &self.domain, &item.service)
    }

    /// Whether the pin may go in: by the order of judgement, and past every lock.
    fn judge(
        &self,
        root: &Root<'_>,
        wanted: &Wanted,
        first: Option<&Pin>,
        context: &Context,
    ) -> Result<PinItem, CommandError> {
        let (current, expect) = (self.current.as_ref(), wanted.expect.as_ref());
        let unwritten = || self.wanted.clone();
        let (outcome, pin, cause) =
            match judge(first, current, &self.wanted, wanted.sequence, expect) {
                Judgement::Unchanged => {
                    (Outcome::Unchanged, self.current.clone().unwrap_or_else(unwritten), None)
                }
                Judgement::Superseded => (Outcome::Superseded, unwritten(), None),
                Judgement::Conflict(_) => (Outcome::Conflict, unwritten(), None),
                Judgement::Write(pin) => {
                    match root.lock(&wanted.environment, &wanted.service, context.now)? {
                        Ok(None) => (Outcome::Pinned, *pin, None),
                        Ok(Some(lock)) => (Outcome::Refused, *pin, Some(Cause::from(&lock))),
                        Err(problem) => return Err(problem.into()),
                    }
                }
            };
        let (service, environment) = (wanted.service.clone(), wanted.environment.clone());
        Ok(PinItem { service, environment, outcome, previous: self.current.clone(), pin, cause })
    }
}

/// The service's domain; a service that was never heard of gets in only with `--create`.
fn home(root: &Root<'_>, wanted: &Wanted) -> Result<DomainName, CommandError> {
    let service = &wanted.service;
    // With one domain and leave to make a first pin, nothing depends on where else it may be.
    let home = match root.config.domains.as_slice() {
        [_] if wanted.create => root.registered_in(service)?,
        _ => root.domain_of(service)?,
    };
    if let Some(home) = home {
        return as_told(wanted, home);
    }
    if !wanted.create {
        let known = root.services()?;
        return Err(CommandError::new(
            ErrorKind::NotFound,
            format!("there is no service `{service}`"),
        )
        .hints(did_you_mean(&nearest(service.as_str(), known.keys())))
        .hint("`--create` makes its first pin; `pinrail service add` registers it"));
    }
    let domain = match &wanted.domain {
        Some(told) => state::domain(root.config, told.as_str())?,
        None => state::default_domain(root.config)?,
    };
    if domain.registration == Registration::Request {
        let message =
            format!("the domain `{}` takes new services by registration only", domain.name);
        let hint = format!("`pinrail service add {service} --domain {}` first", domain.name);
        return Err(CommandError::new(ErrorKind::Refused, message).hint(hint));
    }
    Ok(domain.name.clone())
}

/// The domain that a service is of, if none other was told.
fn as_told(wanted: &Wanted, home: &DomainName) -> Result<DomainName, CommandError> {
    match &wanted.domain {
        Some(told) if told != home => {
            let service = &wanted.service;
            let message =
                format!("the service `{service}` is of the domain `{home}`, not `{told}`");
            Err(CommandError::new(ErrorKind::Conflict, message).hint("leave `--domain` out"))
        }
        _ => Ok(home.clone()),
    }
}
