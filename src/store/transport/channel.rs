//! What carries git's protocol to libgit2, which only reads: HTTP or SSH.

use std::time::Instant;

use git2::transport::SmartSubtransportStream;

use super::TransportError;

/// Bytes to and from upload-pack on a server.
pub trait Channel: Send + Sync {
    /// Whether each request is answered on its own, as over HTTP.
    fn is_stateless(&self) -> bool;
    /// Opens upload-pack: the first time for its branches. What is written goes to it, what
    /// is read comes from it.
    fn open(
        &self,
        first: bool,
        until: Instant,
    ) -> Result<Box<dyn SmartSubtransportStream>, TransportError>;
    /// The error behind a read or write of a stream that failed, if there was one.
    fn failure(&self) -> Option<TransportError>;
}
