//! `signing: required`: whether commits are signed by somebody who may.

use std::time::Instant;

use super::CommandError;
use super::state::config_of;
use crate::domain::config::Signing;
use crate::domain::layout::{ALLOWED_SIGNERS, CONFIG, SIGNING_KEYS};
use crate::domain::name::BranchName;
use crate::domain::problem::Problem;
use crate::store::signatures::{Signature, SignerFiles, verify};
use crate::store::{CommitId, Snapshot};

/// What is wrong with the signatures of the newest commits of `branches`, main first, those that
/// are here. What main's tip says counts: that they must be signed at all, and by whom.
pub fn tips<'r>(
    branches: &[BranchName],
    tip: impl Fn(&BranchName) -> Result<Option<Snapshot<'r>>, CommandError>,
    until: Instant,
) -> Result<Vec<Problem>, CommandError> {
    let mut problems = Vec::new();
    let Some(main) = branches.first().map(&tip).transpose()?.flatten() else {
        return Ok(problems);
    };
    for branch in branches {
        let Some(at) = tip(branch)? else { continue };
        problems.extend(commits(&main, &at, &at.brought()?, &format!("`{branch}`"), until)?);
    }
    Ok(problems)
}

/// What is wrong with the signatures of these commits of `place`, at hand in the repository of
/// `at`: nothing where `main`, the tip of main, does not require any.
pub fn commits(
    main: &Snapshot<'_>,
    at: &Snapshot<'_>,
    commits: &[CommitId],
    place: &str,
    until: Instant,
) -> Result<Vec<Problem>, CommandError> {
    // A configuration that cannot be read is a problem that is told elsewhere.
    let config = config_of(main).ok().flatten();
    if config.is_none_or(|config| config.signing != Signing::Required) {
        return Ok(Vec::new());
    }
    let signers = SignerFiles::of(main)?;
    let judged = verify(at, commits, &signers, until)?;
    let bad = judged.iter().filter(|(_, signature)| !signature.is_good());
    Ok(bad.map(|(id, signature)| problem(id, signature, place, signers.is_empty())).collect())
}

fn problem(id: &CommitId, signature: &Signature, place: &str, nobody_may: bool) -> Problem {
    let hint = match signature {
        _ if nobody_may => format!("{ALLOWED_SIGNERS} or {SIGNING_KEYS} on main says who may sign"),
        Signature::Unsigned => {
            "have it committed again with a key: PINRAIL_SIGNING_KEY, or git's `commit.gpgSign`"
                .to_owned()
        }
        Signature::Bad => {
            "it was changed after it was signed: find out who did, and do not merge it".to_owned()
        }
        _ => format!("commit it again with a key of {ALLOWED_SIGNERS} or {SIGNING_KEYS} on main"),
    };
    let message = format!("the commit {} of {place} {signature}", &id[..7]);
    Problem::error("signature", CONFIG, message).hint(hint)
}
