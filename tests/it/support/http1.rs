//! HTTP/1.1 messages, as far as a Git client and `git http-backend` need them.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

/// What a request is answered with; after anything but the whole, the connection is closed.
pub enum Answer {
    Whole(Reply),
    Half(Reply),
    /// Whatever this says, be it HTTP or not.
    Stream(Speech),
    Nothing,
}

pub type Speech = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// One connection, until either side has enough.
pub fn converse(stream: &TcpStream, answer: impl Fn(&Message) -> Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(message) = Message::read(&mut reader, stream)? {
        let mut bytes = Vec::new();
        match answer(&message) {
            Answer::Whole(reply) => {
                bytes.extend(reply.head());
                bytes.extend(&reply.body);
            }
            Answer::Half(reply) => {
                bytes.extend(reply.head());
                bytes.extend(&reply.body[..reply.body.len() / 2]);
                return { stream }.write_all(&bytes);
            }
            Answer::Stream(speak) => return speak(&mut { stream }),
            Answer::Nothing => return Ok(()),
        }
        { stream }.write_all(&bytes)?;
        if message.header("connection") == Some("close") {
            break;
        }
    }
    Ok(())
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

/// A request with what only the bridge needs to know; the body without its transfer encoding.
pub struct Message {
    pub request: Request,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
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

    pub fn header(&self, name: &str) -> Option<&str> {
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

pub struct Reply {
    status: u16,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(status: u16, body: &str) -> Reply {
        let mut headers = vec!["Content-Type: text/plain".to_owned()];
        if status == 401 {
            headers.push("WWW-Authenticate: Basic realm=\"git\"".to_owned());
        }
        Reply { status, headers, body: body.as_bytes().to_vec() }
    }

    pub fn from_cgi(output: &[u8]) -> Reply {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = output.windows(END.len()).position(|bytes| bytes == END) else {
            return Reply::text(500, "git http-backend gave no answer\n");
        };
        let mut reply =
            Reply { status: 200, headers: Vec::new(), body: output[end + END.len()..].to_vec() };
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

pub fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            (0..3).fold(0, |bits, at| bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            encoded.push(match digit <= chunk.len() {
                true => char::from(DIGITS[bits >> (18 - 6 * digit) & 63]),
                false => '=',
            });
        }
    }
    encoded
}
