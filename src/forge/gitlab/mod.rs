//! GitLab, through the `gitlab` crate: its endpoints over our own client.

mod branch;
mod client;
mod compare;
mod facts;
mod gates;
mod merge;
mod merge_requests;
mod people;
mod records;
mod refusal;
mod shapes;
mod statuses;
mod withdraw;

use std::fmt::Display;

use gitlab::api::common::path_escaped;
use gitlab::api::endpoint_prelude::{Endpoint, Pageable};
use gitlab::api::{Pagination, paged};

use self::client::{Answer, Call, Client};
use self::shapes::ProjectShape;
use super::{
    Address, ApiCommit, ApiToken, BranchFacts, CommitStatus, Comparison, Deployment, Forge,
    ForgeError, Merge, Merged, ProjectFacts, PullRequest, PullRequestSpec, Session, TokenFacts,
    Written,
};
use crate::domain::name::BranchName;

/// The most characters of a description:
/// <https://docs.gitlab.com/administration/instance_limits/>.
const DESCRIPTION: usize = 1_048_576;

/// A project on GitLab.
pub struct GitLab {
    address: Address,
    client: Client,
    session: Session,
}

impl GitLab {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// A token that cannot be sent in a header.
    pub fn new(address: Address, token: ApiToken, session: Session) -> Result<Self, ForgeError> {
        let client = Client::new(session.client(), &address.api, token)?;
        Ok(Self { address, client, session })
    }

    /// A path below this project, its own parts encoded.
    fn below(&self, path: &str) -> String {
        format!("projects/{}/{path}", path_escaped(&self.address.project))
    }

    fn read<T: Answer>(&self, endpoint: &(impl Endpoint + Sync)) -> Result<T, ForgeError> {
        let done = self.session.read(async || Ok(self.client.ask(endpoint).await?));
        self.found_where(done)
    }

    /// Every page of a list.
    fn read_all<T: Answer>(
        &self,
        endpoint: impl Endpoint + Pageable + Sync,
    ) -> Result<Vec<T>, ForgeError> {
        self.read_paged(&paged(endpoint, Pagination::All))
    }

    fn read_paged<T: Answer, E: Endpoint + Pageable + Sync>(
        &self,
        pages: &gitlab::api::Paged<E>,
    ) -> Result<Vec<T>, ForgeError> {
        let done = self.session.read(async || Ok(self.client.ask(pages).await?));
        self.found_where(done)
    }

    /// A write; `look` finds out what became of one without an answer.
    fn write<T>(
        &self,
        send: impl AsyncFnMut() -> Result<T, ForgeError>,
        look: impl AsyncFnMut() -> Result<Option<T>, ForgeError>,
    ) -> Result<T, ForgeError> {
        self.found_where(self.session.write(send, look))
    }

    /// Where a project was moved, the path that it has now: only a GET is told, and as a number.
    fn found_where<T>(&self, done: Result<T, ForgeError>) -> Result<T, ForgeError> {
        let Err(ForgeError::Moved { to }) = done else { return done };
        let project = Call::get(self.below("").trim_end_matches('/').to_owned());
        let ask = |call: Call| {
            self.session.read(async || Ok(self.client.ask::<ProjectShape, _>(&call).await?))
        };
        let to = match ask(project) {
            Err(ForgeError::Moved { to: Some(to) }) => Some(to),
            _ => to,
        };
        let name = to.as_deref().and_then(|to| self.client.below_api(to)).and_then(|path| {
            let number = path.strip_prefix("projects/")?.split(['/', '?']).next()?;
            ask(Call::get(format!("projects/{number}"))).ok()?.path_with_namespace
        });
        Err(ForgeError::Moved { to: name.or(to) })
    }
}

/// What a builder of the crate finds wrong with what it was given.
fn unbuilt(error: impl Display) -> ForgeError {
    ForgeError::Invalid(error.to_string())
}

/// A detail that this token may not see, or that this GitLab does not have, is none.
fn detail<T>(found: Result<T, ForgeError>) -> Result<Option<T>, ForgeError> {
    match found {
        Err(ForgeError::Auth(_) | ForgeError::Forbidden { .. } | ForgeError::NotFound(_)) => {
            Ok(None)
        }
        other => other.map(Some),
    }
}

impl Forge for GitLab {
    fn body_limit(&self) -> usize {
        DESCRIPTION
    }

    fn find_open(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        self.find_merge_request(branch, base)
    }

    fn list_open(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        self.list_merge_requests(prefix)
    }

    fn create(&self, spec: &PullRequestSpec) -> Result<Written, ForgeError> {
        self.create_merge_request(spec)
    }

    fn update(&self, request: &PullRequest, spec: &PullRequestSpec) -> Result<Written, ForgeError> {
        self.update_merge_request(request.number, spec)
    }

    fn merge(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError> {
        self.merge_merge_request(number, merge)
    }

    fn cancel_auto_merge(&self, number: u64) -> Result<bool, ForgeError> {
        self.withdraw(number)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        self.close_merge_request(number)
    }

    fn get(&self, number: u64) -> Result<PullRequest, ForgeError> {
        Ok(self.merge_request(number)?.into_request())
    }

    fn approvals(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        self.approvers(number)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        self.add_note(number, text)
    }

    fn compare(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Comparison>, ForgeError> {
        self.compare_commits(project, from, to)
    }

    fn deploy(&self, deployment: &Deployment) -> Result<(), ForgeError> {
        self.record_deployment(deployment)
    }

    fn set_status(&self, request: &PullRequest, status: &CommitStatus) -> Result<bool, ForgeError> {
        self.record_status(request, status)
    }

    fn commit(&self, _: &ApiCommit) -> Result<String, ForgeError> {
        // Detected afterwards at best: https://docs.gitlab.com/api/commits/
        Err(ForgeError::Unsupported(
            "GitLab's API makes a commit on whatever the branch is at, so somebody else's change could be lost: the commit goes through git instead",
        ))
    }

    fn token(&self) -> Result<TokenFacts, ForgeError> {
        self.token_facts()
    }

    fn project(&self) -> Result<ProjectFacts, ForgeError> {
        self.project_facts()
    }

    fn branch(&self, name: &BranchName) -> Result<BranchFacts, ForgeError> {
        self.branch_facts(name)
    }
}
