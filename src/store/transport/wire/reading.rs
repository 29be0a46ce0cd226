//! What is asked of upload-pack, and kept: listings, parts of commits, and what is missing.

use std::thread;
use std::time::{Duration, Instant};

use git2::Oid;

use super::pack::{self, Limits, Object};
use super::upload::{self, Unread, Wants};
use super::{Abilities, Capabilities, Wire};
use crate::domain::name::BranchName;
use crate::store::transport::{Fetched, History, TransportError};

/// How much a server may make us hold.
const LIMITS: Limits = Limits { objects: 200_000, object: 16 << 20, total: 64 << 20 };
const LONGEST_PACK: usize = 32 << 20;
/// The levels below a commit that are read at once: its root and the entries of that, which
/// are the configuration and the folders.
const TOP: u32 = 2;
/// Tries to bring what was left out.
const TRIES: u32 = 4;

/// Why a question led to nothing.
pub(super) enum Trouble {
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

    pub(super) fn read(
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

    /// Brings single objects, or else all of the commits that they are of.
    pub(super) fn bring_objects(&self, wanted: &[Oid], levels: u32) -> Result<(), TransportError> {
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
