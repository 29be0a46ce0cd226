//! An environment and the rules of its promotions.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::gate::Freeze;
use super::name::{ClusterName, EnvironmentName, checked_string};
use super::owner::Owner;
use super::template::Template;

/// A place where services run: one cluster, one version of each service.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub name: EnvironmentName,
    /// Environments that are promoted to together; shares the environments' name space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<EnvironmentName>,
    pub cluster: ClusterName,
    /// Where it stands in its group: a version comes after every environment of the wave
    /// before has it (1).
    #[serde(default = "first", skip_serializing_if = "is_first")]
    #[schemars(range(min = 1))]
    pub wave: u32,
    /// The environment that promotions come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<EnvironmentName>,
    /// How a pin gets in.
    pub mode: Mode,
    /// A service's host; may use `service`, `domain` and `environment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Template>,
    /// Never emptied, never pruned.
    #[serde(default)]
    pub protected: bool,
    /// What must hold before a version may come in.
    #[serde(default, skip_serializing_if = "Gates::is_empty")]
    pub gates: Gates,
    /// How requests for this environment are opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_first(wave: &u32) -> bool {
    *wave == 1
}

/// How a pin gets into an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Committed straight to the branch of pins.
    Direct,
    /// By a pull or merge request to the main branch.
    Request,
}

/// What must hold before a version may come into an environment.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gates {
    /// How long a version must have been in `from`, such as `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Period>,
    /// How long a version must have been in the environments of the wave before, such as `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Period>,
    /// Whether `from`, and with waves the wave before, must be healthy.
    #[serde(default)]
    pub health: bool,
    /// Whether the version must descend from the one it replaces.
    #[serde(default)]
    pub forward_only: bool,
    /// When nothing may come in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
    /// Who may let a version past these gates, as the forge's CODEOWNERS names them; nobody, if
    /// left out.
    #[serde(default, rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overriders: Vec<Owner>,
}

impl Gates {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How requests for an environment are opened and merged.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// `user:NAME` or `team:NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Logins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<String>,
    /// Whether it is opened as a draft, to be made ready by a person.
    #[serde(default)]
    pub draft: bool,
    /// Whether the forge merges it by itself once its rules allow.
    #[serde(default)]
    pub auto_merge: bool,
    #[serde(default)]
    pub merge_method: MergeMethod,
    #[serde(default)]
    pub update: Update,
}

/// How a request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    #[default]
    Merge,
    Squash,
    Rebase,
}

/// What happens to an open request when `from` moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Update {
    /// It follows.
    #[default]
    Living,
    /// What was approved stays as it is: a new request takes its place. Without a forge, where
    /// nobody can tell, it stays as it was opened.
    Frozen,
}

/// A length of time: a whole number and `s`, `m`, `h` or `d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(String);

checked_string!(Period, PeriodError);

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time: use a whole number and `s`, `m`, `h` or `d`, such as `30m`")]
pub struct PeriodError(String);

fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let count: u64 =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    count.checked_mul(seconds).map(Duration::from_secs)
}

impl TryFrom<String> for Period {
    type Error = PeriodError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        if duration(&value).is_some() { Ok(Self(value)) } else { Err(PeriodError(value)) }
    }
}

impl Period {
    #[must_use]
    pub fn duration(&self) -> Duration {
        duration(&self.0).unwrap_or_default()
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]+[smhd]$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_numbers_of_one_unit() {
        assert_eq!("90s".parse::<Period>().expect("period").duration(), Duration::from_secs(90));
        assert_eq!(
            "7d".parse::<Period>().expect("period").duration(),
            Duration::from_secs(604_800)
        );
        for bad in
            ["", "m", "30", "1.5h", "-1m", "+1m", "1w", "1h30m", "99999999999999999999d", "1é"]
        {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }
}
