//! The files in which two trees differ, with all that git says of them.
//!
//! The trees may be anybody's: what git itself would not write is refused, as programs differ
//! in how they read it, and what is judged must be what is deployed.

use std::collections::BTreeSet;

use git2::{ObjectType, Odb, Oid, Repository};

use super::error::StoreError;
use super::raw_tree::{Changed, Entries, Entry, order};

/// Larger files are not read: nothing that Pinrail judges comes near.
const LARGEST: u64 = 1 << 20;
/// How many entries a change may have: more than any services-root has files. A few small
/// trees that name each other can stand for more files than there is memory.
const MOST: usize = 1 << 19;

/// One file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedFile {
    pub path: String,
    /// None where the file is new.
    pub before: Option<FileState>,
    /// None where the file is removed.
    pub after: Option<FileState>,
}

/// What stands in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    pub kind: FileKind,
    /// In bytes.
    pub size: u64,
    /// None for a submodule, and above 1 MiB. A symbolic link's is where it points.
    pub content: Option<Vec<u8>>,
}

/// What git knows a file as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Plain,
    Executable,
    Symlink,
    Submodule,
}

impl FileState {
    /// The bytes of a plain file that is not too large.
    #[must_use]
    pub fn plain(&self) -> Option<&[u8]> {
        self.content.as_deref().filter(|_| self.kind == FileKind::Plain)
    }
}

/// A file that differs and is not read yet.
struct Difference {
    path: String,
    before: Option<(FileKind, Oid)>,
    after: Option<(FileKind, Oid)>,
}

/// The files in which two trees differ, sorted by path.
pub(super) fn files(
    repository: &Repository,
    before: Option<Oid>,
    after: Oid,
) -> Result<Vec<ProposedFile>, StoreError> {
    let odb = repository.odb()?;
    let mut files = Vec::new();
    // Nothing is read before it is known that there is an end to it.
    for Difference { path, before, after } in differences(&odb, before, after)? {
        let state = |file: Option<(FileKind, Oid)>| {
            file.map(|(kind, id)| state(&odb, &path, kind, id)).transpose()
        };
        let (before, after) = (state(before)?, state(after)?);
        files.push(ProposedFile { path, before, after });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn differences(
    odb: &Odb<'_>,
    before: Option<Oid>,
    after: Oid,
) -> Result<Vec<Difference>, StoreError> {
    let mut found = Vec::new();
    // A list and no recursion: how deep the folders go is not ours to choose.
    let mut folders = vec![(String::new(), before, Some(after))];
    let mut entries = 0;
    while let Some((folder, before, after)) = folders.pop() {
        let read = |id: Option<Oid>| id.map(|id| odb.read(id)).transpose();
        let (old, new) = (read(before)?, read(after)?);
        let (old, new) = (
            old.as_ref().map_or(&[][..], |tree| tree.data()),
            new.as_ref().map_or(&[][..], |tree| tree.data()),
        );
        sound(new).map_err(|words| malformed(&folder, words))?;
        for (left, right) in Changed::new(old, new) {
            entries += 1;
            if entries > MOST {
                return Err(malformed(&folder, "the change has more files than any services-root"));
            }
            let name = left.or(right).map_or(&b""[..], |entry| entry.name);
            let name = String::from_utf8_lossy(name);
            let path = if folder.is_empty() { name.into() } else { format!("{folder}/{name}") };
            let below = |entry: Option<Entry<'_>>| {
                entry.filter(|entry| entry.is_folder).map(|entry| entry.id)
            };
            if below(left) != below(right) {
                folders.push((path.clone(), below(left), below(right)));
            }
            let file = |entry: Option<Entry<'_>>| {
                let file = entry.filter(|entry| !entry.is_folder);
                file.map(|entry| kind(&path, entry)).transpose()
            };
            let (before, after) = (file(left)?, file(right)?);
            if before != after {
                found.push(Difference { path, before, after });
            }
        }
    }
    Ok(found)
}

fn kind(path: &str, entry: Entry<'_>) -> Result<(FileKind, Oid), StoreError> {
    let mode = entry.raw.split(|byte| *byte == b' ').next().unwrap_or_default();
    let kind = match mode {
        // The second was written by early versions of git.
        b"100644" | b"100664" => FileKind::Plain,
        b"100755" => FileKind::Executable,
        b"120000" => FileKind::Symlink,
        b"160000" => FileKind::Submodule,
        _ => return Err(malformed(path, "git knows no such mode")),
    };
    Ok((kind, entry.id))
}

fn state(odb: &Odb<'_>, path: &str, kind: FileKind, id: Oid) -> Result<FileState, StoreError> {
    if kind == FileKind::Submodule {
        return Ok(FileState { kind, size: 0, content: None });
    }
    let (size, stored) = odb.read_header(id)?;
    if stored != ObjectType::Blob {
        return Err(malformed(path, "it is said to be a file, and is none"));
    }
    let size = size as u64;
    let content = (size <= LARGEST).then(|| odb.read(id)).transpose()?;
    Ok(FileState { kind, size, content: content.map(|blob| blob.data().to_vec()) })
}

fn malformed(path: &str, words: &str) -> StoreError {
    let path = if path.is_empty() { "/" } else { path };
    StoreError::Malformed { path: path.to_owned(), words: words.to_owned() }
}

/// Whether git would have written this tree: in order, each name once, and names only.
fn sound(tree: &[u8]) -> Result<(), &'static str> {
    let mut entries = Entries(tree);
    let mut names = BTreeSet::new();
    let mut last: Option<Entry<'_>> = None;
    for entry in entries.by_ref() {
        let here = (entry.name, entry.is_folder);
        if last.is_some_and(|last| order((last.name, last.is_folder), here).is_ge()) {
            return Err("its entries are not in git's order");
        }
        if !names.insert(entry.name) {
            return Err("a name stands there twice");
        }
        let special = entry.name.is_empty() || [&b"."[..], b"..", b".git"].contains(&entry.name);
        if special || entry.name.contains(&b'/') {
            return Err("a name is none");
        }
        last = Some(entry);
    }
    if entries.0.is_empty() { Ok(()) } else { Err("it is broken") }
}
