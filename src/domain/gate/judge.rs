//! Whether a version may come into an environment: one judgement for each rule.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::freeze::{Frozen, frozen};
use super::soak::{Soaked, Standing, Unsoaked, Waiting, newest_soaked, soaked, standing};
use super::{Evidence, Gate, Landing};
use crate::domain::cause::Cause;
use crate::domain::environment::{Environment, Mode, Period};
use crate::domain::name::{DomainName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::registry::{Root, RootError};
use crate::domain::tree::ReadError;

/// A service, and the environment that a version of it is to come into.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    pub target: &'a Environment,
    pub domain: &'a DomainName,
    pub service: &'a ServiceName,
    /// What is there now.
    pub there: Option<&'a Pin>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    pub gate: Gate,
    /// Why not, where it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether the version is let past it.
    pub overridden: bool,
}

impl Judgement {
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.cause.is_some() && !self.overridden
    }
}

/// The first gate that holds a version back, and why.
#[must_use]
pub fn refusal(judgements: &[Judgement]) -> Option<(Gate, &Cause)> {
    let first = judgements.iter().find(|judgement| judgement.refuses())?;
    Some((first.gate, first.cause.as_ref()?))
}

/// Whether a version comes into `one` before it comes into `other`, by their group's waves.
#[must_use]
pub fn goes_before(one: &Environment, other: &Environment) -> bool {
    one.group.is_some() && one.group == other.group && one.wave < other.wave
}

/// Whether a version comes into this environment by a promotion alone.
#[must_use]
pub fn is_guarded(target: &Environment) -> bool {
    let gates = &target.gates;
    let by_source = gates.soak.is_some() || gates.health || target.wave > 1;
    target.from.is_some() && (target.mode == Mode::Request || by_source)
}

/// An environment that a version has to have been in, and for how long.
struct Source<'a> {
    environment: &'a Environment,
    gate: Gate,
    period: Option<Duration>,
}

/// Judges by one state, on the evidence of one moment.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub root: &'a Root<'a>,
    pub evidence: &'a dyn Evidence,
}

impl<'a> Judge<'a> {
    /// Judges one version, past the gates that are overridden. What costs a question to others
    /// is asked only where nothing else refuses.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn version(
        &self,
        way: &Way<'a>,
        to: &Pin,
        overridden: &[Gate],
    ) -> Result<Vec<Judgement>, ReadError> {
        let mut said = Said { overridden, judgements: Vec::new() };
        let sources = self.sources(way.target);
        if let Some(from) = sources.first() {
            said.add(Gate::Order, self.order(from, way, to)?);
        }
        said.add(Gate::Lock, self.lock(way)?);
        let gates = &way.target.gates;
        if !gates.freeze.is_empty() {
            let frozen = frozen(&gates.freeze, self.evidence.now());
            let cause = |it: Frozen| Cause::Frozen { until: it.until, reason: it.reason };
            said.add(Gate::Freeze, frozen.map(cause));
        }
        for source in &sources {
            if let Some(period) = source.period {
                let cause = self.soaks(source.environment, source.gate, way, (to, period));
                said.add(source.gate, cause);
            }
        }
        if gates.forward_only && !said.refuses() {
            said.add(Gate::ForwardOnly, self.forward(way, to));
        }
        if let (Some(from), false) = (sources.first(), said.refuses())
            && let Some(cause) = self.goes_back(from.environment, way, to)?
        {
            said.add(Gate::Order, Some(cause));
        }
        if gates.health {
            for source in &sources {
                if !said.refuses() {
                    said.add(Gate::Health, self.health(source, way)?);
                }
            }
        }
        Ok(said.judgements)
    }

    /// The version that a promotion brings: the newest that has been for long enough wherever it
    /// has to have been, or else the one that will be first. None where nothing came after what
    /// is there.
    ///
    /// # Errors
    /// A history that is not at hand.
    pub fn newest(
        &self,
        way: &Way<'a>,
        now: &Pin,
        overridden: &[Gate],
    ) -> Result<Option<Pin>, Cause> {
        let mut waits = self.sources(way.target);
        waits.retain(|source| source.period.is_some() && !overridden.contains(&source.gate));
        let (Some(from), false) = (self.from(way.target), waits.is_empty()) else {
            return Ok(Some(now.clone()));
        };
        // What the waves before have may be older than anything that soaks.
        let has_waves = waits.iter().any(|source| source.gate == Gate::Wave);
        let wanted = (!has_waves).then_some(now);
        let landings = self.landings(from, Gate::Soak, way, wanted)?;
        let mut histories = Vec::new();
        for source in &waits {
            histories.push(self.landings(source.environment, source.gate, way, wanted)?);
        }
        let moment = self.evidence.now();
        let histories: Vec<_> = histories.iter().map(|known| standing(known, moment)).collect();
        let ready = |one: &Standing<'_>| {
            let ends = waits.iter().zip(&histories).map(|(source, standing)| {
                let stands = standing.iter().rfind(|it| it.pin.version() == one.pin.version());
                let period = source.period.unwrap_or_default();
                stands.map_or(Timestamp::MAX, |stands| stands.soaked_at(period))
            });
            ends.max().unwrap_or(moment)
        };
        let standing = standing(&landings, moment);
        Ok(match newest_soaked(&standing, way.there, ready, moment) {
            Soaked::Unchanged => None,
            Soaked::Go { pin, .. } | Soaked::Wait(Waiting { pin, .. }) => Some(pin.clone()),
        })
    }

    fn from(&self, target: &Environment) -> Option<&'a Environment> {
        self.root.config.environment(target.from.as_ref()?.as_str())
    }

    /// Where a version has to have been: in `from` first, and in its group's earlier waves.
    fn sources(&self, target: &Environment) -> Vec<Source<'a>> {
        let mut sources = Vec::new();
        if !is_guarded(target) {
            return sources;
        }
        let gates = &target.gates;
        if let Some(environment) = self.from(target) {
            let period = gates.soak.as_ref().map(Period::duration);
            sources.push(Source { environment, gate: Gate::Soak, period });
        }
        let earlier = |one: &&Environment| goes_before(one, target);
        let pause = gates.pause.as_ref().map(Period::duration).unwrap_or_default();
        sources.extend(
            self.root.config.environments.iter().filter(earlier).map(|environment| Source {
                environment,
                gate: Gate::Wave,
                period: Some(pause),
            }),
        );
        sources
    }

    /// Whether the version stands in the environment before.
    fn order(
        &self,
        from: &Source<'_>,
        way: &Way<'_>,
        to: &Pin,
    ) -> Result<Option<Cause>, ReadError> {
        let source = || from.environment.name.clone();
        Ok(match self.pin(from.environment, way)? {
            Err(cause) => Some(cause),
            Ok(None) => Some(Cause::NotInSource { source: source() }),
            Ok(Some(now)) if now.version() == to.version() => None,
            Ok(Some(_)) => self.soaks(from.environment, Gate::Order, way, (to, Duration::ZERO)),
        })
    }

    fn lock(&self, way: &Way<'_>) -> Result<Option<Cause>, ReadError> {
        let lock = self.root.lock(&way.target.name, way.service, self.evidence.now())?;
        Ok(match lock {
            Ok(lock) => lock.as_ref().map(Cause::from),
            Err(problem) => Some(Cause::InvalidPin { problem: problem.to_string() }),
        })
    }

    /// Whether the version has been in an environment for long enough, which is not gone back
    /// past it.
    fn soaks(
        &self,
        source: &Environment,
        gate: Gate,
        way: &Way<'_>,
        (to, period): (&Pin, Duration),
    ) -> Option<Cause> {
        let landings = match self.landings(source, gate, way, Some(to)) {
            Ok(landings) => landings,
            Err(cause) => return Some(cause),
        };
        let (source, version) = (source.name.clone(), to.image_tag.to_string());
        match soaked(&landings, to, period, self.evidence.now()) {
            Ok(()) => None,
            Err(Unsoaked::NeverIn) => Some(Cause::NeverIn { source, version }),
            Err(Unsoaked::LeftBehind) => Some(Cause::LeftBehind { source, version }),
            Err(Unsoaked::Soaking { until }) => Some(Cause::Soaking { source, version, until }),
        }
    }

    /// Whether what is there came into an environment after the version: what goes back is no
    /// promotion, whatever it is called.
    fn goes_back(
        &self,
        source: &Environment,
        way: &Way<'_>,
        to: &Pin,
    ) -> Result<Option<Cause>, ReadError> {
        let now = self.pin(source, way)?.unwrap_or_default();
        let (Some(there), false) =
            (way.there, now.is_some_and(|now| now.version() == to.version()))
        else {
            return Ok(None);
        };
        let Ok(landings) = self.landings(source, Gate::Order, way, Some(to)) else {
            return Ok(None);
        };
        let standing = standing(&landings, self.evidence.now());
        let place =
            |pin: &Pin| standing.iter().rposition(|stands| stands.pin.version() == pin.version());
        let is_older = place(to).is_some_and(|place_of_it| place(there) > Some(place_of_it));
        Ok(is_older.then(|| Cause::Older {
            source: source.name.clone(),
            version: there.image_tag.to_string(),
        }))
    }

    fn forward(&self, way: &Way<'_>, to: &Pin) -> Option<Cause> {
        let there = way.there?;
        if there.target_revision == to.target_revision {
            return None;
        }
        match self.evidence.behind(way.domain, there, to) {
            Ok(0) => None,
            Ok(behind) => Some(Cause::NotForward { version: there.image_tag.to_string(), behind }),
            Err(missing) => Some(Cause::unknown(Gate::ForwardOnly, missing)),
        }
    }

    /// Whether an environment is well on what it has now.
    fn health(&self, source: &Source<'_>, way: &Way<'_>) -> Result<Option<Cause>, ReadError> {
        let environment = source.environment;
        let name = || environment.name.clone();
        Ok(match self.pin(environment, way)? {
            Err(cause) => Some(cause),
            Ok(None) => Some(Cause::NotInSource { source: name() }),
            Ok(Some(pin)) => match self.evidence.unhealthy(environment, way.domain, &pin) {
                Ok(None) => None,
                Ok(Some(problem)) => Some(Cause::NotHealthy { source: name(), problem }),
                Err(missing) => Some(Cause::unknown(Gate::Health, missing)),
            },
        })
    }

    fn landings(
        &self,
        source: &Environment,
        gate: Gate,
        way: &Way<'_>,
        wanted: Option<&Pin>,
    ) -> Result<Vec<Landing>, Cause> {
        let landings = self.evidence.landings(source, way.domain, way.service, wanted);
        landings.map_err(|missing| Cause::unknown(gate, missing))
    }

    /// A pin, or why it cannot be dealt with.
    fn pin(
        &self,
        environment: &Environment,
        way: &Way<'_>,
    ) -> Result<Result<Option<Pin>, Cause>, ReadError> {
        pin(self.root, environment, way.domain, way.service)
    }
}

/// A pin, or why it cannot be dealt with.
///
/// # Errors
/// A tree that cannot be read.
pub fn pin(
    root: &Root<'_>,
    environment: &Environment,
    domain: &DomainName,
    service: &ServiceName,
) -> Result<Result<Option<Pin>, Cause>, ReadError> {
    match root.pin(environment, domain, service) {
        Ok(pin) => Ok(Ok(pin)),
        Err(RootError::Invalid(problem)) => {
            Ok(Err(Cause::InvalidPin { problem: problem.to_string() }))
        }
        Err(RootError::Read(error)) => Err(error),
    }
}

/// What was said so far.
struct Said<'a> {
    overridden: &'a [Gate],
    judgements: Vec<Judgement>,
}

impl Said<'_> {
    fn add(&mut self, gate: Gate, cause: Option<Cause>) {
        let overridden = cause.is_some() && self.overridden.contains(&gate);
        self.judgements.push(Judgement { gate, cause, overridden });
    }

    fn refuses(&self) -> bool {
        self.judgements.iter().any(Judgement::refuses)
    }
}
