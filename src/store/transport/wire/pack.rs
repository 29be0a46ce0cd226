//! Packs, read without trust and written small.
//! <https://git-scm.com/docs/pack-format>

use std::collections::HashMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

use super::delta;

/// How much a server may make us hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub objects: usize,
    /// Of one object, unpacked.
    pub object: usize,
    /// Of all objects, unpacked.
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
    /// As a delta of the entry that begins so many bytes before.
    Earlier(usize),
    /// As a delta of an object that is here already, or elsewhere in the pack.
    Of(Oid),
}

struct Entry {
    offset: usize,
    told: Told,
    data: Vec<u8>,
}

const HEADER: usize = 12;
const TRAILER: usize = 20;

/// Reads all objects of a pack, with their ids as they are computed here. `known` gives
/// objects that deltas may be told by.
///
/// # Errors
/// Anything but a whole pack with the right checksum, within the limits.
pub fn read(
    pack: &[u8],
    limits: Limits,
    known: impl Fn(Oid) -> Option<Object>,
) -> Result<Vec<(Oid, Object)>, PackError> {
    let entries = entries(pack, limits)?;
    let mut found: Vec<Option<(Oid, Object)>> = Vec::new();
    found.resize_with(entries.len(), || None);
    let places: HashMap<usize, usize> =
        entries.iter().enumerate().map(|(index, entry)| (entry.offset, index)).collect();
    let mut ids: HashMap<Oid, usize> = HashMap::new();
    let mut left: Vec<usize> = (0..entries.len()).collect();
    let mut total = 0_usize;
    // Each round finds at least one base's descendants, or there is nothing more to find.
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for index in left {
            let entry = &entries[index];
            let object = match entry.told {
                Told::Whole(kind) => Object { kind, data: entry.data.clone() },
                Told::Earlier(back) => {
                    let base = entry.offset.checked_sub(back).and_then(|at| places.get(&at));
                    let base = base.ok_or(PackError("has a delta of nothing"))?;
                    let Some((_, base)) = &found[*base] else {
                        waiting.push(index);
                        continue;
                    };
                    grown(base, &entry.data, limits)?
                }
                Told::Of(id) => {
                    let here = ids.get(&id).and_then(|index| found[*index].clone());
                    let Some(base) = here.map(|(_, base)| base).or_else(|| known(id)) else {
                        waiting.push(index);
                        continue;
                    };
                    grown(&base, &entry.data, limits)?
                }
            };
            total += object.data.len();
            if total > limits.total {
                return Err(PackError("is too large"));
            }
            let id = Oid::hash_object(object.kind, &object.data)
                .map_err(|_| PackError("has an object that cannot be hashed"))?;
            ids.insert(id, index);
            found[index] = Some((id, object));
        }
        if waiting.len() == before {
            return Err(PackError("has a delta of an object that is not here"));
        }
        left = waiting;
    }
    Ok(found.into_iter().flatten().collect())
}

fn grown(base: &Object, delta: &[u8], limits: Limits) -> Result<Object, PackError> {
    let data = delta::apply(&base.data, delta, limits.object);
    let data = data.ok_or(PackError("has a delta that does not fit"))?;
    Ok(Object { kind: base.kind, data })
}

/// The entries, inflated, with nothing left over.
fn entries(pack: &[u8], limits: Limits) -> Result<Vec<Entry>, PackError> {
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
    let mut entries = Vec::new();
    let (mut at, mut total) = (HEADER, 0_usize);
    for _ in 0..count {
        let offset = at;
        let (told, size) = head(pack, end, &mut at)?;
        if size > limits.object {
            return Err(PackError("has an object that is too large"));
        }
        total += size;
        if total > limits.total {
            return Err(PackError("is too large"));
        }
        let mut inflate = ZlibDecoder::new(&pack[at..end]);
        let mut data = Vec::with_capacity(size);
        // One byte more than announced shows that there is more.
        let read = inflate.by_ref().take(size as u64 + 1).read_to_end(&mut data);
        if read.is_err() || data.len() != size {
            return Err(PackError("has an object of another size than it says"));
        }
        at += usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
        entries.push(Entry { offset, told, data });
    }
    if at != end {
        return Err(PackError("has more than it says"));
    }
    Ok(entries)
}

/// The head of an entry: what it is told by, and its size inflated.
fn head(pack: &[u8], end: usize, at: &mut usize) -> Result<(Told, usize), PackError> {
    let short = PackError("is cut short");
    let next = |at: &mut usize| {
        let byte = pack[..end].get(*at).copied();
        *at += 1;
        byte.ok_or(PackError("is cut short"))
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
            let mut byte = next(at)?;
            let mut back = usize::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next(at)?;
                let more = back.checked_add(1).and_then(|back| back.checked_shl(7));
                back = more.ok_or(PackError("has a delta of nothing"))? | usize::from(byte & 0x7f);
                if back > pack.len() {
                    return Err(PackError("has a delta of nothing"));
                }
            }
            Told::Earlier(back)
        }
        7 => {
            let id = pack[..end].get(*at..*at + TRAILER).ok_or(short)?;
            *at += TRAILER;
            Told::Of(Oid::from_bytes(id).map_err(|_| PackError("is cut short"))?)
        }
        _ => return Err(PackError("has an object of no kind")),
    };
    Ok((told, size))
}

/// A pack on its way out.
pub struct Writer {
    pack: Vec<u8>,
    count: u32,
}

impl Default for Writer {
    fn default() -> Self {
        Self { pack: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }
}

impl Writer {
    /// Adds an object as it is.
    pub fn whole(&mut self, kind: ObjectType, data: &[u8]) {
        let number = match kind {
            ObjectType::Commit => 1,
            ObjectType::Tree => 2,
            ObjectType::Tag => 4,
            _ => 3,
        };
        self.entry(number, &[], data);
    }

    /// Adds an object as a delta of one that the server has.
    pub fn delta(&mut self, base: Oid, delta: &[u8]) {
        self.entry(7, base.as_bytes(), delta);
    }

    fn entry(&mut self, number: u8, base: &[u8], data: &[u8]) {
        let mut size = data.len();
        let mut byte = number << 4 | (size & 0x0f) as u8;
        size >>= 4;
        while size > 0 {
            self.pack.push(byte | 0x80);
            byte = (size & 0x7f) as u8;
            size >>= 7;
        }
        self.pack.push(byte);
        self.pack.extend_from_slice(base);
        let mut deflate = ZlibEncoder::new(&mut self.pack, Compression::default());
        // Into memory, nothing can go wrong.
        let _ = deflate.write_all(data).and_then(|()| deflate.try_finish());
        drop(deflate);
        self.count += 1;
    }

    /// The pack, with its checksum.
    pub fn finish(mut self) -> Vec<u8> {
        self.pack[8..HEADER].copy_from_slice(&self.count.to_be_bytes());
        let sum = Sha1::digest(&self.pack);
        self.pack.extend_from_slice(&sum);
        self.pack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { objects: 100, object: 10_000, total: 50_000 };

    fn written(build: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::default();
        build(&mut writer);
        writer.finish()
    }

    fn read_all(pack: &[u8]) -> Result<Vec<(Oid, Object)>, PackError> {
        read(pack, LIMITS, |_| None)
    }

    /// The pack with another checksum, so that what is within is looked at.
    fn sealed(mut pack: Vec<u8>) -> Vec<u8> {
        let end = pack.len() - TRAILER;
        let sum = Sha1::digest(&pack[..end]);
        pack[end..].copy_from_slice(&sum);
        pack
    }

    #[test]
    fn objects_and_deltas_are_read_back_in_whatever_order() {
        let (base, target) = (vec![1; 3000], [vec![1; 1500], vec![2; 20], vec![1; 1500]].concat());
        let id = Oid::hash_object(ObjectType::Blob, &base).expect("an id");
        let pack = written(|writer| {
            writer.delta(id, &delta::between(&base, &target));
            writer.whole(ObjectType::Blob, &base);
        });
        let objects = read_all(&pack).expect("a pack");
        assert_eq!(objects[0].1.data, target);
        assert_eq!(objects[1].0, id);
        assert!(pack.len() < 200, "{}", pack.len());
        // A base that only the server has is asked for.
        let thin = written(|writer| writer.delta(id, &delta::between(&base, &target)));
        assert_eq!(read_all(&thin), Err(PackError("has a delta of an object that is not here")));
        let known =
            |asked| (asked == id).then(|| Object { kind: ObjectType::Blob, data: base.clone() });
        assert_eq!(read(&thin, LIMITS, known).expect("a pack")[0].1.data, target);
    }

    #[test]
    fn what_is_not_whole_or_too_much_is_refused() {
        let good = written(|writer| writer.whole(ObjectType::Blob, b"hello"));
        assert!(read_all(&good).is_ok());
        for length in 0..good.len() {
            assert!(read_all(&good[..length]).is_err(), "{length}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x41;
            assert!(read_all(&bad).is_err(), "{at}");
            if let Ok(objects) = read_all(&sealed(bad)) {
                assert_eq!(objects.len(), 1, "{at}");
            }
        }
        let many = written(|writer| (0..101).for_each(|_| writer.whole(ObjectType::Blob, b"")));
        assert_eq!(read_all(&many), Err(PackError("has too many objects")));
        let large = written(|writer| writer.whole(ObjectType::Blob, &[0; 10_001]));
        assert_eq!(read_all(&large), Err(PackError("has an object that is too large")));
        let several = written(|writer| {
            (0..6).for_each(|_| writer.whole(ObjectType::Blob, &[0; 9_000]));
        });
        assert_eq!(read_all(&several), Err(PackError("is too large")));
    }
}
