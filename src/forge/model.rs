//! What pull and merge requests, deployments and statuses are to Pinrail.

use jiff::Timestamp;
use url::Url;

use crate::domain::environment::MergeMethod;
use crate::domain::name::BranchName;

/// A pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// GitHub's number, GitLab's `iid`.
    pub number: u64,
    /// Its page.
    pub url: String,
    pub branch: String,
    /// Whether the branch is of another project: whatever its name is, it is not ours, and may
    /// not be readable.
    pub from_fork: bool,
    /// The branch that it is to be merged into.
    pub base: String,
    /// The newest commit of its branch, as the forge sees it; 40 hex digits.
    pub head: String,
    pub title: String,
    pub body: String,
    pub state: PullRequestState,
    pub draft: bool,
    /// Whether the forge merges only what is made on the newest base, and this is not; lists
    /// may not tell.
    pub behind: bool,
    /// Whether it merges by itself once the forge's rules allow; on GitLab also on a merge train.
    /// Of a place in GitHub's merge queue it does not tell.
    pub auto_merge: bool,
    /// The login of who opened it.
    pub author: String,
    pub created_at: Timestamp,
    /// The commit on its base that it was merged with, if it was.
    pub merged_with: Option<String>,
}

/// Whether a request is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestState {
    Open,
    Merged,
    Closed,
}

/// A request as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestSpec {
    pub branch: BranchName,
    pub base: BranchName,
    pub title: String,
    /// Markdown, not longer than [`Forge::body_limit`](super::Forge::body_limit).
    pub body: String,
    pub labels: Vec<String>,
    pub reviewers: Vec<Reviewer>,
    /// Logins.
    pub assignees: Vec<String>,
    pub draft: bool,
    /// Whether a merge by hand squashes, where the forge keeps that with the request.
    pub squash: bool,
}

/// Who is asked to look at a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reviewer {
    /// A login.
    User(String),
    /// GitHub: a team's slug. GitLab: a group's path, whose members are asked.
    Team(String),
}

/// A request that was written, and what of it the forge did not take (a label, a reviewer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub request: PullRequest,
    pub warnings: Vec<String>,
}

/// How a request is to be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The commit that is approved: the forge merges this one or none.
    pub head: String,
    pub method: MergeMethod,
    pub when: MergeWhen,
}

/// When a request is to be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeWhen {
    /// Now; waits as long as the forge finds out whether it can be merged.
    Now,
    /// As soon as the forge's rules allow (auto-merge); at once where they do already.
    Ready,
}

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It is in; the commit on the base, where the forge tells.
    Now { commit: Option<String> },
    /// It waits in the merge queue or train.
    Queued,
    /// The forge merges it once its rules allow.
    WhenReady,
}

/// One commit of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedCommit {
    pub id: String,
    /// The whole message.
    pub message: String,
    pub author: String,
    /// Its page.
    pub url: Option<String>,
}

/// The commits between two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The page that shows it.
    pub url: Option<String>,
    /// In the new revision and not in the old one, newest first; perhaps not all of them.
    pub commits: Vec<ComparedCommit>,
    /// How many there are.
    pub total: usize,
    /// How many are in the old revision and not in the new one: a step back where above 0.
    pub behind: usize,
}

/// A version that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The project of the service on this forge, `group/name`.
    pub project: String,
    /// The deployed commit of that project.
    pub revision: String,
    /// The environment as the forge lists it, such as `production/api`.
    pub environment: String,
    /// Where it is to be seen.
    pub url: Option<Url>,
    /// Whether people other than its developers use it.
    pub production: bool,
    /// At most 140 characters.
    pub description: String,
}

/// A judgement beside a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// Its name, which a protected branch may require.
    pub context: String,
    pub state: CommitState,
    /// At most 140 characters.
    pub description: String,
    pub url: Option<String>,
}

/// How a commit is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    Pending,
    Success,
    Failure,
}

/// A commit that the forge makes and signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCommit {
    pub branch: BranchName,
    /// The commit that the branch must be at; none where it must not be there.
    pub from: Option<String>,
    /// The commit that it is made on, which is on the forge already.
    pub parent: String,
    pub subject: String,
    pub body: String,
    /// Path and content; none where the file is to go.
    pub files: Vec<(String, Option<Vec<u8>>)>,
}

/// What is known of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// Whose it is.
    pub login: String,
    /// What it is, in the forge's own words, such as `fine-grained personal access token`.
    pub kind: Option<String>,
    /// What it may do, where the forge tells.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
    /// Whether what it pushes and opens starts pipelines; where not, no required check of a
    /// request would ever run.
    pub starts_pipelines: bool,
}

/// How a project is set up, as far as the token may see it: `None` is "could not be told".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFacts {
    pub default_branch: Option<String>,
    /// Whether the token may push.
    pub may_push: Option<bool>,
    pub methods: Option<Vec<MergeMethod>>,
    /// Whether the project merges only by fast-forward, so that each merge needs a rebase.
    pub fast_forward_only: Option<bool>,
    pub auto_merge: Option<bool>,
    /// Whether branches are removed when their request is merged.
    pub removes_branches: Option<bool>,
    /// Merge queue (GitHub) or merge trains (GitLab).
    pub queue: Option<bool>,
    /// Seconds that the forge's clock is ahead of ours.
    pub clock_ahead: Option<i64>,
    /// What is worth saying and has no field of its own.
    pub notes: Vec<String>,
}

/// How a branch is protected, as far as the token may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchFacts {
    pub exists: bool,
    /// Whether changes need a request.
    pub requests_only: Option<bool>,
    /// Whether this token may write it without a request.
    pub token_may_push: Option<bool>,
    /// Who else may, in the forge's words.
    pub may_push: Vec<String>,
    /// How many approvals a request needs.
    pub approvals: Option<u64>,
    pub code_owners: Option<bool>,
    /// Whether an approval is dropped when the request gets new commits.
    pub dismisses_stale: Option<bool>,
    pub required_checks: Vec<String>,
    pub force_push: Option<bool>,
    pub may_be_deleted: Option<bool>,
}
