//! git's smart protocol, spoken by ourselves: one connection, nothing on disk, and no more
//! than is needed.
//!
//! Upload-pack is asked in the second version of its protocol, for the branches that are
//! wanted alone, and at first for the uppermost of their trees; what is below is brought when
//! somebody looks for it. A push is one small pack. A server that cannot do that is asked for
//! whole commits, or left to libgit2, which also reads whole histories.

mod delta;
#[cfg(fuzzing)]
pub mod fuzzed;
mod outgoing;
mod pack;
mod packet;
mod receive;
mod server;
mod upload;
mod words;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use git2::{Odb, Oid, Repository};
use url::Url;

use super::http::Http;
use super::smart::Smart;
use super::ssh::Ssh;
use super::{Fetched, History, Transport, TransportError, Update};
use crate::domain::name::BranchName;
use crate::store::Access;
use crate::store::location::SshAddress;
use crate::store::traffic::Meter;
use pack::{Limits, Object};
use upload::Wants;

pub use outgoing::push;
pub use packet::{Packet, read as read_packet};
pub use server::{Answer, Server};
pub use upload::{Capabilities, Unread, capabilities};
pub use words::shown;

/// How much a server may make us hold.
const LIMITS: Limits = Limits { objects: 200_000, object: 16 << 20, total: 64 << 20 };
const LONGEST_PACK: usize = 32 << 20;
/// The levels below a commit that are read at once: its root and the entries of that, which
/// are the configuration and the folders.
const TOP: u32 = 2;
/// Tries to bring what was left out.
const TRIES: u32 = 4;

/// A repository on a server, its objects in memory.
pub struct Wire {
    server: Box<dyn Server>,
    objects: Repository,
    /// Reads in our place, where the server or the question are not for us.
    smart: Option<Box<Smart>>,
    abilities: Cell<Abilities>,
    here: RefCell<Here>,
    until: Cell<Instant>,
    meter: Meter,
}

/// What the server's upload-pack can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Abilities {
    /// Nothing is known, or the usual is taken for granted.
    Unknown,
    Assumed,
    Known(Capabilities),
}

/// The commits that are in memory.
#[derive(Default)]
struct Here {
    tips: Vec<Oid>,
    /// Those of which every file is here too.
    whole: HashSet<Oid>,
    /// Where history is cut.
    shallow: Vec<Oid>,
}

/// Why a question led to nothing.
enum Trouble {
    /// Another question may be answered.
    Unanswered(String),
    Failed(TransportError),
}

impl From<TransportError> for Trouble {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Protocol(words) | TransportError::NotFound(words) => {
                Self::Unanswered(words)
            }
            error => Self::Failed(error),
        }
    }
}

impl From<git2::Error> for Trouble {
    fn from(error: git2::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Trouble> for TransportError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unanswered(words) => Self::Unreachable(words),
            Trouble::Failed(error) => error,
        }
    }
}

impl Wire {
    pub fn http(url: Url, access: &Access) -> Result<Self, TransportError> {
        Self::to(Box::new(Http::new(url, access)?), access)
    }

    pub fn ssh(address: SshAddress, access: &Access) -> Result<Self, TransportError> {
        Self::to(Box::new(Ssh::new(address, access)), access)
    }

    fn to(server: Box<dyn Server>, access: &Access) -> Result<Self, TransportError> {
        let greets = server.greets();
        Ok(Self {
            server,
            objects: memory()?,
            smart: None,
            abilities: Cell::new(if greets { Abilities::Unknown } else { Abilities::Assumed }),
            here: RefCell::default(),
            until: Cell::new(Instant::now()),
            meter: access.meter.clone(),
        })
    }

    /// Leaves reading to libgit2 from here on.
    fn give_way(&mut self, why: &str) -> Result<&mut Smart, TransportError> {
        if self.smart.is_none() {
            self.meter.note(format!("reading through libgit2: {why}"));
            self.smart = Some(Box::new(Smart::over(self.server.channel())?));
        }
        match &mut self.smart {
            Some(smart) => Ok(smart),
            None => unreachable!("it was just set"),
        }
    }

    /// Asks what the server can do; false where it is not for us.
    fn learn(&self, until: Instant) -> Result<bool, TransportError> {
        let known = self.server.capabilities(until)?;
        if let Some(known) = known {
            if !known.filter {
                self.meter.note("reading whole commits: the server leaves nothing out of them");
            }
            self.abilities.set(Abilities::Known(known));
        }
        Ok(known.is_some())
    }

    /// Whether trees and files may be left out of what is asked for.
    fn filters(&self) -> bool {
        !matches!(self.abilities.get(), Abilities::Known(known) if !known.filter)
    }

    /// Why reading an answer failed: the connection, if that is what it was.
    fn trouble(&self, unread: Unread) -> Trouble {
        match (self.server.failure(), unread) {
            (Some(failure), _) => Trouble::Failed(failure),
            (None, Unread::Unanswered(words)) => Trouble::Unanswered(words),
            (None, Unread::Broken(error)) => Trouble::Failed(TransportError::Unreachable(format!(
                "the answer broke off: {error}"
            ))),
            (None, unread) => Trouble::Failed(TransportError::Protocol(unread.to_string())),
        }
    }

    fn list(&self, branches: &[BranchName], until: Instant) -> Result<Fetched, Trouble> {
        self.server.look_anew();
        let listed = upload::listed(&mut self.server.ask(upload::list(branches), until)?);
        let mut fetched = Fetched::default();
        for reference in listed.map_err(|unread| self.trouble(unread))? {
            if reference.name == "HEAD" {
                let target = reference.target.as_deref();
                let target = target.and_then(|target| target.strip_prefix("refs/heads/"));
                fetched.head = target.and_then(|target| target.parse().ok());
                continue;
            }
            let name =
                reference.name.strip_prefix("refs/heads/").and_then(|name| name.parse().ok());
            let Some(name) = name else { continue };
            if branches.contains(&name) {
                fetched.tips.insert(name.clone(), reference.id);
            }
            fetched.names.push(name);
        }
        // The branch that HEAD stands for is there, though nobody asked for it.
        fetched.names.extend(fetched.head.clone().filter(|head| !fetched.names.contains(head)));
        Ok(fetched)
    }

    /// Asks for objects, and keeps what comes.
    fn download(&self, wants: &Wants<'_>, until: Instant) -> Result<(), Trouble> {
        let fetched =
            upload::fetched(&mut self.server.ask(upload::fetch(wants), until)?, LONGEST_PACK);
        let fetched = fetched.map_err(|unread| self.trouble(unread))?;
        let odb = self.objects.odb()?;
        let known = |id| {
            let object = odb.read(id).ok()?;
            Some(Object { kind: object.kind(), data: object.data().to_vec() })
        };
        let objects = pack::read(&fetched.pack, LIMITS, known)
            .map_err(|error| TransportError::Protocol(error.to_string()))
            .map_err(Trouble::Failed)?;
        drop(fetched.pack);
        for (_, object) in objects {
            odb.write(object.kind, &object.data)?;
        }
        if let Some(missing) = wants.ids.iter().find(|id| !odb.exists(**id)) {
            let words = format!("the server sent another object than {missing}");
            return Err(Trouble::Failed(TransportError::Protocol(words)));
        }
        self.here.borrow_mut().shallow.extend(fetched.shallow);
        Ok(())
    }

    /// Brings commits: the top of their trees, or every file.
    fn bring_commits(&self, tips: &[Oid], whole: bool, until: Instant) -> Result<(), Trouble> {
        let (haves, shallow) = {
            let here = self.here.borrow();
            let fits = |id: &&Oid| !whole || here.whole.contains(*id);
            let haves: Vec<Oid> = here.tips.iter().filter(fits).copied().collect();
            (haves, here.shallow.clone())
        };
        let first = haves.is_empty();
        // What changed since is little, and told by what is here.
        let levels = (first && !whole && self.filters()).then_some(TOP);
        let complete =
            levels.is_none() && haves.iter().all(|id| self.here.borrow().whole.contains(id));
        self.download(
            &Wants {
                ids: tips,
                haves: &haves,
                shallow: if first { &[] } else { &shallow },
                newest: first,
                levels,
            },
            until,
        )?;
        let mut here = self.here.borrow_mut();
        here.tips.extend(tips);
        if complete {
            here.whole.extend(tips);
        }
        Ok(())
    }

    fn read(
        &self,
        branches: &[BranchName],
        history: History,
        until: Instant,
    ) -> Result<Fetched, Trouble> {
        let fetched = self.list(branches, until)?;
        let whole = history == History::Tip;
        let mut tips: Vec<Oid> = fetched.tips.values().copied().collect();
        tips.sort();
        tips.dedup();
        tips.retain(|id| {
            let here = self.here.borrow();
            !here.tips.contains(id) || whole && !here.whole.contains(id)
        });
        if history > History::Nothing && !tips.is_empty() {
            self.bring_commits(&tips, whole, until)?;
        }
        Ok(fetched)
    }

    /// Brings the tips with every file, where single objects cannot be had.
    fn bring_all(&self, until: Instant) -> Result<(), Trouble> {
        self.abilities.set(Abilities::Known(Capabilities { filter: false }));
        let tips = {
            let here = self.here.borrow();
            here.tips.iter().filter(|id| !here.whole.contains(*id)).copied().collect::<Vec<_>>()
        };
        if tips.is_empty() { Ok(()) } else { self.bring_commits(&tips, true, until) }
    }
}

impl Transport for Wire {
    fn fetch(
        &mut self,
        branches: &[BranchName],
        history: History,
        until: Instant,
    ) -> Result<Fetched, TransportError> {
        // A failure of an earlier exchange is not this one's.
        self.server.failure();
        self.until.set(until);
        if self.smart.is_none() && history == History::Whole {
            self.give_way("all of its history is read")?;
        }
        if self.smart.is_none()
            && self.abilities.get() == Abilities::Unknown
            && !self.learn(until)?
        {
            self.give_way("the server does not speak the second version of the protocol")?;
        }
        loop {
            if let Some(smart) = &mut self.smart {
                return smart.fetch(branches, history, until);
            }
            let words = match self.read(branches, history, until) {
                Ok(fetched) => return Ok(fetched),
                // What is too much for memory is little for libgit2, which writes it down.
                Err(Trouble::Failed(TransportError::Protocol(words)))
                    if history == History::Tip || !self.filters() =>
                {
                    self.give_way(&words)?;
                    continue;
                }
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Unanswered(words)) => words,
            };
            // One step down: from what is usual to what the server says that it can, from
            // parts to whole commits, and from there to libgit2.
            match self.abilities.get() {
                Abilities::Unknown | Abilities::Assumed => {
                    if !self.learn(until)? {
                        self.give_way(&words)?;
                    }
                }
                Abilities::Known(known) if known.filter => {
                    self.meter.note(format!("reading whole commits: {words}"));
                    self.abilities.set(Abilities::Known(Capabilities { filter: false }));
                }
                Abilities::Known(_) => {
                    self.give_way(&words)?;
                }
            }
        }
    }

    fn bring(&self, wanted: &[Oid], levels: u32) -> Result<(), TransportError> {
        let until = self.until.get();
        let mut tries = 1;
        loop {
            let wants = Wants { ids: wanted, levels: Some(levels), ..Wants::default() };
            let brought =
                if self.filters() { self.download(&wants, until) } else { self.bring_all(until) };
            match brought {
                Err(Trouble::Unanswered(words)) if self.filters() => {
                    self.meter.note(format!("reading whole commits: {words}"));
                    self.abilities.set(Abilities::Known(Capabilities { filter: false }));
                }
                Err(Trouble::Failed(error))
                    if error.is_transient() && tries < TRIES && Instant::now() < until =>
                {
                    let pause = Duration::from_millis(400) * tries;
                    thread::sleep(pause.mul_f64(fastrand::f64()));
                    tries += 1;
                }
                brought => return brought.map_err(Into::into),
            }
        }
    }

    fn expect_push(&mut self, until: Instant) {
        self.server.expect_push(until);
    }

    fn push(&mut self, update: &Update<'_>, until: Instant) -> Result<(), TransportError> {
        self.server.failure();
        let pushed = outgoing::push(self.objects(), update, |push| self.server.send(push, until));
        pushed.map_err(|error| match error {
            TransportError::Refused(_) => error,
            error => self.server.failure().unwrap_or(error),
        })
    }

    fn objects(&self) -> &Repository {
        self.smart.as_ref().map_or(&self.objects, |smart| smart.objects())
    }
}

/// A repository that is nowhere but in memory.
fn memory() -> Result<Repository, TransportError> {
    super::prepare();
    let odb = Odb::new()?;
    odb.add_new_mempack_backend(1)?;
    Ok(Repository::from_odb(odb)?)
}
