//! A merge that was to come by itself is taken back.
//! <https://docs.github.com/en/graphql/reference/mutations#disablepullrequestautomerge>,
//! <https://docs.github.com/en/graphql/reference/mutations#dequeuepullrequest>

use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::client::Graph;
use super::pulls::{Pull, WRITE};
use crate::forge::{ForgeError, PullRequestState};

/// Times that somebody else asks for the merge again, until it is said that they do.
const ROUNDS: u32 = 5;

const LOOK: &str = "query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    id state autoMergeRequest { enabledAt } isInMergeQueue } } }";
const DISABLE: &str = "mutation($input: DisablePullRequestAutoMergeInput!) {
  disablePullRequestAutoMerge(input: $input) { pullRequest { number } } }";
const DEQUEUE: &str = "mutation($input: DequeuePullRequestInput!) {
  dequeuePullRequest(input: $input) { mergeQueueEntry { position } } }";

/// How a request waits for its merge, at one moment: auto-merge moves it into the queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    id: String,
    /// GraphQL's `PullRequestState`.
    state: String,
    auto_merge_request: Option<Value>,
    is_in_merge_queue: bool,
}

impl GitHub {
    pub(super) fn withdraw(&self, number: u64) -> Result<bool, ForgeError> {
        let mut withdrew = false;
        let mut refused: Option<(&str, ForgeError)> = None;
        for _ in 0..ROUNDS {
            let now = self.session.read(async || self.waiting_now(number).await)?;
            let (mutation, input) = match now.state.as_str() {
                "MERGED" => return Err(ForgeError::MergedMeanwhile),
                "OPEN" if now.auto_merge_request.is_some() => {
                    (DISABLE, json!({"pullRequestId": now.id}))
                }
                "OPEN" if now.is_in_merge_queue => (DEQUEUE, json!({"id": now.id})),
                _ => return Ok(withdrew),
            };
            // The words of a refusal have no type: what decides is that nothing has changed.
            if let Some((_, error)) = refused.filter(|(what, _)| *what == mutation) {
                return Err(error);
            }
            let graph = self.session.write(
                async || self.client.graphql(mutation, json!({"input": input})).await.map(Some),
                // What came of it the next look tells.
                async || Ok(Some(None)),
            )?;
            refused = graph.filter(Graph::is_empty).map(|graph| (mutation, graph.error(WRITE)));
            withdrew |= refused.is_none();
        }
        Err(ForgeError::Unknown("somebody asks for the merge again and again".to_owned()))
    }

    async fn waiting_now(&self, number: u64) -> Result<Waiting, ForgeError> {
        let (owner, name) = self.owner_and_name();
        let variables = json!({"owner": owner, "name": name, "number": number});
        let graph = self.client.graphql(LOOK, variables).await?;
        match graph.at("/repository/pullRequest") {
            Some(found) => Ok(found),
            // A server that lacks one of the fields refuses them all.
            None => Ok(self.pull_now(number).await?.into()),
        }
    }
}

impl From<Pull> for Waiting {
    /// What REST tells, which is nothing of the queue.
    fn from(pull: Pull) -> Self {
        let state = match pull.state() {
            PullRequestState::Open => "OPEN",
            PullRequestState::Merged => "MERGED",
            PullRequestState::Closed => "CLOSED",
        };
        Self {
            id: pull.node_id,
            state: state.to_owned(),
            auto_merge_request: pull.auto_merge,
            is_in_merge_queue: false,
        }
    }
}
