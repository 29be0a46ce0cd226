//! Who is asked: GitLab wants numbers where people write names.

use gitlab::api::groups::members::GroupMembers;
use gitlab::api::users::Users;

use super::shapes::{MergeRequest, User};
use super::{GitLab, detail, unbuilt};
use crate::forge::{ForgeError, PullRequestSpec, Reviewer};

/// The accounts behind the names of a request.
pub(super) struct People {
    pub reviewers: Vec<User>,
    pub assignees: Vec<User>,
    /// Names that stand for nobody.
    pub warnings: Vec<String>,
}

impl GitLab {
    pub(super) fn people(&self, spec: &PullRequestSpec) -> Result<People, ForgeError> {
        let mut warnings = Vec::new();
        let mut reviewers: Vec<User> = Vec::new();
        for reviewer in &spec.reviewers {
            let found = match reviewer {
                Reviewer::User(login) => self.user(login)?.into_iter().collect(),
                Reviewer::Team(group) => self.members(group)?,
            };
            if found.is_empty() {
                let (kind, name) = match reviewer {
                    Reviewer::User(login) => ("user", login),
                    Reviewer::Team(group) => ("group with members", group),
                };
                warnings.push(format!("GitLab shows no {kind} `{name}`: not asked for a review"));
            }
            for user in found {
                if !reviewers.iter().any(|known| known.id == user.id) {
                    reviewers.push(user);
                }
            }
        }
        let mut assignees = Vec::new();
        for login in &spec.assignees {
            match self.user(login)? {
                Some(user) => assignees.push(user),
                None => warnings.push(format!("GitLab shows no user `{login}`: not assigned")),
            }
        }
        Ok(People { reviewers, assignees, warnings })
    }

    fn user(&self, login: &str) -> Result<Option<User>, ForgeError> {
        let users = Users::builder().username(login).build().map_err(unbuilt)?;
        let found: Option<Vec<User>> = detail(self.read(&users))?;
        Ok(found.into_iter().flatten().find(|user| user.username.eq_ignore_ascii_case(login)))
    }

    /// Those who are in a group themselves; who comes in through a group above is not asked.
    fn members(&self, group: &str) -> Result<Vec<User>, ForgeError> {
        let members = GroupMembers::builder().group(group).build().map_err(unbuilt)?;
        let found: Option<Vec<User>> = detail(self.read_all(members))?;
        let is_active = |user: &User| user.state.as_deref().is_none_or(|state| state == "active");
        Ok(found.into_iter().flatten().filter(is_active).collect())
    }
}

impl People {
    /// What was asked for and is not in the request that came of it: GitLab leaves it out
    /// without a word, such as all reviewers but one where the tier knows only one.
    pub fn left_out(self, spec: &PullRequestSpec, request: &MergeRequest) -> Vec<String> {
        let mut warnings = self.warnings;
        let missing = |asked: Vec<User>, given: &Option<Vec<User>>, what: &str| {
            let is_given = |user: &User| {
                given.as_ref().is_none_or(|given| given.iter().any(|one| one.id == user.id))
            };
            let gone = asked.into_iter().filter(|user| !is_given(user)).map(|user| user.username);
            gone.map(|login| format!("GitLab did not take `{login}` as {what}")).collect::<Vec<_>>()
        };
        warnings.extend(missing(self.reviewers, &request.reviewers, "a reviewer"));
        warnings.extend(missing(self.assignees, &request.assignees, "an assignee"));
        if let Some(labels) = &request.labels {
            let gone = spec.labels.iter().filter(|label| !labels.contains(label));
            warnings.extend(gone.map(|label| format!("GitLab did not take the label `{label}`")));
        }
        warnings
    }
}
