//! What people lock.

use super::scenario::Answer::{Goes, Refused, Stopped, Unchanged};
use super::scenario::Change::{Lock, Pin, Unlock};
use super::scenario::{SCENARIO, Scenario, ask, refused};

on_each_kind!(LOCKS, super::answers::hold);

const LOCK: &str = r#"{"reason": "incident 7", "owner": "anna"}"#;
const UNTIL_NOON: &str =
    r#"{"reason": "incident 7", "owner": "anna", "until": "2026-03-02T12:00:00Z"}"#;

pub const LOCKS: &[Scenario] = &[
    Scenario {
        name: "A lock of the environment holds every service, with its reason and owner",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Lock("production", LOCK))],
        asked: &[
            ask("10:20", Refused("locked", &[("reason", "incident 7"), ("owner", "anna")])),
            ask("2027-03-02 10:00", refused("locked")),
        ],
        ..SCENARIO
    },
    Scenario {
        name: "A lock of the service holds it",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Lock("production/api", LOCK))],
        asked: &[ask("10:20", refused("locked"))],
        ..SCENARIO
    },
    Scenario {
        name: "A lock of another service or environment holds nothing here",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:10", Lock("production/web", LOCK)),
            ("10:10", Lock("staging", LOCK)),
            ("10:10", Lock("staging/api", LOCK)),
        ],
        asked: &[ask("10:20", Goes("1"))],
        ..SCENARIO
    },
    Scenario {
        name: "A lock is over at its time",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Lock("production/api", UNTIL_NOON))],
        asked: &[
            ask("11:59:59", Refused("locked", &[("until", "12:00")])),
            ask("12:00", Goes("1")),
        ],
        ..SCENARIO
    },
    Scenario {
        name: "What was unlocked goes",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:10", Lock("production/api", LOCK)),
            ("10:15", Unlock("production/api")),
        ],
        asked: &[ask("10:20", Goes("1"))],
        ..SCENARIO
    },
    Scenario {
        name: "A lock that cannot be read lets nothing through",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Lock("production/api", "{\"owner\""))],
        asked: &[ask("10:20", Stopped(4, "locks/production/api.json"))],
        ..SCENARIO
    },
    Scenario {
        name: "What went back under a lock stays there, whatever staging has",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:10", Pin("production", "1")),
            ("09:20", Pin("staging", "2")),
            ("09:30", Pin("production", "2")),
            ("10:00", Pin("production", "1")),
            ("10:00", Lock("production/api", LOCK)),
        ],
        asked: &[ask("10:20", refused("locked"))],
        ..SCENARIO
    },
    Scenario {
        name: "What is there already is unchanged, locked or not",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:10", Pin("production", "1")),
            ("09:20", Lock("production", LOCK)),
        ],
        asked: &[ask("10:20", Unchanged)],
        ..SCENARIO
    },
];
