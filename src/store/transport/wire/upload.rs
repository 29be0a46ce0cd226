//! What upload-pack is asked in the second version of its protocol, and what it answers.
//! <https://git-scm.com/docs/protocol-v2>

use std::io::{self, Read};

use git2::Oid;

use super::packet::{self, Message, Packet, text};
use super::words::{Words, shown};
use crate::domain::name::BranchName;

pub const AGENT: &str = concat!("agent=git/pinrail-", env!("CARGO_PKG_VERSION"));
/// How many lines a server may say of what it can do, and before a pack.
const MOST_LINES: usize = 10_000;
/// How much a server may say of its branches, and beside a pack, in bytes.
const LONGEST_LISTING: usize = 16 << 20;
const LONGEST_TALK: usize = 1 << 20;

/// Why an answer gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// What carries the answer broke, or the answer ended too early.
    #[error("the answer broke off: {0}")]
    Broken(#[from] io::Error),
    /// No answer at all, or an error in its place: another question may be answered.
    #[error("{0}")]
    Unanswered(String),
    #[error("the server {0}")]
    Senseless(&'static str),
}

/// What a server's upload-pack can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether trees and files can be left out of a fetch.
    pub filter: bool,
}

/// Reads an answer's first packet; an answer without a byte is none.
fn first(from: &mut impl Read) -> Result<Packet, Unread> {
    packet::read(from).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Unread::Unanswered("the answer is empty".to_owned()),
        io::ErrorKind::InvalidData => Unread::Senseless("does not speak git's protocol"),
        _ => error.into(),
    })
}

/// Reads a packet that is not the first.
fn next(from: &mut impl Read) -> Result<Packet, Unread> {
    packet::read(from).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Unread::Senseless("sent no packet line"),
        _ => error.into(),
    })
}

/// Reads the capabilities; none where the server does not speak the second version.
pub fn capabilities(from: &mut impl Read) -> Result<Option<Capabilities>, Unread> {
    let mut found: Option<Capabilities> = None;
    let mut packet = first(from)?;
    for _ in 0..MOST_LINES {
        if let Packet::Line(line) = &packet {
            match (&mut found, text(line)) {
                (None, b"version 2") => found = Some(Capabilities::default()),
                // Over HTTP a heading and its flush packet may come first.
                (None, line) if line.starts_with(b"# ") => {}
                (Some(_), b"object-format=sha256") | (None, _) => return Ok(None),
                (Some(found), line) => {
                    if let Some(features) = line.strip_prefix(b"fetch=") {
                        found.filter = features.split(|c| *c == b' ').any(|one| one == b"filter");
                    }
                }
            }
        } else if found.is_some() {
            return Ok(found);
        }
        packet = next(from)?;
    }
    Err(Unread::Senseless("has no end of capabilities"))
}

/// A reference that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    pub id: Oid,
    /// What `HEAD` stands for.
    pub target: Option<String>,
}

/// Asks where references are; without branches, for all of them.
pub fn list(branches: &[BranchName]) -> Vec<u8> {
    let mut message = Message::default();
    message.line("command=ls-refs").line(AGENT).delimiter().line("symrefs");
    message.line("ref-prefix HEAD");
    if branches.is_empty() {
        message.line("ref-prefix refs/heads/");
    }
    for branch in branches {
        message.line(&format!("ref-prefix {}", branch.reference()));
    }
    message.flush().take()
}

/// Reads where references are.
pub fn listed(from: &mut impl Read) -> Result<Vec<Reference>, Unread> {
    let (mut found, mut length) = (Vec::new(), 0);
    let mut packet = first(from)?;
    while let Packet::Line(line) = packet {
        length += line.len();
        if length > LONGEST_LISTING {
            return Err(Unread::Senseless("has no end of branches"));
        }
        if let Some(error) = line.strip_prefix(b"ERR ") {
            return Err(Unread::Unanswered(shown(error)));
        }
        let line = String::from_utf8_lossy(text(&line)).into_owned();
        let mut words = line.split(' ');
        // An unborn branch has no id.
        let id = words.next().and_then(|id| id.parse().ok());
        if let (Some(id), Some(name)) = (id, words.next()) {
            let target = words.find_map(|word| word.strip_prefix("symref-target:"));
            let target = target.map(ToOwned::to_owned);
            found.push(Reference { name: name.to_owned(), id, target });
        }
        packet = next(from)?;
    }
    match packet {
        Packet::Flush => Ok(found),
        _ => Err(Unread::Senseless("sent no list of branches")),
    }
}

/// What is wanted of the server.
#[derive(Clone, Debug, Default)]
pub struct Wants<'a> {
    pub ids: &'a [Oid],
    /// What is here already, with all that the server says led to it.
    pub haves: &'a [Oid],
    /// Where history is cut here.
    pub shallow: &'a [Oid],
    /// Only the newest commit of each.
    pub newest: bool,
    /// Only so many levels below what is wanted; the first below a commit is its root.
    /// <https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---filterfilter-spec>
    pub levels: Option<u32>,
}

/// Asks for objects.
pub fn fetch(wants: &Wants<'_>) -> Vec<u8> {
    let mut message = Message::default();
    message.line("command=fetch").line(AGENT).delimiter();
    message.line("thin-pack").line("ofs-delta").line("no-progress");
    for id in wants.ids {
        message.line(&format!("want {id}"));
    }
    for id in wants.shallow {
        message.line(&format!("shallow {id}"));
    }
    for id in wants.haves {
        message.line(&format!("have {id}"));
    }
    if wants.newest {
        message.line("deepen 1");
    }
    if let Some(levels) = wants.levels {
        message.line(&format!("filter tree:{levels}"));
    }
    message.line("done").flush().take()
}

/// What came of a fetch.
#[derive(Debug, Default)]
pub struct Fetched {
    pub pack: Vec<u8>,
    /// Where the server cut history.
    pub shallow: Vec<Oid>,
}

/// Reads the answer to a fetch, a pack of at most `longest` bytes.
pub fn fetched(from: &mut impl Read, longest: usize) -> Result<Fetched, Unread> {
    let mut fetched = Fetched::default();
    let mut packet = first(from)?;
    let mut lines = 0;
    loop {
        match &packet {
            Packet::Line(line) => {
                let line = text(line);
                if line == b"packfile" {
                    break;
                } else if let Some(id) = line.strip_prefix(b"shallow ") {
                    let id = std::str::from_utf8(id).ok().and_then(|id| id.parse::<Oid>().ok());
                    fetched.shallow.extend(id);
                } else if let Some(error) = line.strip_prefix(b"ERR ") {
                    return Err(Unread::Unanswered(shown(error)));
                }
            }
            Packet::Delimiter => {}
            Packet::Flush | Packet::End => return Err(Unread::Senseless("sent no pack")),
        }
        lines += 1;
        if lines > MOST_LINES {
            return Err(Unread::Senseless("does not come to the pack"));
        }
        packet = next(from)?;
    }
    let mut talk = 0;
    loop {
        match next(from)? {
            Packet::Line(line) => match line.split_first() {
                Some((1, bytes)) if fetched.pack.len() + bytes.len() <= longest => {
                    fetched.pack.extend_from_slice(bytes);
                }
                Some((1, _)) => return Err(Unread::Senseless("has no end of its pack")),
                Some((2, bytes)) if talk + bytes.len() <= LONGEST_TALK => talk += bytes.len() + 1,
                Some((2, _)) => return Err(Unread::Senseless("talks without end")),
                Some((3, bytes)) => {
                    let mut words = Words::default();
                    words.keep(bytes);
                    return Err(Unread::Unanswered(words.after("")));
                }
                _ => return Err(Unread::Senseless("sent no band")),
            },
            Packet::Delimiter => {}
            Packet::Flush | Packet::End => return Ok(fetched),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn lines(lines: &[&str]) -> Vec<u8> {
        let mut message = Message::default();
        for line in lines {
            match *line {
                "" => message.flush(),
                "-" => message.delimiter(),
                line => message.line(line),
            };
        }
        message.take()
    }

    pub fn banded(band: u8, bytes: &[u8]) -> Vec<u8> {
        [format!("{:04x}", bytes.len() + 5).as_bytes(), &[band], bytes].concat()
    }

    #[test]
    fn capabilities_are_those_of_the_second_version_or_none() {
        let read = |told: &[&str]| capabilities(&mut lines(told).as_slice()).expect("packets");
        let filter = Some(Capabilities { filter: true });
        let told = ["# service=git-upload-pack", "", "version 2", "fetch=shallow filter", ""];
        assert_eq!(read(&told), filter);
        assert_eq!(read(&told[2..]), filter);
        assert_eq!(read(&["version 2", "fetch=shallow", ""]), Some(Capabilities { filter: false }));
        assert_eq!(read(&["version 2", "object-format=sha256", ""]), None);
        let old = format!("{} HEAD\0multi_ack", "a".repeat(40));
        assert_eq!(read(&["# service=git-upload-pack", "", &old, ""]), None);
        assert!(capabilities(&mut &b""[..]).is_err());
    }

    #[test]
    fn a_listing_has_ids_and_what_head_stands_for() {
        let id = "a".repeat(40);
        let told = [
            &format!("{id} HEAD symref-target:refs/heads/main") as &str,
            &format!("{id} refs/heads/main"),
            "unborn HEAD symref-target:refs/heads/x",
            "",
        ];
        let found = listed(&mut lines(&told).as_slice()).expect("a listing");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].target.as_deref(), Some("refs/heads/main"));
        assert!(listed(&mut lines(&["ERR no", ""]).as_slice()).is_err());
    }

    #[test]
    fn a_pack_comes_in_bands_and_an_error_in_the_third() {
        let id = "b".repeat(40);
        let head = lines(&["shallow-info", &format!("shallow {id}"), "-", "packfile"]);
        let whole = [&head[..], &banded(2, b"hm"), &banded(1, b"PA"), &banded(1, b"CK"), b"0000"];
        let found = fetched(&mut whole.concat().as_slice(), 4).expect("a pack");
        assert_eq!((found.pack.as_slice(), found.shallow.len()), (&b"PACK"[..], 1));
        assert!(fetched(&mut whole.concat().as_slice(), 3).is_err());
        let error = [&head[..], &banded(3, b"out of memory\n")].concat();
        let error = fetched(&mut error.as_slice(), 4).expect_err("an error").to_string();
        assert_eq!(error, "out of memory");
        assert!(fetched(&mut lines(&["ERR upload-pack: not our ref", ""]).as_slice(), 4).is_err());
    }
}
