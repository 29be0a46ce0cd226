//! A new services-root on this machine.

use std::fs;
use std::path::Path;
use std::time::Instant;

use git2::{Repository, RepositoryInitOptions, build::CheckoutBuilder};

use super::commit::{self, Author, Edits, Message};
use super::error::StoreError;
use crate::domain::name::BranchName;

/// Makes a Git repository at `folder`, which must be empty or not there, with a first
/// commit of `files` on each of `branches`; the first branch is checked out.
///
/// It is made beside its place, or inside of a folder that is there already (perhaps one
/// stands in it, or it is another file system), and moved when it is whole.
///
/// # Errors
/// A folder that is not empty, or that cannot be written; a commit that cannot be signed before
/// `until`. Nothing is left behind.
pub fn init(
    folder: &Path,
    branches: &[BranchName],
    files: &Edits,
    author: &Author,
    message: &Message,
    until: Instant,
) -> Result<String, StoreError> {
    let shown = folder.display();
    let failed = |error: std::io::Error| StoreError::Local(format!("cannot make {shown}: {error}"));
    if folder.exists() && fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(StoreError::Local(format!("{shown} is not empty")));
    }
    let parent =
        folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(failed)?;
    let is_there = folder.exists();
    let beside = if is_there { folder } else { parent };
    let draft = tempfile::Builder::new().prefix(".pinrail-").tempdir_in(beside).map_err(failed)?;
    let place = draft.path().join("root");
    let first = branches.first().map_or("main", BranchName::as_str);
    let mut options = RepositoryInitOptions::new();
    options.initial_head(first).external_template(false);
    let repository = Repository::init_opts(&place, &options)?;
    let commit = commit::write_first(&repository, files, author, message, until)?;
    for branch in branches {
        repository.reference(&branch.reference(), commit, true, "pinrail init")?;
    }
    repository.checkout_head(Some(CheckoutBuilder::new().force()))?;
    drop(repository);
    let moved = if is_there { move_into(&place, folder) } else { fs::rename(&place, folder) };
    moved.map_err(failed)?;
    Ok(commit.to_string())
}

/// Moves what is in one folder into another one.
fn move_into(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::rename(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
