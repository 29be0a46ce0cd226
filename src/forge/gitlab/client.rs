//! The crate's client, over the session's own: nothing is asked at construction, no redirect
//! is followed, and the limits, the proxy and the authorities are those of the run.

use std::borrow::Cow;
use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use gitlab::api::endpoint_prelude::{BodyError, Endpoint, JsonParams, Method, QueryParams};
use gitlab::api::{ApiError, AsyncClient, AsyncQuery, RestClient};
use http::{HeaderValue, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::refusal::{Refusal, Teller};
use crate::forge::{ApiToken, ForgeError};

/// The longest answer that is read, in bytes: a comparison holds every difference.
const LONGEST: usize = 64 << 20;

pub(super) struct Client {
    http: reqwest::Client,
    /// Without a slash at the end.
    api: String,
    secret: HeaderValue,
    teller: Teller,
    clock_ahead: OnceLock<i64>,
}

impl Client {
    /// # Errors
    /// A token that cannot be sent.
    pub fn new(http: reqwest::Client, api: &Url, token: ApiToken) -> Result<Self, ForgeError> {
        let mut secret = HeaderValue::from_str(token.secret.expose_secret())
            .map_err(|_| ForgeError::Auth(format!("the token in {} is no token", token.source)))?;
        secret.set_sensitive(true);
        let api = api.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, api, secret, teller: Teller::new(token), clock_ahead: OnceLock::new() })
    }

    pub fn token(&self) -> &ApiToken {
        self.teller.token()
    }

    /// Seconds that the forge's clock is ahead, as its first answer showed.
    pub fn clock_ahead(&self) -> Option<i64> {
        self.clock_ahead.get().copied()
    }

    /// The path below the API of an address that GitLab named, where it is on this API.
    pub fn below_api<'a>(&self, location: &'a str) -> Option<&'a str> {
        location.strip_prefix(&self.api)?.strip_prefix('/')
    }

    /// One call.
    pub async fn ask<T, Q>(&self, query: &Q) -> Result<T, Refusal>
    where
        Q: AsyncQuery<T, Self> + Sync,
    {
        query.query_async(self).await.map_err(Refusal::from_crate)
    }

    async fn send(&self, request: reqwest::Request) -> Result<http::Response<Bytes>, Refusal> {
        let writes = *request.method() != Method::GET;
        let mut answer = self.http.execute(request).await.map_err(|e| Refusal::silence(&e))?;
        self.notice_clock(answer.headers());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| Refusal::silence(&e))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Refusal::unreadable("the answer is longer than 64 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (answer.status(), answer.headers());
        if !status.is_success() {
            return Err(self.teller.refusal(writes, status, headers, &body));
        }
        // What stands in front of GitLab says "200" too; the call may have gone through.
        if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
            return Err(Refusal::no_answer("it answers with something that is not JSON"));
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        Ok(response)
    }

    fn notice_clock(&self, headers: &http::HeaderMap) {
        let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| rfc2822::parse(date).ok()) {
            let ahead = date.timestamp().as_second() - Timestamp::now().as_second();
            self.clock_ahead.get_or_init(|| ahead);
        }
    }
}

impl RestClient for Client {
    type Error = Refusal;

    fn rest_endpoint(&self, endpoint: &str) -> Result<Url, ApiError<Refusal>> {
        Ok(format!("{}/{endpoint}", self.api).parse()?)
    }
}

#[async_trait]
impl AsyncClient for Client {
    async fn rest_async(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<http::Response<Bytes>, ApiError<Refusal>> {
        // https://docs.gitlab.com/api/rest/authentication/
        let name = if self.token().is_job_token { "job-token" } else { "private-token" };
        let request = request
            .header(name, self.secret.clone())
            .header(header::ACCEPT, "application/json")
            .body(body)
            .map_err(|error| ApiError::client(Refusal::unreadable(&error.to_string())))?;
        let request = reqwest::Request::try_from(request)
            .map_err(|error| ApiError::client(Refusal::unreadable(&error.to_string())))?;
        self.send(request).await.map_err(ApiError::client)
    }
}

/// A call that the crate has no endpoint for, or sends as a form: forms have a length that
/// GitLab refuses, which a description reaches.
#[derive(Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Call {
    /// `path` is below the API, each of its parts encoded.
    pub fn get(path: String) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), body: None }
    }

    pub fn post(path: String, body: Value) -> Self {
        Self { method: Method::POST, path, query: Vec::new(), body: Some(body) }
    }

    pub fn put(path: String, body: Value) -> Self {
        Self { method: Method::PUT, path, query: Vec::new(), body: Some(body) }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}

impl Endpoint for Call {
    fn method(&self) -> Method {
        self.method.clone()
    }

    fn endpoint(&self) -> Cow<'static, str> {
        self.path.clone().into()
    }

    fn parameters(&self) -> QueryParams<'_> {
        let mut parameters = QueryParams::default();
        parameters.extend(self.query.iter().map(|(name, value)| (*name, value)));
        parameters
    }

    fn body(&self) -> Result<Option<(&'static str, Vec<u8>)>, BodyError> {
        self.body.as_ref().map_or(Ok(None), JsonParams::into_body)
    }
}

/// What an endpoint answers, as far as we read it.
pub(super) trait Answer: DeserializeOwned + Send + 'static {}
impl<T: DeserializeOwned + Send + 'static> Answer for T {}
