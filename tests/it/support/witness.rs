//! What programs see of one another on this machine: arguments, environments, who runs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::hooks::executable;

/// Waits for the processes whose arguments name this path to end; what is killed may be seen
/// for a moment longer.
#[track_caller]
pub fn assert_none_runs_with(path: &Path) {
    for _ in 0..100 {
        if running_with(path).is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("still running: {:?}", running_with(path));
}

/// The processes whose arguments name this path.
fn running_with(path: &Path) -> Vec<String> {
    let path = path.to_str().expect("the path is UTF-8");
    let processes = fs::read_dir("/proc").expect("list the processes");
    processes
        .filter_map(|process| fs::read(process.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(path))
        .collect()
}

/// Programs `git`, `ssh` and `ssh-keygen` that write down how they were called, and then are the real ones.
pub struct Witness {
    folder: PathBuf,
}

impl Witness {
    pub fn new(folder: &Path) -> Witness {
        let witness = Witness { folder: folder.join("witness") };
        for program in ["git", "ssh", "ssh-keygen"] {
            let real = find(program);
            let log = witness.log();
            let text = format!(
                "#!/bin/sh\n{{ echo \"called: $0 $*\"; env; }} >>'{}'\nexec '{}' \"$@\"\n",
                log.display(),
                real.display()
            );
            executable(&witness.folder.join(program), &text);
        }
        witness
    }

    /// A value for `PATH` that has these programs first.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let rest = std::env::split_paths(&path);
        std::env::join_paths(std::iter::once(self.folder.clone()).chain(rest)).expect("a PATH")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// All arguments and environments so far.
    pub fn saw(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed"))
}
