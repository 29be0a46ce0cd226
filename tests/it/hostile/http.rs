//! HTTP that is not what it seems.

use super::evil::{ESCAPES, Evil, Step, against, assert_fails};

const ALL: [Step; 3] = [Step::Listing, Step::Fetch, Step::Push];

/// An answer with any head, which is told what a good one's kind is.
fn raw(head: &str, body: &[u8]) -> Evil {
    Evil::Raw([head.replace('\n', "\r\n").as_bytes(), b"\r\n", body].concat())
}

const RESULT: &str = "\
HTTP/1.1 200 OK
Connection: close
Content-Type: application/x-git-upload-pack-result
";

#[test]
fn a_long_error_text_is_shown_in_part_and_harmless() {
    for step in ALL {
        for status in ["500 No", "403 Forbidden", "404 Not Found"] {
            let name = format!("{status}, {step:?}");
            let run = against(step, &name, move |_| {
                let text = format!("disk full {ESCAPES}").repeat(400_000);
                let head = format!(
                    "HTTP/1.1 {status}\nConnection: close\nContent-Type: text/plain\nContent-Length: {}\n",
                    text.len()
                );
                raw(&head, text.as_bytes())
            });
            let code = if step == Step::Push && status.starts_with("403") { 5 } else { 1 };
            assert_eq!(run.code, code, "{name}: {run:#?}");
            assert!(run.message().contains("disk full"), "{name}: {run:#?}");
        }
    }
}

#[test]
fn heads_without_end_are_an_error() {
    for step in [Step::Listing, Step::Push] {
        for (name, start, piece) in [
            ("one long header", "HTTP/1.1 200 OK\r\nX: ", "xxxxxxxx"),
            ("many headers", "HTTP/1.1 200 OK\r\n", "X: xxxxxxxx\r\n"),
            ("a long status", "HTTP/1.1 200 ", "xxxxxxxx"),
            ("answers before the answer", "", "HTTP/1.1 100 Continue\r\n\r\n"),
            ("no HTTP", "", "SSH-2.0-OpenSSH "),
        ] {
            assert_fails(step, &format!("{name}, {step:?}"), move |_| {
                Evil::RawEndless(start.into(), piece.into())
            });
        }
        assert_fails(step, &format!("a header of 10 MB, {step:?}"), |_| {
            raw(&format!("{RESULT}X: {}\n", "x".repeat(10 << 20)), b"")
        });
    }
}

#[test]
fn bodies_that_are_framed_falsely_are_an_error() {
    for step in [Step::Listing, Step::Fetch] {
        for (name, framing) in [
            ("a length of everything", "Content-Length: 18446744073709551615\n"),
            ("a length that is none", "Content-Length: -1\n"),
            ("two lengths", "Content-Length: 5\nContent-Length: 500\n"),
            ("too short a length", "Content-Length: 7\n"),
        ] {
            let run = against(step, &format!("{name}, {step:?}"), move |good| {
                raw(&format!("{RESULT}{framing}"), good)
            });
            // Nothing is there, where what is read in the end says that it is something else.
            assert_eq!(run.code, 1, "{name}, {step:?}: {run:#?}");
        }
        for (name, chunk) in [
            ("a chunk of everything", "ffffffffffffffff\r\n"),
            ("a chunk beyond everything", "fffffffffffffffffffffffff\r\n"),
            ("a chunk of no length", "zz\r\n"),
            ("a cut chunk", "10\r\nabc"),
        ] {
            assert_fails(step, &format!("{name}, {step:?}"), move |_| {
                raw(&format!("{RESULT}Transfer-Encoding: chunked\n"), chunk.as_bytes())
            });
        }
        assert_fails(step, &format!("chunks with endless names, {step:?}"), |_| {
            let head = format!("{RESULT}Transfer-Encoding: chunked\n\n1;");
            Evil::RawEndless(head.replace('\n', "\r\n").into(), b"aaaaaaaa".into())
        });
    }
}

#[test]
fn an_encoding_that_was_not_asked_for_is_an_error() {
    for step in [Step::Listing, Step::Fetch] {
        let head = format!("{RESULT}Content-Encoding: gzip\n");
        assert_fails(step, &format!("gzip, {step:?}"), move |good| raw(&head, &gzip(good)));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("into memory");
    gzip.finish().expect("into memory")
}

#[test]
fn a_byte_a_second_ends_at_the_deadline() {
    for step in [Step::Listing, Step::Fetch] {
        let run = against(step, &format!("{step:?}"), |_| Evil::Drip);
        assert_eq!(run.verdict(), "1 failed timeout", "{step:?}: {run:#?}");
    }
}
