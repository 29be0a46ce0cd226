//! Capabilities and branches that are not what they seem.

use super::evil::{ESCAPES, Evil, Step, against, assert_fails, band, line, noise, through};
use super::pack::{BLOB, Pack, deflated};

const BOTH: [Step; 2] = [Step::Greeting, Step::Listing];

type Spoil = fn(&[u8]) -> Vec<u8>;

/// These answers in place of a good one, in either step.
#[track_caller]
fn bodies(cases: &[(&str, Spoil)]) {
    for (name, body) in cases.iter().copied() {
        for step in BOTH {
            assert_fails(step, &format!("{name}, {step:?}"), move |good| Evil::Body(body(good)));
        }
    }
}

#[test]
fn what_is_no_packet_line_is_an_error() {
    bodies(&[
        ("noise", |_| noise(1 << 16)),
        ("nothing", |_| Vec::new()),
        ("zeros", |_| vec![0; 1 << 20]),
        ("a page", |_| b"<html><body>Please log in</body></html>".to_vec()),
        ("a length that is none", |good| [b"0003", good].concat()),
        ("a negative length", |good| [b"-001", good].concat()),
    ]);
}

#[test]
fn lengths_that_lie_are_an_error() {
    bodies(&[
        ("the longest length and nothing", |_| b"ffff".to_vec()),
        ("a length beyond the longest", |_| [b"ffff".to_vec(), vec![b'a'; 1 << 17]].concat()),
        ("more than there is", |good| [b"fff0", good].concat()),
        ("a cut line", |good| good[..good.len() - 9].to_vec()),
        ("a cut length", |good| good[..good.len() - 2].to_vec()),
        ("no end", |good| good[..good.len() - 4].to_vec()),
    ]);
}

#[test]
fn lines_without_end_are_an_error() {
    for (name, piece) in [
        ("branches", line(format!("{} refs/heads/x", "a".repeat(40)))),
        ("the same branch", line(format!("{} refs/heads/main", "b".repeat(40)))),
        ("long names", line(format!("{} refs/heads/{}", "a".repeat(40), "x".repeat(60_000)))),
        ("empty lines", line("")),
        ("words", line("agent=git/2.0\n")),
        ("delimiters", b"0001".to_vec()),
    ] {
        for step in BOTH {
            let start = if step == Step::Greeting { line("version 2\n") } else { Vec::new() };
            let piece = piece.clone();
            assert_fails(step, &format!("{name} without end, {step:?}"), move |_| {
                Evil::Endless(start.clone(), piece.clone())
            });
        }
    }
}

#[test]
fn an_error_is_shown_in_part_and_harmless() {
    for step in BOTH {
        assert_fails(step, &format!("a long error, {step:?}"), |_| {
            Evil::Body(line(format!("ERR {}\n", "too much ".repeat(7_000))))
        });
        assert_fails(step, &format!("an error for the terminal, {step:?}"), |_| {
            Evil::Body(line(format!("ERR {ESCAPES}\n{ESCAPES}\n")))
        });
    }
}

#[test]
fn a_branch_that_is_nothing_is_an_error() {
    let there = |id: &str| {
        let id = id.to_owned();
        move |_: &[u8]| {
            let head = line(format!("{id} HEAD symref-target:refs/heads/main\n"));
            Evil::Body([head, line(format!("{id} refs/heads/main\n")), b"0000".to_vec()].concat())
        }
    };
    let nowhere = "deadbeef".repeat(5);
    assert_fails(Step::Listing, "a commit that is nowhere", there(&nowhere));
    let names = [ESCAPES, "../../etc/passwd", "-", "main\0main", "main.lock", "main "];
    let lines = names.map(|name| line(format!("{nowhere} refs/heads/{name}\n"))).concat();
    let run = against(Step::Listing, "names that are none", move |_| {
        Evil::Body([&lines[..], b"0000"].concat())
    });
    assert_eq!(run.code, 1, "{run:#?}");
}

#[test]
fn a_server_that_speaks_the_first_version_alone_is_believed_no_more() {
    let greeting = |capabilities: &str| {
        let id = "deadbeef".repeat(5);
        let main = line(format!("{id} refs/heads/main\0{capabilities}\n"));
        [line("# service=git-upload-pack\n"), b"0000".to_vec(), main, b"0000".to_vec()].concat()
    };
    let mut pack = Pack::new();
    pack.counted(u32::MAX);
    let head = pack.sealed()[..12].to_vec();
    let mut entry = Pack::new();
    entry.entry(BLOB, 4, &[], &deflated(b"evil"));
    let sealed = entry.sealed();
    let entry = sealed[12..sealed.len() - 20].to_vec();
    for (name, start, piece) in [
        ("noise", noise(1 << 16), noise(1 << 16)),
        ("branches", line(format!("shallow {}", "a".repeat(40))), line("NAK\n")),
        ("objects", [line("NAK\n"), band(1, head)].concat(), band(1, entry.repeat(1_000))),
        ("words", line("NAK\n"), band(2, "wait\n")),
    ] {
        let greeting = greeting("multi_ack side-band-64k ofs-delta shallow");
        let run = through(Step::Greeting, &format!("{name} without end"), move |step, _| {
            Some(match step {
                Step::Greeting => Evil::Body(greeting.clone()),
                Step::Listing => Evil::Body(line("ERR what?\n")),
                Step::Fetch | Step::Push => Evil::Endless(start.clone(), piece.clone()),
            })
        });
        assert_eq!(run.code, 1, "{name}: {run:#?}");
    }
}
