//! What has soaked, by hand and whatever happens.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn pin(cluster: &str, tag: &str) -> Pin {
    Pin::new(
        cluster.parse().expect("name"),
        "api".parse().expect("name"),
        tag.parse().expect("tag"),
        "a".repeat(40).parse().expect("revision"),
    )
}

/// What the target has: the same versions on another cluster.
fn target(tag: impl ToString) -> Pin {
    pin("eu-1", &tag.to_string())
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// A landing each minute, `-` where the pin was taken away.
fn landings(tags: &str) -> Vec<Landing> {
    let pin = |tag: char| (tag != '-').then(|| pin("shared", &tag.to_string()));
    (0..).zip(tags.chars()).map(|(at, tag)| Landing { pin: pin(tag), at: minute(at) }).collect()
}

fn tag(pin: &Pin) -> String {
    pin.image_tag.to_string()
}

/// What stands, each with the minute of its landing.
fn stands(tags: &str) -> String {
    let landings = landings(tags);
    let standing = standing(&landings, minute(100));
    let text =
        |stands: &Standing<'_>| format!("{}@{}", stands.pin.image_tag, stands.at.as_second() / 60);
    standing.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_version_stands_until_the_environment_goes_back_past_it() {
    for (tags, expected) in [
        ("", ""),
        ("1", "1@0"),
        ("123", "1@0 2@1 3@2"),
        ("11223", "1@0 2@2 3@4"),
        ("1232", "1@0 2@1"),
        ("12324", "1@0 2@1 4@4"),
        ("1231", "1@0"),
        ("1213", "1@0 3@3"),
        ("12123", "1@0 2@3 3@4"),
        ("12-", ""),
        ("12-2", "2@3"),
        ("12-21", "2@3 1@4"),
    ] {
        assert_eq!(stands(tags), expected, "{tags}");
    }
}

#[test]
fn a_landing_of_a_clock_that_goes_ahead_counts_from_now() {
    let landings = landings("123");
    let at: Vec<_> = standing(&landings, minute(1)).iter().map(|stands| stands.at).collect();
    assert_eq!(at, [minute(0), minute(1), minute(1)]);
    let three = target(3);
    assert_eq!(soaked(&landings, &three, Duration::ZERO, minute(1)), Ok(()));
    let until = minute(1) + SignedDuration::from_secs(1);
    assert_eq!(
        soaked(&landings, &three, Duration::from_secs(1), minute(1)),
        Err(Unsoaked::Soaking { until })
    );
}

/// What may go at a minute with a soak of so many: `2`, with what waits and until when.
fn goes(tags: &str, current: Option<&str>, soak: u64, now: i64) -> String {
    let landings = landings(tags);
    let standing = standing(&landings, minute(now));
    let current = current.map(target);
    let waits = |waiting: Waiting<'_>| {
        format!("{} waits until {}", waiting.pin.image_tag, waiting.until.as_second() / 60)
    };
    match newest_soaked(
        &standing,
        current.as_ref(),
        |stands| stands.soaked_at(minutes(soak)),
        minute(now),
    ) {
        Soaked::Unchanged => "unchanged".to_owned(),
        Soaked::Go { pin, waiting: None } => tag(pin),
        Soaked::Go { pin, waiting: Some(waiting) } => format!("{}, {}", tag(pin), waits(waiting)),
        Soaked::Wait(waiting) => waits(waiting),
    }
}

#[test]
fn the_newest_that_has_soaked_may_go_and_never_one_older_than_what_is_there() {
    for (tags, current, soak, now, expected) in [
        ("1234", None, 10, 9, "1 waits until 10"),
        ("1234", None, 10, 10, "1, 4 waits until 13"),
        ("1234", None, 10, 12, "3, 4 waits until 13"),
        ("1234", None, 10, 13, "4"),
        ("1234", Some("1"), 10, 10, "2 waits until 11"),
        ("1234", Some("2"), 10, 11, "3 waits until 12"),
        ("1234", Some("3"), 10, 12, "4 waits until 13"),
        ("1234", Some("4"), 10, 12, "unchanged"),
        ("1234", Some("3"), 10, 13, "4"),
        // What the target has was never there, or was gone back past.
        ("1234", Some("x"), 10, 11, "2, 4 waits until 13"),
        ("12321", Some("3"), 10, 20, "1"),
        ("1232", Some("2"), 10, 20, "unchanged"),
        ("12324", Some("2"), 10, 20, "4"),
        // It landed again, and its time began again.
        ("1213", Some("1"), 2, 4, "3 waits until 5"),
        ("12123", Some("1"), 2, 5, "2, 3 waits until 6"),
        ("", None, 10, 20, "unchanged"),
        ("12-", Some("1"), 10, 20, "unchanged"),
        ("1234", Some("1"), 0, 3, "4"),
    ] {
        assert_eq!(goes(tags, current, soak, now), expected, "{tags} after {current:?} at {now}");
    }
}

#[test]
fn one_version_is_judged_by_its_own_way() {
    let soak = minutes(10);
    let until = minute(11);
    for (tags, version, now, expected) in [
        ("123", "2", 10, Err(Unsoaked::Soaking { until })),
        ("123", "2", 11, Ok(())),
        ("123", "x", 100, Err(Unsoaked::NeverIn)),
        ("1231", "2", 100, Err(Unsoaked::LeftBehind)),
        ("123-", "2", 100, Err(Unsoaked::LeftBehind)),
        ("12312", "2", 13, Err(Unsoaked::Soaking { until: minute(14) })),
        ("12312", "2", 14, Ok(())),
        ("", "1", 100, Err(Unsoaked::NeverIn)),
    ] {
        let verdict = soaked(&landings(tags), &target(version), soak, minute(now));
        assert_eq!(verdict, expected, "{version} of {tags} at {now}");
    }
    assert_eq!(soaked(&landings("12"), &target(2), Duration::ZERO, minute(1)), Ok(()));
}

#[test]
fn a_soak_that_no_clock_reaches_is_no_trouble() {
    let landings = landings("1");
    let period: crate::domain::environment::Period = "1000000000000d".parse().expect("a period");
    for soak in [period.duration(), Duration::MAX] {
        for now in [Timestamp::MIN, minute(0), minute(100)] {
            let verdict = soaked(&landings, &target(1), soak, now);
            assert!(matches!(verdict, Err(Unsoaked::Soaking { until }) if until > now), "{now}");
            let standing = standing(&landings, now);
            let soaked = newest_soaked(&standing, None, |stands| stands.soaked_at(soak), now);
            assert!(matches!(soaked, Soaked::Wait(_)), "{soaked:?}");
        }
    }
}

/// What happens in an environment.
#[derive(Clone, Debug)]
enum Event {
    New,
    /// Back to one of the versions that stand.
    Back(prop::sample::Index),
    /// One that was left comes again.
    Again(prop::sample::Index),
    Gone,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::New),
        3 => any::<prop::sample::Index>().prop_map(Event::Back),
        2 => any::<prop::sample::Index>().prop_map(Event::Again),
        1 => Just(Event::Gone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soak_never_starves_a_service_that_deploys_every_five_minutes(
        soak in 1_u64..=24 * 60,
        waits in prop::collection::vec(0_i64..60, 1..25),
    ) {
        const EVERY: usize = 5;
        let soak_minutes = i64::try_from(soak).expect("a day at most");
        let end = waits.iter().sum::<i64>() + soak_minutes;
        let landings: Vec<_> = (0..=end)
            .step_by(EVERY)
            .map(|at| Landing { pin: Some(pin("shared", &at.to_string())), at: minute(at) })
            .collect();
        let mut there: Option<Pin> = None;
        let mut now = soak_minutes;
        for wait in waits {
            now += wait;
            let until_now = &landings[..=usize::try_from(now).expect("positive") / EVERY];
            let standing = standing(until_now, minute(now));
            if let Soaked::Go { pin, .. } =
                newest_soaked(&standing, there.as_ref(), |stands| stands.soaked_at(minutes(soak)), minute(now))
            {
                prop_assert_eq!(soaked(until_now, pin, minutes(soak), minute(now)), Ok(()));
                there = Some(target(&pin.image_tag));
            }
            let landed: i64 = there.as_ref().map(tag).expect("one may go").parse().expect("a minute");
            let age = now - landed;
            prop_assert!((soak_minutes..soak_minutes + 5).contains(&age), "{} minutes old", age);
        }
    }

    #[test]
    fn a_version_that_was_gone_back_past_never_goes_until_it_lands_again(
        events in prop::collection::vec((event(), 0_i64..20), 1..30),
        soak in 0_u64..60,
    ) {
        let (mut stand, mut left) = (Vec::<(usize, i64)>::new(), BTreeSet::new());
        let (mut landings, mut now) = (Vec::new(), 0);
        for (version, (event, wait)) in events.into_iter().enumerate() {
            now += wait;
            let lands = match event {
                Event::Back(place) if !stand.is_empty() => {
                    let place = place.index(stand.len());
                    left.extend(stand.drain(place + 1..));
                    Some(stand[place].0)
                }
                Event::Again(place) if !left.is_empty() => {
                    let (again, _) = *place.get(&left.iter().copied().collect::<Vec<_>>());
                    left.retain(|(version, _)| *version != again);
                    stand.push((again, now));
                    Some(again)
                }
                Event::Gone => {
                    left.extend(stand.drain(..));
                    None
                }
                _ => {
                    stand.push((version, now));
                    Some(version)
                }
            };
            let lands = lands.map(|version| pin("shared", &version.to_string()));
            landings.push(Landing { pin: lands, at: minute(now) });
            let (soak, now) = (minutes(soak), minute(now));
            let standing = standing(&landings, now);
            let expected: Vec<_> =
                stand.iter().map(|(version, at)| (version.to_string(), minute(*at))).collect();
            let found: Vec<_> = standing.iter().map(|stands| (tag(stands.pin), stands.at)).collect();
            prop_assert_eq!(found, expected);
            for (version, _) in &left {
                let verdict = soaked(&landings, &target(version), soak, now);
                prop_assert_eq!(verdict, Err(Unsoaked::LeftBehind));
            }
            // Whatever the target has, what goes stands, is newer, and has soaked.
            let versions = stand.iter().chain(&left).map(|(version, _)| Some(*version));
            for current in versions.chain([None]) {
                let has = current.map(target);
                let there = stand.iter().position(|(version, _)| Some(*version) == current);
                if let Soaked::Go { pin, .. } = newest_soaked(&standing, has.as_ref(), |stands| stands.soaked_at(soak), now) {
                    let goes = stand.iter().position(|(version, _)| version.to_string() == tag(pin));
                    prop_assert!(goes.is_some() && goes > there);
                    prop_assert_eq!(soaked(&landings, pin, soak, now), Ok(()));
                }
            }
        }
    }
}
