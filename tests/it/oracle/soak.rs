//! How long a version has been where it has to come from.

use super::scenario::Answer::{Goes, Refused, Unchanged};
use super::scenario::Change::{Merge, Note, Pin, Remove, Retag};
use super::scenario::{Answer, Edit, SCENARIO, Scenario, ask, refused};

on_each_kind!(SOAK, super::answers::hold);

/// A version soaks in staging until a time.
const fn soaking(told: &'static [(&'static str, &'static str)]) -> Answer {
    Refused("soaking", told)
}

const S: Scenario = Scenario { gates: "{soak: 30m}", ..SCENARIO };

pub const SOAK: &[Scenario] = &[
    Scenario {
        name: "A version goes at the very second at which it has soaked",
        history: &[("10:00", Pin("staging", "1"))],
        asked: &[
            ask("10:00", soaking(&[("source", "staging"), ("version", "1"), ("until", "10:30")])),
            ask("10:29:59", soaking(&[("until", "10:30")])),
            ask("10:30", Goes("1")),
            ask("2026-03-09 10:30", Goes("1")),
        ],
        ..S
    },
    Scenario {
        name: "Of a service that deploys every five minutes the newest that has soaked goes",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:05", Pin("staging", "2")),
            ("10:10", Pin("staging", "3")),
            ("10:15", Pin("staging", "4")),
            ("10:20", Pin("staging", "5")),
            ("10:25", Pin("staging", "6")),
            ("10:30", Pin("staging", "7")),
            ("10:35", Pin("staging", "8")),
            ("10:40", Pin("staging", "9")),
            ("10:45", Pin("staging", "10")),
            ("10:50", Pin("staging", "11")),
            ("10:55", Pin("staging", "12")),
            ("11:00", Pin("staging", "13")),
        ],
        asked: &[
            ask("11:00", Goes("7")).by_hand(&[
                (&[Edit::Pin("production", "7")], Goes("7")),
                (&[Edit::Pin("production", "8")], soaking(&[("version", "8"), ("until", "11:05")])),
                (&[Edit::Pin("production", "13")], soaking(&[("until", "11:30")])),
            ]),
            ask("11:04:59", Goes("7")),
            ask("11:05", Goes("8")),
        ],
        ..S
    },
    Scenario {
        name: "What has soaked may go although it is not live any more",
        history: &[("10:00", Pin("staging", "1")), ("10:20", Pin("staging", "2"))],
        asked: &[
            ask("10:40", Goes("1")).by_hand(&[
                (&[Edit::Pin("production", "1")], Goes("1")),
                (&[Edit::Pin("production", "2")], soaking(&[("version", "2"), ("until", "10:50")])),
            ]),
            ask("10:50", Goes("2")),
        ],
        ..S
    },
    Scenario {
        name: "What is there is no reason to say that all is done while the next one soaks",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("10:00", Pin("production", "1")),
            ("10:20", Pin("staging", "2")),
        ],
        asked: &[ask("10:40", soaking(&[("version", "2"), ("until", "10:50")]))],
        ..S
    },
    Scenario {
        name: "A version that staging went back past does not go",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:10", Pin("staging", "1")),
        ],
        asked: &[
            // The first has been there all the time, or below.
            ask("10:20", Goes("1")).by_hand(&[
                (&[Edit::Pin("production", "1")], Goes("1")),
                (&[Edit::Pin("production", "2")], refused("leftBehind")),
            ]),
            ask("11:00", Goes("1")).by_hand(&[(
                &[Edit::Pin("production", "2")],
                Refused("leftBehind", &[("source", "staging"), ("version", "2")]),
            )]),
        ],
        ..S
    },
    Scenario {
        name: "A version that staging went back past soaks anew when it lands again",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:10", Pin("staging", "1")),
            ("11:00", Pin("staging", "2")),
        ],
        asked: &[
            ask("11:15", Goes("1"))
                .by_hand(&[(&[Edit::Pin("production", "2")], soaking(&[("until", "11:30")]))]),
            ask("11:30", Goes("2")),
        ],
        ..S
    },
    Scenario {
        name: "A service that was taken away and is back soaks anew",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("10:00", Remove("staging")),
            ("11:00", Pin("staging", "1")),
        ],
        asked: &[ask("11:10", soaking(&[("until", "11:30")])), ask("11:30", Goes("1"))],
        ..S
    },
    Scenario {
        name: "A service that is not in staging any more has nothing that has soaked",
        history: &[("09:00", Pin("staging", "1")), ("10:00", Remove("staging"))],
        asked: &[ask("10:30", refused("notInSource"))
            .by_hand(&[(&[Edit::Pin("production", "1")], refused("notInSource"))])],
        ..S
    },
    Scenario {
        name: "A commit that is dated back has landed no earlier than the one before it",
        history: &[
            ("10:00", Pin("staging", "1")),
            ("10:20", Pin("staging", "2")),
            ("08:00", Pin("staging", "3")),
        ],
        asked: &[
            ask("10:45", Goes("1"))
                .by_hand(&[(&[Edit::Pin("production", "3")], soaking(&[("until", "10:50")]))]),
            ask("10:50", Goes("3")),
        ],
        ..S
    },
    Scenario {
        name: "A commit of the future has landed now and not later",
        history: &[("10:00", Pin("staging", "1")), ("2027-03-02 10:00", Pin("staging", "2"))],
        asked: &[
            ask("10:30", Goes("1"))
                .by_hand(&[(&[Edit::Pin("production", "2")], soaking(&[("until", "11:00")]))]),
            ask("2027-03-02 10:30", Goes("2")),
        ],
        ..S
    },
    Scenario {
        name: "What came by a merge has landed with the merge",
        history: &[(
            "10:00",
            Merge(&[("09:00", Pin("staging", "1")), ("09:05", Pin("staging", "2"))]),
        )],
        asked: &[
            ask("10:20", soaking(&[("version", "2"), ("until", "10:30")])),
            ask("10:30", Goes("2")).by_hand(&[
                (&[Edit::Pin("production", "2")], Goes("2")),
                // It was on the branch alone.
                (&[Edit::Pin("production", "1")], refused("neverIn")),
            ]),
        ],
        ..S
    },
    Scenario {
        name: "A pin that is written again with the same version goes on soaking",
        history: &[("10:00", Pin("staging", "1")), ("10:20", Note("staging", "1"))],
        asked: &[ask("10:29:59", soaking(&[("until", "10:30")])), ask("10:30", Goes("1"))],
        ..S
    },
    Scenario {
        name: "The same tag on another commit is another version",
        history: &[("10:00", Pin("staging", "1")), ("10:20", Retag("staging", "1", "2"))],
        asked: &[
            ask("10:40", Goes("1")).by_hand(&[
                (&[Edit::Pin("production", "1")], Goes("1")),
                (&[Edit::Retag("production", "1", "2")], soaking(&[("until", "10:50")])),
            ]),
            ask("10:50", Goes("2")).by_hand(&[(&[Edit::Retag("production", "1", "2")], Goes("2"))]),
        ],
        ..S
    },
    Scenario {
        name: "Where production is ahead of what has soaked it is not taken back",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("10:00", Pin("production", "1")),
            ("10:20", Pin("staging", "2")),
            ("10:25", Pin("production", "2")),
            ("10:40", Pin("staging", "3")),
        ],
        asked: &[
            ask("10:45", soaking(&[("version", "3"), ("until", "11:10")])),
            ask("10:50", soaking(&[("version", "3"), ("until", "11:10")])),
            ask("11:10", Goes("3")),
        ],
        ..S
    },
    Scenario {
        name: "What is in production already is unchanged, soaked or not",
        history: &[("10:20", Pin("staging", "2")), ("10:25", Pin("production", "2"))],
        asked: &[ask("10:30", Unchanged), ask("11:30", Unchanged)],
        ..S
    },
];
