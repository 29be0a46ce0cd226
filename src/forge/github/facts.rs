//! What is known of the token and of the repository's settings.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::{GitHub, if_there};
use crate::domain::environment::MergeMethod;
use crate::forge::{ApiToken, ForgeError, ProjectFacts, TokenFacts};

const ACTIONS: &str = "GitHub Actions token";

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub default_branch: Option<String>,
    #[serde(default)]
    pub permissions: Permissions,
    #[serde(default)]
    archived: bool,
    // Told only to who can push.
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
    delete_branch_on_merge: Option<bool>,
}

/// The repository, when GitHub told, and the scopes of a classic token.
struct Found {
    repository: Repository,
    date: Option<Timestamp>,
    scopes: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub push: Option<bool>,
    #[serde(default)]
    pub admin: Option<bool>,
}

#[derive(Deserialize)]
struct WorkflowPermissions {
    can_approve_pull_request_reviews: Option<bool>,
}

/// By its prefix:
/// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats>.
pub(super) fn kind_of(token: &ApiToken) -> Option<&'static str> {
    let kinds = [
        ("github_pat_", "fine-grained personal access token"),
        ("ghp_", "personal access token (classic)"),
        ("gho_", "OAuth access token"),
        ("ghu_", "user access token of a GitHub App"),
        ("ghs_", "installation token of a GitHub App"),
    ];
    let secret = token.secret.expose_secret();
    kinds.into_iter().find(|(prefix, _)| secret.starts_with(prefix)).map(|(_, kind)| kind)
}

impl GitHub {
    pub(super) fn token_facts(&self) -> Result<TokenFacts, ForgeError> {
        // `GET /user` is not for the tokens of Apps and Actions.
        let graph = self.query("query { viewer { login } }", &json!({}))?;
        let Some(login) = graph.at::<String>("/viewer/login") else {
            return Err(graph.error("Metadata: read"));
        };
        let header = |name: &str| graph.headers.get(name)?.to_str().ok();
        let is_actions = login == "github-actions" || login == "github-actions[bot]";
        Ok(TokenFacts {
            kind: if is_actions { Some(ACTIONS) } else { self.kind }.map(str::to_owned),
            login,
            scopes: header("x-oauth-scopes").map(scopes),
            expires_at: header("github-authentication-token-expiration").and_then(expiry),
            // <https://docs.github.com/en/actions/concepts/security/github_token#when-github_token-triggers-workflow-runs>
            starts_pipelines: !is_actions,
        })
    }

    fn repository(&self) -> Result<Found, ForgeError> {
        let url = self.url(&[]);
        self.session.read(async || {
            let answer = self.client.get(&url).await?;
            let (date, scopes) = (answer.date(), answer.header("x-oauth-scopes").map(scopes));
            Ok(Found { repository: answer.ok("Metadata: read")?, date, scopes })
        })
    }

    /// Whether the token may push, and whether as an administrator. What GitHub says of tokens
    /// that are not classic is what their owner may, and of an App's nothing.
    pub(super) fn access(&self) -> Result<Permissions, ForgeError> {
        Ok(self.access_of(&self.repository()?))
    }

    fn access_of(&self, found: &Found) -> Permissions {
        let Permissions { push, admin } = found.repository.permissions;
        match &found.scopes {
            Some(scopes) => {
                let reaches = scopes.iter().any(|it| it == "repo" || it == "public_repo");
                let and = |may: Option<bool>| may.map(|may| may && reaches);
                Permissions { push: and(push), admin: and(admin) }
            }
            None if self.kind.is_some_and(|kind| kind.starts_with("installation")) => {
                Permissions::default()
            }
            // More than its owner it may not.
            None => Permissions { push: push.filter(|may| !may), admin: admin.filter(|may| !may) },
        }
    }

    pub(super) fn project_facts(&self) -> Result<ProjectFacts, ForgeError> {
        let found = self.repository()?;
        let may_push = self.access_of(&found).push;
        let Found { repository, date, .. } = found;
        let methods = [
            (MergeMethod::Merge, repository.allow_merge_commit),
            (MergeMethod::Squash, repository.allow_squash_merge),
            (MergeMethod::Rebase, repository.allow_rebase_merge),
        ];
        let are_told = methods.iter().any(|(_, allowed)| allowed.is_some());
        let allowed = methods.into_iter().filter(|(_, allowed)| *allowed == Some(true));
        let allowed: Vec<_> = allowed.map(|(method, _)| method).collect();
        let queue = match &repository.default_branch {
            Some(branch) => self.rules(branch)?.map(|rules| rules.has("merge_queue")),
            None => None,
        };
        let mut notes = Vec::new();
        if repository.archived {
            notes.push("the repository is archived: nothing can be written".to_owned());
        }
        if self.actions_may_open()? == Some(false) {
            notes.push(
                "GITHUB_TOKEN may not open pull requests here: Settings > Actions > General \
                 > “Allow GitHub Actions to create and approve pull requests”"
                    .to_owned(),
            );
        }
        Ok(ProjectFacts {
            default_branch: repository.default_branch,
            may_push,
            methods: are_told.then_some(allowed),
            fast_forward_only: Some(false),
            auto_merge: repository.allow_auto_merge,
            removes_branches: repository.delete_branch_on_merge,
            queue,
            clock_ahead: date.map(|date| date.as_second() - Timestamp::now().as_second()),
            notes,
        })
    }

    /// Told to administrators alone.
    fn actions_may_open(&self) -> Result<Option<bool>, ForgeError> {
        let url = self.url(&["actions", "permissions", "workflow"]);
        let found = if_there(self.read::<WorkflowPermissions>(&url, ""))?;
        Ok(found.and_then(|it| it.can_approve_pull_request_reviews))
    }
}

fn scopes(header: &str) -> Vec<String> {
    let scopes = header.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    scopes.map(str::to_owned).collect()
}

/// Such as `2026-12-01 08:00:00 UTC` or `2026-12-01 09:00:00 +0100`.
fn expiry(header: &str) -> Option<Timestamp> {
    let text = header.replace(" UTC", " +0000");
    Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_read_in_each_form_that_github_writes() {
        for text in ["2026-12-01 08:00:00 UTC", "2026-12-01 09:00:00 +0100"] {
            let at = expiry(text).map(|at| at.to_string());
            assert_eq!(at.as_deref(), Some("2026-12-01T08:00:00Z"), "{text}");
        }
        assert_eq!(expiry("never"), None);
    }
}
