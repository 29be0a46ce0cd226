//! GitLab's answers, as far as they are read. What an older version or a smaller tier leaves
//! out is none: <https://docs.gitlab.com/api/merge_requests/>.

use jiff::Timestamp;
use serde::Deserialize;

use crate::forge::{PullRequest, PullRequestState};

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MergeRequest {
    pub iid: u64,
    pub web_url: String,
    pub source_branch: String,
    pub target_branch: String,
    pub source_project_id: Option<u64>,
    pub target_project_id: Option<u64>,
    /// Not known for a moment after the request was opened.
    pub sha: Option<String>,
    pub title: String,
    pub description: Option<String>,
    /// `opened`, `closed`, `merged`, or `locked` while it is being merged.
    pub state: String,
    pub draft: Option<bool>,
    pub merge_when_pipeline_succeeds: Option<bool>,
    /// None where the account was deleted.
    pub author: Option<User>,
    pub created_at: Timestamp,
    pub merge_commit_sha: Option<String>,
    pub squash_commit_sha: Option<String>,
    pub labels: Option<Vec<String>>,
    pub reviewers: Option<Vec<User>>,
    pub assignees: Option<Vec<User>>,
    pub detailed_merge_status: Option<String>,
    /// The older word, `unchecked`, `checking`, `can_be_merged` or `cannot_be_merged`.
    pub merge_status: Option<String>,
    pub head_pipeline: Option<Pipeline>,
    /// Why the last merge failed.
    pub merge_error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub id: u64,
    pub username: String,
    /// `active`, `blocked`, …
    pub state: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pipeline {
    pub id: u64,
    /// The request's head, or the commit of its merged results.
    pub sha: String,
    pub status: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ProjectShape {
    pub path_with_namespace: Option<String>,
    pub default_branch: Option<String>,
    /// `merge`, `rebase_merge` or `ff`.
    pub merge_method: Option<String>,
    /// `never`, `always`, `default_on` or `default_off`.
    pub squash_option: Option<String>,
    pub merge_trains_enabled: Option<bool>,
    pub remove_source_branch_after_merge: Option<bool>,
    pub only_allow_merge_if_pipeline_succeeds: Option<bool>,
    pub only_allow_merge_if_all_discussions_are_resolved: Option<bool>,
    pub merge_requests_enabled: Option<bool>,
    pub archived: Option<bool>,
    pub permissions: Option<Permissions>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Permissions {
    pub project_access: Option<Access>,
    pub group_access: Option<Access>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Access {
    pub access_level: u64,
}

impl MergeRequest {
    pub fn state(&self) -> PullRequestState {
        match self.state.as_str() {
            "merged" => PullRequestState::Merged,
            "closed" => PullRequestState::Closed,
            _ => PullRequestState::Open,
        }
    }

    /// From a branch of this project: a fork may have one of the same name.
    pub fn is_from_here(&self) -> bool {
        self.source_project_id == self.target_project_id
    }

    /// The title without the word that makes it a draft.
    pub fn bare_title(&self) -> &str {
        without_draft(&self.title)
    }

    /// GitLab names the commit that a merge or a squash made; a fast-forward makes none.
    pub fn merged_with(&self) -> Option<String> {
        let made = || self.merge_commit_sha.clone().or_else(|| self.squash_commit_sha.clone());
        match self.state() {
            PullRequestState::Merged => made().or_else(|| self.sha.clone()),
            _ => None,
        }
    }

    pub fn into_request(self) -> PullRequest {
        PullRequest {
            number: self.iid,
            state: self.state(),
            draft: self.draft.unwrap_or_else(|| self.bare_title() != self.title),
            title: self.bare_title().to_owned(),
            merged_with: self.merged_with(),
            from_fork: !self.is_from_here(),
            url: self.web_url,
            branch: self.source_branch,
            base: self.target_branch,
            head: self.sha.unwrap_or_default(),
            body: self.description.unwrap_or_default(),
            behind: self.detailed_merge_status.as_deref() == Some("need_rebase"),
            auto_merge: self.merge_when_pipeline_succeeds.unwrap_or_default(),
            author: self.author.map(|author| author.username).unwrap_or_default(),
            created_at: self.created_at,
        }
    }
}

/// A draft is a matter of the title:
/// <https://docs.gitlab.com/user/project/merge_requests/drafts/>.
pub(super) fn without_draft(title: &str) -> &str {
    for mark in ["[draft]", "(draft)", "draft:", "draft -"] {
        let start = title.get(..mark.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(mark)) {
            return title[mark.len()..].trim_start();
        }
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_makes_a_draft_is_no_part_of_the_title() {
        for title in ["Draft: Pin", "[draft] Pin", "(Draft) Pin", "DRAFT - Pin", "Pin"] {
            assert_eq!(without_draft(title), "Pin");
        }
        assert_eq!(without_draft("Draftsman: é"), "Draftsman: é");
    }
}
