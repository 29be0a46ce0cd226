//! Whether a version has all that the one before it had.

use super::scenario::Answer::{Goes, Refused};
use super::scenario::Change::{Pin, Retag};
use super::scenario::{Edit, SCENARIO, Scenario, ask};

on_each_kind!(FORWARD, super::answers::hold);

const S: Scenario = Scenario { gates: "{forwardOnly: true}", ..SCENARIO };

pub const FORWARD: &[Scenario] = &[
    Scenario {
        name: "A version on top of the one in production goes",
        history: &[("09:00", Pin("production", "1")), ("10:00", Pin("staging", "7"))],
        asked: &[ask("11:00", Goes("7"))],
        ..S
    },
    Scenario {
        name: "A version below the one in production does not go",
        history: &[("09:00", Pin("production", "3")), ("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Refused("notForward", &[("version", "3"), ("behind", "2")]))],
        ..S
    },
    Scenario {
        name: "A version beside the one in production does not go",
        history: &[("09:00", Pin("production", "3")), ("10:00", Pin("staging", "side"))],
        asked: &[ask("11:00", Refused("notForward", &[("version", "3"), ("behind", "2")]))],
        ..S
    },
    Scenario {
        name: "The commit that is in production goes under another tag",
        history: &[("09:00", Pin("production", "1")), ("10:00", Retag("staging", "1-again", "1"))],
        asked: &[ask("11:00", Goes("1"))
            .by_hand(&[(&[Edit::Retag("production", "1-again", "1")], Goes("1"))])],
        ..S
    },
    Scenario {
        name: "The first version goes wherever it stands",
        history: &[("10:00", Pin("staging", "side"))],
        asked: &[ask("11:00", Goes("side"))],
        ..S
    },
    Scenario {
        name: "A commit that its repository does not have is not known to be forward",
        history: &[("09:00", Pin("production", "1")), ("10:00", Pin("staging", "lost"))],
        asked: &[ask("11:00", Refused("unknown", &[("gate", "forwardOnly")]))],
        ..S
    },
    Scenario {
        name: "Nothing is known to be forward from a commit that its repository has lost",
        history: &[("09:00", Pin("production", "lost")), ("10:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Refused("unknown", &[("gate", "forwardOnly")]))],
        ..S
    },
];
