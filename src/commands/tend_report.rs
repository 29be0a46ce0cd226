//! What `tend`, `lock` and `unlock` have to say.

use schemars::JsonSchema;
use serde::Serialize;

use super::check_report::CheckedMove;
use super::report::{DryRun, Outcome};
use crate::domain::lock::Lock;
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::domain::problem::Problem;

/// What the gates say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GateState {
    /// Nothing holds it back.
    Green,
    Red,
    /// Nobody could judge it.
    Pending,
}

/// What was done about a request, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Deed {
    /// Its status was set.
    Status,
    /// The merge that was to come by itself was taken back.
    Withdrawn,
    /// It was made anew, without what may not go.
    Rebuilt,
    Closed,
}

/// One open request, and what was done about it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TendItem {
    /// The forge's number; null with forge kind `git`.
    pub number: Option<u64>,
    /// The forge's page; null with forge kind `git`.
    pub url: Option<String>,
    pub branch: String,
    /// The commit that was judged.
    pub head: String,
    pub state: GateState,
    /// The first thing that holds it back, or why it could not be judged.
    pub reason: Option<String>,
    /// The pins that it would change.
    pub moves: Vec<CheckedMove>,
    /// What else is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    pub done: Vec<Deed>,
    /// Why it may be merged all the same, where something holds it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unstopped: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl TendItem {
    /// What people call it: its page, or its branch.
    #[must_use]
    pub fn called(&self) -> &str {
        self.url.as_deref().unwrap_or(&self.branch)
    }

    /// Says why it may be merged all the same, where something holds it back; the first word
    /// stays.
    pub fn escapes(&mut self, why: String) {
        if self.state == GateState::Red {
            self.unstopped.get_or_insert(why);
        }
    }

    /// What was done, for people; none where nothing was to do.
    #[must_use]
    pub fn sentence(&self, dry_run: bool) -> Option<String> {
        let deeds = self.done.iter().map(|deed| match deed {
            Deed::Status => "status set",
            Deed::Withdrawn => "automatic merge taken back",
            Deed::Rebuilt => "made anew without what may not go",
            Deed::Closed => "closed, as nothing is left to ask for",
        });
        let deeds: Vec<_> = deeds.collect();
        if deeds.is_empty() && !dry_run {
            return None;
        }
        let state = match (self.state, &self.reason) {
            (GateState::Green, _) => "green".to_owned(),
            (GateState::Red, reason) => format!("red: {}", reason.as_deref().unwrap_or("refused")),
            (GateState::Pending, reason) => reason.clone().unwrap_or_default(),
        };
        let would = if dry_run { "would be " } else { "" };
        let deeds = match deeds.is_empty() {
            true => String::new(),
            false => format!(" ({would}{})", deeds.join(", ")),
        };
        Some(format!("{} is {state}{deeds}", self.called()))
    }
}

/// `tend`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TendReport {
    /// The requests that were looked at.
    pub requests: Vec<TendItem>,
    #[serde(flatten)]
    pub run: DryRun,
}

/// One lock, and what came of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LockItem {
    pub environment: EnvironmentName,
    /// Null where the whole environment is meant.
    pub service: Option<ServiceName>,
    pub path: String,
    pub outcome: Outcome,
    /// The lock that is there now.
    pub lock: Option<Lock>,
    /// The lock that was there before, where another one is there now or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Lock>,
}

/// A request that a lock holds back, and that may be merged all the same.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unstopped {
    pub number: Option<u64>,
    pub url: Option<String>,
    pub branch: String,
    pub reason: String,
}

/// `lock` and `unlock`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockReport {
    pub locks: Vec<LockItem>,
    /// The commit; null where nothing was to change.
    pub commit: Option<String>,
    pub attempts: u32,
    /// The open requests for these environments, as they were judged after it.
    pub requests: Vec<TendItem>,
    pub unstopped: Vec<Unstopped>,
    #[serde(flatten)]
    pub run: DryRun,
}
