//! What is a way back, and what only says so.

use super::scenario::Answer::{Goes, Refused, Unchanged, WayBack};
use super::scenario::Change::{Lock, Pin};
use super::scenario::{Edit, SCENARIO, Scenario, ask, refused};

on_each_kind!(WAYS_BACK, super::answers::hold);

const LOCK: &str = r#"{"reason": "incident 7", "owner": "anna"}"#;

/// Frozen on Mondays from noon on.
const FROZEN: Scenario = Scenario {
    gates: "{soak: 30m, forwardOnly: true,
        freeze: [{from: 'Mon 12:00', to: 'Tue 12:00', timeZone: UTC}]}",
    ..SCENARIO
};

pub const WAYS_BACK: &[Scenario] = &[
    Scenario {
        name: "A way back under the service's own lock passes a freeze and every gate",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
            ("12:10", Lock("production/api", LOCK)),
        ],
        asked: &[ask("12:15", Unchanged).by_hand(&[(&[Edit::Pin("production", "1")], WayBack)])],
        ..FROZEN
    },
    Scenario {
        name: "A way back goes to a version that staging never had, if production had it",
        history: &[
            ("08:00", Pin("production", "side")),
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("12:10", Lock("production/api", LOCK)),
        ],
        asked: &[ask("12:15", Unchanged).by_hand(&[(&[Edit::Pin("production", "side")], WayBack)])],
        ..FROZEN
    },
    Scenario {
        name: "A message that says so makes no way back",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
        ],
        asked: &[ask("12:15", Unchanged).by_hand(&[
            (&[Edit::Pin("production", "1")], refused("frozen")),
            (
                &[Edit::Pin("production", "1"), Edit::Trailer("Rollback: api in production")],
                refused("frozen"),
            ),
        ])],
        ..FROZEN
    },
    Scenario {
        name: "Without a lock an older version is held to the gates as any other",
        gates: "{forwardOnly: true}",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
        ],
        asked: &[ask("11:00", Unchanged).by_hand(&[(
            &[Edit::Pin("production", "1"), Edit::Trailer("Rollback: api in production")],
            Refused("notForward", &[("behind", "1")]),
        )])],
        ..FROZEN
    },
    Scenario {
        name: "The environment's lock alone makes no way back",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
            ("11:00", Lock("production", LOCK)),
        ],
        asked: &[ask("12:15", Unchanged)
            .by_hand(&[(&[Edit::Pin("production", "1")], refused("locked"))])],
        ..FROZEN
    },
    Scenario {
        name: "A version that production never had is no way back, locked or not",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("11:00", Lock("production/api", LOCK)),
        ],
        asked: &[ask("11:15", refused("locked")).by_hand(&[
            (&[Edit::Pin("production", "2")], refused("locked")),
            (&[Edit::Retag("production", "1", "9")], refused("neverIn")),
        ])],
        ..FROZEN
    },
    Scenario {
        name: "What went back does not come again while its lock is there",
        gates: "{soak: 30m}",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
            ("10:40", Lock("production/api", LOCK)),
            ("10:40", Pin("production", "1")),
        ],
        asked: &[ask("11:15", refused("locked"))],
        ..FROZEN
    },
    Scenario {
        name: "What went back may come again once its lock is over",
        gates: "{soak: 30m}",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
            (
                "10:40",
                Lock(
                    "production/api",
                    r#"{"reason": "incident 7", "owner": "anna", "until": "2026-03-02T11:00:00Z"}"#,
                ),
            ),
            ("10:40", Pin("production", "1")),
        ],
        asked: &[ask("10:59:59", refused("locked")), ask("11:00", Goes("2"))],
        ..FROZEN
    },
];
