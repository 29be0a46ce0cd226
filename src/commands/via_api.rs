//! `--via api`: commits that GitHub makes and signs, in place of a push.

use super::on_forge::Host;
use super::{CommandError, ErrorKind};
use crate::domain::config::ForgeKind;
use crate::forge::{ApiCommit, ForgeError};
use crate::store::{Commits, NewCommit, TransportError};

/// How commits get onto a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// A push
    Git,
    /// GitHub's API: verified commits, by the token's owner
    Api,
}

/// Makes commits through a forge's API.
pub struct ViaApi(Host);

impl ViaApi {
    /// # Errors
    /// A services-root whose forge cannot refuse a commit on a branch that moved.
    pub fn new(host: Option<Host>) -> Result<Self, CommandError> {
        let message = match host {
            Some(host) if host.kind == ForgeKind::Github => return Ok(Self(host)),
            Some(_) => {
                "`--via api` is for GitHub: GitLab's API takes no expected head, so a pin could be lost"
            }
            None => "`--via api` is for GitHub, and this services-root is on no forge",
        };
        Err(CommandError::new(ErrorKind::Usage, message).hint("leave it out: a push is as safe"))
    }
}

impl Commits for ViaApi {
    fn commit(&self, commit: &NewCommit<'_>) -> Result<String, TransportError> {
        let text = commit.message.text();
        let (subject, body) = text.split_once('\n').unwrap_or((&text, ""));
        let file = |change: &crate::store::Change| (change.path.clone(), change.after.clone());
        let commit = ApiCommit {
            branch: commit.branch.clone(),
            from: commit.from.clone(),
            parent: commit.parent.clone(),
            subject: subject.to_owned(),
            body: body.trim().to_owned(),
            files: commit.changes.iter().map(file).collect(),
        };
        self.0.forge.commit(&commit).map_err(|error| {
            let words = error.to_string();
            match error {
                ForgeError::HeadMoved => TransportError::Stale,
                ForgeError::Auth(tried) => TransportError::Auth { tried },
                ForgeError::Forbidden { .. } => TransportError::Forbidden(words),
                ForgeError::Protected(_) | ForgeError::Invalid(_) => TransportError::Refused(words),
                ForgeError::NotFound(_) | ForgeError::Moved { .. } => {
                    TransportError::NotFound(words)
                }
                ForgeError::RateLimited { .. } | ForgeError::Timeout(_) => {
                    TransportError::Timeout(words)
                }
                ForgeError::Unreachable(_) | ForgeError::Unknown(_) => {
                    TransportError::Unreachable(words)
                }
                ForgeError::Local(_) => TransportError::Local(words),
                _ => TransportError::Protocol(words),
            }
        })
    }
}
