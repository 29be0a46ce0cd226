//! The Go programs that judge what is generated, which `tests/tools/build` puts beside the build.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::git;

/// One of the programs, such as `helm`.
pub fn path(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_pinrail"));
    let places = program.ancestors().map(|folder| folder.join("tools").join(name));
    places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| {
        panic!(
            "target/tools/{name} is not there: `tests/run` builds it, or `tests/tools/build {name}`"
        )
    })
}

/// What a program came to.
#[derive(Debug)]
pub struct Ran {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs one of the programs in a folder, with nothing of the caller's environment.
pub fn run(name: &str, folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = git::hermetic(path(name))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("run {name}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that does not read may have closed its end.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("run {name}: {error}"));
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Ran { ok: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a judge, which must find nothing.
#[track_caller]
pub fn nothing_found(judge: &str, folder: &Path, arguments: &[&str]) {
    let ran = run(judge, folder, arguments, "");
    assert!(ran.ok, "{judge} {arguments:?}:\n{}{}", ran.stdout, ran.stderr);
}
