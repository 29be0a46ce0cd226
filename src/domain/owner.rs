//! Who owns files, as the forges' `CODEOWNERS` names them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::name::checked_string;

/// A user, a team or group, or an address: `@acme/billing`, `@anna`, `anna@example.com`.
///
/// It becomes a word of `CODEOWNERS`, where nothing can be escaped: a blank would begin another
/// owner, and a line's end another rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Owner(String);

checked_string!(Owner, OwnerError);

/// A text that is no owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no owner: use `@USER`, `@GROUP/TEAM` or an email address")]
pub struct OwnerError(String);

impl TryFrom<String> for Owner {
    type Error = OwnerError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        let is_word = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
        };
        let good = match value.split_once('@') {
            // GitLab's roles have two: `@@maintainer`.
            Some(("", name)) => name.strip_prefix('@').unwrap_or(name).split('/').all(is_word),
            Some((user, host)) => is_word(user) && is_word(host),
            None => false,
        };
        if good && value.len() <= 255 { Ok(Self(value)) } else { Err(OwnerError(value)) }
    }
}

impl JsonSchema for Owner {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Owner".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const PATTERN: &str =
            r"^(@{1,2}[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*|[A-Za-z0-9._+-]+@[A-Za-z0-9._+-]+)$";
        json_schema!({"type": "string", "pattern": PATTERN, "maxLength": 255})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_teams_roles_and_addresses_are_owners() {
        for good in ["@anna", "@acme/billing", "@a/b/c-d", "@@maintainer", "anna.b+x@example.com"] {
            assert_eq!(good.parse::<Owner>().map(String::from).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_would_be_more_than_one_word_or_none_is_refused() {
        for bad in [
            "", "anna", "@", "@@", "@acme/", "@a//b", "@a @b", "@a\n* @b", "@a\t@b", "@a#",
            "a@b@c", "@a\r", "@\u{a0}a", "!@a", "@a\\", "[@a]",
        ] {
            assert!(bad.parse::<Owner>().is_err(), "{bad:?}");
        }
    }
}
