//! `schema`: the JSON Schema of a kind of file.

use clap::{Args, ValueEnum};
use schemars::Schema;
use schemars::generate::SchemaSettings;

use super::report::Document;
use crate::domain::config::Config;
use crate::domain::lock::Lock;
use crate::domain::pin::Pin;
use crate::domain::registry::Facts;

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
            Self::Report => "report.schema.json",
        }
    }

    /// The schema, as JSON text with a final newline.
    #[must_use]
    pub fn text(self) -> String {
        let settings = SchemaSettings::draft07();
        let written: Schema = match self {
            Self::Config => settings.into_generator().into_root_schema_for::<Config>(),
            Self::Service => settings.into_generator().into_root_schema_for::<Facts>(),
            Self::Pin => settings.into_generator().into_root_schema_for::<Pin>(),
            Self::Lock => settings.into_generator().into_root_schema_for::<Lock>(),
            Self::Report => settings
                .for_serialize()
                .into_generator()
                .into_root_schema_for::<Document<'static>>(),
        };
        let mut text = serde_json::to_string_pretty(&written).unwrap_or_default();
        text.push('\n');
        text
    }
}
