//! A merge, now or when GitHub's rules allow it, of just the commit that was approved.
//! <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>,
//! <https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge>

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::client::Graph;
use super::obstacles::Obstacles;
use super::pulls::{Pull, WRITE};
use crate::domain::environment::MergeMethod;
use crate::forge::{ForgeError, Merge, MergeWhen, Merged, PullRequestState};

const MERGE: &str = "Contents: write";
/// Merges of others that come in between, until it is said that they do.
const RACES: u32 = 10;

const AUTO_MERGE: &str = "mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number } } }";
const ENQUEUE: &str = "mutation($input: EnqueuePullRequestInput!) {
  enqueuePullRequest(input: $input) { mergeQueueEntry { position } } }";

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    sha: Option<String>,
}

/// What an attempt came to.
enum Attempt {
    Done(Merged),
    /// GitHub's words, and whether it is the commit that is not the one approved.
    Refused {
        words: String,
        other_head: bool,
    },
    /// The merge queue is the way.
    Queue,
}

impl GitHub {
    pub(super) fn merge_pull(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError> {
        match merge.when {
            MergeWhen::Now => self.merge_now(number, merge),
            MergeWhen::Ready => self.merge_when_ready(number, merge),
        }
    }

    /// The request as soon as GitHub knows whether it has conflicts.
    fn settled(&self, number: u64, merge: &Merge) -> Result<Pull, ForgeError> {
        let mut pause = Duration::from_millis(200);
        loop {
            let pull = self.pull(number)?;
            expect_open(&pull, merge)?;
            if pull.mergeable.is_some() {
                return Ok(pull);
            }
            self.session.wait(pause, "GitHub, which checks whether the request can be merged")?;
            pause = (pause * 3 / 2).min(Duration::from_secs(5));
        }
    }

    fn merge_now(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError> {
        let mut races = 0;
        loop {
            let pull = self.settled(number, merge)?;
            let (words, other_head) = match self.attempt(&pull, merge)? {
                Attempt::Done(merged) => return Ok(merged),
                Attempt::Queue => return self.enqueue(&pull, merge),
                Attempt::Refused { words, other_head } => (words, other_head),
            };
            // Somebody may have been quicker, and that is the better reason.
            expect_open(&self.pull(number)?, merge)?;
            races += 1;
            // Another merge into the same base: there is no code that says so, and the status
            // has been 405 and 409.
            let base_moved = words.contains("Base branch was modified");
            if races <= RACES && base_moved {
                let pause = Duration::from_millis(fastrand::u64(50..250)) * races;
                self.session.wait(pause, "other merges into the same branch")?;
                continue;
            }
            if other_head && !base_moved {
                return Err(ForgeError::HeadMoved);
            }
            let obstacles = self.obstacles(number)?;
            if obstacles.is_unknown() && races <= RACES {
                self.session.wait(Duration::from_millis(500), "GitHub's checks of the request")?;
                continue;
            }
            if obstacles.needs_queue() {
                return self.enqueue(&pull, merge);
            }
            return Err(ForgeError::NotMergeable(obstacles.words(merge.method, &words)));
        }
    }

    /// One merge, which happens once.
    fn attempt(&self, pull: &Pull, merge: &Merge) -> Result<Attempt, ForgeError> {
        let url = self.url(&["pulls", &pull.number.to_string(), "merge"]);
        let body = json!({"sha": merge.head, "merge_method": word(merge.method)});
        self.session.write(
            async || {
                let answer = self.client.send(&Method::PUT, &url, Some(&body)).await?;
                match answer.status.as_u16() {
                    405 | 409 if answer.words().contains("merge queue") => Ok(Attempt::Queue),
                    status @ (405 | 409) => {
                        let words = answer.words();
                        Ok(Attempt::Refused { words, other_head: status == 409 })
                    }
                    _ => {
                        let done: Done = answer.ok(MERGE)?;
                        Ok(Attempt::Done(Merged::Now { commit: done.sha }))
                    }
                }
            },
            async || Ok(merged(&self.pull_now(pull.number).await?, merge).map(Attempt::Done)),
        )
    }

    /// Waits in the merge queue: <https://docs.github.com/en/graphql/reference/mutations#enqueuepullrequest>.
    fn enqueue(&self, pull: &Pull, merge: &Merge) -> Result<Merged, ForgeError> {
        let input = json!({"pullRequestId": pull.node_id, "expectedHeadOid": merge.head});
        let graph = self.session.write(
            async || self.client.graphql(ENQUEUE, json!({"input": input})).await.map(Some),
            async || {
                let obstacles = self.obstacles_now(pull.number).await?;
                Ok(obstacles.is_queued().then_some(None))
            },
        )?;
        match graph {
            Some(graph) if graph.is_empty() => self.not_taken(pull, merge, &graph),
            _ => Ok(Merged::Queued),
        }
    }

    fn merge_when_ready(&self, number: u64, merge: &Merge) -> Result<Merged, ForgeError> {
        let pull = self.settled(number, merge)?;
        if pull.auto_merge.is_some() {
            return Ok(Merged::WhenReady);
        }
        let method = word(merge.method).to_uppercase();
        let input = json!({
            "pullRequestId": pull.node_id, "mergeMethod": method, "expectedHeadOid": merge.head,
        });
        let graph = self.session.write(
            async || self.client.graphql(AUTO_MERGE, json!({"input": input})).await.map(Some),
            async || {
                let now = self.pull_now(number).await?;
                Ok((now.auto_merge.is_some() || merged(&now, merge).is_some()).then_some(None))
            },
        )?;
        if let Some(graph) = graph
            && graph.is_empty()
        {
            return self.not_taken(&pull, merge, &graph);
        }
        // Its last check may have come in between.
        let now = self.pull(number)?;
        Ok(merged(&now, merge).unwrap_or(Merged::WhenReady))
    }

    /// What a refusal to merge later means. The words differ and have no type: what decides is
    /// how the request stands.
    fn not_taken(&self, pull: &Pull, merge: &Merge, graph: &Graph) -> Result<Merged, ForgeError> {
        let now = self.pull(pull.number)?;
        if let Some(merged) = merged(&now, merge) {
            return Ok(merged);
        }
        expect_open(&now, merge)?;
        if now.auto_merge.is_some() {
            return Ok(Merged::WhenReady);
        }
        let refused = graph.error(WRITE);
        if !matches!(refused, ForgeError::Invalid(_)) {
            return Err(refused);
        }
        let obstacles = self.obstacles(pull.number)?;
        match () {
            () if obstacles.is_queued() => Ok(Merged::Queued),
            // Nothing to wait for, and so GitHub does not.
            () if merge.when == MergeWhen::Ready && obstacles.is_ready() => {
                self.merge_now(pull.number, merge)
            }
            () => Err(ForgeError::NotMergeable(obstacles.words(merge.method, &graph.words()))),
        }
    }

    fn obstacles(&self, number: u64) -> Result<Obstacles, ForgeError> {
        self.session.read(async || self.obstacles_now(number).await)
    }

    async fn obstacles_now(&self, number: u64) -> Result<Obstacles, ForgeError> {
        let (owner, name) = self.owner_and_name();
        let variables = json!({"owner": owner, "name": name, "number": number});
        let graph = self.client.graphql(Obstacles::QUERY, variables).await?;
        if let Some(found) = graph.at::<Value>("/repository").filter(|it| !it.is_null()) {
            return Ok(Obstacles::read(&found));
        }
        // A server that lacks one of the fields refuses them all.
        Ok(Obstacles::of(&self.pull_now(number).await?))
    }
}

/// That it is open and at the commit that was approved.
fn expect_open(pull: &Pull, merge: &Merge) -> Result<(), ForgeError> {
    match pull.state() {
        PullRequestState::Merged => Err(ForgeError::MergedMeanwhile),
        PullRequestState::Closed => Err(ForgeError::ClosedMeanwhile),
        PullRequestState::Open if pull.head.sha != merge.head => Err(ForgeError::HeadMoved),
        PullRequestState::Open => Ok(()),
    }
}

fn merged(pull: &Pull, merge: &Merge) -> Option<Merged> {
    let is_it = pull.state() == PullRequestState::Merged && pull.head.sha == merge.head;
    is_it.then(|| Merged::Now { commit: pull.merged_with() })
}

/// GitHub's word for a method.
pub(super) fn word(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}
