//! `pin`: one version of one service in one environment.

use clap::Args;

use super::move_report::{RequestRef, done};
use super::pin_file;
use super::pin_place::Wanted;
use super::pin_plan::{Pinned, pin, went_in};
use super::report::{Body, Outcome, PinItem, PinReport, PinsReport, Report, counted};
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{ImageDigest, ImageTag, Revision};
use crate::domain::cause::Cause;
use crate::domain::judge::Sequence;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};

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
    /// The service's domain, for its first pin [default: `services`, or the only one]; where
    /// there are many, it spares reading the others'
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainName>,
    /// Take repository, chart path and chart version from the registry again, as for a first
    /// pin; otherwise they stay as they are pinned
    #[arg(long)]
    from_registry: bool,
    /// Many pins in one commit: a JSON list of {service, environment, imageTag,
    /// targetRevision, …}, `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "environment", "image_tag", "revision", "digest", "expect", "sequence", "create", "domain", "from_registry"])]
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
            from_registry: self.from_registry,
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

/// The report of one pin, or the error that it is.
fn one(pinned: Pinned) -> Result<Report, CommandError> {
    let Pinned { mut items, commit, request, attempts, run, warnings } = pinned;
    let Some(item) = items.pop() else {
        return Err(CommandError::new(ErrorKind::Bug, "a pin came to nothing"));
    };
    let sentence = sentence(&item, commit.as_deref(), run.dry_run);
    let PinItem { service, environment, outcome, previous, pin, cause } = item;
    let body = PinReport { service, environment, commit, previous, pin, request, attempts, run };
    let there = body.previous.as_ref();
    let tag = there.map_or_else(|| "nothing".to_owned(), |there| format!("`{}`", there.image_tag));
    let (kind, message, hint) = match outcome {
        Outcome::Superseded => {
            let stored = there.and_then(|there| there.sequence).unwrap_or_default();
            let message = format!("{sentence}: a later pipeline ({stored}) has pinned {tag}");
            (
                ErrorKind::Superseded,
                message,
                "nothing is to do; `--sequence reset` starts the order anew",
            )
        }
        Outcome::Conflict => {
            let message = format!("{sentence}: {tag} is there now");
            (
                ErrorKind::Conflict,
                message,
                "look with `pinrail status`, and run it again if the pin is still wanted",
            )
        }
        Outcome::Refused => {
            let hint = match cause {
                Some(Cause::ForeignCommits { .. }) => {
                    "review and merge it with git, or `pinrail promotions close` it and pin again"
                }
                _ => "ask the owner, or whoever is on call; the lock's file is under locks/",
            };
            (ErrorKind::Refused, sentence, hint)
        }
        outcome => {
            let mut said = body.run.shown();
            said.push(sentence);
            said.extend(body.request.as_ref().map(RequestRef::sentence));
            return Ok(Report { said, warnings, ..Report::new(outcome, Body::Pin(body)) });
        }
    };
    Err(CommandError::new(kind, message).hint(hint).with(Body::Pin(body)))
}

/// The report of many pins; not all of them need have gone in.
fn many(pinned: Pinned) -> Report {
    let Pinned { items, commit, attempts, run, warnings, .. } = pinned;
    let mut said = run.shown();
    said.extend(items.iter().map(|item| sentence(item, None, run.dry_run)));
    if let Some(commit) = &commit {
        said.push(format!("Commit {}", &commit[..7]));
    }
    let outcomes: Vec<Outcome> = items.iter().map(|item| item.outcome).collect();
    let any = |wanted: Outcome| outcomes.contains(&wanted);
    let locked = items.iter().any(|item| item.cause.as_ref().is_some_and(Cause::is_rule));
    let kind = match () {
        () if outcomes.iter().all(|outcome| went_in(*outcome)) => None,
        () if locked => Some(ErrorKind::Refused),
        () if any(Outcome::Conflict) => Some(ErrorKind::Conflict),
        () => Some(ErrorKind::Superseded),
    };
    let outcome = match kind {
        None if any(Outcome::Pinned) => Outcome::Pinned,
        None => Outcome::Unchanged,
        Some(_) if any(Outcome::Pinned) => Outcome::Partial,
        Some(kind) => kind.outcome(),
    };
    let shortfall = kind.map(|kind| {
        let left_out = outcomes.iter().filter(|outcome| !went_in(**outcome)).count();
        let message = format!("{left_out} of {} did not go in", counted(outcomes.len(), "pin"));
        CommandError::new(kind, message)
            .hint("look with `pinrail status`, and run it again for those that are still wanted")
    });
    let body = Body::Pins(PinsReport { items, commit, attempts, run });
    Report { said, warnings, shortfall, ..Report::new(outcome, body) }
}

fn sentence(item: &PinItem, commit: Option<&str>, dry_run: bool) -> String {
    let PinItem { service, environment, outcome, previous, pin, cause } = item;
    let commit = commit.map(|commit| format!(" (commit {})", &commit[..7])).unwrap_or_default();
    let from =
        previous.as_ref().map(|there| format!(", was {}", there.image_tag)).unwrap_or_default();
    let tag = &pin.image_tag;
    match (outcome, cause) {
        (Outcome::Pinned, _) if dry_run => {
            format!("Would pin {service} in {environment}: {tag}{from}")
        }
        (Outcome::Pinned, _) => format!("Pinned {service} in {environment}: {tag}{from}{commit}"),
        (Outcome::Requested, _) => {
            format!("{} {service} in {environment}: {tag}{from}", done("requested", dry_run))
        }
        (Outcome::Unchanged, _) => {
            format!("Nothing to do: {service} in {environment} is {tag} already{commit}")
        }
        (_, Some(cause)) => {
            format!("{service} was not pinned in {environment} to `{tag}`: {}", cause.sentence())
        }
        _ => format!("{service} was not pinned in {environment} to `{tag}`"),
    }
}
