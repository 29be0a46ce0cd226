//! The platform team's values for every chart: `platform-values.yaml` and its overrides.

use serde_json::{Map, Value};

use super::layout;
use super::name::EnvironmentName;
use super::problem::Problem;
use super::registry::RootError;
use super::tree::Files;
use super::yaml;

/// The chart's own values, whose `global.platform` has every default.
const DEFAULTS: &[u8] = include_bytes!("../../chart/pinrail-service/values.yaml");

/// `global.platform` in full for an environment: the chart's defaults, under
/// `platform-values.yaml`, under `platform-values/<environment>.yaml`.
///
/// In full, because what stands here cannot be set by a service. A key without a value is
/// one that is not there.
///
/// # Errors
/// A file that cannot be read, or that holds anything but `global.platform`.
pub fn values(
    files: &dyn Files,
    environment: &EnvironmentName,
) -> Result<Map<String, Value>, RootError> {
    let mut platform = defaults();
    for path in [layout::PLATFORM_VALUES.to_owned(), layout::platform_values(environment)] {
        if let Some(text) = files.read(&path)? {
            merge(&mut platform, of(&path, &text)?);
        }
    }
    platform.retain(|_, value| !value.is_null());
    Ok(platform)
}

fn defaults() -> Map<String, Value> {
    let platform = |text| {
        let mut values: Map<String, Value> = yaml::parse(text).ok()?;
        let Value::Object(platform) = values.get_mut("global")?.get_mut("platform")?.take() else {
            return None;
        };
        Some(platform)
    };
    platform(DEFAULTS).unwrap_or_default()
}

/// What a file of platform values says, which may be nothing.
fn of(path: &str, text: &[u8]) -> Result<Map<String, Value>, RootError> {
    let invalid = |problem: Problem| RootError::Invalid(Box::new(problem));
    let values: Map<String, Value> =
        yaml::parse(text).map_err(|error| invalid(Problem::yaml("platform", path, error)))?;
    let only = |values: Map<String, Value>, key: &str, place: &str| {
        let mut found = Map::new();
        for (name, value) in values {
            match value {
                Value::Object(inner) if name == key => found = inner,
                Value::Null if name == key => {}
                _ => {
                    let message = format!("only `{place}` may stand here, not `{name}`");
                    return Err(invalid(Problem::error("platform", path, message)));
                }
            }
        }
        Ok(found)
    };
    only(only(values, "global", "global.platform")?, "platform", "global.platform")
}

/// Lays `over` upon `under`, maps key by key; null takes a key away, as Helm has it.
fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, Value::Null) => {
                under.shift_remove(&key);
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tree::testing::MemoryFiles;

    fn read(files: &MemoryFiles) -> Result<Map<String, Value>, String> {
        values(files, &"staging".parse().expect("name")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_lies_over_all_and_the_defaults_lie_under_them() {
        let defaults = read(&MemoryFiles::default()).expect("values");
        assert!(defaults.contains_key("routing"), "{defaults:?}");
        let files = MemoryFiles::default()
            .with(
                layout::PLATFORM_VALUES,
                "global:\n  platform:\n    own: {a: 1, b: yes, c: 2}\n    list: [1, 2]\n",
            )
            .with(
                "platform-values/staging.yaml",
                "global: {platform: {own: {a: 3, c: null}, list: [4]}}\n",
            );
        let platform = read(&files).expect("values");
        assert_eq!(platform["own"], serde_json::json!({"a": 3, "b": "yes"}));
        assert_eq!(platform["list"], serde_json::json!([4]));
        assert_eq!(platform["routing"], defaults["routing"]);
    }

    #[test]
    fn nothing_else_may_stand_in_the_file() {
        for (text, expected) in [
            ("global: {release: {}}\n", "not `release`"),
            ("pinrail-service: {}\n", "not `pinrail-service`"),
            ("global: {platform: 1}\n", "not `platform`"),
            ("global: [\n", "platform-values.yaml:"),
        ] {
            let error = read(&MemoryFiles::default().with(layout::PLATFORM_VALUES, text));
            let error = error.expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(read(&MemoryFiles::default().with(layout::PLATFORM_VALUES, "global:\n")).is_ok());
    }
}
