//! Hooks of a repository on the server's side.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A hook that counts its runs.
pub struct Hook {
    runs: PathBuf,
}

impl Hook {
    /// A `pre-receive` hook; it runs once for each push that arrives, whatever the transport.
    pub fn pre_receive(repo: &Path, script: &str) -> Hook {
        let hook = Hook { runs: repo.join("hook-runs") };
        let runs = hook.runs.display();
        let text = format!("#!/bin/sh\ncat >/dev/null\necho run >>'{runs}'\n{script}\n");
        executable(&repo.join("hooks/pre-receive"), &text);
        hook
    }

    /// A `pre-receive` hook that says these lines and refuses.
    pub fn refusing(repo: &Path, lines: &[&str]) -> Hook {
        let words = repo.join("hook-words");
        std::fs::write(&words, lines.join("\n") + "\n").expect("write the hook's words");
        Hook::pre_receive(repo, &format!("cat '{}' >&2\nexit 1", words.display()))
    }

    /// How often it ran.
    pub fn runs(&self) -> usize {
        std::fs::read_to_string(&self.runs).map_or(0, |text| text.lines().count())
    }
}

/// Writes a script that can be run.
pub fn executable(path: &Path, text: &str) {
    let folder = path.parent().expect("a file is in a folder");
    std::fs::create_dir_all(folder).expect("create the script's folder");
    std::fs::write(path, text).expect("write the script");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("make it executable");
}
