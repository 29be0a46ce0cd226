//! What differs along a history, read from the raw bytes of its trees: a history has many
//! trees and few changes, and building an object for every entry would cost more than
//! reading it.
//!
//! The history of one folder is read before the next folder is opened. Its trees are packed
//! as differences from each other, and libgit2 keeps few of them unpacked: going back and
//! forth between folders would unpack the same trees again and again.

use std::collections::BTreeMap;

use git2::{Odb, OdbObject, Oid};

use super::error::StoreError;
use super::raw_tree::{Changed, Entry};

/// What a step of a walk made of a file or folder: its object before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the step, from the newest.
    pub step: usize,
    pub before: Option<Oid>,
    pub after: Option<Oid>,
}

/// What is looked for along a walk.
pub trait Search {
    /// Whether this file, or something below this folder, is still looked for.
    fn wants(&self, path: &str) -> bool;
    /// A file that was looked for differs; the newest difference of each file comes first.
    fn found(&mut self, path: &str, difference: Difference);
}

/// Finds the files that differ below `folder`, which these steps changed. Folders that are
/// the same are not opened.
pub fn differences(
    odb: &Odb<'_>,
    folder: &str,
    steps: &[Difference],
    search: &mut dyn Search,
) -> Result<(), StoreError> {
    let mut folders: BTreeMap<String, Vec<Difference>> = BTreeMap::new();
    // What a step began with is what the step before it, which comes next, ended with.
    let mut last: Option<(Oid, OdbObject<'_>)> = None;
    for Difference { step, before, after } in steps.iter().copied() {
        let read = |id: Option<Oid>| id.map(|id| odb.read(id)).transpose();
        let new = match last.take() {
            Some((id, object)) if Some(id) == after => Some(object),
            _ => read(after)?,
        };
        let old = read(before)?;
        let bytes = (old.as_ref().map(OdbObject::data), new.as_ref().map(OdbObject::data));
        for (left, right) in Changed::new(bytes.0.unwrap_or(&[]), bytes.1.unwrap_or(&[])) {
            let name = left.or(right).map_or(&b""[..], |entry| entry.name);
            let path = join(folder, &String::from_utf8_lossy(name));
            if !search.wants(&path) {
                continue;
            }
            let id = |entry: Option<Entry<'_>>, folder: bool| {
                let fits = |entry: &Entry<'_>| entry.is_folder == folder && !entry.is_submodule();
                entry.filter(fits).map(|entry| entry.id)
            };
            let file = Difference { step, before: id(left, false), after: id(right, false) };
            if file.before != file.after {
                search.found(&path, file);
            }
            let below = Difference { step, before: id(left, true), after: id(right, true) };
            if below.before != below.after {
                folders.entry(path).or_default().push(below);
            }
        }
        if !search.wants(folder) {
            return Ok(());
        }
        last = before.zip(old);
    }
    drop(last);
    folders.iter().try_for_each(|(path, steps)| differences(odb, path, steps, search))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::Repository;
    use git2::build::TreeUpdateBuilder;

    /// Step, path, and whether it was there before and after.
    struct Everything(Vec<(usize, String, bool, bool)>);

    impl Search for Everything {
        fn wants(&self, _: &str) -> bool {
            true
        }

        fn found(&mut self, path: &str, difference: Difference) {
            let Difference { step, before, after } = difference;
            self.0.push((step, path.to_owned(), before.is_some(), after.is_some()));
        }
    }

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
        let mut search = Everything(Vec::new());
        let step = Difference { step: 0, before: Some(before), after: Some(after) };
        differences(&odb, "", &[step], &mut search).expect("read");
        search.0.sort();
        let expected = [
            ("a-b", true, false),
            ("a/y", true, true),
            ("b", false, true),
            ("c", true, false),
            ("c/now/folder", false, true),
        ];
        let expected = expected.map(|(path, before, after)| (0, path.to_owned(), before, after));
        assert_eq!(search.0, expected);
    }

    #[test]
    fn every_change_of_a_history_is_found_at_its_step() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let odb = repository.odb().expect("objects");
        // Enough files that most of a tree is the same bytes.
        let names: Vec<String> =
            (0..100).map(|number| format!("d/{}/{number}", number % 2)).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "0")).collect();
        let mut trees = vec![None, Some(tree(&repository, &files))];
        let mut expected = Vec::new();
        let changes = [(0, "1"), (1, "1"), (99, "1"), (98, "1"), (0, "0"), (50, "1"), (99, "2")];
        for (file, content) in changes {
            files[file].1 = content;
            trees.push(Some(tree(&repository, &files)));
        }
        trees.reverse();
        for (step, (file, _)) in changes.iter().rev().enumerate() {
            expected.push((step, names[*file].clone(), true, true));
        }
        expected.extend(names.iter().map(|name| (changes.len(), name.clone(), false, true)));
        expected.sort();
        let steps: Vec<_> = trees
            .windows(2)
            .enumerate()
            .map(|(step, pair)| Difference { step, before: pair[1], after: pair[0] })
            .collect();
        let mut search = Everything(Vec::new());
        differences(&odb, "", &steps, &mut search).expect("read");
        search.0.sort();
        assert_eq!(search.0, expected);
    }
}
