//! The ends of a freeze and its time zone, as they are written.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::domain::nearest::{did_you_mean, nearest};

/// One end of a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Edge {
    /// Every week, as `Fri 17:00` or `Friday 17:00`.
    Weekly(Weekday, Time),
    /// Once, as `2026-12-24 12:00`.
    Once(DateTime),
}

/// A text that is no end of a freeze.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no end of a freeze: use a weekday and a time, such as `Fri 17:00`, or a date and a \
     time, such as `2026-12-24 12:00`"
)]
pub struct EdgeError(String);

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Monday"),
    (Weekday::Tuesday, "Tuesday"),
    (Weekday::Wednesday, "Wednesday"),
    (Weekday::Thursday, "Thursday"),
    (Weekday::Friday, "Friday"),
    (Weekday::Saturday, "Saturday"),
    (Weekday::Sunday, "Sunday"),
];

/// A weekday by its English name, or the first three letters of it.
fn weekday(text: &str) -> Option<Weekday> {
    let is_it =
        |name: &str| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text);
    WEEKDAYS.iter().find(|(_, name)| is_it(name)).map(|(day, _)| *day)
}

/// A day and a time of the day; `jiff` takes more forms of both than these.
fn edge(text: &str) -> Option<Edge> {
    let (day, time) = text.split_once(' ')?;
    let parsed: Time = time.parse().ok()?;
    if parsed.strftime("%H:%M").to_string() != time {
        return None;
    }
    if let Some(day) = weekday(day) {
        return Some(Edge::Weekly(day, parsed));
    }
    let date: Date = day.parse().ok()?;
    (day.len() == 10 && date.to_string() == day).then(|| Edge::Once(date.to_datetime(parsed)))
}

impl TryFrom<String> for Edge {
    type Error = EdgeError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        edge(&value).ok_or(EdgeError(value))
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekly(day, time) => {
                let name = WEEKDAYS.iter().find(|(known, _)| known == day);
                let name = name.map_or("", |(_, name)| &name[..3]);
                write!(f, "{name} {}", time.strftime("%H:%M"))
            }
            Self::Once(at) => write!(f, "{}", at.strftime("%Y-%m-%d %H:%M")),
        }
    }
}

impl From<Edge> for String {
    fn from(edge: Edge) -> Self {
        edge.to_string()
    }
}

impl JsonSchema for Edge {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Edge".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const PATTERN: &str = concat!(
            "^([Mm][Oo][Nn]([Dd][Aa][Yy])?|[Tt][Uu][Ee]([Ss][Dd][Aa][Yy])?",
            "|[Ww][Ee][Dd]([Nn][Ee][Ss][Dd][Aa][Yy])?|[Tt][Hh][Uu]([Rr][Ss][Dd][Aa][Yy])?",
            "|[Ff][Rr][Ii]([Dd][Aa][Yy])?|[Ss][Aa][Tt]([Uu][Rr][Dd][Aa][Yy])?",
            "|[Ss][Uu][Nn]([Dd][Aa][Yy])?|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))",
            " ([01][0-9]|2[0-3]):[0-5][0-9]$",
        );
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}

/// The time zones of the program itself: what a freeze forbids must not differ between the
/// machines that judge it, and small images have none.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// An IANA time zone, such as `Europe/Amsterdam`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A text that is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no IANA time zone: {hint}")]
pub struct ZoneError {
    name: String,
    hint: String,
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        match ZONES.get(&name) {
            // `Etc/Unknown` is of the library's making.
            Ok(zone) if !zone.is_unknown() => Ok(Self(zone)),
            _ => {
                let known = ZONES.available().map(|known| known.to_string());
                let hint = did_you_mean(&nearest(&name, known));
                let hint = hint.unwrap_or_else(|| "use one such as `Europe/Amsterdam`".to_owned());
                Err(ZoneError { name, hint })
            }
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.iana_name().unwrap_or_default().to_owned()
    }
}

impl JsonSchema for Zone {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Zone".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"})
    }
}

impl Zone {
    /// What the clocks show at an instant.
    pub(super) fn clocks(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The first and the last instant at which the clocks show a time: two where it comes twice,
    /// and the instant of the change where it is left out.
    pub(super) fn instants(&self, shown: DateTime) -> (Timestamp, Timestamp) {
        let at = |offset: Offset| {
            let end = if shown.year() < 1970 { Timestamp::MIN } else { Timestamp::MAX };
            offset.to_timestamp(shown).unwrap_or(end)
        };
        match self.0.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => (at(offset), at(offset)),
            AmbiguousOffset::Fold { before, after } => (at(before), at(after)),
            AmbiguousOffset::Gap { before, after } => {
                // By the offset after the change, the time lies before it.
                let mut changes = self.0.following(at(after));
                let change = changes.find(|change| change.offset() == after);
                let change = change.map_or(at(before), |change| change.timestamp());
                (change, change)
            }
        }
    }
}
