//! One commit's files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Oid, Repository, Tree};

use super::error::StoreError;
use super::transport::Fetched;
use crate::domain::name::BranchName;
use crate::domain::tree::{Entry, Files, ReadError};

/// A commit's id, in full.
pub type CommitId = String;

/// The files of one commit.
#[derive(Clone)]
pub struct Snapshot<'r> {
    repository: &'r Repository,
    pub(super) commit: Oid,
    /// The folders that were looked into, by path; the root is `""`. Opening a folder of
    /// 10,000 files once for each of them would take minutes.
    folders: Rc<RefCell<HashMap<String, Option<Tree<'r>>>>>,
}

impl<'r> Snapshot<'r> {
    pub(super) fn new(repository: &'r Repository, commit: Oid) -> Result<Self, StoreError> {
        let root = repository.find_commit(commit)?.tree()?;
        let folders = HashMap::from([(String::new(), Some(root))]);
        Ok(Self { repository, commit, folders: Rc::new(RefCell::new(folders)) })
    }

    pub(super) fn of(repository: &'r Repository, id: &CommitId) -> Result<Self, StoreError> {
        Self::new(repository, id.parse()?)
    }

    /// The commit's id.
    #[must_use]
    pub fn id(&self) -> CommitId {
        self.commit.to_string()
    }

    pub(super) fn repository(&self) -> &'r Repository {
        self.repository
    }

    fn entry(&self, path: &str) -> Result<Option<(Oid, ObjectType)>, git2::Error> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = self.folder(folder)? else { return Ok(None) };
        let entry = folder.get_name(name);
        Ok(entry.and_then(|entry| entry.kind().map(|kind| (entry.id(), kind))))
    }

    fn folder(&self, path: &str) -> Result<Option<Tree<'r>>, git2::Error> {
        if let Some(known) = self.folders.borrow().get(path) {
            return Ok(known.clone());
        }
        let tree = match self.entry(path)? {
            Some((id, ObjectType::Tree)) => Some(self.repository.find_tree(id)?),
            _ => None,
        };
        self.folders.borrow_mut().insert(path.to_owned(), tree.clone());
        Ok(tree)
    }
}

impl Files for Snapshot<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let read = || match self.entry(path)? {
            Some((id, ObjectType::Blob)) => {
                Ok(Some(self.repository.find_blob(id)?.content().to_vec()))
            }
            _ => Ok(None),
        };
        read().map_err(|error: git2::Error| ReadError::new(path, error.message()))
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        let list = || {
            let Some(tree) = self.folder(folder)? else { return Ok(Vec::new()) };
            let mut entries: Vec<Entry> = tree
                .iter()
                .map(|entry| Entry {
                    name: String::from_utf8_lossy(entry.name_bytes()).into_owned(),
                    folder: entry.kind() == Some(ObjectType::Tree),
                })
                .collect();
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        };
        list().map_err(|error: git2::Error| ReadError::new(folder, error.message()))
    }
}

/// The newest commits of the branches that were asked for.
pub struct Tips<'r> {
    repository: &'r Repository,
    fetched: Fetched,
}

impl<'r> Tips<'r> {
    pub(super) fn new(repository: &'r Repository, fetched: Fetched) -> Self {
        Self { repository, fetched }
    }

    /// The branch that the repository's HEAD names, where it tells.
    #[must_use]
    pub fn head(&self) -> Option<&BranchName> {
        self.fetched.head.as_ref()
    }

    /// Every branch that is there, asked for or not.
    #[must_use]
    pub fn names(&self) -> &[BranchName] {
        &self.fetched.names
    }

    /// Whether the repository has no branch at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fetched.names.is_empty()
    }

    /// The newest commit of a branch, or none where there is no such branch.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn get(&self, branch: &BranchName) -> Result<Option<Snapshot<'r>>, StoreError> {
        self.id(branch).map(|oid| Snapshot::new(self.repository, oid)).transpose()
    }

    pub(super) fn repository(&self) -> &'r Repository {
        self.repository
    }

    pub(super) fn id(&self, branch: &BranchName) -> Option<Oid> {
        self.fetched.tips.get(branch).copied()
    }

    /// The commit whose id begins with `prefix`, where the history at hand has it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn commit(&self, prefix: &str) -> Result<Option<Snapshot<'r>>, StoreError> {
        match self.repository.find_commit_by_prefix(prefix) {
            Ok(commit) => Snapshot::new(self.repository, commit.id()).map(Some),
            Err(_) => Ok(None),
        }
    }
}
