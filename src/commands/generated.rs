//! Whether generated files are up to date, and sound; and the edits that make them so.

use super::CommandError;
use super::state::config_of;
use crate::domain::applicationset;
use crate::domain::layout;
use crate::domain::problem::{Problem, Severity};
use crate::domain::registry::{Root, RootError};
use crate::domain::tree::{Files, ReadError, files_below};
use crate::render::argocd::{self, Generated, MARK};
use crate::render::{codeowners, request};
use crate::store::{Change, Edits, Snapshot};

/// Generated files, and what differs from them in a services-root.
pub struct Fresh {
    pub edits: Edits,
    pub changes: Vec<Change>,
    /// How many files are generated.
    pub total: usize,
}

/// What is to be changed so that the generated files are up to date.
///
/// # Errors
/// What nothing can be generated from, and sets that would not be safe.
pub fn fresh(root: &Root<'_>) -> Result<Fresh, CommandError> {
    let mut generated = if root.config.repository.is_none() && has_only_owners(root.main)? {
        Generated::default()
    } else {
        argocd::generate(root)?
    };
    let mut problems = generated.problems.clone();
    problems.extend(applicationset::read(root.config, &generated.files).1);
    if let Some(problem) = problems.into_iter().find(|problem| problem.severity == Severity::Error)
    {
        return Err(problem.into());
    }
    generated.files.extend(owners(root)?);
    compared(root.main, &generated)
}

/// Whether a services-root has generated files for Argo CD at all.
pub fn is_used(main: &dyn Files) -> Result<bool, ReadError> {
    Ok(!made(main)?.is_empty())
}

/// Whether `CODEOWNERS` is all that is generated.
fn has_only_owners(main: &dyn Files) -> Result<bool, ReadError> {
    Ok(is_ours(main, layout::CODEOWNERS)? && !is_used(main)?)
}

/// `CODEOWNERS` with its path, where the one that is there is ours.
fn owners(root: &Root<'_>) -> Result<Option<(String, String)>, ReadError> {
    let ours = is_ours(root.main, layout::CODEOWNERS)?;
    Ok(ours.then(|| (layout::CODEOWNERS.to_owned(), codeowners(root.config))))
}

/// Makes edits of the main branch bring the generated files along, where there are some.
pub fn follow(main: &Snapshot<'_>, edits: &mut Edits) -> Result<(), CommandError> {
    if !is_used(main)? && !is_ours(main, layout::CODEOWNERS)? {
        return Ok(());
    }
    let edited = edits.clone();
    let after = edited.over(main);
    // Only the main branch has a say in what is generated.
    if let Some(config) = config_of(&after)? {
        let root = Root { config: &config, main: &after, pins: &after };
        if is_used(main)? {
            edits.extend(fresh(&root)?.edits);
        } else if let Some((path, text)) = owners(&root)? {
            edits.write(path, text.into_bytes());
        }
    }
    Ok(())
}

fn compared(main: &dyn Files, generated: &Generated) -> Result<Fresh, CommandError> {
    let mut edits = Edits::default();
    for (path, text) in &generated.files {
        edits.write(path.clone(), text.clone().into_bytes());
    }
    for path in made(main)? {
        if !generated.files.contains_key(&path) {
            edits.remove(path);
        }
    }
    let changes = edits.changes(main)?;
    Ok(Fresh { edits, changes, total: generated.files.len() })
}

/// The files that Pinrail has made, by their first line.
fn made(main: &dyn Files) -> Result<Vec<String>, ReadError> {
    let mut made = Vec::new();
    for folder in [layout::ARGOCD, layout::TENANTS] {
        for path in files_below(main, folder)? {
            if is_ours(main, &path)? {
                made.push(path);
            }
        }
    }
    Ok(made)
}

fn is_ours(main: &dyn Files, path: &str) -> Result<bool, ReadError> {
    Ok(main.read(path)?.is_some_and(|text| text.starts_with(MARK.as_bytes())))
}

/// Everything that is wrong with what is generated: its input, its form, what Argo CD would
/// make of it, and files that are not up to date; and templates of requests that do not parse.
pub fn problems(root: &Root<'_>) -> Result<Vec<Problem>, CommandError> {
    let mut problems = owners_problems(root)?;
    let is_used = is_used(root.main)?;
    match request::Templates::read(root.main) {
        Err(RootError::Invalid(problem)) => problems.push(*problem),
        Err(RootError::Read(error)) => return Err(error.into()),
        Ok(_) => {}
    }
    if root.config.repository.is_none() && !is_used {
        return Ok(problems);
    }
    let generated = argocd::generate(root)?;
    problems.extend(generated.problems.clone());
    let (sets, wrong) = applicationset::read(root.config, &generated.files);
    problems.extend(wrong);
    problems.extend(applicationset::check(root, &sets)?);
    if is_used && generated.problems.is_empty() {
        let fresh = compared(root.main, &generated)?;
        problems.extend(fresh.changes.iter().map(stale));
    }
    Ok(problems)
}

/// Whether `CODEOWNERS` says what the configuration does.
fn owners_problems(root: &Root<'_>) -> Result<Vec<Problem>, CommandError> {
    let mut edits = Edits::default();
    if let Some((path, text)) = owners(root)? {
        edits.write(path, text.into_bytes());
    }
    Ok(edits.changes(root.main)?.iter().map(stale).collect())
}

fn stale(change: &Change) -> Problem {
    let message = match (&change.before, &change.after) {
        (None, _) => "it is not there, and would be generated",
        (_, None) => "it is no longer generated",
        _ => "it is not what would be generated now",
    };
    Problem::error("generated", &change.path, message)
        .hint("`pinrail generate` brings it up to date")
}

impl Fresh {
    /// The paths that are written, and those that are removed.
    pub fn paths(&self) -> (Vec<String>, Vec<String>) {
        let (written, removed): (Vec<&Change>, Vec<&Change>) =
            self.changes.iter().partition(|change| change.after.is_some());
        let paths =
            |changes: Vec<&Change>| changes.into_iter().map(|change| change.path.clone()).collect();
        (paths(written), paths(removed))
    }
}

/// The problems that `generate --check` tells: also what was never generated is missing.
pub fn all_problems(root: &Root<'_>) -> Result<Vec<Problem>, CommandError> {
    let mut problems = problems(root)?;
    if !is_used(root.main)? {
        let missing = fresh(root)?.changes.iter().map(stale).collect::<Vec<_>>();
        problems.extend(missing.into_iter().filter(|one| one.path != layout::CODEOWNERS));
    }
    Ok(problems)
}
