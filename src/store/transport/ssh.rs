//! git's services over SSH, through the `ssh` program: the caller's configuration, agent,
//! keys, jump hosts and known hosts all count, and OpenSSH verifies the host's key.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use git2::transport::SmartSubtransportStream;
use tempfile::TempDir;

use super::TransportError;
use super::channel::Channel;
use super::session::{Failure, Session};
use super::wire::{self, Answer, Capabilities, Server, Unread};
use crate::child::command;
use crate::store::Access;
use crate::store::location::SshAddress;
use crate::store::traffic::Meter;

const UPLOAD_PACK: &str = "git-upload-pack";
const RECEIVE_PACK: &str = "git-receive-pack";

#[derive(Clone)]
pub struct Ssh(Arc<Shared>);

struct Shared {
    address: SshAddress,
    key: Option<PathBuf>,
    shell_command: Option<String>,
    home: Option<PathBuf>,
    /// The socket of the connection that all of a run's services share.
    socket: Option<TempDir>,
    /// Upload-pack, which answers one question after the other.
    reading: Slot,
    /// Receive-pack, started before it is needed: a connection costs more than all the rest.
    writing: Slot,
    failure: Failure,
    meter: Meter,
}

impl Ssh {
    pub fn new(address: SshAddress, access: &Access) -> Self {
        Self(Arc::new(Shared {
            address,
            key: access.ssh_key.clone(),
            shell_command: access.ssh_command.clone(),
            home: access.home.clone(),
            socket: tempfile::Builder::new().prefix("pinrail-").tempdir().ok(),
            reading: Slot::default(),
            writing: Slot::default(),
            failure: Failure::default(),
            meter: access.meter.clone(),
        }))
    }
}

impl Shared {
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
            ssh.args(["-o", "SendEnv=GIT_PROTOCOL"]);
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
            self.socket.as_ref().map(|folder| folder.path().join("ssh").display().to_string());
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

impl Drop for Shared {
    /// Ends the shared connection, which would otherwise stay for a while.
    fn drop(&mut self) {
        let taken = |slot: &mut Slot| slot.get_mut().map_or(None, Option::take);
        taken(&mut self.writing).into_iter().for_each(Session::abandon);
        taken(&mut self.reading).into_iter().for_each(Session::end);
        let socket = self
            .socket
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

/// The session of a service that is open, and waits for the next question.
type Slot = Mutex<Option<Session>>;

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Session>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ssh {
    fn start(&self, service: &str, until: Instant) -> Result<Session, TransportError> {
        let mut ssh = self.0.command(service);
        if service == UPLOAD_PACK {
            // Servers that let it through answer in the second version of the protocol.
            ssh.env("GIT_PROTOCOL", "version=2");
        }
        Session::start(ssh, until, &self.0.failure, &self.0.meter)
            .map_err(|error| TransportError::Local(format!("cannot run ssh: {error}")))
    }

    fn words(&self, unread: &Unread) -> TransportError {
        let failure = Server::failure(self);
        failure.unwrap_or_else(|| TransportError::Unreachable(unread.to_string()))
    }
}

impl Server for Ssh {
    fn greets(&self) -> bool {
        true
    }

    fn capabilities(&self, until: Instant) -> Result<Option<Capabilities>, TransportError> {
        self.0.meter.asked(0);
        let mut session = self.start(UPLOAD_PACK, until)?;
        let known = wire::capabilities(&mut session).map_err(|unread| self.words(&unread))?;
        if known.is_some() {
            *lock(&self.0.reading) = Some(session);
        } else {
            session.end();
        }
        Ok(known)
    }

    fn look_anew(&self) {
        let used = lock(&self.0.reading).take_if(|session| session.was_asked());
        used.into_iter().for_each(Session::end);
    }

    fn ask(&self, question: Vec<u8>, until: Instant) -> Result<Answer<'_>, TransportError> {
        let usable = lock(&self.0.reading).as_ref().is_some_and(|session| !session.is_broken());
        if !usable {
            self.capabilities(until)?;
        }
        let mut slot = lock(&self.0.reading);
        let session = slot.as_mut().ok_or_else(|| {
            TransportError::Protocol("the server changed the version of its protocol".to_owned())
        })?;
        session.say(&question).map_err(|error| {
            Server::failure(self).unwrap_or_else(|| TransportError::Unreachable(error.to_string()))
        })?;
        Ok(Box::new(Held(slot)))
    }

    fn expect_push(&self, until: Instant) {
        let mut slot = lock(&self.0.writing);
        if slot.is_none() {
            *slot = self.start(RECEIVE_PACK, until).ok();
        }
    }

    fn may_push(&self, until: Instant) -> Result<(), TransportError> {
        let waiting = lock(&self.0.writing).take();
        let mut session = waiting.map_or_else(|| self.start(RECEIVE_PACK, until), Ok)?;
        self.0.meter.asked(0);
        match session.skip_references() {
            Ok(()) => {
                session.end();
                Ok(())
            }
            // What reads and does not write says so by ending.
            Err(error) => Err(match Server::failure(self) {
                Some(late @ TransportError::Timeout(_)) => late,
                Some(other) => TransportError::Forbidden(other.to_string()),
                None => TransportError::Forbidden(error.to_string()),
            }),
        }
    }

    fn send(&self, push: Vec<u8>, until: Instant) -> Result<Answer<'_>, TransportError> {
        let waiting = lock(&self.0.writing).take();
        let mut session = waiting.map_or_else(|| self.start(RECEIVE_PACK, until), Ok)?;
        self.0.meter.asked(0);
        let sent = session.skip_references().and_then(|()| session.say(&push));
        sent.map_err(|error| {
            Server::failure(self).unwrap_or_else(|| TransportError::Unreachable(error.to_string()))
        })?;
        Ok(Box::new(session))
    }

    fn failure(&self) -> Option<TransportError> {
        self.0.failure.lock().ok().and_then(|mut slot| slot.take())
    }

    fn channel(&self) -> Box<dyn Channel> {
        Box::new(self.clone())
    }
}

/// The session that questions are asked in, held while its answer is read.
struct Held<'a>(MutexGuard<'a, Option<Session>>);

impl Read for Held<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |session| session.read(buffer))
    }
}

impl Channel for Ssh {
    fn is_stateless(&self) -> bool {
        false
    }

    fn open(
        &self,
        _: bool,
        until: Instant,
    ) -> Result<Box<dyn SmartSubtransportStream>, TransportError> {
        self.0.meter.asked(0);
        let upload_pack = self.0.command(UPLOAD_PACK);
        let session = Session::start(upload_pack, until, &self.0.failure, &self.0.meter);
        let failed = |error| TransportError::Local(format!("cannot run ssh: {error}"));
        Ok(Box::new(session.map_err(failed)?))
    }

    fn failure(&self) -> Option<TransportError> {
        Server::failure(self)
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
