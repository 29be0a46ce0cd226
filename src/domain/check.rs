//! What `check` finds: problems, each at its place, with what to do.

mod configuration;
mod locks;
mod pins;
mod services;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::config::ConfigError;
use super::registry::Root;
use super::tree::ReadError;
use super::yaml::YamlError;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong in a services-root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    pub severity: Severity,
    /// Which rule found it: `config`, `service`, `pin`, `lock`, `layout` or `name`.
    pub rule: &'static str,
    /// The file.
    pub path: String,
    /// The line in it, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// An error at a file.
    pub fn error(rule: &'static str, path: &str, message: impl fmt::Display) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            path: path.to_owned(),
            line: None,
            message: message.to_string(),
            hint: None,
        }
    }

    /// An error of a YAML file.
    #[must_use]
    pub fn yaml(rule: &'static str, path: &str, error: YamlError) -> Self {
        Self { line: error.line, hint: error.hint, ..Self::error(rule, path, error.problem) }
    }

    /// An error of the configuration.
    #[must_use]
    pub fn config(error: ConfigError) -> Self {
        match error {
            ConfigError::Yaml(error) => Self::yaml("config", super::layout::CONFIG, error),
            newer @ ConfigError::NewerVersion(_) => {
                Self::error("config", super::layout::CONFIG, newer)
                    .hint("update pinrail to a version that reads it")
            }
        }
    }

    #[must_use]
    fn warning(rule: &'static str, path: &str, message: impl fmt::Display) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, path, message) }
    }

    #[must_use]
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}", self.path, self.message)
    }
}

/// Judges a services-root by every rule; the problems come sorted by path and line.
///
/// # Errors
/// A tree that cannot be read.
pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = registry(root)?;
    problems.extend(pins::check(root)?);
    problems.extend(locks::check(root)?);
    problems.sort_by(|a, b| (&a.path, a.line, a.severity).cmp(&(&b.path, b.line, b.severity)));
    Ok(problems)
}

/// Judges the configuration and the registry alone.
///
/// # Errors
/// A tree that cannot be read.
pub fn registry(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = configuration::check(root.config);
    problems.extend(services::check(root)?);
    Ok(problems)
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
