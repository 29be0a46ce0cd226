//! What a server says of its branches when a service is opened.
//!
//! A server whose own history is cut says so in `shallow` lines, which libgit2 takes for an
//! error; they are left out here. Where the history is cut is asked for again, and answered
//! for good, by a fetch that names a depth.
//! <https://git-scm.com/docs/pack-protocol#_reference_discovery>

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::transport::SmartSubtransportStream;

/// A stream that begins with an advertisement, without its `shallow` lines.
pub struct Advertisement {
    stream: Box<dyn SmartSubtransportStream>,
    /// Set when a `shallow` line was there.
    is_cut: Arc<AtomicBool>,
    /// A packet line on its way to the reader, and how much of it has gone.
    line: Vec<u8>,
    gone: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Over HTTP the branches follow a line of their own and its flush packet.
    Start,
    Heading,
    Branches,
    Over,
}

const LENGTH: usize = 4;

impl Advertisement {
    pub fn new(stream: Box<dyn SmartSubtransportStream>, is_cut: Arc<AtomicBool>) -> Self {
        Self { stream, is_cut, line: Vec::new(), gone: 0, stage: Stage::Start }
    }

    /// Reads the next packet line that is not left out, or what there is of one.
    fn next(&mut self) -> io::Result<()> {
        loop {
            (self.line, self.gone) = (Vec::new(), 0);
            self.take(LENGTH)?;
            let digits = std::str::from_utf8(&self.line).ok();
            match digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()) {
                Some(0) if self.stage == Stage::Heading => self.stage = Stage::Branches,
                Some(length) if self.line.len() == LENGTH && length > LENGTH => {
                    self.take(length - LENGTH)?;
                    if self.line[LENGTH..].starts_with(b"shallow ") {
                        self.is_cut.store(true, Ordering::Relaxed);
                        continue;
                    }
                    let is_heading =
                        self.stage == Stage::Start && self.line[LENGTH..].starts_with(b"# ");
                    self.stage = if is_heading { Stage::Heading } else { self.stage.past_start() };
                }
                _ => self.stage = Stage::Over,
            }
            return Ok(());
        }
    }

    fn take(&mut self, length: usize) -> io::Result<()> {
        (&mut self.stream).take(length as u64).read_to_end(&mut self.line).map(drop)
    }
}

impl Stage {
    fn past_start(self) -> Self {
        if self == Self::Start { Self::Branches } else { self }
    }
}

impl Read for Advertisement {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.gone == self.line.len() && self.stage != Stage::Over {
            self.next()?;
        }
        if self.gone == self.line.len() {
            return self.stream.read(buffer);
        }
        let length = (&self.line[self.gone..]).read(buffer)?;
        self.gone += length;
        Ok(length)
    }
}

impl Write for Advertisement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn filtered(sent: &[u8]) -> (Vec<u8>, bool) {
        let is_cut = Arc::new(AtomicBool::new(false));
        let stream = Box::new(Cursor::new(sent.to_vec()));
        let mut read = Vec::new();
        Advertisement::new(stream, Arc::clone(&is_cut)).read_to_end(&mut read).expect("memory");
        (read, is_cut.load(Ordering::Relaxed))
    }

    #[test]
    fn shallow_lines_are_left_out_and_nothing_else() {
        let ssh = b"0009ref a000dshallow 10009ref b0000000cshallow PACK";
        assert_eq!(filtered(ssh), (b"0009ref a0009ref b0000000cshallow PACK".to_vec(), true));
        let http = b"0009# git0000000dshallow 10009ref a0000";
        assert_eq!(filtered(http), (b"0009# git00000009ref a0000".to_vec(), true));
    }

    #[test]
    fn what_is_no_advertisement_passes_as_it_is() {
        for sent in
            [&b"<html>"[..], b"", b"00", b"0009ref a", b"00ffshallow", b"0004", b"\xff\xff\xff\xff"]
        {
            assert_eq!(filtered(sent), (sent.to_vec(), false), "{sent:?}");
        }
    }
}
