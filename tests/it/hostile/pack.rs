//! Packs, written with lies in them.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use sha1::{Digest, Sha1};

use super::evil::{band, line};

pub const COMMIT: u8 = 1;
pub const TREE: u8 = 2;
pub const BLOB: u8 = 3;
const EARLIER: u8 = 6;
const OF: u8 = 7;

/// A pack on its way to somebody who should not believe it.
pub struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

impl Pack {
    pub fn new() -> Pack {
        Pack { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// An entry that says to be of this size, whatever follows.
    pub fn entry(&mut self, kind: u8, size: usize, base: &[u8], deflated: &[u8]) -> &mut Pack {
        let (mut byte, mut left) = (kind << 4 | size.to_le_bytes()[0] & 0x0f, size >> 4);
        while left > 0 {
            self.bytes.push(byte | 0x80);
            byte = left.to_le_bytes()[0] & 0x7f;
            left >>= 7;
        }
        self.bytes.push(byte);
        self.bytes.extend([base, deflated].concat());
        self.count += 1;
        self
    }

    pub fn object(&mut self, kind: u8, data: &[u8]) -> &mut Pack {
        self.entry(kind, data.len(), &[], &deflated(data))
    }

    /// A delta of the entry that begins where the pack is this long.
    pub fn delta(&mut self, base: usize, delta: &[u8]) -> &mut Pack {
        let mut back = self.bytes.len() - base;
        let mut offset = vec![back.to_le_bytes()[0] & 0x7f];
        while back >> 7 > 0 {
            back = (back >> 7) - 1;
            offset.insert(0, back.to_le_bytes()[0] | 0x80);
        }
        self.entry(EARLIER, delta.len(), &offset, &deflated(delta))
    }

    pub fn delta_of(&mut self, id: [u8; 20], delta: &[u8]) -> &mut Pack {
        self.entry(OF, delta.len(), &id, &deflated(delta))
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Says to have so many entries.
    pub fn counted(&mut self, count: u32) -> &mut Pack {
        self.count = count;
        self
    }

    pub fn sealed(&mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        [&self.bytes[..], &Sha1::digest(&self.bytes)].concat()
    }
}

pub fn deflated(data: &[u8]) -> Vec<u8> {
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(data).expect("into memory");
    deflate.finish().expect("into memory")
}

/// What inflates to so many MiB of zeros.
pub fn zeros(megabytes: usize) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&vec![0; 1 << 20]).expect("into memory");
    deflate.flush().expect("into memory");
    let piece = deflate.get_ref().repeat(megabytes);
    // The checksum of zeros is one, and how often it was added up.
    let sum = u32::try_from((megabytes << 20) % 65_521).expect("a remainder is small");
    let sum = (sum << 16 | 1).to_be_bytes();
    [&b"\x78\x9c"[..], &piece, b"\x03\x00", &sum].concat()
}

/// A delta that says the whole base of so many MiB again and again.
pub fn again(megabytes: usize, times: usize) -> Vec<u8> {
    let copies = (0..megabytes).flat_map(|at| {
        // From `at` MiB, one MiB.
        let from = (at << 20).to_le_bytes();
        [0x80 | 0x0f | 0x40, from[0], from[1], from[2], from[3], 0x10]
    });
    let sizes = [megabytes << 20, (megabytes * times) << 20].map(size).concat();
    [sizes, copies.collect::<Vec<u8>>().repeat(times)].concat()
}

/// A size as deltas tell it.
pub fn size(mut size: usize) -> Vec<u8> {
    let mut told = Vec::new();
    while size >= 0x80 {
        told.push(size.to_le_bytes()[0] | 0x80);
        size >>= 7;
    }
    told.push(size.to_le_bytes()[0]);
    told
}

/// A good answer with another pack.
pub fn answer(good: &[u8], pack: &[u8]) -> Vec<u8> {
    let bands: Vec<u8> = pack.chunks(60_000).flat_map(|piece| band(1, piece)).collect();
    [&good[..start(good)], &bands, b"0000"].concat()
}

/// Where the bands begin, in either version of the protocol, or would after an answer without.
pub fn start(good: &[u8]) -> usize {
    let after = |line: Vec<u8>| {
        let found = good.windows(line.len()).position(|bytes| bytes == line);
        found.map(|at| at + line.len())
    };
    let found = after(line("packfile\n")).or_else(|| after(line("NAK\n")));
    found.unwrap_or(good.len())
}

/// The pack in a good answer.
pub fn pack(good: &[u8]) -> Vec<u8> {
    let (mut pack, mut rest) = (Vec::new(), &good[start(good)..]);
    while let Some((length, after)) = rest.split_at_checked(4) {
        let length = std::str::from_utf8(length).expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a length");
        let Some(length) = length.checked_sub(4) else { break };
        let (packet, after) = after.split_at(length);
        if packet[0] == 1 {
            pack.extend_from_slice(&packet[1..]);
        }
        rest = after;
    }
    pack
}

/// The objects of a pack without deltas.
pub fn objects(pack: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &pack[12..pack.len() - 20];
    let mut objects = Vec::new();
    while let Some((first, mut after)) = rest.split_first() {
        let mut byte = *first;
        while byte & 0x80 != 0 {
            byte = after[0];
            after = &after[1..];
        }
        let kind = first >> 4 & 7;
        assert!((1..5).contains(&kind), "so small a repository is packed without deltas");
        let mut inflate = ZlibDecoder::new(after);
        let mut data = Vec::new();
        inflate.read_to_end(&mut data).expect("git's own pack");
        rest = &after[usize::try_from(inflate.total_in()).expect("it is short")..];
        objects.push((kind, data));
    }
    objects
}
