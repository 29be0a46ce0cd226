//! Requests that are made to look harmless.

use super::scenario::Answer::{Passes, Removed, Stopped, Unchanged, WayBack};
use super::scenario::Change::{Lock, Pin, PinOf, Write};
use super::scenario::{Answer, Edit, SCENARIO, Scenario, ask, refused};

on_each_kind!(FORGED, super::answers::hold);

const LOCK: &str = r#"{"reason": "incident 7", "owner": "anna"}"#;

const S: Scenario = Scenario {
    environments: "
  - {name: staging, cluster: staging, mode: direct}
  - {name: production, cluster: production, from: staging, mode: request, protected: true,
     gates: GATES}
  - {name: lab, cluster: lab, from: staging, mode: request}
",
    gates: "{soak: 30m}",
    history: &[
        ("09:00", Pin("staging", "1")),
        ("09:00", PinOf("staging", "web", "1")),
        ("09:00", PinOf("staging", "job", "1")),
        ("09:30", Pin("production", "1")),
        ("09:30", PinOf("production", "web", "1")),
        ("09:30", PinOf("production", "job", "1")),
        ("09:30", Pin("lab", "1")),
        ("10:00", Pin("staging", "2")),
    ],
    ..SCENARIO
};

/// A change beside a pin that may go by itself, and what is said of it.
macro_rules! beside_a_pin {
    ($name:literal, $answer:expr, $($edit:expr),+ $(,)?) => {
        Scenario {
            name: $name,
            asked: &[ask("11:00", Answer::Goes("2"))
                .by_hand(&[(&[Edit::Pin("production", "2"), $($edit),+], $answer)])],
            ..S
        }
    };
}

pub const FORGED: &[Scenario] = &[
    Scenario {
        name: "A pin straight to production, which staging never had",
        asked: &[ask("11:00", Answer::Goes("2")).by_hand(&[
            (&[Edit::Pin("production", "9")], refused("neverIn")),
            (&[Edit::Pin("production", "lost")], refused("neverIn")),
        ])],
        ..S
    },
    Scenario {
        name: "The tag of a version that soaked, on a commit that staging never had",
        asked: &[ask("11:00", Answer::Goes("2"))
            .by_hand(&[(&[Edit::Retag("production", "2", "9")], refused("neverIn"))])],
        ..S
    },
    Scenario {
        name: "The version of another service",
        history: &[("09:00", Pin("staging", "1")), ("09:00", PinOf("staging", "web", "2"))],
        asked: &[ask("11:00", Answer::Goes("1"))
            .by_hand(&[(&[Edit::Pin("production", "2")], refused("neverIn"))])],
        ..S
    },
    beside_a_pin!(
        "A version that staging never had beside one that may go",
        Stopped(5, "neverIn"),
        Edit::PinOf("production", "web", "9"),
    ),
    beside_a_pin!("Two environments at once", Stopped(5, "lab"), Edit::Pin("lab", "2")),
    beside_a_pin!(
        "The gates of the configuration beside a pin",
        Stopped(5, "pinrail.yaml"),
        Edit::Replace("pinrail.yaml", "soak: 30m", "soak: 1s"),
    ),
    beside_a_pin!(
        "The owners of files beside a pin",
        Stopped(5, "CODEOWNERS"),
        Edit::Write("CODEOWNERS", "* @mallory\n"),
    ),
    beside_a_pin!(
        "GitHub's pipelines beside a pin",
        Stopped(5, ".github/workflows/check.yml"),
        Edit::Write(".github/workflows/check.yml", "on: push\n"),
    ),
    beside_a_pin!(
        "GitLab's pipeline beside a pin",
        Stopped(5, ".gitlab-ci.yml"),
        Edit::Write(".gitlab-ci.yml", "check: {script: 'true'}\n"),
    ),
    beside_a_pin!(
        "Values of the platform beside a pin",
        Stopped(5, "platform-values/production.yaml"),
        Edit::Write(
            "platform-values/production.yaml",
            "global: {platform: {aliases: [a.example.com]}}\n"
        ),
    ),
    beside_a_pin!(
        "A service's registry beside a pin",
        Stopped(5, "services/services/web.yaml"),
        Edit::Write("services/services/web.yaml", "chartPath: other\n"),
    ),
    beside_a_pin!(
        "A lock beside a pin of another service",
        Stopped(5, "locks/production/web.json"),
        Edit::Write("locks/production/web.json", LOCK),
    ),
    Scenario {
        name: "A protected environment that is emptied",
        history: &[("09:30", Pin("production", "1")), ("09:30", PinOf("production", "web", "1"))],
        asked: &[ask("11:00", refused("notInSource")).by_hand(&[(
            &[
                Edit::Delete("envs/production/services/api.json"),
                Edit::Delete("envs/production/services/web.json"),
            ],
            Stopped(4, "envs/production"),
        )])],
        ..S
    },
    Scenario {
        name: "More removals than the configuration allows",
        history: &[
            ("09:30", Pin("production", "1")),
            ("09:30", PinOf("production", "web", "1")),
            ("09:30", PinOf("production", "job", "1")),
            ("09:30", PinOf("production", "cron", "1")),
            ("09:30", Write("services/services/cron.yaml", "# all defaults\n")),
        ],
        asked: &[ask("11:00", refused("notInSource")).by_hand(&[(
            &[
                Edit::Delete("envs/production/services/api.json"),
                Edit::Delete("envs/production/services/web.json"),
                Edit::Delete("envs/production/services/job.json"),
            ],
            Stopped(5, "maxRemovals"),
        )])],
        ..S
    },
    Scenario {
        name: "A service that leaves with its registry file is one change",
        history: &[("09:30", Pin("production", "1")), ("09:30", PinOf("production", "web", "1"))],
        asked: &[ask("11:00", refused("notInSource")).by_hand(&[(
            &[
                Edit::Delete("envs/production/services/api.json"),
                Edit::Delete("services/services/api.yaml"),
            ],
            Removed,
        )])],
        ..S
    },
    Scenario {
        name: "Values of the platform for two steps at once",
        history: &[("09:30", Pin("production", "1")), ("09:00", Pin("staging", "1"))],
        asked: &[ask("11:00", Unchanged).by_hand(&[
            (
                &[
                    Edit::Write("platform-values/staging.yaml", VALUES),
                    Edit::Write("platform-values/production.yaml", VALUES),
                ],
                Stopped(5, "platform-values"),
            ),
            (&[Edit::Write("platform-values.yaml", VALUES)], Stopped(5, "platform-values")),
            (&[Edit::Write("platform-values/staging.yaml", VALUES)], Passes),
            (
                &[
                    Edit::Write("platform-values.yaml", VALUES),
                    Edit::Write(
                        "overrides/platform-values.json",
                        "{\"reason\": \"incident 7\", \"owner\": \"anna\"}\n",
                    ),
                ],
                Passes,
            ),
        ])],
        ..S
    },
];

const VALUES: &str = "global: {platform: {aliases: [apps.example.com]}}\n";

/// Where locks are on the branch of the request as well.
pub const ON_ONE_BRANCH: &[Scenario] = &[
    Scenario {
        name: "A lock that is taken away on the side",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:10", Lock("production/api", LOCK)),
            ("09:10", Lock("production/web", LOCK)),
        ],
        asked: &[ask("11:00", refused("locked")).by_hand(&[
            (
                &[Edit::Pin("production", "1"), Edit::Delete("locks/production/api.json")],
                refused("locked"),
            ),
            (&[Edit::Delete("locks/production/api.json")], Stopped(5, "locks/production/api.json")),
        ])],
        ..S
    },
    Scenario {
        name: "A way back writes its own lock, and no other",
        history: &[
            ("09:00", Pin("staging", "1")),
            ("09:30", Pin("production", "1")),
            ("10:00", Pin("staging", "2")),
            ("10:30", Pin("production", "2")),
        ],
        asked: &[ask("11:00", Unchanged).by_hand(&[
            (
                &[Edit::Pin("production", "1"), Edit::Write("locks/production/api.json", LOCK)],
                WayBack,
            ),
            (
                &[
                    Edit::Pin("production", "1"),
                    Edit::Write("locks/production/api.json", LOCK),
                    Edit::Write("locks/production/web.json", LOCK),
                ],
                Stopped(5, "locks/production/web.json"),
            ),
        ])],
        ..S
    },
];

#[test]
fn git_alone_with_one_branch() {
    super::answers::hold(super::place::Kind::Git, ON_ONE_BRANCH);
}
