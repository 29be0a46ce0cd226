//! How long a version has been where it has to come from.
//!
//! A version has soaked when the time has passed since it landed and the environment was not
//! gone back past it since. It need not be live there any more: a service that deploys every
//! few minutes would never have one that is both live and old enough.

use std::time::Duration;

use jiff::Timestamp;

use super::Landing;
use crate::domain::pile::Pile;
use crate::domain::pin::Pin;

/// A version that an environment was not gone back past since it landed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing<'a> {
    pub pin: &'a Pin,
    /// When it landed first, and never later than now.
    pub at: Timestamp,
}

impl Standing<'_> {
    /// From when on it has soaked; a soak that no clock reaches ends with the last time there is.
    pub fn soaked_at(&self, soak: Duration) -> Timestamp {
        self.at.saturating_add(soak).unwrap_or(Timestamp::MAX)
    }
}

/// The versions that the environment was not gone back past since they landed, oldest first; the
/// last is the one that is there.
///
/// A version that comes back takes away what came after it, and keeps its own first landing. A
/// pin that is taken away takes everything with it.
#[must_use]
pub fn standing(landings: &[Landing], now: Timestamp) -> Vec<Standing<'_>> {
    let mut pile = Pile::new();
    for landing in landings {
        match &landing.pin {
            Some(pin) => {
                pile.put(pin, landing.at.min(now));
            }
            None => pile.clear(),
        }
    }
    pile.into_layers().into_iter().map(|(pin, at)| Standing { pin, at }).collect()
}

/// A version that has not soaked yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting<'a> {
    pub pin: &'a Pin,
    pub until: Timestamp,
}

/// Which of the versions that stand may go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Soaked<'a> {
    /// None stands that is newer than what the target has.
    Unchanged,
    /// The newest that has soaked may go; where a newer one stands, the newest of all waits.
    Go { pin: &'a Pin, waiting: Option<Waiting<'a>> },
    /// None that is newer has soaked: the first that will have.
    Wait(Waiting<'a>),
}

/// The newest version that is ready by now, of those that stand after `current`, which is what
/// the target has; of all, where that does not stand.
#[must_use]
pub fn newest_soaked<'a>(
    standing: &[Standing<'a>],
    current: Option<&Pin>,
    ready: impl Fn(&Standing<'a>) -> Timestamp,
    now: Timestamp,
) -> Soaked<'a> {
    let has = |current: &Pin| {
        standing.iter().rposition(|stands| stands.pin.version() == current.version())
    };
    let newer = &standing[current.and_then(has).map_or(0, |place| place + 1)..];
    let waits = |stands: &Standing<'a>| Waiting { pin: stands.pin, until: ready(stands) };
    let Some((first, last)) = newer.first().zip(newer.last()) else { return Soaked::Unchanged };
    match newer.iter().rposition(|stands| ready(stands) <= now) {
        Some(place) => Soaked::Go {
            pin: newer[place].pin,
            waiting: (place + 1 < newer.len()).then(|| waits(last)),
        },
        None => Soaked::Wait(waits(first)),
    }
}

/// Why a version has not soaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsoaked {
    /// It was never there.
    NeverIn,
    /// The environment has gone back past it.
    LeftBehind,
    /// It has not been there for long enough.
    Soaking { until: Timestamp },
}

/// Judges one version; a soak of nothing asks only that it came by way of the environment.
///
/// # Errors
/// Why it has not soaked.
pub fn soaked(
    landings: &[Landing],
    pin: &Pin,
    soak: Duration,
    now: Timestamp,
) -> Result<(), Unsoaked> {
    let is_it = |other: &Pin| other.version() == pin.version();
    if let Some(stands) = standing(landings, now).iter().find(|stands| is_it(stands.pin)) {
        let until = stands.soaked_at(soak);
        return if until <= now { Ok(()) } else { Err(Unsoaked::Soaking { until }) };
    }
    let was_there = landings.iter().any(|landing| landing.pin.as_ref().is_some_and(is_it));
    Err(if was_there { Unsoaked::LeftBehind } else { Unsoaked::NeverIn })
}

#[cfg(test)]
#[path = "soak_tests.rs"]
mod tests;
