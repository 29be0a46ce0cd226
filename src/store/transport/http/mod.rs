//! git's services over HTTP(S): one client, its own time limits, credentials sent only
//! where they belong, and redirects only where git itself would follow them.

mod answer;
mod client;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use git2::transport::SmartSubtransportStream;
use reqwest::StatusCode;
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use secrecy::ExposeSecret;
use url::Url;

use super::TransportError;
use super::channel::Channel;
use super::wire::{self, Capabilities, Server, Unread};
use crate::store::Access;
use crate::store::helper::{self, Login};
use crate::store::traffic::Meter;
use crate::trust::cause;
use answer::{Answer, shown};
use client::Clients;

/// A moved project and a missing `.git` need two; a loop must end.
const REDIRECTS: usize = 3;

#[derive(Clone)]
pub struct Http(Arc<Shared>);

struct Shared {
    clients: Clients,
    /// The user name of the URL, for credential helpers.
    user: Option<String>,
    state: Mutex<State>,
    failure: Mutex<Option<TransportError>>,
    meter: Meter,
}

struct State {
    base: Url,
    login: Option<Login>,
    /// The credential helper was told that its login is right; once is enough.
    approved: bool,
}

impl Http {
    /// # Errors
    /// A CA file that cannot be used, or a token that would go over plain HTTP.
    pub fn new(mut base: Url, access: &Access) -> Result<Self, TransportError> {
        let user = Some(base.username().to_owned()).filter(|user| !user.is_empty());
        let token = access.credentials.token(&base).map_err(TransportError::Local)?;
        let login = token.map(|token| Login {
            user: user.clone().unwrap_or_else(|| token.user.clone()),
            secret: token.secret.clone(),
            source: token.source.to_owned(),
            from_helper: false,
        });
        // Only the path matters from here on; the user travels in a header.
        let _ = base.set_username("");
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let clients = Clients::new(access)?;
        let state = Mutex::new(State { base, login, approved: false });
        Ok(Self(Arc::new(Shared {
            clients,
            user,
            state,
            failure: Mutex::default(),
            meter: access.meter.clone(),
        })))
    }
}

const UPLOAD_PACK: &str = "git-upload-pack";
const RECEIVE_PACK: &str = "git-receive-pack";

impl Server for Http {
    fn greets(&self) -> bool {
        false
    }

    fn capabilities(&self, until: Instant) -> Result<Option<Capabilities>, TransportError> {
        let mut answer = self.0.advertised(UPLOAD_PACK, true, until)?;
        let words = |unread: Unread| TransportError::Unreachable(unread.to_string());
        wire::capabilities(&mut answer)
            .map_err(|unread| self.failed().unwrap_or_else(|| words(unread)))
    }

    fn ask(&self, question: Vec<u8>, until: Instant) -> Result<wire::Answer<'_>, TransportError> {
        Ok(Box::new(self.0.logged_in(UPLOAD_PACK, &question, true, until)?))
    }

    fn may_push(&self, until: Instant) -> Result<(), TransportError> {
        self.0.advertised(RECEIVE_PACK, false, until).map(drop)
    }

    fn send(&self, push: Vec<u8>, until: Instant) -> Result<wire::Answer<'_>, TransportError> {
        Ok(Box::new(self.0.logged_in(RECEIVE_PACK, &push, false, until)?))
    }

    fn failure(&self) -> Option<TransportError> {
        self.failed()
    }

    fn channel(&self) -> Box<dyn Channel> {
        Box::new(self.clone())
    }
}

impl Channel for Http {
    fn is_stateless(&self) -> bool {
        true
    }

    fn open(
        &self,
        first: bool,
        until: Instant,
    ) -> Result<Box<dyn SmartSubtransportStream>, TransportError> {
        Ok(Box::new(if first {
            self.0.advertised(UPLOAD_PACK, false, until)?
        } else {
            Answer::to(&self.0, UPLOAD_PACK, until)
        }))
    }

    fn failure(&self) -> Option<TransportError> {
        self.failed()
    }
}

impl Http {
    /// Takes the error behind a read that failed, if there was one.
    fn failed(&self) -> Option<TransportError> {
        self.0.failure.lock().ok().and_then(|mut slot| slot.take())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a service for its branches; finds out here who we are and where to go on.
    fn advertised(
        self: &Arc<Self>,
        service: &'static str,
        second: bool,
        until: Instant,
    ) -> Result<Answer, TransportError> {
        let mut redirects = 0;
        loop {
            let mut url = self.state().base.clone();
            url.set_path(&format!("{}/info/refs", url.path()));
            url.set_query(Some(&format!("service={service}")));
            self.meter.asked(0);
            let request = self.clients.of(&url)?.get(url.clone());
            let answer = self.send(versioned(request, second), until)?;
            let status = answer.status();
            if status.is_redirection() && redirects < REDIRECTS {
                redirects += 1;
                self.follow(service, &url, &answer)?;
            } else if status == StatusCode::UNAUTHORIZED && self.another_login(until)? {
                // Asked again with the new one.
            } else {
                let answer = self.accept(answer, service, "advertisement")?;
                self.remember_login(until);
                return Ok(Answer::begun(self, service, answer, until));
            }
        }
    }

    /// Asks a service, with a login where it wants one.
    fn logged_in(
        self: &Arc<Self>,
        service: &'static str,
        question: &[u8],
        second: bool,
        until: Instant,
    ) -> Result<Answer, TransportError> {
        loop {
            match self.post(service, question.to_vec(), second, until) {
                Err(TransportError::Auth { .. }) if self.another_login(until)? => {}
                answer => {
                    let answer = answer?;
                    self.remember_login(until);
                    return Ok(Answer::begun(self, service, answer, until));
                }
            }
        }
    }

    fn post(
        &self,
        service: &str,
        body: Vec<u8>,
        second: bool,
        until: Instant,
    ) -> Result<Response, TransportError> {
        let mut url = self.state().base.clone();
        url.set_path(&format!("{}/{service}", url.path()));
        self.meter.asked(body.len());
        let request = self
            .clients
            .of(&url)?
            .post(url)
            .header(CONTENT_TYPE, format!("application/x-{service}-request"))
            .body(body);
        self.accept(self.send(versioned(request, second), until)?, service, "result")
    }

    fn send(
        &self,
        mut request: RequestBuilder,
        until: Instant,
    ) -> Result<Response, TransportError> {
        if let Some(login) = &self.state().login {
            request = request.basic_auth(&login.user, Some(login.secret.expose_secret()));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TransportError::Timeout("no time was left to ask".to_owned()));
        }
        request.timeout(left).send().map_err(|error| {
            if error.is_timeout() && Instant::now() >= until {
                TransportError::Timeout("no answer".to_owned())
            } else {
                TransportError::Unreachable(cause(&error))
            }
        })
    }

    /// Goes to the new address if it is the same server's, no less encrypted, and the
    /// answer to the same question: what git calls `http.followRedirects=initial`.
    fn follow(&self, service: &str, from: &Url, answer: &Response) -> Result<(), TransportError> {
        let target = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let target = target.and_then(|target| from.join(target).ok());
        let refused = |what: &str| TransportError::NotFound(format!("it {what}"));
        let Some(mut target) = target else {
            return Err(refused("redirects to nowhere"));
        };
        let shown =
            format!("redirects to {}: use the new address", target.host_str().unwrap_or_default());
        let same_server = target.host_str() == from.host_str()
            && (target.scheme() == from.scheme() || target.scheme() == "https")
            && (target.port_or_known_default() == from.port_or_known_default()
                || from.scheme() != target.scheme());
        let question = format!("service={service}");
        let Some(path) = target.path().strip_suffix("/info/refs").map(ToOwned::to_owned) else {
            return Err(refused(&shown));
        };
        if !same_server || target.query() != Some(question.as_str()) {
            return Err(refused(&shown));
        }
        target.set_path(&path);
        target.set_query(None);
        self.state().base = target;
        Ok(())
    }

    /// Takes the next source of credentials; false when there is none left.
    fn another_login(&self, until: Instant) -> Result<bool, TransportError> {
        let mut state = self.state();
        match &state.login {
            None => {
                state.login = helper::ask(&state.base, self.user.as_deref(), until);
                if state.login.is_none() && Instant::now() >= until {
                    let words = "git's credential helper was stopped at the deadline";
                    return Err(TransportError::Timeout(words.to_owned()));
                }
                Ok(state.login.is_some())
            }
            Some(login) => {
                if login.from_helper {
                    helper::reject(&state.base, login, until);
                }
                Err(TransportError::Auth { tried: login.source.clone() })
            }
        }
    }

    fn remember_login(&self, until: Instant) {
        let mut state = self.state();
        if let Some(login) = state.login.as_ref().filter(|login| login.from_helper)
            && !state.approved
        {
            helper::approve(&state.base, login, until);
            state.approved = true;
        }
    }

    /// Tells a git answer from everything else that a server may say.
    fn accept(
        &self,
        answer: Response,
        service: &str,
        kind: &str,
    ) -> Result<Response, TransportError> {
        let status = answer.status();
        let expected = format!("application/x-{service}-{kind}");
        let is_git = answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes() == expected.as_bytes());
        if status == StatusCode::OK && is_git {
            return Ok(answer);
        }
        let words = shown(status, answer);
        Err(match status {
            StatusCode::UNAUTHORIZED => {
                let tried = self.state().login.as_ref().map_or_else(
                    || "PINRAIL_TOKEN, the CI's own token, git's credential helpers (nothing was found)".to_owned(),
                    |login| login.source.clone(),
                );
                TransportError::Auth { tried }
            }
            StatusCode::FORBIDDEN => TransportError::Forbidden(words),
            StatusCode::NOT_FOUND | StatusCode::GONE => TransportError::NotFound(words),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                TransportError::Unreachable(words)
            }
            StatusCode::OK => TransportError::NotFound(
                "the answer is not git's: is this the address of a repository?".to_owned(),
            ),
            _ => TransportError::Protocol(words),
        })
    }
}

/// A request that asks for the second version of the protocol, or for none.
fn versioned(request: RequestBuilder, second: bool) -> RequestBuilder {
    if second { request.header("Git-Protocol", "version=2") } else { request }
}
