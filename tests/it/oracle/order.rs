//! Which way a version has to take: from environment to environment, wave after wave, well.

use super::scenario::Answer::{Goes, Refused, Unchanged};
use super::scenario::Change::{Pin, Remove};
use super::scenario::{Edit, SCENARIO, Scenario, ask, refused};

on_each_kind!(ORDER, super::answers::hold);

/// Three in a row, and one that nothing is promoted into.
const CHAIN: Scenario = Scenario {
    environments: "
  - {name: staging, cluster: staging, mode: direct}
  - {name: qa, cluster: qa, from: staging, mode: direct}
  - {name: production, cluster: production, from: qa, mode: request, gates: GATES}
  - {name: lab, cluster: lab, mode: request}
",
    ..SCENARIO
};

/// Two regions, one after the other.
const WAVES: Scenario = Scenario {
    environments: "
  - {name: staging, cluster: staging, mode: direct}
  - {name: eu, group: regions, cluster: eu, from: staging, mode: request}
  - {name: us, group: regions, wave: 2, cluster: us, from: staging, mode: request, gates: GATES}
",
    gates: "{pause: 15m}",
    ..SCENARIO
};

/// With an Argo CD that is never asked, as there is no token.
const HEALTH: Scenario = Scenario {
    environments: "
  - {name: staging, cluster: staging, mode: direct}
  - {name: production, cluster: production, from: staging, mode: request, gates: GATES}
argocd: {url: 'https://argocd.example.com'}
",
    gates: "{health: true}",
    ..SCENARIO
};

pub const ORDER: &[Scenario] = &[
    Scenario {
        name: "A version that was never in staging does not go",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Goes("1")).by_hand(&[
            (&[Edit::Pin("production", "1")], Goes("1")),
            (
                &[Edit::Pin("production", "2")],
                Refused("neverIn", &[("source", "staging"), ("version", "2")]),
            ),
            (&[Edit::Retag("production", "1", "2")], refused("neverIn")),
        ])],
        ..SCENARIO
    },
    Scenario {
        name: "A service that was never in staging does not go",
        asked: &[ask("11:00", Refused("notInSource", &[("source", "staging")]))
            .by_hand(&[(&[Edit::Pin("production", "1")], refused("notInSource"))])],
        ..SCENARIO
    },
    Scenario {
        name: "A version that was in staging and not in between does not go",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Refused("notInSource", &[("source", "qa")])).by_hand(&[(
            &[Edit::Pin("production", "1")],
            Refused("notInSource", &[("source", "qa")]),
        )])],
        ..CHAIN
    },
    Scenario {
        name: "A version that was taken back in staging does not go",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:10", Pin("staging", "2")),
            ("10:20", Pin("staging", "1")),
        ],
        asked: &[ask("11:00", Goes("1"))
            .by_hand(&[(&[Edit::Pin("production", "2")], refused("leftBehind"))])],
        ..SCENARIO
    },
    Scenario {
        name: "A version that staging has gone on from may still go",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Pin("staging", "2"))],
        asked: &[ask("11:00", Goes("2")).by_hand(&[
            (&[Edit::Pin("production", "2")], Goes("2")),
            (&[Edit::Pin("production", "1")], Goes("1")),
        ])],
        ..SCENARIO
    },
    Scenario {
        name: "A service that was taken out of staging does not go",
        history: &[("10:00", Pin("staging", "1")), ("10:10", Remove("staging"))],
        asked: &[ask("11:00", refused("notInSource"))
            .by_hand(&[(&[Edit::Pin("production", "1")], refused("notInSource"))])],
        ..SCENARIO
    },
    Scenario {
        name: "Where nothing is promoted into, a person may ask for any version",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", refused("noSource"))
            .of("lab")
            .by_hand(&[(&[Edit::Pin("lab", "9")], Goes("9"))])],
        ..CHAIN
    },
    Scenario {
        name: "What is there already is unchanged, however it came",
        history: &[("09:00", Pin("production", "1")), ("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Unchanged)],
        ..SCENARIO
    },
    Scenario {
        name: "The second wave does not come before the first",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[
            ask("11:00", Goes("1")).of("eu"),
            ask("11:00", Refused("neverIn", &[("source", "eu"), ("version", "1")])).of("us"),
        ],
        ..WAVES
    },
    Scenario {
        name: "The second wave comes after its pause",
        history: &[("10:00", Pin("staging", "1")), ("11:00", Pin("eu", "1"))],
        asked: &[
            ask("11:14:59", Refused("soaking", &[("source", "eu"), ("until", "11:15")])).of("us"),
            ask("11:15", Goes("1")).of("us"),
        ],
        ..WAVES
    },
    Scenario {
        name: "The second wave needs no pause where none is told",
        gates: "{}",
        history: &[("10:00", Pin("staging", "1")), ("11:00", Pin("eu", "1"))],
        asked: &[ask("11:00", Goes("1")).of("us")],
        ..WAVES
    },
    Scenario {
        name: "What the first wave went back from does not come to the second",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:10", Pin("eu", "1")),
            ("10:20", Pin("staging", "2")),
            ("10:30", Pin("eu", "2")),
            ("10:40", Pin("eu", "1")),
        ],
        asked: &[ask("12:00", Goes("1")).of("us").by_hand(&[
            (&[Edit::Pin("us", "1")], Goes("1")),
            (&[Edit::Pin("us", "2")], Refused("leftBehind", &[("source", "eu"), ("version", "2")])),
        ])],
        ..WAVES
    },
    Scenario {
        name: "Whether staging is well is not known without the token to ask",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[ask(
            "11:00",
            Refused("unknown", &[("gate", "health"), ("need", "PINRAIL_ARGOCD_TOKEN")]),
        )],
        ..HEALTH
    },
];
