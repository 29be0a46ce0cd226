//! A new services-root on this machine.

use std::fs;
use std::path::Path;

use git2::{Repository, RepositoryInitOptions, build::CheckoutBuilder};

use super::commit::{self, Author, Edits, Message};
use super::error::StoreError;
use crate::domain::name::BranchName;

/// Makes a Git repository at `folder`, which must be empty or not there, with a first
/// commit of `files` on each of `branches`; the first branch is checked out.
///
/// It is made beside its place and moved there when it is whole.
///
/// # Errors
/// A folder that is not empty, or that cannot be written. Nothing is left behind.
pub fn init(
    folder: &Path,
    branches: &[BranchName],
    files: &Edits,
    author: &Author,
    message: &Message,
) -> Result<String, StoreError> {
    let shown = folder.display();
    let failed = |error: std::io::Error| StoreError::Local(format!("cannot make {shown}: {error}"));
    if folder.exists() && fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(StoreError::Local(format!("{shown} is not empty")));
    }
    let parent =
        folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(failed)?;
    let draft = tempfile::Builder::new().prefix(".pinrail-").tempdir_in(parent).map_err(failed)?;
    let place = draft.path().join("root");
    let first = branches.first().map_or("main", BranchName::as_str);
    let mut options = RepositoryInitOptions::new();
    options.initial_head(first).external_template(false);
    let repository = Repository::init_opts(&place, &options)?;
    let commit = commit::write_first(&repository, files, author, message)?;
    for branch in branches {
        repository.reference(&branch.reference(), commit, true, "pinrail init")?;
    }
    repository.checkout_head(Some(CheckoutBuilder::new().force()))?;
    drop(repository);
    // An empty folder in the way is taken over.
    fs::rename(&place, folder).map_err(failed)?;
    Ok(commit.to_string())
}
