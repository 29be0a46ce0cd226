//! Is this pin live and healthy? Judged from what Argo CD shows of its Application.
//!
//! `Synced` and `Healthy` alone do not tell: both may still be about the pin before. Neither an
//! operation that brought this revision nor an entry in the history is asked for, as the same
//! manifests again need no sync. From Argo CD 3.5: `pkg/apis/application/v1alpha1/types.go`,
//! `controller/state.go`, and what `argocd app wait` waits for (`cmd/argocd/commands/app.go`).

use std::fmt;

use super::application::{Application, Condition, Source};
use crate::domain::pin::Pin;

/// Whether a pin is live and healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    Live,
    Not(NotLive),
}

/// Why a pin is not live, or not yet; each is a sentence about "it", the Application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLive {
    #[error("Argo CD has no Application of it")]
    NoApplication,
    #[error("it is being deleted")]
    Deleting,
    /// The set has not brought the pin into the Application.
    #[error("it shows the {part} `{shown}`, and `{pinned}` is pinned")]
    OtherPin { part: Part, shown: String, pinned: String },
    /// The controller has not looked at the Application as it is now.
    #[error("Argo CD has not compared it with its cluster since it changed")]
    NotCompared,
    #[error("an operation of it is {0}")]
    Operating(String),
    #[error("the operation that brought it failed: {0}")]
    OperationFailed(String),
    #[error("it has the condition {kind}: {message}")]
    Condition { kind: String, message: String },
    #[error("its sync status is {0}")]
    NotSynced(String),
    #[error("revision `{compared}` was compared with its cluster, and `{pinned}` is pinned")]
    OtherRevision { compared: String, pinned: String },
    #[error("its health is {status}{}", after_colon(message))]
    Unhealthy { status: String, message: String },
    /// What is shown is older than the end of the last operation.
    #[error("Argo CD has not looked at it again since its last operation ended")]
    NotRefreshed,
    #[error("none of its pods runs `{pinned}`; they run {}", shown.join(", "))]
    OtherImage { pinned: String, shown: Vec<String> },
}

/// What a pin decides of an Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Repository,
    Path,
    Revision,
    ImageTag,
    ImageDigest,
    ChartVersion,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repository => "repository",
            Self::Path => "chart's path",
            Self::Revision => "revision",
            Self::ImageTag => "image tag",
            Self::ImageDigest => "image digest",
            Self::ChartVersion => "chart's version",
        })
    }
}

impl NotLive {
    /// Whether waiting alone will not help, as far as one look can tell. True of a look that the
    /// controller was asked to refresh; an older one may still show what was wrong before.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::OperationFailed(_) => true,
            Self::Unhealthy { status, .. } => status == "Degraded",
            Self::Condition { kind, .. } => {
                ["ComparisonError", "InvalidSpecError", "SyncError"].contains(&kind.as_str())
            }
            _ => false,
        }
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Judges an Application that follows a pin, in either layout of charts.
#[must_use]
pub fn judge(application: &Application, pin: &Pin) -> Liveness {
    match live(application, pin) {
        Ok(()) => Liveness::Live,
        Err(why) => Liveness::Not(why),
    }
}

fn live(application: &Application, pin: &Pin) -> Result<(), NotLive> {
    if application.metadata.deletion_timestamp.is_some() {
        return Err(NotLive::Deleting);
    }
    let (sources, status) = (application.spec.sources(), &application.status);
    let index = follows(sources, pin)?;
    operates(application)?;
    if let Some(Condition { kind, message }) =
        status.conditions.iter().find(|condition| condition.kind.ends_with("Error"))
    {
        return Err(NotLive::Condition { kind: kind.clone(), message: message.clone() });
    }
    // A new tag alone leaves the revision as it is, so that the whole source is compared.
    if status.sync.compared_to.sources() != sources {
        return Err(NotLive::NotCompared);
    }
    if status.sync.status != "Synced" {
        return Err(NotLive::NotSynced(or_unknown(&status.sync.status)));
    }
    let compared = status.sync.revision(index);
    if compared != pin.target_revision.as_str() {
        let (compared, pinned) = (compared.to_owned(), pin.target_revision.to_string());
        return Err(NotLive::OtherRevision { compared, pinned });
    }
    if status.health.status != "Healthy" {
        let message = status.health.message.clone();
        return Err(NotLive::Unhealthy { status: or_unknown(&status.health.status), message });
    }
    let finished = status
        .operation_state
        .as_ref()
        .and_then(|operation| operation.finished_at.filter(|_| !operation.is_dry_run()));
    if status.reconciled_at.is_none() || finished > status.reconciled_at {
        return Err(NotLive::NotRefreshed);
    }
    runs(&status.summary.images, pin)
}

/// The source that is read at the pin's revision, where all that the pin says is in the sources.
fn follows(sources: &[Source], pin: &Pin) -> Result<usize, NotLive> {
    let other = |part, shown: &str, pinned: &str| {
        Err(NotLive::OtherPin { part, shown: shown.to_owned(), pinned: pinned.to_owned() })
    };
    let revision = pin.target_revision.as_str();
    let Some(index) = sources.iter().position(|it| it.text("targetRevision") == revision) else {
        // With a chart from a registry, the service's repository is the source with a `ref`.
        let own = sources.iter().find(|it| !it.text("ref").is_empty()).or(sources.first());
        return other(Part::Revision, own.map_or("", |it| it.text("targetRevision")), revision);
    };
    let parameter = |name: &str| {
        let name = format!("global.release.{name}");
        sources.iter().find_map(|it| it.parameter(&name)).unwrap_or_default()
    };
    // Whatever is not pinned has a default, which is the set's business; no digest is none.
    let digest = pin.image_digest.as_ref().map_or("", |digest| digest.as_str());
    let mut parts = vec![
        (Part::ImageTag, parameter("image.tag"), pin.image_tag.as_str()),
        (Part::ImageDigest, parameter("image.digest"), digest),
    ];
    let source = &sources[index];
    if let Some(repository) = &pin.repo_url {
        parts.push((Part::Repository, source.text("repoURL"), repository.as_str()));
    }
    match (sources.iter().find(|it| it.parameter("global.release.image.tag").is_some()), sources) {
        (_, [only]) => {
            let path = pin.path.as_ref().map(|path| (Part::Path, only.text("path"), path.as_str()));
            parts.extend(path);
        }
        (Some(chart), _) => {
            let version = pin.chart_version.as_deref();
            let version = version.map(|it| (Part::ChartVersion, chart.text("targetRevision"), it));
            parts.extend(version);
        }
        (None, _) => {}
    }
    match parts.into_iter().find(|(_, shown, pinned)| shown != pinned) {
        Some((part, shown, pinned)) => other(part, shown, pinned),
        None => Ok(index),
    }
}

/// Nothing is under way, and what brought this very source did not fail.
fn operates(application: &Application) -> Result<(), NotLive> {
    if application.operation.is_some() {
        return Err(NotLive::Operating("about to begin".to_owned()));
    }
    let Some(operation) = &application.status.operation_state else { return Ok(()) };
    let of_these_sources = || {
        let brought = operation.sync_result.as_ref();
        brought.is_some_and(|brought| brought.sources() == application.spec.sources())
    };
    match operation.phase.as_str() {
        "Running" | "Terminating" => Err(NotLive::Operating(operation.phase.to_lowercase())),
        "Failed" | "Error" if !operation.is_dry_run() && of_these_sources() => {
            Err(NotLive::OperationFailed(operation.message.clone()))
        }
        _ => Ok(()),
    }
}

/// A pod runs what is pinned. Where there is no pod at all (a service at rest, or of jobs alone)
/// there is none that could run anything else.
fn runs(images: &[String], pin: &Pin) -> Result<(), NotLive> {
    let is_pinned = |image: &String| {
        let (name, digest) = image.split_once('@').unwrap_or((image, ""));
        if let Some(pinned) = &pin.image_digest {
            return digest == pinned.as_str();
        }
        // A colon before the last slash is a port.
        let last = name.rsplit('/').next().unwrap_or(name);
        last.split_once(':').is_some_and(|(_, tag)| tag == pin.image_tag.as_str())
    };
    if images.is_empty() || images.iter().any(is_pinned) {
        return Ok(());
    }
    let digest = pin.image_digest.as_ref().map(ToString::to_string);
    let pinned = digest.unwrap_or_else(|| pin.image_tag.to_string());
    Err(NotLive::OtherImage { pinned, shown: images.to_vec() })
}

/// Argo CD leaves out what it does not know.
fn or_unknown(status: &str) -> String {
    if status.is_empty() { "Unknown" } else { status }.to_owned()
}

#[cfg(test)]
mod tests;
