//! Whom HTTP clients trust, and what their errors say.

use std::error::Error;
use std::path::Path;

use reqwest::Certificate;

/// The certificates of a PEM file, to trust beside the system's.
///
/// # Errors
/// A file that cannot be read or holds none, in a sentence that names it.
pub fn certificates(ca_file: Option<&Path>) -> Result<Vec<Certificate>, String> {
    let Some(path) = ca_file else { return Ok(Vec::new()) };
    let failed = |problem: &dyn std::fmt::Display| {
        format!("cannot use the CA file {}: {problem}", path.display())
    };
    let pem = std::fs::read(path).map_err(|error| failed(&error))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| failed(&error))?;
    if certificates.is_empty() {
        return Err(failed(&"it holds no certificate"));
    }
    Ok(certificates)
}

/// The innermost cause of an error, as reqwest's own text stops at the first, and what to do
/// about a certificate that nobody vouches for.
#[must_use]
pub fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = innermost.to_string();
    match words.contains("UnknownIssuer") {
        true => format!("{words} (`--ca-file` names a private authority's certificates)"),
        false => words,
    }
}
