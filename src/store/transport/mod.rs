//! The ways to a repository. Each keeps the same promises and passes the same tests.

mod advertisement;
mod channel;
mod http;
mod local;
mod session;
mod smart;
mod ssh;
mod wire;

#[cfg(fuzzing)]
pub use wire::fuzzed;

use std::collections::BTreeMap;
use std::sync::Once;
use std::time::Instant;

use git2::{Oid, Repository};

use super::Access;
use super::location::Location;
use crate::domain::name::BranchName;

/// How much history to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum History {
    /// No objects at all, only where the branches are.
    Nothing,
    /// The newest commit and the top of its tree; what is below comes by [`Transport::bring`].
    Part,
    /// The newest commit, and what joins it to commits that are here already.
    Tip,
    Whole,
}

/// What a repository has, of what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    pub tips: BTreeMap<BranchName, Oid>,
    pub head: Option<BranchName>,
    /// Every branch that is there, asked for or not.
    pub names: Vec<BranchName>,
}

/// Makes, moves or removes one branch, or does nothing at all.
#[derive(Clone, Debug)]
pub struct Update<'a> {
    pub branch: &'a BranchName,
    /// What the branch must be at for the update to happen; none where it must not be there.
    pub from: Option<Oid>,
    /// What it is to be at; none where it is to be gone.
    pub to: Option<Oid>,
}

/// Why a repository did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// A connection that could not be made or broke: what was asked may have happened.
    #[error("{0}")]
    Unreachable(String),
    /// No answer before the deadline: what was asked may have happened.
    #[error("{0}")]
    Timeout(String),
    /// The server does not take our credentials.
    #[error("none was accepted of: {tried}")]
    Auth { tried: String },
    /// The server knows us and will not let us.
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    NotFound(String),
    /// The server read the update and refused this branch.
    #[error("{0}")]
    Refused(String),
    /// The branch is checked out in a work tree with changes.
    #[error("the work tree has changes that are not committed")]
    DirtyWorkTree,
    /// The branch was seen elsewhere before anything was sent.
    #[error("the branch moved")]
    Stale,
    /// An answer that is not git's.
    #[error("{0}")]
    Protocol(String),
    /// A failure on this machine.
    #[error("{0}")]
    Local(String),
}

impl TransportError {
    /// Whether the same request may go well a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Whether the server itself said no, as opposed to a failure on the way.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Forbidden(_))
    }
}

impl From<git2::Error> for TransportError {
    fn from(error: git2::Error) -> Self {
        Self::Local(format!("git: {}", error.message()))
    }
}

/// A way to a repository.
pub trait Transport {
    /// Reads where the branches are, and brings their objects into [`Self::objects`].
    fn fetch(
        &mut self,
        branches: &[BranchName],
        history: History,
        until: Instant,
    ) -> Result<Fetched, TransportError>;

    /// Brings trees and files that [`History::Part`] left out, and so many levels below them.
    fn bring(&self, wanted: &[Oid], levels: u32) -> Result<(), TransportError> {
        let _ = (wanted, levels);
        Ok(())
    }

    /// Whether pushes are taken from us at all, as far as that is told before one.
    fn may_push(&self, until: Instant) -> Result<(), TransportError> {
        let _ = until;
        Ok(())
    }

    /// Makes ready for a push that is likely to come, where that takes time.
    fn expect_push(&mut self, until: Instant) {
        let _ = until;
    }

    /// Sends a commit of [`Self::objects`] and moves the branch to it. `Ok` only if the
    /// server says of this very branch that it moved.
    fn push(&mut self, update: &Update<'_>, until: Instant) -> Result<(), TransportError>;

    /// Where fetched objects are, and new ones are written.
    fn objects(&self) -> &Repository;
}

/// The transport for a location.
pub fn open(location: &Location, access: &Access) -> Result<Box<dyn Transport>, TransportError> {
    Ok(match location {
        Location::Path(path) => Box::new(local::Local::open(path, access)?),
        Location::Http(url) => Box::new(wire::Wire::http(url.clone(), access)?),
        Location::Ssh(address) => Box::new(wire::Wire::ssh(address.clone(), access)?),
    })
}

/// Sets libgit2 up to read long histories.
fn prepare() {
    /// How much of the packs is in memory at a time, and in pieces of which size; libgit2
    /// would take all of them.
    const MAPPED: usize = 64 << 20;
    const PIECE: usize = 8 << 20;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Objects are hashed when they are fetched, and git itself does not hash them again
        // when it reads them: for a long history that would be most of the time.
        git2::opts::strict_hash_verification(false);
        // SAFETY: each call only writes a number that libgit2 reads when it maps a piece of a
        // pack; it comes before the first pack is opened.
        let set = unsafe {
            git2::opts::set_mwindow_size(PIECE)
                .and_then(|()| git2::opts::set_mwindow_mapped_limit(MAPPED))
        };
        debug_assert!(set.is_ok());
    });
}

/// A bare repository for the objects of one run, gone with it.
fn scratch() -> Result<(tempfile::TempDir, Repository), TransportError> {
    prepare();
    let folder = tempfile::Builder::new().prefix("pinrail-").tempdir().map_err(|error| {
        TransportError::Local(format!("cannot make a temporary folder: {error}"))
    })?;
    let mut options = git2::RepositoryInitOptions::new();
    // Templates of the machine would cost time and could bring hooks.
    options.bare(true).external_template(false);
    let repository = Repository::init_opts(folder.path(), &options)?;
    Ok((folder, repository))
}
