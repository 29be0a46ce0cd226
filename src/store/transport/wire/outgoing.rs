//! A push: one small pack, told as what is new against what the server has.

use std::io::Read;

use git2::{ObjectType, Odb, Oid, Repository};

use super::delta;
use super::pack::Writer;
use super::receive::{self, Pushed};
use crate::store::raw_tree::Changed;
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
        _ => Some(commit.parent(0)?.tree_id()),
    };
    let mut outgoing = Outgoing { odb: objects.odb()?, writer: Writer::default(), thin };
    outgoing.writer.whole(ObjectType::Commit, outgoing.odb.read(to)?.data());
    outgoing.add(commit.tree_id(), base)?;
    Ok(outgoing.writer.finish())
}

struct Outgoing<'r> {
    odb: Odb<'r>,
    writer: Writer,
    thin: bool,
}

impl Outgoing<'_> {
    /// Adds a tree and what is new in it against `base`.
    fn add(&mut self, tree: Oid, base: Option<Oid>) -> Result<(), TransportError> {
        if base == Some(tree) {
            return Ok(());
        }
        for (id, is_folder, there) in self.add_tree(tree, base)? {
            if is_folder {
                self.add(id, there)?;
            } else {
                self.writer.whole(ObjectType::Blob, self.odb.read(id)?.data());
            }
        }
        Ok(())
    }

    /// Adds a tree alone, and tells what is new in it.
    fn add_tree(
        &mut self,
        tree: Oid,
        base: Option<Oid>,
    ) -> Result<Vec<(Oid, bool, Option<Oid>)>, TransportError> {
        let data = self.odb.read(tree)?;
        let there = base.map(|base| self.odb.read(base)).transpose()?;
        let there = there.as_ref().map_or(&[][..], |there| there.data());
        match base.filter(|_| self.thin) {
            Some(base) => self.writer.delta(base, &delta::between(there, data.data())),
            None => self.writer.whole(ObjectType::Tree, data.data()),
        }
        let news = Changed::new(there, data.data()).filter_map(|(before, after)| {
            let before = before.filter(|before| before.is_folder).map(|before| before.id);
            // A submodule's commit is not ours to send.
            let after = after.filter(|after| !after.is_submodule())?;
            Some((after.id, after.is_folder, before))
        });
        Ok(news.collect())
    }
}
