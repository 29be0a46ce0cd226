//! As much of HTTP/1.1 as git's clients speak.

use std::io::{self, BufRead, Error, ErrorKind, Read, Write};

const LONGEST_HEAD: u64 = 1 << 16;
const LARGEST_BODY: u64 = 1 << 28;

pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn keeps_alive(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The next request of a connection; none at its end.
    pub fn read(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Option<Request>> {
        let lines = head(from)?;
        let Some((first, rest)) = lines.split_first() else {
            return Ok(None);
        };
        let [method, target, "HTTP/1.1"] = first.split(' ').collect::<Vec<_>>()[..] else {
            return Err(invalid("request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: rest.iter().filter_map(|line| field(line)).collect(),
            body: Vec::new(),
        };
        if request.header("expect").is_some() {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = body(from, &request)?;
        Ok(Some(request))
    }
}

/// The lines up to the empty one.
pub fn head(from: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut from = from.take(LONGEST_HEAD);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 && !lines.is_empty() {
            return Err(invalid("head"));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}

pub fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

fn body(from: &mut impl BufRead, request: &Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            from.take(LONGEST_HEAD).read_line(&mut line)?;
            let size = line.trim_end().split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(|_| invalid("chunk"))?;
            if size == 0 {
                head(from)?;
                return Ok(body);
            }
            exactly(from, size, &mut body)?;
            let mut end = [0; 2];
            from.read_exact(&mut end)?;
        }
    }
    if let Some(size) = request.header("content-length") {
        let size = size.parse().map_err(|_| invalid("content length"))?;
        exactly(from, size, &mut body)?;
    }
    Ok(body)
}

fn exactly(from: &mut impl BufRead, size: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if size > LARGEST_BODY || body.len() as u64 > LARGEST_BODY {
        return Err(invalid("size"));
    }
    if from.take(size).read_to_end(body)? as u64 == size { Ok(()) } else { Err(invalid("body")) }
}

/// Writes `rest` as a chunked body, as it comes.
pub fn stream(rest: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    loop {
        let piece = rest.fill_buf()?;
        let length = piece.len();
        let mut chunk = format!("{length:x}\r\n").into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        to.write_all(&chunk)?;
        if length == 0 {
            return Ok(());
        }
        rest.consume(length);
    }
}

pub fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("invalid {what}"))
}
