//! What may come in together, and what comes by a change of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::files::Area;
use super::pins::of;
use super::{By, Change, Finding, Kind, PinChange, Touched};
use crate::domain::environment::{Environment, Mode};
use crate::domain::gate::Override;
use crate::domain::layout::{self, Place};
use crate::domain::lock::Lock;
use crate::domain::problem::Problem;

/// `overrides/platform-values.json`: why several steps get platform values at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    pub reason: String,
    pub owner: String,
}

impl Acknowledged {
    /// Reads the file; what leaves open why or who is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let told: Self = serde_json::from_slice(bytes).ok()?;
        (!told.reason.trim().is_empty() && !told.owner.trim().is_empty()).then_some(told)
    }
}

/// New versions come to one environment, or to those of one group. Pipelines push to several.
pub(super) fn environments(change: &Change<'_>, pins: &[PinChange]) -> Option<Finding> {
    let moved = pins.iter().filter(|pin| pin.kind == Kind::Moved);
    let target = |pin: &'_ PinChange| change.tip.config.environment(pin.environment.as_str());
    let counts = |target: &Environment| change.by == By::Request || target.mode == Mode::Request;
    let mut moved =
        moved.filter_map(|pin| Some((pin, target(pin)?))).filter(|(_, target)| counts(target));
    let (_, first) = moved.next()?;
    let is_beside = |other: &Environment| {
        other.name != first.name && (other.group.is_none() || other.group != first.group)
    };
    let (pin, other) = moved.find(|(_, other)| is_beside(other))?;
    let what = format!(
        "new versions come to `{}` and to `{}` at once, which are of no one group",
        first.name, other.name
    );
    Some(Finding::refused(&pin.path, what, "make a change for each"))
}

/// Rules come without new versions, which they would judge. With pins that go, what is known of
/// their services goes as well.
pub(super) fn rules(change: &Change<'_>, pins: &[PinChange]) -> Option<Finding> {
    if *change.branch != change.tip.config.main_branch() {
        return None;
    }
    let mut moves = pins.iter().filter(|pin| pin.kind != Kind::Unchanged).peekable();
    let pin = moves.peek().copied()?;
    let only_removals = moves.all(|pin| pin.kind == Kind::Removed);
    let is_beside =
        |file: &&Touched| file.area() == Area::Rules && !(only_removals && goes_with(file, pins));
    let rule = change.files.iter().copied().find(is_beside)?;
    let what = format!("a rule does not come with a pin, as `{}` is", pin.path);
    let hint = "make a change for the rules, and another for the pins";
    Some(Finding::refused(&rule.path, what, hint))
}

/// Whether a file goes with the pins of a service: its own in the registry, and what is
/// generated.
fn goes_with(file: &Touched, pins: &[PinChange]) -> bool {
    if let Some(Place::Service { domain, service }) = layout::place(&file.path) {
        let is_its = |pin: &PinChange| pin.domain == domain && pin.service == service;
        return file.after.is_none() && pins.iter().any(is_its);
    }
    let first = file.path.split('/').next().unwrap_or_default();
    [layout::ARGOCD, layout::TENANTS, layout::CODEOWNERS].contains(&first)
}

/// Locks are set and taken away on their branch, and never by a request, beside the one of a pin
/// that goes back.
pub(super) fn locks(
    change: &Change<'_>,
    pins: &[PinChange],
    goes_back: impl Fn(&PinChange) -> bool,
) -> Vec<Finding> {
    let may_change = |file: &Touched| {
        if !change.has_locks() {
            // What lies elsewhere locks nothing.
            return file.after.is_none();
        }
        let is_lock = file.plain().is_some_and(|bytes| Lock::parse(bytes).is_ok());
        match layout::place(&file.path) {
            _ if change.by == By::Push => true,
            Some(Place::ServiceLock { environment, service }) => {
                is_lock && of(pins, &environment, &service).any(&goes_back)
            }
            _ => false,
        }
    };
    let files = change.files.iter();
    let touched = files.filter(|file| file.area() == Area::Locks && !may_change(file));
    let finding = |file: &&Touched| {
        let what = "a change does not set or take away a lock, beside that of a version which \
                    goes back";
        let hint = "`pinrail lock` sets one, and `pinrail unlock` takes it away";
        Finding::refused(&file.path, what, hint)
    };
    touched.map(finding).collect()
}

/// An override lets the version past gates that it names, and that comes with it.
pub(super) fn overrides(change: &Change<'_>, pins: &[PinChange]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &change.files {
        let (Area::Overrides, Some(bytes)) = (file.area(), file.plain()) else { continue };
        let path = &file.path;
        if path == layout::PLATFORM_OVERRIDE && Acknowledged::parse(bytes).is_none() {
            let what = "it must say `reason` and `owner`, and no more";
            findings.push(Finding::invalid(Problem::error("override", path, what)));
        }
        // What is no override at all is told by the rules of the tree.
        let (Some(Place::Override { environment, service }), Ok(told)) =
            (layout::place(path), Override::parse(bytes))
        else {
            continue;
        };
        let is_its = |pin: &PinChange| {
            pin.kind == Kind::Moved && pin.to.as_ref().is_some_and(|to| told.is_for(to))
        };
        if !of(pins, &environment, &service).any(is_its) {
            let what = "the change does not bring the version that it is for";
            let hint = "`pinrail promote … --override GATE --reason TEXT` writes both";
            findings.push(Finding::refused(path, what, hint));
        }
    }
    findings
}
