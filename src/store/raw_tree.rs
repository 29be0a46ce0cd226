//! A tree as git stores it, read entry by entry: of a folder of ten thousand files, nothing
//! is copied. <https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_tree_objects>

use std::cmp::Ordering;

use git2::Oid;

/// One entry of a tree: mode, name and id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// All of it, as it is stored.
    pub raw: &'a [u8],
    pub name: &'a [u8],
    pub id: Oid,
    pub is_folder: bool,
}

impl Entry<'_> {
    /// Whether it is another repository's commit.
    pub fn is_submodule(&self) -> bool {
        self.raw.starts_with(b"160000 ")
    }
}

/// The entries of a tree's bytes, `mode SP name NUL id`, in git's order. What is left when
/// they end is broken.
pub(super) struct Entries<'a>(pub &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        const ID: usize = 20;
        let space = self.0.iter().position(|byte| *byte == b' ')?;
        let end = space + self.0[space..].iter().position(|byte| *byte == 0)?;
        let raw = self.0.get(..=end + ID)?;
        let id = Oid::from_bytes(&raw[end + 1..]).ok()?;
        self.0 = &self.0[raw.len()..];
        Some(Entry { raw, name: &raw[space + 1..end], id, is_folder: &raw[..space] == b"40000" })
    }
}

/// The entries that differ, of one tree or both, in git's order; perhaps in their mode alone.
pub(super) struct Changed<'a> {
    old: Entries<'a>,
    new: Entries<'a>,
}

impl<'a> Changed<'a> {
    pub fn new(old: &'a [u8], new: &'a [u8]) -> Self {
        Self { old: Entries(old), new: Entries(new) }
    }

    /// Passes the entries that both begin with. Two trees of one history share nearly all
    /// of their bytes, and comparing bytes costs far less than reading entries.
    fn skip_shared(&mut self) {
        let (old, new) = (self.old.0, self.new.0);
        let shared = shared(old, new);
        if shared == old.len() && shared == new.len() {
            (self.old, self.new) = (Entries(&[]), Entries(&[]));
            return;
        }
        let mut skipped = Entries(&old[..shared]);
        while skipped.next().is_some() {}
        let whole = shared - skipped.0.len();
        (self.old, self.new) = (Entries(&old[whole..]), Entries(&new[whole..]));
    }
}

impl<'a> Iterator for Changed<'a> {
    type Item = (Option<Entry<'a>>, Option<Entry<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_shared();
            let (mut old, mut new) = (Entries(self.old.0), Entries(self.new.0));
            let (mut left, mut right) = (old.next(), new.next());
            match (&left, &right) {
                (None, None) => return None,
                (Some(before), Some(after)) => {
                    match order((before.name, before.is_folder), (after.name, after.is_folder)) {
                        Ordering::Less => right = None,
                        Ordering::Equal => {}
                        Ordering::Greater => left = None,
                    }
                }
                _ => {}
            }
            if left.is_some() {
                self.old = old;
            }
            if right.is_some() {
                self.new = new;
            }
            if left.map(|entry| entry.raw) != right.map(|entry| entry.raw) {
                return Some((left, right));
            }
        }
    }
}

/// How many bytes both begin with.
fn shared(old: &[u8], new: &[u8]) -> usize {
    const STEP: usize = 256;
    let steps = old.chunks_exact(STEP).zip(new.chunks_exact(STEP));
    let whole = steps.take_while(|(old, new)| old == new).count() * STEP;
    let rest = old[whole..].iter().zip(&new[whole..]);
    whole + rest.take_while(|(old, new)| old == new).count()
}

/// git's order of two names: a folder stands where its name with a slash would.
pub(super) fn order(one: (&[u8], bool), other: (&[u8], bool)) -> Ordering {
    let end = |is_folder: bool| is_folder.then_some(&b'/');
    one.0.iter().chain(end(one.1)).cmp(other.0.iter().chain(end(other.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_left_over() {
        let whole = [&b"100644 a\0"[..], &[1; 20]].concat();
        for broken in [&b"100644 a"[..], b"100644 a\0short", b"\0", b"100644", b"\0a b"] {
            let tree = [&whole, broken].concat();
            let mut entries = Entries(&tree);
            assert_eq!(entries.by_ref().count(), 1, "{broken:?}");
            assert_eq!(entries.0, broken);
        }
    }
}
