//! The real OpenSSH server, for one user with one key, and an agent that holds that key.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::git::{checked, hermetic};

// sshd runs itself again for each connection, and for that wants to be called by its full path.
const SSHD: &str = "/usr/sbin/sshd";

pub struct Sshd {
    server: Child,
    dir: PathBuf,
    user: String,
    port: u16,
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Starts the server; its keys, its configuration and `home` are put into `dir`.
    pub fn start(dir: &Path) -> Sshd {
        Sshd::configured(dir, "AcceptEnv GIT_PROTOCOL\n")
    }

    /// The same with these lines in its configuration, and without leave for variables.
    pub fn configured(dir: &Path, lines: &str) -> Sshd {
        assert!(Path::new(SSHD).exists(), "sshd is missing: run tests/run, which installs it");
        let user = checked(hermetic("id").arg("-un"));
        if user == "root" {
            // Where sshd started by root locks up its unprivileged half.
            std::fs::create_dir_all("/run/sshd").expect("create /run/sshd");
        }
        let dir = dir.canonicalize().expect("the directory exists");
        let ssh = dir.join("home/.ssh");
        std::fs::create_dir_all(&ssh).expect("create the client's home");
        generate_key(&dir.join("host_key"));
        generate_key(&dir.join("wrong_host_key"));
        generate_key(&ssh.join("id_ed25519"));
        std::fs::copy(ssh.join("id_ed25519.pub"), dir.join("authorized_keys"))
            .expect("authorise the client's key");

        let (server, port, log) = listen(&dir, lines);
        let sshd = Sshd { server, dir, user, port, log };
        sshd.introduce("host_key", &sshd.known_hosts());
        sshd.introduce("wrong_host_key", &sshd.wrong_known_hosts());
        sshd
    }

    pub fn url(&self, repo: &Path) -> String {
        assert!(repo.is_absolute(), "{} is not absolute", repo.display());
        let Sshd { user, port, .. } = self;
        format!("ssh://{user}@127.0.0.1:{port}{}", repo.display())
    }

    /// A directory to be `$HOME` for a client, with the key and the server's host key in `.ssh`.
    /// OpenSSH's own `ssh` is not such a client: it takes the home directory from the passwd
    /// database.
    pub fn home(&self) -> PathBuf {
        self.dir.join("home")
    }

    pub fn client_key(&self) -> PathBuf {
        self.home().join(".ssh/id_ed25519")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.home().join(".ssh/known_hosts")
    }

    /// Names this server's address with another server's key.
    pub fn wrong_known_hosts(&self) -> PathBuf {
        self.dir.join("wrong_known_hosts")
    }

    /// A value for `GIT_SSH_COMMAND` that logs in with the client's key.
    pub fn ssh_command(&self) -> String {
        self.ssh_command_trusting(&self.known_hosts())
    }

    pub fn ssh_command_trusting(&self, known_hosts: &Path) -> String {
        format!(
            "{} -o IdentitiesOnly=yes -o IdentityAgent=none -i '{}'",
            ssh(known_hosts),
            self.client_key().display()
        )
    }

    /// A value for `GIT_SSH_COMMAND` that has no key but the ones in the agent.
    pub fn ssh_command_with_agent(&self) -> String {
        format!("{} -o IdentityFile=none", ssh(&self.known_hosts()))
    }

    /// An agent of its own, which holds the client's key.
    pub fn agent(&self) -> Agent {
        Agent::start(&self.client_key())
    }

    /// What the server has said so far, for a message about a failed test.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    fn introduce(&self, key: &str, known_hosts: &Path) {
        let public = std::fs::read_to_string(self.dir.join(key).with_extension("pub"))
            .expect("read the host's public key");
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        std::fs::write(known_hosts, line).expect("write known_hosts");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

pub struct Agent {
    process: Child,
    // A directory of its own, as the path of a socket may have no more than some 100 bytes.
    dir: tempfile::TempDir,
}

impl Agent {
    pub fn start(key: &Path) -> Agent {
        let dir = tempfile::tempdir().expect("create a directory for the agent");
        let process = hermetic("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(dir.path().join("agent"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("start ssh-agent");
        let mut agent = Agent { process, dir };
        // It prints the socket's path once it listens there.
        let stdout = agent.process.stdout.as_mut().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("read from ssh-agent");
        assert!(line.contains("SSH_AUTH_SOCK"), "ssh-agent said {line:?}");
        checked(hermetic("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", agent.socket()));
        agent
    }

    /// The value for `SSH_AUTH_SOCK`.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Starts sshd on a free port and waits until it listens.
fn listen(dir: &Path, lines: &str) -> (Child, u16, Arc<Mutex<String>>) {
    let mut said = String::new();
    // sshd cannot choose a port itself, and the one found free may be gone when it gets there.
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("find a free port")
            .port();
        let config = configure(dir, port, lines);
        let mut server =
            sshd(&config).args(["-D", "-e"]).stderr(Stdio::piped()).spawn().expect("start sshd");
        let mut stderr = BufReader::new(server.stderr.take().expect("its stderr is a pipe"));
        said.clear();
        while stderr.read_line(&mut said).expect("read from sshd") > 0 {
            if said.contains("Server listening on") {
                let log = Arc::new(Mutex::new(said));
                keep_reading(stderr, Arc::clone(&log));
                return (server, port, log);
            }
        }
        end(&mut server);
    }
    panic!("sshd does not start: {said}");
}

fn configure(dir: &Path, port: u16, lines: &str) -> PathBuf {
    let path = dir.join("sshd_config");
    let at = dir.display();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\n\
         HostKey {at}/host_key\n\
         AuthorizedKeysFile {at}/authorized_keys\n\
         StrictModes no\n\
         UsePAM no\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n\
         PermitUserRC no\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         PidFile none\n\
         MaxStartups 200:30:400\n\
         MaxSessions 200\n\
         SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null\n\
         {lines}"
    );
    // From 9.8 on, sshd shuts out an address that often fails to log in, and here all clients
    // have the same one. Before, it did not know the word.
    std::fs::write(&path, format!("{config}PerSourcePenalties no\n")).expect("write sshd_config");
    let known = sshd(&path).arg("-t").output().expect("start sshd");
    if !known.status.success() {
        std::fs::write(&path, config).expect("write sshd_config");
    }
    path
}

fn sshd(config: &Path) -> Command {
    let mut command = hermetic(SSHD);
    command.arg("-f").arg(config);
    command
}

/// Reads on, as a full pipe would stop the server. The sessions write to it as well and may
/// outlive the server, so that nobody waits for the end.
fn keep_reading(stderr: BufReader<ChildStderr>, log: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let mut log = log.lock().expect("the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// `ssh` without the machine's and the user's configuration.
fn ssh(known_hosts: &Path) -> String {
    format!(
        "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes \
         -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile='{}'",
        known_hosts.display()
    )
}

fn generate_key(path: &Path) {
    checked(
        hermetic("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "pinrail-test", "-f"])
            .arg(path),
    );
}

fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    process.wait().expect("wait for the process");
}
