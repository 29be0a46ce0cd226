//! What the token and the project are.

use gitlab::api::job::Job;
use gitlab::api::personal_access_tokens::PersonalAccessTokenSelf;
use gitlab::api::projects::Project;
use gitlab::api::users::CurrentUser;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::shapes::{ProjectShape, User};
use super::{GitLab, detail, unbuilt};
use crate::domain::environment::MergeMethod;
use crate::forge::{ForgeError, ProjectFacts, TokenFacts};

/// The role from which one may push: <https://docs.gitlab.com/api/access_requests/#valid-access-levels>.
const DEVELOPER: u64 = 30;

#[derive(Deserialize)]
struct TokenShape {
    user_id: Option<u64>,
    scopes: Option<Vec<String>>,
    expires_at: Option<Date>,
}

#[derive(Deserialize)]
struct JobShape {
    user: Option<User>,
}

impl GitLab {
    pub(super) fn token_facts(&self) -> Result<TokenFacts, ForgeError> {
        if self.client.token().is_job_token {
            return self.job_facts();
        }
        let own = PersonalAccessTokenSelf::builder().build().map_err(unbuilt)?;
        let me = CurrentUser::builder().build().map_err(unbuilt)?;
        // Older versions do not tell a token about itself, and small scopes not about its user.
        let own: Option<TokenShape> = match self.read(&own) {
            Err(ForgeError::Auth(words)) => return Err(ForgeError::Auth(words)),
            other => detail(other)?,
        };
        let me: Option<User> = detail(self.read(&me))?;
        let (user_id, scopes, expires) = own.map_or((None, None, None), |own| {
            (own.user_id, own.scopes, own.expires_at.and_then(midnight))
        });
        let login = match (me, user_id) {
            (Some(me), _) => me.username,
            (None, Some(id)) => format!("user {id}"),
            (None, None) => String::new(),
        };
        Ok(TokenFacts {
            kind: Some(kind(&login).to_owned()),
            login,
            scopes,
            expires_at: expires,
            starts_pipelines: true,
        })
    }

    fn job_facts(&self) -> Result<TokenFacts, ForgeError> {
        let job: JobShape = self.read(&Job::builder().build().map_err(unbuilt)?)?;
        Ok(TokenFacts {
            login: job.user.map(|user| user.username).unwrap_or_default(),
            kind: Some("CI job token".to_owned()),
            scopes: None,
            expires_at: None,
            starts_pipelines: false,
        })
    }

    pub(super) fn own_project(&self) -> Result<ProjectShape, ForgeError> {
        let project = self.address.project.as_str();
        self.read(&Project::builder().project(project).build().map_err(unbuilt)?)
    }

    pub(super) fn project_facts(&self) -> Result<ProjectFacts, ForgeError> {
        let found = match self.client.token().is_job_token {
            // A job token cannot read the project, which says nothing of the project.
            true => detail(self.own_project())?,
            false => Some(self.own_project()?),
        };
        let Some(project) = found else {
            return Ok(ProjectFacts {
                clock_ahead: self.client.clock_ahead(),
                ..ProjectFacts::default()
            });
        };
        let method = project.merge_method.as_deref();
        Ok(ProjectFacts {
            may_push: may_push(&project),
            methods: methods(&project),
            fast_forward_only: method.map(|method| method != "merge"),
            // Every tier has it, without a switch.
            auto_merge: Some(true),
            removes_branches: project.remove_source_branch_after_merge,
            queue: project.merge_trains_enabled,
            clock_ahead: self.client.clock_ahead(),
            notes: notes(&project),
            default_branch: project.default_branch,
        })
    }
}

/// GitLab names the accounts of its own tokens:
/// <https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects>.
fn kind(login: &str) -> &'static str {
    let is_bot = login.contains("_bot");
    match login.split_once('_') {
        Some(("project", _)) if is_bot => "project access token",
        Some(("group", _)) if is_bot => "group access token",
        _ => "personal access token",
    }
}

/// A token ends as its last date begins, in UTC:
/// <https://docs.gitlab.com/user/profile/personal_access_tokens/>.
fn midnight(date: Date) -> Option<Timestamp> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn may_push(project: &ProjectShape) -> Option<bool> {
    let permissions = project.permissions.as_ref()?;
    let levels = [&permissions.project_access, &permissions.group_access];
    // None at all: an administrator, or a member by way of a group that was invited.
    let most = levels.into_iter().flatten().map(|access| access.access_level).max()?;
    Some(most >= DEVELOPER && project.archived != Some(true))
}

/// <https://docs.gitlab.com/user/project/merge_requests/methods/>
fn methods(project: &ProjectShape) -> Option<Vec<MergeMethod>> {
    let own = match project.merge_method.as_deref()? {
        "merge" => MergeMethod::Merge,
        _ => MergeMethod::Rebase,
    };
    Some(match project.squash_option.as_deref() {
        Some("always") => vec![MergeMethod::Squash],
        Some("never") => vec![own],
        _ => vec![own, MergeMethod::Squash],
    })
}

fn notes(project: &ProjectShape) -> Vec<String> {
    let notes = [
        (project.archived == Some(true), "the project is archived: nothing can be written"),
        (project.merge_requests_enabled == Some(false), "merge requests are switched off"),
        (
            project.only_allow_merge_if_pipeline_succeeds == Some(true),
            "a merge needs a pipeline that passed",
        ),
        (
            project.only_allow_merge_if_all_discussions_are_resolved == Some(true),
            "a merge needs all discussions to be resolved",
        ),
        (
            project.merge_method.as_deref() == Some("rebase_merge"),
            "merges are semi-linear: each makes a merge commit, and needs a branch that is based on the newest commit",
        ),
    ];
    notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note.to_owned()).collect()
}
