use std::path::Path;
use std::process::{Command, Output, Stdio};

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

fn blob(data: &[u8]) -> Oid {
    Oid::hash_object(ObjectType::Blob, data).expect("an id")
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
    let pack = written(|writer| {
        writer.delta(blob(&base), &delta::between(&base, &target));
        writer.whole(ObjectType::Blob, &base);
    });
    let objects = read_all(&pack).expect("a pack");
    assert_eq!(objects[0].1.data, target);
    assert_eq!(objects[1].0, blob(&base));
    assert!(pack.len() < 200, "{}", pack.len());
}

#[test]
fn what_is_told_by_an_object_from_elsewhere_needs_that_object() {
    let [base, middle, last] = [&b"the base"[..], b"the middle", b"the last"];
    let thin = written(|writer| {
        writer.delta(blob(middle), &delta::between(middle, last));
        writer.whole(ObjectType::Blob, b"another");
        writer.delta(blob(base), &delta::between(base, middle));
    });
    let told: Vec<_> = read_all(&thin).expect("a pack").into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [blob(b"another")], "what cannot be told is left out");
    let known = |id| {
        let there = Object { kind: ObjectType::Blob, data: base.to_vec() };
        (id == blob(base)).then_some(there)
    };
    let told: Vec<_> =
        read(&thin, LIMITS, known).expect("a pack").into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [blob(last), blob(b"another"), blob(middle)]);
}

#[test]
fn deltas_of_one_another_tell_nothing() {
    let (one, other) = (b"one of them", b"the other one");
    let pack = written(|writer| {
        writer.delta(blob(one), &delta::between(one, other));
        writer.delta(blob(other), &delta::between(other, one));
        writer.delta(blob(b"itself"), &delta::between(b"itself", b"itself"));
    });
    assert_eq!(read_all(&pack), Ok(Vec::new()));
    // By its place, an entry can only be told by one before it.
    let mut itself = written(|writer| writer.whole(ObjectType::Blob, b"a"));
    itself[HEADER] = 0x61;
    itself.insert(HEADER + 1, 0);
    assert_eq!(read_all(&sealed(itself)), Err(PackError("has a delta of nothing")));
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
    let whole = |count: u8, size| {
        written(|writer| {
            (0..count).for_each(|_| writer.whole(ObjectType::Blob, &vec![0; size]));
        })
    };
    assert_eq!(read_all(&whole(101, 0)), Err(PackError("has too many objects")));
    assert_eq!(read_all(&whole(1, 10_000)).map(|objects| objects.len()), Ok(1));
    assert_eq!(read_all(&whole(1, 10_001)), Err(PackError("has an object that is too large")));
    assert_eq!(read_all(&whole(5, 10_000)).map(|objects| objects.len()), Ok(5));
    assert_eq!(read_all(&whole(6, 9_000)), Err(PackError("is too large")));
}

#[test]
fn a_count_or_a_size_that_cannot_follow_is_refused_before_room_is_made() {
    let huge = Limits { objects: usize::MAX, object: usize::MAX, total: usize::MAX };
    let mut pack = written(|writer| writer.whole(ObjectType::Blob, b""));
    pack[8..HEADER].copy_from_slice(&[0xff; 4]);
    assert_eq!(read(&sealed(pack.clone()), huge, |_| None), Err(PackError("is cut short")));
    pack[8..HEADER].copy_from_slice(&[0, 0, 0, 1]);
    // The entry's head says a petabyte.
    pack.splice(HEADER..=HEADER, [0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04]);
    assert_eq!(read(&sealed(pack), huge, |_| None), Err(PackError("is cut short")));
}

#[test]
fn what_deltas_grow_to_is_limited_too() {
    let mut data = vec![b'a'; 9_000];
    let bomb = written(|writer| {
        writer.whole(ObjectType::Blob, &data);
        for byte in 0..10 {
            let before = data.clone();
            data[byte] = b'b';
            writer.delta(blob(&before), &delta::between(&before, &data));
        }
    });
    assert!(bomb.len() < 600, "{}", bomb.len());
    let large = Err(PackError("has a delta that does not fit or is too large"));
    assert_eq!(read_all(&bomb), large);
    let wide = Limits { total: 200_000, ..LIMITS };
    assert_eq!(read(&bomb, wide, |_| None).map(|objects| objects.len()), Ok(11));
}

#[test]
fn a_chain_of_deltas_is_followed_without_recursion_as_far_as_git_goes() {
    let limits = Limits { objects: 10_000, object: 100, total: 1 << 20 };
    let chain = |length: u16| {
        written(|writer| {
            writer.whole(ObjectType::Blob, &0_u16.to_be_bytes());
            // The wrong way round, so that no round through the entries finds more than one.
            for number in (1..=length).rev() {
                let (base, target) = ((number - 1).to_be_bytes(), number.to_be_bytes());
                writer.delta(blob(&base), &delta::between(&base, &target));
            }
        })
    };
    let all = read(&chain(4095), limits, |_| None).expect("a pack");
    assert_eq!(all.len(), 4096);
    let long = Err(PackError("has too long a chain of deltas"));
    assert_eq!(read(&chain(4096), limits, |_| None), long);
}

/// Runs git in a folder, with something to read.
fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut git = Command::new("git");
    git.current_dir(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let file = folder.join("input");
    std::fs::write(&file, input).expect("write the input");
    git.stdin(Stdio::from(std::fs::File::open(file).expect("open the input")));
    let Output { status, stdout, stderr } = git.output().expect("run git");
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

/// Versions of a file that git tells by one another.
fn versions() -> Vec<Vec<u8>> {
    let lines: Vec<u8> = (0..400).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    let version = |number: usize| {
        let mut lines = lines.clone();
        lines.splice(number * 50..number * 50 + 4, *b"edit");
        lines
    };
    (0..20).map(version).collect()
}

#[test]
fn what_git_packs_is_read() {
    let folder = tempfile::tempdir().expect("create a directory");
    git(folder.path(), &["init", "--quiet", "--bare"], b"");
    let mut ids = String::new();
    for version in versions() {
        let id = git(folder.path(), &["hash-object", "-w", "--stdin"], &version);
        ids.push_str(std::str::from_utf8(&id).expect("an id"));
    }
    for offsets in ["--delta-base-offset", "--no-delta-base-offset"] {
        let arguments = ["pack-objects", "--stdout", "--window=30", "--quiet", offsets];
        let pack = git(folder.path(), &arguments, ids.as_bytes());
        assert!(pack.len() < versions()[0].len(), "git wrote deltas");
        let mut read = read_all_of(&pack);
        let mut expected = versions();
        read.sort();
        expected.sort();
        assert_eq!(read, expected, "{offsets}");
    }
}

fn read_all_of(pack: &[u8]) -> Vec<Vec<u8>> {
    let limits = Limits { total: 1 << 20, ..LIMITS };
    let objects = read(pack, limits, |_| None).expect("a pack");
    objects.into_iter().map(|(_, object)| object.data).collect()
}

#[test]
fn git_reads_what_is_written() {
    let folder = tempfile::tempdir().expect("create a directory");
    git(folder.path(), &["init", "--quiet", "--bare"], b"");
    let versions = versions();
    let id = git(folder.path(), &["hash-object", "-w", "--stdin"], &versions[0]);
    assert_eq!(id, format!("{}\n", blob(&versions[0])).into_bytes());
    let pack = written(|writer| {
        writer.delta(blob(&versions[0]), &delta::between(&versions[0], &versions[1]));
        writer.whole(ObjectType::Blob, b"");
        writer.whole(ObjectType::Blob, &versions[2]);
        writer.delta(blob(&versions[2]), &delta::between(&versions[2], &versions[3]));
    });
    git(folder.path(), &["index-pack", "--stdin", "--fix-thin", "--strict"], &pack);
    for version in &versions[..4] {
        let read = git(folder.path(), &["cat-file", "blob", &blob(version).to_string()], b"");
        assert_eq!(&read, version);
    }
}
