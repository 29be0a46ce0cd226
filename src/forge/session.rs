//! One run's dealings with a forge: its client, its deadline, and when a call is repeated.
//!
//! A read is repeated. A write that was certainly not done is repeated; one whose outcome
//! is unknown is looked up first. Waiting for a rate limit is told and ends at the deadline.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};

use super::ForgeError;
use crate::trust;

/// Tries of a call that a forge does not answer.
const TRIES: u32 = 4;
/// A call that takes longer is lost; GitHub ends its own at 10 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// What GitHub asks for where it says nothing:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
const LIMIT_WITHOUT_A_WORD: Duration = Duration::from_secs(60);

/// Says what is waited for.
pub type Notice = Box<dyn Fn(&str)>;

/// One run's dealings with a forge.
pub struct Session {
    runtime: Runtime,
    client: reqwest::Client,
    deadline: Instant,
    notice: Notice,
}

impl Session {
    /// # Errors
    /// A CA file that cannot be used.
    pub fn new(
        ca_file: Option<&Path>,
        timeout: Duration,
        notice: Notice,
    ) -> Result<Self, ForgeError> {
        let mut builder = reqwest::Client::builder()
            // A redirected POST would become a GET that writes nothing and succeeds.
            .redirect(Policy::none())
            .user_agent(concat!("pinrail/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(PATIENCE);
        for certificate in trust::certificates(ca_file).map_err(ForgeError::Local)? {
            builder = builder.add_root_certificate(certificate);
        }
        let local = |error: &dyn std::fmt::Display| {
            ForgeError::Local(format!("cannot set up HTTP: {error}"))
        };
        let client = builder.build().map_err(|error| local(&trust::cause(&error)))?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| local(&error))?;
        Ok(Self { runtime, client, deadline: Instant::now() + timeout, notice })
    }

    /// The client; both forges' crates send through it.
    #[must_use]
    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Runs what needs the runtime to be built.
    pub fn within<T>(&self, build: impl FnOnce() -> T) -> T {
        let _guard = self.runtime.enter();
        build()
    }

    /// Reads, again where the forge does not answer.
    ///
    /// # Errors
    /// The forge's own, or that time was up.
    pub fn read<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, ForgeError>,
    ) -> Result<T, ForgeError> {
        let mut tries = 0;
        loop {
            let error = match self.once(ask()) {
                Err(error) => error,
                done => return done,
            };
            self.pause_for(error, &mut tries)?;
        }
    }

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

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn once<T>(&self, call: impl Future<Output = Result<T, ForgeError>>) -> Result<T, ForgeError> {
        let left = self.left();
        if left.is_zero() {
            return Err(ForgeError::Timeout("time was up".to_owned()));
        }
        // Made inside, as a timeout belongs to a runtime.
        self.runtime
            .block_on(async { tokio::time::timeout(left, call).await })
            .unwrap_or_else(|_| Err(ForgeError::Timeout("no answer before time was up".to_owned())))
    }

    /// Waits where another try is worth it; otherwise hands the error back.
    fn pause_for(&self, error: ForgeError, tries: &mut u32) -> Result<(), ForgeError> {
        *tries += 1;
        let (pause, limited) = match &error {
            ForgeError::Unreachable(_) if *tries < TRIES => {
                (Duration::from_millis(fastrand::u64(200..400)) * 2_u32.pow(*tries), false)
            }
            ForgeError::RateLimited { wait, .. } => {
                (wait.unwrap_or(LIMIT_WITHOUT_A_WORD * *tries), true)
            }
            _ => return Err(error),
        };
        if pause >= self.left() {
            return Err(error);
        }
        if limited {
            (self.notice)(&format!("{error}: waiting {} s", pause.as_secs().max(1)));
        }
        std::thread::sleep(pause);
        Ok(())
    }
}
