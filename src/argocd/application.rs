//! An Application, as Argo CD's API shows it: the fields that are judged, and no others.
//!
//! The names are those of Argo CD's type `v1alpha1.Application`; Go leaves out what is empty.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One Application.
#[derive(Clone, Debug, Deserialize)]
pub struct Application {
    pub metadata: Metadata,
    pub spec: Spec,
    /// An operation that was asked for and has not begun.
    #[serde(default)]
    pub operation: Option<Value>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub name: String,
    #[serde(default)]
    pub deletion_timestamp: Option<Timestamp>,
}

/// Where its manifests come from: one source, or several.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Spec {
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    sources: Option<Vec<Source>>,
}

impl Spec {
    /// The sources; several win over one, as in Argo CD's `HasMultipleSources`.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        match &self.sources {
            Some(sources) if !sources.is_empty() => sources,
            _ => self.source.as_slice(),
        }
    }
}

/// A source: read whole, as two are equal only if all of it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Source(Value);

impl Source {
    /// A field's text; empty where there is none, as for Go.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// A parameter that Helm is given.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.0["helm"]["parameters"].as_array()?.iter();
        parameters.find(|parameter| parameter["name"] == name)?["value"].as_str()
    }
}

/// What the controller saw when it last looked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    #[serde(default)]
    pub sync: Sync,
    #[serde(default)]
    pub health: Health,
    #[serde(default)]
    pub conditions: Vec<Condition>,
    #[serde(default)]
    pub reconciled_at: Option<Timestamp>,
    #[serde(default)]
    pub operation_state: Option<OperationState>,
    #[serde(default)]
    pub summary: Summary,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// `Synced`, `OutOfSync` or `Unknown`.
    #[serde(default)]
    pub status: String,
    /// The sources that were compared with the cluster.
    #[serde(default)]
    pub compared_to: Spec,
    #[serde(default)]
    revision: String,
    #[serde(default)]
    revisions: Vec<String>,
}

impl Sync {
    /// The revision that was read of a source.
    #[must_use]
    pub fn revision(&self, index: usize) -> &str {
        match self.revisions.is_empty() && index == 0 {
            true => &self.revision,
            false => self.revisions.get(index).map_or("", String::as_str),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Health {
    /// `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded` or `Unknown`.
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub message: String,
}

/// The operation that runs or was the last to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    #[serde(default)]
    operation: Value,
    /// `Running`, `Terminating`, `Succeeded`, `Failed` or `Error`.
    #[serde(default)]
    pub phase: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// The sources that it brought.
    #[serde(default)]
    pub sync_result: Option<Spec>,
}

impl OperationState {
    /// Whether it was tried and nothing was changed.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.operation["sync"]["dryRun"] == true
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Summary {
    /// The images of its pods, with tag or digest.
    #[serde(default)]
    pub images: Vec<String>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
