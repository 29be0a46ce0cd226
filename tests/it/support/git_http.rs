//! A Git server over HTTP: a small HTTP/1.1 front for the real `git http-backend`.
//!
//! The front is where a test stands between client and repository: it sees every request, and can
//! spoil a push before or after the repository took it.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread::{self, JoinHandle};

use super::git;
use super::http1::{Answer, Message, Reply, Request, base64, converse};

/// What becomes of a request that was let in. "Applied" means that `git http-backend` has dealt
/// with it and ended before anything is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Pass,
    /// Not applied, answered so.
    Instead(u16, &'static str),
    /// Applied, then answered so.
    ApplyThen(u16, &'static str),
    /// Applied, then the connection is closed without an answer.
    ApplyThenClose,
    /// Not applied, the connection is closed without an answer.
    CloseBefore,
    /// Applied; the headers and half of the body are sent, then the connection is closed.
    CutAnswer,
    /// Not applied and never answered, until the server is dropped.
    Hang,
}

impl Request {
    pub fn is_push(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/git-receive-pack")
    }

    pub fn is_read(&self) -> bool {
        self.path.ends_with("/info/refs") || self.path.ends_with("/git-upload-pack")
    }

    /// Also true for the advertisement that a push begins with.
    fn wants_to_push(&self) -> bool {
        self.is_push() || self.query.contains("service=git-receive-pack")
    }
}

pub struct GitHttp {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<Panicked>>,
}

/// Whether a connection's thread panicked, most likely in a test's callback.
type Panicked = bool;
type Callback = Box<dyn FnMut(usize, &Request) -> Fault + Send>;
/// Answers in place of the repository, or gives the request on to it.
type Stand = Box<dyn Fn(&Message, &dyn Fn() -> Reply) -> Answer + Send + Sync>;

impl GitHttp {
    /// Serves every bare repository under `root` to anybody.
    pub fn serve(root: &Path) -> GitHttp {
        GitHttp::start(root, Access::Anybody)
    }

    pub fn with_basic_auth(root: &Path, user: &str, password: &str) -> GitHttp {
        GitHttp::start(root, Access::known(user, password, true))
    }

    /// Credentials that open the repositories for reading and are refused (403) for pushing.
    pub fn read_only_token(root: &Path, user: &str, password: &str) -> GitHttp {
        GitHttp::start(root, Access::known(user, password, false))
    }

    fn start(root: &Path, access: Access) -> GitHttp {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let shared = Arc::new(Shared {
            root: root.canonicalize().expect("the root directory exists"),
            backend: Path::new(&git::git(root, &["--exec-path"])).join("git-http-backend"),
            address: listener.local_addr().expect("the listener's address"),
            access,
            redirects: Mutex::default(),
            log: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_old: AtomicBool::new(false),
            pushes: Hook::default(),
            reads: Hook::default(),
            stand: OnceLock::new(),
            stopped: Mutex::default(),
            stopping: Condvar::new(),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared))
        };
        GitHttp { shared, acceptor: Some(acceptor) }
    }

    pub fn url(&self, repo: &str) -> String {
        format!("http://{}/{repo}", self.shared.address)
    }

    /// Every request so far, in the order of arrival.
    pub fn log(&self) -> Vec<Request> {
        self.shared.log.lock().expect("the log").clone()
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Speaks no other version of the protocol than the first from here on.
    pub fn grow_old(&self) {
        self.shared.is_old.store(true, Ordering::SeqCst);
    }

    /// Asks `decide` before each `POST …/git-receive-pack` that was let in, one at a time, with
    /// a running number from 0. What follows the decision runs concurrently.
    pub fn on_push(&self, mut decide: impl FnMut(usize) -> Fault + Send + 'static) {
        self.shared.pushes.replace(Box::new(move |number, _| decide(number)));
    }

    /// The same for `POST …/git-upload-pack` and `GET …/info/refs`, including the advertisement
    /// that a push begins with.
    pub fn on_read(&self, decide: impl FnMut(usize, &Request) -> Fault + Send + 'static) {
        self.shared.reads.replace(Box::new(decide));
    }

    /// Has every request answered by `stand`, which can have it dealt with first.
    pub fn stand_in(
        &self,
        stand: impl Fn(&Message, &dyn Fn() -> Reply) -> Answer + Send + Sync + 'static,
    ) {
        assert!(self.shared.stand.set(Box::new(stand)).is_ok(), "there is one already");
    }

    /// Answers all that is asked of one repository with 301 to another; for example from
    /// `/old.git` to `/root.git`, or to another server's URL. Nobody is asked for credentials
    /// first.
    pub fn redirect_from(&self, prefix: &str, to: &str) {
        let to = match to.strip_prefix('/') {
            Some(repo) => self.url(repo),
            None => to.to_owned(),
        };
        let mut redirects = self.shared.redirects.lock().expect("the redirects");
        redirects.push((format!("{prefix}/"), to));
    }
}

impl Drop for GitHttp {
    /// Closes every connection and waits for the requests being dealt with, so that no
    /// `git http-backend` outlives the repositories' directory.
    fn drop(&mut self) {
        *self.shared.stopped.lock().expect("the stop flag") = true;
        self.shared.stopping.notify_all();
        // The acceptor looks at the flag when a connection wakes it up.
        drop(TcpStream::connect(self.shared.address));
        let acceptor = self.acceptor.take().expect("dropped once");
        let panicked = acceptor.join().unwrap_or(true);
        // A callback's failed assertion must not pass for one more network fault.
        assert!(
            !panicked || thread::panicking(),
            "a thread of the HTTP server panicked (see above)"
        );
    }
}

enum Access {
    Anybody,
    Known { user: String, authorization: String, may_push: bool },
}

impl Access {
    fn known(user: &str, password: &str, may_push: bool) -> Access {
        Access::Known {
            user: user.to_owned(),
            authorization: format!("Basic {}", base64(&format!("{user}:{password}"))),
            may_push,
        }
    }

    fn refusal(&self, request: &Request) -> Option<Reply> {
        match self {
            Access::Known { authorization, .. }
                if request.authorization.as_ref() != Some(authorization) =>
            {
                Some(Reply::text(401, "Who are you?\n"))
            }
            Access::Known { may_push: false, .. } if request.wants_to_push() => {
                Some(Reply::text(403, "This token is not allowed to push.\n"))
            }
            _ => None,
        }
    }
}

#[derive(Default)]
struct Hook(Mutex<(usize, Option<Callback>)>);

impl Hook {
    fn replace(&self, callback: Callback) {
        *self.0.lock().expect("the callback") = (0, Some(callback));
    }

    fn decide(&self, request: &Request) -> Fault {
        let mut hook = self.0.lock().expect("no callback panicked before");
        let (number, callback) = &mut *hook;
        let Some(callback) = callback else {
            return Fault::Pass;
        };
        *number += 1;
        callback(*number - 1, request)
    }
}

struct Shared {
    root: PathBuf,
    backend: PathBuf,
    address: SocketAddr,
    access: Access,
    redirects: Mutex<Vec<(String, String)>>,
    log: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    is_old: AtomicBool,
    pushes: Hook,
    reads: Hook,
    stand: OnceLock<Stand>,
    stopped: Mutex<bool>,
    stopping: Condvar,
}

impl Shared {
    fn answer(&self, message: &Message) -> Answer {
        let request = &message.request;
        self.log.lock().expect("the log").push(request.clone());
        if let Some(reply) = self.redirect(request) {
            return Answer::Whole(reply);
        }
        if let Some(reply) = self.access.refusal(request) {
            return Answer::Whole(reply);
        }
        if let Some(stand) = self.stand.get() {
            return stand(message, &|| self.forward(message));
        }
        let fault = if request.is_push() {
            self.pushes.decide(request)
        } else if request.is_read() {
            self.reads.decide(request)
        } else {
            Fault::Pass
        };
        match fault {
            Fault::Pass => Answer::Whole(self.forward(message)),
            Fault::Instead(status, body) => Answer::Whole(Reply::text(status, body)),
            Fault::ApplyThen(status, body) => {
                self.forward(message);
                Answer::Whole(Reply::text(status, body))
            }
            Fault::ApplyThenClose => {
                self.forward(message);
                Answer::Nothing
            }
            Fault::CloseBefore => Answer::Nothing,
            Fault::CutAnswer => Answer::Half(self.forward(message)),
            Fault::Hang => {
                let stopped = self.stopped.lock().expect("the stop flag");
                let waited = self.stopping.wait_while(stopped, |stopped| !*stopped);
                drop(waited.expect("the stop flag"));
                Answer::Nothing
            }
        }
    }

    fn redirect(&self, request: &Request) -> Option<Reply> {
        let redirects = self.redirects.lock().expect("the redirects");
        let (rest, to) = redirects
            .iter()
            .find_map(|(from, to)| Some((request.path.strip_prefix(from.as_str())?, to)))?;
        let query = Some(&request.query).filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut reply = Reply::text(301, "Moved.\n");
        reply.headers.push(format!("Location: {to}/{rest}{query}"));
        Some(reply)
    }

    /// Runs `git http-backend` to its end.
    fn forward(&self, message: &Message) -> Reply {
        let request = &message.request;
        let protocol = message.header("git-protocol").unwrap_or_default();
        let protocol = if self.is_old.load(Ordering::SeqCst) { "" } else { protocol };
        let mut command = git::hermetic(&self.backend);
        command
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", &request.path)
            .env("QUERY_STRING", &request.query)
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("CONTENT_LENGTH", message.body.len().to_string())
            // Which of the two is looked at depends on Git's version.
            .env("HTTP_GIT_PROTOCOL", protocol)
            .env("GIT_PROTOCOL", protocol);
        for (variable, header) in
            [("CONTENT_TYPE", "content-type"), ("HTTP_CONTENT_ENCODING", "content-encoding")]
        {
            if let Some(value) = message.header(header) {
                command.env(variable, value);
            }
        }
        if let Access::Known { user, .. } = &self.access {
            command.env("REMOTE_USER", user);
        }
        let mut backend = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start git http-backend");
        let mut stdin = backend.stdin.take().expect("its input is a pipe");
        let output = thread::scope(|scope| {
            // It may end without having read all: its answer tells why.
            scope.spawn(move || drop(stdin.write_all(&message.body)));
            backend.wait_with_output()
        });
        Reply::from_cgi(&output.expect("wait for git http-backend").stdout)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Panicked {
    let mut panicked = false;
    let mut connections: Vec<(Weak<TcpStream>, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if *shared.stopped.lock().expect("the stop flag") {
            break;
        }
        for (_, thread) in connections.extract_if(.., |(_, thread)| thread.is_finished()) {
            panicked |= thread.join().is_err();
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let stream = Arc::new(stream);
        let handle = Arc::downgrade(&stream);
        let shared = Arc::clone(shared);
        let thread = thread::spawn(move || {
            // Clients come and go; what that means for them is for the test to look at.
            let _ = converse(&stream, |message| shared.answer(message));
        });
        connections.push((handle, thread));
    }
    for (stream, thread) in connections {
        if let Some(stream) = stream.upgrade() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        panicked |= thread.join().is_err();
    }
    panicked
}
