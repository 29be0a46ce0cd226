//! Packs, read without trust.
//! <https://git-scm.com/docs/pack-format>

#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;

use flate2::{Decompress, FlushDecompress, Status};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

use super::delta;
pub use writer::Writer;

/// How much a server may make us hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub objects: usize,
    /// Of one object, unpacked.
    pub object: usize,
    /// Of all objects, unpacked, and of the deltas that tell them.
    pub total: usize,
}

/// An object, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub kind: ObjectType,
    pub data: Vec<u8>,
}

/// What is wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a pack that {0}")]
pub struct PackError(&'static str);

/// What an entry of a pack is told by.
enum Told {
    Whole(ObjectType),
    /// As a delta of an entry before.
    Earlier(usize),
    /// As a delta of an object that is here already, or elsewhere in the pack.
    Of(Oid),
}

struct Entry {
    told: Told,
    /// The object or the delta, inflated.
    data: Vec<u8>,
}

const HEADER: usize = 12;
const TRAILER: usize = 20;
/// The shortest entry: one byte for kind and size, and eight that inflate to nothing.
const SHORTEST: usize = 9;
/// How often its own length anything can inflate to at most.
const INFLATION: usize = 1032;
/// The longest chain of deltas, which is what git itself can be told to write.
const DEEPEST: u16 = 4095;

/// Reads the objects of a pack, with their ids as they are computed here. `known` gives objects
/// that deltas may be told by. An object that is told by another one which is neither in the
/// pack nor known is left out: whoever needs it asks for it by its id, and finds it missing.
///
/// # Errors
/// Anything but a whole pack with the right checksum, within the limits.
pub fn read(
    pack: &[u8],
    limits: Limits,
    known: impl Fn(Oid) -> Option<Object>,
) -> Result<Vec<(Oid, Object)>, PackError> {
    let mut left = limits.total;
    let entries = entries(pack, limits, &mut left)?;
    let mut resolver = Resolver::new(limits, left, entries.len());
    for (index, Entry { told, data }) in entries.into_iter().enumerate() {
        match told {
            Told::Whole(kind) => resolver.found(index, 0, Object { kind, data })?,
            Told::Earlier(base) => resolver.after.entry(base).or_default().push((index, data)),
            Told::Of(base) => resolver.of.entry(base).or_default().push((index, data)),
        }
    }
    resolver.follow()?;
    let missing: Vec<Oid> = resolver.of.keys().copied().collect();
    for id in missing {
        // It may have turned up in the pack since.
        if resolver.of.contains_key(&id)
            && let Some(base) = known(id)
        {
            let deltas = resolver.of.remove(&id).unwrap_or_default();
            resolver.grow(&base, 0, deltas)?;
            resolver.follow()?;
        }
    }
    Ok(resolver.objects.into_iter().flatten().map(|found| (found.id, found.object)).collect())
}

/// Deltas with the places of their entries.
type Deltas = Vec<(usize, Vec<u8>)>;

struct Found {
    id: Oid,
    object: Object,
    /// How many deltas it took.
    depth: u16,
}

/// Finds objects from the objects that they are told by, each one once.
struct Resolver {
    limits: Limits,
    /// How much more may be held.
    left: usize,
    objects: Vec<Option<Found>>,
    /// Objects that others may be told by, not looked at so far.
    open: Vec<usize>,
    /// Deltas that wait for the object of an entry, and for an object by its id.
    after: HashMap<usize, Deltas>,
    of: HashMap<Oid, Deltas>,
}

impl Resolver {
    fn new(limits: Limits, left: usize, count: usize) -> Self {
        let mut objects = Vec::new();
        objects.resize_with(count, || None);
        let (after, of) = (HashMap::new(), HashMap::new());
        Self { limits, left, objects, open: Vec::new(), after, of }
    }

    fn found(&mut self, index: usize, depth: u16, object: Object) -> Result<(), PackError> {
        let id = Oid::hash_object(object.kind, &object.data)
            .map_err(|_| PackError("has an object that cannot be hashed"))?;
        self.objects[index] = Some(Found { id, object, depth });
        self.open.push(index);
        Ok(())
    }

    /// Finds all that can be told by what was found.
    fn follow(&mut self) -> Result<(), PackError> {
        while let Some(index) = self.open.pop() {
            let Some(base) = self.objects[index].take() else { continue };
            let mut deltas = self.after.remove(&index).unwrap_or_default();
            deltas.extend(self.of.remove(&base.id).unwrap_or_default());
            self.grow(&base.object, base.depth, deltas)?;
            self.objects[index] = Some(base);
        }
        Ok(())
    }

    fn grow(&mut self, base: &Object, depth: u16, deltas: Deltas) -> Result<(), PackError> {
        for (index, delta) in deltas {
            if depth == DEEPEST {
                return Err(PackError("has too long a chain of deltas"));
            }
            let longest = self.limits.object.min(self.left);
            let data = delta::apply(&base.data, &delta, longest);
            let data = data.ok_or(PackError("has a delta that does not fit or is too large"))?;
            self.left -= data.len();
            self.found(index, depth + 1, Object { kind: base.kind, data })?;
        }
        Ok(())
    }
}

/// The entries, inflated, with nothing left over.
fn entries(pack: &[u8], limits: Limits, left: &mut usize) -> Result<Vec<Entry>, PackError> {
    let end = pack.len().checked_sub(TRAILER).filter(|end| *end >= HEADER);
    let end = end.ok_or(PackError("is cut short"))?;
    if Sha1::digest(&pack[..end]).as_slice() != &pack[end..] {
        return Err(PackError("has another checksum than it says"));
    }
    let number = |at: usize| {
        pack[at..at + 4].iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    if &pack[..4] != b"PACK" || !matches!(number(4), 2 | 3) {
        return Err(PackError("is none"));
    }
    let count = number(8);
    if count > limits.objects {
        return Err(PackError("has too many objects"));
    }
    if count > (end - HEADER) / SHORTEST {
        return Err(PackError("is cut short"));
    }
    let mut entries = Vec::with_capacity(count);
    let mut offsets = Vec::with_capacity(count);
    let mut inflate = Decompress::new(true);
    let mut at = HEADER;
    for _ in 0..count {
        let offset = at;
        let (told, size) = head(&pack[..end], &mut at, &offsets)?;
        if size > limits.object {
            return Err(PackError("has an object that is too large"));
        }
        *left = left.checked_sub(size).ok_or(PackError("is too large"))?;
        // No room is made for what cannot follow.
        if size / INFLATION > end - at {
            return Err(PackError("is cut short"));
        }
        let mut data = Vec::with_capacity(size);
        inflate.reset(true);
        let status = inflate.decompress_vec(&pack[at..end], &mut data, FlushDecompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) || data.len() != size {
            return Err(PackError("has an object of another size than it says"));
        }
        at += usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
        offsets.push(offset);
        entries.push(Entry { told, data });
    }
    if at != end {
        return Err(PackError("has more than it says"));
    }
    Ok(entries)
}

/// The head of an entry: what it is told by, and its size inflated. `offsets` are those of the
/// entries before.
fn head(pack: &[u8], at: &mut usize, offsets: &[usize]) -> Result<(Told, usize), PackError> {
    let offset = *at;
    let next = |at: &mut usize| {
        let byte = pack.get(*at).copied().ok_or(PackError("is cut short"))?;
        *at += 1;
        Ok(byte)
    };
    let first = next(at)?;
    let (mut size, mut shift, mut byte) = (usize::from(first & 0x0f), 4, first);
    while byte & 0x80 != 0 {
        byte = next(at)?;
        if shift > 56 {
            return Err(PackError("has a size that is none"));
        }
        size |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let told = match first >> 4 & 7 {
        1 => Told::Whole(ObjectType::Commit),
        2 => Told::Whole(ObjectType::Tree),
        3 => Told::Whole(ObjectType::Blob),
        4 => Told::Whole(ObjectType::Tag),
        6 => {
            let nothing = PackError("has a delta of nothing");
            let mut byte = next(at)?;
            let mut back = usize::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next(at)?;
                back = (back + 1) << 7 | usize::from(byte & 0x7f);
                if back > offset {
                    return Err(nothing);
                }
            }
            let base = offset.checked_sub(back).and_then(|at| offsets.binary_search(&at).ok());
            Told::Earlier(base.ok_or(nothing)?)
        }
        7 => {
            let id = pack.get(*at..*at + TRAILER).ok_or(PackError("is cut short"))?;
            *at += TRAILER;
            Told::Of(Oid::from_bytes(id).map_err(|_| PackError("is cut short"))?)
        }
        _ => return Err(PackError("has an object of no kind")),
    };
    Ok((told, size))
}
