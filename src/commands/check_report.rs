//! What `check` has to say: as compilers print it, and as a document.

use schemars::JsonSchema;
use serde::Serialize;

use super::annotations::Annotations;
use super::gate_status;
use super::move_report::version;
use super::report::{Body, Page};
use crate::domain::cause::Cause;
use crate::domain::gate::Judgement;
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::problem::{Problem, listed};

/// `check`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct CheckReport {
    pub problems: Vec<Problem>,
    /// How many services were looked at: of a change of pins alone, those that it is of.
    pub services: usize,
    /// How many pins were looked at.
    pub pins: usize,
    /// Each pin of the change, where one was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves: Option<Vec<CheckedMove>>,
    /// How it is printed.
    #[serde(skip)]
    pub annotations: Option<Annotations>,
}

/// One pin of a change, and whether it may go.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckedMove {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    /// The pin that is there now.
    pub from: Option<Pin>,
    /// The pin that the change makes of it.
    pub to: Option<Pin>,
    pub outcome: MoveOutcome,
    /// Why it may not go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What each rule said, where any was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Judgement>,
    /// The pin's file, and the line of the version in it.
    #[serde(skip)]
    pub place: (String, u64),
}

/// What became of one pin of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MoveOutcome {
    /// Every gate lets it pass.
    Allowed,
    /// It goes back under the service's own lock, which passes every gate.
    Rollback,
    /// It is the same version, written in another way.
    Unchanged,
    /// It is taken away.
    Removed,
    Refused,
}

impl CheckedMove {
    /// Why it may not go, in a sentence of its own.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        Some(gate_status::sentence((&self.service, &self.environment), cause))
    }

    /// What became of it, for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { service, environment, .. } = self;
        let (from, to) = (version(self.from.as_ref()), version(self.to.as_ref()));
        let what = match (self.outcome, &self.cause) {
            (MoveOutcome::Unchanged, _) => {
                return format!("{service} in {environment}: {from} stays, written in another way");
            }
            (MoveOutcome::Removed, _) => {
                return format!("{service} in {environment}: {from} is taken away");
            }
            (_, Some(cause)) => format!("may not go: {}", cause.sentence()),
            (MoveOutcome::Rollback, _) => "goes back under its lock".to_owned(),
            _ => "may go".to_owned(),
        };
        format!("{service} in {environment}: {from} → {to} {what}")
    }
}

impl CheckReport {
    /// The problems as compilers print them, and a line for each pin.
    #[must_use]
    pub fn text(&self) -> String {
        let moves = self.moves.iter().flatten();
        let lines = moves.map(|step| step.sentence() + "\n");
        listed(&self.problems) + &lines.collect::<String>()
    }
}

/// What is printed of a report of `check`.
pub fn text(body: &Body, _: &Page) -> String {
    match body {
        Body::Check(report) => match report.annotations {
            Some(annotations) => annotations.of(report),
            None => report.text(),
        },
        _ => String::new(),
    }
}
