//! What `init` writes for a forge: the pipeline, `CODEOWNERS` and the list of settings.

mod codeowners;
mod forged;
pub mod pipelines;
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

#[test]
fn what_comes_next_is_told_in_order() {
    let folder = tempfile::tempdir().expect("create a directory");
    let arguments = ["init", "root", "--forge", "gitlab", "--repository", URL];
    let told = run(pinrail(folder.path()).args(arguments)).succeeded().stderr;
    let at = |part: &str| told.find(part).unwrap_or_else(|| panic!("no {part}: {told}"));
    assert!(at("pinrail service add NAME") < at(&format!("git remote add origin {URL}")), "{told}");
    assert!(at("git push -u origin main pins") < at(".pinrail/settings.md"), "{told}");
    assert!(at("PINRAIL_IMAGE") < at("`owners` in pinrail.yaml"), "{told}");
}

#[test]
fn the_example_has_the_pipeline_and_the_settings_of_a_new_root() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services-root");
    let folder = made("gitlab", &[]);
    for path in [".gitlab-ci.yml", ".pinrail/settings.md"] {
        assert_eq!(read(&example, path), read(&folder.path().join("root"), path), "{path}");
    }
}
