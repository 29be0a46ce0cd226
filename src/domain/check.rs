//! The rules of `check`, one file for each kind of thing.

mod configuration;
mod locks;
mod overrides;
mod pins;
mod platform;
mod services;
mod values;

pub use pins::{no_pin, other_branch};

use super::config::Config;
use super::environment::Environment;
use super::layout;
use super::name::EnvironmentName;

use super::problem::Problem;
use super::registry::Root;
use super::tree::{ReadError, files_below};

/// Judges a services-root by every rule; the problems come sorted by path and line.
///
/// # Errors
/// A tree that cannot be read.
pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = registry(root)?;
    problems.extend(pins::check(root)?);
    problems.extend(locks::check(root)?);
    problems.extend(overrides::check(root)?);
    problems.sort_by(|a, b| (&a.path, a.line, a.severity).cmp(&(&b.path, b.line, b.severity)));
    Ok(problems)
}

/// Judges the configuration alone.
#[must_use]
pub fn configuration(config: &Config) -> Vec<Problem> {
    let mut problems = configuration::check(config);
    problems.extend(values::check(config));
    problems
}

/// Judges the configuration and the registry alone.
///
/// # Errors
/// A tree that cannot be read.
pub fn registry(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = configuration(root.config);
    problems.extend(services::check(root)?);
    problems.extend(platform::check(root)?);
    Ok(problems)
}

/// The protected environments that nothing is pinned in.
///
/// # Errors
/// A tree that cannot be read.
pub fn bare<'a>(root: &Root<'a>) -> Result<Vec<&'a Environment>, ReadError> {
    let mut bare = Vec::new();
    for environment in root.config.environments.iter().filter(|one| one.protected) {
        let folder = format!("{}/{}", layout::ENVS, environment.name);
        if files_below(root.files_of(environment), &folder)?.is_empty() {
            bare.push(environment);
        }
    }
    Ok(bare)
}

/// A protected environment that nothing is pinned in any more.
#[must_use]
pub fn emptied(environment: &EnvironmentName, last: &str) -> Problem {
    let folder = format!("{}/{environment}", layout::ENVS);
    let message = format!("`{environment}` is protected, and all of its pins are gone");
    Problem::error("pin", &folder, message).hint(format!(
        "`git checkout {} -- {folder}` brings them back; or take it out of {}",
        &last[..7],
        layout::CONFIG
    ))
}

#[cfg(test)]
pub mod testing {
    //! A small services-root to break in one place at a time.
    use super::*;
    use crate::domain::config::Config;
    use crate::domain::tree::testing::MemoryFiles;

    pub const CONFIG: &str = "\
version: 1
services:
  repository: https://git.example.com/${{ domain }}/${{ service }}.git
domains:
  - {name: services}
  - {name: billing, registration: request}
environments:
  - {name: staging, cluster: shared, mode: direct, host: \"${{ service }}.staging.example.com\"}
  - {name: production, cluster: eu-1, from: staging, mode: request}
";

    pub fn pin(service: &str, cluster: &str) -> String {
        format!(
            "{{\"cluster\": \"{cluster}\", \"service\": \"{service}\", \"imageTag\": \"1\", \"targetRevision\": \"{}\"}}",
            "a".repeat(40)
        )
    }

    pub fn sound() -> MemoryFiles {
        MemoryFiles::default()
            .with("services/billing/ledger.yaml", "description: who owes what\n")
            .with("envs/staging/services/api.json", &pin("api", "shared"))
            .with("envs/production/billing/ledger.json", &pin("ledger", "eu-1"))
    }

    /// The problems, each as `path: message`.
    pub fn problems(config: &str, files: &MemoryFiles) -> Vec<String> {
        let config = Config::parse(config.as_bytes()).expect("config");
        let root = Root { config: &config, main: files, pins: files };
        check(&root).expect("readable").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_root_has_no_problems() {
        assert_eq!(problems(CONFIG, &sound()), Vec::<String>::new());
    }
}
