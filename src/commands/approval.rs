//! Whether a request may be merged: the one that was looked at, by the rules that hold it back.

use super::evidence::Inquiry;
use super::judging::judged;
use super::move_report::PinMove;
use super::requests::{self, Open};
use super::state::State;
use super::{CommandError, Context, ErrorKind};
use crate::domain::cause::Cause;
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::request::RequestName;
use crate::store::Tips;

/// What a request is when it is about to be merged.
pub enum Approved {
    /// It asks for something, and may go.
    Open(Box<Open>),
    /// Somebody merged it before.
    Before,
    /// All that it asks for is there already.
    Empty,
}

/// Looks at a request as it is now; a merge approves one commit, the one that was told or
/// that was read first.
pub fn approve(
    context: &Context,
    tips: &Tips<'_>,
    state: &State<'_>,
    name: &RequestName,
    approved: &mut Option<String>,
    inquiry: &Inquiry<'_>,
) -> Result<Approved, CommandError> {
    if let Some(head) = &*approved
        && head.len() == 40
        && requests::merged_with(&state.main, head)?
    {
        return Ok(Approved::Before);
    }
    let Some(open) = Open::read(tips, name, state)? else {
        let known = requests::names(tips).into_iter().map(|name| name.branch().to_string());
        return Err(missing(name, known));
    };
    let head = approved.get_or_insert_with(|| open.head.clone());
    if !open.head.starts_with(head.as_str()) {
        let message = format!("{} asks for {} by now, not {head}", name.branch(), &open.head[..7]);
        return Err(CommandError::new(ErrorKind::Conflict, message)
            .hint("look at it again: `pinrail promotions show` tells what it asks for now"));
    }
    head.clone_from(&open.head);
    if open.foreign {
        let cause = Cause::ForeignCommits { branch: name.branch().to_string() };
        return Err(CommandError::new(ErrorKind::Refused, cause.sentence())
            .hint("review and merge it with git, or close it and promote again"));
    }
    if open.is_empty() {
        return Ok(Approved::Empty);
    }
    requests::judge(state, &open.edits)?;
    may_go(state, &open, context, inquiry)?;
    Ok(Approved::Open(Box::new(open)))
}

/// The error of a request that is not open.
pub fn missing(name: &RequestName, known: impl Iterator<Item = String>) -> CommandError {
    let branch = name.branch();
    let known: Vec<_> = known.collect();
    CommandError::new(ErrorKind::NotFound, format!("there is no open request `{branch}`"))
        .hints(did_you_mean(&nearest(branch.as_str(), &known)))
        .hint("it was merged or closed, or never opened; `pinrail promotions` lists those that are open")
}

/// What holds a promotion back holds an approval as well.
fn may_go(
    state: &State<'_>,
    open: &Open,
    context: &Context,
    inquiry: &Inquiry<'_>,
) -> Result<(), CommandError> {
    let (root, services) = (state.root(), open.services());
    let sight = inquiry.on(state, &services);
    let judge = sight.judge(&root);
    for step in &open.moves {
        let judged = judged(context, state, &judge, step, &open.overrides)?;
        if let Some(cause) = judged.cause() {
            let PinMove { service, environment, .. } = step;
            let kind = if cause.is_invalid() { ErrorKind::Invalid } else { ErrorKind::Refused };
            let message = format!("not `{service}` in `{environment}`: {}", cause.sentence());
            return Err(CommandError::new(kind, message).hint("the request stays open"));
        }
    }
    Ok(())
}
