//! A server that answers git's questions, whatever carries them.

use std::io::Read;
use std::time::Instant;

use super::upload::Capabilities;
use crate::store::transport::TransportError;
use crate::store::transport::channel::Channel;

/// What is read of an answer.
pub type Answer<'a> = Box<dyn Read + 'a>;

/// Carries questions to git's services, and answers back.
pub trait Server {
    /// Whether it says what it can do before it is asked anything; otherwise that is one
    /// more request, saved by taking the usual for granted.
    fn greets(&self) -> bool;

    /// What upload-pack can do; none where it does not speak the second version of its
    /// protocol.
    fn capabilities(&self, until: Instant) -> Result<Option<Capabilities>, TransportError>;

    /// Makes sure that the next answer tells references as they are: a service that runs on
    /// remembers those that it told before.
    fn look_anew(&self) {}

    /// Asks upload-pack, in the second version of its protocol.
    fn ask(&self, question: Vec<u8>, until: Instant) -> Result<Answer<'_>, TransportError>;

    /// Makes receive-pack ready for the push that comes next, where that takes time.
    fn expect_push(&self, until: Instant) {
        let _ = until;
    }

    /// Asks receive-pack for its branches, as before a push, and pushes nothing.
    fn may_push(&self, until: Instant) -> Result<(), TransportError>;

    /// Sends to receive-pack.
    fn send(&self, push: Vec<u8>, until: Instant) -> Result<Answer<'_>, TransportError>;

    /// The error behind a read of an answer that failed, if there was one.
    fn failure(&self) -> Option<TransportError>;

    /// The same server, for libgit2.
    fn channel(&self) -> Box<dyn Channel>;
}
