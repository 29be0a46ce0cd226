//! How much a change takes away: pins, environments, and the branches that they are on.

use super::{Change, Finding, Kind, PinChange};
use crate::domain::check;
use crate::domain::layout;
use crate::domain::registry::Root;
use crate::domain::tree::{ReadError, files_below};

pub(super) fn findings(change: &Change<'_>, pins: &[PinChange]) -> Result<Vec<Finding>, ReadError> {
    let mut findings = Vec::new();
    findings.extend(removals(change, pins));
    findings.extend(emptied(change)?);
    findings.extend(taken_out(change)?);
    findings.extend(left_behind(change)?);
    Ok(findings)
}

/// One change takes away so many pins at most, of whichever environment.
fn removals(change: &Change<'_>, pins: &[PinChange]) -> Option<Finding> {
    let gone = pins.iter().filter(|pin| pin.kind == Kind::Removed).count();
    let most = change.tip.config.max_removals;
    (gone > most as usize).then(|| {
        let what = format!("the change takes away {gone} pins, and `maxRemovals` is {most}");
        let hint = "take them away in several changes, or raise `maxRemovals` by one before";
        Finding::refused(layout::ENVS, what, hint)
    })
}

/// A protected environment keeps a pin.
fn emptied(change: &Change<'_>) -> Result<Vec<Finding>, ReadError> {
    let mut findings = Vec::new();
    let bare = check::bare(&change.tip)?;
    let after = Root { config: change.tip.config, ..change.after };
    for environment in check::bare(&after)? {
        if !bare.iter().any(|known| known.name == environment.name) {
            findings.push(Finding::invalid(check::emptied(&environment.name, change.commit)));
        }
    }
    Ok(findings)
}

/// An environment leaves the configuration when its pins have left it.
fn taken_out(change: &Change<'_>) -> Result<Vec<Finding>, ReadError> {
    let mut findings = Vec::new();
    for environment in &change.tip.config.environments {
        let name = &environment.name;
        if change.after.config.environment(name.as_str()).is_some() {
            continue;
        }
        let folder = format!("{}/{name}", layout::ENVS);
        let left = files_below(change.tip.files_of(environment), &folder)?.len();
        if left > 0 {
            let what = format!("`{name}` is taken out, and {left} of its files are in {folder}");
            let hint = "take its pins away before, by changes of their own";
            findings.push(Finding::refused(layout::CONFIG, what, hint));
        }
    }
    Ok(findings)
}

/// Pins and locks do not follow when the configuration names other branches.
fn left_behind(change: &Change<'_>) -> Result<Option<Finding>, ReadError> {
    let (now, then) = (change.tip.config, change.after.config);
    let branches =
        [(now.main_branch(), then.main_branch()), (now.pins_branch(), then.pins_branch())];
    let Some((old, new)) = branches.into_iter().find(|(old, new)| old != new) else {
        return Ok(None);
    };
    for files in [change.tip.main, change.tip.pins] {
        for folder in [layout::ENVS, layout::LOCKS] {
            if !files_below(files, folder)?.is_empty() {
                let what = format!(
                    "what is on `{old}` would count no more, as it is looked for on `{new}`"
                );
                let hint = "take pins and locks away before, or move them by hand, past this check";
                return Ok(Some(Finding::refused(layout::CONFIG, what, hint)));
            }
        }
    }
    Ok(None)
}
