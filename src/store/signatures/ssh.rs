//! SSH signatures, judged by `ssh-keygen` and a file of allowed signers.
//!
//! Source: git's `gpg-interface.c` (`verify_ssh_signed_buffer`) and ssh-keygen(1), ALLOWED SIGNERS.

use std::path::Path;
use std::process::Command;

use jiff::Timestamp;

use super::{Bench, Signature};
use crate::child::command;
use crate::store::error::StoreError;
use crate::store::signer::NAMESPACE;

pub fn judge(
    bench: &Bench<'_>,
    signature: &str,
    content: &[u8],
    time: i64,
) -> Result<Signature, StoreError> {
    let file = bench.file("signature", signature.as_bytes())?;
    let mut check = asked("check-novalidate", &file);
    check.args(["-n", NAMESPACE]);
    if !bench.run(check, content)?.success {
        return Ok(Signature::Bad);
    }
    let allowed = bench.signers.allowed.as_deref().unwrap_or_default();
    let allowed = bench.file("allowed_signers", allowed)?;
    let Some(time) = verify_time(time) else { return Ok(Signature::Expired) };
    let mut find = asked("find-principals", &file);
    find.arg(&time).arg("-f").arg(&allowed);
    let found = bench.run(find, b"")?;
    for principal in found.output.lines().map(str::trim) {
        let mut verify = asked("verify", &file);
        verify.args(["-n", NAMESPACE, "-I", principal, &time, "-f"]).arg(&allowed);
        if bench.run(verify, content)?.success {
            return Ok(Signature::Good { by: principal.to_owned() });
        }
    }
    // The words only tell refusals apart: a line for this key, and not for this time.
    let is_over = ["key has expired", "key is not yet valid"];
    let is_over = is_over.iter().any(|words| found.words.contains(words));
    Ok(if is_over { Signature::Expired } else { Signature::Unknown })
}

/// `ssh-keygen -Y …`, with times in UTC, so that every machine judges alike.
fn asked(what: &str, signature: &Path) -> Command {
    let mut program = command("ssh-keygen");
    program.env("TZ", "UTC").args(["-Y", what, "-s"]).arg(signature);
    program
}

fn verify_time(seconds: i64) -> Option<String> {
    let time = Timestamp::from_second(seconds).ok()?;
    Some(format!("-Overify-time={}", time.strftime("%Y%m%d%H%M%S")))
}
