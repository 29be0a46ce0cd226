//! `pin`: one version of one service in one environment.

use clap::Args;

use super::pin_file;
use super::report::{Body, DryRun, Outcome, PinItem, PinReport, PinsReport, Report, counted};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{ImageDigest, ImageTag, Revision};
use crate::domain::config::Registration;
use crate::domain::environment::Mode;
use crate::domain::judge::{Expectation, Judgement, Sequence, judge};
use crate::domain::layout;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::pin::Pin;
use crate::domain::registry::Root;
use crate::store::{Edits, Planned, Reading, Write};

/// Say which version of a service runs in an environment.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail pin python-example -e staging --image-tag 1.4.0 --revision \"$(git rev-parse HEAD)\"
  pinrail pin python-example -e staging --image-tag 1.4.0 --expect 1.3.0   # only from 1.3.0
  pinrail pin new-service -e staging --image-tag 1.0.0 --create            # its first pin
  pinrail pin --from-file pins.json                                        # many, in one commit

In GitLab CI and GitHub Actions the revision and the sequence come from the pipeline. The
same command again is safe: it changes nothing and succeeds.

Exit codes: 0 pinned, or so already · 3 not as expected, or a later pipeline was first ·
4 an invalid pin or configuration · 5 refused by the server or the environment's rules")]
pub struct PinArgs {
    /// The service
    #[arg(required_unless_present = "from_file")]
    service: Option<ServiceName>,
    /// The environment
    #[arg(short, long, value_name = "ENV", required_unless_present = "from_file")]
    environment: Option<EnvironmentName>,
    /// The image's tag
    #[arg(long, value_name = "TAG", required_unless_present = "from_file")]
    image_tag: Option<ImageTag>,
    /// The full commit id that the chart is read at [default: the CI's commit]
    #[arg(long, value_name = "SHA")]
    revision: Option<Revision>,
    /// The image's digest, sha256:…
    #[arg(long, value_name = "DIGEST")]
    digest: Option<ImageDigest>,
    /// Pin only if this tag or revision is there now, or nothing (`none`)
    #[arg(long, value_name = "TAG|SHA|none")]
    expect: Option<String>,
    /// This pipeline's number: a lower one than the stored never wins; `reset` forgets it
    /// [default: the CI's pipeline id]
    #[arg(long, value_name = "N|reset", value_parser = sequence)]
    sequence: Option<Sequence>,
    /// Also if the service has never been heard of, where its domain lets it in
    #[arg(long)]
    create: bool,
    /// The service's domain, for its first pin [default: `services`, or the only one]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainName>,
    /// Many pins in one commit: a JSON list of {service, environment, imageTag,
    /// targetRevision, …}, `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "environment", "image_tag", "revision", "digest", "expect", "sequence", "create", "domain"])]
    from_file: Option<std::path::PathBuf>,
    /// With --from-file: write nothing unless every pin may go in
    #[arg(long, requires = "from_file")]
    all_or_nothing: bool,
}

fn sequence(text: &str) -> Result<Sequence, String> {
    if text == "reset" {
        return Ok(Sequence::Reset);
    }
    text.parse().map(Sequence::Number).map_err(|_| "use a whole number, or `reset`".to_owned())
}

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
}

impl PinArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A pin that may not go in, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        if let Some(file) = &self.from_file {
            let wanted = pin_file::read(file, context)?;
            return pin(context, &wanted, self.all_or_nothing).map(many);
        }
        let wanted = self.wanted(context)?;
        let pinned = pin(context, std::slice::from_ref(&wanted), true)?;
        one(pinned)
    }

    fn wanted(self, context: &Context) -> Result<Wanted, CommandError> {
        let (Some(service), Some(environment), Some(image_tag)) =
            (self.service, self.environment, self.image_tag)
        else {
            return Err(CommandError::new(ErrorKind::Bug, "clap let an incomplete pin through"));
        };
        Ok(Wanted {
            service,
            environment,
            image_tag,
            revision: revision(self.revision, context)?,
            digest: self.digest,
            expect: self.expect.map(|expect| {
                expect.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
            }),
            sequence: self.sequence.unwrap_or_else(|| default_sequence(context)),
            create: self.create,
            domain: self.domain,
        })
    }
}

/// The revision that was told, or the commit that the CI builds.
pub fn revision(told: Option<Revision>, context: &Context) -> Result<Revision, CommandError> {
    let from_ci = || context.ci.revision.as_ref().and_then(|revision| revision.parse().ok());
    told.or_else(from_ci).ok_or_else(|| {
        CommandError::new(ErrorKind::Usage, "the revision must be said, as no CI tells it")
            .hint("`--revision \"$(git rev-parse HEAD)\"` in the service's repository")
    })
}

/// The pipeline's number, where a CI tells it.
pub fn default_sequence(context: &Context) -> Sequence {
    context.ci.sequence.map_or(Sequence::Untold, Sequence::Number)
}

/// What came of the pins that were wanted.
struct Pinned {
    items: Vec<PinItem>,
    commit: Option<String>,
    attempts: u32,
    run: DryRun,
}

/// Lands every pin that may go in, in one commit; none of them, if one may not and `all`.
fn pin(context: &Context, wanted: &[Wanted], all: bool) -> Result<Pinned, CommandError> {
    let Opened { mut repo, main, config } = Opened::new(context)?;
    let location = repo.location().to_string();
    let target = config.pins_branch();
    let _progress = context.talk.progress(&format!("writing to {location}"));
    let reading = Reading::tips(&[main.clone(), target.clone()]);
    let mut first: Option<Vec<Option<Pin>>> = None;
    let landed = repo.transact(&reading, &context.author, |tips| {
        let state = State::read(tips, &main, &location)?;
        let root = state.root();
        let there: Vec<Place> =
            wanted.iter().map(|wanted| place(&root, wanted)).collect::<Result<_, _>>()?;
        let first =
            first.get_or_insert_with(|| there.iter().map(|place| place.current.clone()).collect());
        let mut edits = Edits::default();
        let mut items = Vec::new();
        for ((wanted, place), first) in wanted.iter().zip(&there).zip(first) {
            let judged = judge(
                first.as_ref(),
                place.current.as_ref(),
                &place.wanted,
                wanted.sequence,
                wanted.expect.as_ref(),
            );
            let (outcome, pin) = match judged {
                Judgement::Unchanged => (
                    Outcome::Unchanged,
                    place.current.clone().unwrap_or_else(|| place.wanted.clone()),
                ),
                Judgement::Superseded => (Outcome::Superseded, place.wanted.clone()),
                Judgement::Conflict(_) => (Outcome::Conflict, place.wanted.clone()),
                Judgement::Write(pin) => (Outcome::Pinned, *pin),
            };
            if outcome == Outcome::Pinned {
                edits.write(
                    layout::pin(&wanted.environment, &place.domain, &wanted.service),
                    pin.to_bytes(),
                );
            }
            let previous = place.current.clone();
            let (service, environment) = (wanted.service.clone(), wanted.environment.clone());
            items.push(PinItem { service, environment, outcome, previous, pin });
        }
        let domains: Vec<_> = there.into_iter().map(|place| place.domain).collect();
        if all && items.iter().any(|item| !went_in(item.outcome)) {
            edits = Edits::default();
            items
                .iter_mut()
                .filter(|item| item.outcome == Outcome::Pinned)
                .for_each(|item| item.outcome = Outcome::Refused);
        }
        let message = context.message(subject(&items));
        let write = Some(Write::on(&target, &state.pins, edits, message));
        Ok::<_, CommandError>(Planned { value: (items, domains), write })
    })?;
    let (items, domains) = landed.value;
    let mut commit = landed.commit;
    if let ([item], [domain], None, false) =
        (items.as_slice(), domains.as_slice(), &commit, context.dry_run)
        && item.outcome == Outcome::Unchanged
    {
        let path = layout::pin(&item.environment, domain, &item.service);
        commit = repo
            .tips(std::slice::from_ref(&target))?
            .get(&target)?
            .map(|tip| tip.last_change(&path))
            .transpose()?
            .flatten();
    }
    let run = DryRun::of(context.dry_run, &landed.changes);
    Ok(Pinned { items, commit, attempts: landed.attempts, run })
}

fn went_in(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pinned | Outcome::Unchanged)
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

fn place(root: &Root<'_>, wanted: &Wanted) -> Result<Place, CommandError> {
    let environment = state::environment(root.config, wanted.environment.as_str())?;
    if environment.mode == Mode::Request {
        let name = &environment.name;
        let error = CommandError::new(
            ErrorKind::Refused,
            format!("`{name}` takes changes by request only"),
        );
        return Err(match &environment.from {
            Some(from) => error.hint(format!(
                "pin it in `{from}` first; `pinrail promote {} --to {name}` then asks for it here",
                wanted.service
            )),
            None => error.hint(format!("open a request that changes envs/{name}/")),
        });
    }
    let domain = home(root, wanted)?;
    let mut pin = Pin::new(
        environment.cluster.clone(),
        wanted.service.clone(),
        wanted.image_tag.clone(),
        wanted.revision.clone(),
    );
    pin.image_digest.clone_from(&wanted.digest);
    let facts = root.facts(&domain, &wanted.service)?.unwrap_or_default();
    facts.apply_to(&mut pin, root.config, &domain).map_err(|error| {
        CommandError::new(ErrorKind::Invalid, format!("{}: {error}", layout::CONFIG))
    })?;
    let current = root.pin(environment, &domain, &wanted.service)?;
    Ok(Place { domain, wanted: pin, current })
}

/// The service's domain; a service that was never heard of gets in only with `--create`.
fn home(root: &Root<'_>, wanted: &Wanted) -> Result<DomainName, CommandError> {
    let service = &wanted.service;
    if let Some(told) = &wanted.domain {
        state::domain(root.config, told.as_str())?;
    }
    if let Some(home) = root.domain_of(service)? {
        return match &wanted.domain {
            Some(told) if told != home => {
                let message =
                    format!("the service `{service}` is of the domain `{home}`, not `{told}`");
                Err(CommandError::new(ErrorKind::Conflict, message).hint("leave `--domain` out"))
            }
            _ => Ok(home.clone()),
        };
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

/// The report of one pin, or the error that it is.
fn one(pinned: Pinned) -> Result<Report, CommandError> {
    let Pinned { mut items, commit, attempts, run } = pinned;
    let Some(item) = items.pop() else {
        return Err(CommandError::new(ErrorKind::Bug, "a pin came to nothing"));
    };
    let sentence = sentence(&item, commit.as_deref(), run.dry_run);
    let PinItem { service, environment, outcome, previous, pin } = item;
    let body = PinReport { service, environment, commit, previous, pin, attempts, run };
    let clash = body
        .previous
        .as_ref()
        .map_or_else(|| "nothing".to_owned(), |there| format!("`{}`", there.image_tag));
    match outcome {
        Outcome::Superseded => {
            let stored =
                body.previous.as_ref().and_then(|there| there.sequence).unwrap_or_default();
            let message = format!("{sentence}: a later pipeline ({stored}) has pinned {clash}");
            Err(CommandError::new(ErrorKind::Superseded, message)
                .hint("nothing is to do; `--sequence reset` starts the order anew")
                .with(Body::Pin(body)))
        }
        Outcome::Conflict => {
            let message = format!("{sentence}: {clash} is there now");
            Err(CommandError::new(ErrorKind::Conflict, message)
                .hint("look with `pinrail status`, and run it again if the pin is still wanted")
                .with(Body::Pin(body)))
        }
        outcome => {
            let said = body.run.shown().into_iter().chain([sentence]).collect();
            Ok(Report { said, ..Report::new(outcome, Body::Pin(body)) })
        }
    }
}

/// The report of many pins; not all of them need have gone in.
fn many(pinned: Pinned) -> Report {
    let Pinned { items, commit, attempts, run } = pinned;
    let mut said = run.shown();
    said.extend(items.iter().map(|item| sentence(item, None, run.dry_run)));
    if let Some(commit) = &commit {
        said.push(format!("Commit {}", &commit[..7]));
    }
    let outcomes: Vec<Outcome> = items.iter().map(|item| item.outcome).collect();
    let any = |wanted: Outcome| outcomes.contains(&wanted);
    let (outcome, kind) = match () {
        () if outcomes.iter().all(|outcome| *outcome == Outcome::Unchanged) => {
            (Outcome::Unchanged, None)
        }
        () if outcomes.iter().all(|outcome| went_in(*outcome)) => (Outcome::Pinned, None),
        () if any(Outcome::Pinned) => (Outcome::Partial, Some(ErrorKind::Conflict)),
        () if any(Outcome::Conflict) => (Outcome::Conflict, Some(ErrorKind::Conflict)),
        () => (Outcome::Superseded, Some(ErrorKind::Superseded)),
    };
    let shortfall = kind.map(|kind| {
        let left_out = outcomes.iter().filter(|outcome| !went_in(**outcome)).count();
        let message = format!("{left_out} of {} did not go in", counted(outcomes.len(), "pin"));
        CommandError::new(kind, message)
            .hint("look with `pinrail status`, and run it again for those that are still wanted")
    });
    let body = Body::Pins(PinsReport { items, commit, attempts, run });
    Report { said, shortfall, ..Report::new(outcome, body) }
}

fn sentence(item: &PinItem, commit: Option<&str>, dry_run: bool) -> String {
    let PinItem { service, environment, outcome, previous, pin } = item;
    let commit = commit.map(|commit| format!(" (commit {})", &commit[..7])).unwrap_or_default();
    match outcome {
        Outcome::Pinned => {
            let from = previous
                .as_ref()
                .map(|there| format!(", was {}", there.image_tag))
                .unwrap_or_default();
            let verb = if dry_run { "Would pin" } else { "Pinned" };
            format!("{verb} {service} in {environment}: {}{from}{commit}", pin.image_tag)
        }
        Outcome::Unchanged => format!(
            "Nothing to do: {service} in {environment} is {} already{commit}",
            pin.image_tag
        ),
        Outcome::Refused => {
            format!("Not pinned, for another pin's sake: {service} in {environment}")
        }
        _ => format!("{service} was not pinned in {environment} to `{}`", pin.image_tag),
    }
}
