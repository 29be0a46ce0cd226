//! Problems as forges show them beside the lines of a change.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::check_report::{CheckReport, CheckedMove};
use crate::domain::cause::Cause;
use crate::domain::problem::{Problem, Severity};

/// Whose form annotations have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Annotations {
    /// GitHub's workflow commands
    Github,
    /// GitLab's Code Quality report
    Gitlab,
}

/// One thing to show at a line of a file.
struct Note<'a> {
    severity: Severity,
    /// The rule, or the kind of cause.
    rule: String,
    path: &'a str,
    line: u64,
    message: String,
    /// What tells it from others, run after run: a message may hold a time.
    is_about: String,
}

impl Annotations {
    /// All that is to be shown.
    #[must_use]
    pub fn of(self, report: &CheckReport) -> String {
        let problems = report.problems.iter().map(Note::of_problem);
        let moves = report.moves.iter().flatten().filter_map(Note::of_move);
        let notes: Vec<_> = problems.chain(moves).collect();
        match self {
            Self::Github => notes.iter().map(Note::github).collect(),
            Self::Gitlab => gitlab(&notes),
        }
    }

    /// A text for people beside the annotations, of which none is a command.
    #[must_use]
    pub fn beside(self, text: &str) -> String {
        match self {
            Self::Gitlab => text.to_owned(),
            Self::Github => text.lines().map(harmless).collect::<Vec<_>>().join("\n"),
        }
    }
}

impl<'a> Note<'a> {
    fn of_problem(problem: &'a Problem) -> Self {
        let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        Self {
            severity: problem.severity,
            rule: problem.rule.to_owned(),
            path: &problem.path,
            line: problem.line.unwrap_or(1),
            message: problem.message.clone() + &hint,
            is_about: problem.message.clone(),
        }
    }

    fn of_move(step: &'a CheckedMove) -> Option<Self> {
        let rule = kind(step.cause.as_ref()?);
        let (path, line) = &step.place;
        Some(Self {
            severity: Severity::Error,
            is_about: rule.clone(),
            rule,
            path,
            line: *line,
            message: step.sentence(),
        })
    }

    /// One workflow command. <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>
    fn github(&self) -> String {
        let command = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { path, line, rule, .. } = self;
        let (file, title) = (property(path), property(&format!("pinrail: {rule}")));
        format!("::{command} file={file},line={line},title={title}::{}\n", data(&self.message))
    }
}

/// The kind of a cause, as the document has it.
fn kind(cause: &Cause) -> String {
    let told = serde_json::to_value(cause).ok();
    told.and_then(|told| Some(told.get("kind")?.as_str()?.to_owned())).unwrap_or_default()
}

/// A command's message, as the runner reads it back.
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line that the runner does not take for a command: neither one that begins with `::`, nor
/// one with `##[` anywhere, which is the older form.
/// <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>
fn harmless(line: &str) -> String {
    // What ends a line elsewhere than in Rust must not begin one.
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.replace("##[", "## [");
    if line.trim_start().starts_with("::") { format!("| {line}") } else { line }
}

/// A Code Quality report: GitLab's part of the Code Climate specification, one array.
/// <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>
fn gitlab(notes: &[Note<'_>]) -> String {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let entry = |note: &Note<'_>| -> Value {
        let about = [note.rule.as_str(), note.path, note.is_about.as_str()].join("\0");
        // GitLab takes two with one fingerprint for one.
        let times = seen.entry(about.clone()).and_modify(|times| *times += 1).or_default();
        let digest = Sha256::digest(format!("{about}\0{times}"));
        let fingerprint = digest.iter().fold(String::new(), |text, byte| text + &hex(*byte));
        json!({
            "description": note.message,
            "check_name": format!("pinrail/{}", note.rule),
            "fingerprint": fingerprint,
            "severity": match note.severity {
                Severity::Error => "blocker",
                Severity::Warning => "minor",
            },
            "location": {"path": note.path, "lines": {"begin": note.line}},
        })
    };
    let entries: Vec<Value> = notes.iter().map(entry).collect();
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
    text.push('\n');
    text
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> CheckReport {
        let bad = "100% wrong\r\n::set-output name=x::y ##[add-mask]z";
        let path = "envs/a,b:c.json";
        let problem = Problem::error("pin", path, bad).hint("mend it");
        let warning = Problem { severity: Severity::Warning, ..Problem::error("pin", "x", "y") };
        let problems = vec![problem.clone(), problem, warning];
        CheckReport { problems, ..CheckReport::default() }
    }

    #[test]
    fn a_workflow_command_is_one_line_whatever_a_pin_says() {
        let text = Annotations::Github.of(&report());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "::error file=envs/a%2Cb%3Ac.json,line=1,title=pinrail%3A pin::100%25 wrong%0D%0A\
             ::set-output name=x::y ##[add-mask]z%0Ahint: mend it"
        );
        assert_eq!(lines[2], "::warning file=x,line=1,title=pinrail%3A pin::y");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn no_line_beside_the_commands_is_one() {
        let text = "a ##[add-mask]b\n  ::set-output name=x::y\nc\r::error::d";
        let beside = Annotations::Github.beside(text);
        assert_eq!(beside, "a ## [add-mask]b\n|   ::set-output name=x::y\nc ::error::d");
    }

    #[test]
    fn each_entry_of_a_code_quality_report_has_its_own_fingerprint_and_keeps_it() {
        let of = |report: &CheckReport| -> Vec<Value> {
            serde_json::from_str(&Annotations::Gitlab.of(report)).expect("an array")
        };
        let entries = of(&report());
        let prints: Vec<_> = entries.iter().map(|entry| &entry["fingerprint"]).collect();
        assert_eq!(prints, of(&report()).iter().map(|it| &it["fingerprint"]).collect::<Vec<_>>());
        assert!(prints[0] != prints[1] && prints[1] != prints[2], "{prints:?}");
        assert_eq!(entries[2]["severity"], "minor");
        assert_eq!(
            entries[0]["location"],
            json!({"path": "envs/a,b:c.json", "lines": {"begin": 1}})
        );
        assert_eq!(Annotations::Gitlab.of(&CheckReport::default()), "[]\n");
    }
}
