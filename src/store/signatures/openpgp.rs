//! OpenPGP signatures, judged by `gpg` and a ring of public keys.
//!
//! Source: GnuPG's `doc/DETAILS` (the lines of `--status-fd`), git's `gpg-interface.c`.

use std::process::Command;

use super::{Bench, Signature};
use crate::child::command;
use crate::store::error::StoreError;

/// What `gpg` says of a signature, exactly one of these for each.
const VERDICTS: &[&str] = &["GOODSIG", "BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG"];
/// Of `ERRSIG`: the key is not there.
const NO_KEY: &str = "9";

pub fn judge(
    bench: &Bench<'_>,
    signature: &str,
    content: &[u8],
    time: i64,
) -> Result<Signature, StoreError> {
    let file = bench.file("signature", signature.as_bytes())?;
    if bench.ring.get().is_none() {
        let keys = bench.signers.keys.as_deref().unwrap_or_default();
        let mut import = gpg(bench);
        import.arg("--import");
        bench.run(import, keys)?;
        let _ = bench.ring.set(());
    }
    let mut verify = gpg(bench);
    verify.args(["--status-fd=1", "--verify"]).arg(&file).arg("-");
    let told = bench.run(verify, content)?;
    Ok(verdict(&told.output, told.success, time))
}

/// `gpg` with a ring of its own, and without an agent: there is nothing secret in it.
fn gpg(bench: &Bench<'_>) -> Command {
    let mut gpg = command("gpg");
    gpg.env("GNUPGHOME", bench.folder.path());
    // In this ring everybody may: whose keys are in it is decided by those who own main.
    gpg.args(["--batch", "--no-tty", "--no-options", "--no-autostart", "--trust-model", "always"]);
    gpg
}

/// Reads the status lines; `time` is the commit's.
fn verdict(status: &str, success: bool, time: i64) -> Signature {
    let lines: Vec<Vec<&str>> = status
        .lines()
        .filter_map(|line| Some(line.strip_prefix("[GNUPG:] ")?.split(' ').collect()))
        .collect();
    let mut verdicts = lines.iter().filter(|line| VERDICTS.contains(&line[0]));
    // Several signatures on one commit are not git's.
    let (Some(line), None) = (verdicts.next(), verdicts.next()) else { return Signature::Bad };
    let by = || line.get(2..).map(|id| id.join(" ")).unwrap_or_default();
    match line[0] {
        "GOODSIG" if success => Signature::Good { by: by() },
        // A key that ended later was valid then, as with SSH.
        "EXPKEYSIG" if success && valid_at(&lines, time) => Signature::Good { by: by() },
        "EXPSIG" | "EXPKEYSIG" | "REVKEYSIG" => Signature::Expired,
        "ERRSIG" if line.get(6) == Some(&NO_KEY) => Signature::Unknown,
        _ => Signature::Bad,
    }
}

/// Whether a key that is over was not so at the commit's time.
fn valid_at(lines: &[Vec<&str>], time: i64) -> bool {
    let ends = lines.iter().filter(|line| line[0] == "KEYEXPIRED");
    let ends: Vec<Option<i64>> = ends.map(|line| line.get(1)?.parse().ok()).collect();
    !ends.is_empty() && ends.iter().all(|end| end.is_some_and(|end| time < end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str], success: bool) -> Signature {
        let lines: Vec<_> = lines.iter().map(|line| format!("[GNUPG:] {line}")).collect();
        verdict(&lines.join("\n"), success, 1000)
    }

    #[test]
    fn one_good_signature_is_good_and_two_are_not() {
        let good = "GOODSIG 15A801D27E08A534 Release Bot <bot@example.com>";
        let by = "Release Bot <bot@example.com>".to_owned();
        assert_eq!(told(&["NEWSIG", good], true), Signature::Good { by });
        assert_eq!(told(&[good], false), Signature::Bad);
        assert_eq!(told(&[good, good], true), Signature::Bad);
        assert_eq!(told(&[good, "BADSIG 15A801D27E08A534 x"], false), Signature::Bad);
        assert_eq!(told(&[], true), Signature::Bad);
    }

    #[test]
    fn a_key_that_ended_after_the_commit_was_valid_then() {
        let signed = "EXPKEYSIG 15A801D27E08A534 bot";
        let by = "bot".to_owned();
        assert_eq!(told(&["KEYEXPIRED 1001", signed], true), Signature::Good { by });
        for end in ["KEYEXPIRED 1000", "KEYEXPIRED soon", "KEYEXPIRED"] {
            assert_eq!(told(&[end, signed], true), Signature::Expired, "{end}");
        }
        assert_eq!(told(&[signed], true), Signature::Expired);
        assert_eq!(told(&["REVKEYSIG 15A801D27E08A534 bot"], true), Signature::Expired);
    }

    #[test]
    fn a_missing_key_is_told_from_a_signature_that_cannot_be_read() {
        let sig = "ERRSIG 15A801D27E08A534 22 8 00 1795271511";
        assert_eq!(told(&[&format!("{sig} 9 -")], false), Signature::Unknown);
        assert_eq!(told(&[&format!("{sig} 4 -")], false), Signature::Bad);
    }
}
