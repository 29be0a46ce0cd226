//! A train that goes without those that may not go any more.

use super::CommandError;
use super::asking::{Asking, Wish};
use super::gate_status;
use super::gate_text;
use super::judging::{Judged, judged};
use super::move_report::PinMove;
use super::promote_parts::subject;
use super::request_text::Story;
use super::requests::Open;
use super::state::State;
use super::tend_report::{Deed, TendItem};
use super::tending::{Tending, leaves};
use crate::domain::layout;
use crate::domain::promotion::{Move, Verdict};
use crate::domain::request::RequestName;
use crate::forge::PullRequest;
use crate::render::request::Intent;
use crate::store::StateRepo;

impl Tending<'_> {
    /// Makes a train anew without those that have to leave it, and says so below it.
    pub(super) fn shorten(
        &self,
        repo: &mut StateRepo,
        name: RequestName,
        request: Option<&PullRequest>,
        item: &mut TendItem,
    ) -> Result<(), CommandError> {
        let asking = self.asking(name);
        let asked = asking.run(repo, |state, open| self.rest(&asking, state, open))?;
        let left = asked.value;
        // Another run was faster.
        let (Some(reference), false) = (asked.request, left.is_empty()) else { return Ok(()) };
        item.done.push(Deed::Rebuilt);
        item.problem = asked.warnings.into_iter().next();
        let before = std::mem::replace(&mut item.head, reference.head.unwrap_or_default());
        if let (Some(host), Some(request), false) = (self.host, request, self.context.dry_run) {
            host.forge.comment(request.number, &farewell(&before, &left))?;
        }
        Ok(())
    }

    /// What is left of a train, and who leaves it.
    fn rest(
        &self,
        asking: &Asking<'_>,
        state: &State<'_>,
        open: Option<&Open>,
    ) -> Result<(Vec<Move>, Wish), CommandError> {
        let Some(open) = open.filter(|open| !open.foreign && !asking.keeps(open)) else {
            return Ok((Vec::new(), Wish::Leave));
        };
        let (root, services) = (state.root(), open.services());
        let sight = self.inquiry.on(state, &services);
        let judge = sight.judge(&root);
        let (mut left, mut rest, mut pins) = (Vec::new(), Vec::new(), open.pins.clone());
        let mut status = gate_status::green();
        for step in &open.moves {
            let judged = judged(self.context, state, &judge, step, &open.overrides)?;
            match judged.cause() {
                Some(cause) if leaves(cause) => {
                    let verdict = Verdict::Refused(cause.clone());
                    pins.remove(&layout::pin(&step.environment, &step.domain, &step.service));
                    pins.remove(&layout::override_of(&step.environment, &step.service));
                    left.push(decided(step, verdict, judged, open));
                }
                cause => {
                    if let Some(cause) = cause {
                        let pin = (&step.service, &step.environment);
                        status = gate_status::red(&gate_status::sentence(pin, cause));
                    }
                    rest.push((step.clone(), decided(step, Verdict::Go, judged, open)));
                }
            }
        }
        if left.is_empty() || rest.is_empty() {
            return Ok((Vec::new(), Wish::Leave));
        }
        let (moves, decided): (Vec<PinMove>, Vec<Move>) = rest.into_iter().unzip();
        let story = Story {
            subject: subject(&asking.name, moves.len()),
            pins,
            moves,
            held: left.clone(),
            verdicts: gate_text::verdicts(&decided),
            status,
            intent: Intent::Promote,
        };
        Ok((left, Wish::Ask(Box::new(story))))
    }
}

fn decided(step: &PinMove, verdict: Verdict, judged: Judged, open: &Open) -> Move {
    let carries = layout::override_of(&step.environment, &step.service);
    Move {
        service: step.service.clone(),
        domain: step.domain.clone(),
        environment: step.environment.clone(),
        from: step.from.clone(),
        to: Some(step.to.clone()),
        verdict,
        judgements: judged.judgements(),
        carries: open.overrides.get(&carries).cloned(),
    }
}

/// What is said below the train: once for each head that somebody has to leave.
fn farewell(head: &str, left: &[Move]) -> String {
    let line = |step: &Move| match &step.verdict {
        Verdict::Refused(cause) => {
            format!("- {} in {}: {}", step.service, step.environment, cause.sentence())
        }
        _ => format!("- {} in {}", step.service, step.environment),
    };
    let lines: Vec<_> = left.iter().map(line).collect();
    format!(
        "Pinrail has made this anew, as some of `{}` may not go any more:\n\n{}\n\n`pinrail promote --all` takes them along again once they may.",
        &head[..7],
        lines.join("\n")
    )
}
