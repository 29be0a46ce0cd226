//! How a commit is judged: <https://docs.github.com/en/rest/commits/statuses>.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{GitHub, if_there};
use crate::forge::{CommitState, CommitStatus, ForgeError};

const WRITE: &str = "Commit statuses: write";

#[derive(Debug, Deserialize)]
struct Status {
    context: String,
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

impl GitHub {
    /// Whether it had to be set: a commit takes 1,000 statuses of one context, and no more.
    pub(super) fn judge(&self, commit: &str, status: &CommitStatus) -> Result<bool, ForgeError> {
        let mut list = self.url(&["commits", commit, "statuses"]);
        list.query_pairs_mut().append_pair("per_page", "100");
        if self.session.read(async || self.is_judged(&list, status).await)? {
            return Ok(false);
        }
        let mut body = json!({
            "state": word(status.state),
            "context": status.context,
            "description": short(&status.description),
        });
        if let Some(url) = &status.url {
            body["target_url"] = json!(url);
        }
        let url = self.url(&["statuses", commit]);
        let is_done = async || self.is_judged(&list, status).await;
        self.put((Method::POST, &url, WRITE), &body, is_done)?;
        Ok(true)
    }

    /// Whether that is the newest word of this context; the newest come first.
    async fn is_judged(&self, list: &Url, status: &CommitStatus) -> Result<bool, ForgeError> {
        let found: Result<Vec<Status>, _> = self.client.get(list).await?.ok("");
        let found = if_there(found)?.unwrap_or_default();
        let newest = found.iter().find(|it| it.context == status.context);
        Ok(newest.is_some_and(|it| {
            it.state == word(status.state)
                && it.description.as_deref().unwrap_or_default() == short(&status.description)
                && it.target_url == status.url
        }))
    }
}

fn word(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure => "failure",
    }
}

/// What GitHub takes of a description.
pub(super) fn short(text: &str) -> String {
    text.chars().take(140).collect()
}
