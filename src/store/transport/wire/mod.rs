//! git's smart protocol, spoken by ourselves: one connection, nothing on disk, and no more
//! than is needed.
//!
//! Upload-pack is asked in the second version of its protocol, for the branches that are
//! wanted alone. A push is one small pack: an edited tree is told as a delta of the one that
//! the server has. A server that does not speak that version, and everything that needs the
//! whole history, is left to libgit2.

mod delta;
mod dialog;
mod pack;
mod packet;

use std::time::Instant;

use git2::{ObjectType, Odb, Oid, Repository, Tree};
use url::Url;

use super::channel::Channel;
use super::http::Http;
use super::smart::Smart;
use super::{Fetched, History, Transport, TransportError, Update};
use crate::domain::name::BranchName;
use crate::store::Access;
use dialog::{Pushed, Wants};
use pack::{Limits, Object, Writer};

/// How much a server may make us hold.
const LIMITS: Limits = Limits { objects: 2_000_000, object: 64 << 20, total: 512 << 20 };
const LONGEST_PACK: usize = 256 << 20;

/// A repository over HTTP, its objects in memory.
pub struct Wire {
    http: Http,
    objects: Repository,
    /// Where history is cut in `objects`.
    shallow: Vec<Oid>,
    /// Tips that are in `objects` with all that belongs to them.
    seen: Vec<Oid>,
    spoken: Spoken,
}

/// Which protocol the server was found to speak.
enum Spoken {
    Unknown,
    Second,
    /// libgit2 does all.
    First(Box<Smart>),
}

impl Wire {
    pub fn http(url: Url, access: &Access) -> Result<Self, TransportError> {
        let http = Http::new(url, access)?;
        let objects = memory()?;
        Ok(Self { http, objects, shallow: Vec::new(), seen: Vec::new(), spoken: Spoken::Unknown })
    }

    /// Leaves everything to libgit2 from here on.
    fn give_way(&mut self) -> Result<&mut Smart, TransportError> {
        if !matches!(self.spoken, Spoken::First(_)) {
            self.spoken = Spoken::First(Box::new(Smart::over(Box::new(self.http.clone()))?));
        }
        match &mut self.spoken {
            Spoken::First(smart) => Ok(smart),
            _ => unreachable!("it was just set"),
        }
    }

    /// Finds out what the server speaks, and who we are to it.
    fn begin(&mut self, until: Instant) -> Result<(), TransportError> {
        if matches!(self.spoken, Spoken::Unknown) {
            let mut answer = self.http.capabilities(until)?;
            match dialog::capabilities(&mut answer) {
                Ok(Some(_)) => self.spoken = Spoken::Second,
                Ok(None) => {
                    self.give_way()?;
                }
                Err(error) => return Err(self.broken(&error)),
            }
        }
        Ok(())
    }

    /// What was behind an error of a stream.
    fn broken(&self, error: &std::io::Error) -> TransportError {
        let failure = self.http.failure();
        failure.unwrap_or_else(|| TransportError::Unreachable(error.to_string()))
    }

    fn list(&self, branches: &[BranchName], until: Instant) -> Result<Fetched, TransportError> {
        let mut answer = self.http.ask(dialog::list(branches), until)?;
        let listed = dialog::listed(&mut answer).map_err(|error| self.broken(&error))?;
        let mut fetched = Fetched::default();
        for reference in listed {
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
        Ok(fetched)
    }

    /// Brings the newest commits that are not here yet, with all of their files.
    fn download(&mut self, wants: &[Oid], until: Instant) -> Result<(), TransportError> {
        let question = dialog::fetch(&Wants {
            wants,
            haves: &self.seen,
            shallow: &self.shallow,
            newest: self.seen.is_empty(),
        });
        let mut answer = self.http.ask(question, until)?;
        let fetched =
            dialog::fetched(&mut answer, LONGEST_PACK).map_err(|error| self.broken(&error))?;
        drop(answer);
        let odb = self.objects.odb()?;
        let known = |id| {
            let object = odb.read(id).ok()?;
            Some(Object { kind: object.kind(), data: object.data().to_vec() })
        };
        let objects = pack::read(&fetched.pack, LIMITS, known)
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        for (_, object) in &objects {
            odb.write(object.kind, &object.data)?;
        }
        self.shallow.extend(fetched.shallow);
        self.seen.extend(wants);
        Ok(())
    }

    /// The pack that takes the server from what it has to `to`.
    fn pack(&self, to: Oid, thin: bool) -> Result<Vec<u8>, TransportError> {
        let commit = self.objects.find_commit(to)?;
        let mut writer = Writer::default();
        let odb = self.objects.odb()?;
        writer.whole(ObjectType::Commit, odb.read(to)?.data());
        let base = commit.parent(0).ok().and_then(|parent| parent.tree().ok());
        self.add(&mut writer, &commit.tree()?, base.as_ref(), thin)?;
        Ok(writer.finish())
    }

    /// Adds a tree and what is new in it against `base`.
    fn add(
        &self,
        writer: &mut Writer,
        tree: &Tree<'_>,
        base: Option<&Tree<'_>>,
        thin: bool,
    ) -> Result<(), TransportError> {
        if base.is_some_and(|base| base.id() == tree.id()) {
            return Ok(());
        }
        let odb = self.objects.odb()?;
        let data = odb.read(tree.id())?;
        match base.filter(|_| thin) {
            Some(base) => {
                let there = odb.read(base.id())?;
                writer.delta(base.id(), &delta::between(there.data(), data.data()));
            }
            None => writer.whole(ObjectType::Tree, data.data()),
        }
        for entry in tree {
            let there = base.and_then(|base| base.get_name_bytes(entry.name_bytes()));
            if there.as_ref().is_some_and(|there| there.id() == entry.id()) {
                continue;
            }
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let there = there.and_then(|there| self.objects.find_tree(there.id()).ok());
                    let inner = self.objects.find_tree(entry.id())?;
                    self.add(writer, &inner, there.as_ref(), thin)?;
                }
                Some(ObjectType::Blob) => {
                    writer.whole(ObjectType::Blob, odb.read(entry.id())?.data());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn send(
        &self,
        update: &Update<'_>,
        thin: bool,
        until: Instant,
    ) -> Result<Pushed, TransportError> {
        let pack = update.to.map_or(Ok(Vec::new()), |to| self.pack(to, thin))?;
        let mut answer = self.http.send(dialog::push(update, &pack), until)?;
        let pushed = dialog::pushed(&mut answer, update.branch);
        pushed.map_err(|error| self.http.failure().unwrap_or(error))
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
        self.http.failure();
        self.begin(until)?;
        if history == History::Whole {
            return self.give_way()?.fetch(branches, history, until);
        }
        if let Spoken::First(smart) = &mut self.spoken {
            return smart.fetch(branches, history, until);
        }
        let fetched = self.list(branches, until)?;
        if history == History::Tip {
            let mut wants: Vec<Oid> = fetched.tips.values().copied().collect();
            wants.sort();
            wants.dedup();
            wants.retain(|id| self.objects.find_commit(*id).is_err());
            if !wants.is_empty() {
                self.download(&wants, until)?;
            }
        }
        Ok(fetched)
    }

    fn push(&mut self, update: &Update<'_>, until: Instant) -> Result<(), TransportError> {
        if let Spoken::First(smart) = &mut self.spoken {
            return smart.push(update, until);
        }
        self.http.failure();
        let mut pushed = self.send(update, true, until)?;
        if matches!(pushed, Pushed::Unread(_)) {
            // A server that takes no thin packs.
            pushed = self.send(update, false, until)?;
        }
        match pushed {
            Pushed::Done => Ok(()),
            Pushed::Refused(words) | Pushed::Unread(words) => Err(TransportError::Refused(words)),
        }
    }

    fn objects(&self) -> &Repository {
        match &self.spoken {
            Spoken::First(smart) => smart.objects(),
            _ => &self.objects,
        }
    }
}

/// A repository that is nowhere but in memory.
fn memory() -> Result<Repository, TransportError> {
    super::prepare();
    let odb = Odb::new()?;
    odb.add_new_mempack_backend(1)?;
    Ok(Repository::from_odb(odb)?)
}
