//! Calls to GitHub's REST and GraphQL, and what is the same in the answers to all of them.

use octocrab::Octocrab;
use octocrab::models::AppId;
use octocrab::service::middleware::retry::RetryConfig;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::{Position, Url};

use super::App;
use super::answer::{self, Answer, words_of};
use crate::forge::{Address, ApiToken, ForgeError, Session};

/// GitHub's API, with a token or as an App.
pub(super) struct Client {
    octocrab: Octocrab,
    api: Url,
    graphql: Url,
    /// Where the credential came from, for messages.
    source: String,
}

/// What GraphQL answered; both fields may be there.
#[derive(Debug, Deserialize)]
pub(super) struct Graph {
    #[serde(default)]
    pub data: Option<Value>,
    #[serde(default)]
    pub errors: Vec<GraphError>,
    /// Not in the body.
    #[serde(skip)]
    pub headers: HeaderMap,
}

/// octocrab's own lacks `type`, which is all that tells one refusal from another.
#[derive(Debug, Deserialize)]
pub(super) struct GraphError {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub message: String,
}

impl Client {
    /// # Errors
    /// A token that cannot be one.
    pub fn with_token(
        address: &Address,
        token: &ApiToken,
        session: &Session,
    ) -> Result<Self, ForgeError> {
        let secret = token.secret.expose_secret();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ForgeError::Auth(format!("what {} holds is no token", token.source)));
        }
        let builder = Octocrab::builder().personal_token(secret);
        Self::build(address, builder, session, token.source.clone())
    }

    /// # Errors
    /// A key that is no RSA key in PEM.
    pub fn as_app(address: &Address, app: &App, session: &Session) -> Result<Self, ForgeError> {
        let source = format!("the key of the GitHub App {}", app.id);
        let builder = Octocrab::builder()
            .app_from_rsa_pem(AppId(app.id), app.key.expose_secret())
            .map_err(|_| ForgeError::Local(format!("{source} is no RSA key in PEM")))?;
        Self::build(address, builder, session, source)
    }

    fn build(
        address: &Address,
        builder: Builder,
        session: &Session,
        source: String,
    ) -> Result<Self, ForgeError> {
        let local = |error: octocrab::Error| {
            ForgeError::Local(format!("cannot set up the GitHub client: {error}"))
        };
        // The bases are bare origins and each call has its whole path: octocrab puts a base's path
        // before every one that does not begin with it, so that `/api/graphql` would become
        // `/api/v3/api/graphql`. The token goes to these two origins only.
        let builder = builder
            .base_uri(address.api[..Position::BeforePath].to_owned())
            .and_then(|builder| {
                builder.upload_uri(address.graphql[..Position::BeforePath].to_owned())
            })
            .map_err(local)?
            // It would repeat writes, four times in ten milliseconds.
            .add_retry_config(RetryConfig::None);
        let octocrab =
            session.within(|| builder.build_with_reqwest(session.client())).map_err(local)?;
        Ok(Self { octocrab, api: address.api.clone(), graphql: address.graphql.clone(), source })
    }

    /// An address of the API; each part is one segment, whatever is in it.
    pub fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.api.clone();
        // An address with a host has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    pub async fn get(&self, url: &Url) -> Result<Answer, ForgeError> {
        self.send(&Method::GET, url, None).await
    }

    /// What a call was answered, unless that is an error for every call: a token that is not
    /// taken, a limit, a redirect, a server that fails.
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let answer = self.raw(method, url, body).await?;
        if answer.status.is_redirection() {
            return Err(self.moved(&answer).await);
        }
        match answer::common_error(&answer, &self.source) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    async fn raw(
        &self,
        method: &Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let uri = match url.origin() == self.api.origin() {
            true => &url[Position::BeforePath..Position::AfterQuery],
            false => &url[..Position::AfterQuery],
        };
        let sent = match *method {
            Method::GET => self.octocrab._get(uri).await,
            Method::POST => self.octocrab._post(uri, body).await,
            Method::PUT => self.octocrab._put(uri, body).await,
            Method::PATCH => self.octocrab._patch(uri, body).await,
            _ => self.octocrab._delete(uri, body).await,
        };
        let response = sent.map_err(|error| unreachable(url, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = self.octocrab.body_to_string(response).await;
        let text = text.map_err(|error| unreachable(url, &error))?;
        Ok(Answer { status, headers, body: serde_json::from_str(&text).ok() })
    }

    /// The new name of a project, by the number that the redirect leads to. Nobody is sent to
    /// another server.
    async fn moved(&self, answer: &Answer) -> ForgeError {
        let location = answer.header("location").and_then(|to| self.api.join(to).ok());
        let Some(to) = location else { return ForgeError::Moved { to: None } };
        if to.origin() != self.api.origin() {
            return ForgeError::Moved { to: Some(to.origin().ascii_serialization()) };
        }
        let base = self.api.path().trim_end_matches('/');
        let number = to.path().strip_prefix(base).and_then(|path| {
            path.strip_prefix("/repositories/")?.split('/').next().map(str::to_owned)
        });
        let Some(number) = number else { return ForgeError::Moved { to: None } };
        let url = self.url(&["repositories", &number]);
        let found = self.raw(&Method::GET, &url, None).await.ok().and_then(|answer| answer.body);
        let name = found.and_then(|body| body["full_name"].as_str().map(str::to_owned));
        ForgeError::Moved { to: name }
    }

    /// What GraphQL answered, unless that is an error for every call.
    pub async fn graphql(&self, query: &str, variables: Value) -> Result<Graph, ForgeError> {
        let body = json!({"query": query, "variables": variables});
        let answer = self.send(&Method::POST, &self.graphql, Some(&body)).await?;
        let (said, headers) = (answer.clone(), answer.headers.clone());
        let mut graph: Graph = answer.ok("")?;
        graph.headers = headers;
        let kinds = || graph.errors.iter().filter_map(|error| error.kind.as_deref());
        if kinds().any(|kind| kind == "RATE_LIMITED") {
            return Err(answer::limited(&said, graph.words()));
        }
        // It broke off, as with a 502: a mutation may have been done.
        let is_broken = graph.errors.iter().any(|error| {
            error.kind.is_none() && error.message.starts_with("Something went wrong while")
        });
        match is_broken && graph.is_empty() {
            true => Err(ForgeError::Unreachable(graph.words())),
            false => Ok(graph),
        }
    }
}

type Builder = octocrab::OctocrabBuilder<
    octocrab::NoSvc,
    octocrab::DefaultOctocrabBuilderConfig,
    octocrab::NoAuth,
    octocrab::NotLayerReady,
>;

impl Graph {
    pub fn words(&self) -> String {
        let words: Vec<_> = self.errors.iter().map(|error| error.message.as_str()).collect();
        words_of(&words.join("; "))
    }

    pub fn is(&self, kind: &str) -> bool {
        self.errors.iter().any(|error| error.kind.as_deref() == Some(kind))
    }

    /// Whether nothing was done or found: no field of the data has a value.
    pub fn is_empty(&self) -> bool {
        match &self.data {
            Some(Value::Object(fields)) => fields.values().all(Value::is_null),
            data => data.as_ref().is_none_or(Value::is_null),
        }
    }

    /// The error that is the same for every query and mutation.
    pub fn error(&self, need: &'static str) -> ForgeError {
        match () {
            () if self.is("NOT_FOUND") => ForgeError::NotFound(self.words()),
            () if self.is("FORBIDDEN") || self.is("INSUFFICIENT_SCOPES") => {
                ForgeError::Forbidden { words: self.words(), need: Some(need) }
            }
            () if self.is("STALE_DATA") => ForgeError::HeadMoved,
            () if self.errors.is_empty() => {
                ForgeError::Protocol("GitHub's GraphQL answered nothing".to_owned())
            }
            () => ForgeError::Invalid(self.words()),
        }
    }

    /// The value at a pointer of the data, as far as there is one: part of an answer may be
    /// missing, with an error beside it.
    pub fn at<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        let value = self.data.as_ref()?.pointer(pointer)?;
        T::deserialize(value).ok()
    }
}

/// octocrab wraps what reqwest says several times.
fn unreachable(url: &Url, error: &octocrab::Error) -> ForgeError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut words = String::new();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            words = crate::trust::cause(error);
            break;
        }
        words = error.to_string();
        source = error.source();
    }
    let origin = url.origin().ascii_serialization();
    ForgeError::Unreachable(format!("no answer from {origin}: {words}"))
}
