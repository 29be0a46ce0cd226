//! A push: one small pack, told as what is new against what the server has.

use std::io::Read;

use git2::{ObjectType, Odb, Oid, Repository, Tree};

use super::delta;
use super::pack::Writer;
use super::receive::{self, Pushed};
use crate::store::transport::{TransportError, Update};

/// Sends an update through `send`, and reads what became of it. An edited tree goes as a delta
/// of the one that the server has, or in full where the server cannot read that.
pub fn push<R: Read>(
    objects: &Repository,
    update: &Update<'_>,
    mut send: impl FnMut(Vec<u8>) -> Result<R, TransportError>,
) -> Result<(), TransportError> {
    let mut push = |thin| {
        let pack = update.to.map_or(Ok(Vec::new()), |to| pack(objects, to, thin))?;
        receive::pushed(&mut send(receive::push(update, &pack))?, update.branch)
    };
    let mut pushed = push(true)?;
    if matches!(pushed, Pushed::Unread(_)) && update.to.is_some() {
        pushed = push(false)?;
    }
    match pushed {
        Pushed::Done => Ok(()),
        Pushed::Refused(words) | Pushed::Unread(words) => Err(TransportError::Refused(words)),
    }
}

/// The pack that takes the server from the first parent of `to`, which it has, to `to`.
fn pack(objects: &Repository, to: Oid, thin: bool) -> Result<Vec<u8>, TransportError> {
    let commit = objects.find_commit(to)?;
    let base = match commit.parent_count() {
        0 => None,
        _ => Some(commit.parent(0)?.tree()?),
    };
    let mut outgoing = Outgoing { objects, odb: objects.odb()?, writer: Writer::default(), thin };
    outgoing.writer.whole(ObjectType::Commit, outgoing.odb.read(to)?.data());
    outgoing.add(&commit.tree()?, base.as_ref())?;
    Ok(outgoing.writer.finish())
}

struct Outgoing<'r> {
    objects: &'r Repository,
    odb: Odb<'r>,
    writer: Writer,
    thin: bool,
}

impl Outgoing<'_> {
    /// Adds a tree and what is new in it against `base`.
    fn add(&mut self, tree: &Tree<'_>, base: Option<&Tree<'_>>) -> Result<(), TransportError> {
        if base.is_some_and(|base| base.id() == tree.id()) {
            return Ok(());
        }
        {
            let data = self.odb.read(tree.id())?;
            match base.filter(|_| self.thin) {
                Some(base) => {
                    let there = self.odb.read(base.id())?;
                    self.writer.delta(base.id(), &delta::between(there.data(), data.data()));
                }
                None => self.writer.whole(ObjectType::Tree, data.data()),
            }
        }
        for entry in tree {
            let there = base.and_then(|base| base.get_name_bytes(entry.name_bytes()));
            if there.as_ref().is_some_and(|there| there.id() == entry.id()) {
                continue;
            }
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let there = there.and_then(|there| self.objects.find_tree(there.id()).ok());
                    let inner = self.objects.find_tree(entry.id())?;
                    self.add(&inner, there.as_ref())?;
                }
                Some(ObjectType::Blob) => {
                    self.writer.whole(ObjectType::Blob, self.odb.read(entry.id())?.data());
                }
                _ => {}
            }
        }
        Ok(())
    }
}
