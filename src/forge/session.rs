//! Calls to a forge: which are made again, and what becomes of a write without an answer.
//!
//! A write that was certainly not done is repeated; one whose outcome is unknown is looked up
//! first.

use std::time::Duration;

use super::ForgeError;
use crate::session::{Again, Failure, Session};

impl Failure for ForgeError {
    fn timeout(words: &str) -> Self {
        Self::Timeout(words.to_owned())
    }

    fn again(&self) -> Again {
        match self {
            Self::Unreachable(_) => Again::Soon,
            Self::RateLimited { wait, .. } => Again::After(*wait),
            _ => Again::Never,
        }
    }
}

impl Session {
    /// Writes once. `look` finds out whether a write without an answer was done after all.
    ///
    /// # Errors
    /// The forge's own, [`ForgeError::Unknown`] where nobody can tell what was done, or
    /// that time was up.
    pub fn write<T>(
        &self,
        mut send: impl AsyncFnMut() -> Result<T, ForgeError>,
        mut look: impl AsyncFnMut() -> Result<Option<T>, ForgeError>,
    ) -> Result<T, ForgeError> {
        let mut tries = 0;
        loop {
            let error = match self.once(send()) {
                Err(error) => error,
                done => return done,
            };
            if matches!(error, ForgeError::Unreachable(_) | ForgeError::Timeout(_)) {
                let found = self.read(&mut look).map_err(|then| {
                    ForgeError::Unknown(format!("{error}; and looking what came of it: {then}"))
                })?;
                if let Some(done) = found {
                    return Ok(done);
                }
            }
            self.pause_for(error, &mut tries)?;
        }
    }

    /// Waits a moment, for something that the forge works out by itself.
    ///
    /// # Errors
    /// No time left.
    pub fn wait(&self, pause: Duration, what: &str) -> Result<(), ForgeError> {
        if pause >= self.left() {
            return Err(ForgeError::Timeout(format!("time was up, waiting for {what}")));
        }
        std::thread::sleep(pause);
        Ok(())
    }
}
