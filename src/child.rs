//! Programs that are started: without our secrets, and never longer than the deadline.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The variables that hold secrets, kept from every program that is started.
pub const SECRET_VARIABLES: &[&str] = &[
    "PINRAIL_TOKEN",
    "PINRAIL_GITHUB_APP_PRIVATE_KEY",
    "PINRAIL_ARGOCD_TOKEN",
    "ARGOCD_AUTH_TOKEN",
    // The path of a key; somebody may have put the key itself there.
    "PINRAIL_SIGNING_KEY",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT",
    "CI_BUILD_TOKEN",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_REGISTRY_PASSWORD",
    "CI_REPOSITORY_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

/// The variables by which git would look at another repository than the one it is given.
const GIT_PLACES: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
];

/// A command that knows neither our secrets nor the repository we stand in, and never asks.
/// It leads a process group, so that what it starts ends with it.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in SECRET_VARIABLES.iter().chain(GIT_PLACES) {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").process_group(0);
    command
}

/// What came of a program that was run to its end.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    /// What it printed, its last 8 KiB.
    pub output: String,
    /// What it said on stderr, its last 8 KiB.
    pub words: String,
}

/// Runs a program to its end, with this on its stdin.
///
/// # Errors
/// A program that cannot be started, or ([`io::ErrorKind::TimedOut`]) that does not end in time.
pub fn run(mut program: Command, input: &[u8], until: Instant) -> io::Result<Ended> {
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn()?;
    let output = child.stdout.take().map(Words::listen);
    let words = child.stderr.take().map(Words::listen);
    let stdin = child.stdin.take();
    let guarded = Guarded::new(child, until);
    // One that ends without reading all of it says why in its own words.
    let _ = stdin.map(|mut stdin| stdin.write_all(input));
    let (status, expired) = guarded.finish();
    if expired {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not end in time"));
    }
    let taken = |words: Option<Words>| words.map(|words| words.take()).unwrap_or_default();
    let success = status.is_some_and(|status| status.success());
    Ok(Ended { success, output: taken(output), words: taken(words) })
}

/// A running child that is ended at its deadline, or when it is dropped, with all that it
/// started: a script's own child would hold the pipes open, a hook go on behind our back.
pub struct Guarded {
    child: Arc<Mutex<Child>>,
    done: Option<Sender<()>>,
    watch: Option<JoinHandle<bool>>,
}

impl Guarded {
    pub fn new(child: Child, until: Instant) -> Self {
        let child = Arc::new(Mutex::new(child));
        let (done, wait) = mpsc::channel::<()>();
        let watched = Arc::clone(&child);
        let watch = thread::spawn(move || {
            let left = until.saturating_duration_since(Instant::now());
            let expired = wait.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
            if expired {
                end(&watched, PATIENCE);
            }
            expired
        });
        Self { child, done: Some(done), watch: Some(watch) }
    }

    /// Waits for the child's end; the second value tells whether the deadline ended it.
    pub fn finish(mut self) -> (Option<ExitStatus>, bool) {
        let status = loop {
            let state = self.child.lock().ok().and_then(|mut child| child.try_wait().ok());
            match state {
                Some(Some(status)) => break Some(status),
                None => break None,
                Some(None) => thread::sleep(Duration::from_millis(1)),
            }
        };
        (status, self.stop_watching())
    }

    fn stop_watching(&mut self) -> bool {
        drop(self.done.take());
        self.watch.take().and_then(|watch| watch.join().ok()).unwrap_or(false)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.watch.is_some() {
            end(&self.child, Duration::ZERO);
            self.stop_watching();
        }
    }
}

/// Time for git to take its locks away when it is stopped in the middle of something.
const PATIENCE: Duration = Duration::from_millis(500);

/// Ends a child and its group, at first politely for so long.
fn end(child: &Mutex<Child>, patience: Duration) {
    let Ok(mut child) = child.lock() else { return };
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    let until = Instant::now() + patience;
    if !patience.is_zero() {
        let _ = killpg(group, Signal::SIGTERM);
    }
    while Instant::now() < until {
        let ended = child.try_wait().is_ok_and(|status| status.is_some());
        if ended && killpg(group, None).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}

/// What a child says on a pipe, its last 8 KiB, read beside it so that it never blocks.
pub struct Words {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Words {
    pub fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        const KEPT: usize = 8 * 1024;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&kept);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 1024];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let Ok(mut kept) = shared.lock() else { return };
                kept.extend_from_slice(&chunk[..count]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reader }
    }

    /// What was said until the child ended. A grandchild may hold the pipe open for longer
    /// (a connection that ssh keeps for the next call does), so the wait is short.
    pub fn take(&self) -> String {
        let patience = Instant::now() + Duration::from_millis(300);
        while !self.reader.is_finished() && Instant::now() < patience {
            thread::sleep(Duration::from_millis(1));
        }
        self.kept
            .lock()
            .map(|kept| String::from_utf8_lossy(&kept).trim().to_owned())
            .unwrap_or_default()
    }
}
