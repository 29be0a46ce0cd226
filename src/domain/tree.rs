//! The files of one state of a services-root, wherever they are read from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;

/// What stands under a name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub folder: bool,
}

/// A file or folder that is there but cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`: {source}")]
pub struct ReadError {
    pub path: String,
    /// What those who keep the files say of it.
    pub source: Box<dyn Error + Send + Sync>,
}

impl ReadError {
    pub fn new(path: &str, problem: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), source: problem.into() }
    }
}

/// A tree of files: one commit's, or a work tree's.
///
/// Paths are relative, with `/` between their parts.
pub trait Files {
    /// A file's bytes, or `None` when there is no such file.
    ///
    /// # Errors
    /// A file that is there but cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// What stands in a folder, sorted by name; empty when there is no such folder.
    ///
    /// # Errors
    /// A folder that is there but cannot be read.
    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError>;

    /// Says which files are about to be read, so that those far away come together. In a
    /// pattern, `*` stands for every name in its folder.
    ///
    /// # Errors
    /// Files that are there but cannot be had.
    fn prepare(&self, patterns: &[String]) -> Result<(), ReadError> {
        let _ = patterns;
        Ok(())
    }
}

/// Every file below `folder`, sorted by path.
///
/// # Errors
/// A folder that cannot be read.
pub fn files_below(files: &dyn Files, folder: &str) -> Result<Vec<String>, ReadError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in files.list(&folder)? {
            let path = format!("{folder}/{}", entry.name);
            if entry.folder { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// Files of which each is read once, however many rules ask for it.
pub struct Remembered<'a> {
    files: &'a dyn Files,
    read: RefCell<HashMap<String, Option<Vec<u8>>>>,
}

impl<'a> Remembered<'a> {
    #[must_use]
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }
}

impl Files for Remembered<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(known) = self.read.borrow().get(path) {
            return Ok(known.clone());
        }
        let bytes = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        self.files.list(folder)
    }

    fn prepare(&self, patterns: &[String]) -> Result<(), ReadError> {
        self.files.prepare(patterns)
    }
}

/// Files in memory.
#[cfg(test)]
pub mod testing {
    use std::collections::BTreeMap;

    use super::{Entry, Files, ReadError};

    #[derive(Clone, Debug, Default)]
    pub struct MemoryFiles(pub BTreeMap<String, Vec<u8>>);

    impl MemoryFiles {
        pub fn with(mut self, path: &str, content: &str) -> Self {
            self.0.insert(path.to_owned(), content.as_bytes().to_vec());
            self
        }
    }

    impl Files for MemoryFiles {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
            Ok(self.0.get(path).cloned())
        }

        fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
            let prefix = format!("{folder}/");
            let mut entries: Vec<Entry> = self
                .0
                .keys()
                .filter_map(|path| path.strip_prefix(&prefix))
                .map(|rest| match rest.split_once('/') {
                    Some((name, _)) => Entry { name: name.to_owned(), folder: true },
                    None => Entry { name: rest.to_owned(), folder: false },
                })
                .collect();
            entries.dedup();
            Ok(entries)
        }
    }
}
