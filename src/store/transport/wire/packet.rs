//! Packet lines: how git frames what it says.
//! <https://git-scm.com/docs/protocol-common#_pkt_line_format>

use std::io::{self, Read};

use gix_packetline::PacketLineRef;
use gix_packetline::decode::{PacketLineOrWantedSize, hex_prefix};

/// The longest line that there may be, without its length.
const LONGEST: usize = 65_516;

/// What stands between two lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Line(Vec<u8>),
    /// The end of a message.
    Flush,
    /// The end of a section.
    Delimiter,
    /// Nothing more is said.
    End,
}

/// Reads one packet.
///
/// # Errors
/// What is no packet, or one that is cut short.
pub fn read(from: &mut impl Read) -> io::Result<Packet> {
    let mut length = [0; 4];
    fill(from, &mut length)?;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "the server sent no packet line");
    match hex_prefix(&length).map_err(|_| invalid())? {
        PacketLineOrWantedSize::Line(PacketLineRef::Flush) => Ok(Packet::Flush),
        PacketLineOrWantedSize::Line(PacketLineRef::Delimiter) => Ok(Packet::Delimiter),
        PacketLineOrWantedSize::Line(PacketLineRef::ResponseEnd) => Ok(Packet::End),
        PacketLineOrWantedSize::Line(PacketLineRef::Data(_)) => Err(invalid()),
        PacketLineOrWantedSize::Wanted(size) => {
            let mut line = vec![0; usize::from(size)];
            fill(from, &mut line)?;
            Ok(Packet::Line(line))
        }
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        kind @ io::ErrorKind::UnexpectedEof => io::Error::new(kind, "it ends too early"),
        _ => error,
    })
}

/// A message on its way out.
#[derive(Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Adds a line; its end is added too.
    pub fn line(&mut self, text: &str) -> &mut Self {
        debug_assert!(text.len() < LONGEST);
        self.0.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
        self
    }

    pub fn delimiter(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0001");
        self
    }

    pub fn flush(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0000");
        self
    }

    /// Adds what is no line, such as a pack.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// A line without its end.
pub fn text(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Message::default();
        message.line("want it").delimiter().line("").flush().raw(b"0002");
        let bytes = message.take();
        let mut from = bytes.as_slice();
        let mut packets = Vec::new();
        while let Ok(packet) = read(&mut from) {
            packets.push(packet);
        }
        let line = |text: &[u8]| Packet::Line(text.to_vec());
        assert_eq!(
            packets,
            [line(b"want it\n"), Packet::Delimiter, line(b"\n"), Packet::Flush, Packet::End]
        );
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        for bytes in
            [&b""[..], b"00", b"000", b"0003", b"000g", b"<htm", b"0009ref", b"ffff", b"-001"]
        {
            assert!(read(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
    }
}
