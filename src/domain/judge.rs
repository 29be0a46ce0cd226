//! Whether a wanted pin may replace the one that is there.

use super::pin::Pin;

/// What the caller believes is pinned now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// No pin at all.
    Nothing,
    /// A pin with this image tag or this revision.
    Version(String),
}

impl std::str::FromStr for Expectation {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "none" { Self::Nothing } else { Self::Version(text.to_owned()) })
    }
}

impl Expectation {
    fn holds(&self, current: Option<&Pin>) -> bool {
        match (self, current) {
            (Self::Nothing, current) => current.is_none(),
            (Self::Version(_), None) => false,
            (Self::Version(version), Some(pin)) => {
                pin.image_tag.as_str() == version || pin.target_revision.as_str() == version
            }
        }
    }
}

/// The order of this writer among the others of the same service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// Not told; a stored sequence stays as it is.
    Untold,
    /// The pipeline's number: a later pipeline has a higher one.
    Number(u64),
    /// Forget the stored sequence.
    Reset,
}

/// The verdict on one pin.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// The wanted version is there already.
    Unchanged,
    /// A later pipeline has pinned something else.
    Superseded,
    /// What is there is not what the caller expected, or changed since the first read.
    Conflict(Clash),
    /// Write this pin.
    Write(Box<Pin>),
}

/// Which belief turned out wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    Expectation,
    ChangedMeanwhile,
}

/// Judges `wanted` against `current`, the pin on the snapshot at hand; `first` is the pin
/// on the writer's own first snapshot. The order of the rules is a promise:
///
/// 1. the wanted version is there: unchanged, whatever is expected;
/// 2. a lower sequence than the stored one: superseded;
/// 3. an expectation that does not hold: conflict;
/// 4. neither expectation nor sequences, and the pin changed since `first`: conflict.
#[must_use]
pub fn judge(
    first: Option<&Pin>,
    current: Option<&Pin>,
    wanted: &Pin,
    sequence: Sequence,
    expect: Option<&Expectation>,
) -> Judgement {
    let stored = current.and_then(|pin| pin.sequence);
    if let Some(pin) = current
        && pin.same_version(wanted)
    {
        let nothing_to_write = match sequence {
            Sequence::Untold => true,
            Sequence::Reset => stored.is_none(),
            // A later pipeline that wants the same version must leave its number behind,
            // or one between the two could still replace it.
            Sequence::Number(number) => stored.is_some_and(|stored| stored >= number),
        };
        if nothing_to_write {
            return Judgement::Unchanged;
        }
    }
    if let (Sequence::Number(number), Some(stored)) = (sequence, stored)
        && number < stored
    {
        return Judgement::Superseded;
    }
    let both_sequenced = matches!(sequence, Sequence::Number(_)) && stored.is_some();
    match expect {
        Some(expect) if !expect.holds(current) => return Judgement::Conflict(Clash::Expectation),
        None if !both_sequenced && first != current => {
            return Judgement::Conflict(Clash::ChangedMeanwhile);
        }
        _ => {}
    }
    let mut pin = wanted.clone();
    pin.sequence = match sequence {
        Sequence::Untold => stored,
        Sequence::Number(number) => Some(number),
        Sequence::Reset => None,
    };
    Judgement::Write(Box::new(match current {
        Some(current) => pin.with_unknown_keys_of(current),
        None => pin,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(tag: &str, sequence: Option<u64>) -> Pin {
        let mut pin = Pin::new(
            "c".parse().expect("name"),
            "s".parse().expect("name"),
            tag.parse().expect("tag"),
            "a".repeat(40).parse().expect("revision"),
        );
        pin.sequence = sequence;
        pin
    }

    fn verdict(
        first: Option<&Pin>,
        current: Option<&Pin>,
        wanted: &Pin,
        sequence: Sequence,
        expect: Option<&str>,
    ) -> &'static str {
        let expect = expect.map(|text| text.parse().expect("infallible"));
        match judge(first, current, wanted, sequence, expect.as_ref()) {
            Judgement::Unchanged => "unchanged",
            Judgement::Superseded => "superseded",
            Judgement::Conflict(_) => "conflict",
            Judgement::Write(_) => "write",
        }
    }

    #[test]
    fn rule_1_the_wanted_version_is_unchanged_whatever_is_expected() {
        let there = pin("new", Some(5));
        let new = pin("new", None);
        for expect in [None, Some("none"), Some("other"), Some("new")] {
            assert_eq!(verdict(None, Some(&there), &new, Sequence::Untold, expect), "unchanged");
        }
        // Also for an older pipeline: its version is live, so there is nothing to complain of.
        for number in [4, 5] {
            assert_eq!(
                verdict(None, Some(&there), &new, Sequence::Number(number), Some("other")),
                "unchanged"
            );
        }
    }

    #[test]
    fn rule_1_a_later_pipeline_leaves_its_number_behind() {
        let there = pin("new", Some(5));
        let expected = Judgement::Write(Box::new(pin("new", Some(6))));
        assert_eq!(
            judge(Some(&there), Some(&there), &pin("new", None), Sequence::Number(6), None),
            expected
        );
    }

    #[test]
    fn rule_2_a_lower_sequence_is_superseded_before_any_expectation_is_looked_at() {
        let there = pin("there", Some(5));
        let new = pin("new", None);
        for expect in [None, Some("there"), Some("other")] {
            assert_eq!(
                verdict(Some(&there), Some(&there), &new, Sequence::Number(4), expect),
                "superseded"
            );
        }
        assert_eq!(verdict(Some(&there), Some(&there), &new, Sequence::Number(5), None), "write");
    }

    #[test]
    fn rule_3_an_expectation_holds_by_tag_by_revision_or_by_absence() {
        let there = pin("there", None);
        let new = pin("new", None);
        let revision = "a".repeat(40);
        for (current, expect, wanted) in [
            (Some(&there), "there", "write"),
            (Some(&there), revision.as_str(), "write"),
            (Some(&there), "other", "conflict"),
            (Some(&there), "none", "conflict"),
            (None, "none", "write"),
            (None, "there", "conflict"),
        ] {
            // An expectation that holds wins over a change since the first read.
            assert_eq!(
                verdict(Some(&pin("older", None)), current, &new, Sequence::Untold, Some(expect)),
                wanted,
                "{expect}"
            );
        }
        // And it counts beside sequences too.
        assert_eq!(
            verdict(None, Some(&pin("there", Some(1))), &new, Sequence::Number(2), Some("other")),
            "conflict"
        );
    }

    #[test]
    fn rule_4_without_expectation_or_sequences_a_changed_pin_is_a_conflict() {
        let (old, other, new) = (pin("old", None), pin("other", None), pin("new", None));
        assert_eq!(verdict(Some(&old), Some(&old), &new, Sequence::Untold, None), "write");
        assert_eq!(verdict(Some(&old), Some(&other), &new, Sequence::Untold, None), "conflict");
        assert_eq!(verdict(None, Some(&other), &new, Sequence::Untold, None), "conflict");
        assert_eq!(verdict(Some(&old), None, &new, Sequence::Untold, None), "conflict");
        // A sequence on one side only orders nothing.
        assert_eq!(verdict(Some(&old), Some(&other), &new, Sequence::Number(9), None), "conflict");
        assert_eq!(
            verdict(Some(&old), Some(&pin("other", Some(8))), &new, Sequence::Untold, None),
            "conflict"
        );
        assert_eq!(
            verdict(Some(&old), Some(&pin("other", Some(8))), &new, Sequence::Number(9), None),
            "write"
        );
    }

    #[test]
    fn the_stored_sequence_stays_rises_or_is_forgotten() {
        let there = pin("there", Some(5));
        for (sequence, stored) in
            [(Sequence::Untold, Some(5)), (Sequence::Number(7), Some(7)), (Sequence::Reset, None)]
        {
            let expected = Judgement::Write(Box::new(pin("new", stored)));
            assert_eq!(
                judge(Some(&there), Some(&there), &pin("new", None), sequence, None),
                expected
            );
        }
    }

    #[test]
    fn unknown_keys_of_the_replaced_pin_survive() {
        let text = String::from_utf8(pin("old", None).to_bytes())
            .expect("text")
            .replace("\n}", ",\n  \"x\": [1.10]\n}");
        let there = Pin::parse(text.as_bytes()).expect("a pin");
        let Judgement::Write(written) =
            judge(Some(&there), Some(&there), &pin("new", None), Sequence::Untold, None)
        else {
            panic!("must write");
        };
        assert!(
            String::from_utf8(written.to_bytes()).expect("text").ends_with("\"x\": [1.10]\n}\n")
        );
    }
}
