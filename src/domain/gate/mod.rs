//! Gates: what must hold before a version may come into an environment.
//!
//! Every judgement is a pure function: the clock and the facts come in as [`Evidence`], and a
//! fact that cannot be had refuses.

mod evidence;
mod freeze;
mod judge;
mod overrides;
mod soak;
mod window;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use evidence::{Evidence, Landing, Missing};
pub use freeze::{Freeze, Frozen, frozen};
pub use judge::{Judge, Judgement, Way, goes_before, is_guarded, pin, refusal};
pub use overrides::{Override, Overrides, Overriding};
pub use soak::{Soaked, Standing, Unsoaked, Waiting, newest_soaked, soaked, standing};
pub use window::{Edge, EdgeError, Zone, ZoneError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule that may hold a version back, by the key that sets it in `pinrail.yaml`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "camelCase")]
#[value(rename_all = "camelCase")]
pub enum Gate {
    /// The version has been in `from`, which has not gone back past it.
    #[value(skip)]
    Order,
    /// No lock holds the environment or the service in it.
    #[value(skip)]
    Lock,
    /// Nothing comes in meanwhile.
    Freeze,
    /// The version descends from the one that it replaces.
    ForwardOnly,
    /// The version has been in `from` for so long.
    Soak,
    /// The version has been for so long where the group's waves before this one are.
    Wave,
    /// `from` is healthy.
    Health,
}

impl Gate {
    /// The gate as it is written in files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Lock => "lock",
            Self::Freeze => "freeze",
            Self::ForwardOnly => "forwardOnly",
            Self::Soak => "soak",
            Self::Wave => "wave",
            Self::Health => "health",
        }
    }

    /// Whether a promotion may ask to be let past it: a lock is taken away instead, and the
    /// order always holds.
    #[must_use]
    pub fn is_overridable(self) -> bool {
        !matches!(self, Self::Order | Self::Lock)
    }
}
