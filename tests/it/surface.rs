//! What users and their programs see: help, transcripts, tables, documents.
//!
//! After an intended change, `INSTA_UPDATE=always cargo test --test it surface` rewrites
//! `tests/it/snapshots`; read the difference before it is committed.

mod documents;
mod example;
mod help;
mod init;
mod picture;
mod request;
mod story;

use std::path::Path;

use crate::support::pinrail::{pinrail, run};

/// Compares with `tests/it/snapshots/<name>.snap`; ids and times are filtered out.
#[track_caller]
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\b([Cc]ommit) [0-9a-f]{7}\b", "$1 [COMMIT]");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A run in a folder, on a page of 100 columns, as it would stand in a terminal.
fn shown(folder: &Path, arguments: &[&str]) -> String {
    let run = run(pinrail(folder).env("COLUMNS", "100").args(arguments));
    let quoted = arguments.iter().map(|argument| match argument.contains([' ', '$', '&']) {
        true => format!("'{argument}'"),
        false => (*argument).to_owned(),
    });
    let code = if run.code == 0 { String::new() } else { format!("[exit code {}]\n", run.code) };
    format!(
        "$ pinrail {}\n{}{}{code}\n",
        quoted.collect::<Vec<_>>().join(" "),
        run.stdout,
        run.stderr
    )
}
