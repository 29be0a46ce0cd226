//! One thing that is wrong in a services-root: where, what, and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::config::ConfigError;
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
    /// Which rule found it: `config`, `service`, `pin`, `lock`, `override`, `layout`, `name`,
    /// `platform`, `template`, `argocd`, `generated`, `signature`, `values` or `change`.
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

    /// A warning at a file.
    pub fn warning(rule: &'static str, path: &str, message: impl fmt::Display) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, path, message) }
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The problems, as compilers print them.
#[must_use]
pub fn listed(problems: &[Problem]) -> String {
    let mut lines = String::new();
    for problem in problems {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        lines.push_str(&format!("{}{line}: {severity}: {}\n", problem.path, problem.message));
        if let Some(hint) = &problem.hint {
            lines.push_str(&format!("  hint: {hint}\n"));
        }
    }
    lines
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}", self.path, self.message)
    }
}
