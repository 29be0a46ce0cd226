//! Windows of time in which nothing may come in.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{Edge, Zone};

/// A window in which nothing may come in.
///
/// With weekdays it repeats every week, may go beyond the week's end (`Fri 17:00` to
/// `Mon 07:00`), and is shorter than a week. With dates it is there once, and its end lies after
/// its beginning.
///
/// It begins at the first instant at which the zone's clocks show `from`, which belongs to it,
/// and ends at the last at which they show `to`, which does not: where an hour comes twice in
/// autumn, `from` is the first time and `to` the second. A time that is left out in spring is
/// the instant of the change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct Freeze {
    window: Window,
    time_zone: Zone,
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Window {
    Weekly { from: (Weekday, Time), to: (Weekday, Time) },
    Once { from: DateTime, to: DateTime },
}

/// The window as the file has it.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Freeze")]
struct Written {
    /// A weekday and time (`Fri 17:00`) or a date and time (`2026-12-24 12:00`).
    from: Edge,
    /// The window's end, of the same form.
    to: Edge,
    /// An IANA time zone, such as `Europe/Amsterdam`.
    time_zone: Zone,
    /// Shown to whoever is held up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Ends that make no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum WindowError {
    #[error("a freeze from `{0}` to `{0}` is empty, or all week long: make `to` another time")]
    Empty(Edge),
    #[error("a freeze to `{to}` ends before it begins: make `to` later than `{from}`")]
    Backwards { from: Edge, to: Edge },
    #[error("a freeze from `{from}` to `{to}` mixes forms: use two weekdays or two dates")]
    Mixed { from: Edge, to: Edge },
}

impl TryFrom<Written> for Freeze {
    type Error = WindowError;
    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { from, to, time_zone, reason } = written;
        let window = match (from, to) {
            _ if from == to => return Err(WindowError::Empty(from)),
            (Edge::Weekly(from_day, from_time), Edge::Weekly(to_day, to_time)) => {
                Window::Weekly { from: (from_day, from_time), to: (to_day, to_time) }
            }
            (Edge::Once(begin), Edge::Once(end)) if begin < end => {
                Window::Once { from: begin, to: end }
            }
            (Edge::Once(_), Edge::Once(_)) => return Err(WindowError::Backwards { from, to }),
            _ => return Err(WindowError::Mixed { from, to }),
        };
        Ok(Self { window, time_zone, reason })
    }
}

impl From<Freeze> for Written {
    fn from(freeze: Freeze) -> Self {
        let (from, to) = match freeze.window {
            Window::Weekly { from, to } => (Edge::Weekly(from.0, from.1), Edge::Weekly(to.0, to.1)),
            Window::Once { from, to } => (Edge::Once(from), Edge::Once(to)),
        };
        Self { from, to, time_zone: freeze.time_zone, reason: freeze.reason }
    }
}

impl Freeze {
    /// When the window ends that holds at this instant; none where none does.
    fn ends(&self, at: Timestamp) -> Option<Timestamp> {
        match self.window {
            Window::Once { from, to } => self.holds(from, to, at),
            Window::Weekly { from, to } => {
                let today = self.time_zone.clocks(at).date();
                let days_ago = i32::from(today.weekday().since(from.0));
                let days = match i32::from(from.0.until(to.0)) {
                    0 if to.1 < from.1 => 7,
                    days => days,
                };
                // The week before may last until now, and clocks that change may begin the next.
                let ends = [days_ago + 7, days_ago, days_ago - 7].into_iter().filter_map(|ago| {
                    let begin = today.checked_sub(ago.days()).ok()?;
                    let end = begin.checked_add(days.days()).ok()?;
                    self.holds(begin.to_datetime(from.1), end.to_datetime(to.1), at)
                });
                ends.max()
            }
        }
    }

    fn holds(&self, from: DateTime, to: DateTime, at: Timestamp) -> Option<Timestamp> {
        let (begin, _) = self.time_zone.instants(from);
        let (_, end) = self.time_zone.instants(to);
        (begin <= at && at < end).then_some(end)
    }
}

/// A freeze that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The first instant at which nothing is frozen any more; the last time there is, where the
    /// windows leave none.
    pub until: Timestamp,
    /// Why, as the window says that holds now; of several, the one that ends last.
    pub reason: Option<String>,
}

/// The weeks after which windows that follow one another without a break are taken to do so for
/// ever: more than a year has, as breaks may come by a change of the clocks.
const WEEKS: usize = 60;

/// Whether nothing may come in now, and until when: windows that overlap or touch are one.
#[must_use]
pub fn frozen(freezes: &[Freeze], now: Timestamp) -> Option<Frozen> {
    let holding = freezes.iter().filter_map(|freeze| Some((freeze.ends(now)?, freeze)));
    let (mut until, freeze) = holding.max_by_key(|(until, _)| *until)?;
    let reason = freeze.reason.clone();
    // A step ends a window, and each of them ends once a week at most.
    for _ in 0..WEEKS * freezes.len() {
        match freezes.iter().filter_map(|freeze| freeze.ends(until)).max() {
            Some(later) => until = later,
            None => return Some(Frozen { until, reason }),
        }
    }
    Some(Frozen { until: Timestamp::MAX, reason })
}

#[cfg(test)]
#[path = "freeze_tests.rs"]
mod tests;
