//! What a command has to say: one document for programs, text for people.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::check_report::CheckReport;
use super::doctor::DoctorReport;
use super::error::{CommandError, ErrorKind};
use super::move_report::{
    DiffReport, HistoryReport, MergeReport, PromoteReport, RequestRef, RequestsReport,
    RollbackReport,
};
use super::tend_report::{LockReport, TendReport};
use super::traffic::TrafficReport;
use crate::domain::cause::Cause;
use crate::domain::config::Domain;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::problem::Problem;
use crate::store::Change;

/// The version of the document's form.
pub const SCHEMA_VERSION: u32 = 1;

/// The one document that `--json` prints, whatever the outcome.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Report")]
pub struct Document<'a> {
    /// 1.
    pub schema_version: u32,
    /// The command, such as `pin` or `service add`; empty where none was understood.
    pub command: Cow<'a, str>,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport<'a>>,
    #[serde(flatten)]
    pub body: Cow<'a, Body>,
    /// What it cost on the network, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficReport>,
}

/// What went wrong, and what to run next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorReport<'a> {
    pub kind: ErrorKind,
    pub message: Cow<'a, str>,
    pub hints: Cow<'a, [String]>,
}

/// What came of a command, or of one item of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Read and found in order.
    Ok,
    /// The pin is on the branch.
    Pinned,
    /// It was so already; nothing was written.
    Unchanged,
    /// Some of several items went through.
    Partial,
    /// A later pipeline was first.
    Superseded,
    Conflict,
    Refused,
    Invalid,
    Failed,
    /// A services-root was made.
    Created,
    Added,
    Removed,
    /// Files were made from the configuration.
    Generated,
    /// The version of the environment before is there.
    Promoted,
    /// It was asked for by a request.
    Requested,
    /// It goes once the waves before have it for long enough.
    Waiting,
    /// An earlier version is there again.
    Rolledback,
    /// A request is part of its branch.
    Merged,
    /// The forge merges a request once its rules allow, or its turn has come.
    Queued,
    /// A request is gone.
    Closed,
    Locked,
    Unlocked,
    /// Requests were looked after.
    Tended,
}

/// What a command tells beside its outcome.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "one per run")]
pub enum Body {
    Pin(PinReport),
    Pins(PinsReport),
    Status(StatusReport),
    Check(CheckReport),
    Doctor(DoctorReport),
    Values(ValuesReport),
    Generate(GenerateReport),
    Render(RenderReport),
    Service(ServiceReport),
    Domains(DomainsReport),
    Change(ChangeReport),
    Remove(RemoveReport),
    Demo(DemoReport),
    Init(InitReport),
    Promote(PromoteReport),
    Requests(RequestsReport),
    Merge(MergeReport),
    Rollback(RollbackReport),
    Lock(LockReport),
    Tend(TendReport),
    History(HistoryReport),
    Diff(DiffReport),
    Text(TextReport),
    Empty {},
}

/// One pin and what came of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PinItem {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    pub outcome: Outcome,
    /// The pin that was there before.
    pub previous: Option<Pin>,
    /// The pin that is there now, or that was wanted.
    pub pin: Pin,
    /// Why it did not go in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// `pin` of one service.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinReport {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    /// The commit that set the pin; null where it is not known.
    pub commit: Option<String>,
    pub previous: Option<Pin>,
    pub pin: Pin,
    /// The request that asks for it, where the environment changes by request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestRef>,
    /// How many pushes it took.
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `pin --from-file`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinsReport {
    pub items: Vec<PinItem>,
    pub commit: Option<String>,
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `generate`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateReport {
    /// The files that were written, where they differed.
    pub written: Vec<String>,
    /// The files that are no longer generated, and gone.
    pub removed: Vec<String>,
    /// The commit, where a repository was written and not a folder.
    pub commit: Option<String>,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `render`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RenderReport {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    pub pin: Pin,
    /// Every object, as one YAML text.
    pub manifests: String,
    /// The files that were written, with `--out`.
    pub files: Vec<String>,
}

/// What would be written, where nothing was.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// True where nothing was written on purpose.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The files that a dry run would change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FileChange>,
}

/// One file that would change.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileChange {
    pub path: String,
    /// Null where the file is new.
    pub before: Option<String>,
    /// Null where the file is removed.
    pub after: Option<String>,
}

impl From<&Change> for FileChange {
    fn from(change: &Change) -> Self {
        let text = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        Self { path: change.path.clone(), before: text(&change.before), after: text(&change.after) }
    }
}

impl DryRun {
    /// The changes, where this run is dry.
    #[must_use]
    pub fn of(dry_run: bool, changes: &[Change]) -> Self {
        if !dry_run {
            return Self::default();
        }
        Self { dry_run, changes: changes.iter().map(FileChange::from).collect() }
    }

    /// Adds what another part of the run would change.
    pub fn merge(&mut self, other: Self) {
        self.dry_run |= other.dry_run;
        self.changes.extend(other.changes);
    }

    /// Every file as it would be, for people.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        let tell = |change: &FileChange| match &change.after {
            Some(after) => format!("Would write {}:\n{}", change.path, after.trim_end()),
            None => format!("Would remove {}", change.path),
        };
        self.changes.iter().map(tell).collect()
    }
}

/// `status`: what runs where.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusReport {
    /// The environments that are shown, in promotion order.
    pub environments: Vec<EnvironmentName>,
    pub services: Vec<StatusRow>,
}

/// One service in each environment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusRow {
    pub service: ServiceName,
    pub domain: DomainName,
    /// By environment; one without the service is left out.
    #[schemars(with = "std::collections::BTreeMap<EnvironmentName, StatusCell>")]
    pub environments: std::collections::BTreeMap<EnvironmentName, StatusCell>,
}

/// What runs in one environment, since when, by whom.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusCell {
    /// Null where the file is no valid pin.
    pub pin: Option<Pin>,
    /// The commit that brought it; null where the history is cut.
    pub commit: Option<String>,
    /// When it came, as RFC 3339.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
    /// Who brought it.
    pub by: Option<String>,
    /// Why the file is no valid pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `values check`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValuesReport {
    pub problems: Vec<Problem>,
    /// The files that were looked at.
    pub files: Vec<String>,
}

/// `service list` and `service show`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServiceReport {
    pub services: Vec<ServiceItem>,
}

/// What is known of a service.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceItem {
    pub service: ServiceName,
    pub domain: DomainName,
    /// Whether the registry has a file for it.
    pub registered: bool,
    pub description: Option<String>,
    pub repository: Option<String>,
    pub chart_path: String,
    pub image: Option<String>,
    /// The environments that it is pinned in.
    pub environments: Vec<EnvironmentName>,
}

/// `domain list`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DomainsReport {
    pub domains: Vec<Domain>,
}

/// A change of the registry or the configuration.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// The commit; null where nothing was to change.
    pub commit: Option<String>,
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `service remove`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RemoveReport {
    /// The Applications that Argo CD deletes with the pins.
    pub applications: Vec<String>,
    pub commits: Vec<String>,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `demo`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DemoReport {
    /// Where it was left.
    pub directory: String,
    pub steps: Vec<DemoStep>,
}

/// One command of the demo.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DemoStep {
    pub command: String,
    pub exit_code: i32,
    pub output: String,
}

/// `init`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InitReport {
    /// Where it was made.
    pub directory: String,
    pub commit: String,
    pub branches: Vec<String>,
}

/// `schema`, `completions` and `man`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TextReport {
    /// What is printed without `--json`.
    pub text: String,
}

/// How wide and when text is for people.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub width: usize,
    pub now: Timestamp,
}

/// A number of things, as people write it.
#[must_use]
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A command's success.
#[derive(Debug)]
pub struct Report {
    pub outcome: Outcome,
    pub body: Body,
    /// Data for people, on stdout.
    pub text: fn(&Body, &Page) -> String,
    /// What happened, in a sentence each, on stderr.
    pub said: Vec<String>,
    /// What else is worth knowing, on stderr.
    pub warnings: Vec<String>,
    /// Why not every one of several items went through.
    pub shortfall: Option<CommandError>,
}

impl Report {
    #[must_use]
    pub fn new(outcome: Outcome, body: Body) -> Self {
        Self {
            outcome,
            body,
            text: |_, _| String::new(),
            said: Vec::new(),
            warnings: Vec::new(),
            shortfall: None,
        }
    }

    /// A text that is the whole result.
    #[must_use]
    pub fn of_text(text: String) -> Self {
        Self::new(Outcome::Ok, Body::Text(TextReport { text })).text(|body, _| match body {
            Body::Text(report) => report.text.clone(),
            _ => String::new(),
        })
    }

    #[must_use]
    pub fn text(mut self, text: fn(&Body, &Page) -> String) -> Self {
        self.text = text;
        self
    }

    #[must_use]
    pub fn say(mut self, sentence: impl Into<String>) -> Self {
        self.said.push(sentence.into());
        self
    }
}

impl<'a> Document<'a> {
    /// The document of a run.
    #[must_use]
    pub fn new(
        command: &'a str,
        result: &'a Result<Report, CommandError>,
        traffic: Option<TrafficReport>,
    ) -> Self {
        let command = Cow::Borrowed(command);
        let told = |error: &'a CommandError| ErrorReport {
            kind: error.kind,
            message: Cow::Borrowed(&error.message),
            hints: Cow::Borrowed(&error.hints),
        };
        match result {
            Ok(report) => Self {
                schema_version: SCHEMA_VERSION,
                command,
                outcome: report.outcome,
                error: report.shortfall.as_ref().map(told),
                body: Cow::Borrowed(&report.body),
                traffic,
            },
            Err(error) => Self {
                schema_version: SCHEMA_VERSION,
                command,
                outcome: error.kind.outcome(),
                error: Some(told(error)),
                body: error.body.as_deref().map_or(Cow::Owned(Body::Empty {}), Cow::Borrowed),
                traffic,
            },
        }
    }
}
