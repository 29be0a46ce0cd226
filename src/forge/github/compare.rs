//! What is between two commits, and how one is judged.
//! <https://docs.github.com/en/rest/commits/commits#compare-two-commits>,
//! <https://docs.github.com/en/rest/commits/statuses>

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{GitHub, if_there};
use crate::forge::{CommitState, CommitStatus, ComparedCommit, Comparison, ForgeError};

/// How many commits one page of a comparison has.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
struct Compared {
    #[serde(default)]
    html_url: Option<String>,
    ahead_by: usize,
    behind_by: usize,
    /// Oldest first; all pages together are cut at 10,000.
    commits: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    sha: String,
    #[serde(default)]
    html_url: Option<String>,
    commit: Inner,
    #[serde(default)]
    author: Option<super::pulls::Account>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    message: String,
    #[serde(default)]
    author: Option<Person>,
}

#[derive(Debug, Deserialize)]
struct Person {
    #[serde(default)]
    name: Option<String>,
}

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
    pub(super) fn commits_between(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Comparison>, ForgeError> {
        let url = self.url_of(project, &["compare", &format!("{from}...{to}")]);
        let page = |number: usize| -> Result<Compared, ForgeError> {
            let mut url = url.clone();
            url.query_pairs_mut()
                .append_pair("per_page", &PAGE.to_string())
                .append_pair("page", &number.to_string());
            self.read(&url, "Contents: read")
        };
        let Some(first) = if_there(page(1))? else { return Ok(None) };
        let last = first.ahead_by.div_ceil(PAGE);
        let mut commits = match last {
            0 | 1 => first.commits,
            // The newest, and enough of them for anybody.
            _ => {
                let mut newest = if last == 2 { first.commits } else { page(last - 1)?.commits };
                newest.extend(page(last)?.commits);
                newest
            }
        };
        commits.reverse();
        Ok(Some(Comparison {
            url: first.html_url,
            total: first.ahead_by,
            behind: first.behind_by,
            commits: commits.into_iter().map(Into::into).collect(),
        }))
    }

    pub(super) fn judge(&self, commit: &str, status: &CommitStatus) -> Result<(), ForgeError> {
        const NEED: &str = "Commit statuses: write";
        let mut list = self.url(&["commits", commit, "statuses"]);
        list.query_pairs_mut().append_pair("per_page", "100");
        // A commit takes 1,000 statuses of one context, and no more.
        if self.session.read(async || self.is_judged(&list, status).await)? {
            return Ok(());
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
        self.put((Method::POST, &url, NEED), &body, async || self.is_judged(&list, status).await)
    }

    /// Whether that is the newest word of this context.
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

impl From<Listed> for ComparedCommit {
    fn from(commit: Listed) -> Self {
        let name = commit.commit.author.and_then(|author| author.name);
        let login = commit.author.map(|account| account.login);
        Self {
            id: commit.sha,
            message: commit.commit.message,
            author: name.or(login).unwrap_or_default(),
            url: commit.html_url,
        }
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
