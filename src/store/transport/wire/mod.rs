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
mod reading;
mod receive;
mod server;
mod upload;
mod words;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Instant;

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
use reading::Trouble;

pub use outgoing::push;
pub use packet::{Packet, read as read_packet};
pub use server::{Answer, Server};
pub use upload::{Capabilities, Unread, capabilities};
pub use words::shown;

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
        self.meter.time(|traffic| &mut traffic.reading, || self.bring_objects(wanted, levels))
    }

    fn may_push(&self, until: Instant) -> Result<(), TransportError> {
        self.server.may_push(until)
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
