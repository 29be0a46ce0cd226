//! Landing wanted pins: in one commit, or by a request.

use std::collections::BTreeMap;

use super::asking::{Asked, Asking, Wish};
use super::deployments;
use super::evidence::Inquiry;
use super::gate_status;
use super::merging::{Merging, When};
use super::move_report::{PinMove, RequestRef};
use super::pin_place::{Place, Wanted};
use super::report::{DryRun, Outcome, PinItem};
use super::request_text::Story;
use super::requests;
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::cause::Cause;
use crate::domain::environment::Mode;
use crate::domain::layout;
use crate::domain::name::DomainName;
use crate::domain::pin::Pin;
use crate::domain::registry::Root;
use crate::domain::request::RequestName;
use crate::render::request::Intent;
use crate::store::{Edits, Planned, Reading, Write};

/// What came of the pins that were wanted.
pub struct Pinned {
    pub items: Vec<PinItem>,
    pub commit: Option<String>,
    pub request: Option<RequestRef>,
    pub attempts: u32,
    pub run: DryRun,
    pub warnings: Vec<String>,
}

/// Lands every pin that may go in, in one commit; none of them, if one may not and `all`.
/// A single pin of an environment that changes by request, and into which nothing is
/// promoted, is asked for.
pub fn pin(context: &Context, wanted: &[Wanted], all: bool) -> Result<Pinned, CommandError> {
    let mut opened = Opened::to_write(context)?;
    let location = opened.repo.location().to_string();
    let _progress = context.talk.progress(&format!("writing to {location}"));
    if let [only] = wanted
        && opened.config.environment(only.environment.as_str()).is_some_and(|environment| {
            environment.mode == Mode::Request && environment.from.is_none()
        })
    {
        return ask(context, &mut opened, only);
    }
    let Opened { mut repo, main, config, access } = opened;
    let target = config.pins_branch();
    let reading = Reading::parts(&[main.clone(), target.clone()]);
    let at = repo.location().clone();
    let (inquiry, nobody) = (Inquiry::new(context, &access, &at), BTreeMap::new());
    let mut first: Option<Vec<Option<Pin>>> = None;
    let landed = repo.transact(&reading, &context.author, |tips| {
        let state = State::read(tips, &main, &location)?;
        let root = state.root();
        let places = Place::of_all(&root, wanted, context)?;
        direct_only(&root, wanted)?;
        let now = || places.iter().map(|place| place.current.clone()).collect();
        let first = first.get_or_insert_with(now);
        let sight = inquiry.on(&state, &nobody);
        let judge = sight.judge(&root);
        let mut items = Vec::new();
        for ((wanted, place), first) in wanted.iter().zip(&places).zip(first.iter()) {
            items.push(place.judge(&judge, wanted, first.as_ref())?);
        }
        if all && items.iter().any(|item| !went_in(item.outcome)) {
            for item in items.iter_mut().filter(|item| item.outcome == Outcome::Pinned) {
                (item.outcome, item.cause) = (Outcome::Refused, Some(Cause::AnotherRefused));
            }
        }
        let mut edits = Edits::default();
        for (item, place) in
            items.iter().zip(&places).filter(|(item, _)| item.outcome == Outcome::Pinned)
        {
            edits.write(place.path(item), item.pin.to_bytes());
        }
        let write = Some(Write::on(&target, &state.pins, edits, context.message(subject(&items))));
        let domains: Vec<_> = places.into_iter().map(|place| place.domain).collect();
        Ok::<_, CommandError>(Planned { value: (items, domains), write })
    })?;
    let (items, domains) = landed.value;
    let is_in = landed.commit.is_some();
    let commit = match (items.as_slice(), domains.as_slice()) {
        ([item], [domain]) if item.outcome == Outcome::Unchanged && !context.dry_run => {
            let path = layout::pin(&item.environment, domain, &item.service);
            let tip = repo.tips(std::slice::from_ref(&target))?.get(&target)?;
            tip.map(|tip| tip.last_change(&path)).transpose()?.flatten()
        }
        _ => landed.commit,
    };
    let run = DryRun::of(context.dry_run, &landed.changes);
    let mut warnings = Vec::new();
    if is_in {
        let moves = moves(&items, &domains);
        let location = repo.location();
        warnings = deployments::record_at(context, &access, &config, location, &moves);
    }
    Ok(Pinned { items, commit, request: None, attempts: landed.attempts, run, warnings })
}

/// Opens the living request for one pin, or brings it up to date.
fn ask(context: &Context, opened: &mut Opened, wanted: &Wanted) -> Result<Pinned, CommandError> {
    let host = opened.host(context)?;
    let Opened { repo, main, config, access } = opened;
    let at = repo.location().clone();
    let (inquiry, nobody) = (Inquiry::new(context, access, &at), BTreeMap::new());
    let name =
        RequestName::Single { target: wanted.environment.clone(), service: wanted.service.clone() };
    let asking = Asking { context, main, config, host: host.as_ref(), name };
    let mut first: Option<Option<Pin>> = None;
    let asked = asking.run(repo, |state, open| {
        let root = state.root();
        let place = Place::of(&root, wanted, context)?;
        let first = first.get_or_insert_with(|| place.current.clone());
        let sight = inquiry.on(state, &nobody);
        let mut item = place.judge(&sight.judge(&root), wanted, first.as_ref())?;
        let is_foreign = open.is_some_and(|open| open.foreign);
        let wish = match item.outcome {
            Outcome::Pinned if is_foreign => {
                item.outcome = Outcome::Refused;
                let branch = asking.name.branch().to_string();
                item.cause = Some(Cause::ForeignCommits { branch });
                Wish::Leave
            }
            Outcome::Pinned => {
                let only = std::slice::from_ref(&item);
                let moves = moves(only, std::slice::from_ref(&place.domain));
                let subject = subject(only);
                item.outcome = Outcome::Requested;
                let pins = [(place.path(&item), item.pin.to_bytes())].into();
                let (held, verdicts) = (Vec::new(), Vec::new());
                let (status, intent) = (gate_status::green(), Intent::Pin);
                let story = Story { subject, pins, moves, held, verdicts, status, intent };
                Wish::Ask(Box::new(story))
            }
            Outcome::Unchanged if !is_foreign => Wish::Close,
            _ => Wish::Leave,
        };
        Ok((item, wish))
    })?;
    let Asked { value: mut item, request, attempts, run, mut warnings, .. } = asked;
    let is_auto = requests::is_auto(&requests::targets(config, wanted.environment.as_str()));
    let mut commit = None;
    if is_auto
        && host.is_some()
        && !context.dry_run
        && let Some(RequestRef { head, .. }) = &request
    {
        let (host, inquiry) = (host.as_ref(), &inquiry);
        let merging = Merging { context, main, config, host, inquiry };
        match merging.run(repo, &asking.name, head.clone(), When::Ready) {
            Ok(merged) if merged.outcome == Outcome::Merged => {
                (item.outcome, commit) = (Outcome::Pinned, merged.report.commit);
                warnings.extend(merged.warnings);
            }
            Ok(merged) => warnings.extend(merged.warnings),
            Err(error) => warnings.push(format!("it is not merged by itself: {error}")),
        }
    }
    Ok(Pinned { items: vec![item], commit, request, attempts, run, warnings })
}

/// The pins that went in.
fn moves(items: &[PinItem], domains: &[DomainName]) -> Vec<PinMove> {
    let pinned = items.iter().zip(domains).filter(|(item, _)| item.outcome == Outcome::Pinned);
    let step = |(item, domain): (&PinItem, &DomainName)| PinMove {
        service: item.service.clone(),
        domain: domain.clone(),
        environment: item.environment.clone(),
        from: item.previous.clone(),
        to: item.pin.clone(),
    };
    pinned.map(step).collect()
}

/// Several pins land in one commit, which an environment that changes by request has none of.
fn direct_only(root: &Root<'_>, wanted: &[Wanted]) -> Result<(), CommandError> {
    for wanted in wanted {
        if state::environment(root.config, wanted.environment.as_str())?.mode == Mode::Request {
            let message = format!("`{}` takes changes by request only", wanted.environment);
            let hint = "pin it alone, with `pinrail pin SERVICE`: that opens a request";
            return Err(CommandError::new(ErrorKind::Refused, message).hint(hint));
        }
    }
    Ok(())
}

/// Whether a pin is, or will be, as it was wanted.
pub fn went_in(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pinned | Outcome::Unchanged | Outcome::Requested)
}

fn subject(items: &[PinItem]) -> String {
    let written: Vec<_> = items.iter().filter(|item| item.outcome == Outcome::Pinned).collect();
    match written.as_slice() {
        [item] => format!("pin {} in {}: {}", item.service, item.environment, item.pin.image_tag),
        several => format!("pin {} services", several.len()),
    }
}
