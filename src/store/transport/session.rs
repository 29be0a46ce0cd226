//! One run of a git service, on this machine or at the other end of an `ssh`.

use std::io::{self, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::TransportError;
use super::wire::{self, Packet};
use crate::child::{Guarded, Words};
use crate::store::traffic::Meter;

/// Where the error behind a read or write that failed is left.
pub type Failure = Arc<Mutex<Option<TransportError>>>;

/// How many lines a service may say of its references.
const MOST_REFERENCES: usize = 5_000_000;

/// A service that runs; ends with the value.
pub struct Session {
    input: Option<ChildStdin>,
    output: ChildStdout,
    broken: bool,
    asked: bool,
    words: Words,
    until: Instant,
    failure: Failure,
    meter: Meter,
    child: Option<Guarded>,
}

impl Session {
    /// Starts a program that is, or leads to, a git service.
    ///
    /// # Errors
    /// A program that cannot be started.
    pub fn start(
        mut program: Command,
        until: Instant,
        failure: &Failure,
        meter: &Meter,
    ) -> io::Result<Self> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("it cannot be talked to"));
        };
        Ok(Self {
            input: Some(input),
            output,
            broken: false,
            asked: false,
            words: Words::listen(errors),
            until,
            failure: Arc::clone(failure),
            meter: meter.clone(),
            child: Some(Guarded::new(child, until)),
        })
    }

    /// Whether the service is gone, or is not to be trusted to be where we think.
    pub fn is_broken(&self) -> bool {
        self.broken || Instant::now() >= self.until
    }

    /// Whether something was said to it.
    pub fn was_asked(&self) -> bool {
        self.asked
    }

    /// Says all of it.
    ///
    /// # Errors
    /// A service that does not listen any more.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.asked = true;
        self.write_all(bytes).and_then(|()| self.flush())
    }

    /// Reads past what receive-pack says of the references when it starts.
    ///
    /// # Errors
    /// A service that ends, or says something else.
    pub fn skip_references(&mut self) -> io::Result<()> {
        for _ in 0..MOST_REFERENCES {
            match wire::read_packet(self)? {
                Packet::Line(line) if line.starts_with(b"ERR ") => {
                    return Err(io::Error::other(wire::shown(&line[4..])));
                }
                Packet::Line(_) => {}
                _ => return Ok(()),
            }
        }
        Err(io::Error::other("the server has no end of references"))
    }

    /// Takes leave of a service that waits for a question.
    pub fn end(mut self) {
        let _ = self.say(b"0000");
    }

    /// Stops a service that nothing was asked of.
    pub fn abandon(mut self) {
        self.broken = true;
    }

    /// Why the other end is silent: the deadline, or what was said of it.
    fn broken(&mut self) -> io::Error {
        self.broken = true;
        let words = self.words.take();
        let error = if Instant::now() >= self.until {
            TransportError::Timeout("git's service was stopped at the deadline".to_owned())
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
            Ok(length) => {
                self.meter.received(length);
                Ok(length)
            }
            Err(error) => Err(error),
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.input.as_mut().map(|input| input.write(bytes));
        let length = written.and_then(Result::ok).ok_or_else(|| self.broken())?;
        self.meter.sent(length);
        Ok(length)
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
