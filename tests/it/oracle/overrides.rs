//! Who lets a version past a gate, for how long, and for which version.

use super::scenario::Answer::{Goes, Refused, Stopped};
use super::scenario::Change::{Lock, Pin, Write};
use super::scenario::{Edit, SCENARIO, Scenario, ask, refused};

on_each_kind!(OVERRIDES, super::answers::hold);

/// The file of what was overridden for `api` in production.
const FILE: &str = "overrides/production/api.json";

const SOAK_OF_1: &str = r#"{"gates": ["soak"], "reason": "incident 7", "owner": "anna", "at": "2026-03-02T10:00:00Z",
  "imageTag": "1", "targetRevision": "<1>"}
"#;
const SOAK_OF_2: &str = r#"{"gates": ["soak"], "reason": "incident 8", "owner": "anna", "at": "2026-03-02T10:00:00Z",
  "imageTag": "2", "targetRevision": "<2>"}
"#;
const FREEZE_OF_1: &str = r#"{"gates": ["freeze"], "reason": "incident 7", "owner": "anna", "at": "2026-03-02T10:00:00Z",
  "imageTag": "1", "targetRevision": "<1>"}
"#;
const BOTH_OF_1: &str = r#"{"gates": ["soak", "freeze"], "reason": "incident 7", "owner": "anna", "at": "2026-03-02T10:00:00Z",
  "imageTag": "1", "targetRevision": "<1>"}
"#;
const LOCK_OF_1: &str = r#"{"gates": ["lock"], "reason": "incident 7", "owner": "anna", "at": "2026-03-02T10:00:00Z",
  "imageTag": "1", "targetRevision": "<1>"}
"#;
const LOCK: &str = r#"{"reason": "incident 7", "owner": "anna"}"#;

const SOAK: &[&str] = &["--override", "soak", "--reason", "incident 7"];
const BOTH: &[&str] = &["--override", "soak,freeze", "--reason", "incident 7"];

const S: Scenario = Scenario { gates: "{soak: 30m, override: ['@acme/release']}", ..SCENARIO };

/// Frozen on Mondays from noon on, in the time of the soak.
const FROZEN: Scenario = Scenario {
    gates: "{soak: 30m, override: ['@acme/release'],
        freeze: [{from: 'Mon 12:00', to: 'Tue 12:00', timeZone: UTC}]}",
    history: &[("12:00", Pin("staging", "1"))],
    ..SCENARIO
};

/// The version that is in production came past the soak.
const THE_NEXT: Scenario = Scenario {
    history: &[
        ("10:00", Pin("staging", "1")),
        ("10:05", Pin("production", "1")),
        ("10:05", Write(FILE, SOAK_OF_1)),
        ("10:20", Pin("staging", "2")),
    ],
    ..S
};

pub const OVERRIDES: &[Scenario] = &[
    Scenario {
        name: "A soak is overridden where the configuration names who may",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask("10:10", Goes("1")).with(SOAK).by_hand(&[
            (&[Edit::Pin("production", "1"), Edit::Write(FILE, SOAK_OF_1)], Goes("1")),
            (&[Edit::Pin("production", "1")], refused("soaking")),
        ])],
        ..S
    },
    Scenario {
        name: "Nobody overrides where the configuration names nobody",
        gates: "{soak: 30m}",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask("10:10", Refused("mayNotOverride", &[("environment", "production")]))
            .with(SOAK)
            .by_hand(&[(
                &[Edit::Pin("production", "1"), Edit::Write(FILE, SOAK_OF_1)],
                refused("mayNotOverride"),
            )])],
        ..S
    },
    Scenario {
        name: "What was overridden for one version is not for the next",
        asked: &[
            ask("10:25", refused("soaking")).by_hand(&[
                (&[Edit::Pin("production", "2")], refused("soaking")),
                (&[Edit::Pin("production", "2"), Edit::Delete(FILE)], refused("soaking")),
                (&[Edit::Pin("production", "2"), Edit::Write(FILE, SOAK_OF_2)], Goes("2")),
            ]),
            ask("10:25", Goes("2")).with(SOAK).by_hand(&[(
                &[Edit::Pin("production", "2"), Edit::Write(FILE, SOAK_OF_2)],
                Goes("2"),
            )]),
            ask("10:50", Goes("2"))
                .by_hand(&[(&[Edit::Pin("production", "2"), Edit::Delete(FILE)], Goes("2"))]),
        ],
        ..THE_NEXT
    },
    Scenario {
        name: "What was overridden for another version counts for nothing",
        history: &[("10:00", Pin("staging", "1")), ("10:20", Pin("staging", "2"))],
        asked: &[ask("10:25", refused("soaking")).by_hand(&[(
            &[Edit::Pin("production", "2"), Edit::Write(FILE, SOAK_OF_1)],
            refused("soaking"),
        )])],
        ..S
    },
    Scenario {
        name: "What was overridden by an earlier change counts for nothing",
        history: &[("10:00", Write(FILE, SOAK_OF_1)), ("10:00", Pin("staging", "1"))],
        asked: &[ask("10:25", refused("soaking"))],
        ..S
    },
    Scenario {
        name: "A gate that is not overridden stays shut",
        asked: &[
            ask("12:10", refused("frozen")).with(SOAK).by_hand(&[
                (&[Edit::Pin("production", "1"), Edit::Write(FILE, SOAK_OF_1)], refused("frozen")),
                (
                    &[Edit::Pin("production", "1"), Edit::Write(FILE, FREEZE_OF_1)],
                    refused("soaking"),
                ),
            ]),
            ask("12:10", Goes("1")).with(BOTH).by_hand(&[(
                &[Edit::Pin("production", "1"), Edit::Write(FILE, BOTH_OF_1)],
                Goes("1"),
            )]),
        ],
        ..FROZEN
    },
    Scenario {
        name: "No lock is overridden",
        history: &[("10:00", Pin("staging", "1")), ("10:05", Lock("production/api", LOCK))],
        asked: &[ask("10:10", refused("locked")).with(SOAK).by_hand(&[
            (&[Edit::Pin("production", "1"), Edit::Write(FILE, SOAK_OF_1)], refused("locked")),
            (&[Edit::Pin("production", "1"), Edit::Write(FILE, LOCK_OF_1)], Stopped(4, FILE)),
        ])],
        ..S
    },
];
