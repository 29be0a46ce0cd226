//! One answer of GitHub's, and what it means where that does not depend on the question:
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::forge::ForgeError;

/// How much of GitHub's words is passed on, in characters.
const WORDS: usize = 500;

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// None where it is no JSON.
    pub body: Option<Value>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.header(name)?.trim().parse().ok()
    }

    /// When GitHub gave it, by its own clock.
    pub fn date(&self) -> Option<Timestamp> {
        self.moment("date")
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        let date = self.header(name)?;
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
    }

    /// What GitHub says, with the messages of its `errors`.
    pub fn words(&self) -> String {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            value => value["message"].as_str().map(str::to_owned).or_else(|| {
                Some(format!("{} {}", value["field"].as_str()?, value["code"].as_str()?))
            }),
        };
        let body = self.body.as_ref();
        let message = body.and_then(|body| body["message"].as_str()).unwrap_or_default();
        let details: Vec<_> = self.errors().filter_map(text).collect();
        match (message, details.join("; ")) {
            ("", _) => format!("GitHub answered {}", self.status),
            (message, details) if details.is_empty() => words_of(message),
            (message, details) => words_of(&format!("{message}: {details}")),
        }
    }

    fn errors(&self) -> impl Iterator<Item = &Value> {
        let errors = self.body.as_ref().and_then(|body| body["errors"].as_array());
        errors.into_iter().flatten()
    }

    /// Whether one of the `errors` is of this resource and says this. What has no code of its own
    /// is told apart by words alone.
    pub fn complains(&self, resource: &str, message: &str) -> bool {
        self.errors().any(|error| {
            let is_of_it = error["resource"].as_str().is_none_or(|told| told == resource);
            let text = error.as_str().or(error["message"].as_str());
            is_of_it && text.is_some_and(|text| text.contains(message))
        })
    }

    /// What was asked for; `need` is the permission that the call takes.
    ///
    /// # Errors
    /// What the status says where nobody knows better.
    pub fn ok<T: DeserializeOwned>(self, need: &'static str) -> Result<T, ForgeError> {
        if !self.status.is_success() {
            return Err(self.error(need));
        }
        let body = self.body.unwrap_or_default();
        serde_json::from_value(body).map_err(|error| {
            ForgeError::Protocol(format!("GitHub's answer is not as it is documented: {error}"))
        })
    }

    /// What a refusal means by its status.
    pub fn error(&self, need: &'static str) -> ForgeError {
        let words = self.words();
        match self.status.as_u16() {
            403 => ForgeError::Forbidden { words, need: (!need.is_empty()).then_some(need) },
            404 | 410 => ForgeError::NotFound(words),
            400 | 409 | 413 | 422 => ForgeError::Invalid(words),
            _ => ForgeError::Protocol(words),
        }
    }

    /// The address of another page, by RFC 8288.
    pub fn link(&self, relation: &str) -> Option<Url> {
        let wanted = format!("rel=\"{relation}\"");
        self.header("link")?.split(',').find_map(|link| {
            let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
            rest.split(';').any(|part| part.trim() == wanted).then(|| target.parse().ok())?
        })
    }
}

/// What an answer means whatever was asked.
pub(super) fn common_error(answer: &Answer, source: &str) -> Option<ForgeError> {
    let Answer { status, body, .. } = answer;
    if *status == StatusCode::UNAUTHORIZED {
        let words = answer.words();
        return Some(ForgeError::Auth(format!("GitHub does not take {source}: {words}")));
    }
    if status.is_server_error() {
        return Some(ForgeError::Unreachable(format!("GitHub answered {status}")));
    }
    let may_be_a_limit = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS].contains(status);
    if may_be_a_limit && is_limit(answer) {
        return Some(limited(answer, answer.words()));
    }
    // A proxy's page, or nothing at all: a write may have been done.
    if status.is_success() && *status != StatusCode::NO_CONTENT && body.is_none() {
        let words = format!("GitHub answered {status} with something that is no JSON");
        return Some(ForgeError::Unreachable(words));
    }
    None
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
fn is_limit(answer: &Answer) -> bool {
    let text = |name: &str| answer.body.as_ref().and_then(|body| body[name].as_str());
    answer.status == StatusCode::TOO_MANY_REQUESTS
        || answer.header("retry-after").is_some()
        || answer.number("x-ratelimit-remaining") == Some(0)
        || text("message").is_some_and(|words| words.contains("secondary rate limit"))
        || text("documentation_url").is_some_and(|url| url.contains("secondary-rate-limit"))
}

/// Too many requests, and how long to wait where GitHub tells.
pub(super) fn limited(answer: &Answer, words: String) -> ForgeError {
    let now = answer.date().unwrap_or_else(Timestamp::now).as_second();
    // A proxy may give a date: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    let until_date = || Some(answer.moment("retry-after")?.as_second() - now);
    let until_reset = || {
        if answer.number("x-ratelimit-remaining") != Some(0) {
            return None;
        }
        Some(answer.number("x-ratelimit-reset")?.saturating_sub(now))
    };
    let seconds = answer.number("retry-after").or_else(until_date).or_else(until_reset);
    let wait = seconds.map(|seconds| Duration::from_secs(seconds.max(1).unsigned_abs()));
    ForgeError::RateLimited { words, wait }
}

/// Words that fit into a message: on one line, and not without end.
pub(super) fn words_of(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: Value) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().expect("a header"))
        });
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, headers: headers.collect(), body: Some(body) }
    }

    #[test]
    fn what_github_says_is_one_line_with_its_details() {
        let details = json!({"message": "Validation\nFailed", "errors": [
            {"field": "base", "code": "invalid"}, {"message": "No commits"}, "As text", {"x": 1}]});
        let words = "Validation Failed: base invalid; No commits; As text";
        assert_eq!(answer(422, &[], details).words(), words);
        assert_eq!(answer(404, &[], json!([])).words(), "GitHub answered 404 Not Found");
        let long = answer(400, &[], json!({"message": "ä".repeat(900)})).words();
        assert_eq!(long.chars().count(), WORDS + 1);
    }

    #[test]
    fn the_links_to_other_pages_are_told_apart() {
        let links = "<https://api.github.com/repositories/1/pulls?page=2>; rel=\"next\", \
                     <https://api.github.com/repositories/1/pulls?page=9>; rel=\"last\"";
        let answer = answer(200, &[("link", links)], json!([]));
        let page = |relation: &str| answer.link(relation).map(|url| url.query().map(str::to_owned));
        assert_eq!(page("last"), Some(Some("page=9".to_owned())));
        assert_eq!(page("prev"), None);
    }

    #[test]
    fn a_limit_lasts_until_the_reset_or_the_date_by_githubs_own_clock() {
        let reset = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795262430")];
        let date = [("retry-after", "Sat, 21 Nov 2026 12:00:30 GMT")];
        for told in [&reset[..], &date[..]] {
            let headers = [&[("date", "Sat, 21 Nov 2026 12:00:00 GMT")], told].concat();
            let answer = answer(403, &headers, json!({"message": "API rate limit exceeded"}));
            match common_error(&answer, "X") {
                Some(ForgeError::RateLimited { wait, .. }) => {
                    assert_eq!(wait, Some(Duration::from_secs(30)));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
