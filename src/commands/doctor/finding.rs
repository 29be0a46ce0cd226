//! What `doctor` has to say of one thing.

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::report::{Body, Page};
use crate::commands::status_text::{finished, table};
use crate::commands::{CommandError, ErrorKind};
use crate::forge::ForgeError;

/// `doctor`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DoctorReport {
    pub checks: Vec<Finding>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It works, and is not as it should be.
    Warning,
    /// Something will fail, or production is open.
    Problem,
    /// It could not be told.
    Unknown,
}

/// What was looked at, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Such as `reach`, `token.expiry` or `main.history`.
    pub name: &'static str,
    pub verdict: Verdict,
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Of a problem: what would come of it.
    #[serde(skip)]
    pub kind: ErrorKind,
}

impl Finding {
    fn new(name: &'static str, verdict: Verdict, message: impl Into<String>) -> Self {
        let (message, kind) = (message.into(), ErrorKind::Refused);
        Self { name, verdict, message, hint: None, kind }
    }

    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, message)
    }

    pub fn warning(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warning, message)
    }

    /// Something that will be refused, or that is not protected.
    pub fn problem(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Verdict::Problem, message)
    }

    pub fn unknown(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Verdict::Unknown, message)
    }

    pub fn kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A command's failure as a problem.
    pub fn failed(name: &'static str, error: CommandError) -> Self {
        let hint = (!error.hints.is_empty()).then(|| error.hints.join("; "));
        Self { hint, ..Self::problem(name, error.message).kind(error.kind) }
    }

    /// What the forge did not tell: a problem where nothing else would go either.
    pub fn untold(name: &'static str, error: &ForgeError) -> Self {
        let problem = |kind| Self::problem(name, error.to_string()).kind(kind);
        match error {
            ForgeError::Auth(_) => problem(ErrorKind::Authentication)
                .hint("give a token that is valid in PINRAIL_TOKEN"),
            ForgeError::NotFound(_) => problem(ErrorKind::NotFound).hint(
                "`forge.project` in pinrail.yaml names the project, which the token must reach",
            ),
            ForgeError::Moved { .. } => problem(ErrorKind::NotFound)
                .hint("write the new name into `repository` and `forge.project` in pinrail.yaml"),
            ForgeError::Unreachable(_) | ForgeError::RateLimited { .. } => {
                problem(ErrorKind::Network)
            }
            ForgeError::Timeout(_) => {
                problem(ErrorKind::Timeout).hint("`--timeout` gives it longer")
            }
            ForgeError::Local(_) => problem(ErrorKind::Local),
            _ => Self::unknown(name, format!("the forge does not tell: {error}")),
        }
    }
}

/// The findings as a table, with what to do below each.
pub fn text(body: &Body, page: &Page) -> String {
    let Body::Doctor(report) = body else { return String::new() };
    let mut table = table(page);
    table.set_header(["VERDICT", "CHECK", "FINDING"]);
    for Finding { name, verdict, message, hint, .. } in &report.checks {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Problem => "problem",
            Verdict::Unknown => "unknown",
        };
        let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        table.add_row([verdict, name, &format!("{message}{hint}")]);
    }
    finished(&table)
}
