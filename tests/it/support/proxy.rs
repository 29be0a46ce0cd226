//! A proxy as companies have them, which brings every request to one server of the test,
//! whatever host it was meant for.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy in front of the server on this port; it serves until the test's process ends.
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("the listener's address");
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let log = Arc::clone(&shared);
                // Clients come and go; what that means for them is for the test to look at.
                thread::spawn(move || drop(serve(&client, port, &log)));
            }
        });
        Proxy { address, log }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first line of every request, such as `CONNECT git.example.com:443 HTTP/1.1`.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }
}

fn serve(client: &TcpStream, port: u16, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    loop {
        let Some((line, headers)) = read_head(&mut reader)? else { return Ok(()) };
        log.lock().expect("the log").push(line.clone());
        let server = TcpStream::connect(("127.0.0.1", port))?;
        if line.starts_with("CONNECT ") {
            { client }.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            return tunnel(client, &server);
        }
        // One request for each connection to the server, so that its end is the answer's end.
        let mut request = format!("{}\r\nConnection: close\r\n", without_host(&line));
        for header in &headers {
            request += &format!("{header}\r\n");
        }
        request += "\r\n";
        let mut bytes = request.into_bytes();
        io::copy(&mut (&mut reader).take(length(&headers)), &mut bytes)?;
        (&server).write_all(&bytes)?;
        io::copy(&mut &server, &mut { client })?;
    }
}

/// A request's first line, and its headers; `None` at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<String>)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" if lines.is_empty() => {}
            "" => {
                let first = lines.remove(0);
                return Ok(Some((first, lines)));
            }
            line => lines.push(line.to_owned()),
        }
    }
}

/// `GET http://host/path HTTP/1.1` as the server itself wants to hear it.
fn without_host(line: &str) -> String {
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let path = rest.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    format!("{method} {}", path.unwrap_or(rest))
}

fn length(headers: &[String]) -> u64 {
    let length = headers.iter().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.unwrap_or(0)
}

fn tunnel(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut { client }, &mut { server });
            let _ = server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut { server }, &mut { client });
        client.shutdown(Shutdown::Both)
    })
}
