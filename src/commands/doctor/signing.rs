//! Whether commits are signed, and with a key that counts.

use std::time::Instant;

use super::finding::Finding;
use crate::commands::{Context, ErrorKind, Via};
use crate::domain::config::{Config, Signing};
use crate::domain::layout::{ALLOWED_SIGNERS, SIGNING_KEYS};
use crate::store::signatures::{Signature, SignerFiles, judge};
use crate::store::{Signer, Snapshot, StoreError};

const NAME: &str = "signing";
/// What is signed to see whether it goes.
const SAMPLE: &[u8] = b"pinrail doctor\n";

/// Tries the key on a text that goes nowhere, and looks it up among those that count.
pub fn signing(context: &Context, config: &Config, main: Option<&Snapshot<'_>>) -> Finding {
    let required = config.signing == Signing::Required;
    let Some(signer) = &context.author.signer else {
        return match (context.via, required) {
            (Via::Api, _) => Finding::ok(NAME, "GitHub signs what goes through its API"),
            (Via::Git, false) => Finding::ok(NAME, "no key is set up: commits are not signed"),
            (Via::Git, true) => {
                let message = "commits must be signed here, and no signing key is set up";
                Finding::problem(NAME, message).kind(ErrorKind::Authentication).hint(
                    "PINRAIL_SIGNING_KEY names a key, or git's `commit.gpgSign` and `user.signingKey` do",
                )
            }
        };
    };
    match tried(context, signer, main) {
        Ok(None) => Finding::ok(NAME, format!("{signer} works")),
        Ok(Some(Signature::Good { by })) => {
            Finding::ok(NAME, format!("{signer} works, and is that of {by}"))
        }
        Ok(Some(_)) => {
            let message = format!("{signer} works, and is not among those that count here");
            let hint = format!("add its public half to {ALLOWED_SIGNERS} or {SIGNING_KEYS}");
            match required {
                true => Finding::problem(NAME, message).hint(hint),
                false => Finding::warning(NAME, message).hint(hint),
            }
        }
        Err(error) => Finding::failed(NAME, error.into()),
    }
}

/// What the signature is worth here; none where nobody's counts.
fn tried(
    context: &Context,
    signer: &Signer,
    main: Option<&Snapshot<'_>>,
) -> Result<Option<Signature>, StoreError> {
    let until = Instant::now() + context.timeout;
    let committer = format!("{} <{}>", context.author.name, context.author.email);
    let signature = signer.sign(SAMPLE, &committer, until)?;
    let signers = main.map(|main| SignerFiles::of(main)).transpose();
    let signers = signers.map_err(|error| StoreError::Local(error.to_string()))?;
    let Some(signers) = signers.filter(|signers| !signers.is_empty()) else { return Ok(None) };
    let now = context.now.as_second();
    judge(&signature, SAMPLE, now, &signers, until).map(Some)
}
