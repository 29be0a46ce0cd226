//! `schema`: the JSON Schema of a kind of file.

use clap::{Args, ValueEnum};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::report::Document;
use crate::domain::config::Config;
use crate::domain::gate::Override;
use crate::domain::lock::Lock;
use crate::domain::pin::Pin;
use crate::domain::registry::Facts;
use crate::domain::values;

/// Print the JSON Schema of a kind of file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail schema config > .pinrail/schemas/config.schema.json
  pinrail schema report     # what --json prints")]
pub struct SchemaArgs {
    /// The kind of file
    pub name: SchemaName,
}

/// The kinds of file that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    Config,
    Service,
    Pin,
    Lock,
    Override,
    Values,
    Platform,
    Report,
}

impl SchemaName {
    /// The file's name under `schemas/`.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Config => "config.schema.json",
            Self::Service => "service.schema.json",
            Self::Pin => "pin.schema.json",
            Self::Lock => "lock.schema.json",
            Self::Override => "override.schema.json",
            Self::Values => "values.schema.json",
            Self::Platform => "platform.schema.json",
            Self::Report => "report.schema.json",
        }
    }

    /// The schema, as JSON text with a final newline.
    #[must_use]
    pub fn text(self) -> String {
        let settings = SchemaSettings::draft07();
        let written: Schema = match self {
            Self::Values => return text_of(&values::schema::service_file()),
            Self::Platform => return text_of(&values::schema::platform_file()),
            Self::Config => settings.into_generator().into_root_schema_for::<Config>(),
            Self::Service => settings.into_generator().into_root_schema_for::<Facts>(),
            Self::Pin => settings.into_generator().into_root_schema_for::<Pin>(),
            Self::Lock => settings.into_generator().into_root_schema_for::<Lock>(),
            Self::Override => settings.into_generator().into_root_schema_for::<Override>(),
            Self::Report => settings
                .for_serialize()
                .into_generator()
                .into_root_schema_for::<Document<'static>>(),
        };
        text_of(&written)
    }
}

fn text_of(schema: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
