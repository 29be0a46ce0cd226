//! Runs Helm and the judges of `tests/tools`.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::tools::tool;

/// What a program came to.
#[derive(Debug)]
pub struct Ran {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs one of the programs in a folder.
pub fn run(name: &str, folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = tool(name)
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
