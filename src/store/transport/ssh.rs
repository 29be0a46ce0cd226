//! git's services over SSH, through the `ssh` program: the caller's configuration, agent,
//! keys, jump hosts and known hosts all count, and OpenSSH verifies the host's key.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use git2::transport::{Service, SmartSubtransportStream};
use tempfile::TempDir;

use super::TransportError;
use super::channel::Channel;
use crate::child::{Guarded, Words, command};
use crate::store::Access;
use crate::store::location::SshAddress;

pub struct Ssh {
    address: SshAddress,
    key: Option<PathBuf>,
    shell_command: Option<String>,
    home: Option<PathBuf>,
    /// The socket of the connection that all of a run's services share.
    shared: Option<TempDir>,
    failure: Arc<Mutex<Option<TransportError>>>,
}

impl Ssh {
    pub fn new(address: SshAddress, access: &Access) -> Self {
        Self {
            address,
            key: access.ssh_key.clone(),
            shell_command: access.ssh_command.clone(),
            home: access.home.clone(),
            shared: tempfile::Builder::new().prefix("pinrail-").tempdir().ok(),
            failure: Arc::default(),
        }
    }

    fn command(&self, service: &str) -> Command {
        let mut ssh = match &self.shell_command {
            None => command("ssh"),
            // As git runs GIT_SSH_COMMAND: by the shell, our arguments after its own.
            Some(line) => {
                let mut shell = command("sh");
                shell.args(["-c", &format!("{line} \"$@\""), "ssh"]);
                shell
            }
        };
        if self.is_openssh() {
            ssh.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]).args(self.sharing());
        }
        if let Some(key) = &self.key {
            ssh.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(home) = self.home.as_deref().filter(|_| self.shell_command.is_none()) {
            ssh.args(of_other_home(home));
        }
        if let Some(port) = self.address.port {
            ssh.args(["-p", &port.to_string()]);
        }
        let host = &self.address.host;
        let destination = self
            .address
            .user
            .as_ref()
            .map_or_else(|| host.clone(), |user| format!("{user}@{host}"));
        ssh.args(["--", &destination, &format!("{service} {}", quoted(&self.address.path))]);
        ssh
    }
}

impl Ssh {
    /// Whether OpenSSH's own options are understood: the program is called `ssh`.
    fn is_openssh(&self) -> bool {
        let program = self
            .shell_command
            .as_deref()
            .map_or("ssh", |line| line.split_whitespace().next().unwrap_or_default());
        Path::new(program).file_name().is_some_and(|name| name == "ssh")
    }

    /// One connection for all services of a run: its set-up costs more than all the rest.
    fn sharing(&self) -> Vec<String> {
        // A socket's path has little room, and OpenSSH needs some of it.
        const ROOM: usize = 80;
        let socket =
            self.shared.as_ref().map(|folder| folder.path().join("ssh").display().to_string());
        let Some(socket) =
            socket.filter(|socket| socket.len() < ROOM && !socket.contains(['%', ' ']))
        else {
            return Vec::new();
        };
        [
            "ControlMaster=auto".to_owned(),
            format!("ControlPath={socket}"),
            "ControlPersist=20".to_owned(),
        ]
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
    }
}

impl Drop for Ssh {
    /// Ends the shared connection, which would otherwise stay for a while.
    fn drop(&mut self) {
        let socket = self
            .shared
            .as_ref()
            .map(|folder| folder.path().join("ssh"))
            .filter(|socket| socket.exists());
        if let Some(socket) = socket {
            let mut ssh = command("ssh");
            ssh.arg("-o").arg(format!("ControlPath={}", socket.display())).args([
                "-O",
                "exit",
                "--",
                &self.address.host,
            ]);
            let _ = ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// OpenSSH reads the home of the user's account and never `$HOME`, which containers and
/// CI set to somewhere else; files under that one count as well.
fn of_other_home(home: &Path) -> Vec<String> {
    let own = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    let folder = home.join(".ssh");
    if own.is_none_or(|own| own.dir == home) || !folder.is_dir() {
        return Vec::new();
    }
    let mut arguments = Vec::new();
    let config = folder.join("config");
    if config.is_file() {
        arguments.extend(["-F".to_owned(), config.display().to_string()]);
    }
    let known = folder.join("known_hosts");
    if known.is_file() {
        arguments.extend([
            "-o".to_owned(),
            format!("UserKnownHostsFile=\"{}\" ~/.ssh/known_hosts", known.display()),
        ]);
    }
    for name in ["id_ed25519", "id_ecdsa", "id_rsa"] {
        let key = folder.join(name);
        if key.is_file() {
            arguments.extend(["-i".to_owned(), key.display().to_string()]);
        }
    }
    arguments
}

/// A path as one word of the server's shell.
fn quoted(path: &str) -> String {
    // `~/` is for the server's shell to expand.
    let (home, rest) = match path.split_once('/') {
        Some((home, rest))
            if home.starts_with('~') && home[1..].chars().all(char::is_alphanumeric) =>
        {
            (format!("{home}/"), rest)
        }
        _ => (String::new(), path),
    };
    format!("{home}'{}'", rest.replace('\'', "'\\''"))
}

impl Channel for Ssh {
    fn is_stateless(&self) -> bool {
        false
    }

    fn open(
        &self,
        service: Service,
        until: Instant,
    ) -> Result<Box<dyn SmartSubtransportStream>, TransportError> {
        let service = match service {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let mut ssh = self.command(service);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh
            .spawn()
            .map_err(|error| TransportError::Local(format!("cannot run ssh: {error}")))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(TransportError::Local("cannot talk to ssh".to_owned()));
        };
        Ok(Box::new(Session {
            input: Some(input),
            output,
            broken: false,
            words: Words::listen(errors),
            until,
            failure: Arc::clone(&self.failure),
            child: Some(Guarded::new(child, until)),
        }))
    }

    fn failure(&self) -> Option<TransportError> {
        self.failure.lock().ok().and_then(|mut slot| slot.take())
    }
}

/// One run of a service on the server; ends with the stream.
struct Session {
    input: Option<ChildStdin>,
    output: ChildStdout,
    broken: bool,
    words: Words,
    until: Instant,
    failure: Arc<Mutex<Option<TransportError>>>,
    child: Option<Guarded>,
}

impl Session {
    /// Why the other end is silent: the deadline, or what ssh or the service said of it.
    fn broken(&mut self) -> io::Error {
        self.broken = true;
        let words = self.words.take();
        let error = if Instant::now() >= self.until {
            TransportError::Timeout("ssh was stopped at the deadline".to_owned())
        } else if words.is_empty() {
            TransportError::Unreachable("the connection ended".to_owned())
        } else {
            TransportError::Unreachable(words.lines().map(str::trim).collect::<Vec<_>>().join("; "))
        };
        let message = error.to_string();
        if let Ok(mut slot) = self.failure.lock() {
            *slot = Some(error);
        }
        io::Error::other(message)
    }
}

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.output.read(buffer) {
            // The protocol ends with a flush, so an end of the stream is always too early.
            Ok(0) | Err(_) if !buffer.is_empty() => Err(self.broken()),
            other => other,
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.input.as_mut().map(|input| input.write(bytes));
        written.and_then(Result::ok).ok_or_else(|| self.broken())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.input.as_mut().map(Write::flush);
        flushed.and_then(Result::ok).ok_or_else(|| self.broken())
    }
}

impl Drop for Session {
    /// Lets the service end by itself: its last hooks run after the answer that we read, and
    /// the connection that it may have opened for all is not to be ended with it.
    fn drop(&mut self) {
        drop(self.input.take());
        if !self.broken {
            let _ = io::copy(&mut self.output, &mut io::sink());
            let _ = self.child.take().map(Guarded::finish);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_the_servers_shell() {
        assert_eq!(quoted("/srv/a b.git"), "'/srv/a b.git'");
        assert_eq!(quoted("/srv/it's; rm -rf /"), "'/srv/it'\\''s; rm -rf /'");
        assert_eq!(quoted("~/a.git"), "~/'a.git'");
        assert_eq!(quoted("~git/a.git"), "~git/'a.git'");
        assert_eq!(quoted("~$(x)/a.git"), "'~$(x)/a.git'");
    }
}
