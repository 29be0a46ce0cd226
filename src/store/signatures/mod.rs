//! Who signed a commit, and whether they may: judged by two files of the services-root.
//!
//! The programs that git itself asks tell whether a signature is good. They see the files that
//! are given here and nothing of the machine's own keys, so that everybody gets one verdict.

mod openpgp;
mod ssh;

use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use git2::{Commit, ErrorCode, Repository};
use tempfile::TempDir;

use super::error::StoreError;
use super::snapshot::{CommitId, Snapshot};
use crate::child::{self, Ended};
use crate::domain::layout;
use crate::domain::tree::{Files, ReadError};

/// Whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerFiles {
    allowed: Option<Vec<u8>>,
    keys: Option<Vec<u8>>,
}

impl SignerFiles {
    /// The files of a tree: that of main's tip, never of a change that is judged by them.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(tree: &dyn Files) -> Result<Self, ReadError> {
        let (allowed, keys) =
            (tree.read(layout::ALLOWED_SIGNERS)?, tree.read(layout::SIGNING_KEYS)?);
        Ok(Self { allowed, keys })
    }

    /// Whether nobody may sign.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allowed.is_none() && self.keys.is_none()
    }
}

/// What a commit's signature is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Of somebody who may: a principal of the allowed signers, or a user id of a key.
    Good { by: String },
    /// None that counts, and none needed: a merge of just what its parents have, each of which
    /// is judged by itself. Forges make such, and sign them with a key of their own or not at all.
    Merge,
    /// There is none.
    Unsigned,
    /// Of a key that is in neither file.
    Unknown,
    /// Of another content than the commit's, or not to be read.
    Bad,
    /// Of a key that was over or not yet valid at the commit's time, or that is revoked.
    Expired,
}

impl Signature {
    /// Whether the commit may stand.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. } | Self::Merge)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good { by } => return write!(f, "is signed by {by}"),
            Self::Merge => "merges what was signed, and adds nothing",
            Self::Unsigned => "is not signed",
            Self::Unknown => "is signed by a key that nobody of those who may has",
            Self::Bad => "has a signature that does not fit it",
            Self::Expired => "is signed by a key that was not valid then, or that is revoked",
        })
    }
}

/// Judges the signatures of these commits, which are at hand in the repository of `at`.
///
/// # Errors
/// A commit that is not at hand; a program that cannot be run, or does not end before `until`.
pub fn verify(
    at: &Snapshot<'_>,
    commits: &[CommitId],
    signers: &SignerFiles,
    until: Instant,
) -> Result<Vec<(CommitId, Signature)>, StoreError> {
    let bench = Bench::new(signers, until)?;
    let repository = at.repository();
    let judged = commits.iter().map(|id| {
        let commit = repository.find_commit(id.parse()?)?;
        Ok((id.clone(), of_commit(&bench, repository, &commit)?))
    });
    judged.collect()
}

/// Judges a signature of any content, as if it was made at `time`, in seconds since 1970.
///
/// # Errors
/// A program that cannot be run, or does not end before `until`.
pub fn judge(
    signature: &str,
    content: &[u8],
    time: i64,
    signers: &SignerFiles,
    until: Instant,
) -> Result<Signature, StoreError> {
    Bench::new(signers, until)?.judge(signature, content, time)
}

impl Snapshot<'_> {
    /// What the newest commit brought: itself and, of a merge, the commits that came in with it,
    /// as far as the history at hand goes.
    ///
    /// # Errors
    /// An object that is broken.
    pub fn brought(&self) -> Result<Vec<CommitId>, StoreError> {
        let commit = self.repository().find_commit(self.commit)?;
        let before = commit.parent(0).ok().filter(|_| commit.parent_count() > 1);
        let Some(before) = before else { return Ok(vec![self.id()]) };
        let mut walk = self.repository().revwalk()?;
        walk.push(self.commit)?;
        walk.hide(before.id())?;
        walk.map(|oid| Ok(oid?.to_string())).collect()
    }
}

fn of_commit(
    bench: &Bench<'_>,
    repository: &Repository,
    commit: &Commit<'_>,
) -> Result<Signature, StoreError> {
    let signature = match repository.extract_signature(&commit.id(), None) {
        Ok((signature, content)) => {
            let signature = String::from_utf8_lossy(&signature).into_owned();
            bench.judge(&signature, &content, commit.time().seconds())?
        }
        Err(error) if error.code() == ErrorCode::NotFound => Signature::Unsigned,
        Err(error) => return Err(error.into()),
    };
    let is_foreign = matches!(signature, Signature::Unsigned | Signature::Unknown);
    Ok(if is_foreign && adds_nothing(repository, commit) { Signature::Merge } else { signature })
}

/// Whether this is a merge of two commits whose files are just what merging them gives.
fn adds_nothing(repository: &Repository, commit: &Commit<'_>) -> bool {
    let is_what_merging_gives = || {
        let (ours, theirs) = (commit.parent(0)?, commit.parent(1)?);
        // Without a common ancestor anything would be new.
        repository.merge_base(ours.id(), theirs.id())?;
        let merged = repository.merge_commits(&ours, &theirs, None)?;
        let tree = commit.tree()?;
        // Compared without writing the tree: the repository may be the caller's own.
        let differs = repository.diff_tree_to_index(Some(&tree), Some(&merged), None)?;
        Ok::<_, git2::Error>(!merged.has_conflicts() && differs.deltas().len() == 0)
    };
    commit.parent_count() == 2 && is_what_merging_gives().unwrap_or(false)
}

/// A folder with the two files, for the programs that judge.
struct Bench<'a> {
    folder: TempDir,
    signers: &'a SignerFiles,
    until: Instant,
    /// Set once the ring of public keys is there.
    ring: OnceCell<()>,
}

impl<'a> Bench<'a> {
    fn new(signers: &'a SignerFiles, until: Instant) -> Result<Self, StoreError> {
        let private = std::fs::Permissions::from_mode(0o700);
        let mut folder = tempfile::Builder::new();
        folder.prefix("pinrail-").permissions(private);
        let folder = folder.tempdir().map_err(not_written)?;
        Ok(Self { folder, signers, until, ring: OnceCell::new() })
    }

    fn judge(&self, signature: &str, content: &[u8], time: i64) -> Result<Signature, StoreError> {
        let signature = signature.trim_start();
        if signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
            ssh::judge(self, signature, content, time)
        } else if signature.starts_with("-----BEGIN PGP SIGNATURE-----") {
            openpgp::judge(self, signature, content, time)
        } else {
            // Such as X.509, which nobody can be allowed to sign by here.
            Ok(Signature::Unknown)
        }
    }

    /// Puts a file into the folder.
    fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf, StoreError> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).map_err(not_written)?;
        Ok(path)
    }

    fn run(&self, program: Command, input: &[u8]) -> Result<Ended, StoreError> {
        let name = program.get_program().to_string_lossy().into_owned();
        child::run(program, input, self.until).map_err(|error| {
            StoreError::Local(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("the program `{name}` is needed to judge signatures: install it")
                }
                _ => format!("{name}: {error}"),
            })
        })
    }
}

fn not_written(error: io::Error) -> StoreError {
    StoreError::Local(format!("cannot write a temporary file: {error}"))
}
