//! What carries git's protocol: HTTP or SSH.

use std::time::Instant;

use git2::transport::{Service, SmartSubtransportStream};

use super::TransportError;

/// Bytes to and from git's services on a server.
pub trait Channel: Send + Sync {
    /// Whether each request is answered on its own, as over HTTP.
    fn is_stateless(&self) -> bool;
    /// Opens a service. What is written goes to it, what is read comes from it.
    fn open(
        &self,
        service: Service,
        until: Instant,
    ) -> Result<Box<dyn SmartSubtransportStream>, TransportError>;
    /// The error behind a read or write of a stream that failed, if there was one.
    fn failure(&self) -> Option<TransportError>;
}
