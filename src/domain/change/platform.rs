//! Platform values are promoted as well: one step at a time.

use super::together::Acknowledged;
use super::{Change, Finding};
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::layout;
use crate::domain::platform;
use crate::domain::registry::RootError;
use crate::domain::tree::{Files, ReadError};

/// Whether environments that follow each other would get other values at once.
pub(super) fn findings(change: &Change<'_>) -> Result<Option<Finding>, ReadError> {
    let config = change.tip.config;
    let mut other = Vec::new();
    for environment in &config.environments {
        let before = values(change.tip.main, environment)?;
        if before != values(change.after.main, environment)? {
            other.push(environment);
        }
    }
    let steps = other.iter().find_map(|late| {
        let early =
            earlier(config, late).find(|early| other.iter().any(|it| it.name == early.name));
        Some((early?, late))
    });
    let Some((early, late)) = steps else { return Ok(None) };
    for file in &change.files {
        let told = file.plain().and_then(Acknowledged::parse);
        if file.path == layout::PLATFORM_OVERRIDE && told.is_some() {
            return Ok(None);
        }
    }
    let is_values = |path: &str| path.starts_with("platform-values");
    let file = change.files.iter().find(|file| is_values(&file.path));
    let path = file.map_or(layout::PLATFORM_VALUES, |file| file.path.as_str());
    let what =
        format!("`{}` and `{}` would get other platform values at once", early.name, late.name);
    let hint = format!(
        "change those of `{}` first, in {}; or write {} with `reason` and `owner`",
        early.name,
        layout::platform_values(&early.name),
        layout::PLATFORM_OVERRIDE
    );
    Ok(Some(Finding::refused(path, what, hint)))
}

/// The values of an environment; none where they are not valid, which others tell.
fn values(
    files: &dyn Files,
    environment: &Environment,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, ReadError> {
    match platform::values(files, &environment.name) {
        Ok(values) => Ok(Some(values)),
        Err(RootError::Invalid(_)) => Ok(None),
        Err(RootError::Read(error)) => Err(error),
    }
}

/// The environments that an environment's versions have come through, the nearest first.
fn earlier<'a>(
    config: &'a Config,
    environment: &'a Environment,
) -> impl Iterator<Item = &'a Environment> {
    let from =
        |environment: &'a Environment| config.environment(environment.from.as_ref()?.as_str());
    // An environment that comes from itself is a problem of the configuration.
    let most = config.environments.len();
    std::iter::successors(from(environment), move |it| from(it)).take(most)
}
