//! What `init` writes for a forge: the pipeline, `CODEOWNERS` and the list of settings.

mod codeowners;
mod pipelines;
mod settings;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::pinrail::{pinrail, run};

const URL: &str = "https://git.example.com/platform/services-root.git";

/// A new services-root in the folder `root` of a folder of its own.
fn made(kind: &str, more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("create a directory");
    let arguments = ["init", "root", "--forge", kind, "--repository", URL];
    run(pinrail(folder.path()).args(arguments).args(more)).succeeded();
    folder
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).expect(path)
}
