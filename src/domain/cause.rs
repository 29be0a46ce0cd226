//! Why a version may not come into an environment.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::gate::{Gate, Missing};
use super::lock::Lock;
use super::name::EnvironmentName;

/// Why a move may not go.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// Nothing is promoted into this environment: it has no `from`.
    NoSource,
    /// The service is not in the environment that promotions come from.
    NotInSource { source: EnvironmentName },
    /// A lock holds the environment, or the service in it.
    Locked { reason: String, owner: String, until: Option<String> },
    /// Nothing comes into the environment meanwhile.
    Frozen {
        #[schemars(with = "String", extend("format" = "date-time"))]
        until: Timestamp,
        reason: Option<String>,
    },
    /// The version has not been in the environment for long enough.
    Soaking {
        source: EnvironmentName,
        version: String,
        #[schemars(with = "String", extend("format" = "date-time"))]
        until: Timestamp,
    },
    /// The version was never in the environment that it has to come from.
    NeverIn { source: EnvironmentName, version: String },
    /// The environment that it has to come from has gone back past the version.
    LeftBehind { source: EnvironmentName, version: String },
    /// What is there came after the version in the environment that both come from.
    Older { source: EnvironmentName, version: String },
    /// The version there has commits that the new one does not.
    NotForward { version: String, behind: usize },
    /// The environment that it has to come from is not well.
    NotHealthy { source: EnvironmentName, problem: String },
    /// What a gate is judged on could not be found out.
    Unknown { gate: Gate, what: String, need: String },
    /// The configuration names nobody who may override gates there.
    MayNotOverride { environment: EnvironmentName },
    /// The pin to copy, or the one to replace, is not valid.
    InvalidPin { problem: String },
    /// Others changed the pin while this ran.
    ChangedMeanwhile,
    /// The history has no other version to go back to.
    NoEarlierVersion,
    /// The version was never there.
    NeverThere { version: String },
    /// What is there now is not what the commit to undo has set.
    MovedOn,
    /// The request's branch has commits of somebody else.
    ForeignCommits { branch: String },
    /// The open request asks for something else, and stays as it was opened.
    RequestFrozen { branch: String },
    /// Another of the services that were named may not go.
    AnotherRefused,
}

impl Cause {
    /// The cause in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NoSource => "nothing is promoted into it: it has no `from`".to_owned(),
            Self::NotInSource { source } => format!("it is not in `{source}`"),
            Self::Locked { reason, owner, until } => {
                let until =
                    until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
                format!("locked by {owner}{until}: {reason}")
            }
            Self::Frozen { until, reason } => {
                let reason =
                    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                if *until == Timestamp::MAX {
                    return format!("frozen for good{reason}");
                }
                format!("frozen until {until}{reason}")
            }
            Self::Soaking { source, version, until } => {
                format!("`{version}` soaks in `{source}` until {until}")
            }
            Self::NeverIn { source, version } => format!("`{version}` was never in `{source}`"),
            Self::LeftBehind { source, version } => {
                format!("`{source}` has gone back past `{version}`")
            }
            Self::Older { source, version } => {
                format!("`{version}` is there, which came into `{source}` after it")
            }
            Self::NotForward { version, behind } => {
                let commits = if *behind == 1 { "commit" } else { "commits" };
                format!("it is not forward: `{version}` has {behind} {commits} that it does not")
            }
            Self::NotHealthy { source, problem } => {
                format!("`{source}` is not healthy: {problem}")
            }
            Self::Unknown { gate, what, need } => {
                format!("nobody can tell for `{}`: {what}; it needs {need}", gate.as_str())
            }
            Self::MayNotOverride { environment } => {
                format!(
                    "nobody may override the gates of `{environment}`: `gates.override` names who"
                )
            }
            Self::InvalidPin { problem } => format!("a pin is not valid: {problem}"),
            Self::ChangedMeanwhile => "others changed it meanwhile".to_owned(),
            Self::NoEarlierVersion => "it has no earlier version there".to_owned(),
            Self::NeverThere { version } => format!("`{version}` was never there"),
            Self::MovedOn => "another version is there by now".to_owned(),
            Self::ForeignCommits { branch } => {
                format!("`{branch}` has commits that pinrail did not make")
            }
            Self::RequestFrozen { branch } => {
                format!("`{branch}` is open without it and frozen: merge or close that first")
            }
            Self::AnotherRefused => "another service that was named may not go".to_owned(),
        }
    }

    /// What whoever is held back can do, where there is something.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let gate = match self {
            Self::Locked { owner, .. } => {
                return Some(format!("ask {owner}: `pinrail unlock` takes a lock away"));
            }
            Self::Older { .. } => {
                return Some("`pinrail rollback` goes back, under a lock".to_owned());
            }
            Self::Frozen { .. } => Gate::Freeze,
            Self::Soaking { .. } => Gate::Soak,
            Self::NotForward { .. } => Gate::ForwardOnly,
            Self::NotHealthy { .. } => Gate::Health,
            _ => return None,
        };
        let wait = if self.passes() { "run it again then; " } else { "" };
        let gate = gate.as_str();
        Some(format!(
            "{wait}`--override {gate} --reason TEXT` asks to pass, where `gates.override` names who may let it"
        ))
    }

    /// Whether a rule holds it back, rather than what others did first.
    #[must_use]
    pub fn is_rule(&self) -> bool {
        !matches!(self, Self::ChangedMeanwhile | Self::AnotherRefused)
    }

    /// Whether it passes without anybody doing anything, so that waiting helps.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Frozen { .. }
                | Self::Soaking { .. }
                | Self::NotHealthy { .. }
                | Self::Unknown { .. }
        )
    }

    /// Whether it is about what is written rather than about a rule.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::InvalidPin { .. })
    }
}

impl From<&Lock> for Cause {
    fn from(lock: &Lock) -> Self {
        Self::Locked {
            reason: lock.reason.clone(),
            owner: lock.owner.clone(),
            until: lock.until.map(|until| until.to_string()),
        }
    }
}

impl Cause {
    /// The cause of a gate that lacks a fact.
    #[must_use]
    pub fn unknown(gate: Gate, missing: Missing) -> Self {
        let Missing { what, need } = missing;
        Self::Unknown { gate, what, need }
    }
}
