//! What differs between two trees, read from their raw bytes: a history has many trees and
//! few changes, and building an object for every entry would cost more than reading it.

use std::cmp::Ordering;

use git2::{Odb, Oid};

use super::error::StoreError;

/// One entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry<'a> {
    name: &'a [u8],
    id: Oid,
    folder: bool,
}

/// The entries of a tree object's bytes: `mode SP name NUL id`, in git's order.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        const ID: usize = 20;
        let space = self.0.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = self.0.split_at(space);
        let nul = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = rest.split_at(nul);
        let id = Oid::from_bytes(rest.get(1..=ID)?).ok()?;
        self.0 = &rest[ID + 1..];
        Some(Entry { name: &name[1..], id, folder: mode == b"40000" })
    }
}

/// A file that differs: its path, and its blob before and after.
pub struct Difference<'a> {
    pub path: &'a str,
    pub before: Option<Oid>,
    pub after: Option<Oid>,
}

/// Calls `found` for every file below `folder` that is not the same in both trees. Folders
/// that are the same are not opened.
pub fn differences(
    odb: &Odb<'_>,
    before: Option<Oid>,
    after: Option<Oid>,
    folder: &str,
    found: &mut dyn FnMut(&Difference<'_>),
) -> Result<(), StoreError> {
    if before == after {
        return Ok(());
    }
    let read = |id: Option<Oid>| id.map(|id| odb.read(id)).transpose();
    let (old, new) = (read(before)?, read(after)?);
    let mut old = Entries(old.as_ref().map_or(&[], |object| object.data())).peekable();
    let mut new = Entries(new.as_ref().map_or(&[], |object| object.data())).peekable();
    loop {
        let (left, right) = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(left), None) => (Some(*left), None),
            (None, Some(right)) => (None, Some(*right)),
            (Some(left), Some(right)) => match order(left, right) {
                Ordering::Less => (Some(*left), None),
                Ordering::Equal => (Some(*left), Some(*right)),
                Ordering::Greater => (None, Some(*right)),
            },
        };
        if left.is_some() {
            old.next();
        }
        if right.is_some() {
            new.next();
        }
        if left.map(|entry| entry.id) == right.map(|entry| entry.id) {
            continue;
        }
        let name = left.or(right).map_or(&b""[..], |entry| entry.name);
        let path = join(folder, &String::from_utf8_lossy(name));
        let as_folder =
            |entry: Option<Entry<'_>>| entry.filter(|entry| entry.folder).map(|entry| entry.id);
        let as_file =
            |entry: Option<Entry<'_>>| entry.filter(|entry| !entry.folder).map(|entry| entry.id);
        let (folders, files) =
            ((as_folder(left), as_folder(right)), (as_file(left), as_file(right)));
        if folders != (None, None) {
            differences(odb, folders.0, folders.1, &path, found)?;
        }
        if files != (None, None) {
            found(&Difference { path: &path, before: files.0, after: files.1 });
        }
    }
}

/// git sorts a folder as if its name ended in `/`.
fn order(left: &Entry<'_>, right: &Entry<'_>) -> Ordering {
    let end = |entry: &Entry<'_>| entry.folder.then_some(&b'/');
    left.name.iter().chain(end(left)).cmp(right.name.iter().chain(end(right)))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// What stands at `path` below two trees, or `None` if it is the same; nothing is opened
/// that is the same in both.
pub fn difference_at(
    odb: &Odb<'_>,
    before: Option<Oid>,
    after: Option<Oid>,
    path: &str,
) -> Result<Option<(Option<Oid>, Option<Oid>)>, StoreError> {
    let (mut before, mut after) = (before, after);
    for part in path.split('/') {
        if before == after {
            return Ok(None);
        }
        before = find(odb, before, part)?;
        after = find(odb, after, part)?;
    }
    Ok((before != after).then_some((before, after)))
}

fn find(odb: &Odb<'_>, tree: Option<Oid>, name: &str) -> Result<Option<Oid>, StoreError> {
    let Some(tree) = tree else { return Ok(None) };
    let object = odb.read(tree)?;
    if object.kind() != git2::ObjectType::Tree {
        return Ok(None);
    }
    Ok(Entries(object.data()).find(|entry| entry.name == name.as_bytes()).map(|entry| entry.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::Repository;
    use git2::build::TreeUpdateBuilder;

    fn tree(repository: &Repository, files: &[(&str, &str)]) -> Oid {
        let empty = repository.treebuilder(None).expect("a tree").write().expect("a tree");
        let mut builder = TreeUpdateBuilder::new();
        for (path, content) in files {
            builder.upsert(
                *path,
                repository.blob(content.as_bytes()).expect("a blob"),
                git2::FileMode::Blob,
            );
        }
        builder
            .create_updated(repository, &repository.find_tree(empty).expect("a tree"))
            .expect("a tree")
    }

    #[test]
    fn added_changed_and_removed_files_are_found_where_git_sorts_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let odb = repository.odb().expect("objects");
        // `a-b` sorts before the folder `a`, and `a` as a file before both.
        let before = tree(
            &repository,
            &[("a-b", "1"), ("a/x", "1"), ("a/y", "1"), ("c", "1"), ("d/e/f", "1")],
        );
        let after = tree(
            &repository,
            &[("a/x", "1"), ("a/y", "2"), ("b", "1"), ("c/now/folder", "1"), ("d/e/f", "1")],
        );
        let mut found = Vec::new();
        differences(&odb, Some(before), Some(after), "", &mut |difference| {
            found.push((
                difference.path.to_owned(),
                difference.before.is_some(),
                difference.after.is_some(),
            ));
        })
        .expect("read");
        let expected = [
            ("a-b", true, false),
            ("a/y", true, true),
            ("b", false, true),
            ("c", true, false),
            ("c/now/folder", false, true),
        ];
        assert_eq!(found, expected.map(|(path, before, after)| (path.to_owned(), before, after)));
        for (path, before_is, after_is) in expected {
            let difference =
                difference_at(&odb, Some(before), Some(after), path).expect("read").expect(path);
            assert_eq!(
                (difference.0.is_some(), difference.1.is_some()),
                (before_is, after_is || path == "c"),
                "{path}"
            );
        }
        for same in ["a/x", "d/e/f", "nothing"] {
            assert_eq!(
                difference_at(&odb, Some(before), Some(after), same).expect("read"),
                None,
                "{same}"
            );
        }
    }
}
