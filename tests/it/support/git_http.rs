//! A Git server over HTTP: a small HTTP/1.1 front for the real `git http-backend`.
//!
//! The front is where a test stands between client and repository: it sees every request, and can
//! spoil a push before or after the repository took it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::{self, JoinHandle};

use super::git;

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

/// A request as it arrived, whatever was answered.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub had_authorization: bool,
    pub authorization: Option<String>,
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
            pushes: Hook::default(),
            reads: Hook::default(),
            stopped: Mutex::default(),
            stopping: Condvar::new(),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared))
        };
        GitHttp {
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub fn url(&self, repo: &str) -> String {
        format!("http://{}/{repo}", self.shared.address)
    }

    /// Every request so far, in the order of arrival.
    pub fn log(&self) -> Vec<Request> {
        self.shared.log.lock().expect("the log").clone()
    }

    /// Asks `decide` before each `POST …/git-receive-pack` that was let in, one at a time, with
    /// a running number from 0. What follows the decision runs concurrently.
    pub fn on_push(&self, mut decide: impl FnMut(usize) -> Fault + Send + 'static) {
        self.shared
            .pushes
            .replace(Box::new(move |number, _| decide(number)));
    }

    /// The same for `POST …/git-upload-pack` and `GET …/info/refs`, including the advertisement
    /// that a push begins with.
    pub fn on_read(&self, decide: impl FnMut(usize, &Request) -> Fault + Send + 'static) {
        self.shared.reads.replace(Box::new(decide));
    }

    /// Answers `GET <prefix>/info/refs` with 301 to `<to>/info/refs`; for example from `/old.git`
    /// to `/root.git`, or to another server's URL. Nobody is asked for credentials first.
    pub fn redirect_from(&self, prefix: &str, to: &str) {
        let to = match to.strip_prefix('/') {
            Some(repo) => self.url(repo),
            None => to.to_owned(),
        };
        let mut redirects = self.shared.redirects.lock().expect("the redirects");
        redirects.push((format!("{prefix}/info/refs"), format!("{to}/info/refs")));
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
    Known {
        user: String,
        authorization: String,
        may_push: bool,
    },
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
            Access::Known {
                may_push: false, ..
            } if request.wants_to_push() => {
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
    pushes: Hook,
    reads: Hook,
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
        let (_, to) = redirects.iter().find(|(from, _)| *from == request.path)?;
        let mut reply = Reply::text(301, "Moved.\n");
        reply
            .headers
            .push(format!("Location: {to}?{}", request.query));
        Some(reply)
    }

    /// Runs `git http-backend` to its end.
    fn forward(&self, message: &Message) -> Reply {
        let request = &message.request;
        let protocol = message.header("git-protocol").unwrap_or_default();
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
        for (variable, header) in [
            ("CONTENT_TYPE", "content-type"),
            ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ] {
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
        let stream = Arc::new(stream);
        let handle = Arc::downgrade(&stream);
        let shared = Arc::clone(shared);
        let thread = thread::spawn(move || {
            // Clients come and go; what that means for them is for the test to look at.
            let _ = converse(&stream, &shared);
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

/// One connection, until either side has enough.
fn converse(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(message) = Message::read(&mut reader, stream)? {
        let mut bytes = Vec::new();
        match shared.answer(&message) {
            Answer::Whole(reply) => {
                bytes.extend(reply.head());
                bytes.extend(&reply.body);
            }
            Answer::Half(reply) => {
                bytes.extend(reply.head());
                bytes.extend(&reply.body[..reply.body.len() / 2]);
                return { stream }.write_all(&bytes);
            }
            Answer::Nothing => return Ok(()),
        }
        { stream }.write_all(&bytes)?;
        if message.header("connection") == Some("close") {
            break;
        }
    }
    Ok(())
}

/// A request with what only the bridge needs to know; the body without its transfer encoding.
struct Message {
    request: Request,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    /// `None` when the client has closed the connection instead of asking for more.
    fn read(reader: &mut impl BufRead, mut stream: &TcpStream) -> io::Result<Option<Message>> {
        if reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let start = read_line(reader)?;
        let mut words = start.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other("this is not HTTP"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut message = Message {
            request: Request {
                method: method.to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                ..Request::default()
            },
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = read_line(reader)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let header = (name.to_ascii_lowercase(), value.trim().to_owned());
            message.headers.push(header);
        }
        message.request.authorization = message.header("authorization").map(str::to_owned);
        message.request.had_authorization = message.request.authorization.is_some();
        if message.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        message.body = message.read_body(reader)?;
        Ok(Some(message))
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding") != Some("chunked") {
            let length = self.header("content-length").unwrap_or("0");
            return read_exactly(reader, length.parse().map_err(io::Error::other)?);
        }
        let mut body = Vec::new();
        loop {
            let length = read_line(reader)?;
            let length = usize::from_str_radix(&length, 16).map_err(io::Error::other)?;
            body.extend(read_exactly(reader, length)?);
            read_line(reader)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

/// A line without its end. A client killed within its headers has not made a request.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n");
    Ok(line.ok_or(io::ErrorKind::UnexpectedEof)?.to_owned())
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

enum Answer {
    Whole(Reply),
    Half(Reply),
    Nothing,
}

struct Reply {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Reply {
    fn text(status: u16, body: &str) -> Reply {
        let mut headers = vec!["Content-Type: text/plain".to_owned()];
        if status == 401 {
            headers.push("WWW-Authenticate: Basic realm=\"git\"".to_owned());
        }
        Reply {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn from_cgi(output: &[u8]) -> Reply {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = output.windows(END.len()).position(|bytes| bytes == END) else {
            return Reply::text(500, "git http-backend gave no answer\n");
        };
        let mut reply = Reply {
            status: 200,
            headers: Vec::new(),
            body: output[end + END.len()..].to_vec(),
        };
        for line in String::from_utf8_lossy(&output[..end]).lines() {
            match line.strip_prefix("Status: ").and_then(|it| it.get(..3)) {
                Some(status) => reply.status = status.parse().expect("a status is a number"),
                None => reply.headers.push(line.to_owned()),
            }
        }
        reply
    }

    fn head(&self) -> Vec<u8> {
        // The reason phrase may be empty, and no client may look at it.
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        for header in &self.headers {
            head += header;
            head += "\r\n";
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        head.into_bytes()
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0))
        });
        for digit in 0..4 {
            encoded.push(match digit <= chunk.len() {
                true => char::from(DIGITS[bits >> (18 - 6 * digit) & 63]),
                false => '=',
            });
        }
    }
    encoded
}
