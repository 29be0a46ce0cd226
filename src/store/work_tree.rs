//! A folder's files, as they lie on the disk.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::commit::Edits;
use super::error::StoreError;
use crate::domain::tree::{Entry, Files, ReadError};

/// A folder on this machine, committed or not.
#[derive(Clone, Debug)]
pub struct WorkTree {
    root: PathBuf,
}

impl WorkTree {
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }
}

impl WorkTree {
    /// Makes edits in the folder: each file is whole, as it was or as it is to be.
    ///
    /// # Errors
    /// A file that cannot be written; those before it are.
    pub fn write(&self, edits: &Edits) -> Result<(), StoreError> {
        for (path, content) in edits.iter() {
            let place = self.root.join(path);
            let failed = |error: io::Error| {
                StoreError::Local(format!("cannot write {}: {error}", place.display()))
            };
            let there = unless_missing(fs::read(&place), path);
            if there.is_ok_and(|there| there.as_deref() == content) {
                continue;
            }
            let Some(content) = content else {
                fs::remove_file(&place).map_err(failed)?;
                continue;
            };
            let folder = place.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder).map_err(failed)?;
            let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            draft.write_all(content).map_err(failed)?;
            let mode = fs::Permissions::from_mode(0o644);
            draft.as_file().set_permissions(mode).map_err(failed)?;
            draft.persist(&place).map_err(|error| failed(error.error))?;
        }
        Ok(())
    }
}

/// A missing file or folder is no error here.
fn unless_missing<T>(result: io::Result<T>, path: &str) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(ReadError::new(path, error)),
    }
}

impl Files for WorkTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        unless_missing(std::fs::read(self.root.join(path)), path)
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        let Some(entries) = unless_missing(std::fs::read_dir(self.root.join(folder)), folder)?
        else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| ReadError::new(folder, error))?;
            let kind = entry.file_type().map_err(|error| ReadError::new(folder, error))?;
            found.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: kind.is_dir(),
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_read_and_missing_ones_are_no_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("a")).expect("a folder");
        std::fs::write(folder.path().join("a/b"), "c").expect("a file");
        let tree = WorkTree::new(folder.path());
        assert_eq!(tree.read("a/b").expect("read"), Some(b"c".to_vec()));
        for missing in ["a", "a/x", "a/b/c"] {
            assert_eq!(tree.read(missing).expect(missing), None);
        }
        assert_eq!(tree.list("a").expect("list"), [Entry { name: "b".to_owned(), folder: false }]);
        assert_eq!(tree.list("x").expect("list"), []);
        assert_eq!(tree.list("a/b").expect("list"), []);
    }
}
