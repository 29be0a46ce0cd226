//! A few files changed in a tree of thousands: what stays is copied as it is, without being
//! taken apart. <https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_tree_objects>

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository};

use super::error::StoreError;

/// Files to set or to remove, by name, and the same in folders.
#[derive(Debug, Default)]
pub(super) struct TreeEdit(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    /// A file's content, or none where it is removed.
    File(Option<Oid>),
    Folder(TreeEdit),
}

/// One entry of a tree, as it is stored: mode, name and id.
#[derive(Clone, Copy)]
struct Entry<'a> {
    raw: &'a [u8],
    is_folder: bool,
    name: &'a [u8],
    id: Oid,
}

const FILE: &str = "100644";
const FOLDER: &str = "40000";
const ID: usize = 20;

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
        for entry in entries(base) {
            let entry = entry?;
            if entry.is_folder && self.changes(entry.name) {
                folders.insert(entry.name.to_vec(), entry.id);
            }
        }
        let mut new = BTreeMap::new();
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
                new.insert(place(name.as_bytes(), is_folder), (name, is_folder, id));
            }
        }
        let mut edited = Vec::with_capacity(base.len() + 64 * new.len());
        let mut new = new.into_iter().peekable();
        for entry in entries(base) {
            let entry = entry?;
            if self.changes(entry.name) {
                continue;
            }
            let here = place(entry.name, entry.is_folder);
            while let Some((_, new)) = new.next_if(|(place, _)| *place < here) {
                append(&mut edited, new);
            }
            edited.extend_from_slice(entry.raw);
        }
        new.for_each(|(_, new)| append(&mut edited, new));
        Ok(edited)
    }

    fn changes(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.0.contains_key(name))
    }
}

/// What entries are sorted by: a folder stands where its name with a slash would.
fn place(name: &[u8], is_folder: bool) -> Vec<u8> {
    let slash = if is_folder { &b"/"[..] } else { &[] };
    [name, slash].concat()
}

fn append(tree: &mut Vec<u8>, (name, is_folder, id): (&String, bool, Oid)) {
    let mode = if is_folder { FOLDER } else { FILE };
    tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
    tree.extend_from_slice(id.as_bytes());
}

/// The entries of a tree as it is stored.
fn entries(tree: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, StoreError>> {
    let mut rest = tree;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let entry = first(rest);
            rest = entry.as_ref().map_or(&[], |entry| &rest[entry.raw.len()..]);
            entry.ok_or_else(|| StoreError::Local("git: a tree is broken".to_owned()))
        })
    })
}

fn first(rest: &[u8]) -> Option<Entry<'_>> {
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let end = rest.iter().position(|byte| *byte == 0).filter(|end| *end > space)?;
    let raw = rest.get(..=end + ID)?;
    let id = Oid::from_bytes(&raw[end + 1..]).ok()?;
    let is_folder = matches!(&rest[..space], b"40000" | b"040000");
    Some(Entry { raw, is_folder, name: &rest[space + 1..end], id })
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
            files.iter().for_each(|path| first.set(path, Some(old)));
            let first = first.write(&repository, None).expect("a tree");
            let (mut edit, mut builder) = (TreeEdit::default(), TreeUpdateBuilder::new());
            for (path, set) in &wanted {
                let apart = |other: &&String| {
                    *other == path || !(meet(other, path) || meet(path, other))
                };
                let here = files.iter().any(|other| *other == path);
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

    #[test]
    fn a_broken_tree_is_an_error() {
        for broken in [&b"100644 a"[..], b"100644 a\0short", b"\0", b"100644"] {
            assert!(entries(broken).any(|entry| entry.is_err()), "{broken:?}");
        }
    }
}
