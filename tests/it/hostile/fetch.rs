//! Answers to a fetch, and packs in them, that are not what was asked for.

use super::evil::{ESCAPES, Evil, Step, assert_fails, band, line, noise};
use super::pack::{
    BLOB, COMMIT, Pack, TREE, again, answer, deflated, objects, pack, size, start, zeros,
};

#[track_caller]
fn answers(name: &str, body: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) {
    assert_fails(Step::Fetch, name, move |good| Evil::Body(body(good)));
}

/// A pack of our own in an answer that is good otherwise.
#[track_caller]
fn packs(name: &str, build: impl Fn(&mut Pack)) {
    let mut pack = Pack::new();
    build(&mut pack);
    let pack = pack.sealed();
    answers(name, move |good| answer(good, &pack));
}

/// The server's own objects, told differently.
#[track_caller]
fn told(name: &str, change: impl Fn(u8, &mut Vec<u8>) -> bool + Send + Sync + 'static) {
    answers(name, move |good| {
        let mut told = Pack::new();
        for (kind, mut data) in objects(&pack(good)) {
            if change(kind, &mut data) {
                told.object(kind, &data);
            }
        }
        answer(good, &told.sealed())
    });
}

#[test]
fn what_is_no_answer_to_a_fetch_is_an_error() {
    answers("noise", |_| noise(1 << 16));
    answers("nothing", |_| Vec::new());
    answers("the end at once", |_| b"0000".to_vec());
    answers("no pack", |good| [&good[..start(good)], b"0000"].concat());
    answers("noise for a pack", |good| answer(good, &noise(100_000)));
    answers("a band that is none", |good| [&good[..start(good)], &band(4, "PACK")].concat());
    answers("no band", |good| [&good[..start(good)], &line("")].concat());
}

#[test]
fn an_answer_that_is_cut_is_an_error() {
    for cut in [1, 4, 5, 30] {
        answers(&format!("{cut} bytes are missing"), move |good| good[..good.len() - cut].to_vec());
    }
    for length in [0, 4, 11, 12, 13, 40] {
        let name = format!("a pack of {length} bytes");
        answers(&name, move |good| answer(good, &pack(good)[..length]));
    }
    answers("a pack without its end", |good| {
        let pack = pack(good);
        answer(good, &pack[..pack.len() - 1])
    });
    answers("a pack with more", |good| answer(good, &[pack(good), vec![0; 20]].concat()));
}

#[test]
fn a_wrong_checksum_is_an_error() {
    answers("the checksum", |good| {
        let mut pack = pack(good);
        *pack.last_mut().expect("it is not empty") ^= 1;
        answer(good, &pack)
    });
    answers("a byte within", |good| {
        let mut pack = pack(good);
        let middle = pack.len() / 2;
        pack[middle] ^= 1;
        answer(good, &pack)
    });
}

#[test]
fn objects_that_are_not_those_that_were_asked_for_are_an_error() {
    told("other commits", |kind, data| {
        if kind == COMMIT {
            data.extend(b"and more");
        }
        true
    });
    told("other files", |kind, data| {
        if kind == BLOB {
            data.extend(b"# and more\n");
        }
        true
    });
    told("other folders", |kind, data| {
        if kind == TREE {
            *data.last_mut().expect("no empty folder") ^= 1;
        }
        true
    });
    told("no commits", |kind, _| kind != COMMIT);
    told("no files", |kind, _| kind != BLOB);
    told("no folders", |kind, _| kind != TREE);
    told("nothing", |_, _| false);
}

#[test]
fn lengths_and_counts_that_lie_are_an_error() {
    packs("four billion objects", |pack| {
        pack.object(BLOB, b"one").counted(u32::MAX);
    });
    packs("one object too many", |pack| {
        pack.object(BLOB, b"one").counted(2);
    });
    packs("an object of a petabyte", |pack| {
        pack.entry(BLOB, 1 << 50, &[], &deflated(b""));
    });
    packs("an object that is larger than it says", |pack| {
        pack.entry(BLOB, 10, &[], &zeros(1024));
    });
    packs("an object that is smaller than it says", |pack| {
        pack.entry(BLOB, 15 << 20, &[], &zeros(1));
    });
    packs("a delta that is longer than it says", |pack| {
        let start = pack.len();
        pack.object(BLOB, b"base").delta(start, &[&size(4)[..], &size(1), b"\x02ab"].concat());
    });
    packs("a delta that says a petabyte", |pack| {
        let start = pack.len();
        pack.object(BLOB, b"base").delta(start, &[&size(4)[..], &size(1 << 50), b"\x01a"].concat());
    });
}

#[test]
fn bombs_do_not_go_off() {
    packs("an object of a gigabyte", |pack| {
        pack.entry(BLOB, 1 << 30, &[], &zeros(1024));
    });
    packs("a hundred objects of fifteen megabytes", |pack| {
        let zeros = zeros(15);
        for _ in 0..100 {
            pack.entry(BLOB, 15 << 20, &[], &zeros);
        }
    });
    packs("thirty thousand empty objects", |pack| {
        let nothing = deflated(b"");
        for _ in 0..30_000 {
            pack.entry(BLOB, 0, &[], &nothing);
        }
    });
    packs("a delta to a gigabyte", |pack| {
        let start = pack.len();
        pack.entry(BLOB, 1 << 20, &[], &zeros(1)).delta(start, &again(1, 1024));
    });
    packs("a hundred deltas to fifteen megabytes", |pack| {
        let (start, delta) = (pack.len(), again(1, 15));
        pack.entry(BLOB, 1 << 20, &[], &zeros(1));
        for _ in 0..100 {
            pack.delta(start, &delta);
        }
    });
    packs("deltas of deltas", |pack| {
        let mut start = pack.len();
        pack.entry(BLOB, 1 << 20, &[], &zeros(1));
        for doubled in 0..12 {
            let end = pack.len();
            pack.delta(start, &again(1 << doubled, 2));
            start = end;
        }
    });
}

#[test]
fn deltas_of_nothing_are_an_error() {
    let same = |length| [size(length), size(length), vec![0x90, 4]].concat();
    packs("a delta of itself", |pack| {
        pack.delta(pack.len(), &same(4));
    });
    packs("a delta of the head", |pack| {
        pack.delta(4, &same(4));
    });
    packs("a delta from within an object", |pack| {
        let start = pack.len();
        pack.object(BLOB, b"base").delta(start + 1, &same(4));
    });
    packs("deltas of one another", |pack| {
        pack.delta_of([1; 20], &same(4)).delta_of([2; 20], &same(4));
    });
    packs("a chain of ten thousand deltas", |pack| {
        let mut start = pack.len();
        pack.object(BLOB, b"base");
        for _ in 0..10_000 {
            let end = pack.len();
            pack.delta(start, &same(4));
            start = end;
        }
    });
}

#[test]
fn answers_without_end_are_an_error() {
    for (name, piece) in [
        ("pack", band(1, noise(60_000))),
        ("words", band(2, "x".repeat(60_000))),
        ("short words", band(2, "wait\n")),
        ("signs of life", band(1, "")),
    ] {
        assert_fails(Step::Fetch, &format!("{name} without end"), move |good| {
            Evil::Endless(good[..start(good)].to_vec(), piece.clone())
        });
    }
    for (name, piece) in [
        ("cuts", line(format!("shallow {}\n", "a".repeat(40)))),
        ("lines", line("acknowledgments\n")),
        ("long lines", line("x".repeat(60_000))),
        ("delimiters", b"0001".to_vec()),
    ] {
        assert_fails(Step::Fetch, &format!("{name} without end"), move |_| {
            Evil::Endless(line("shallow-info\n"), piece.clone())
        });
    }
    assert_fails(Step::Fetch, "silence", |good| Evil::Silence(good[..start(good)].to_vec()));
}

#[test]
fn a_servers_error_is_shown_in_part_and_harmless() {
    let long = "too much ".repeat(7_000);
    for (name, error) in [
        ("a long error", line(format!("ERR {long}"))),
        ("an error for the terminal", line(format!("ERR {ESCAPES}\n{ESCAPES}"))),
    ] {
        answers(name, move |_| error.clone());
    }
    for (name, error) in [
        ("a long error", band(3, &long)),
        ("an error for the terminal", band(3, format!("{ESCAPES}\n{ESCAPES}"))),
        ("an error after 10 MB of words", {
            [band(2, ESCAPES.repeat(2_000)).repeat(200), band(3, "no")].concat()
        }),
    ] {
        let name = format!("{name}, beside the pack");
        answers(&name, move |good| [&good[..start(good)], &error].concat());
    }
}
