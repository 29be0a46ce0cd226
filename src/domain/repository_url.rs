//! Where a service's chart is read from: a repository's URL and a folder in it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::name::checked_string;

/// A value that cannot be a repository's URL or a folder in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("`{0}` is no repository URL: use https://…, ssh://… or user@host:path")]
    Url(String),
    #[error("a repository URL must not carry a password or token")]
    Secret,
    #[error("`{0}` is no folder inside a repository: use a relative path without `..`")]
    Path(String),
}

/// A repository's URL, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryUrl(String);

checked_string!(RepositoryUrl, PlaceError);

impl TryFrom<String> for RepositoryUrl {
    type Error = PlaceError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        // Argo CD's projects hold URLs against globs, which cannot escape anything.
        let plain = value.starts_with(|c: char| c.is_ascii_alphanumeric())
            && value.chars().all(|c| c.is_ascii_alphanumeric() || ":/@._~%+-".contains(c));
        // A `..` would walk out of the domain's prefix that the URL is held against.
        let is_up = |part: &str| part.to_ascii_lowercase().replace("%2e", ".") == "..";
        let straight = !value.split('/').any(is_up);
        if let Some((scheme, rest)) = value.split_once("://") {
            let authority = rest.split('/').next().unwrap_or_default();
            if let Some((user, _)) = authority.rsplit_once('@')
                && (user.contains(':') || scheme.starts_with("http"))
            {
                return Err(PlaceError::Secret);
            }
            let known = match scheme {
                "https" | "http" | "ssh" => !authority.is_empty(),
                "file" => rest.len() > 1,
                _ => false,
            };
            if plain && straight && known {
                return Ok(Self(value));
            }
        } else if plain
            && straight
            && value.split_once(':').is_some_and(|(host, path)| {
                host.contains('@') && !host.contains('/') && !path.is_empty()
            })
        {
            return Ok(Self(value));
        }
        Err(PlaceError::Url(value))
    }
}

impl JsonSchema for RepositoryUrl {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "RepositoryUrl".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // No `..`, no password, and with http no user either.
        const PATTERN: &str = concat!(
            r"^(?!(.*/)?(\.|%2[eE]){2}(/|$))",
            r"(https?://[A-Za-z0-9:._~%+-]+(/[A-Za-z0-9:/@._~%+-]*)?",
            r"|ssh://([A-Za-z0-9._~%+-]+@)?[A-Za-z0-9:._~%+-]+(/[A-Za-z0-9:/@._~%+-]*)?",
            r"|file://[A-Za-z0-9:/@._~%+-]{2,}",
            r"|[A-Za-z0-9][A-Za-z0-9@._~%+-]*@[A-Za-z0-9@._~%+-]*:[A-Za-z0-9:/@._~%+-]+)$",
        );
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}

/// A folder inside a repository: relative, without `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChartPath(String);

checked_string!(ChartPath, PlaceError);

impl TryFrom<String> for ChartPath {
    type Error = PlaceError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        let part_ok = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c))
        };
        if value.split('/').all(part_ok) { Ok(Self(value)) } else { Err(PlaceError::Path(value)) }
    }
}

impl JsonSchema for ChartPath {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "ChartPath".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const PATTERN: &str = r"^(?!(.*/)?\.\.?(/|$))[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*$";
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_every_kind_are_accepted() {
        for good in [
            "https://gitlab.example.com/services/api.git",
            "ssh://git@example.com:2222/services/api.git",
            "git@example.com:services/api.git",
            "file:///srv/git/api.git",
        ] {
            assert!(good.parse::<RepositoryUrl>().is_ok(), "{good}");
        }
    }

    #[test]
    fn credentials_dots_and_spaces_are_refused() {
        for bad in [
            "https://user:secret@example.com/a.git",
            "https://token@example.com/a.git",
            "https://example.com/../a.git",
            "https://example.com/a b.git",
            "https://example.com/.%2E/a.git",
            "https://example.com/*/a.git",
            "https://example.com/a.git?b",
            "https://example.com/{{ .x }}",
            "ftp://example.com/a.git",
            "/srv/git/a.git",
            "https://",
            "https:///a",
            "",
        ] {
            assert!(bad.parse::<RepositoryUrl>().is_err(), "{bad}");
        }
        let error =
            "https://u:hunter2@h/a".parse::<RepositoryUrl>().expect_err("secret").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_chart_path_stays_inside_the_repository() {
        for good in ["helm", "services/api/helm", "a.b/c_d"] {
            assert!(good.parse::<ChartPath>().is_ok(), "{good}");
        }
        for bad in ["", "/helm", "../helm", "a/../b", "a//b", "./a", "a/", "a b", "a\\b", "{{x}}"] {
            assert!(bad.parse::<ChartPath>().is_err(), "{bad}");
        }
    }
}
