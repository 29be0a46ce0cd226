//! What receive-pack is sent, and what it answers.
//! <https://git-scm.com/docs/pack-protocol#_pushing_data_to_a_server>

use std::io::{self, Read};

use git2::Oid;

use super::packet::{self, Message, Packet, text};
use super::upload::AGENT;
use super::words::Words;
use crate::domain::name::BranchName;
use crate::store::transport::{TransportError, Update};

/// How much a server may report, and say beside it, in bytes.
const LONGEST_REPORT: usize = 64 << 10;
const LONGEST_TALK: usize = 16 << 20;

/// Tells receive-pack to move one reference; `pack` where it is not to be deleted.
pub fn push(update: &Update<'_>, pack: &[u8]) -> Vec<u8> {
    let id = |id: Option<Oid>| id.unwrap_or(Oid::ZERO_SHA1);
    let mut capabilities = format!("report-status side-band-64k {AGENT}");
    if update.to.is_none() {
        capabilities.push_str(" delete-refs");
    }
    let mut message = Message::default();
    let command = format!(
        "{} {} {}\0 {capabilities}",
        id(update.from),
        id(update.to),
        update.branch.reference()
    );
    message.line(&command).flush().raw(pack).take()
}

/// What the server says of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    Done,
    Refused(String),
    /// It could not read what was sent.
    Unread(String),
}

/// Reads what became of a push.
pub fn pushed(from: &mut impl Read, branch: &BranchName) -> Result<Pushed, TransportError> {
    let (report, words) = match told(from)? {
        Told::Report(report, words) => (report, words),
        Told::Fatal(words) => return Ok(Pushed::Refused(words.after(""))),
    };
    let mut from = report.as_slice();
    let reference = branch.reference();
    while let Ok(Packet::Line(line)) = packet::read(&mut from) {
        let line = String::from_utf8_lossy(text(&line)).into_owned();
        if let Some(problem) = line.strip_prefix("unpack ").filter(|problem| *problem != "ok") {
            return Ok(Pushed::Unread(words.after(problem)));
        }
        if line.strip_prefix("ok ") == Some(&reference) {
            return Ok(Pushed::Done);
        }
        if let Some(refusal) =
            line.strip_prefix("ng ").and_then(|line| line.strip_prefix(&reference))
        {
            return Ok(Pushed::Refused(words.after(refusal.trim())));
        }
    }
    let problem = "the server did not say whether the branch moved";
    Err(TransportError::Protocol(words.after(problem)))
}

enum Told {
    /// The report on each branch, and what was said beside it.
    Report(Vec<u8>, Words),
    Fatal(Words),
}

/// Reads the bands of an answer to a push.
fn told(from: &mut impl Read) -> Result<Told, TransportError> {
    let (mut report, mut words) = (Vec::new(), Words::default());
    let mut length = 0;
    loop {
        let line = match packet::read(from) {
            Ok(Packet::Line(line)) => line,
            Ok(_) => return Ok(Told::Report(report, words)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !report.is_empty() => {
                return Ok(Told::Report(report, words));
            }
            Err(error) => return Err(TransportError::Unreachable(error.to_string())),
        };
        match line.split_first() {
            Some((1, bytes)) => report.extend_from_slice(bytes),
            Some((2, bytes)) => words.keep(bytes),
            Some((3, bytes)) => {
                words.keep(bytes);
                return Ok(Told::Fatal(words));
            }
            // A server without bands reports in plain lines.
            _ => {
                report.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
                report.extend_from_slice(&line);
            }
        }
        length += line.len() + 1;
        if report.len() > LONGEST_REPORT || length > LONGEST_TALK {
            let problem = "the server's answer to the push has no end";
            return Err(TransportError::Unreachable(problem.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::upload::tests::{banded, lines};
    use super::*;

    #[test]
    fn a_push_is_done_only_where_the_server_says_so_of_this_branch() {
        let branch = "main".parse().expect("a branch");
        let read = |report: &[&str], words: &[u8]| {
            let bytes = [banded(1, &lines(report)), banded(2, words), b"0000".to_vec()].concat();
            pushed(&mut bytes.as_slice(), &branch)
        };
        assert_eq!(read(&["unpack ok", "ok refs/heads/main", ""], b"bye"), Ok(Pushed::Done));
        assert_eq!(
            read(&["unpack ok", "ng refs/heads/main hook declined", ""], b"no\nway\n"),
            Ok(Pushed::Refused("hook declined; no; way".to_owned()))
        );
        assert_eq!(
            read(&["unpack index-pack failed", ""], b""),
            Ok(Pushed::Unread("index-pack failed".to_owned()))
        );
        assert!(matches!(
            read(&["unpack ok", "ok refs/heads/mains", ""], b""),
            Err(TransportError::Protocol(_))
        ));
        assert!(matches!(pushed(&mut &b""[..], &branch), Err(TransportError::Unreachable(_))));
    }
}
