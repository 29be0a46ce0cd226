//! Whose approval counts, and what is said below a request.
//! <https://docs.github.com/en/rest/pulls/reviews>, <https://docs.github.com/en/rest/issues/comments>

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::pulls::{Account, READ, WRITE};
use crate::forge::ForgeError;

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    /// None for an account that is gone.
    #[serde(default)]
    user: Option<Account>,
    state: String,
}

impl Review {
    pub fn login(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.login)
    }
}

#[derive(Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    body: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
}

impl GitHub {
    /// Oldest first.
    pub(super) fn reviews(&self, number: u64) -> Result<Vec<Review>, ForgeError> {
        self.list(&self.url(&["pulls", &number.to_string(), "reviews"]), READ)
    }

    /// Each reviewer's newest opinion counts. One that a later commit made stale is `DISMISSED`
    /// where the branch's protection says so, and otherwise still counts, as it does for GitHub.
    pub(super) fn approvers(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let reviews = self.reviews(number)?;
        let opinions = reviews.iter().filter(|it| {
            matches!(it.state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED")
        });
        let newest: BTreeMap<_, _> = opinions.map(|it| (it.login(), it.state.as_str())).collect();
        let mut approvers = Vec::new();
        for (login, state) in newest {
            if state == "APPROVED" && self.may_write(login)? {
                approvers.push(login.to_owned());
            }
        }
        Ok(approvers)
    }

    /// In a public repository anybody can approve, and only those count who can write.
    fn may_write(&self, login: &str) -> Result<bool, ForgeError> {
        if login.is_empty() {
            return Ok(false);
        }
        let url = self.url(&["collaborators", login, "permission"]);
        match self.read::<Permission>(&url, "Metadata: read") {
            Ok(found) => Ok(["admin", "write"].contains(&found.permission.as_str())),
            Err(ForgeError::NotFound(_)) => Ok(false),
            // Who may not ask takes the list as it is.
            Err(ForgeError::Forbidden { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    pub(super) fn say_once(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let url = self.url(&["issues", &number.to_string(), "comments"]);
        let is_it = |comment: &Comment| {
            let body = comment.body.as_deref().unwrap_or_default();
            body.replace("\r\n", "\n").trim() == text.trim()
        };
        if self.list::<Comment>(&url, READ)?.iter().any(is_it) {
            return Ok(());
        }
        self.put((Method::POST, &url, WRITE), &json!({"body": text}), async || {
            // The newest are on the last page.
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("per_page", "100");
            let mut answer = self.client.get(&url).await?;
            if let Some(last) = answer.link("last") {
                answer = self.client.get(&last).await?;
            }
            Ok(answer.ok::<Vec<Comment>>(READ)?.iter().any(is_it))
        })
    }
}
