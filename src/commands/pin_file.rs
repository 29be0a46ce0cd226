//! The file of `pin --from-file`: a JSON list of wanted pins.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::pin::{default_sequence, revision};
use super::pin_place::Wanted;
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{ImageDigest, ImageTag, Revision};
use crate::domain::judge::Sequence;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    service: ServiceName,
    environment: EnvironmentName,
    image_tag: ImageTag,
    target_revision: Option<Revision>,
    image_digest: Option<ImageDigest>,
    expect: Option<String>,
    sequence: Option<u64>,
    #[serde(default)]
    create: bool,
    domain: Option<DomainName>,
    #[serde(default)]
    from_registry: bool,
}

/// Reads the wanted pins; each may be there once.
pub fn read(file: &Path, context: &Context) -> Result<Vec<Wanted>, CommandError> {
    let shown = file.display();
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|error| {
        CommandError::new(ErrorKind::Local, format!("cannot read {shown}: {error}"))
            .hint("`--from-file` takes a file, or `-` for stdin")
    })?;
    let invalid = |problem: String| {
        CommandError::new(ErrorKind::Invalid, format!("{shown}: {problem}")).hint(
            "it is a JSON list of objects with service, environment, imageTag, targetRevision, and perhaps \
             imageDigest, expect, sequence, create, domain, fromRegistry",
        )
    };
    let entries: Vec<Entry> =
        serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
    if entries.is_empty() {
        return Err(invalid("there is no pin in it".to_owned()));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for entry in entries {
        if wanted
            .iter()
            .any(|other| other.service == entry.service && other.environment == entry.environment)
        {
            return Err(invalid(format!(
                "`{}` is there twice for `{}`",
                entry.service, entry.environment
            )));
        }
        wanted.push(Wanted {
            service: entry.service,
            environment: entry.environment,
            image_tag: entry.image_tag,
            revision: revision(entry.target_revision, context)?,
            digest: entry.image_digest,
            expect: entry.expect.map(|expect| {
                expect.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
            }),
            sequence: entry.sequence.map_or_else(|| default_sequence(context), Sequence::Number),
            create: entry.create,
            domain: entry.domain,
            from_registry: entry.from_registry,
        });
    }
    Ok(wanted)
}
