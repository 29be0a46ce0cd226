//! When to give up, and how long to wait between two tries.

use std::time::{Duration, Instant};

use super::traffic::Meter;

/// When to give up and how to wait, so that tests need not wait for real.
pub struct Pace {
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    pub(super) now: Box<dyn FnMut() -> Instant>,
    pub(super) sleep: Box<dyn FnMut(Duration)>,
}

impl Pace {
    /// The real clock, given up on after `timeout`.
    #[must_use]
    pub fn until(timeout: Duration) -> Self {
        let started = Instant::now();
        let (now, sleep) = (Box::new(Instant::now), Box::new(std::thread::sleep));
        Self { started, deadline: started + timeout, now, sleep }
    }

    pub(super) fn now(&mut self) -> Instant {
        (self.now)()
    }

    /// Sleeps for a random part of `longest`, so that writers do not meet again; never for
    /// so long that only a few tries would be left.
    pub(super) fn pause(&mut self, longest: Duration, meter: &Meter) {
        let now = self.now();
        let left = self.deadline.saturating_duration_since(now);
        let pause = longest.min(left / 8).mul_f64(fastrand::f64());
        meter.time(|traffic| &mut traffic.waiting, || (self.sleep)(pause));
    }
}
