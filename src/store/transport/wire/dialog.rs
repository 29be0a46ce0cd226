//! What is asked of upload-pack and receive-pack, and what they answer.
//! <https://git-scm.com/docs/protocol-v2>, <https://git-scm.com/docs/pack-protocol>

use std::io::{self, Read};

use git2::Oid;

use super::packet::{self, Message, Packet, text};
use crate::domain::name::BranchName;
use crate::store::transport::{TransportError, Update};

const AGENT: &str = concat!("agent=git/pinrail-", env!("CARGO_PKG_VERSION"));
/// How much a server may say of its branches, and beside a pack, in bytes.
const LONGEST_LISTING: usize = 64 << 20;
const LONGEST_WORDS: usize = 8 << 10;

/// What a server's upload-pack can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub filter: bool,
}

/// Reads the capabilities; none where the server does not speak the second version.
pub fn capabilities(from: &mut impl Read) -> io::Result<Option<Capabilities>> {
    let mut found: Option<Capabilities> = None;
    let mut count = 0;
    loop {
        let Packet::Line(line) = packet::read(from)? else {
            // Over HTTP a heading and its flush packet may come first.
            if found.is_some() || count == 0 {
                return Ok(found);
            }
            count = 0;
            continue;
        };
        count += 1;
        match (&mut found, text(&line)) {
            (None, b"version 2") => found = Some(Capabilities::default()),
            (None, line) if line.starts_with(b"# ") => {}
            (Some(_), b"object-format=sha256") | (None, _) => return Ok(None),
            (Some(found), line) => {
                if let Some(features) = line.strip_prefix(b"fetch=") {
                    found.filter = features.split(|c| *c == b' ').any(|one| one == b"filter");
                }
            }
        }
    }
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
pub fn listed(from: &mut impl Read) -> io::Result<Vec<Reference>> {
    let (mut found, mut length) = (Vec::new(), 0);
    loop {
        let Packet::Line(line) = packet::read(from)? else { return Ok(found) };
        length += line.len();
        if length > LONGEST_LISTING {
            return Err(io::Error::other("the server has no end of branches"));
        }
        let line = String::from_utf8_lossy(text(&line)).into_owned();
        if let Some(error) = line.strip_prefix("ERR ") {
            return Err(io::Error::other(error.to_owned()));
        }
        let mut words = line.split(' ');
        // An unborn branch has no id.
        let id = words.next().and_then(|id| id.parse().ok());
        if let (Some(id), Some(name)) = (id, words.next()) {
            let target = words.find_map(|word| word.strip_prefix("symref-target:"));
            let target = target.map(ToOwned::to_owned);
            found.push(Reference { name: name.to_owned(), id, target });
        }
    }
}

/// What is wanted of the server.
#[derive(Clone, Debug, Default)]
pub struct Wants<'a> {
    pub wants: &'a [Oid],
    /// What is here already, with all that the server says led to it.
    pub haves: &'a [Oid],
    /// Where history is cut here.
    pub shallow: &'a [Oid],
    /// Only the newest commit of each.
    pub newest: bool,
}

/// Asks for objects.
pub fn fetch(wants: &Wants<'_>) -> Vec<u8> {
    let mut message = Message::default();
    message.line("command=fetch").line(AGENT).delimiter();
    message.line("thin-pack").line("ofs-delta").line("no-progress");
    for id in wants.wants {
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
pub fn fetched(from: &mut impl Read, longest: usize) -> io::Result<Fetched> {
    let mut fetched = Fetched::default();
    let mut words = Vec::new();
    let mut in_pack = false;
    loop {
        let line = match packet::read(from)? {
            Packet::Line(line) => line,
            Packet::Delimiter => continue,
            Packet::Flush | Packet::End if in_pack => return Ok(fetched),
            Packet::Flush | Packet::End => {
                return Err(io::Error::other("the server sent no pack"));
            }
        };
        if !in_pack {
            let line = text(&line);
            if line == b"packfile" {
                in_pack = true;
            } else if let Some(id) = line.strip_prefix(b"shallow ") {
                let id = std::str::from_utf8(id).ok().and_then(|id| id.parse::<Oid>().ok());
                fetched.shallow.extend(id);
            } else if let Some(error) = line.strip_prefix(b"ERR ") {
                return Err(io::Error::other(String::from_utf8_lossy(error).into_owned()));
            }
            continue;
        }
        match line.split_first() {
            Some((1, bytes)) if fetched.pack.len() + bytes.len() <= longest => {
                fetched.pack.extend_from_slice(bytes);
            }
            Some((1, _)) => return Err(io::Error::other("the server's pack has no end")),
            Some((2, bytes)) => keep(&mut words, bytes),
            Some((3, bytes)) => {
                return Err(io::Error::other(String::from_utf8_lossy(bytes).trim().to_owned()));
            }
            _ => return Err(io::Error::other("the server sent no band")),
        }
    }
}

fn keep(words: &mut Vec<u8>, more: &[u8]) {
    let room = LONGEST_WORDS.saturating_sub(words.len());
    words.extend_from_slice(&more[..more.len().min(room)]);
}

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
    let broken = |error: &io::Error| TransportError::Unreachable(error.to_string());
    let (mut report, mut words) = (Vec::new(), Vec::new());
    loop {
        match packet::read(from) {
            Ok(Packet::Line(line)) => match line.split_first() {
                Some((1, bytes)) => keep(&mut report, bytes),
                Some((2, bytes)) => keep(&mut words, bytes),
                Some((3, bytes)) => {
                    keep(&mut words, bytes);
                    return Ok(Pushed::Refused(said("", &words)));
                }
                // A server without bands reports in plain lines.
                _ => {
                    report.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
                    keep(&mut report, &line);
                }
            },
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !report.is_empty() => {
                break;
            }
            Err(error) => return Err(broken(&error)),
        }
    }
    let mut from = report.as_slice();
    let reference = branch.reference();
    while let Ok(Packet::Line(line)) = packet::read(&mut from) {
        let line = String::from_utf8_lossy(text(&line)).into_owned();
        if let Some(problem) = line.strip_prefix("unpack ").filter(|problem| *problem != "ok") {
            return Ok(Pushed::Unread(said(problem, &words)));
        }
        if line.strip_prefix("ok ") == Some(&reference) {
            return Ok(Pushed::Done);
        }
        if let Some(refusal) =
            line.strip_prefix("ng ").and_then(|line| line.strip_prefix(&reference))
        {
            return Ok(Pushed::Refused(said(refusal.trim(), &words)));
        }
    }
    let words = said("the server did not say whether the branch moved", &words);
    Err(TransportError::Protocol(words))
}

/// The server's own words: of the branch, and what its hooks said.
fn said(refusal: &str, spoken: &[u8]) -> String {
    let spoken = String::from_utf8_lossy(spoken);
    let spoken = spoken.lines().map(str::trim).filter(|line| !line.is_empty());
    let all: Vec<_> =
        std::iter::once(refusal).chain(spoken).filter(|line| !line.is_empty()).collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<u8> {
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

    fn banded(band: u8, bytes: &[u8]) -> Vec<u8> {
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
