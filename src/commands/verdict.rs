//! Whether a request may be merged now: by the pins that it would change, whoever made it.

use std::collections::BTreeMap;

use super::gate_status;
use super::judging::{Judged, judged};
use super::move_report::{MoveItem, PinMove};
use super::report::Outcome;
use super::state::State;
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::gate::{Judge, Override};
use crate::domain::layout::{self, Place};
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::tree::Files;
use crate::forge::CommitStatus;
use crate::store::Snapshot;

/// What merging a branch would bring to the main branch, as far as gates look at it.
#[derive(Default)]
pub struct Proposed {
    moves: Vec<PinMove>,
    overrides: BTreeMap<String, Override>,
    /// What no gate needs to be asked about: it is no pin that could be there.
    refused: Vec<MoveItem>,
}

/// What the gates say of each pin of a request.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub items: Vec<MoveItem>,
}

impl Proposed {
    /// Reads what a branch has changed since it left the main branch, and main has not by now.
    /// That a pin is taken away, and files of other kinds, are for `check` to judge.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn of<'a>(state: &State<'a>, head: &Snapshot<'a>) -> Result<Self, CommandError> {
        let mut files = BTreeMap::new();
        let common = head.common(&state.main)?;
        let before = if common.is_empty() { vec![None] } else { common.iter().map(Some).collect() };
        for before in before {
            for folder in [layout::ENVS, layout::OVERRIDES] {
                let changes = head.changed_since(before, folder)?;
                files.extend(changes.into_iter().map(|change| (change.path, change.after)));
            }
        }
        let mut proposed = Self::default();
        for (path, after) in files {
            let there = state.main.read(&path)?;
            let Some(after) = after.filter(|after| there.as_ref() != Some(after)) else { continue };
            match layout::place(&path) {
                Some(Place::Pin { domain, environment, service }) => {
                    let from = there.and_then(|bytes| Pin::parse(&bytes).ok());
                    // The same version, written in another way, asks for nothing.
                    let version = Pin::parse(&after).ok();
                    let version = version.as_ref().map(Pin::version);
                    if version.is_some() && version == from.as_ref().map(Pin::version) {
                        continue;
                    }
                    match pin(state, &environment, &service, &after) {
                        Ok(to) => {
                            let step = PinMove { service, domain, environment, from, to };
                            proposed.moves.push(step);
                        }
                        Err(problem) => {
                            let cause = Some(Cause::InvalidPin { problem });
                            let (outcome, to, gates) = (Outcome::Refused, None, Vec::new());
                            let item =
                                MoveItem { service, environment, from, to, outcome, cause, gates };
                            proposed.refused.push(item);
                        }
                    }
                }
                Some(Place::Override { .. }) => {
                    if let Ok(told) = Override::parse(&after) {
                        proposed.overrides.insert(path, told);
                    }
                }
                _ => {}
            }
        }
        Ok(proposed)
    }

    /// The services whose pins it changes.
    pub fn services(&self) -> impl Iterator<Item = (ServiceName, DomainName)> {
        self.moves.iter().map(|step| (step.service.clone(), step.domain.clone()))
    }

    /// Judges each pin.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn verdict(
        self,
        context: &Context,
        state: &State<'_>,
        judge: &Judge<'_>,
    ) -> Result<Verdict, CommandError> {
        let mut items = self.refused;
        for step in self.moves {
            let judged = judged(context, state, judge, &step, &self.overrides)?;
            let cause = judged.cause().cloned();
            let outcome = if cause.is_some() { Outcome::Refused } else { Outcome::Ok };
            let gates = match judged {
                Judged::Forward(judgements) => judgements,
                Judged::Back | Judged::Refused(_) => Vec::new(),
            };
            let PinMove { service, environment, from, to, .. } = step;
            let to = Some(to);
            items.push(MoveItem { service, environment, from, to, outcome, cause, gates });
        }
        Ok(Verdict { items })
    }
}

/// A pin that a request brings, or why it is none that could be there.
fn pin(
    state: &State<'_>,
    environment: &EnvironmentName,
    service: &ServiceName,
    bytes: &[u8],
) -> Result<Pin, String> {
    let config = &state.config;
    let Some(target) = config.environment(environment.as_str()) else {
        return Err(format!("there is no environment `{environment}`"));
    };
    let belongs = config.branch_of(target);
    if belongs != config.main_branch() {
        return Err(format!("the pins of `{environment}` belong on the branch `{belongs}`"));
    }
    let pin = Pin::parse(bytes).map_err(|error| error.to_string())?;
    pin.check_place(service, &target.cluster).map_err(|error| error.to_string())?;
    Ok(pin)
}

impl Verdict {
    /// The first pin that may not go in now, and why.
    #[must_use]
    pub fn refusal(&self) -> Option<(&MoveItem, &Cause)> {
        self.items.iter().find_map(|item| Some((item, item.cause.as_ref()?)))
    }

    /// Whether it changes a pin of one of these environments.
    #[must_use]
    pub fn is_about(&self, environments: &[EnvironmentName]) -> bool {
        self.items.iter().any(|item| environments.contains(&item.environment))
    }

    /// What is said of it beside the request's head.
    #[must_use]
    pub fn status(&self) -> CommitStatus {
        self.refusal().map_or_else(gate_status::green, |(item, cause)| {
            gate_status::red((&item.service, &item.environment), cause)
        })
    }
}
