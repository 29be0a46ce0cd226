//! A lock: nothing new comes into an environment, or into one service of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file `locks/<environment>.json` or `locks/<environment>/<service>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Lock")]
pub struct Lock {
    /// Why, shown to whoever is held up.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Who set it, or whom to ask.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// When it ends by itself, as RFC 3339 (`2026-12-24T12:00:00Z`); never, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
}

impl Lock {
    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The file's bytes, in the form of pins.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// Bytes that are not one JSON object of this form, or that leave open why or who.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let lock: Self = serde_json::from_slice(bytes)?;
        for (key, value) in [("reason", &lock.reason), ("owner", &lock.owner)] {
            if value.is_empty() {
                return Err(serde::de::Error::custom(format_args!("`{key}` is empty")));
            }
        }
        Ok(lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_why_and_who_and_may_end() {
        let lock = Lock::parse(
            br#"{"reason": "incident 7", "owner": "@anna", "until": "2026-12-24T12:00:00Z"}"#,
        );
        assert!(lock.expect("lock").until.is_some());
        for bad in [
            "{}",
            "[]",
            r#"{"reason": "x"}"#,
            r#"{"reason": "", "owner": "y"}"#,
            r#"{"reason": "x", "owner": ""}"#,
            r#"{"reason": "x", "owner": "y", "until": "soon"}"#,
            r#"{"reason": "x", "owner": "y", "untl": null}"#,
        ] {
            assert!(Lock::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
