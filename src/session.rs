//! One run's calls to an API: the client, the deadline, and when a call is made again.
//!
//! A read is made again where nobody answered. Waiting for a rate limit is told, and ends at the
//! deadline. What becomes of writes is told where they are made.

use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};

use crate::trust;

/// Tries of a call that is not answered.
const TRIES: u32 = 4;
/// A call that takes longer is lost; GitHub ends its own at 10 seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// What GitHub asks for where it says nothing:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
const LIMIT_WITHOUT_A_WORD: Duration = Duration::from_secs(60);

/// Says what is waited for.
pub type Notice = Box<dyn Fn(&str)>;

/// What a failed call means to the next one.
pub enum Again {
    /// The same again would fail again.
    Never,
    /// Nobody answered: a few quick tries.
    Soon,
    /// Not before this time; where nothing was said, what is usual.
    After(Option<Duration>),
}

/// The error of an API's calls.
pub trait Failure: Display {
    /// Time was up.
    fn timeout(words: &str) -> Self;
    fn again(&self) -> Again;
}

/// One run's calls to an API.
pub struct Session {
    runtime: Runtime,
    client: reqwest::Client,
    deadline: Instant,
    notice: Notice,
}

impl Session {
    /// # Errors
    /// A CA file that cannot be used.
    pub fn new(ca_file: Option<&Path>, timeout: Duration, notice: Notice) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            // A redirected POST would become a GET that writes nothing and succeeds.
            .redirect(Policy::none())
            .user_agent(concat!("pinrail/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(PATIENCE);
        for certificate in trust::certificates(ca_file)? {
            builder = builder.add_root_certificate(certificate);
        }
        let local = |error: &dyn Display| format!("cannot set up HTTP: {error}");
        let client = builder.build().map_err(|error| local(&trust::cause(&error)))?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| local(&error))?;
        Ok(Self { runtime, client, deadline: Instant::now() + timeout, notice })
    }

    /// The client that every call goes through.
    #[must_use]
    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Runs what needs the runtime to be built.
    pub fn within<T>(&self, build: impl FnOnce() -> T) -> T {
        let _guard = self.runtime.enter();
        build()
    }

    /// Reads, again where nobody answers.
    ///
    /// # Errors
    /// The API's own, or that time was up.
    pub fn read<T, E: Failure>(&self, mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
        let mut tries = 0;
        loop {
            let error = match self.once(ask()) {
                Err(error) => error,
                done => return done,
            };
            self.pause_for(error, &mut tries)?;
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// One call, which ends at the deadline.
    pub(crate) fn once<T, E: Failure>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let left = self.left();
        if left.is_zero() {
            return Err(E::timeout("time was up"));
        }
        // Made inside, as a timeout belongs to a runtime.
        self.runtime
            .block_on(async { tokio::time::timeout(left, call).await })
            .unwrap_or_else(|_| Err(E::timeout("no answer before time was up")))
    }

    /// Waits where another try is worth it; otherwise hands the error back.
    pub(crate) fn pause_for<E: Failure>(&self, error: E, tries: &mut u32) -> Result<(), E> {
        *tries += 1;
        let (pause, limited) = match error.again() {
            Again::Soon if *tries < TRIES => {
                (Duration::from_millis(fastrand::u64(200..400)) * 2_u32.pow(*tries), false)
            }
            Again::After(wait) => (wait.unwrap_or(LIMIT_WITHOUT_A_WORD * *tries), true),
            Again::Soon | Again::Never => return Err(error),
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
