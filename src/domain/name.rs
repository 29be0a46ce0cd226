//! The names that people give: services, environments, domains, clusters, groups.
//!
//! Each is an RFC 1123 label, because it becomes part of an object's name in
//! Kubernetes; each has its own type, so that one cannot stand where another is meant.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A name that is no RFC 1123 label, or is too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` is no {kind} name: use at most {limit} lower-case letters, digits and `-`, \
     with a letter or digit at both ends"
)]
pub struct NameError {
    kind: &'static str,
    value: String,
    limit: usize,
}

/// Whether `text` is an RFC 1123 label (section 2.1 of the RFC, as Kubernetes reads it).
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Implements the string newtype plumbing that every checked string shares.
macro_rules! checked_string {
    ($type:ident, $error:ty) => {
        impl std::str::FromStr for $type {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl $type {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use checked_string;

macro_rules! label {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        checked_string!($type, NameError);

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, Self::Error> {
                if value.len() <= $limit && is_label(&value) {
                    Ok(Self(value))
                } else {
                    Err(NameError { kind: $kind, value, limit: $limit })
                }
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
                    "maxLength": $limit,
                })
            }
        }
    };
}

label!(
    /// A service: at most 40 characters, unique in the whole services-root.
    ServiceName, "service", 40
);
label!(
    /// An environment: at most 20 characters; groups share its name space.
    EnvironmentName, "environment", 20
);
label!(
    /// A domain (a team or tenant): at most 30 characters.
    DomainName, "domain", 30
);
label!(
    /// A cluster, by the name that Argo CD knows it by: at most 63 characters.
    ClusterName, "cluster", 63
);

/// A branch, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

checked_string!(BranchName, BranchNameError);

/// A name that git would not take for a branch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no branch name that git accepts")]
pub struct BranchNameError(String);

impl TryFrom<String> for BranchName {
    type Error = BranchNameError;

    /// Follows `git check-ref-format --branch`.
    fn try_from(value: String) -> Result<Self, Self::Error> {
        let bad_character =
            |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c) || c == '\u{7f}';
        let bad_part = |part: &str| {
            part.is_empty()
                || part.starts_with('.')
                || part.ends_with('.')
                || part.ends_with(".lock")
        };
        let bad = value.chars().any(bad_character)
            || value.starts_with('-')
            || value == "HEAD"
            || value.contains("..")
            || value.contains("@{")
            || value == "@"
            || value.split('/').any(bad_part);
        if bad { Err(BranchNameError(value)) } else { Ok(Self(value)) }
    }
}

impl BranchName {
    /// The full reference, `refs/heads/<name>`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl JsonSchema for BranchName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "BranchName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const PATTERN: &str = concat!(
            r"^(?!-|HEAD$|@$|.*\.\.|.*@\{|(.*/)?\.|.*\.(lock)?(/|$))",
            r"[^\x00-\x20\x7f~^:?*\[\\/]+(/[^\x00-\x20\x7f~^:?*\[\\/]+)*$",
        );
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_accepted_up_to_their_limit() {
        for good in ["a", "9", "python-example", "a--b", &"x".repeat(40)] {
            assert_eq!(good.parse::<ServiceName>().map(String::from).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_is_no_label_is_refused_with_its_kind_and_limit() {
        for bad in
            ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "a b", "ä", "a\n", &"x".repeat(41)]
        {
            let error = bad.parse::<ServiceName>().expect_err(bad).to_string();
            assert!(error.contains("service name") && error.contains("40"), "{error}");
        }
        assert!("x".repeat(21).parse::<EnvironmentName>().is_err());
        assert!("x".repeat(31).parse::<DomainName>().is_err());
    }

    #[test]
    fn branch_names_follow_git() {
        for good in ["main", "pinrail/promote/production/api", "release-1.2"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in [
            "", "-x", "a..b", "a b", "a/", "/a", "a//b", ".a", "a.lock", "a~1", "@", "a@{1}",
            "a:b", "HEAD",
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
    }
}
