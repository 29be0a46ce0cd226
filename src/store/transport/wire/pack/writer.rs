//! Packs, written small.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

use super::HEADER;

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
        let mut byte = number << 4 | size.to_le_bytes()[0] & 0x0f;
        size >>= 4;
        while size > 0 {
            self.pack.push(byte | 0x80);
            byte = size.to_le_bytes()[0] & 0x7f;
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
