//! What a pin points at: an image's tag and digest, and a Git revision.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::name::checked_string;

/// A value that does not have the form its kind demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {kind}: {rule}")]
pub struct FormatError {
    kind: &'static str,
    value: String,
    rule: &'static str,
}

macro_rules! formatted {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $pattern:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        checked_string!($type, FormatError);

        impl TryFrom<String> for $type {
            type Error = FormatError;
            fn try_from(value: String) -> Result<Self, Self::Error> {
                let check: fn(&str) -> bool = $check;
                if check(&value) {
                    Ok(Self(value))
                } else {
                    Err(FormatError { kind: $kind, value, rule: $rule })
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
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

formatted!(
    /// An image tag in the grammar of the OCI distribution specification
    /// (`[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
    ImageTag,
    "image tag",
    "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$",
    "use 1 to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
    |text| {
        let byte_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        (1..=128).contains(&text.len())
            && text.bytes().all(byte_ok)
            && !text.starts_with(['.', '-'])
    }
);

formatted!(
    /// An image digest, `sha256:` and 64 lower-case hexadecimal digits.
    ImageDigest,
    "image digest",
    "^sha256:[0-9a-f]{64}$",
    "use `sha256:` and 64 lower-case hexadecimal digits",
    |text| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && is_lower_hex(hex))
);

formatted!(
    /// A Git revision: a full commit id, so that a moving branch can never be pinned.
    Revision,
    "revision",
    "^[0-9a-f]{40}$",
    "use the full commit id, 40 lower-case hexadecimal digits (`git rev-parse HEAD`)",
    |text| text.len() == 40 && is_lower_hex(text)
);

formatted!(
    /// An image's name without tag and digest: a registry, perhaps, and a path
    /// (<https://pkg.go.dev/github.com/distribution/reference>).
    ImageName,
    "image name",
    "^(?=.{1,255}$)([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*$",
    "use `registry.example.com/path/name`, lower-case letters and without a tag",
    |text| {
        static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
            let part = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*";
            let registry = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/";
            Regex::new(&format!("^({registry})?{part}(/{part})*$")).ok()
        });
        text.len() <= 255 && NAME.as_ref().is_some_and(|name| name.is_match(text))
    }
);

impl Revision {
    /// The first seven digits, as people quote them.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_oci_grammar() {
        for good in ["1", "1.10", "_x", "v1.2.3-rc.1", "0123", &"a".repeat(128)] {
            assert!(good.parse::<ImageTag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "a:b", "a@b", "é", "a\n", &"a".repeat(129)] {
            assert!(bad.parse::<ImageTag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn revisions_are_full_lower_case_commit_ids() {
        let full = "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514";
        assert_eq!(full.parse::<Revision>().expect("full").short(), "a2a7d76");
        let upper = full.to_uppercase();
        for bad in ["", "a2a7d76", "main", upper.as_str(), &full[1..], &format!("{full}0")] {
            assert!(bad.parse::<Revision>().is_err(), "{bad}");
        }
    }

    #[test]
    fn images_are_named_without_tag() {
        for good in ["api", "library/api", "r.example.com:5000/a/b-c/d_e", "localhost/a--b"] {
            assert!(good.parse::<ImageName>().is_ok(), "{good}");
        }
        for bad in
            ["", "a:1", "r.example.com/A", "a b", "a/", "/a", "a//b", "a@sha256:0", "{a}", "a\n"]
        {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_name_their_algorithm() {
        let hex = "0".repeat(64);
        assert!(format!("sha256:{hex}").parse::<ImageDigest>().is_ok());
        for bad in [hex.clone(), format!("sha512:{hex}"), "sha256:00".to_owned()] {
            assert!(bad.parse::<ImageDigest>().is_err(), "{bad}");
        }
    }
}
