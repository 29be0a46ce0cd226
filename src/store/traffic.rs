//! What went to the server and came from it, and how long each part of a run took.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts for one run, filled in wherever something is sent.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Traffic>>);

/// What a run has cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Questions that a server was asked, pushes among them.
    pub requests: u32,
    /// Bytes of the questions, without the headers of HTTP.
    pub sent: u64,
    /// Bytes of the answers, without the headers of HTTP.
    pub received: u64,
    /// Pushes, those that lost a race among them.
    pub attempts: u32,
    pub reading: Duration,
    pub pushing: Duration,
    /// Between two tries.
    pub waiting: Duration,
    /// What was done otherwise than usual, and why.
    pub notes: Vec<String>,
}

impl Meter {
    /// What was counted so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn asked(&self, bytes: usize) {
        let mut traffic = self.lock();
        traffic.requests += 1;
        traffic.sent += bytes as u64;
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.lock().sent += bytes as u64;
    }

    pub(super) fn received(&self, bytes: usize) {
        self.lock().received += bytes as u64;
    }

    pub(super) fn pushed(&self) {
        self.lock().attempts += 1;
    }

    pub(super) fn note(&self, words: impl Into<String>) {
        self.lock().notes.push(words.into());
    }

    /// Runs one part of the work, and adds its time to one of the sums.
    pub(super) fn time<T>(
        &self,
        sum: fn(&mut Traffic) -> &mut Duration,
        work: impl FnOnce() -> T,
    ) -> T {
        let began = Instant::now();
        let result = work();
        *sum(&mut self.lock()) += began.elapsed();
        result
    }
}
