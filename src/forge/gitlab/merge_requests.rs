//! Merge requests, up to their merge: <https://docs.gitlab.com/api/merge_requests/>.

use gitlab::api::projects::merge_requests::approvals::MergeRequestApprovals;
use gitlab::api::projects::merge_requests::notes::MergeRequestNotes;
use gitlab::api::projects::merge_requests::{self, MergeRequestState, MergeRequests};
use gitlab::api::{Pagination, paged};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Call;
use super::shapes::{MergeRequest, User};
use super::{GitLab, unbuilt};
use crate::domain::name::BranchName;
use crate::forge::{ForgeError, PullRequest, PullRequestSpec, PullRequestState, Written};

/// The most that GitLab puts on a page.
const PAGE: usize = 100;

#[derive(Deserialize)]
struct Approvals {
    approved_by: Option<Vec<Approval>>,
}

#[derive(Deserialize)]
struct Approval {
    user: User,
}

#[derive(Deserialize)]
struct Note {
    body: String,
}

impl GitLab {
    pub(super) fn merge_request(&self, number: u64) -> Result<MergeRequest, ForgeError> {
        self.read(&self.one(number)?)
    }

    pub(super) fn one(&self, number: u64) -> Result<merge_requests::MergeRequest<'_>, ForgeError> {
        let project = self.address.project.as_str();
        let mut one = merge_requests::MergeRequest::builder();
        one.project(project).merge_request(number).build().map_err(unbuilt)
    }

    fn open_from(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<gitlab::api::Paged<MergeRequests<'_>>, ForgeError> {
        let list = MergeRequests::builder()
            .project(self.address.project.as_str())
            .state(MergeRequestState::Opened)
            .source_branch(branch.to_string())
            .target_branch(base.to_string())
            .build()
            .map_err(unbuilt)?;
        Ok(paged(list, Pagination::All))
    }

    pub(super) fn find_merge_request(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        let found = self.read_paged(&self.open_from(branch, base)?)?;
        Ok(the_one(found, branch, base).map(MergeRequest::into_request))
    }

    /// GitLab counts pages, so a request that is closed meanwhile would shift another one past
    /// us. So each page begins where the last one ended, in time, as a keyset would: GitLab has
    /// none for merge requests (<https://docs.gitlab.com/api/rest/#supported-resources>).
    pub(super) fn list_merge_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let mut all: Vec<MergeRequest> = Vec::new();
        let mut since: Option<Timestamp> = None;
        let mut page = 1;
        loop {
            let mut list = Call::get(self.below("merge_requests"))
                .with("state", "opened")
                .with("order_by", "created_at")
                .with("sort", "asc")
                .with("per_page", PAGE)
                .with("page", page);
            if let Some(since) = since {
                list = list.with("created_after", since);
            }
            let found: Vec<MergeRequest> = self.read(&list)?;
            let (count, newest) = (found.len(), found.last().map(|last| last.created_at));
            all.extend(found);
            if count < PAGE {
                break;
            }
            // Many of the same moment are paged by number after all.
            match newest > since {
                true => (since, page) = (newest, 1),
                false => page += 1,
            }
        }
        let wanted = |one: &MergeRequest| {
            let is_named = one.is_from_here() && one.source_branch.starts_with(prefix);
            one.state() == PullRequestState::Open && (prefix.is_empty() || is_named)
        };
        all.retain(wanted);
        all.sort_by_key(|one| one.iid);
        all.dedup_by_key(|one| one.iid);
        Ok(all.into_iter().map(MergeRequest::into_request).collect())
    }

    pub(super) fn create_merge_request(
        &self,
        spec: &PullRequestSpec,
    ) -> Result<Written, ForgeError> {
        // GitLab opens a request without commits too, so it is found out before.
        if self.has_nothing(spec)? {
            return Err(ForgeError::NothingToAsk);
        }
        let people = self.people(spec)?;
        let ids = |users: &[User]| users.iter().map(|user| user.id).collect::<Vec<_>>();
        let mut body = json!({
            "source_branch": spec.branch.to_string(),
            "target_branch": spec.base.to_string(),
            "title": if spec.draft { format!("Draft: {}", spec.title) } else { spec.title.clone() },
            "description": spec.body,
            "remove_source_branch": true,
            "squash": spec.squash,
        });
        if !spec.labels.is_empty() {
            body["labels"] = spec.labels.join(",").into();
        }
        if !people.reviewers.is_empty() {
            body["reviewer_ids"] = ids(&people.reviewers).into();
        }
        if !people.assignees.is_empty() {
            body["assignee_ids"] = ids(&people.assignees).into();
        }
        let call = Call::post(self.below("merge_requests"), body);
        let open = self.open_from(&spec.branch, &spec.base)?;
        let created: MergeRequest = self.write(
            async || match self.client.ask(&call).await {
                Err(refusal) if refusal.is(StatusCode::CONFLICT) => Err(ForgeError::AlreadyExists),
                answer => Ok(answer?),
            },
            async || Ok(the_one(self.client.ask(&open).await?, &spec.branch, &spec.base)),
        )?;
        let warnings = people.left_out(spec, &created);
        Ok(Written { request: created.into_request(), warnings })
    }

    /// Whether the branch has no commit that its base lacks. What cannot be compared is left
    /// to GitLab's own judgement.
    fn has_nothing(&self, spec: &PullRequestSpec) -> Result<bool, ForgeError> {
        let (base, branch) = (spec.base.to_string(), spec.branch.to_string());
        let ahead = self.commits_between(&self.address.project, &base, &branch)?;
        Ok(ahead.is_some_and(|ahead| ahead.commits.is_empty()))
    }

    pub(super) fn update_merge_request(
        &self,
        number: u64,
        spec: &PullRequestSpec,
    ) -> Result<Written, ForgeError> {
        let now = self.merge_request(number)?;
        match now.state() {
            PullRequestState::Open => {}
            PullRequestState::Merged => return Err(ForgeError::MergedMeanwhile),
            PullRequestState::Closed => return Err(ForgeError::ClosedMeanwhile),
        }
        let people = self.people(spec)?;
        let changes = changes(&now, spec, &people.reviewers, &people.assignees);
        if changes.is_empty() {
            let warnings = people.left_out(spec, &now);
            return Ok(Written { request: now.into_request(), warnings });
        }
        let path = self.below(&format!("merge_requests/{number}"));
        let call = Call::put(path, Value::Object(changes.clone()));
        let one = self.one(number)?;
        let updated: MergeRequest = self.write(
            async || Ok(self.client.ask(&call).await?),
            async || {
                let now: MergeRequest = self.client.ask(&one).await?;
                let left = self::changes(&now, spec, &people.reviewers, &people.assignees);
                Ok((left != changes).then_some(now))
            },
        )?;
        let warnings = people.left_out(spec, &updated);
        Ok(Written { request: updated.into_request(), warnings })
    }

    pub(super) fn close_merge_request(&self, number: u64) -> Result<(), ForgeError> {
        let one = self.one(number)?;
        let settled = |request: &MergeRequest| match request.state() {
            PullRequestState::Open => Ok(None),
            PullRequestState::Closed => Ok(Some(())),
            PullRequestState::Merged => Err(ForgeError::MergedMeanwhile),
        };
        if let Some(()) = settled(&self.read(&one)?)? {
            return Ok(());
        }
        let path = self.below(&format!("merge_requests/{number}"));
        let call = Call::put(path, json!({"state_event": "close"}));
        self.write(
            async || {
                let answer: MergeRequest = self.client.ask(&call).await?;
                settled(&answer)?.ok_or_else(|| {
                    ForgeError::Invalid("GitLab did not close the merge request".to_owned())
                })
            },
            async || settled(&self.client.ask(&one).await?),
        )
    }

    pub(super) fn approvers(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let project = self.address.project.as_str();
        let mut builder = MergeRequestApprovals::builder();
        let approvals = builder.project(project).merge_request(number).build().map_err(unbuilt)?;
        let found: Approvals = self.read(&approvals)?;
        let by = found.approved_by.unwrap_or_default();
        Ok(by.into_iter().map(|approval| approval.user.username).collect())
    }

    pub(super) fn add_note(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let project = self.address.project.as_str();
        let mut builder = MergeRequestNotes::builder();
        let list = builder.project(project).merge_request(number).build().map_err(unbuilt)?;
        let notes = paged(list, Pagination::All);
        let is_said = |notes: Vec<Note>| notes.iter().any(|note| note.body.trim() == text.trim());
        if is_said(self.read_paged(&notes)?) {
            return Ok(());
        }
        let path = self.below(&format!("merge_requests/{number}/notes"));
        let call = Call::post(path, json!({"body": text}));
        self.write(
            async || self.client.ask::<Note, _>(&call).await.map(|_| ()).map_err(Into::into),
            async || Ok(is_said(self.client.ask(&notes).await?).then_some(())),
        )
    }
}

/// The open request of a branch of this project, whatever GitLab made of the filter.
fn the_one(
    found: Vec<MergeRequest>,
    branch: &BranchName,
    base: &BranchName,
) -> Option<MergeRequest> {
    found.into_iter().find(|one| {
        one.state() == PullRequestState::Open
            && one.is_from_here()
            && one.source_branch == branch.as_ref()
            && one.target_branch == base.as_ref()
    })
}

/// What is to be sent so that a request is as the specification says.
fn changes(
    now: &MergeRequest,
    spec: &PullRequestSpec,
    reviewers: &[User],
    assignees: &[User],
) -> Map<String, Value> {
    let mut changes = Map::new();
    let (title, draft) = (now.bare_title(), &now.title[..now.title.len() - now.bare_title().len()]);
    if title.trim() != spec.title.trim() {
        // The word that makes it a draft stays, or goes, as people want it.
        changes.insert("title".to_owned(), format!("{draft}{}", spec.title).into());
    }
    if now.description.as_deref().unwrap_or_default() != spec.body {
        changes.insert("description".to_owned(), spec.body.clone().into());
    }
    let has = now.labels.as_deref().unwrap_or_default();
    let labels: Vec<&str> =
        spec.labels.iter().filter(|label| !has.contains(label)).map(String::as_str).collect();
    if !labels.is_empty() {
        changes.insert("add_labels".to_owned(), labels.join(",").into());
    }
    for (name, has, wanted) in
        [("reviewer_ids", &now.reviewers, reviewers), ("assignee_ids", &now.assignees, assignees)]
    {
        let mut ids: Vec<u64> = has.iter().flatten().map(|user| user.id).collect();
        let before = ids.len();
        for user in wanted {
            if !ids.contains(&user.id) {
                ids.push(user.id);
            }
        }
        if ids.len() > before {
            changes.insert(name.to_owned(), ids.into());
        }
    }
    changes
}
