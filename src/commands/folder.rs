//! A services-root as it lies in a folder: a work tree, or the files of all branches at once.

use std::path::Path;

use super::state;
use super::{CommandError, ErrorKind};
use crate::domain::config::{Branches, Config};
use crate::domain::layout;
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::tree::Files;
use crate::store::{Checkout, WorkTree};

/// Why a folder could not be judged.
pub enum FolderError {
    /// Its configuration is not valid: to `check` a problem like any other.
    Config(Box<Problem>),
    Other(CommandError),
}

impl<E: Into<CommandError>> From<E> for FolderError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Gives what lies in a folder to `judge`: as its rules see it, and as it is configured, which
/// differs where one folder stands for all branches. A branch that is not checked out is read
/// from the repository. Also a warning, where a branch is not there at all.
///
/// # Errors
/// A folder that is no services-root, or that cannot be read; what `judge` says.
pub fn in_folder<T>(
    folder: &Path,
    judge: impl FnOnce(&Root<'_>, &Root<'_>) -> Result<T, CommandError>,
) -> Result<(T, Option<String>), FolderError> {
    let tree = WorkTree::new(folder);
    let checkout = Checkout::at(folder);
    // A branch that holds pins alone has its configuration on another one.
    let elsewhere = || checkout.as_ref().and_then(|checkout| checkout.anywhere(layout::CONFIG));
    let Some(text) = tree.read(layout::CONFIG)?.or_else(elsewhere) else {
        let message =
            format!("{} is no services-root: it has no {}", folder.display(), layout::CONFIG);
        let error = CommandError::new(ErrorKind::NotFound, message);
        return Err(error.hint("`pinrail init DIR` makes one").into());
    };
    let config = Config::parse(&text)
        .map_err(|error| FolderError::Config(Box::new(Problem::config(error))))?;
    let (main, pins) = (config.main_branch(), config.pins_branch());
    if main == pins {
        let root = Root { config: &config, main: &tree, pins: &tree };
        return Ok((judge(&root, &root)?, None));
    }
    let Some(checkout) = checkout else {
        // No repository: the folder is taken as the files of all branches at once.
        let branches = Branches { pins: Some(main), ..config.branches.clone() };
        let merged = Config { branches, ..config.clone() };
        let root = Root { config: &config, main: &tree, pins: &tree };
        return Ok((judge(&Root { config: &merged, ..root }, &root)?, None));
    };
    let on_pins = checkout.branch().as_ref() == Some(&pins);
    let other = if on_pins { &main } else { &pins };
    match checkout.snapshot(other)? {
        Some(snapshot) if on_pins => {
            // What lies on this branch is an old copy.
            let config = state::config_of(&snapshot)?.unwrap_or(config);
            let root = Root { config: &config, main: &snapshot, pins: &tree };
            Ok((judge(&root, &root)?, None))
        }
        Some(snapshot) => {
            let root = Root { config: &config, main: &tree, pins: &snapshot };
            Ok((judge(&root, &root)?, None))
        }
        None => {
            let warning = format!(
                "the branch `{other}` is not here and was not checked: `git fetch origin {other}`"
            );
            let nothing = WorkTree::new(Path::new("/nonexistent"));
            let root = Root { config: &config, main: &tree, pins: &nothing };
            Ok((judge(&root, &root)?, Some(warning)))
        }
    }
}
