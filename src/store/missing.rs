//! What of a commit is not here yet, on the way to the files that are about to be read.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ObjectType, Oid, TreeEntry};

use super::error::StoreError;
use super::snapshot::Objects;

/// A folder of so many folders is taken to hold small ones: one of them is brought with its
/// files.
const MANY: usize = 16;

/// Paths, as a tree of names; `*` stands for every name.
#[derive(Debug, Default)]
pub(super) struct Paths(BTreeMap<String, Paths>);

impl Paths {
    pub fn of(patterns: &[String]) -> Self {
        let mut paths = Self::default();
        for pattern in patterns {
            let mut place = &mut paths;
            for name in pattern.split('/') {
                place = place.0.entry(name.to_owned()).or_default();
            }
        }
        paths
    }

    /// How many names the longest path has.
    pub fn depth(&self) -> usize {
        self.0.values().map(|rest| 1 + rest.depth()).max().unwrap_or(0)
    }

    /// Whether all of the folder's entries are folders that are looked into.
    fn goes_everywhere(&self) -> bool {
        self.0.get("*").is_some_and(|rest| !rest.0.is_empty())
    }

    /// Whether the paths end in this folder.
    fn is_last(&self) -> bool {
        self.depth() == 1
    }
}

/// Objects that are to be brought next.
#[derive(Default)]
pub(super) struct Missing {
    pub found: BTreeSet<Oid>,
    /// Folders among them, and those of which something more is worth bringing.
    folders: usize,
    wide: usize,
    small: usize,
}

impl Missing {
    /// Looks from a root along some paths, as far as trees are here.
    pub fn of(objects: Objects<'_>, root: Oid, paths: &Paths) -> Result<Self, StoreError> {
        let mut missing = Self::default();
        missing.look(objects, root, paths, 0)?;
        Ok(missing)
    }

    /// How many levels below what was found are worth bringing at once.
    pub fn levels(&self) -> u32 {
        u32::from(self.wide > 0 || (self.folders == 1 && self.small == 1))
    }

    /// Looks into a folder that has so many folders beside it.
    fn look(
        &mut self,
        objects: Objects<'_>,
        tree: Oid,
        paths: &Paths,
        beside: usize,
    ) -> Result<(), StoreError> {
        if !objects.has(tree)? {
            self.folders += 1;
            self.wide += usize::from(paths.goes_everywhere());
            self.small += usize::from(paths.is_last() && beside >= MANY);
            self.found.insert(tree);
            return Ok(());
        }
        let tree = objects.repository().find_tree(tree)?;
        let is_folder = |entry: &TreeEntry<'_>| entry.kind() == Some(ObjectType::Tree);
        let folders = tree.iter().filter(is_folder).count();
        let mut enter = |entry: &TreeEntry<'_>, rest: &Paths| match entry.kind() {
            Some(ObjectType::Tree) if !rest.0.is_empty() => {
                self.look(objects, entry.id(), rest, folders)
            }
            Some(ObjectType::Blob) if rest.0.is_empty() && !objects.has(entry.id())? => {
                self.found.insert(entry.id());
                Ok(())
            }
            _ => Ok(()),
        };
        for (name, rest) in &paths.0 {
            if name == "*" {
                tree.iter().try_for_each(|entry| enter(&entry, rest))?;
            } else if let Some(entry) = tree.get_name(name) {
                enter(&entry, rest)?;
            }
        }
        Ok(())
    }
}
