//! Files of a tree by their paths, read from the raw bytes of its folders: each is opened once.

use std::collections::BTreeMap;

use git2::{Odb, Oid};

use super::error::StoreError;
use super::raw_tree::Entries;

/// What stands in each of these paths of a tree.
pub(super) fn look_up(
    odb: &Odb<'_>,
    tree: Oid,
    paths: &[&str],
) -> Result<Vec<Option<Oid>>, StoreError> {
    let mut found = vec![None; paths.len()];
    let mut folders = vec![(tree, paths.iter().copied().enumerate().collect::<Vec<_>>())];
    while let Some((folder, wanted)) = folders.pop() {
        let mut names: BTreeMap<&[u8], Vec<(usize, &str)>> = BTreeMap::new();
        for (order, path) in wanted {
            let (name, rest) = path.split_once('/').unwrap_or((path, ""));
            names.entry(name.as_bytes()).or_default().push((order, rest));
        }
        let read = odb.read(folder)?;
        for entry in Entries(read.data()) {
            let Some(wanted) = names.get(entry.name) else { continue };
            let (files, below): (Vec<_>, Vec<_>) =
                wanted.iter().partition(|(_, rest)| rest.is_empty());
            if entry.is_folder && !below.is_empty() {
                folders.push((entry.id, below));
            } else if !entry.is_folder && !entry.is_submodule() {
                for (order, _) in files {
                    found[order] = Some(entry.id);
                }
            }
        }
    }
    Ok(found)
}
