//! What promotions, rollbacks and their requests have to say.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::report::{DryRun, Outcome};
use super::status_text::short;
use crate::domain::cause::Cause;
use crate::domain::gate::Judgement;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{Move, Verdict};

/// One service in one environment, and what came of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MoveItem {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    /// The pin that was there before.
    pub from: Option<Pin>,
    /// The pin that is there now, or that was asked for.
    pub to: Option<Pin>,
    pub outcome: Outcome,
    /// Why it may not go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What each rule said, where any was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Judgement>,
}

impl MoveItem {
    /// The item of a move; `gone` is what came of it if it went.
    #[must_use]
    pub fn of(step: Move, gone: Outcome) -> Self {
        let (outcome, cause) = match step.verdict {
            Verdict::Go => (gone, None),
            Verdict::Unchanged => (Outcome::Unchanged, None),
            Verdict::Waits(cause) => (Outcome::Waiting, Some(cause)),
            Verdict::Refused(cause) => (Outcome::Refused, Some(cause)),
        };
        Self {
            service: step.service,
            environment: step.environment,
            from: step.from,
            to: step.to,
            outcome,
            cause,
            gates: step.judgements,
        }
    }

    /// What came of it, for people.
    #[must_use]
    pub fn sentence(&self, dry_run: bool) -> String {
        self.told("promoted", dry_run)
    }

    /// The same for a rollback.
    #[must_use]
    pub fn rolled_back(&self, dry_run: bool) -> String {
        self.told("rolled back", dry_run)
    }

    fn told(&self, verb: &str, dry_run: bool) -> String {
        let Self { service, environment, outcome, .. } = self;
        let versions = format!("{} → {}", version(self.from.as_ref()), version(self.to.as_ref()));
        let verb = match (outcome, &self.cause) {
            (Outcome::Unchanged, _) => {
                return format!(
                    "Nothing to do: {service} in {environment} is {} already",
                    version(self.to.as_ref())
                );
            }
            (Outcome::Waiting, Some(cause)) => {
                return format!("Not yet {service} in {environment}: {}", cause.sentence());
            }
            (_, Some(cause)) => {
                return format!("Not {service} in {environment}: {}", cause.sentence());
            }
            (Outcome::Requested, _) => "requested",
            _ => verb,
        };
        format!("{} {service} in {environment}: {versions}", done(verb, dry_run))
    }
}

/// What was done, or would have been, as a sentence begins.
#[must_use]
pub fn done(verb: &str, dry_run: bool) -> String {
    match verb.split_at_checked(1) {
        Some((first, rest)) if !dry_run => first.to_uppercase() + rest,
        _ => format!("Would have {verb}"),
    }
}

/// A pin's version as people quote it.
#[must_use]
pub fn version(pin: Option<&Pin>) -> &str {
    pin.map_or("nothing", |pin| short(&pin.image_tag))
}

/// A pin that is to be replaced, by a request or a commit.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PinMove {
    pub service: ServiceName,
    #[serde(skip)]
    pub domain: DomainName,
    pub environment: EnvironmentName,
    pub from: Option<Pin>,
    pub to: Pin,
}

impl PinMove {
    /// The pins of a move that has one to go to.
    #[must_use]
    pub fn of(step: &Move) -> Option<Self> {
        Some(Self {
            service: step.service.clone(),
            domain: step.domain.clone(),
            environment: step.environment.clone(),
            from: step.from.clone(),
            to: step.to.clone()?,
        })
    }

    /// One line for a message.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "- {} in {}: {} → {}",
            self.service,
            self.environment,
            version(self.from.as_ref()),
            version(Some(&self.to))
        )
    }
}

/// Where a request is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RequestRef {
    /// The forge's number; null with forge kind `git`.
    pub number: Option<u64>,
    /// The forge's page; null with forge kind `git`.
    pub url: Option<String>,
    pub branch: String,
    /// The commit that asks; null in a dry run.
    pub head: Option<String>,
}

impl RequestRef {
    /// Where it is and what comes next, for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let head = self.head.as_ref().map(|head| format!(" at {}", &head[..7])).unwrap_or_default();
        let short = self.branch.strip_prefix("pinrail/").unwrap_or(&self.branch);
        match &self.url {
            Some(url) => format!("Request{head}: {url}; merging it approves it"),
            None => format!(
                "Request {}{head}: `pinrail promotions merge {short}` approves it",
                self.branch
            ),
        }
    }
}

/// `promote`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromoteReport {
    pub items: Vec<MoveItem>,
    /// The request, where there is just one.
    pub request: Option<RequestRef>,
    pub requests: Vec<RequestRef>,
    /// The commit on the branch of direct-mode pins.
    pub commit: Option<String>,
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// Whether a request asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    Open,
    /// All that it asks for is there already.
    Empty,
    /// Its branch has commits or files that pinrail did not make.
    Foreign,
}

/// One open request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RequestItem {
    /// The forge's number; null with forge kind `git`.
    pub number: Option<u64>,
    /// The forge's page; null with forge kind `git`.
    pub url: Option<String>,
    pub branch: String,
    /// The commit that asks: what a merge approves.
    pub head: String,
    pub state: RequestState,
    pub moves: Vec<PinMove>,
    /// Who asked.
    pub by: String,
    /// When, as RFC 3339.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// `promotions list` and `promotions show`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RequestsReport {
    pub requests: Vec<RequestItem>,
}

/// `promotions merge` and `promotions close`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MergeReport {
    pub branch: String,
    /// The commit that was approved.
    pub head: Option<String>,
    /// The merge on the main branch.
    pub commit: Option<String>,
    pub moves: Vec<PinMove>,
    /// Other requests that had nothing left to ask for.
    pub closed: Vec<String>,
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `rollback`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RollbackReport {
    pub items: Vec<MoveItem>,
    /// The locks that were set, by path.
    pub locks: Vec<String>,
    pub commits: Vec<String>,
    /// The requests that ask for it where a forge keeps the main branch.
    pub requests: Vec<RequestRef>,
    pub attempts: u32,
    #[serde(flatten)]
    pub run: DryRun,
}

/// `history`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryReport {
    pub service: ServiceName,
    pub domain: DomainName,
    pub changes: Vec<HistoryItem>,
}

/// One change of a pin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryItem {
    pub environment: EnvironmentName,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    pub by: String,
    pub commit: String,
    pub from: Option<Pin>,
    pub to: Option<Pin>,
    /// The request that brought it.
    pub request: Option<String>,
    /// The page of the run that brought it.
    pub run: Option<String>,
}

/// `diff`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DiffReport {
    pub service: ServiceName,
    pub a: DiffSide,
    pub b: DiffSide,
    /// The keys whose values differ.
    pub keys: Vec<String>,
    /// The commits of the service's repository between the two, newest first; null where it
    /// could not be read.
    pub commits: Option<Vec<DiffCommit>>,
    /// How what Argo CD would apply differs, as a unified diff from `b` to `a`; with
    /// `--manifests`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifests: Option<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DiffSide {
    /// An environment, or a version.
    pub name: String,
    pub pin: Option<Pin>,
}

/// One commit of a service.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DiffCommit {
    pub id: String,
    pub subject: String,
    pub by: String,
    /// False where it is in the first version and not in the second: a step back.
    pub added: bool,
}
