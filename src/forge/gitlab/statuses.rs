//! What is said beside a request's head, as a job of the pipeline that its merge waits for:
//! <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::GitLab;
use super::client::Call;
use crate::forge::{CommitState, CommitStatus, ForgeError, PullRequest};

#[derive(Deserialize)]
struct Status {
    id: u64,
    name: String,
    #[serde(rename = "status")]
    state: String,
    description: Option<String>,
    target_url: Option<String>,
    /// None before GitLab 16.4.
    pipeline_id: Option<u64>,
}

impl GitLab {
    pub(super) fn record_status(
        &self,
        request: &PullRequest,
        status: &CommitStatus,
    ) -> Result<bool, ForgeError> {
        let now = self.merge_request(request.number)?;
        if now.sha.is_some_and(|sha| sha != request.head) {
            return Err(ForgeError::HeadMoved);
        }
        let mut body = json!({
            "state": word(status.state),
            "name": status.context,
            "description": status.description,
        });
        if let Some(url) = &status.url {
            body["target_url"] = url.as_str().into();
        }
        let pipeline = now.head_pipeline;
        let commit = match &pipeline {
            // One of merged results has a commit of its own.
            Some(pipeline) => {
                body["pipeline_id"] = pipeline.id.into();
                pipeline.sha.as_str()
            }
            None if status.state == CommitState::Success => return Ok(false),
            None => {
                body["ref"] = request.branch.as_str().into();
                request.head.as_str()
            }
        };
        let mut list = Call::get(self.below(&format!("repository/commits/{commit}/statuses")))
            .with("name", &status.context)
            .with("sort", "desc");
        if let Some(pipeline) = &pipeline {
            list = list.with("pipeline_id", pipeline.id);
        }
        let newest = |found: Vec<Status>| {
            let of_it = |one: &Status| {
                one.name == status.context
                    && pipeline
                        .as_ref()
                        .is_none_or(|it| one.pipeline_id.is_none_or(|id| id == it.id))
            };
            found.into_iter().filter(of_it).max_by_key(|one| one.id)
        };
        if newest(self.read(&list)?).is_some_and(|one| one.says(status)) {
            return Ok(false);
        }
        let create = Call::post(self.below(&format!("statuses/{commit}")), body);
        self.write(
            async || match self.client.ask::<Status, _>(&create).await {
                Ok(_) => Ok(true),
                // What is pending stays so, with the words that it has: its state is a machine's.
                Err(refusal) if refusal.words.contains("Cannot transition status") => {
                    let found = newest(self.client.ask(&list).await?);
                    match found.is_some_and(|one| one.state == word(status.state)) {
                        true => Ok(false),
                        false => Err(refusal.into()),
                    }
                }
                // "Another update in progress": nothing was done.
                Err(refusal) if refusal.is(StatusCode::CONFLICT) => Err(ForgeError::RateLimited {
                    words: "GitLab sets another status of this commit".to_owned(),
                    wait: Some(Duration::from_secs(1)),
                }),
                Err(refusal) => Err(refusal.into()),
            },
            async || {
                let found = newest(self.client.ask(&list).await?);
                Ok(found.is_some_and(|one| one.says(status)).then_some(true))
            },
        )
    }
}

impl Status {
    fn says(&self, wanted: &CommitStatus) -> bool {
        self.state == word(wanted.state)
            && self.description.as_deref().unwrap_or_default() == wanted.description
            && self.target_url == wanted.url
    }
}

fn word(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure => "failed",
    }
}
