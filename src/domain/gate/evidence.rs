//! The facts that gates are judged on; each is asked for only where a gate needs it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::environment::Environment;
use crate::domain::name::{DomainName, ServiceName};
use crate::domain::pin::Pin;

/// What is known when a change is judged.
pub trait Evidence {
    /// The time of the judgement.
    fn now(&self) -> Timestamp;

    /// The versions that a service has had in an environment, oldest first: all of them, or as
    /// far as it takes to judge one. That may be alone where it has stood for longer than any
    /// gate asks.
    ///
    /// # Errors
    /// A history that is not at hand.
    fn landings(
        &self,
        environment: &Environment,
        domain: &DomainName,
        service: &ServiceName,
        wanted: Option<&Pin>,
    ) -> Result<Vec<Landing>, Missing>;

    /// How many commits of the service's repository are in `old` and not in `new`; none where
    /// `new` descends from `old`.
    ///
    /// # Errors
    /// A repository that cannot be asked.
    fn behind(&self, domain: &DomainName, old: &Pin, new: &Pin) -> Result<usize, Missing>;

    /// What keeps a pin from being live and healthy now; none where it is.
    ///
    /// # Errors
    /// An Argo CD that cannot be asked.
    fn unhealthy(
        &self,
        environment: &Environment,
        domain: &DomainName,
        pin: &Pin,
    ) -> Result<Option<String>, Missing>;
}

/// One version that a service has had in an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Landing {
    /// None where the pin was taken away, or was no pin.
    pub pin: Option<Pin>,
    /// The committer's time of the commit that brought it, or the latest of those before it on
    /// the line of first parents where that is later.
    pub at: Timestamp,
}

/// A fact that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// What is not known, and why.
    pub what: String,
    /// What would make it known, such as the variable of a token.
    pub need: String,
}
