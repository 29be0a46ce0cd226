//! The one call: what does this Application look like, now?

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{Address, Application, ArgoCdError};
use crate::session::Session;
use crate::trust;

/// The longest answer that is read, in bytes: an Application is an object of Kubernetes, and
/// etcd takes none above 1.5 MiB.
const LONGEST: usize = 16 << 20;
/// How much of a server's words is passed on, in characters.
const WORDS: usize = 300;

/// A connection to an Argo CD, for a run.
pub struct Client {
    session: Session,
    address: Address,
    bearer: HeaderValue,
}

/// Which Application is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub name: &'a str,
    /// Its project: with it, a missing Application is told from a forbidden one.
    pub project: &'a str,
    /// Its namespace, where that is not Argo CD's own.
    pub namespace: Option<&'a str>,
    /// Whether the controller is to look again first; the answer waits for it.
    pub refresh: bool,
}

impl Client {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// A token that cannot be one.
    pub fn new(
        session: Session,
        address: Address,
        token: &SecretString,
    ) -> Result<Self, ArgoCdError> {
        let token = token.expose_secret();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
        let Some(mut bearer) = bearer.ok().filter(|_| is_token) else {
            return Err(ArgoCdError::Unauthorised("it is no token".to_owned()));
        };
        bearer.set_sensitive(true);
        Ok(Self { session, address, bearer })
    }

    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// An Application as Argo CD's API shows it.
    ///
    /// # Errors
    /// Argo CD's own, or that time was up.
    pub fn application(&self, question: &Question<'_>) -> Result<Application, ArgoCdError> {
        let mut url = self.address.api(&["applications", question.name]);
        let mut query = url.query_pairs_mut();
        query.append_pair("project", question.project);
        if let Some(namespace) = question.namespace {
            query.append_pair("appNamespace", namespace);
        }
        if question.refresh {
            query.append_pair("refresh", "normal");
        }
        drop(query);
        self.session.read(async || self.get(&url).await)
    }

    async fn get(&self, url: &Url) -> Result<Application, ArgoCdError> {
        let request = self.session.client().get(url.clone());
        let sent = request.header(AUTHORIZATION, self.bearer.clone()).send().await;
        let mut response = sent.map_err(|error| unanswered(&error))?;
        let body = body(&mut response).await?;
        let (status, headers) = (response.status(), response.headers());
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|error| {
                let words = format!("its answer is no Application of Argo CD: {error}");
                ArgoCdError::Protocol(words)
            });
        }
        Err(refusal(status, headers, &body))
    }
}

async fn body(response: &mut Response) -> Result<Vec<u8>, ArgoCdError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if body.len() + chunk.len() > LONGEST {
            let words = format!("its answer is longer than {} MiB", LONGEST >> 20);
            return Err(ArgoCdError::Protocol(words));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A call without an answer. One that was reached and went silent is not asked again: a refresh
/// waits for a controller, and another would wait as long.
fn unanswered(error: &reqwest::Error) -> ArgoCdError {
    match error.is_timeout() && !error.is_connect() {
        true => ArgoCdError::Timeout(
            "it does not answer: does its application controller run?".to_owned(),
        ),
        false => ArgoCdError::Unreachable(format!("cannot reach it: {}", trust::cause(error))),
    }
}

/// What a status means. Argo CD's codes are those of gRPC
/// (<https://github.com/grpc-ecosystem/grpc-gateway/blob/v1.16.0/runtime/errors.go>); what it
/// cannot name is a 500.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ArgoCdError {
    let said: Option<Value> = serde_json::from_slice(body).ok();
    let message = said.as_ref().and_then(|said| said["message"].as_str());
    let words = message.map_or_else(|| format!("it answered {status}"), words_of);
    let wait = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
    let wait = wait.map(Duration::from_secs);
    match status.as_u16() {
        429 => ArgoCdError::Limited { words, wait },
        503 if wait.is_some() => ArgoCdError::Limited { words, wait },
        500..=599 => ArgoCdError::Unreachable(words),
        300..=399 => ArgoCdError::Protocol(
            "it leads elsewhere, and the token is for `argocd.url` alone".to_owned(),
        ),
        // What stands in front of Argo CD refuses too, in pages of its own.
        _ if message.is_none() => ArgoCdError::Protocol(words),
        401 => ArgoCdError::Unauthorised(words),
        403 => ArgoCdError::Forbidden(words),
        404 => ArgoCdError::NotFound(words),
        _ => ArgoCdError::Protocol(words),
    }
}

/// A server's words, on one line and not too many.
fn words_of(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
