//! What the judge says of the pins that a change brings, whoever has written it.

use std::collections::BTreeMap;

use super::move_report::PinMove;
use super::rollback_plan::goes_back;
use super::state::{self, State};
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::gate::{Judge, Judgement, Override, Overrides, Way, refusal};
use crate::domain::tree::Files;

/// What came of one pin of a change.
pub enum Judged {
    /// It is the way back that its lock was set for: every gate lets it pass.
    Back,
    Forward(Vec<Judgement>),
    Refused(Cause),
}

impl Judged {
    /// Why it may not go, if it may not.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Back => None,
            Self::Forward(judgements) => refusal(judgements).map(|(_, cause)| cause),
            Self::Refused(cause) => Some(cause),
        }
    }

    /// What each rule said, where any was asked.
    pub fn judgements(self) -> Vec<Judgement> {
        match self {
            Self::Forward(judgements) => judgements,
            Self::Back | Self::Refused(_) => Vec::new(),
        }
    }
}

/// Judges one pin of a change that carries these overrides.
pub fn judged(
    context: &Context,
    state: &State<'_>,
    judge: &Judge<'_>,
    step: &PinMove,
    carried: &BTreeMap<String, Override>,
) -> Result<Judged, CommandError> {
    judged_under(context, state, judge, step, carried, &state.pins)
}

/// The same, where the lock of a way back is among these files: what else is locked, the state
/// itself says.
pub fn judged_under(
    context: &Context,
    state: &State<'_>,
    judge: &Judge<'_>,
    step: &PinMove,
    carried: &BTreeMap<String, Override>,
    locks: &dyn Files,
) -> Result<Judged, CommandError> {
    if goes_back(state, step, context, locks)? {
        return Ok(Judged::Back);
    }
    let target = state::environment(judge.root.config, step.environment.as_str())?;
    let (domain, service) = (&step.domain, &step.service);
    let way = Way { target, domain, service, there: step.from.as_ref() };
    let overrides = Overrides { asked: None, carried: carried.clone() };
    let told = match overrides.of(&way, &step.to, judge.evidence.now()) {
        Ok(told) => told,
        Err(cause) => return Ok(Judged::Refused(cause)),
    };
    let overridden = told.map(|told| told.gates).unwrap_or_default();
    Ok(Judged::Forward(judge.version(&way, &step.to, &overridden)?))
}
