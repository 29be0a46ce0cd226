//! One commit's files.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Oid, Repository, Tree};

use super::error::StoreError;
use super::landings::Step;
use super::location::Location;
use super::missing::{Missing, Paths};
use super::transport::{Fetched, Transport};
use crate::domain::name::BranchName;
use crate::domain::tree::{Entry, Files, ReadError};

/// A commit's id, in full.
pub type CommitId = String;

/// Objects, and the way to those that were left out when they were fetched.
#[derive(Clone, Copy)]
pub(super) struct Objects<'r> {
    repository: &'r Repository,
    source: Option<(&'r dyn Transport, &'r Location)>,
}

impl<'r> From<&'r Repository> for Objects<'r> {
    fn from(repository: &'r Repository) -> Self {
        Self { repository, source: None }
    }
}

impl<'r> Objects<'r> {
    pub fn of(transport: &'r dyn Transport, location: &'r Location) -> Self {
        Self { repository: transport.objects(), source: Some((transport, location)) }
    }

    pub fn repository(self) -> &'r Repository {
        self.repository
    }

    pub fn has(&self, id: Oid) -> Result<bool, StoreError> {
        Ok(self.repository.odb()?.exists(id))
    }

    /// Brings what is missing of these objects, where there is a way to it.
    fn bring(&self, wanted: &[Oid], levels: u32) -> Result<(), StoreError> {
        let Some((transport, location)) = self.source else { return Ok(()) };
        let brought = transport.bring(wanted, levels);
        brought.map_err(|error| StoreError::transport(location, error))
    }

    fn need(&self, id: Oid) -> Result<(), StoreError> {
        if self.has(id)? { Ok(()) } else { self.bring(&[id], 0) }
    }
}

/// The files of one commit.
#[derive(Clone)]
pub struct Snapshot<'r> {
    objects: Objects<'r>,
    pub(super) commit: Oid,
    root: Oid,
    /// The folders that were looked into, by path; the root is `""`. Opening a folder of
    /// 10,000 files once for each of them would take minutes.
    folders: Rc<RefCell<HashMap<String, Option<Tree<'r>>>>>,
    /// The line of first parents, once it was walked; none where it is cut.
    pub(super) line: Rc<OnceCell<Rc<Option<Vec<Step>>>>>,
}

impl<'r> Snapshot<'r> {
    pub(super) fn new(objects: impl Into<Objects<'r>>, commit: Oid) -> Result<Self, StoreError> {
        let objects = objects.into();
        let root = objects.repository.find_commit(commit)?.tree_id();
        objects.need(root)?;
        Ok(Self { objects, commit, root, folders: Rc::default(), line: Rc::default() })
    }

    pub(super) fn of(objects: Objects<'r>, id: &CommitId) -> Result<Self, StoreError> {
        Self::new(objects, id.parse()?)
    }

    /// The commit's id.
    #[must_use]
    pub fn id(&self) -> CommitId {
        self.commit.to_string()
    }

    pub(super) fn repository(&self) -> &'r Repository {
        self.objects.repository
    }

    fn entry(&self, path: &str) -> Result<Option<(Oid, ObjectType)>, StoreError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = self.folder(folder)? else { return Ok(None) };
        let entry = folder.get_name(name);
        Ok(entry.and_then(|entry| entry.kind().map(|kind| (entry.id(), kind))))
    }

    fn folder(&self, path: &str) -> Result<Option<Tree<'r>>, StoreError> {
        if let Some(known) = self.folders.borrow().get(path) {
            return Ok(known.clone());
        }
        let id = if path.is_empty() {
            Some(self.root)
        } else {
            let entry = self.entry(path)?;
            entry.and_then(|(id, kind)| (kind == ObjectType::Tree).then_some(id))
        };
        let tree = match id {
            Some(id) => {
                self.objects.need(id)?;
                Some(self.objects.repository.find_tree(id)?)
            }
            None => None,
        };
        self.folders.borrow_mut().insert(path.to_owned(), tree.clone());
        Ok(tree)
    }
}

impl Files for Snapshot<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let read = || match self.entry(path)? {
            Some((id, ObjectType::Blob)) => {
                self.objects.need(id)?;
                Ok(Some(self.objects.repository.find_blob(id)?.content().to_vec()))
            }
            _ => Ok(None),
        };
        read().map_err(|error: StoreError| ReadError::new(path, error))
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
        list().map_err(|error: StoreError| ReadError::new(folder, error))
    }

    /// Brings what is missing of these files, level by level, a request for each.
    fn prepare(&self, patterns: &[String]) -> Result<(), ReadError> {
        if self.objects.source.is_none() {
            return Ok(());
        }
        let paths = Paths::of(patterns);
        let bring = || {
            // Each round brings one level more; the last finds nothing missing.
            for _ in 0..=paths.depth() {
                let missing = Missing::of(self.objects, self.root, &paths)?;
                if missing.found.is_empty() {
                    break;
                }
                let levels = missing.levels();
                let wanted: Vec<Oid> = missing.found.into_iter().collect();
                self.objects.bring(&wanted, levels)?;
            }
            Ok(())
        };
        bring().map_err(|error: StoreError| {
            ReadError::new(patterns.first().map_or("", String::as_str), error)
        })
    }
}

/// The newest commits of the branches that were asked for.
pub struct Tips<'r> {
    objects: Objects<'r>,
    fetched: Fetched,
}

impl<'r> Tips<'r> {
    pub(super) fn new(objects: impl Into<Objects<'r>>, fetched: Fetched) -> Self {
        Self { objects: objects.into(), fetched }
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
        self.id(branch).map(|oid| Snapshot::new(self.objects, oid)).transpose()
    }

    pub(super) fn repository(&self) -> &'r Repository {
        self.objects.repository
    }

    pub(super) fn id(&self, branch: &BranchName) -> Option<Oid> {
        self.fetched.tips.get(branch).copied()
    }

    /// The commit whose id begins with `prefix`, where the history at hand has it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn commit(&self, prefix: &str) -> Result<Option<Snapshot<'r>>, StoreError> {
        match self.objects.repository.find_commit_by_prefix(prefix) {
            Ok(commit) => Snapshot::new(self.objects, commit.id()).map(Some),
            Err(_) => Ok(None),
        }
    }
}
