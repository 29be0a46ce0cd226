//! An HTTP/1.1 server with keep-alive in front of `git http-backend`.
//!
//! It also answers the one question that gitopscli asks a GitLab before it clones.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::http::{self, Request};
use crate::usage;

/// As nginx.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const PIECE: usize = 1 << 16;
/// What a pipe takes without anybody reading it.
const PIPE: usize = 1 << 16;

pub struct Server {
    root: String,
    backend: String,
    requests: AtomicU64,
    active: AtomicU64,
    /// How many more backends may run.
    workers: Mutex<usize>,
    free: Condvar,
}

impl Server {
    pub fn counters(&self) -> String {
        let (requests, active) = (self.requests.load(SeqCst), self.active.load(SeqCst));
        let cpu = usage::own().cpu_ms + usage::children().cpu_ms;
        format!(r#"{{"requests": {requests}, "active": {active}, "cpu_ms": {cpu:.3}}}"#)
    }
}

pub fn start(listener: TcpListener, root: &str, backend: &str, workers: usize) -> Arc<Server> {
    let server = Arc::new(Server {
        root: root.to_owned(),
        backend: backend.to_owned(),
        requests: AtomicU64::new(0),
        active: AtomicU64::new(0),
        workers: Mutex::new(workers),
        free: Condvar::new(),
    });
    let shared = Arc::clone(&server);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            // Clients come and go; an error is theirs to tell.
            thread::spawn(move || drop(converse(&stream, &shared)));
        }
    });
    server
}

fn converse(stream: &TcpStream, server: &Server) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(KEEP_ALIVE))?;
    stream.set_write_timeout(Some(KEEP_ALIVE))?;
    let (mut from, mut to) = (BufReader::with_capacity(PIECE, stream), stream);
    while let Some(request) = Request::read(&mut from, &mut to)? {
        server.requests.fetch_add(1, SeqCst);
        server.active.fetch_add(1, SeqCst);
        let answered = answer(&request, to, server);
        server.active.fetch_sub(1, SeqCst);
        answered?;
        if !request.keeps_alive() {
            break;
        }
    }
    Ok(())
}

fn answer(request: &Request, to: &TcpStream, server: &Server) -> io::Result<()> {
    if request.path.starts_with("/api/v4/projects/") {
        return project(request, to);
    }
    let mut workers = server.workers.lock().expect("no panics");
    while *workers == 0 {
        workers = server.free.wait(workers).expect("no panics");
    }
    *workers -= 1;
    drop(workers);
    let done = backend(request, to, server);
    *server.workers.lock().expect("no panics") += 1;
    server.free.notify_one();
    done
}

fn project(request: &Request, mut to: &TcpStream) -> io::Result<()> {
    // python-gitlab escapes dots as well.
    let name = request.path.rsplit("%2F").next().unwrap_or_default().replace("%2E", ".");
    let host = request.header("host").unwrap_or_default();
    let text = format!(r#"{{"id": 1, "http_url_to_repo": "http://{host}/{name}"}}"#);
    let length = text.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    to.write_all((head + &text).as_bytes())
}

fn backend(request: &Request, mut to: &TcpStream, server: &Server) -> io::Result<()> {
    let protocol = request.header("git-protocol").unwrap_or_default();
    let mut backend = Command::new(&server.backend)
        .env("GIT_PROJECT_ROOT", &server.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        // Which of the two is looked at depends on Git's version.
        .env("HTTP_GIT_PROTOCOL", protocol)
        .env("GIT_PROTOCOL", protocol)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = backend.stdin.take().expect("a pipe");
    let stdout = backend.stdout.take().expect("a pipe");
    let sent = thread::scope(|scope| {
        // One that ends without having read all says why in its answer.
        if request.body.len() <= PIPE {
            drop(stdin.write_all(&request.body));
            drop(stdin);
        } else {
            scope.spawn(move || drop(stdin.write_all(&request.body)));
        }
        let mut stdout = BufReader::with_capacity(PIECE, stdout);
        let mut status = "200 OK".to_owned();
        let mut head = String::new();
        for (name, value) in http::head(&mut stdout)?.iter().filter_map(|line| http::field(line)) {
            if name.eq_ignore_ascii_case("status") {
                status = value;
            } else {
                head += &format!("{name}: {value}\r\n");
            }
        }
        let head = format!("HTTP/1.1 {status}\r\n{head}Transfer-Encoding: chunked\r\n\r\n");
        to.write_all(head.as_bytes())?;
        http::stream(&mut stdout, &mut to)
    });
    backend.wait()?;
    sent
}
