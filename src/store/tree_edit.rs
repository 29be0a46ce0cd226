//! A few files changed in a tree of thousands: what stays is copied as it is.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository};

use super::error::StoreError;
use super::raw_tree::{Entries, Entry, order};

/// Files to set or to remove, by name, and the same in folders.
#[derive(Debug, Default)]
pub(super) struct TreeEdit(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    /// A file's content, or none where it is removed.
    File(Option<Oid>),
    Folder(TreeEdit),
}

const FILE: &str = "100644";
const FOLDER: &str = "40000";

impl TreeEdit {
    /// Sets a file to a content that is in the repository, or removes it.
    pub fn set(&mut self, path: &str, content: Option<Oid>) {
        let Some((folder, rest)) = path.split_once('/') else {
            self.0.insert(path.to_owned(), Node::File(content));
            return;
        };
        let node = self.0.entry(folder.to_owned()).or_insert(Node::File(None));
        if let Node::File(_) = node {
            *node = Node::Folder(Self::default());
        }
        if let Node::Folder(inner) = node {
            inner.set(rest, content);
        }
    }

    /// Writes what becomes of `base`, which may be empty.
    ///
    /// # Errors
    /// A tree that is missing or broken.
    pub fn write(&self, repository: &Repository, base: Option<Oid>) -> Result<Oid, StoreError> {
        let edited = self.edited(repository, base)?;
        Ok(repository.odb()?.write(ObjectType::Tree, &edited)?)
    }

    fn edited(&self, repository: &Repository, base: Option<Oid>) -> Result<Vec<u8>, StoreError> {
        let odb = repository.odb()?;
        let base = base.map(|base| odb.read(base)).transpose()?;
        let base = base.as_ref().map_or(&[][..], |base| base.data());
        let mut folders = BTreeMap::new();
        for entry in whole(base)? {
            if entry.is_folder && self.changes(entry.name) {
                folders.insert(entry.name.to_vec(), entry.id);
            }
        }
        let mut new = Vec::new();
        for (name, node) in &self.0 {
            let written = match node {
                Node::File(content) => content.map(|id| (false, id)),
                Node::Folder(inner) => {
                    let there = folders.get(name.as_bytes()).copied();
                    let inner = inner.edited(repository, there)?;
                    // git knows no empty folders.
                    let id = |inner: &[u8]| odb.write(ObjectType::Tree, inner);
                    (!inner.is_empty()).then(|| id(&inner)).transpose()?.map(|id| (true, id))
                }
            };
            if let Some((is_folder, id)) = written {
                new.push((name.as_str(), is_folder, id));
            }
        }
        new.sort_by(|one, other| order((one.0.as_bytes(), one.1), (other.0.as_bytes(), other.1)));
        let mut edited = Vec::with_capacity(base.len() + 64 * new.len());
        let mut new = new.into_iter().peekable();
        for entry in Entries(base) {
            if self.changes(entry.name) {
                continue;
            }
            let here = (entry.name, entry.is_folder);
            let is_earlier =
                |new: &(&str, bool, Oid)| order((new.0.as_bytes(), new.1), here) == Ordering::Less;
            while let Some(new) = new.next_if(is_earlier) {
                append(&mut edited, new);
            }
            edited.extend_from_slice(entry.raw);
        }
        new.for_each(|new| append(&mut edited, new));
        Ok(edited)
    }

    fn changes(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.0.contains_key(name))
    }
}

/// The entries of a tree that has nothing else.
fn whole(tree: &[u8]) -> Result<impl Iterator<Item = Entry<'_>>, StoreError> {
    let mut entries = Entries(tree);
    entries.by_ref().for_each(drop);
    let broken = || StoreError::Local("git: a tree is broken".to_owned());
    if entries.0.is_empty() { Ok(Entries(tree)) } else { Err(broken()) }
}

fn append(tree: &mut Vec<u8>, (name, is_folder, id): (&str, bool, Oid)) {
    let mode = if is_folder { FOLDER } else { FILE };
    tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
    tree.extend_from_slice(id.as_bytes());
}

#[cfg(test)]
mod tests {
    use git2::FileMode;
    use git2::build::TreeUpdateBuilder;
    use proptest::prelude::*;

    use super::*;

    /// Names of which some begin others, in and out of folders.
    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec("(a|ab|a\\.b|a-|b0|é)", 1..4).prop_map(|names| names.join("/"))
    }

    /// Whether one path is a folder of the other: then the order of the edits would matter.
    fn meet(one: &str, other: &str) -> bool {
        other.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    proptest! {
        #[test]
        fn an_edit_is_what_libgit2_makes_of_it(
            base in proptest::collection::btree_set(path(), 0..12),
            wanted in proptest::collection::btree_map(path(), any::<bool>(), 0..6),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let repository = Repository::init_bare(folder.path()).expect("a repository");
            let (old, new) = (repository.blob(b"old"), repository.blob(b"new"));
            let (old, new) = (old.expect("a file"), new.expect("a file"));
            let mut files: Vec<&String> = Vec::new();
            for path in &base {
                if !files.iter().any(|other| meet(other, path) || meet(path, other)) {
                    files.push(path);
                }
            }
            let mut first = TreeEdit::default();
            for path in &files {
                first.set(path, Some(old));
            }
            let first = first.write(&repository, None).expect("a tree");
            let (mut edit, mut builder) = (TreeEdit::default(), TreeUpdateBuilder::new());
            for (path, set) in &wanted {
                let apart = |other: &&String| {
                    *other == path || !(meet(other, path) || meet(path, other))
                };
                let here = files.contains(&path);
                if !files.iter().all(apart) || !wanted.keys().all(|other| apart(&other)) {
                    continue;
                }
                if *set {
                    edit.set(path, Some(new));
                    builder.upsert(path.as_str(), new, FileMode::Blob);
                } else if here {
                    edit.set(path, None);
                    builder.remove(path.as_str());
                }
            }
            let tree = repository.find_tree(first).expect("a tree");
            let expected = builder.create_updated(&repository, &tree).expect("a tree");
            prop_assert_eq!(edit.write(&repository, Some(first)).expect("a tree"), expected);
        }
    }
}
