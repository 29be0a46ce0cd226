//! What a run cost on the network, for `--json` and `-v`.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::counted;
use crate::store::Traffic;

/// What went to the server and came from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficReport {
    /// Questions that the server was asked, pushes among them.
    pub requests: u32,
    /// Of the questions, without the headers of HTTP.
    pub sent_bytes: u64,
    /// Of the answers, without the headers of HTTP.
    pub received_bytes: u64,
    /// Pushes, those that lost a race among them.
    pub attempts: u32,
    pub milliseconds: Phases,
}

/// How long each part took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Phases {
    pub reading: u64,
    pub pushing: u64,
    /// Between two tries.
    pub waiting: u64,
}

impl TrafficReport {
    /// None where nothing went over the network.
    #[must_use]
    pub fn of(traffic: &Traffic) -> Option<Self> {
        let milliseconds =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        (traffic.requests > 0).then(|| Self {
            requests: traffic.requests,
            sent_bytes: traffic.sent,
            received_bytes: traffic.received,
            attempts: traffic.attempts,
            milliseconds: Phases {
                reading: milliseconds(traffic.reading),
                pushing: milliseconds(traffic.pushing),
                waiting: milliseconds(traffic.waiting),
            },
        })
    }

    /// The same in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Phases { reading, pushing, waiting } = self.milliseconds;
        let attempts = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        let requests = usize::try_from(self.requests).unwrap_or(usize::MAX);
        let pushes = if attempts == 1 { "1 push".to_owned() } else { format!("{attempts} pushes") };
        format!(
            "{} ({pushes}): {} bytes sent, {} received; {reading} ms reading, {pushing} ms \
             pushing, {waiting} ms waiting",
            counted(requests, "request"),
            self.sent_bytes,
            self.received_bytes,
        )
    }
}
