//! The services-root in Git: reading its branches, and landing changes on them safely.
//!
//! A change is never text to rebase but a plan: a function from the newest snapshot to
//! edits, run again on every new tip ([`StateRepo::transact`]). Nothing is checked out.

mod change;
mod changed;
mod checkout;
mod commit;
mod commits;
mod credentials;
mod error;
mod export;
mod helper;
mod history;
mod init;
mod land;
mod landings;
mod location;
mod lookup;
mod missing;
mod pace;
mod plan;
mod proposed;
mod raw_tree;
mod search;
pub mod signatures;
mod signer;
mod snapshot;
mod traffic;
mod transport;
mod tree_diff;
mod tree_edit;
mod work_tree;

pub use change::Proposal;
pub use checkout::Checkout;
pub use commit::{Author, Change, Edited, Edits, Message};
pub use commits::{Commits, NewCommit};
pub use credentials::{Credentials, Token, TokenScope};
pub use error::StoreError;
pub use history::{FileChange, LastChange, Moment};
pub use init::init;
pub use landings::{Landings, Version};
pub use location::{Location, LocationError, configured_author, origin_of};
pub use pace::Pace;
pub use plan::{Committed, Failure, Planned, Reading, Write};
pub use proposed::{FileKind, FileState, ProposedFile};
pub use signer::{Signer, SignerSettings};
use snapshot::Objects;
pub use snapshot::{CommitId, Snapshot, Tips};
pub use traffic::{Meter, Traffic};
pub use transport::TransportError;
#[cfg(fuzzing)]
pub use transport::fuzzed;
pub use work_tree::WorkTree;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use url::Url;

use crate::domain::name::BranchName;
use transport::{Fetched, History, Transport};

/// How a services-root is reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub credentials: Credentials,
    /// A file of PEM certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether HTTP goes through a proxy.
    pub proxied: bool,
    /// The variables that name a proxy, for messages; what they say may hold a password.
    pub proxies: Vec<&'static str>,
    /// The private key for SSH, where the agent or ssh's own configuration do not tell.
    pub ssh_key: Option<PathBuf>,
    /// The shell command to run in place of `ssh` (`GIT_SSH_COMMAND`).
    pub ssh_command: Option<String>,
    /// The caller's home, whose `.ssh` is used as well.
    pub home: Option<PathBuf>,
    /// Where it is counted what is sent and received.
    pub meter: Meter,
}

impl Access {
    /// The same, with what a CI gives its own pipeline first.
    #[must_use]
    pub fn as_the_pipeline(&self) -> Self {
        Self { credentials: self.credentials.as_the_pipeline(), ..self.clone() }
    }

    /// A token for a server's API: one that was told, or what git's credential helpers know.
    ///
    /// # Errors
    /// A token that must not be sent there.
    pub fn token(&self, server: &Url, timeout: Duration) -> Result<Option<Token>, StoreError> {
        let told = self.credentials.token(server).map_err(StoreError::Local)?;
        let known = || {
            let login = helper::ask(server, None, Instant::now() + timeout)?;
            let scope = TokenScope::Server(server.clone());
            Some(Token { source: helper::NAME, user: login.user, secret: login.secret, scope })
        };
        Ok(told.cloned().or_else(known))
    }
}

/// A services-root, reached through one of the transports.
pub struct StateRepo {
    transport: Box<dyn Transport>,
    location: Location,
    pace: Pace,
    dry_run: bool,
    meter: Meter,
    /// What makes commits in place of a push.
    commits: Option<Box<dyn Commits>>,
    /// Whether no commit is pushed that is not signed.
    signed_only: bool,
    /// What was read last, and of which branches: a plan may begin with it.
    seen: Option<(Reading, Fetched)>,
}

impl StateRepo {
    /// Prepares to reach a services-root; nothing is sent yet.
    ///
    /// # Errors
    /// A path without a repository, or a temporary folder that cannot be made.
    pub fn open(
        location: &Location,
        access: &Access,
        pace: Pace,
        dry_run: bool,
    ) -> Result<Self, StoreError> {
        let transport = transport::open(location, access)
            .map_err(|error| StoreError::transport(location, error))?;
        let (location, meter) = (location.clone(), access.meter.clone());
        let (seen, commits, signed_only) = (None, None, false);
        Ok(Self { transport, location, pace, dry_run, meter, commits, signed_only, seen })
    }

    /// Where this services-root is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Reads the newest state of these branches, one commit deep.
    ///
    /// # Errors
    /// A repository that cannot be reached in time. A branch that is not there is no error.
    pub fn tips(&mut self, branches: &[BranchName]) -> Result<Tips<'_>, StoreError> {
        self.read(&Reading::tips(branches))
    }

    /// Has commits made by others than a push, from now on.
    pub fn commit_through(&mut self, commits: Box<dyn Commits>) {
        self.commits = Some(commits);
    }

    /// Refuses to push a commit that is not signed, from now on.
    pub fn demand_signatures(&mut self) {
        self.signed_only = true;
    }

    /// Says that a change is to be landed, so that the way for it is made meanwhile.
    pub fn expect_write(&mut self) {
        if !self.dry_run {
            self.transport.expect_push(self.pace.deadline);
        }
    }

    /// Why the server takes no push from us, as far as it tells before one: which branches
    /// it would take is the forge's to tell. None where it has nothing against it.
    ///
    /// # Errors
    /// A server that cannot be reached in time.
    pub fn may_not_push(&self) -> Result<Option<String>, StoreError> {
        match self.transport.may_push(self.pace.deadline) {
            Ok(()) => Ok(None),
            Err(error) if error.is_refusal() || matches!(error, TransportError::Auth { .. }) => {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(StoreError::transport(&self.location, error)),
        }
    }

    /// Reads branches as far back as told.
    ///
    /// # Errors
    /// A repository that cannot be reached in time. A branch that is not there is no error.
    pub fn read(&mut self, reading: &Reading) -> Result<Tips<'_>, StoreError> {
        let Reading { branches, history } = reading;
        let (transport, pace) = (self.transport.as_mut(), &mut self.pace);
        let fetched = land::read(transport, branches, *history, pace, &self.meter)
            .map_err(|error| StoreError::transport(&self.location, error))?;
        self.seen = Some((reading.clone(), fetched.clone()));
        let objects = match history {
            // Nothing was left out.
            History::Whole => Objects::from(self.transport.objects()),
            _ => Objects::of(&*self.transport, &self.location),
        };
        Ok(Tips::new(objects, fetched))
    }
}
