//! Each file for itself: what it is, where it stands, and whether it was made from what is there.

use super::{By, Change, Finding};
use crate::domain::check;
use crate::domain::layout::{self, Place};
use crate::domain::problem::Problem;
use crate::domain::tree::ReadError;

/// One file that a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    pub path: String,
    /// None where the file is new.
    pub before: Option<Content>,
    /// None where the file is taken away.
    pub after: Option<Content>,
}

/// What stands in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes of a plain file.
    File(Vec<u8>),
    /// Anything else, as people call it, such as `a symbolic link`.
    Odd(&'static str),
}

impl Touched {
    /// The bytes of the plain file that it becomes.
    #[must_use]
    pub fn plain(&self) -> Option<&[u8]> {
        match &self.after {
            Some(Content::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn area(&self) -> Area {
        area(&self.path)
    }
}

/// What a part of the services-root is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Pins,
    Locks,
    Overrides,
    /// What decides how all else is read, judged or owned.
    Rules,
    Other,
}

/// By its first part, as a link in the place of a folder is all that is in it.
fn area(path: &str) -> Area {
    match path.split('/').next().unwrap_or_default() {
        layout::ENVS => Area::Pins,
        layout::LOCKS => Area::Locks,
        layout::OVERRIDES => Area::Overrides,
        layout::CONFIG
        | layout::SERVICES
        | layout::PLATFORM_VALUES
        | "platform-values"
        | layout::ARGOCD
        | layout::TENANTS
        | layout::TEMPLATES
        | layout::CODEOWNERS
        | ".pinrail"
        | ".github"
        | ".gitlab"
        | ".gitlab-ci.yml"
        // How git gives the files to Argo CD, and what else it brings.
        | ".gitattributes"
        | ".gitmodules" => Area::Rules,
        _ if path == "docs/CODEOWNERS" => Area::Rules,
        _ => Area::Other,
    }
}

pub(super) fn findings(change: &Change<'_>) -> Result<Vec<Finding>, ReadError> {
    let mut findings = Vec::new();
    for file in &change.files {
        // A branch of pins has old copies of what counts on main.
        let counts = match file.area() {
            Area::Other => false,
            Area::Rules => *change.branch == change.tip.config.main_branch(),
            _ => true,
        };
        if !counts {
            continue;
        }
        let path = &file.path;
        if let Some(Content::Odd(what)) = file.after {
            let problem =
                Problem::error("change", path, format!("it is {what}, and no plain file"));
            let hint = "write it as a file of its own, with the mode 100644";
            findings.push(Finding::invalid(problem.hint(hint)));
            continue;
        }
        if file.area() == Area::Pins {
            findings.extend(place(change, file));
        }
        findings.extend(stale(change, file)?);
    }
    Ok(findings)
}

/// A pin stands where pins of its environment are.
fn place(change: &Change<'_>, file: &Touched) -> Option<Finding> {
    file.after.as_ref()?;
    let config = change.tip.config;
    let path = &file.path;
    let Some(Place::Pin { environment, .. }) = layout::place(path) else {
        return Some(Finding::invalid(check::no_pin(path)));
    };
    let Some(target) = config.environment(environment.as_str()) else {
        let what = format!("`{environment}` is no environment yet, so nothing can judge its pins");
        let hint = format!("add it to {} first, by a change of its own", layout::CONFIG);
        return Some(Finding::refused(path, what, hint));
    };
    let belongs = config.branch_of(target);
    (belongs != *change.branch)
        .then(|| Finding::invalid(check::other_branch(path, &environment, &belongs, change.branch)))
}

/// Whether others have changed the file since the change was made: what it would become is not
/// what was written.
fn stale(change: &Change<'_>, file: &Touched) -> Result<Option<Finding>, ReadError> {
    let before = match &file.before {
        Some(Content::Odd(_)) => return Ok(None),
        Some(Content::File(bytes)) => Some(bytes),
        None => None,
    };
    if change.by == By::Push || change.here().read(&file.path)?.as_ref() == before {
        return Ok(None);
    }
    let branch = change.branch;
    let what = format!("`{branch}` has another version of it since this change was made");
    let hint = format!("`git merge origin/{branch}` and push, or promote again");
    Ok(Some(Finding::refused(&file.path, what, hint)))
}
