//! When nothing may come in, by the clocks of a place.

use super::answers::hold;
use super::place::Kind;
use super::scenario::Answer::{Goes, Refused};
use super::scenario::Change::Pin;
use super::scenario::{Answer, SCENARIO, Scenario, ask};

#[test]
fn git_alone() {
    hold(Kind::Git, FREEZE);
}

/// Clocks show the same whoever hosts the repository; the first windows stand for all.
mod on_a_forge {
    use super::{FREEZE, Kind, hold};

    #[test]
    fn github() {
        hold(Kind::GitHub, &FREEZE[..4]);
    }

    #[test]
    fn gitlab() {
        hold(Kind::GitLab, &FREEZE[..4]);
    }
}

/// Frozen until a time.
const fn frozen(told: &'static [(&'static str, &'static str)]) -> Answer {
    Refused("frozen", told)
}

const S: Scenario = Scenario { history: &[("2026-02-02 10:00", Pin("staging", "1"))], ..SCENARIO };

const AMSTERDAM: Scenario = Scenario {
    gates: "{freeze: [{from: 'Fri 17:00', to: 'Mon 07:00', timeZone: Europe/Amsterdam}]}",
    ..S
};

const NEW_YORK: Scenario = Scenario {
    gates: "{freeze: [{from: 'Fri 17:00', to: 'Mon 07:00', timeZone: America/New_York}]}",
    ..S
};

/// Where clocks change by half an hour.
const LORD_HOWE: Scenario = Scenario {
    gates: "{freeze: [{from: 'Fri 17:00', to: 'Mon 07:00', timeZone: Australia/Lord_Howe}]}",
    ..S
};

/// An hour and a half of the night in which Amsterdam's clocks change.
const NIGHT: Scenario = Scenario {
    gates: "{freeze: [{from: 'Sun 01:00', to: 'Sun 02:30', timeZone: Europe/Amsterdam}]}",
    ..S
};

pub const FREEZE: &[Scenario] = &[
    Scenario {
        name: "A window begins with its first second and ends before its last",
        gates: "{freeze: [{from: 'Mon 12:00', to: 'Mon 13:00', timeZone: UTC, reason: lunch}]}",
        asked: &[
            ask("11:59:59", Goes("1")),
            ask("12:00", frozen(&[("until", "13:00"), ("reason", "lunch")])),
            ask("12:59:59", frozen(&[("until", "13:00")])),
            ask("13:00", Goes("1")),
        ],
        ..S
    },
    Scenario {
        name: "A window that is open over the week's end",
        asked: &[
            ask("2026-03-06 15:59:59", Goes("1")),
            ask("2026-03-06 16:00", frozen(&[("until", "2026-03-09 06:00")])),
            ask("2026-03-08 12:00", frozen(&[("until", "2026-03-09 06:00")])),
            ask("2026-03-09 05:59:59", frozen(&[("until", "2026-03-09 06:00")])),
            ask("2026-03-09 06:00", Goes("1")),
        ],
        ..AMSTERDAM
    },
    Scenario {
        name: "A weekend in Amsterdam in which summer time begins",
        asked: &[
            ask("2026-03-27 15:59:59", Goes("1")),
            ask("2026-03-27 16:00", frozen(&[("until", "2026-03-30 05:00")])),
            ask("2026-03-30 04:59:59", frozen(&[("until", "2026-03-30 05:00")])),
            ask("2026-03-30 05:00", Goes("1")),
        ],
        ..AMSTERDAM
    },
    Scenario {
        name: "A weekend in Amsterdam in which summer time ends",
        asked: &[
            ask("2026-10-23 14:59:59", Goes("1")),
            ask("2026-10-23 15:00", frozen(&[("until", "2026-10-26 06:00")])),
            ask("2026-10-26 05:59:59", frozen(&[("until", "2026-10-26 06:00")])),
            ask("2026-10-26 06:00", Goes("1")),
        ],
        ..AMSTERDAM
    },
    Scenario {
        name: "A weekend in New York in which summer time begins",
        asked: &[
            ask("2026-03-06 21:59:59", Goes("1")),
            ask("2026-03-06 22:00", frozen(&[("until", "2026-03-09 11:00")])),
            ask("2026-03-09 11:00", Goes("1")),
        ],
        ..NEW_YORK
    },
    Scenario {
        name: "A weekend in New York in which summer time ends",
        asked: &[
            ask("2026-10-30 20:59:59", Goes("1")),
            ask("2026-10-30 21:00", frozen(&[("until", "2026-11-02 12:00")])),
            ask("2026-11-02 11:59:59", frozen(&[("until", "2026-11-02 12:00")])),
            ask("2026-11-02 12:00", Goes("1")),
        ],
        ..NEW_YORK
    },
    Scenario {
        name: "A weekend on Lord Howe Island in which summer time ends by half an hour",
        asked: &[
            ask("2026-04-03 05:59:59", Goes("1")),
            ask("2026-04-03 06:00", frozen(&[("until", "2026-04-05 20:30")])),
            ask("2026-04-05 20:29:59", frozen(&[("until", "2026-04-05 20:30")])),
            ask("2026-04-05 20:30", Goes("1")),
        ],
        ..LORD_HOWE
    },
    Scenario {
        name: "A weekend on Lord Howe Island in which summer time begins by half an hour",
        asked: &[
            ask("2026-10-02 06:29:59", Goes("1")),
            ask("2026-10-02 06:30", frozen(&[("until", "2026-10-04 20:00")])),
            ask("2026-10-04 20:00", Goes("1")),
        ],
        ..LORD_HOWE
    },
    Scenario {
        name: "An end that comes twice is the second of both",
        asked: &[
            ask("2026-10-24 22:59:59", Goes("1")),
            ask("2026-10-24 23:00", frozen(&[("until", "2026-10-25 01:30")])),
            ask("2026-10-25 00:30", frozen(&[("until", "2026-10-25 01:30")])),
            ask("2026-10-25 01:30", Goes("1")),
        ],
        ..NIGHT
    },
    Scenario {
        name: "An end that clocks never show is the moment of their change",
        asked: &[
            ask("2026-03-29 00:59:59", frozen(&[("until", "2026-03-29 01:00")])),
            ask("2026-03-29 01:00", Goes("1")),
        ],
        ..NIGHT
    },
    Scenario {
        name: "A window of dates is there once",
        gates: "{freeze: [{from: '2026-12-20 12:00', to: '2027-01-04 07:00', timeZone: Europe/Amsterdam}]}",
        asked: &[
            ask("2026-12-20 10:59:59", Goes("1")),
            ask("2026-12-20 11:00", frozen(&[("until", "2027-01-04 06:00")])),
            ask("2027-01-04 06:00", Goes("1")),
            ask("2027-12-25 12:00", Goes("1")),
        ],
        ..S
    },
    Scenario {
        name: "Of windows that follow each other the end of all is told",
        gates: "{freeze: [
            {from: 'Mon 12:00', to: 'Mon 13:00', timeZone: UTC, reason: lunch},
            {from: '2026-03-02 12:30', to: '2026-03-02 14:00', timeZone: UTC, reason: move}]}",
        asked: &[
            ask("12:45", frozen(&[("until", "14:00")])),
            ask("13:30", frozen(&[("until", "14:00"), ("reason", "move")])),
            ask("14:00", Goes("1")),
            ask("2026-03-09 13:30", Goes("1")),
        ],
        ..S
    },
];
