//! The parsers of what a server says, as `fuzz/` calls them: with any bytes, and with what must
//! be true of whatever comes out.

use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

use super::pack::{Limits, Object, Writer};
use super::packet::Packet;
use super::{delta, pack, receive, upload};

const LIMITS: Limits = Limits { objects: 1_000, object: 1 << 20, total: 4 << 20 };

pub fn packet(mut bytes: &[u8]) {
    let mut left = bytes.len();
    while let Ok(packet) = super::packet::read(&mut bytes) {
        let length = if let Packet::Line(line) = packet { line.len() } else { 0 };
        assert_eq!(left - bytes.len(), length + 4);
        left = bytes.len();
    }
}

pub fn capabilities(mut bytes: &[u8]) {
    let _ = upload::capabilities(&mut bytes);
}

pub fn listing(mut bytes: &[u8]) {
    let length = bytes.len();
    let found = upload::listed(&mut bytes).unwrap_or_default();
    assert!(found.iter().map(|reference| reference.name.len()).sum::<usize>() <= 3 * length);
}

pub fn answer(mut bytes: &[u8]) {
    if let Ok(fetched) = upload::fetched(&mut bytes, 1 << 10) {
        assert!(fetched.pack.len() <= 1 << 10);
    }
}

pub fn report(mut bytes: &[u8]) {
    let Ok(branch) = "main".parse() else { return };
    let _ = receive::pushed(&mut bytes, &branch);
}

pub fn pack(bytes: &[u8]) {
    let known = Object { kind: ObjectType::Blob, data: b"known".repeat(20) };
    let id = Oid::hash_object(known.kind, &known.data).unwrap_or(Oid::ZERO_SHA1);
    let read = |pack: &[u8]| pack::read(pack, LIMITS, |asked| (asked == id).then(|| known.clone()));
    let sealed = [bytes, &Sha1::digest(bytes)].concat();
    let Ok(objects) = read(&sealed) else { return };
    assert!(objects.iter().map(|(_, object)| object.data.len()).sum::<usize>() <= LIMITS.total);
    let mut writer = Writer::default();
    for (_, object) in &objects {
        writer.whole(object.kind, &object.data);
    }
    assert_eq!(read(&writer.finish()), Ok(objects));
}

pub fn delta(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return };
    let Some((base, rest)) = rest.split_at_checked(usize::from(*length)) else { return };
    if let Some(target) = delta::apply(base, rest, 1 << 16) {
        assert!(target.len() <= 1 << 16);
        let told = delta::between(base, &target);
        assert_eq!(delta::apply(base, &told, target.len()), Some(target));
    }
}
