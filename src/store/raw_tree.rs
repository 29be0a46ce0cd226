//! A tree as git stores it, read entry by entry: of a folder of ten thousand files, nothing
//! is copied. <https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_tree_objects>

use std::cmp::Ordering;

use git2::Oid;

use super::error::StoreError;

/// One entry of a tree: mode, name and id.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// All of it, as it is stored.
    pub raw: &'a [u8],
    pub is_folder: bool,
    pub name: &'a [u8],
    pub id: Oid,
}

const ID: usize = 20;

/// The entries of a tree, in git's order.
pub(super) fn entries(tree: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, StoreError>> {
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

/// git's order of two names: a folder stands where its name with a slash would.
pub(super) fn order(one: (&[u8], bool), other: (&[u8], bool)) -> Ordering {
    let end = |is_folder: bool| is_folder.then_some(&b'/');
    one.0.iter().chain(end(one.1)).cmp(other.0.iter().chain(end(other.1)))
}

/// What is new in a tree against another: each entry, and the folder that it was.
pub(super) fn news(tree: &[u8], base: &[u8]) -> Result<Vec<(Oid, bool, Option<Oid>)>, StoreError> {
    let mut news = Vec::new();
    let mut before = entries(base).peekable();
    for entry in entries(tree) {
        let entry = entry?;
        let here = (entry.name, entry.is_folder);
        let is_earlier = |before: &Result<Entry<'_>, StoreError>| {
            before
                .as_ref()
                .is_ok_and(|before| order((before.name, before.is_folder), here) == Ordering::Less)
        };
        while before.next_if(is_earlier).is_some() {}
        let there = match before.peek() {
            Some(Ok(there)) if (there.name, there.is_folder) == here => Some(there.id),
            _ => None,
        };
        // A submodule's commit is not ours to send.
        if there != Some(entry.id) && !entry.raw.starts_with(b"160000") {
            news.push((entry.id, entry.is_folder, there.filter(|_| entry.is_folder)));
        }
    }
    Ok(news)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_tree_is_an_error() {
        for broken in [&b"100644 a"[..], b"100644 a\0short", b"\0", b"100644"] {
            assert!(entries(broken).any(|entry| entry.is_err()), "{broken:?}");
            assert!(news(broken, b"").is_err(), "{broken:?}");
        }
    }

    #[test]
    fn what_is_new_is_found_beside_what_stays_moves_and_goes() {
        let tree = |entries: &[(&str, &str, u8)]| {
            let one = |(mode, name, id): &(&str, &str, u8)| {
                [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[*id; ID]].concat()
            };
            entries.iter().flat_map(one).collect::<Vec<u8>>()
        };
        let (file, folder) = ("100644", "40000");
        let base = tree(&[(file, "a", 1), (file, "b.c", 2), (folder, "b", 3), (file, "d", 4)]);
        let now = tree(&[(file, "a", 1), (folder, "b", 5), (file, "c", 6), (folder, "d", 7)]);
        let id = |byte| Oid::from_bytes(&[byte; ID]).expect("an id");
        let expected = [(id(5), true, Some(id(3))), (id(6), false, None), (id(7), true, None)];
        assert_eq!(news(&now, &base).expect("trees"), expected);
        assert_eq!(news(&now, &now).expect("trees"), []);
        assert_eq!(news(&now, b"").expect("trees").len(), 4);
    }
}
