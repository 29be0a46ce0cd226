//! Where a wanted pin goes, what is there, and whether it may go in.

use super::report::{Outcome, PinItem};
use super::state;
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{ImageDigest, ImageTag, Revision};
use crate::domain::cause::Cause;
use crate::domain::config::{Config, Registration};
use crate::domain::environment::Mode;
use crate::domain::gate::{self, Judge, Way, is_guarded};
use crate::domain::judge::{Expectation, Judgement, Sequence, judge};
use crate::domain::layout;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::pin::Pin;
use crate::domain::registry::Root;

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

/// Where a wanted pin goes, and what is there.
pub struct Place {
    pub domain: DomainName,
    wanted: Pin,
    pub current: Option<Pin>,
}

impl Place {
    pub fn of_all(
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

    pub fn of(root: &Root<'_>, wanted: &Wanted, context: &Context) -> Result<Self, CommandError> {
        let environment = state::environment(root.config, wanted.environment.as_str())?;
        if let Some(from) = environment.from.as_ref().filter(|_| is_guarded(environment)) {
            let name = &environment.name;
            let message = match environment.mode {
                Mode::Request => format!("`{name}` takes changes by request only"),
                Mode::Direct => format!("`{name}` takes promotions only: it has gates"),
            };
            return Err(CommandError::new(ErrorKind::Refused, message).hint(format!(
                "pin it in `{from}` first; `pinrail promote {} --to {name}` then brings it here",
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

    pub fn path(&self, item: &PinItem) -> String {
        layout::pin(&item.environment, &self.domain, &item.service)
    }

    /// Whether the pin may go in: by the order of judgement, and past every lock and gate.
    pub fn judge(
        &self,
        gates: &Judge<'_>,
        wanted: &Wanted,
        first: Option<&Pin>,
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
                    let cause = self.held_back(gates, wanted, &pin)?;
                    let outcome = if cause.is_some() { Outcome::Refused } else { Outcome::Pinned };
                    (outcome, *pin, cause)
                }
            };
        let (service, environment) = (wanted.service.clone(), wanted.environment.clone());
        Ok(PinItem { service, environment, outcome, previous: self.current.clone(), pin, cause })
    }

    /// The lock or gate that holds a pin back.
    fn held_back(
        &self,
        gates: &Judge<'_>,
        wanted: &Wanted,
        pin: &Pin,
    ) -> Result<Option<Cause>, CommandError> {
        let target = state::environment(gates.root.config, wanted.environment.as_str())?;
        let (domain, service) = (&self.domain, &wanted.service);
        let way = Way { target, domain, service, there: self.current.as_ref() };
        let judgements = gates.version(&way, pin, &[])?;
        match gate::refusal(&judgements) {
            Some((_, Cause::InvalidPin { problem })) => {
                Err(CommandError::new(ErrorKind::Invalid, problem.clone()))
            }
            refusal => Ok(refusal.map(|(_, cause)| cause.clone())),
        }
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
