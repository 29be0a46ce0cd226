//! Freezes on both sides of every change of the clocks, and against a slow second opinion.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::domain::yaml::YamlError;

fn read(from: &str, to: &str, zone: &str) -> Result<Freeze, YamlError> {
    #[derive(Default, Deserialize)]
    struct File {
        freeze: Vec<Freeze>,
    }
    let text = format!("freeze:\n  - {{from: {from}, to: {to}, timeZone: \"{zone}\"}}\n");
    crate::domain::yaml::parse(text.as_bytes()).map(|file: File| file.freeze[0].clone())
}

fn freeze(from: &str, to: &str, zone: &str) -> Freeze {
    read(from, to, zone).expect("a freeze")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn until(freezes: &[Freeze], now: Timestamp) -> Option<Timestamp> {
    frozen(freezes, now).map(|frozen| frozen.until)
}

/// Holds from just this instant until just that one.
fn holds(freeze: Freeze, begin: &str, end: &str) {
    let (begin, end) = (time(begin), time(end));
    let freezes = [freeze];
    for (now, expected) in
        [(begin - 1.second(), None), (begin, Some(end)), (end - 1.second(), Some(end)), (end, None)]
    {
        assert_eq!(until(&freezes, now), expected, "{freezes:?} at {now}");
    }
}

/// What is written, in which zone, and when it holds in UTC, by hand from the zone's rules.
type Table<'a> = &'a [(&'a str, &'a str, &'a str, &'a str)];

fn all_hold(zone: &str, table: Table<'_>) {
    for (from, to, begin, end) in table {
        holds(freeze(from, to, zone), begin, end);
    }
}

#[test]
fn in_amsterdam_an_hour_is_left_out_or_comes_twice_at_night() {
    all_hold(
        "Europe/Amsterdam",
        &[
            // 29 March 2026, 02:00 becomes 03:00.
            ("Fri 17:00", "Mon 07:00", "2026-03-27T16:00:00Z", "2026-03-30T05:00:00Z"),
            ("Sun 01:59", "Sun 03:01", "2026-03-29T00:59:00Z", "2026-03-29T01:01:00Z"),
            ("Sun 02:00", "Sun 05:00", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
            ("Sun 02:30", "Sun 05:00", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
            ("Sun 03:00", "Sun 05:00", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
            ("Sat 20:00", "Sun 02:30", "2026-03-28T19:00:00Z", "2026-03-29T01:00:00Z"),
            // 25 October 2026, 03:00 becomes 02:00.
            ("Fri 17:00", "Mon 07:00", "2026-10-23T15:00:00Z", "2026-10-26T06:00:00Z"),
            ("Sun 02:30", "Sun 05:00", "2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z"),
            ("Sun 03:00", "Sun 05:00", "2026-10-25T02:00:00Z", "2026-10-25T04:00:00Z"),
            ("Sat 20:00", "Sun 02:00", "2026-10-24T18:00:00Z", "2026-10-25T01:00:00Z"),
            ("Sat 20:00", "Sun 02:30", "2026-10-24T18:00:00Z", "2026-10-25T01:30:00Z"),
            // Away from both.
            ("Fri 17:00", "Mon 07:00", "2026-12-04T16:00:00Z", "2026-12-07T06:00:00Z"),
            (
                "2026-12-24 12:00",
                "2027-01-02 08:00",
                "2026-12-24T11:00:00Z",
                "2027-01-02T07:00:00Z",
            ),
        ],
    );
}

#[test]
fn in_new_york_the_clocks_change_on_other_days_and_at_another_hour() {
    all_hold(
        "America/New_York",
        &[
            // 8 March 2026, 02:00 becomes 03:00.
            ("Sat 22:00", "Sun 06:00", "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z"),
            ("Sun 02:30", "Sun 04:00", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"),
            (
                "2026-03-08 01:00",
                "2026-03-08 02:59",
                "2026-03-08T06:00:00Z",
                "2026-03-08T07:00:00Z",
            ),
            // 1 November 2026, 02:00 becomes 01:00.
            ("Sat 22:00", "Sun 06:00", "2026-11-01T02:00:00Z", "2026-11-01T11:00:00Z"),
            ("Sun 01:30", "Sun 01:45", "2026-11-01T05:30:00Z", "2026-11-01T06:45:00Z"),
            (
                "2026-11-01 00:59",
                "2026-11-01 02:01",
                "2026-11-01T04:59:00Z",
                "2026-11-01T07:01:00Z",
            ),
        ],
    );
}

#[test]
fn on_lord_howe_the_clocks_change_by_half_an_hour() {
    all_hold(
        "Australia/Lord_Howe",
        &[
            // 4 October 2026, 02:00 becomes 02:30.
            ("Sun 01:59", "Sun 02:31", "2026-10-03T15:29:00Z", "2026-10-03T15:31:00Z"),
            ("Sun 02:15", "Sun 03:00", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"),
            // 5 April 2026, 02:00 becomes 01:30.
            ("Sun 01:45", "Sun 01:50", "2026-04-04T14:45:00Z", "2026-04-04T15:20:00Z"),
            ("Sun 02:00", "Sun 02:30", "2026-04-04T15:30:00Z", "2026-04-04T16:00:00Z"),
        ],
    );
}

#[test]
fn in_santiago_the_clocks_change_at_midnight() {
    all_hold(
        "America/Santiago",
        &[
            // 6 September 2026, 00:00 becomes 01:00.
            ("Sun 00:00", "Mon 00:00", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
            ("Sat 00:00", "Sun 00:00", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"),
            // 4 April 2026, 24:00 becomes 23:00.
            ("Sat 23:30", "Sun 00:00", "2026-04-05T02:30:00Z", "2026-04-05T04:00:00Z"),
            ("Sat 12:00", "Sat 23:30", "2026-04-04T15:00:00Z", "2026-04-05T03:30:00Z"),
            ("Sun 00:00", "Mon 00:00", "2026-04-05T04:00:00Z", "2026-04-06T04:00:00Z"),
        ],
    );
}

#[test]
fn in_samoa_a_friday_was_left_out() {
    // After 29 December 2011 came the 31st, at 10:00 UTC on the 30th.
    all_hold(
        "Pacific/Apia",
        &[
            (
                "2011-12-29 12:00",
                "2011-12-30 12:00",
                "2011-12-29T22:00:00Z",
                "2011-12-30T10:00:00Z",
            ),
            (
                "2011-12-30 12:00",
                "2011-12-31 12:00",
                "2011-12-30T10:00:00Z",
                "2011-12-30T22:00:00Z",
            ),
            ("Fri 17:00", "Mon 07:00", "2011-12-30T10:00:00Z", "2012-01-01T17:00:00Z"),
            ("Thu 12:00", "Fri 12:00", "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z"),
        ],
    );
    let left_out = [freeze("2011-12-30 09:00", "2011-12-30 17:00", "Pacific/Apia")];
    for hour in -48..48 {
        let now = time("2011-12-30T10:00:00Z") + hour.hours();
        assert_eq!(until(&left_out, now), None, "{now}");
    }
}

#[test]
fn windows_that_overlap_or_touch_are_one_and_the_reason_is_of_the_one_that_holds_now() {
    let with_reason = |from, to, reason: &str| Freeze {
        reason: Some(reason.to_owned()),
        ..freeze(from, to, "UTC")
    };
    let freezes = [
        with_reason("Fri 17:00", "Mon 07:00", "weekend"),
        with_reason("2026-12-24 12:00", "2026-12-26 10:00", "Christmas"),
        with_reason("2026-12-28 07:00", "2026-12-28 09:00", "inventory"),
    ];
    let end = Some(time("2026-12-28T09:00:00Z"));
    for (now, expected, reason) in [
        ("2026-12-24T11:59:59Z", None, None),
        ("2026-12-24T12:00:00Z", end, Some("Christmas")),
        ("2026-12-25T18:00:00Z", end, Some("weekend")),
        ("2026-12-28T07:00:00Z", end, Some("inventory")),
        ("2026-12-28T09:00:00Z", None, None),
    ] {
        let frozen = frozen(&freezes, time(now));
        assert_eq!(frozen.as_ref().map(|frozen| frozen.until), expected, "{now}");
        assert_eq!(frozen.and_then(|frozen| frozen.reason).as_deref(), reason, "{now}");
    }
    assert_eq!(frozen(&[], time("2026-12-24T12:00:00Z")), None);
}

#[test]
fn windows_that_leave_no_time_between_them_hold_for_ever() {
    let zone = "Europe/Amsterdam";
    let now = time("2026-11-21T12:00:00Z");
    let mut freezes =
        vec![freeze("Mon 00:00", "Thu 00:00", zone), freeze("Thu 00:00", "Mon 00:00", zone)];
    assert_eq!(until(&freezes, now), Some(Timestamp::MAX));
    // An hour each week is enough, and one that is left out in spring is none then.
    freezes[1] = freeze("Thu 00:00", "Sun 23:00", zone);
    assert_eq!(until(&freezes, now), Some(time("2026-11-22T22:00:00Z")));
    let but_one_hour = [freeze("Sun 03:00", "Sun 02:00", zone)];
    let night = time("2026-03-23T00:00:00Z");
    assert_eq!(until(&but_one_hour, night), Some(time("2026-04-05T00:00:00Z")));
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let freezes = [
        freeze("Fri 17:00", "Mon 07:00", "Pacific/Apia"),
        freeze("0000-01-01 00:00", "0001-01-01 00:00", "America/Santiago"),
        freeze("9999-12-30 00:00", "9999-12-31 23:59", "America/Santiago"),
    ];
    for now in [Timestamp::MIN, Timestamp::MAX, time("9999-12-30T12:00:00Z")] {
        let until = until(&freezes, now);
        assert!(until.is_none_or(|until| until > now), "{now}: {until:?}");
    }
    assert_eq!(until(&freezes, time("9999-12-30T12:00:00Z")), Some(Timestamp::MAX));
}

#[test]
fn what_is_no_window_is_refused_with_its_line_and_a_hint() {
    for (from, to, zone, hint) in [
        ("Fri 17:00", "Fri 17:00", "UTC", "empty, or all week long: make `to` another time"),
        ("fri 17:00", "Friday 17:00", "UTC", "empty, or all week long"),
        ("2026-12-24 12:00", "2026-12-24 12:00", "UTC", "make `to` another time"),
        ("2026-12-24 12:00", "2026-12-24 11:59", "UTC", "make `to` later than `2026-12-24 12:00`"),
        ("Fri 17:00", "2026-12-24 12:00", "UTC", "use two weekdays or two dates"),
        ("2026-02-29 12:00", "2026-12-24 12:00", "UTC", "such as `Fri 17:00`"),
        ("-002026-12-24 12:00", "2026-12-24 12:00", "UTC", "such as `Fri 17:00`"),
        ("Fri 17", "Mon 07:00", "UTC", "such as `Fri 17:00`"),
        ("Fri 24:00", "Mon 07:00", "UTC", "such as `2026-12-24 12:00`"),
        ("Fri 7:00", "Mon 07:00", "UTC", "such as"),
        ("Fr 17:00", "Mon 07:00", "UTC", "such as"),
        ("Fri  17:00", "Mon 07:00", "UTC", "such as"),
        ("Fri 17:00:00", "Mon 07:00", "UTC", "such as"),
        ("\"\"", "Mon 07:00", "UTC", "such as"),
        ("Fri 17:00", "Mon 07:00", "Europe/Amsterdm", "did you mean `Europe/Amsterdam`?"),
        ("Fri 17:00", "Mon 07:00", "Amsterdam", "did you mean `Europe/Amsterdam`?"),
        ("Fri 17:00", "Mon 07:00", "CET-1CEST,M3.5.0,M10.5.0/3", "such as `Europe/Amsterdam`"),
        ("Fri 17:00", "Mon 07:00", "+02:00", "no IANA time zone"),
        ("Fri 17:00", "Mon 07:00", "Etc/Unknown", "no IANA time zone"),
        ("Fri 17:00", "Mon 07:00", "", "no IANA time zone"),
    ] {
        let error = read(from, to, zone).expect_err(&format!("{from} to {to} in {zone}"));
        assert!(error.problem.contains(hint), "{}", error.problem);
        assert_eq!(error.line, Some(2), "{}", error.problem);
    }
}

#[test]
fn a_window_is_written_as_it_is_read() {
    for (from, to, zone) in [
        ("Fri 17:00", "Mon 07:00", "Europe/Amsterdam"),
        ("2026-12-24 12:00", "2027-01-02 08:00", "America/Argentina/Buenos_Aires"),
    ] {
        let written = serde_json::to_value(freeze(from, to, zone)).expect("JSON");
        assert_eq!(written, serde_json::json!({"from": from, "to": to, "timeZone": zone}));
    }
    let canonical = freeze("Fri 17:00", "Mon 07:00", "Europe/Amsterdam");
    assert_eq!(freeze("FRIDAY 17:00", "monday 07:00", "europe/amsterdam"), canonical);
}

/// Minutes from one civil time to another, as if no clock ever changed.
fn minutes(shown: DateTime) -> i64 {
    shown.duration_since(Date::constant(2000, 1, 3).at(0, 0, 0, 0)).as_mins()
}

/// What the slow oracle sees: what the clocks show every five minutes. All clocks of these years
/// change at such a time, and all windows here begin and end at one.
struct Walk {
    begin: Timestamp,
    shown: Vec<i64>,
}

impl Walk {
    const STEP: i64 = 5;
    const BEFORE: i64 = 9 * 24 * 60;
    const MINUTES: i64 = 21 * 24 * 60;

    fn around(now: Timestamp, zone: &TimeZone) -> Self {
        let begin = now - SignedDuration::from_mins(Self::BEFORE);
        let minute = |count: i64| begin + SignedDuration::from_mins(count);
        let shown = (0..Self::MINUTES)
            .step_by(usize::try_from(Self::STEP).expect("positive"))
            .map(|count| minutes(zone.to_datetime(minute(count))));
        Self { begin, shown: shown.collect() }
    }

    /// Marks the steps of one window: from the first that shows its beginning or later until
    /// the last that shows its end, or the one after where none shows just that.
    fn mark(&self, from: i64, to: i64, frozen: &mut [bool]) {
        let Some(begin) = self.shown.iter().position(|shown| *shown >= from) else { return };
        let end = match self.shown.iter().rposition(|shown| *shown <= to) {
            Some(last) if self.shown[last] == to => last,
            Some(last) => last + 1,
            None => return,
        };
        frozen[begin.min(end)..end].fill(true);
    }

    fn mark_freeze(&self, freeze: &Freeze, frozen: &mut [bool]) {
        const WEEK: i64 = 7 * 24 * 60;
        match freeze.window {
            Window::Once { from, to } => self.mark(minutes(from), minutes(to), frozen),
            Window::Weekly { from, to } => {
                let in_week = |(day, time): (Weekday, Time)| {
                    let day = i64::from(day.to_monday_zero_offset());
                    (day * 24 + i64::from(time.hour())) * 60 + i64::from(time.minute())
                };
                let length = (in_week(to) - in_week(from)).rem_euclid(WEEK);
                let first = self.shown[0].div_euclid(WEEK) - 1;
                for week in first..first + 9 {
                    let from = week * WEEK + in_week(from);
                    self.mark(from, from + length, frozen);
                }
            }
        }
    }

    /// For each step, the next one in which nothing is frozen; the walk's end where none is.
    fn next_free(&self, freezes: &[Freeze]) -> Vec<usize> {
        let mut frozen = vec![false; self.shown.len()];
        for freeze in freezes {
            self.mark_freeze(freeze, &mut frozen);
        }
        let mut next: Vec<usize> = (0..frozen.len()).collect();
        let mut free = frozen.len();
        for (at, next) in next.iter_mut().enumerate().rev() {
            free = if frozen[at] { free } else { at };
            *next = free;
        }
        next
    }

    fn time(&self, step: usize) -> Timestamp {
        let step = i64::try_from(step).expect("a step of the walk");
        self.begin + SignedDuration::from_mins(step * Self::STEP)
    }

    fn at(&self, now: Timestamp) -> usize {
        usize::try_from(now.duration_since(self.begin).as_mins() / Self::STEP)
            .expect("within the walk")
    }
}

const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Amsterdam",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Cairo",
    "America/Caracas",
];

/// A window near an instant, often in quarters of an hour, so that it ends with a change.
fn window(near: DateTime) -> impl Strategy<Value = (String, String)> {
    let day = prop_oneof!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let clock = (0..24, prop::sample::select(&["00", "15", "30", "45", "50"][..]));
    let clock = clock.prop_map(|(hour, minute)| format!("{hour:02}:{minute}"));
    let weekly = (day, clock).prop_map(|(day, clock)| format!("{day} {clock}"));
    let once = (-4 * 96..4 * 96_i64).prop_map(move |quarter| {
        let near = near.date().at(near.hour(), 0, 0, 0);
        (near + (quarter * 15).minutes()).strftime("%Y-%m-%d %H:%M").to_string()
    });
    let weekly = (weekly.clone(), weekly);
    let once = (once.clone(), once);
    prop_oneof![3 => weekly, 1 => once].prop_map(|(a, b)| {
        if a.len() == b.len() && a.starts_with('2') && b < a { (b, a) } else { (a, b) }
    })
}

/// A zone, an instant near a change of its clocks, and some windows.
fn scene() -> impl Strategy<Value = (&'static str, Timestamp, Vec<(String, String)>)> {
    let years = 1_230_768_000..2_051_222_400_i64;
    (prop::sample::select(&ZONES[..]), years, -1440..1440_i64).prop_flat_map(
        |(name, seconds, beside)| {
            let zone = TimeZoneDatabase::bundled().get(name).expect("a zone");
            let some = Timestamp::from_second(seconds - seconds % 900).expect("a time");
            let change = zone.following(some).next().map_or(some, |change| change.timestamp());
            let now = change + (beside * 5).minutes();
            (Just(name), Just(now), prop::collection::vec(window(zone.to_datetime(change)), 1..4))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_freeze_holds_as_one_who_watches_the_clock_would_say((name, now, windows) in scene()) {
        let windows: Vec<_> = windows.into_iter().filter(|(from, to)| from != to).collect();
        let freezes: Vec<_> =
            windows.iter().map(|(from, to)| freeze(from, to, name)).collect();
        let zone = TimeZoneDatabase::bundled().get(name).expect("a zone");
        let walk = Walk::around(now, &zone);
        let next_free = walk.next_free(&freezes);
        let is_frozen = |step: usize| next_free[step] != step;
        let edges: Vec<_> =
            (1..next_free.len()).filter(|at| is_frozen(*at) != is_frozen(at - 1)).collect();
        let edges = edges.into_iter().map(|edge| walk.time(edge));
        let between = (0..next_free.len()).step_by(97).map(|step| walk.time(step));
        for now in edges.flat_map(|edge| [edge - 1.second(), edge]).chain(between) {
            let at = walk.at(now);
            let free = next_free[at];
            let place = format!("{windows:?} in {name} at {now}");
            match until(&freezes, now) {
                None => prop_assert_eq!(free, at, "{}", place),
                Some(until) if free < next_free.len() => {
                    prop_assert_eq!(walk.at(until), free, "{}", place);
                }
                Some(until) => prop_assert!(walk.at(until) >= free, "{}", place),
            }
        }
    }
}
