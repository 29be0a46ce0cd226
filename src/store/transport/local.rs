//! A repository on this machine, written through git's own receive-pack.
//!
//! libgit2 writes to a path without comparing the branch first, and so loses pushes that
//! were acknowledged. git's receive-pack does not, and it runs the repository's hooks and
//! updates a clean work tree.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::Repository;
use tempfile::TempDir;

use super::session::{Failure, Session};
use super::{Fetched, History, Transport, TransportError, Update, scratch, wire};
use crate::child::command;
use crate::domain::name::BranchName;
use crate::store::Access;
use crate::store::traffic::Meter;

pub struct Local {
    path: PathBuf,
    target: Repository,
    /// New objects are written here, and read from the target beside it.
    objects: Repository,
    _folder: TempDir,
    failure: Failure,
    meter: Meter,
}

impl Local {
    pub fn open(path: &Path, access: &Access) -> Result<Self, TransportError> {
        let path =
            path.canonicalize().map_err(|error| TransportError::NotFound(error.to_string()))?;
        let target = Repository::discover(&path).map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => {
                TransportError::NotFound("it is no git repository".to_owned())
            }
            _ => error.into(),
        })?;
        let path = target.workdir().unwrap_or_else(|| target.path()).to_path_buf();
        let (folder, objects) = scratch()?;
        let failed = |error: std::io::Error| {
            TransportError::Local(format!("cannot write a temporary file: {error}"))
        };
        let alternates = format!("{}\n", target.commondir().join("objects").display());
        std::fs::write(objects.path().join("objects/info/alternates"), alternates)
            .map_err(failed)?;
        // Where the target's history is cut, ours is cut too.
        if target.is_shallow() {
            std::fs::copy(target.commondir().join("shallow"), objects.path().join("shallow"))
                .map_err(failed)?;
        }
        let objects = Repository::open(objects.path())?;
        let (failure, meter) = (Failure::default(), access.meter.clone());
        Ok(Self { path, target, objects, _folder: folder, failure, meter })
    }

    /// Two updates of one work tree at a time would leave it between them: git's
    /// receive-pack compares the branch only after it has written the files.
    fn one_at_a_time(&self, until: Instant) -> Result<Option<File>, TransportError> {
        if self.target.is_bare() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| {
            TransportError::Local(format!("cannot lock {}: {error}", self.path.display()))
        };
        let file = File::create(self.target.commondir().join("pinrail.lock")).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(TransportError::Timeout(
                        "another pinrail is writing there".to_owned(),
                    ));
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Sends to git's own receive-pack, and gives what it answers.
    fn send(&self, push: &[u8], until: Instant) -> Result<Session, TransportError> {
        let mut git = command("git");
        git.args(["-c", "receive.denyCurrentBranch=updateInstead", "receive-pack"]);
        git.arg(&self.path);
        let mut session =
            Session::start(git, until, &self.failure, &self.meter).map_err(|error| match error
                .kind()
            {
                std::io::ErrorKind::NotFound => TransportError::Local(
                    "the program `git` is needed to write to a path, and it is not installed"
                        .to_owned(),
                ),
                _ => TransportError::Local(format!("cannot run git: {error}")),
            })?;
        let said = session.skip_references().and_then(|()| session.say(push));
        said.map_err(|error| TransportError::Unreachable(error.to_string()))?;
        Ok(session)
    }

    /// Whether the branch is checked out beside changes of files that git knows; git would
    /// refuse as well, but not say which repository it speaks of.
    fn is_dirty(&self, branch: &BranchName) -> Result<bool, TransportError> {
        let head = self.target.find_reference("HEAD")?;
        if self.target.is_bare() || head.symbolic_target()? != Some(branch.reference().as_str()) {
            return Ok(false);
        }
        let mut options = git2::StatusOptions::new();
        options.include_untracked(false).include_ignored(false);
        Ok(!self.target.statuses(Some(&mut options))?.is_empty())
    }
}

impl Transport for Local {
    fn fetch(
        &mut self,
        branches: &[BranchName],
        _: History,
        _: Instant,
    ) -> Result<Fetched, TransportError> {
        let mut fetched = Fetched::default();
        for branch in branches {
            match self
                .target
                .find_reference(&branch.reference())
                .and_then(|found| found.peel_to_commit())
            {
                Ok(commit) => {
                    fetched.tips.insert(branch.clone(), commit.id());
                }
                Err(error) if error.code() == git2::ErrorCode::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        let head = self.target.find_reference("HEAD").ok();
        let head =
            head.and_then(|head| head.symbolic_target().ok().flatten().map(ToOwned::to_owned));
        fetched.head = head.and_then(|name| name.strip_prefix("refs/heads/")?.parse().ok());
        for reference in self.target.references_glob("refs/heads/*")?.names() {
            let name = reference?.strip_prefix("refs/heads/").and_then(|name| name.parse().ok());
            fetched.names.extend(name);
        }
        Ok(fetched)
    }

    fn push(&mut self, update: &Update<'_>, until: Instant) -> Result<(), TransportError> {
        let _held = self.one_at_a_time(until)?;
        if self.is_dirty(update.branch)? {
            return Err(TransportError::DirtyWorkTree);
        }
        // receive-pack would write a work tree's files before it finds out.
        let now = self.target.find_reference(&update.branch.reference());
        if now.ok().and_then(|now| now.target()) != update.from {
            return Err(TransportError::Stale);
        }
        let pushed = wire::push(&self.objects, update, |push| self.send(&push, until));
        pushed.map_err(|error| match error {
            TransportError::Refused(_) => error,
            error => self.failure.lock().ok().and_then(|mut slot| slot.take()).unwrap_or(error),
        })
    }

    fn objects(&self) -> &Repository {
        &self.objects
    }
}
