//! What commits are signed with: the key, and the program that signs, as git has them.
//!
//! Source: git's `gpg-interface.c` (`sign_buffer_gpg`, `sign_buffer_ssh`) and gitformat-signature.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use git2::Config;
use tempfile::NamedTempFile;

use super::error::StoreError;
use super::location::configuration;
use crate::child;

/// The namespace of git's SSH signatures: one for a file is none for a commit.
pub(super) const NAMESPACE: &str = "git";
/// What git writes before a public key that stands for itself.
const LITERAL: &str = "key::";

/// What commits are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    key: Key,
    /// Where the key was named, for messages.
    source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Ssh {
        key: SshKey,
        program: String,
    },
    OpenPgp {
        /// What `gpg -u` takes; none for a key of the committer's own name.
        key: Option<String>,
        program: String,
        may_ask: bool,
    },
    /// It is set up, and cannot work; the sentence says why.
    Unusable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SshKey {
    /// A private key, or a public one whose private half is beside it or in the agent.
    File(PathBuf),
    /// The public key itself, whose private half is in the agent.
    Literal(String),
}

/// What the caller says of signing; it goes before git's configuration.
#[derive(Clone, Debug, Default)]
pub struct SignerSettings {
    /// `PINRAIL_SIGNING_KEY`: a file, a public key, or what `gpg -u` takes.
    pub key: Option<String>,
    /// `PINRAIL_SIGNING_FORMAT`: `ssh` or `openpgp`.
    pub format: Option<String>,
    /// Where `~/` is.
    pub home: Option<PathBuf>,
    /// Whether somebody is at the terminal who may be asked for a passphrase.
    pub may_ask: bool,
}

impl Signer {
    /// What the caller's variables say, or else git's configuration; none where neither wants
    /// commits signed.
    #[must_use]
    pub fn set_up(settings: &SignerSettings) -> Option<Self> {
        let config = configuration();
        let text = |name: &str| {
            let text = config.as_ref()?.get_str(name).ok().filter(|text| !text.is_empty());
            text.map(ToOwned::to_owned)
        };
        let (source, key, format) = match &settings.key {
            Some(key) => {
                let guessed = if is_ssh(key) { "ssh" } else { "openpgp" };
                let format = settings.format.clone().unwrap_or_else(|| guessed.to_owned());
                ("PINRAIL_SIGNING_KEY", Some(key.clone()), format)
            }
            None if wants_signatures(config.as_ref()) => {
                let format = text("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
                ("git's configuration", text("user.signingKey"), format)
            }
            None => return None,
        };
        let program = |names: &[&str], usual: &str| {
            names.iter().find_map(|name| text(name)).unwrap_or_else(|| usual.to_owned())
        };
        let key = match (format.as_str(), key) {
            // What was put into the wrong place is not repeated.
            (_, Some(key)) if key.contains("PRIVATE KEY") => {
                Key::Unusable(format!("{source} holds a private key, and should name its file"))
            }
            ("ssh", None) => Key::Unusable("`user.signingKey` is not set".to_owned()),
            ("ssh", Some(key)) => Key::Ssh {
                key: SshKey::of(&key, settings.home.as_deref()),
                program: program(&["gpg.ssh.program"], "ssh-keygen"),
            },
            ("openpgp", key) => Key::OpenPgp {
                key,
                program: program(&["gpg.openpgp.program", "gpg.program"], "gpg"),
                may_ask: settings.may_ask,
            },
            (other, _) => Key::Unusable(format!(
                "the format of signatures is `ssh` or `openpgp`, and {source} says `{other}`"
            )),
        };
        Some(Self { key, source })
    }

    /// Signs a commit's content; the signature, armoured. `committer` is `Name <email>`.
    ///
    /// # Errors
    /// [`StoreError::Signing`]: no such program or key, one that wants a passphrase which
    /// nobody can be asked for, or no signature before `until`.
    pub fn sign(
        &self,
        content: &[u8],
        committer: &str,
        until: Instant,
    ) -> Result<String, StoreError> {
        match &self.key {
            Key::Ssh { key, program } => sign_by_ssh(key, program, content, until),
            Key::OpenPgp { key, program, may_ask } => {
                let key = key.as_deref().unwrap_or(committer);
                sign_by_openpgp(key, program, *may_ask, content, until)
            }
            Key::Unusable(why) => Err(StoreError::Signing(why.clone())),
        }
    }
}

/// The key as a message names it: where it was named, and by what; never its content.
impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source;
        match &self.key {
            Key::Ssh { key: SshKey::File(file), .. } => {
                write!(f, "the SSH key {} ({source})", file.display())
            }
            Key::Ssh { .. } => write!(f, "an SSH key of the agent ({source})"),
            Key::OpenPgp { key: Some(key), .. } => write!(f, "the OpenPGP key `{key}` ({source})"),
            Key::OpenPgp { .. } => write!(f, "the committer's OpenPGP key ({source})"),
            Key::Unusable(_) => write!(f, "a key that cannot be used ({source})"),
        }
    }
}

impl SshKey {
    fn of(text: &str, home: Option<&Path>) -> Self {
        match (text.strip_prefix(LITERAL), text.strip_prefix("~/"), home) {
            (Some(key), ..) => Self::Literal(key.trim().to_owned()),
            _ if text.starts_with("ssh-") => Self::Literal(text.to_owned()),
            (_, Some(rest), Some(home)) => Self::File(home.join(rest)),
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

/// Whether this is an SSH key: a public one itself, or the path of a file. What `gpg -u` takes
/// is a key's id or a name, and no path.
fn is_ssh(key: &str) -> bool {
    let is_literal = key.starts_with(LITERAL) || key.starts_with("ssh-");
    is_literal || key.contains('/') || Path::new(key).is_file()
}

fn wants_signatures(config: Option<&Config>) -> bool {
    config.is_some_and(|config| config.get_bool("commit.gpgSign").unwrap_or(false))
}

fn sign_by_ssh(
    key: &SshKey,
    program: &str,
    content: &[u8],
    until: Instant,
) -> Result<String, StoreError> {
    let failed = |error: io::Error| StoreError::Signing(error.to_string());
    let mut signs = child::command(program);
    signs.args(["-Y", "sign", "-n", NAMESPACE, "-f"]);
    let _kept = match key {
        SshKey::File(file) => {
            signs.arg(file);
            None
        }
        SshKey::Literal(key) => {
            let mut file = NamedTempFile::with_prefix("pinrail-").map_err(failed)?;
            writeln!(file, "{key}").map_err(failed)?;
            signs.arg(file.path()).arg("-U");
            Some(file)
        }
    };
    // It would ask on the terminal that we stand in, or open a window.
    signs.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
    let signed = child::run(signs, content, until).map_err(|error| not_run(program, &error))?;
    if signed.success && signed.output.starts_with("-----BEGIN SSH SIGNATURE-----") {
        return Ok(signed.output);
    }
    Err(refused(program, &signed.words))
}

fn sign_by_openpgp(
    key: &str,
    program: &str,
    may_ask: bool,
    content: &[u8],
    until: Instant,
) -> Result<String, StoreError> {
    let mut signs = child::command(program);
    if !may_ask {
        // What the agent knows already it gives all the same.
        signs.args(["--batch", "--no-tty", "--pinentry-mode", "error"]);
    }
    signs.args(["--status-fd=2", "-bsau", key]);
    let signed = child::run(signs, content, until).map_err(|error| not_run(program, &error))?;
    // Its exit code alone does not tell that it signed.
    let is_signed = signed.words.lines().any(|line| line.starts_with("[GNUPG:] SIG_CREATED "));
    if signed.success && is_signed {
        return Ok(signed.output);
    }
    Err(refused(program, &signed.words))
}

fn not_run(program: &str, error: &io::Error) -> StoreError {
    let words = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no program `{program}`"),
        _ => format!("{program}: {error}"),
    };
    StoreError::Signing(words)
}

/// The program's own words, without those that are for other programs.
fn refused(program: &str, words: &str) -> StoreError {
    let for_people = words.lines().map(str::trim);
    let for_people = for_people
        .filter(|line| !line.is_empty() && !line.starts_with("[GNUPG:]"))
        .filter(|line| *line != "Signing data on standard input" && !line.starts_with("@@@"));
    let words: Vec<_> = for_people.collect();
    StoreError::Signing(format!("{program}: {}", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &str, format: Option<&str>) -> Key {
        let settings = SignerSettings {
            key: Some(key.to_owned()),
            format: format.map(ToOwned::to_owned),
            home: Some(PathBuf::from("/home/anna")),
            may_ask: false,
        };
        Signer::set_up(&settings).expect("a signer").key
    }

    #[test]
    fn the_format_follows_from_the_key_unless_it_is_told() {
        let file = |path: &str| SshKey::File(PathBuf::from(path));
        for (text, expected) in [
            ("/run/secrets/key", file("/run/secrets/key")),
            ("~/.ssh/id_ed25519.pub", file("/home/anna/.ssh/id_ed25519.pub")),
            ("key::ecdsa-sha2-nistp256 AAAA", SshKey::Literal("ecdsa-sha2-nistp256 AAAA".into())),
            ("ssh-ed25519 AAAA anna", SshKey::Literal("ssh-ed25519 AAAA anna".into())),
        ] {
            assert!(matches!(told(text, None), Key::Ssh { key, .. } if key == expected), "{text}");
        }
        for text in ["15A801D27E08A534", "Release Bot", "bot@example.com"] {
            assert!(matches!(told(text, None), Key::OpenPgp { .. }), "{text}");
        }
        assert!(matches!(told("a/b", Some("openpgp")), Key::OpenPgp { .. }));
        assert!(matches!(told("relative", Some("ssh")), Key::Ssh { .. }));
    }

    #[test]
    fn a_key_in_place_of_its_name_is_refused_and_not_repeated() {
        let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n";
        for format in [None, Some("ssh"), Some("openpgp")] {
            let Key::Unusable(why) = told(text, format) else { panic!("{format:?}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
        assert!(matches!(told("key", Some("x509")), Key::Unusable(why) if why.contains("x509")));
    }
}
