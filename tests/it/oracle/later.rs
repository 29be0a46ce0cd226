//! Requests that are judged again: what may go when it is asked for, and not when it is merged.

use super::by_hand;
use super::click::{click, tended};
use super::history;
use super::place::{Kind, Place, StateRepo};
use super::scenario::Change::{Lock, Pin, Unlock};
use super::scenario::{Change, Edit, SCENARIO, Scenario};
use crate::support::git::git;

/// A request, and what becomes of it.
pub struct Later {
    pub scenario: Scenario,
    /// When it is opened, and by whom.
    pub opened: (&'static str, By),
    pub then: &'static [(&'static str, Step)],
}

#[derive(Clone, Copy, Debug)]
pub enum By {
    /// `promote api --to production`.
    Promote,
    /// A person, who writes this version.
    Hand(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Somebody pushes.
    Happens(Change),
    /// The program is run, and succeeds.
    Runs(&'static [&'static str]),
    /// It may not be merged; words of the cause.
    Refused(&'static str),
    /// It may be merged.
    Green,
    /// It is merged, by the program or a click, and this version is in production.
    Merged(&'static str),
}

use By::{Hand, Promote};
use Step::{Green, Happens, Merged, Refused, Runs};

const LOCK: &str = r#"{"reason": "incident 7", "owner": "anna"}"#;

pub const LATER: &[Later] = &[
    Later {
        scenario: Scenario {
            name: "A request of Friday noon is not merged on the weekend",
            gates: "{freeze: [{from: 'Fri 17:00', to: 'Mon 07:00', timeZone: Europe/Amsterdam}]}",
            history: &[("2026-03-06 09:00", Pin("staging", "1"))],
            ..SCENARIO
        },
        opened: ("2026-03-06 11:00", Promote),
        then: &[
            ("2026-03-06 15:59:59", Green),
            ("2026-03-06 16:00", Refused("frozen")),
            ("2026-03-08 12:00", Refused("frozen")),
            ("2026-03-09 06:00", Merged("1")),
        ],
    },
    Later {
        scenario: Scenario {
            name: "A request that a person opens too early turns green by time alone",
            gates: "{soak: 30m}",
            history: &[("10:00", Pin("staging", "1"))],
            ..SCENARIO
        },
        opened: ("10:05", Hand("1")),
        then: &[
            ("10:06", Refused("`1` soaks in `staging` until")),
            ("10:29:59", Refused("`1` soaks in `staging` until")),
            ("10:30", Green),
            ("10:40", Merged("1")),
        ],
    },
    Later {
        scenario: Scenario {
            name: "A lock turns a request red, and its end green",
            history: &[("10:00", Pin("staging", "1"))],
            ..SCENARIO
        },
        opened: ("10:05", Promote),
        then: &[
            ("10:06", Green),
            ("10:10", Happens(Lock("production/api", LOCK))),
            ("10:11", Refused("locked by")),
            ("10:20", Happens(Unlock("production/api"))),
            ("10:21", Merged("1")),
        ],
    },
    Later {
        scenario: Scenario {
            name: "The same by `lock` and `unlock`",
            history: &[("10:00", Pin("staging", "1"))],
            ..SCENARIO
        },
        opened: ("10:05", Promote),
        then: &[
            ("10:10", Runs(&["lock", "-e", "production", "--reason", "move", "--until", "2h"])),
            ("10:11", Refused("locked by")),
            ("12:09:59", Refused("locked by")),
            ("12:10", Green),
            ("12:11", Runs(&["lock", "api", "-e", "production", "--reason", "incident 7"])),
            ("12:12", Refused("locked by")),
            ("12:13", Runs(&["unlock", "api", "-e", "production"])),
            ("12:14", Merged("1")),
        ],
    },
    Later {
        scenario: Scenario {
            name: "A request for what staging has taken back is refused",
            history: &[("09:00", Pin("staging", "1")), ("10:00", Pin("staging", "2"))],
            ..SCENARIO
        },
        opened: ("10:05", Promote),
        then: &[
            ("10:06", Green),
            ("10:10", Happens(Pin("staging", "1"))),
            ("10:11", Refused("has gone back past `2`")),
        ],
    },
    Later {
        scenario: Scenario {
            name: "A request that production has gone past is refused",
            gates: "{forwardOnly: true}",
            history: &[("09:00", Pin("staging", "1"))],
            ..SCENARIO
        },
        opened: ("09:05", Hand("1")),
        then: &[
            ("09:06", Green),
            ("10:00", Happens(Pin("staging", "2"))),
            ("10:01", Green),
            ("10:05", Happens(Pin("production", "2"))),
            ("10:06", Refused("it is not forward")),
        ],
    },
];

on_each_kind!(LATER, super::later::follow);

/// Follows the requests on one kind of forge; everything that is not as told is named.
#[track_caller]
pub fn follow(kind: Kind, all: &[Later]) {
    let place = Place::new(kind);
    let mut wrong = Vec::new();
    for later in all {
        let repo = place.write(&later.scenario);
        if let Err(what) = steps(&repo, later) {
            wrong.push(format!("{} {what}", later.scenario.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers\n{}", wrong.len(), wrong.join("\n"));
}

/// The branch that `promotions merge` finds what is asked for by.
const BRANCH: &str = "pinrail/promote/production/api";

fn steps(repo: &StateRepo<'_>, later: &Later) -> Result<(), String> {
    let number = open(repo, later).map_err(|what| format!("opened: {what}"))?;
    for (at, step) in later.then {
        let wrong = |what: String| format!("at {at}, {step:?}: {what}");
        take(repo, number, at, step).map_err(wrong)?;
    }
    Ok(())
}

/// The request's number, where there is a forge.
fn open(repo: &StateRepo<'_>, later: &Later) -> Result<Option<u64>, String> {
    let (at, by) = later.opened;
    if let Hand(version) = by {
        let clone = by_hand::clone(repo);
        by_hand::commit(repo, &clone, at, &[Edit::Pin("production", version)]);
        return Ok(by_hand::push(repo, &clone, BRANCH));
    }
    let run = repo.pinrail(at, &["promote", "api", "--to", "production"]);
    match run.code {
        0 => Ok(run.document()["request"]["number"].as_u64()),
        _ => Err(format!("{run:?}")),
    }
}

fn take(repo: &StateRepo<'_>, number: Option<u64>, at: &str, step: &Step) -> Result<(), String> {
    match *step {
        Happens(ref change) => {
            history::append(&repo.folder, at, change, repo.place.pins(), &repo.place.versions);
            repo.place.sync(&repo.project);
            Ok(())
        }
        Runs(arguments) => {
            let run = repo.pinrail(at, arguments);
            if run.code == 0 { Ok(()) } else { Err(format!("{run:?}")) }
        }
        Refused(words) => {
            let main = git(&repo.folder, &["rev-parse", "main"]);
            let run = repo.pinrail(at, &["promotions", "merge", "production/api"]);
            let told = run.document()["error"]["message"].to_string();
            if run.code != 5 || !told.contains(words) {
                return Err(format!("merging it: {run:?}"));
            }
            if let Some(number) = number
                && click(repo, number, at)?
            {
                return Err("a click merged it".to_owned());
            }
            match git(&repo.folder, &["rev-parse", "main"]) == main {
                true => Ok(()),
                false => Err("main has moved".to_owned()),
            }
        }
        Green => {
            let Some(number) = number else { return Ok(()) };
            let state = tended(repo, number, at)?;
            match state.as_deref() {
                Some("success") => Ok(()),
                _ => Err(format!("the status is {state:?}")),
            }
        }
        Merged(version) => {
            if let Some(number) = number {
                click(repo, number, at)?;
            } else {
                let run = repo.pinrail(at, &["promotions", "merge", "production/api"]);
                if run.code != 0 {
                    return Err(format!("merging it: {run:?}"));
                }
            }
            let there = history::version_at(&repo.folder, "main", "production");
            match there.as_deref() == Some(version) {
                true => Ok(()),
                false => Err(format!("{there:?} is in production")),
            }
        }
    }
}
