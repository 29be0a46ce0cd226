//! What GitLab says when it does not do what it was asked, in the words of [`ForgeError`].
//!
//! A status alone says little: 405 is a request that cannot be merged, or a project that was
//! moved; 401 is a token that is not taken, or a branch that it may not merge into. What holds
//! for every call is told here; what an operation knows better, it decides by `status` and
//! `words`. <https://docs.gitlab.com/api/rest/troubleshooting/>

use std::time::Duration;

use gitlab::api::ApiError;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::forge::{ApiToken, ForgeError};
use crate::trust;

/// The most of GitLab's words that is shown, in characters.
const WORDS: usize = 300;

/// An answer that is none, or a refusal.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct Refusal {
    /// None where there was no answer, or none of GitLab's form.
    pub status: Option<StatusCode>,
    /// What GitLab said, on one line.
    pub words: String,
    /// What it comes to where the operation does not know better.
    pub error: ForgeError,
}

impl From<Refusal> for ForgeError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl Refusal {
    pub fn is(&self, status: StatusCode) -> bool {
        self.status == Some(status)
    }

    /// Nobody answered.
    pub fn silence(error: &reqwest::Error) -> Self {
        Self::no_answer(&trust::cause(error))
    }

    /// There is no answer; what was asked may have happened.
    pub fn no_answer(why: &str) -> Self {
        let error = ForgeError::Unreachable(format!("cannot reach GitLab: {why}"));
        Self { status: None, words: why.to_owned(), error }
    }

    pub fn unreadable(why: &str) -> Self {
        let error =
            ForgeError::Protocol(format!("GitLab's answer is not what it documents: {why}"));
        Self { status: None, words: why.to_owned(), error }
    }

    /// Out of the crate's error; refusals are ours already, as the client makes them.
    pub fn from_crate(error: ApiError<Self>) -> Self {
        match error {
            ApiError::Client { source } => source,
            ApiError::DataType { source, .. } => Self::unreadable(&source.to_string()),
            other => Self::unreadable(&other.to_string()),
        }
    }
}

/// Tells what an answer means, and never tells the token.
pub(super) struct Teller {
    token: ApiToken,
}

impl Teller {
    pub fn new(token: ApiToken) -> Self {
        Self { token }
    }

    pub fn token(&self) -> &ApiToken {
        &self.token
    }

    /// What an answer other than 2xx means.
    pub fn refusal(
        &self,
        writes: bool,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Refusal {
        let words = self.words(status, body);
        let error = match status {
            StatusCode::UNAUTHORIZED => ForgeError::Auth(self.not_taken(&words)),
            StatusCode::FORBIDDEN if words.contains("insufficient_scope") => {
                let source = &self.token.source;
                ForgeError::Forbidden {
                    words: format!("the token in {source} lacks a scope ({words})"),
                    need: Some("the scope `api`"),
                }
            }
            StatusCode::FORBIDDEN => ForgeError::Forbidden {
                words: format!("GitLab does not let {} do that ({words})", self.token.source),
                need: writes.then_some("the role Developer in the project, or a higher one"),
            },
            StatusCode::NOT_FOUND => ForgeError::NotFound(format!(
                "not there, or hidden from the token in {} ({words})",
                self.token.source
            )),
            // https://docs.gitlab.com/api/rest/#redirects
            StatusCode::METHOD_NOT_ALLOWED if words.contains("moved project") => {
                ForgeError::Moved { to: None }
            }
            StatusCode::TOO_MANY_REQUESTS => ForgeError::RateLimited {
                words: "GitLab takes no more requests for now".to_owned(),
                wait: wait(headers),
            },
            status if status.is_redirection() => ForgeError::Moved {
                to: headers.get(header::LOCATION).map(|to| self.shown(to.as_bytes())),
            },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                ForgeError::Unreachable(format!("GitLab fails ({words})"))
            }
            _ => ForgeError::Invalid(format!("GitLab refuses ({words})")),
        };
        Refusal { status: Some(status), words, error }
    }

    fn not_taken(&self, words: &str) -> String {
        let ApiToken { secret, source, is_job_token } = &self.token;
        let why = match is_job_token {
            true => "; a job token reaches few parts of the API: use a project access token",
            // https://docs.gitlab.com/security/tokens/#token-prefixes
            false if secret.expose_secret().starts_with("gldt-") => {
                "; a deploy token does not reach the API: use a project access token"
            }
            false => "",
        };
        format!("GitLab does not take the token in {source} here ({words}){why}")
    }

    /// `401 Unauthorized`, and what GitLab says to it. Pages of HTML are left out.
    fn words(&self, status: StatusCode, body: &[u8]) -> String {
        let told = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(fields)) => {
                let told = ["message", "error", "error_description"].map(|name| fields.get(name));
                told.into_iter().flatten().map(flat).collect::<Vec<_>>().join(": ")
            }
            _ => String::new(),
        };
        let status = status.to_string();
        match told.strip_prefix(&status[..3]) {
            _ if told.is_empty() => status,
            Some(rest) => format!("{} {}", &status[..3], self.shown(rest.trim().as_bytes())),
            None => format!("{}: {}", &status[..3], self.shown(told.as_bytes())),
        }
    }

    /// On one line, not too long, without the token.
    fn shown(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).replace(self.token.secret.expose_secret(), "…");
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
    }
}

/// `{"name": ["is too long"]}` as `name: is too long`.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            let field = |(name, value)| format!("{name}: {}", flat(value));
            fields.iter().map(field).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// `Retry-After`, or the time until `RateLimit-Reset`:
/// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let number = |name: &str| text(name)?.parse::<i64>().ok();
    // A proxy may give a date: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    let date = |name: &str| {
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        Some(parser.parse_timestamp(text(name)?).ok()?.as_second())
    };
    let until = |moment: i64| moment.saturating_sub(Timestamp::now().as_second());
    let seconds = number("retry-after")
        .or_else(|| date("retry-after").or_else(|| number("ratelimit-reset")).map(until))?;
    // A minute is the window of GitLab's limits: a reset that is past needs a moment all the same.
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller(secret: &str) -> Teller {
        let (source, is_job_token) = ("GITLAB_TOKEN".to_owned(), false);
        Teller::new(ApiToken { secret: secret.to_owned().into(), source, is_job_token })
    }

    fn told(status: u16, body: &str) -> ForgeError {
        let status = StatusCode::from_u16(status).expect("a status");
        teller("glpat-1").refusal(true, status, &HeaderMap::new(), body.as_bytes()).error
    }

    #[test]
    fn each_form_of_a_message_is_one_line_of_words() {
        for (body, words) in [
            (r#"{"message":"400 Bad request - no"}"#, "400 Bad request - no"),
            (r#"{"message":["one","two"]}"#, "400: one; two"),
            (r#"{"message":{"name":["is taken"]}}"#, "400: name: is taken"),
            (r#"{"error":"x","error_description":"a\nb"}"#, "400: x: a b"),
            ("<html><body>secret page</body></html>", "400 Bad Request"),
            ("", "400 Bad Request"),
        ] {
            assert_eq!(told(400, body), ForgeError::Invalid(format!("GitLab refuses ({words})")));
        }
    }

    #[test]
    fn no_message_holds_the_token() {
        for status in [301, 400, 401, 403, 404, 405, 409, 422, 429, 500, 502] {
            let error = told(status, r#"{"message":"what is glpat-1?"}"#);
            assert!(!format!("{error} {error:?}").contains("glpat-1"), "{error:?}");
        }
    }

    #[test]
    fn a_limit_is_waited_for_as_the_headers_say() {
        let of = |name: &'static str, value: String| {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static(name),
                value.parse().expect("a value"),
            )]);
            wait(&headers)
        };
        assert_eq!(of("retry-after", "7".to_owned()), Some(Duration::from_secs(7)));
        let reset = (Timestamp::now().as_second() + 1000).to_string();
        assert!(of("ratelimit-reset", reset) > Some(Duration::from_secs(900)));
        let date = "Tue, 21 Nov 2276 12:00:00 GMT".to_owned();
        assert!(of("retry-after", date) > Some(Duration::from_secs(900)));
        assert_eq!(of("ratelimit-reset", "1".to_owned()), Some(Duration::from_secs(1)));
        assert_eq!(of("date", "x".to_owned()), None);
    }
}
