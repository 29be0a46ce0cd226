//! GitHub, of github.com and Enterprise Server, through octocrab.

mod answer;
mod app;
mod client;
mod commits;
mod compare;
mod deployments;
mod facts;
mod merge;
mod obstacles;
mod people;
mod protection;
mod pulls;
mod reviews;
mod statuses;
mod withdraw;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

pub use app::{App, installation_token};
use client::{Client, Graph};

use super::{
    Address, ApiCommit, ApiToken, BranchFacts, CommitStatus, Comparison, Deployment, Forge,
    ForgeError, Merge, Merged, ProjectFacts, PullRequest, PullRequestSpec, Session, TokenFacts,
    Written,
};
use crate::domain::name::BranchName;

/// One repository on GitHub.
pub struct GitHub {
    client: Client,
    session: Session,
    address: Address,
    /// What the token is, by how it begins.
    kind: Option<&'static str>,
}

impl GitHub {
    /// # Errors
    /// A token that cannot be one.
    pub fn new(address: Address, token: ApiToken, session: Session) -> Result<Self, ForgeError> {
        let client = Client::with_token(&address, &token, &session)?;
        Ok(Self { client, session, address, kind: facts::kind_of(&token) })
    }

    /// The address of something of this repository.
    fn url(&self, parts: &[&str]) -> Url {
        self.url_of(&self.address.project, parts)
    }

    fn url_of(&self, project: &str, parts: &[&str]) -> Url {
        let repository: Vec<_> = std::iter::once("repos")
            .chain(project.split('/'))
            .chain(parts.iter().copied())
            .collect();
        self.client.url(&repository)
    }

    /// The address of a branch's ref below `git`; a slash in its name stays one.
    fn ref_url(&self, kind: &str, branch: &str) -> Url {
        let parts: Vec<_> = ["git", kind, "heads"].into_iter().chain(branch.split('/')).collect();
        self.url(&parts)
    }

    fn owner_and_name(&self) -> (&str, &str) {
        self.address.project.split_once('/').unwrap_or((&self.address.project, ""))
    }

    fn read<T: DeserializeOwned>(&self, url: &Url, need: &'static str) -> Result<T, ForgeError> {
        self.session.read(async || self.client.get(url).await?.ok(need))
    }

    fn query(&self, query: &str, variables: &Value) -> Result<Graph, ForgeError> {
        self.session.read(async || self.client.graphql(query, variables.clone()).await)
    }

    /// Writes what is the same when it is done twice, but is not done twice without need:
    /// `is_done` looks.
    fn put(
        &self,
        (method, url, need): (Method, &Url, &'static str),
        body: &Value,
        mut is_done: impl AsyncFnMut() -> Result<bool, ForgeError>,
    ) -> Result<(), ForgeError> {
        self.session.write(
            async || {
                let answer = self.client.send(&method, url, Some(body)).await?;
                match answer.status.is_success() {
                    true => Ok(()),
                    false => Err(answer.error(need)),
                }
            },
            async || Ok(is_done().await?.then_some(())),
        )
    }

    /// Every item of a list that is sorted with the oldest first.
    ///
    /// From the last page to the first, so that an item that goes away moves others only to pages
    /// that are still to be read: then one comes twice, which is seen, and none is missed.
    fn list<T: DeserializeOwned>(
        &self,
        url: &Url,
        need: &'static str,
    ) -> Result<Vec<T>, ForgeError> {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("per_page", "100");
        let page = |url: &Url| {
            self.session.read(async || {
                let answer = self.client.get(url).await?;
                let (links, items) = (answer.clone(), answer.ok::<Vec<Value>>(need)?);
                Ok::<_, ForgeError>((links, items))
            })
        };
        let (first, items) = page(&url)?;
        let (mut next, relation, mut pages) = match first.link("last") {
            Some(last) => (Some(last), "prev", Vec::new()),
            None => (first.link("next"), "next", vec![items]),
        };
        while let Some(url) = next {
            let (answer, items) = page(&url)?;
            next = answer.link(relation);
            pages.push(items);
        }
        if relation == "prev" {
            pages.reverse();
        }
        let mut seen = std::collections::HashSet::new();
        let is_new = |item: &Value| item["id"].is_null() || seen.insert(item["id"].to_string());
        let items = pages.into_iter().flatten().filter(is_new);
        items.map(|item| serde_json::from_value(item).map_err(undocumented)).collect()
    }
}

fn undocumented(error: serde_json::Error) -> ForgeError {
    ForgeError::Protocol(format!("GitHub's answer is not as it is documented: {error}"))
}

/// "Not there" and "not for you" as none: what is a detail to the caller.
fn if_there<T>(result: Result<T, ForgeError>) -> Result<Option<T>, ForgeError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(ForgeError::NotFound(_) | ForgeError::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Forge for GitHub {
    /// <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request> answers 422 above it.
    fn body_limit(&self) -> usize {
        65_536
    }

    fn find_open(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        self.session.read(async || Ok(self.open_pull(branch, base).await?.map(Into::into)))
    }

    fn list_open(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        self.open_pulls(prefix)
    }

    fn create(&self, spec: &PullRequestSpec) -> Result<Written, ForgeError> {
        self.open(spec)
    }

    fn update(&self, request: &PullRequest, spec: &PullRequestSpec) -> Result<Written, ForgeError> {
        self.bring_up_to_date(request, spec)
    }

    fn merge(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError> {
        self.merge_pull(number, merge)
    }

    fn cancel_auto_merge(&self, number: u64) -> Result<bool, ForgeError> {
        self.withdraw(number)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        self.close_pull(number)
    }

    fn get(&self, number: u64) -> Result<PullRequest, ForgeError> {
        Ok(self.pull(number)?.into())
    }

    fn approvals(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        self.approvers(number)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        self.say_once(number, text)
    }

    fn compare(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Comparison>, ForgeError> {
        self.commits_between(project, from, to)
    }

    fn deploy(&self, deployment: &Deployment) -> Result<(), ForgeError> {
        self.record(deployment)
    }

    fn set_status(&self, request: &PullRequest, status: &CommitStatus) -> Result<bool, ForgeError> {
        self.judge(&request.head, status)
    }

    fn commit(&self, commit: &ApiCommit) -> Result<String, ForgeError> {
        self.make_commit(commit)
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
