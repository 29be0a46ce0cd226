//! Reading as libgit2 does it, over a channel of ours (HTTP or SSH): whole histories, and
//! servers that speak no other protocol.
//!
//! libgit2 brings the protocol; the channels bring authentication, time limits and errors
//! that can be told apart, which libgit2's own transports do not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::time::Instant;

use git2::transport::{
    Service, SmartSubtransport, SmartSubtransportStream, Transport as GitTransport, register,
};
use git2::{AutotagOption, Direction, FetchOptions, Oid, Remote, Repository};
use tempfile::TempDir;

use super::advertisement::Advertisement;
use super::channel::Channel;
use super::wire::shown;
use super::{Fetched, History, TransportError, scratch};
use crate::domain::name::BranchName;

/// A repository behind a channel, its objects in a repository for this run.
pub struct Smart {
    objects: Repository,
    folder: TempDir,
    line: Line,
}

/// A channel under the address by which libgit2 asks for it.
struct Line {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    channel: Box<dyn Channel>,
    /// Whether the server's own history is cut.
    is_cut: Arc<AtomicBool>,
    until: Mutex<Instant>,
    failure: Mutex<Option<TransportError>>,
}

/// libgit2 finds a transport by its URL alone, so each line has a URL of its own.
static LINES: LazyLock<Mutex<HashMap<String, Arc<Shared>>>> = LazyLock::new(Mutex::default);
const SCHEME: &str = "pinrail-line";

impl Smart {
    pub fn over(channel: Box<dyn Channel>) -> Result<Self, TransportError> {
        let (folder, objects) = scratch()?;
        Ok(Self { objects, folder, line: Line::new(channel) })
    }

    /// Runs one exchange; an error of the channel wins over what libgit2 makes of it.
    fn exchange<T>(
        &self,
        until: Instant,
        run: impl FnOnce(&Repository, &mut Remote<'_>) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        self.line.start(until);
        let mut remote = self.objects.remote_anonymous(&self.line.address)?;
        run(&self.objects, &mut remote).map_err(|error| self.line.failure().unwrap_or(error))
    }
}

impl Smart {
    /// Reads where the branches are, and brings their objects.
    pub fn fetch(
        &mut self,
        branches: &[BranchName],
        history: History,
        until: Instant,
    ) -> Result<Fetched, TransportError> {
        let fetched = self.exchange(until, |objects, remote| {
            remote.connect(Direction::Fetch).map_err(broken)?;
            let mut fetched = Fetched::default();
            let heads: Vec<(String, Oid)> = remote
                .list()
                .map_err(broken)?
                .iter()
                .map(|head| (head.name().to_owned(), head.oid()))
                .collect();
            let names = heads.iter().filter_map(|(name, _)| name.strip_prefix("refs/heads/"));
            fetched.names = names.filter_map(|name| name.parse().ok()).collect();
            let head = remote.default_branch().ok();
            let head = head.and_then(|name| name.as_str().ok().map(ToOwned::to_owned));
            fetched.head = head.and_then(|name| name.strip_prefix("refs/heads/")?.parse().ok());
            for branch in branches {
                if let Some((_, oid)) = heads.iter().find(|(name, _)| *name == branch.reference()) {
                    fetched.tips.insert(branch.clone(), *oid);
                }
            }
            let is_here = |oid: &Oid| objects.find_commit(*oid).is_ok();
            let missing = !fetched.tips.values().all(is_here);
            if history == History::Whole || (history > History::Nothing && missing) {
                let is_cut = self.line.shared.is_cut.load(Ordering::Relaxed);
                download(objects, remote, &fetched, history, is_cut)?;
            }
            remote.disconnect().map_err(broken)?;
            Ok(fetched)
        })?;
        if history == History::Whole {
            // Commits that were read while their parents were missing are remembered without.
            // (Not `open_bare`, which does not read where history is cut.)
            self.objects = Repository::open(self.folder.path())?;
        }
        Ok(fetched)
    }

    /// Where the objects are.
    pub fn objects(&self) -> &Repository {
        &self.objects
    }
}

/// An error that libgit2 reports of an exchange with the server.
fn broken(error: git2::Error) -> TransportError {
    TransportError::Unreachable(shown(error.message().as_bytes()))
}

fn download(
    objects: &Repository,
    remote: &mut Remote<'_>,
    fetched: &Fetched,
    history: History,
    is_cut: bool,
) -> Result<(), TransportError> {
    // A branch seen before joins the new commits to it; asking for a depth again gains nothing.
    let kept = |branch: &BranchName| format!("refs/pinrail/kept/{branch}");
    let seen = fetched.tips.keys().any(|branch| objects.find_reference(&kept(branch)).is_ok());
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    match (history, seen) {
        // To a depth, even an endless one, the server answers where its own history is cut.
        (History::Whole, seen) if seen || is_cut => options.depth(i32::MAX),
        (History::Whole, _) | (_, true) => &mut options,
        (_, false) => options.depth(1),
    };
    let wanted: Vec<String> = fetched
        .tips
        .keys()
        .map(|branch| format!("+{}:{}", branch.reference(), kept(branch)))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    remote.download(&wanted, Some(&mut options)).map_err(broken)?;
    for (branch, oid) in &fetched.tips {
        if objects.find_commit(*oid).is_err() {
            let words = format!("the server sent another commit than {oid}");
            return Err(TransportError::Protocol(words));
        }
        objects.reference(&kept(branch), *oid, true, "fetch")?;
    }
    Ok(())
}

impl Line {
    fn new(channel: Box<dyn Channel>) -> Self {
        static REGISTERED: Once = Once::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        REGISTERED.call_once(|| {
            // SAFETY: the only registration of this program, made before any transport is.
            let registered = unsafe { register(SCHEME, answer) };
            debug_assert!(registered.is_ok());
        });
        let address = format!("{SCHEME}://{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared {
            channel,
            is_cut: Arc::default(),
            until: Mutex::new(Instant::now()),
            failure: Mutex::default(),
        });
        if let Ok(mut lines) = LINES.lock() {
            lines.insert(address.clone(), Arc::clone(&shared));
        }
        Self { address, shared }
    }

    fn start(&self, until: Instant) {
        if let Ok(mut slot) = self.shared.until.lock() {
            *slot = until;
        }
        self.failure();
        self.shared.channel.failure();
    }

    /// Takes the error of the channel, if there was one.
    fn failure(&self) -> Option<TransportError> {
        let opening = self.shared.failure.lock().ok().and_then(|mut slot| slot.take());
        opening.or_else(|| self.shared.channel.failure())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Ok(mut lines) = LINES.lock() {
            lines.remove(&self.address);
        }
    }
}

/// Called by libgit2 for each address with our scheme.
fn answer(remote: &Remote<'_>) -> Result<GitTransport, git2::Error> {
    let shared = remote.url().ok().and_then(|url| LINES.lock().ok()?.get(url).cloned());
    let shared = shared.ok_or_else(|| git2::Error::from_str("no such line"))?;
    GitTransport::smart(remote, shared.channel.is_stateless(), Subtransport(shared))
}

struct Subtransport(Arc<Shared>);

impl SmartSubtransport for Subtransport {
    fn action(
        &self,
        _: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let until = self.0.until.lock().map_or_else(|_| Instant::now(), |until| *until);
        let first = match service {
            Service::UploadPackLs => true,
            Service::UploadPack => false,
            Service::ReceivePackLs | Service::ReceivePack => {
                return Err(git2::Error::from_str("libgit2 only reads"));
            }
        };
        match self.0.channel.open(first, until) {
            Ok(stream) if first => {
                Ok(Box::new(Advertisement::new(stream, Arc::clone(&self.0.is_cut))))
            }
            Ok(stream) => Ok(stream),
            Err(error) => {
                let message = error.to_string();
                if let Ok(mut slot) = self.0.failure.lock() {
                    *slot = Some(error);
                }
                Err(git2::Error::from_str(&message))
            }
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}
