//! The commits between two revisions, of this project or of a service's:
//! <https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits>.

use gitlab::api::projects::repository::commits::CompareCommits;
use serde::Deserialize;

use super::{GitLab, detail, unbuilt};
use crate::forge::{ComparedCommit, Comparison, ForgeError};

#[derive(Deserialize)]
pub(super) struct Compared {
    /// In the newer and not in the older revision, oldest first.
    pub commits: Vec<CommitShape>,
    web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CommitShape {
    id: String,
    message: Option<String>,
    title: Option<String>,
    author_name: Option<String>,
    web_url: Option<String>,
}

impl GitLab {
    pub(super) fn compare_commits(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Comparison>, ForgeError> {
        let Some(ahead) = self.commits_between(project, from, to)? else { return Ok(None) };
        let Some(back) = self.commits_between(project, to, from)? else { return Ok(None) };
        let page = || self.address.page(&format!("{project}/-/compare/{from}...{to}"));
        Ok(Some(Comparison {
            url: Some(ahead.web_url.unwrap_or_else(page)),
            total: ahead.commits.len(),
            commits: ahead.commits.into_iter().rev().map(CommitShape::into_commit).collect(),
            behind: back.commits.len(),
        }))
    }

    /// None where the project or a revision is not there for this token.
    pub(super) fn commits_between(
        &self,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Compared>, ForgeError> {
        let mut builder = CompareCommits::builder();
        let call = builder.project(project).from(from).to(to).straight(false);
        let found = self.read(&call.build().map_err(unbuilt)?);
        match found {
            // A token that is not taken at all is no matter of this project.
            Err(ForgeError::Auth(words)) if !self.client.token().is_job_token => {
                Err(ForgeError::Auth(words))
            }
            // A service that has another name by now is not there under this one.
            Err(ForgeError::Moved { .. }) if project != self.address.project => Ok(None),
            found => detail(found),
        }
    }
}

impl CommitShape {
    fn into_commit(self) -> ComparedCommit {
        let message = self.message.or(self.title).unwrap_or_default();
        ComparedCommit {
            id: self.id,
            message: message.trim_end().to_owned(),
            author: self.author_name.unwrap_or_default(),
            url: self.web_url,
        }
    }
}
