//! Letting one version past gates: asked for by its promotion, recorded beside its pin.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Gate;
use super::judge::Way;
use crate::domain::artifact::{ImageTag, Revision};
use crate::domain::cause::Cause;
use crate::domain::layout;
use crate::domain::pin::Pin;

/// One file `overrides/<environment>/<service>.json`. It counts in the change that writes it,
/// for the one version that it names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Override")]
pub struct Override {
    /// What the version is let past.
    #[schemars(length(min = 1))]
    pub gates: Vec<Gate>,
    /// Why, shown to whoever approves it.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Who asks for it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// When it was asked for, as RFC 3339.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The version: its image tag.
    pub image_tag: ImageTag,
    /// The version: its revision.
    pub target_revision: Revision,
}

impl Override {
    /// Reads such a file.
    ///
    /// # Errors
    /// Bytes that are not one JSON object of this form, that leave open what, why or who, or
    /// that name a rule which is not to be overridden.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let told: Self = serde_json::from_slice(bytes)?;
        let fail = |what: String| Err(serde::de::Error::custom(what));
        if let Some(gate) = told.gates.iter().find(|gate| !gate.is_overridable()) {
            return fail(format!("`{}` is not to be overridden", gate.as_str()));
        }
        let empty = [("reason", told.reason.is_empty()), ("owner", told.owner.is_empty())];
        let empty = empty.into_iter().chain([("gates", told.gates.is_empty())]);
        match empty.into_iter().find(|(_, is_empty)| *is_empty) {
            Some((key, _)) => fail(format!("`{key}` is empty")),
            None => Ok(told),
        }
    }

    /// The file's bytes, in the form of pins.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether it is for this version.
    #[must_use]
    pub fn is_for(&self, pin: &Pin) -> bool {
        self.image_tag == pin.image_tag && self.target_revision == pin.target_revision
    }
}

/// What a run asks to override, and for whom.
#[derive(Clone, Debug)]
pub struct Overriding {
    pub gates: Vec<Gate>,
    pub reason: String,
    pub owner: String,
}

/// The overrides that a change carries or is to carry.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// What is asked for now, for every version of the change.
    pub asked: Option<Overriding>,
    /// What the change has already, by path.
    pub carried: BTreeMap<String, Override>,
}

impl Overrides {
    /// What lets this version past which gates; none where nothing does.
    ///
    /// # Errors
    /// An environment whose gates nobody may override.
    pub fn of(&self, way: &Way<'_>, pin: &Pin, now: Timestamp) -> Result<Option<Override>, Cause> {
        let path = layout::override_of(&way.target.name, way.service);
        let carried = self.carried.get(&path).filter(|carried| carried.is_for(pin));
        let found = match (&self.asked, carried) {
            (None, carried) => carried.cloned(),
            (Some(asked), Some(carried))
                if asked.gates == carried.gates && asked.reason == carried.reason =>
            {
                Some(carried.clone())
            }
            (Some(asked), _) => Some(Override {
                gates: asked.gates.clone(),
                reason: asked.reason.clone(),
                owner: asked.owner.clone(),
                at: now,
                image_tag: pin.image_tag.clone(),
                target_revision: pin.target_revision.clone(),
            }),
        };
        if found.is_some() && way.target.gates.overriders.is_empty() {
            return Err(Cause::MayNotOverride { environment: way.target.name.clone() });
        }
        Ok(found)
    }
}
