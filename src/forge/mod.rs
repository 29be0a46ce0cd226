//! GitHub and GitLab behind one trait, in Pinrail's words.
//!
//! Each call ends within the session's deadline, has at most one effect, and never follows
//! a redirect. octocrab appears only in `github`, gitlab only in `gitlab`.

mod address;
mod error;
pub mod github;
pub mod gitlab;
mod model;
mod session;

pub use address::{Address, Endpoints};
pub use error::ForgeError;
pub use model::*;

pub use crate::session::Session;

use secrecy::SecretString;

use crate::domain::config::ForgeKind;
use crate::domain::name::BranchName;

/// A secret for a forge's API.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub secret: SecretString,
    /// Where it came from, for messages, such as `GITLAB_TOKEN`.
    pub source: String,
    /// Whether it is GitLab's `CI_JOB_TOKEN`, which has a header and rights of its own.
    pub is_job_token: bool,
}

/// Opens a project on a forge; nothing is sent yet.
///
/// # Errors
/// A client that cannot be set up, or plain git, which has no API.
pub fn open(
    kind: ForgeKind,
    address: Address,
    token: ApiToken,
    session: Session,
) -> Result<Box<dyn Forge>, ForgeError> {
    Ok(match kind {
        ForgeKind::Git => {
            return Err(ForgeError::Unsupported("plain git has no requests of its own"));
        }
        ForgeKind::Github => Box::new(github::GitHub::new(address, token, session)?),
        ForgeKind::Gitlab => Box::new(gitlab::GitLab::new(address, token, session)?),
    })
}

/// One project on a forge.
pub trait Forge {
    /// How long a request's body may be, in characters.
    fn body_limit(&self) -> usize;

    /// The open request from this branch into `base`.
    fn find_open(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError>;

    /// Every open request of a branch of this project that begins with `prefix`, and where that
    /// is empty those from forks as well; pages through all of them.
    fn list_open(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError>;

    /// Opens a request. [`ForgeError::AlreadyExists`] where there is one for the branch,
    /// [`ForgeError::NothingToAsk`] where the branch has nothing new.
    fn create(&self, spec: &PullRequestSpec) -> Result<Written, ForgeError>;

    /// Brings an open request's title, body, labels, reviewers and assignees up to date;
    /// adds people and labels and takes none away. Whether it is a draft is left to people.
    fn update(&self, request: &PullRequest, spec: &PullRequestSpec) -> Result<Written, ForgeError>;

    /// Merges a request, or has it merged.
    fn merge(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError>;

    /// Takes back a merge that was to come by itself: auto-merge, and a place in the merge queue
    /// or train; whether there was anything to take back. [`ForgeError::MergedMeanwhile`] where
    /// it is too late; after any other error it may still be merged.
    fn cancel_auto_merge(&self, number: u64) -> Result<bool, ForgeError>;

    /// Closes a request without merging it; one that is closed already is no error, one that
    /// was merged is [`ForgeError::MergedMeanwhile`].
    fn close(&self, number: u64) -> Result<(), ForgeError>;

    /// A request by its number, open or not.
    fn get(&self, number: u64) -> Result<PullRequest, ForgeError>;

    /// The logins of those whose approval of the request's head counts now.
    fn approvals(&self, number: u64) -> Result<Vec<String>, ForgeError>;

    /// Says something below a request, once: the same text is not said again.
    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError>;

    /// The commits between two revisions of a project on this forge; none where the project
    /// or a revision is not there for this token, or they have no commit in common and the forge
    /// does not compare such (GitHub).
    fn compare(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Comparison>, ForgeError>;

    /// Records what is live; the same revision is not recorded again.
    fn deploy(&self, deployment: &Deployment) -> Result<(), ForgeError>;

    /// Sets a status on a request's head, where its merge is judged by it; whether that changed
    /// anything. [`ForgeError::HeadMoved`] where the forge tells that it has another head.
    ///
    /// On GitLab a status is part of a pipeline. Where the request has none yet, a success is not
    /// set: it would be a pipeline that passed, before the project's own has begun.
    fn set_status(&self, request: &PullRequest, status: &CommitStatus) -> Result<bool, ForgeError>;

    /// Makes a commit; its id. [`ForgeError::HeadMoved`] where the branch is elsewhere.
    fn commit(&self, commit: &ApiCommit) -> Result<String, ForgeError>;

    /// What is known of the token.
    fn token(&self) -> Result<TokenFacts, ForgeError>;

    /// How the project is set up.
    fn project(&self) -> Result<ProjectFacts, ForgeError>;

    /// How a branch is protected.
    fn branch(&self, name: &BranchName) -> Result<BranchFacts, ForgeError>;
}
