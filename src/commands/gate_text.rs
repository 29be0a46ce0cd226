//! What a request's readers are told of its gates.

use crate::domain::gate::{Gate, Judgement};
use crate::domain::promotion::Move;
use crate::render::request::{Verdict, VerdictState};

/// What the gates said of the moves that go: one line for each gate that all pass, and one for
/// each that a version is let past.
pub fn verdicts(moves: &[Move]) -> Vec<Verdict> {
    let judgements = || moves.iter().flat_map(|step| &step.judgements);
    let mut gates: Vec<Gate> = judgements().map(|judgement| judgement.gate).collect();
    gates.sort();
    gates.dedup();
    let mut verdicts = Vec::new();
    for gate in gates {
        let let_past = moves.iter().filter_map(|step| overridden(step, gate));
        let let_past: Vec<Verdict> = let_past.collect();
        if let_past.is_empty() {
            let sentence = passed(gate).to_owned();
            let rule = gate.as_str().to_owned();
            verdicts.push(Verdict { rule, state: VerdictState::Passed, sentence });
        }
        verdicts.extend(let_past);
    }
    verdicts
}

/// What no gate is asked for: a way back.
pub fn back() -> Vec<Verdict> {
    vec![Verdict {
        rule: Gate::Lock.as_str().to_owned(),
        state: VerdictState::Passed,
        sentence: "it goes back, under a lock of its own: no gate holds that".to_owned(),
    }]
}

fn overridden(step: &Move, gate: Gate) -> Option<Verdict> {
    let is_it = |judgement: &&Judgement| judgement.gate == gate && judgement.overridden;
    let cause = step.judgements.iter().find(is_it)?.cause.as_ref()?;
    let carries = step.carries.as_ref()?;
    Some(Verdict {
        rule: gate.as_str().to_owned(),
        state: VerdictState::Overridden,
        sentence: format!(
            "`{}` in `{}` is let past it by {} ({}), though {}",
            step.service,
            step.environment,
            carries.owner,
            carries.reason,
            cause.sentence()
        ),
    })
}

fn passed(gate: Gate) -> &'static str {
    match gate {
        Gate::Order => "each version comes from the environment before",
        Gate::Lock => "no lock holds any of it",
        Gate::Freeze => "nothing is frozen",
        Gate::ForwardOnly => "each version descends from the one that it replaces",
        Gate::Soak => "each version has been in the environment before for long enough",
        Gate::Wave => "each version has been in the waves before for long enough",
        Gate::Health => "the environment before is healthy",
    }
}
