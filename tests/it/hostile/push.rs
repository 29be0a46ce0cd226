//! Answers to a push that did not happen.

use super::evil::{ESCAPES, Evil, Step, against, assert_fails, band, line, noise};

/// What receive-pack reports, in its band.
fn report(lines: &[&str]) -> Vec<u8> {
    let lines: Vec<u8> = lines.iter().flat_map(|text| line(format!("{text}\n"))).collect();
    [band(1, [&lines[..], b"0000"].concat()), b"0000".to_vec()].concat()
}

/// The push failed, and nothing says that it did not happen but the branch itself.
#[track_caller]
fn bodies(cases: &[(&str, Vec<u8>)]) {
    for (name, body) in cases.iter().cloned() {
        assert_fails(Step::Push, name, move |_| Evil::Body(body.clone()));
    }
}

#[test]
fn a_report_that_does_not_come_is_no_success() {
    bodies(&[
        ("nothing", Vec::new()),
        ("the end at once", b"0000".to_vec()),
        ("an empty report", report(&[])),
        ("unpacked, and no more", report(&["unpack ok"])),
        ("a cut report", report(&["unpack ok", "ok refs/heads/main"])[..20].to_vec()),
        ("a length that lies", [b"fff0\x01", &line("unpack ok\n")[..]].concat()),
        ("noise", noise(1 << 16)),
        ("words, and no report", band(2, "all is well\n")),
    ]);
    assert_fails(Step::Push, "silence", |_| Evil::Silence(Vec::new()));
    assert_fails(Step::Push, "words, and silence", |_| Evil::Silence(band(2, "wait\n")));
    assert_fails(Step::Push, "half a report, and silence", |_| {
        Evil::Silence(line("unpack ok\n")[..9].to_vec())
    });
}

#[test]
fn a_report_of_another_branch_is_no_success() {
    for other in ["refs/heads/mains", "refs/heads/other", "main", "refs/heads/main\0", ""] {
        let body = report(&["unpack ok", &format!("ok {other}")]);
        assert_fails(Step::Push, &format!("ok {other:?}"), move |_| Evil::Body(body.clone()));
    }
}

#[test]
fn a_report_without_end_is_no_success() {
    for (name, piece) in [
        ("words", band(2, "wait\n")),
        ("long words", band(2, "x".repeat(60_000))),
        ("a report", band(1, line("ok refs/heads/other\n"))),
        ("signs of life", band(2, "")),
        ("plain lines", line("ok refs/heads/other\n")),
        ("empty lines", line("")),
    ] {
        let name = format!("{name} without end");
        assert_fails(Step::Push, &name, move |_| Evil::Endless(Vec::new(), piece.clone()));
    }
}

#[test]
fn a_refusal_is_shown_in_part_and_harmless() {
    let long = "too much ".repeat(7_000);
    let words = band(2, format!("{ESCAPES}\n").repeat(1_000)).repeat(300);
    for (name, body) in [
        ("a long refusal", report(&["unpack ok", &format!("ng refs/heads/main {long}")])),
        ("a refusal for the terminal", {
            report(&["unpack ok", &format!("ng refs/heads/main {ESCAPES}")])
        }),
        ("a long pack error", report(&[&format!("unpack {long}{ESCAPES}")])),
        ("many words", [words, report(&["unpack ok", "ng refs/heads/main no"])].concat()),
        ("an error", band(3, format!("{ESCAPES}{long}"))),
    ] {
        let run = against(Step::Push, name, move |_| Evil::Body(body.clone()));
        assert_eq!(run.verdict(), "5 refused refused", "{name}: {run:#?}");
    }
}
