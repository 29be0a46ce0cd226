//! What the rules say of a tree.

use super::{CommandError, generated};
use crate::domain::check;
use crate::domain::layout;
use crate::domain::name::{BranchName, EnvironmentName};
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::tree::{Remembered, files_below};

/// What the rules say of a tree.
#[derive(Default)]
pub struct Found {
    pub problems: Vec<Problem>,
    pub services: usize,
    pub pins: usize,
    /// Protected environments that nothing is pinned in, and their branches.
    pub bare: Vec<(EnvironmentName, BranchName)>,
    /// The branches that hold pins, main first.
    pub branches: Vec<BranchName>,
}

/// Every rule, on one tree.
pub fn judged(root: &Root<'_>, configured: &Root<'_>) -> Result<Found, CommandError> {
    let (main, pins) = (Remembered::new(root.main), Remembered::new(root.pins));
    let root = &Root { main: &main, pins: &pins, ..*root };
    let configured = &Root { main: &main, pins: &pins, ..*configured };
    let mut problems = check::check(root)?;
    let generated = generated::problems(configured)?;
    // What nothing can be generated from is a problem of the configuration, too.
    let new = generated.into_iter().filter(|problem| !problems.contains(problem));
    problems.extend(new.collect::<Vec<_>>());
    let bare = check::bare(root)?.into_iter();
    let bare = bare.map(|one| (one.name.clone(), configured.config.branch_of(one))).collect();
    let branches = configured.config.branches();
    let (services, pins) = counts(root)?;
    Ok(Found { problems, services, pins, bare, branches })
}

/// How many services and pins there are.
fn counts(root: &Root<'_>) -> Result<(usize, usize), CommandError> {
    let mut pins = files_below(root.main, layout::ENVS)?.len();
    if root.config.pins_branch() != root.config.main_branch() {
        pins += files_below(root.pins, layout::ENVS)?.len();
    }
    Ok((root.services()?.len(), pins))
}
