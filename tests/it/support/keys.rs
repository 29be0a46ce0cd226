//! Keys to sign with, SSH and OpenPGP, and git's own verdict on what was signed by them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::git::{self, checked, hermetic};

/// A folder of keys, each with a name.
pub struct Keys {
    folder: TempDir,
}

impl Keys {
    /// A place for keys, with an SSH key for each of these names.
    pub fn ssh(names: &[&str]) -> Keys {
        let keys = Keys { folder: tempfile::tempdir().expect("create a directory") };
        for name in names {
            keys.add_ssh(name, "");
        }
        keys
    }

    /// A key that is locked by a passphrase, unless that is empty.
    pub fn add_ssh(&self, name: &str, passphrase: &str) {
        let mut make = hermetic("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"]);
        checked(make.arg(self.path(name)));
    }

    /// The private key's file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The public key as it stands in its file: its kind and its text.
    pub fn public(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(name).with_extension("pub"));
        let text = text.expect("read the public key");
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// A line of allowed signers for each of these keys, with these options.
    pub fn allowed(&self, names: &[&str], options: &str) -> String {
        let line = |name: &&str| format!("{name}@example.com {options} {}\n", self.public(name));
        names.iter().map(line).collect()
    }

    /// An OpenPGP key without a passphrase, made in a home of its own.
    pub fn add_openpgp(&self, name: &str) {
        let id = format!("{name} <{name}@example.com>");
        let mut make = self.gpg();
        make.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        checked(make.args(["--quick-generate-key", &id, "ed25519", "sign"]));
    }

    /// The public half of an OpenPGP key, armoured.
    pub fn armoured(&self, name: &str) -> String {
        checked(self.gpg().args(["--armor", "--export", name])) + "\n"
    }

    /// The home of `gpg`, short enough for the socket of its agent.
    pub fn gnupg(&self) -> PathBuf {
        self.folder.path().join("gnupg")
    }

    fn gpg(&self) -> Command {
        use std::os::unix::fs::DirBuilderExt;
        let mut home = std::fs::DirBuilder::new();
        home.mode(0o700).recursive(true).create(self.gnupg()).expect("create gpg's home");
        let mut gpg = hermetic("gpg");
        gpg.args(["--batch", "--quiet", "--no-tty"]).env("GNUPGHOME", self.gnupg());
        gpg
    }

    /// git itself finds that the commit is signed by one of the keys here.
    #[track_caller]
    pub fn assert_signed(&self, repo: &Path, commit: &str) {
        let allowed = self.path("allowed-for-git");
        let names = std::fs::read_dir(self.folder.path()).expect("list the keys");
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names: Vec<String> =
            names.filter_map(|name| Some(name.strip_suffix(".pub")?.to_owned())).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        std::fs::write(&allowed, self.allowed(&names, "")).expect("write the allowed signers");
        let setting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        let mut verify = git::command(repo, &["-c", &setting, "verify-commit", commit]);
        checked(verify.env("GNUPGHOME", self.gnupg()));
    }
}

impl Drop for Keys {
    /// The agent that `gpg` starts for its home ends with it.
    fn drop(&mut self) {
        if self.gnupg().exists() {
            let mut kill = hermetic("gpgconf");
            let _ = kill.args(["--kill", "all"]).env("GNUPGHOME", self.gnupg()).output();
        }
    }
}
