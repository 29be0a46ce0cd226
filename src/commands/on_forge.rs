//! The forge that hosts a services-root, and what its refusals mean to the caller.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use url::Url;

use super::{CommandError, Context, ErrorKind, Talk};
use crate::domain::config::{Config, ForgeKind};
use crate::forge::github::{App, installation_token};
use crate::forge::{Address, ApiToken, Forge, ForgeError, Session, open};
use crate::store::{Access, Location, Token, TokenScope};

/// The forge of a services-root, and where it is.
pub struct Host {
    pub forge: Box<dyn Forge>,
    pub address: Address,
    pub kind: ForgeKind,
    /// Opens another project, where the token is for this one alone.
    elsewhere: Option<Box<dyn Fn(Address) -> Opening>>,
}

type Opening = Result<Box<dyn Forge>, ForgeError>;

/// The forge, where the configuration names one. A services-root that is reached by a path
/// has none: its requests are branches alone.
pub fn host(
    context: &Context,
    access: &Access,
    config: &Config,
    location: &Location,
) -> Result<Option<Host>, CommandError> {
    let Some(address) = address(context, config, location)? else { return Ok(None) };
    let Some(token) = access.token(&address.server, context.timeout)? else {
        let host = address.server.host_str().unwrap_or_default();
        let message = format!("requests on {host} need a token, and none is at hand");
        return Err(CommandError::new(ErrorKind::Authentication, message)
            .hint(own_token(config.forge.kind)));
    };
    let token = ApiToken {
        is_job_token: token.user == "gitlab-ci-token",
        secret: token.secret,
        source: token.source.to_owned(),
    };
    let kind = config.forge.kind;
    let app = context.app.as_ref().ok().and_then(Option::as_ref);
    let elsewhere = app.filter(|_| token.source == APP).map(|app| elsewhere(context, app));
    let forge = open(kind, address.clone(), token, session(context)?)?;
    Ok(Some(Host { forge, address, kind, elsewhere }))
}

/// Where an App's token came from, for messages.
const APP: &str = "the GitHub App";

/// Opens other projects as the same App, each with a token for itself alone.
fn elsewhere(context: &Context, app: &App) -> Box<dyn Fn(Address) -> Opening> {
    let (app, talk) = (app.clone(), Rc::clone(&context.talk));
    let (ca_file, timeout) = (context.access.ca_file.clone(), context.timeout);
    Box::new(move |address| {
        let session = || session_with(ca_file.as_deref(), timeout, &talk);
        let secret = installation_token(&address, &app, &session()?)?;
        let token = ApiToken { secret, source: APP.to_owned(), is_job_token: false };
        open(ForgeKind::Github, address, token, session()?)
    })
}

/// How the services-root is reached, by the GitHub App where one is told: the branch of a
/// request is pushed by whoever opens it.
pub fn access(context: &Context, location: &Location) -> Result<Access, CommandError> {
    let mut access = context.access.clone();
    let tokens = &mut access.credentials.tokens;
    let app = context.app.as_ref().map_err(Clone::clone)?;
    let Some(app) = app.as_ref().filter(|_| !tokens.iter().any(Token::is_told)) else {
        return Ok(access);
    };
    let Some(url) = pages(None, location)? else { return Ok(access) };
    let address = Address::of(ForgeKind::Github, &url, None, &context.endpoints)?;
    let secret = installation_token(&address, app, &session(context)?)?;
    let (source, user) = (APP, "x-access-token".to_owned());
    tokens.insert(0, Token { source, user, secret, scope: TokenScope::Server(address.server) });
    Ok(access)
}

/// Where the services-root's project is.
fn address(
    context: &Context,
    config: &Config,
    location: &Location,
) -> Result<Option<Address>, CommandError> {
    let kind = config.forge.kind;
    if kind == ForgeKind::Git {
        return Ok(None);
    }
    let told = config.repository.as_ref().and_then(|url| url.as_str().parse::<Url>().ok());
    let Some(url) = pages(told, location)? else { return Ok(None) };
    Ok(Some(Address::of(kind, &url, config.forge.project.as_deref(), &context.endpoints)?))
}

/// The address that people give a browser; a path has none. Pages may be elsewhere than SSH
/// is, which `repository:` tells.
fn pages(told: Option<Url>, location: &Location) -> Result<Option<Url>, CommandError> {
    let ssh = match location {
        Location::Path(_) => return Ok(None),
        Location::Http(url) => return Ok(Some(url.clone())),
        Location::Ssh(ssh) => ssh,
    };
    if let Some(told) = told.filter(|url| url.scheme().starts_with("http")) {
        return Ok(Some(told));
    }
    let url = format!("https://{}/{}", ssh.host, ssh.path.trim_start_matches('/'));
    url.parse().map(Some).map_err(|_| {
        CommandError::new(ErrorKind::Local, format!("no forge is at {location}"))
            .hint("`repository:` in pinrail.yaml gives its https address")
    })
}

fn session(context: &Context) -> Result<Session, ForgeError> {
    session_with(context.access.ca_file.as_deref(), context.timeout, &context.talk)
}

/// A session that says aloud what it waits for.
fn session_with(
    ca_file: Option<&Path>,
    timeout: Duration,
    talk: &Rc<dyn Talk>,
) -> Result<Session, ForgeError> {
    let talk = Rc::clone(talk);
    Session::new(ca_file, timeout, Box::new(move |sentence| talk.say(sentence)))
        .map_err(ForgeError::Local)
}

/// Which token asks for changes, so that their checks run.
fn own_token(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::Gitlab => {
            "put a project access token (scopes api and write_repository, role Developer) into PINRAIL_TOKEN"
        }
        _ => {
            "give a GitHub App (PINRAIL_GITHUB_APP_ID and PINRAIL_GITHUB_APP_PRIVATE_KEY_FILE), or a fine-grained token (contents and pull requests: write) in PINRAIL_TOKEN"
        }
    }
}

impl Host {
    /// Asks about another project on this forge.
    pub fn at<T>(
        &self,
        project: &str,
        ask: impl FnOnce(&dyn Forge) -> Result<T, ForgeError>,
    ) -> Result<T, ForgeError> {
        match &self.elsewhere {
            Some(open) if project != self.address.project => {
                let address = Address { project: project.to_owned(), ..self.address.clone() };
                ask(&*open(address)?)
            }
            _ => ask(&*self.forge),
        }
    }

    /// Refuses a token whose requests no pipeline would ever look at: the rules that a
    /// request has to pass are checked by pipelines.
    pub fn may_ask(&self) -> Result<(), CommandError> {
        let token = self.forge.token()?;
        if token.starts_pipelines {
            return Ok(());
        }
        let message = format!(
            "the token of {} cannot ask for changes: what it opens starts no pipeline, so no check would run",
            token.login
        );
        Err(CommandError::new(ErrorKind::Authentication, message).hint(own_token(self.kind)))
    }
}

impl From<ForgeError> for CommandError {
    fn from(error: ForgeError) -> Self {
        let message = error.to_string();
        let (kind, hint) = match error {
            ForgeError::Auth(_) => (
                ErrorKind::Authentication,
                "set PINRAIL_TOKEN to a valid one; `pinrail doctor` tells what each token may do",
            ),
            ForgeError::Forbidden { need, .. } => {
                let need = need.map(|need| format!("the token needs {need}"));
                return Self::new(ErrorKind::Refused, message)
                    .hints(need)
                    .hint("`pinrail doctor` tells what it may do");
            }
            ForgeError::NotFound(_) => (
                ErrorKind::NotFound,
                "check `forge.project` in pinrail.yaml, and that the token may see the project",
            ),
            ForgeError::Moved { .. } => (
                ErrorKind::NotFound,
                "nothing was written: give the new address (`--repo`, `repository` and `forge.project` in pinrail.yaml)",
            ),
            ForgeError::AlreadyExists
            | ForgeError::NothingToAsk
            | ForgeError::HeadMoved
            | ForgeError::MergedMeanwhile
            | ForgeError::ClosedMeanwhile => (
                ErrorKind::Conflict,
                "look at it again: `pinrail promotions` shows what is asked for now",
            ),
            ForgeError::NotMergeable(_) => (
                ErrorKind::Refused,
                "the request stays open; `--auto-merge` has the forge merge it when its rules allow",
            ),
            ForgeError::Protected(_) => (
                ErrorKind::Refused,
                "the words are the forge's: look at the branch's protection and the token's rights",
            ),
            ForgeError::Invalid(_) => (
                ErrorKind::Refused,
                "the words are the forge's: look at `request:` of the environment and at the templates",
            ),
            ForgeError::RateLimited { .. } => (
                ErrorKind::Timeout,
                "run it again later, it is safe to repeat; `--timeout` makes it wait longer",
            ),
            ForgeError::Timeout(_) => (
                ErrorKind::Timeout,
                "run it again, it is safe to repeat; `--timeout` gives it longer",
            ),
            ForgeError::Unreachable(_) | ForgeError::Protocol(_) => {
                (ErrorKind::Network, "run it again, it is safe to repeat")
            }
            ForgeError::Unknown(_) => (
                ErrorKind::Network,
                "run the same command again: it finds out and is safe to repeat",
            ),
            ForgeError::Unsupported(_) => (ErrorKind::Usage, "leave `--via api` out"),
            ForgeError::Local(_) => return Self::new(ErrorKind::Local, message),
        };
        Self::new(kind, message).hint(hint)
    }
}
