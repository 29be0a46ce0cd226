//! What the token is, and what it may do.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use crate::commands::ErrorKind;
use crate::domain::config::{Config, ForgeKind};
use crate::domain::environment::Mode;
use crate::forge::TokenFacts;

/// How long before its end a token is worth a word.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

pub fn token(config: &Config, facts: &TokenFacts, now: Timestamp) -> Vec<Finding> {
    let what = facts.kind.as_deref().unwrap_or("token");
    let whose = if facts.login.is_empty() { "somebody's" } else { &facts.login };
    let mut found = vec![Finding::ok("token", format!("a {what} of {whose}"))];
    found.push(expiry(facts, now));
    found.push(pipelines(config, facts));
    found.extend(scopes(config, facts));
    found
}

fn expiry(facts: &TokenFacts, now: Timestamp) -> Finding {
    const NAME: &str = "token.expiry";
    let Some(end) = facts.expires_at else {
        return Finding::ok(NAME, "no end is known");
    };
    let left = end.duration_since(now);
    let date = end.strftime("%Y-%m-%d");
    match () {
        () if left <= SignedDuration::ZERO => {
            Finding::problem(NAME, format!("it ended on {date}")).kind(ErrorKind::Authentication)
        }
        () if left < SOON => {
            let days = left.as_hours() / 24;
            let when =
                if days == 0 { "within a day".to_owned() } else { format!("in {days} days") };
            Finding::warning(NAME, format!("it ends on {date}, {when}"))
        }
        () => return Finding::ok(NAME, format!("it ends on {date}")),
    }
    .hint("make a new one, and put it where this one was")
}

/// Whether what it pushes and opens is judged by pipelines.
fn pipelines(config: &Config, facts: &TokenFacts) -> Finding {
    const NAME: &str = "token.pipelines";
    if facts.starts_pipelines {
        return Finding::ok(NAME, "what it pushes and opens starts pipelines");
    }
    if has(config, Mode::Request) {
        let message = "what it opens starts no pipeline: a required check of a request never runs";
        return Finding::problem(NAME, message)
            .hint("use a project's or an app's token for promotions, not the pipeline's own");
    }
    Finding::warning(NAME, "what it pushes starts no pipeline, and is not checked")
}

/// Something that a token is for.
struct Right {
    name: &'static str,
    /// What one does with it.
    deed: &'static str,
    /// The scopes of GitLab of which any gives it:
    /// <https://docs.gitlab.com/user/profile/personal_access_tokens/#personal-access-token-scopes>.
    gitlab: &'static [&'static str],
    /// The scopes of GitHub's classic tokens:
    /// <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps>;
    /// and the permission of other tokens, as `name:write`.
    github: &'static [&'static str],
}

const PUSH: Right = Right {
    name: "token.push",
    deed: "push to the repository",
    gitlab: &["write_repository", "api"],
    github: &["repo", "public_repo", "contents:write"],
};

const REQUESTS: Right = Right {
    name: "token.requests",
    deed: "open and merge requests",
    gitlab: &["api"],
    github: &["repo", "public_repo", "pull_requests:write"],
};

/// <https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens#repository-permissions-for-commit-statuses>,
/// <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>.
const STATUSES: Right = Right {
    name: "token.statuses",
    deed: "set statuses, as `tend` does",
    gitlab: &["api"],
    github: &["repo", "public_repo", "repo:status", "statuses:write"],
};

const DEPLOYMENTS: Right = Right {
    name: "token.deployments",
    deed: "record deployments",
    gitlab: &["api"],
    github: &["repo", "public_repo", "repo_deployment", "deployments:write"],
};

fn scopes(config: &Config, facts: &TokenFacts) -> Vec<Finding> {
    let is_gitlab = config.forge.kind == ForgeKind::Gitlab;
    // GitHub's fine-grained tokens have no scopes, and do not tell their permissions.
    let told = facts.scopes.as_ref().filter(|scopes| is_gitlab || !scopes.is_empty());
    let Some(told) = told else {
        let message = "the forge does not tell what this token may do";
        return vec![
            Finding::unknown("token.scopes", message)
                .hint(".pinrail/settings.md lists what each command needs"),
        ];
    };
    let judged = |right: &Right, is_needed: bool| {
        let enough = if is_gitlab { right.gitlab } else { right.github };
        if told.iter().any(|scope| enough.contains(&scope.as_str())) {
            return Finding::ok(right.name, format!("its scopes let it {}", right.deed));
        }
        let message = format!("its scopes ({}) do not let it {}", told.join(", "), right.deed);
        let finding = if is_needed {
            Finding::problem(right.name, message)
        } else {
            Finding::warning(right.name, message)
        };
        finding.hint(format!("it needs one of: {}", enough.join(", ")))
    };
    let by_request = has(config, Mode::Request)
        .then(|| [judged(&REQUESTS, true), judged(&STATUSES, false)])
        .into_iter()
        .flatten();
    [judged(&PUSH, true)]
        .into_iter()
        .chain(by_request)
        .chain([judged(&DEPLOYMENTS, false)])
        .collect()
}

/// Whether pins get in this way anywhere.
pub fn has(config: &Config, mode: Mode) -> bool {
    config.environments.iter().any(|environment| environment.mode == mode)
}
