//! What a scenario is made of.

/// A state repo, what happened in it, and what is asked.
///
/// Every time is in UTC: `10:00` and `10:00:30` are on Monday, the 2nd of March 2026, others are
/// told in full (`2026-03-06 16:00`).
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What is so, as in the table of `README.md`.
    pub name: &'static str,
    /// The environments of `pinrail.yaml`; `GATES` stands for those of `gates`.
    pub environments: &'static str,
    /// The gates of the environment that is asked about, as in `pinrail.yaml`.
    pub gates: &'static str,
    /// What happened when, in the order of the commits.
    pub history: &'static [(&'static str, Change)],
    pub asked: &'static [Question],
}

/// Staging, and production behind it.
const PRODUCTION: &str = "
  - {name: staging, cluster: staging, mode: direct}
  - {name: production, cluster: production, from: staging, mode: request, protected: true, gates: GATES}
";

/// What most scenarios leave as it is.
pub const SCENARIO: Scenario =
    Scenario { name: "", environments: PRODUCTION, gates: "{}", history: &[], asked: &[] };

/// What a commit changes.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// This version of the service `api`.
    Pin(&'static str, &'static str),
    /// The same of another service: environment, service, version.
    PinOf(&'static str, &'static str, &'static str),
    /// A version under an image tag that is not its own: environment, tag, version.
    Retag(&'static str, &'static str, &'static str),
    /// A key of the pin that no promotion copies.
    Note(&'static str, &'static str),
    /// `api` is in this environment no more.
    Remove(&'static str),
    /// A lock's file below `locks`, without its ending, and what it says.
    Lock(&'static str, &'static str),
    Unlock(&'static str),
    /// Any file, in which `<1>` stands for the commit of version `1`.
    Write(&'static str, &'static str),
    /// A branch with commits of its own times, and its merge at the time of this one.
    Merge(&'static [(&'static str, Change)]),
}

/// What is asked at a moment, and the right answers.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub at: &'static str,
    /// The environment.
    pub to: &'static str,
    /// What `promote` is given beside the service and the environment.
    pub more: &'static [&'static str],
    /// What `promote` answers.
    pub promote: Answer,
    /// What a person changes by hand, and what `check` says of it.
    pub by_hand: &'static [(&'static [Edit], Answer)],
}

/// What a person does in a clone before the commit.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    /// The pin of `api` in an environment is made to tell this version.
    Pin(&'static str, &'static str),
    /// The same with another version's image tag: environment, tag, version.
    Retag(&'static str, &'static str, &'static str),
    /// The same for another service.
    PinOf(&'static str, &'static str, &'static str),
    /// Any file, in which `<1>` stands for the commit of version `1`.
    Write(&'static str, &'static str),
    /// A piece of a file in place of another.
    Replace(&'static str, &'static str, &'static str),
    Delete(&'static str),
    /// The last line of the commit's message.
    Trailer(&'static str),
}

/// What is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This version goes.
    Goes(&'static str),
    /// It is there already.
    Unchanged,
    /// It goes as a way back does, past every gate.
    WayBack,
    /// The service leaves the environment.
    Removed,
    /// No pin is changed, and nothing is wrong.
    Passes,
    /// It may not, for a cause of this kind; and what else the cause tells.
    Refused(&'static str, &'static [(&'static str, &'static str)]),
    /// A rule of the whole change refuses it: the exit code, and a word of the problem.
    Stopped(i32, &'static str),
}

impl Answer {
    /// Whether the change may be merged.
    pub const fn lets_through(self) -> bool {
        !matches!(self, Self::Refused(..) | Self::Stopped(..))
    }
}

/// A question about production.
pub const fn ask(at: &'static str, promote: Answer) -> Question {
    Question { at, to: "production", more: &[], promote, by_hand: &[] }
}

impl Question {
    pub const fn of(self, to: &'static str) -> Self {
        Self { to, ..self }
    }

    pub const fn with(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    /// What is written by hand, where that is not just the version that is asked for.
    pub const fn by_hand(self, by_hand: &'static [(&'static [Edit], Answer)]) -> Self {
        Self { by_hand, ..self }
    }
}

pub const fn refused(kind: &'static str) -> Answer {
    Answer::Refused(kind, &[])
}
