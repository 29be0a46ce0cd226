//! The answer to one request, and what a server says in place of one.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::CONTENT_TYPE;

use super::Shared;
use crate::store::transport::TransportError;

/// The part of a server's error text that is worth showing, in bytes.
const SHOWN: u64 = 500;
/// How much of an answer that nobody reads is read for the connection's sake, in bytes.
const REST: u64 = 1 << 20;

/// One request and its answer: sent when the first byte of the answer is asked for.
pub(super) struct Answer {
    shared: Arc<Shared>,
    service: &'static str,
    until: Instant,
    request: Vec<u8>,
    response: Option<Response>,
    broken: bool,
}

impl Answer {
    /// A request that is yet to be sent.
    pub fn to(shared: &Arc<Shared>, service: &'static str, until: Instant) -> Self {
        let (shared, request) = (Arc::clone(shared), Vec::new());
        Self { shared, service, until, request, response: None, broken: false }
    }

    /// An answer that has begun.
    pub fn begun(
        shared: &Arc<Shared>,
        service: &'static str,
        answer: Response,
        until: Instant,
    ) -> Self {
        let mut begun = Self::to(shared, service, until);
        begun.response = Some(answer);
        begun
    }

    fn fail(&mut self, error: TransportError) -> io::Error {
        self.broken = true;
        let message = error.to_string();
        if let Ok(mut slot) = self.shared.failure.lock() {
            *slot = Some(error);
        }
        io::Error::other(message)
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.response.is_none() {
            let body = std::mem::take(&mut self.request);
            match self.shared.post(self.service, body, false, self.until) {
                Ok(answer) => self.response = Some(answer),
                Err(error) => return Err(self.fail(error)),
            }
        }
        let read = self.response.as_mut().map_or(Ok(0), |answer| answer.read(buffer));
        self.shared.meter.received(*read.as_ref().unwrap_or(&0));
        read.map_err(|error| {
            self.fail(if Instant::now() >= self.until {
                TransportError::Timeout("the answer stopped".to_owned())
            } else {
                TransportError::Unreachable(format!("the answer broke off: {error}"))
            })
        })
    }
}

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Answer {
    /// Reads the answer to its end: the server's last hooks run while it is sent, and the
    /// connection serves the next request. One without end costs the connection.
    fn drop(&mut self) {
        if let Some(answer) = self.response.as_mut().filter(|_| !self.broken) {
            let _ = io::copy(&mut answer.take(REST), &mut io::sink());
        }
    }
}

/// The status, and the server's text where it is one for people.
pub(super) fn shown(status: StatusCode, answer: Response) -> String {
    let is_text = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    let mut text = Vec::new();
    if is_text {
        let _ = answer.take(SHOWN).read_to_end(&mut text);
    }
    let text: String = String::from_utf8_lossy(&text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let status = format!("HTTP {status}");
    if text.trim().is_empty() { status } else { format!("{status}: {}", text.trim()) }
}
