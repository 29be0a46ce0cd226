//! A pin: which version of a service runs in an environment.

use std::collections::HashSet;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::artifact::{ImageDigest, ImageTag, Revision};
use super::name::{ClusterName, ServiceName};
use super::repository_url::{ChartPath, RepositoryUrl};

/// One file `envs/<environment>/<domain>/<service>.json`.
///
/// Written with two spaces, the keys in this order, and a final newline. Keys that this
/// version does not know follow in their own order, their values byte for byte.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Pin", transform = never_null)]
pub struct Pin {
    /// The cluster of the environment.
    pub cluster: ClusterName,
    /// The service, equal to the file's name.
    pub service: ServiceName,
    /// The image's tag, always a string: a bare number would become a float in Argo CD.
    pub image_tag: ImageTag,
    /// The full commit id of the service's repository that its chart is read at.
    pub target_revision: Revision,
    /// The image's digest, which wins over the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<ImageDigest>,
    /// The service's repository, where it differs from the default.
    #[serde(rename = "repoURL", skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<RepositoryUrl>,
    /// The chart's folder in that repository, where it differs from the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ChartPath>,
    /// The version of the platform's chart, where it differs from the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,
    /// A later pipeline has a higher one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    #[serde(flatten, serialize_with = "serialize_unknown")]
    #[schemars(skip)]
    unknown: Vec<(String, Box<RawValue>)>,
}

/// Why bytes are no pin.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error("not JSON: {0}")]
    Json(serde_json::Error),
    #[error("not a JSON object")]
    NotAnObject,
    #[error("the key `{0}` is there twice")]
    DuplicateKey(String),
    #[error("the key `{0}` is missing")]
    MissingKey(&'static str),
    #[error("`{key}`: {problem}")]
    Value { key: &'static str, problem: String },
    #[error("`service` is `{found}`, but the file's name says `{expected}`")]
    OtherService { found: ServiceName, expected: ServiceName },
    #[error("`cluster` is `{found}`, but the environment's cluster is `{expected}`")]
    OtherCluster { found: ClusterName, expected: ClusterName },
}

impl Pin {
    /// A pin with the four required keys.
    #[must_use]
    pub fn new(
        cluster: ClusterName,
        service: ServiceName,
        image_tag: ImageTag,
        target_revision: Revision,
    ) -> Self {
        Self {
            cluster,
            service,
            image_tag,
            target_revision,
            image_digest: None,
            repo_url: None,
            path: None,
            chart_version: None,
            sequence: None,
            unknown: Vec::new(),
        }
    }

    /// Takes over where another pin's chart comes from.
    pub fn keep_source(&mut self, other: &Self) {
        self.repo_url.clone_from(&other.repo_url);
        self.path.clone_from(&other.path);
        self.chart_version.clone_from(&other.chart_version);
    }

    /// Whether the chart comes from where that of another pin does.
    #[must_use]
    pub fn has_source_of(&self, other: &Self) -> bool {
        (&self.repo_url, &self.path, &self.chart_version)
            == (&other.repo_url, &other.path, &other.chart_version)
    }

    /// Reads a pin file.
    ///
    /// # Errors
    /// Anything but one JSON object with the required keys, each once and well-formed.
    pub fn parse(bytes: &[u8]) -> Result<Self, PinError> {
        let Entries(entries) =
            serde_json::from_slice(bytes).map_err(|error| match error.classify() {
                serde_json::error::Category::Data => PinError::NotAnObject,
                _ => PinError::Json(error),
            })?;
        let mut seen = HashSet::new();
        if let Some((twice, _)) = entries.iter().find(|(key, _)| !seen.insert(key.as_str())) {
            return Err(PinError::DuplicateKey(twice.clone()));
        }
        let mut fields = Fields(entries);
        Ok(Self {
            cluster: fields.required("cluster")?,
            service: fields.required("service")?,
            image_tag: fields.required("imageTag")?,
            target_revision: fields.required("targetRevision")?,
            image_digest: fields.optional("imageDigest")?,
            repo_url: fields.optional("repoURL")?,
            path: fields.optional("path")?,
            chart_version: fields.optional("chartVersion")?,
            sequence: fields.optional("sequence")?,
            unknown: fields.0,
        })
    }

    /// Refuses a pin that is not the one its path announces.
    ///
    /// # Errors
    /// Another service or another cluster.
    pub fn check_place(
        &self,
        service: &ServiceName,
        cluster: &ClusterName,
    ) -> Result<(), PinError> {
        if self.service != *service {
            return Err(PinError::OtherService {
                found: self.service.clone(),
                expected: service.clone(),
            });
        }
        if self.cluster != *cluster {
            return Err(PinError::OtherCluster {
                found: self.cluster.clone(),
                expected: cluster.clone(),
            });
        }
        Ok(())
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The keys that this version does not know.
    pub fn unknown_keys(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(|(key, _)| key.as_str())
    }

    /// Takes over the unknown keys of the pin that this one replaces.
    #[must_use]
    pub fn with_unknown_keys_of(mut self, replaced: &Self) -> Self {
        self.unknown.clone_from(&replaced.unknown);
        self
    }

    /// What is the same for a version in every environment.
    #[must_use]
    pub fn version(&self) -> Version<'_> {
        Version {
            service: &self.service,
            image_tag: &self.image_tag,
            target_revision: &self.target_revision,
            image_digest: self.image_digest.as_ref(),
            repo_url: self.repo_url.as_ref(),
            path: self.path.as_ref(),
            chart: self.chart_version.as_deref(),
        }
    }

    /// Whether both say the same version for the same cluster: everything but the sequence and
    /// unknown keys.
    #[must_use]
    pub fn same_version(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.version() == other.version()
    }
}

/// A version of a service, wherever it is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version<'a> {
    service: &'a ServiceName,
    image_tag: &'a ImageTag,
    target_revision: &'a Revision,
    image_digest: Option<&'a ImageDigest>,
    repo_url: Option<&'a RepositoryUrl>,
    path: Option<&'a ChartPath>,
    chart: Option<&'a str>,
}

impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        let raw = |pin: &Self| -> Vec<(String, String)> {
            pin.unknown.iter().map(|(key, value)| (key.clone(), value.get().to_owned())).collect()
        };
        self.same_version(other) && self.sequence == other.sequence && raw(self) == raw(other)
    }
}

/// A key that has nothing to say is left out, and never null.
fn never_null(schema: &mut schemars::Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(|keys| keys.as_object_mut())
    else {
        return;
    };
    for property in properties.values_mut() {
        let kinds = property.get("type").and_then(|kinds| kinds.as_array());
        let kind = kinds.and_then(|kinds| kinds.iter().find(|kind| **kind != "null")).cloned();
        if let Some(kind) = kind {
            property["type"] = kind;
        }
    }
}

fn serialize_unknown<S: serde::Serializer>(
    unknown: &[(String, Box<RawValue>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(unknown.iter().map(|(key, value)| (key, value)))
}

/// The keys of one JSON object in their order, values unread.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The entries that no field has taken yet.
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    fn optional<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>, PinError> {
        let Some(index) = self.0.iter().position(|(name, _)| name == key) else {
            return Ok(None);
        };
        let (_, raw) = self.0.remove(index);
        serde_json::from_str(raw.get()).map(Some).map_err(|error| {
            // The place inside this one value says nothing to a reader of the file.
            let text = error.to_string();
            let problem = text.split(" at line ").next().unwrap_or(&text).to_owned();
            PinError::Value { key, problem }
        })
    }

    fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<T, PinError> {
        self.optional(key)?.ok_or(PinError::MissingKey(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{
  "cluster": "staging",
  "service": "python-example",
  "imageTag": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
  "targetRevision": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514"
}
"#;

    fn parsed(text: &str) -> Pin {
        Pin::parse(text.as_bytes()).expect("a pin")
    }

    fn problem(text: &str) -> String {
        Pin::parse(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn the_bytes_are_exactly_those_of_the_design() {
        assert_eq!(String::from_utf8(parsed(WRITTEN).to_bytes()).expect("text"), WRITTEN);
    }

    #[test]
    fn unknown_keys_survive_byte_for_byte() {
        let with_unknown = WRITTEN.replace(
            "\"\n}",
            "\",\n  \"sequence\": 7,\n  \"note\": 1.10,\n  \"more\": {\"b\":  1, \"a\": [\"ä\", null]}\n}",
        );
        let pin = parsed(&with_unknown);
        assert_eq!(pin.unknown_keys().collect::<Vec<_>>(), ["note", "more"]);
        assert_eq!(String::from_utf8(pin.to_bytes()).expect("text"), with_unknown);
    }

    #[test]
    fn keys_are_put_in_order() {
        let shuffled = r#"{"x":1,"targetRevision":"a2a7d76d9f6af65f96fd46cc92bcee7f065d8514","imageTag":"1","service":"s","cluster":"c"}"#;
        let text = String::from_utf8(parsed(shuffled).to_bytes()).expect("text");
        assert!(text.starts_with("{\n  \"cluster\": \"c\",\n  \"service\": \"s\","), "{text}");
        assert!(text.ends_with("\"x\": 1\n}\n"), "{text}");
    }

    #[test]
    fn what_is_no_pin_is_told_by_its_key() {
        assert_eq!(problem("[]"), "not a JSON object");
        assert_eq!(problem("null"), "not a JSON object");
        assert!(problem("{").starts_with("not JSON: EOF"));
        assert!(problem("").starts_with("not JSON"));
        assert!(problem(&WRITTEN.replace('}', "} {}")).starts_with("not JSON"));
        assert_eq!(problem("{}"), "the key `cluster` is missing");
        assert_eq!(
            problem(&WRITTEN.replace("\"service\": \"python-example\"", "\"cluster\": \"x\"")),
            "the key `cluster` is there twice"
        );
        let number = WRITTEN.replace(
            "\"imageTag\": \"a2a7d76d9f6af65f96fd46cc92bcee7f065d8514\"",
            "\"imageTag\": 10",
        );
        assert_eq!(problem(&number), "`imageTag`: invalid type: integer `10`, expected a string");
        assert!(
            problem(&WRITTEN.replace("\"staging\"", "null"))
                .starts_with("`cluster`: invalid type: null")
        );
    }

    #[test]
    fn a_pin_must_be_the_one_its_path_announces() {
        let pin = parsed(WRITTEN);
        let service: ServiceName = "python-example".parse().expect("name");
        let cluster: ClusterName = "staging".parse().expect("name");
        assert!(pin.check_place(&service, &cluster).is_ok());
        assert!(pin.check_place(&"other".parse().expect("name"), &cluster).is_err());
        assert!(pin.check_place(&service, &"other".parse().expect("name")).is_err());
    }
}
