//! Runs one client and writes down what it cost.
//!
//! A child's peak memory counts what its parent had when it started it, so the parent has to be
//! as small as this one.

use std::error::Error;
use std::io::Read;
use std::process::{Command, Stdio, exit};
use std::time::Instant;

use crate::usage;

/// With `gate`, waits for the end of stdin first, so that many can start at once.
pub fn run(out: &str, command: &[&str], gate: bool) -> Result<(), Box<dyn Error>> {
    let [program, words @ ..] = command else {
        return Err("no command".into());
    };
    if gate {
        std::io::stdin().read_to_end(&mut Vec::new())?;
    }
    let start = Instant::now();
    let status = Command::new(program).args(words).stdin(Stdio::null()).status()?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let usage = usage::children();
    let code = status.code().unwrap_or(-1);
    let (cpu, peak) = (usage.cpu_ms, usage.peak_kb);
    let told =
        format!(r#"{{"ms": {ms:.3}, "cpu_ms": {cpu:.3}, "peak_kb": {peak}, "code": {code}}}"#);
    std::fs::write(out, told)?;
    exit(code)
}
