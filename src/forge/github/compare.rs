//! What is between two commits.
//! <https://docs.github.com/en/rest/commits/commits#compare-two-commits>

use serde::Deserialize;

use super::{GitHub, if_there};
use crate::forge::{ComparedCommit, Comparison, ForgeError};

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
