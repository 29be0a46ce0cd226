//! The part of a body that is generated, and what people wrote around it.

use crate::domain::artifact::Revision;

const BEGIN: &str = "<!-- pinrail:begin";
const END: &str = "<!-- pinrail:end -->";

/// A generated text within its markers; the first carries the commit that asks.
pub fn framed(text: &str, head: &Revision) -> String {
    format!("{BEGIN} head={head} -->\n\n{}\n\n{END}\n", text.trim())
}

/// The commit that a body was generated for. Only to see whether the text is up to date:
/// anybody may have edited it.
#[must_use]
pub fn head_of(body: &str) -> Option<Revision> {
    let section = sections(body).into_iter().next()?;
    let (marker, _) = body.get(section)?.split_once("-->")?;
    marker.split_once("head=")?.1.trim().parse().ok()
}

/// A body with its generated part replaced, and all that people wrote around it kept. Where
/// nothing is marked, the generated text comes first.
#[must_use]
pub fn merged(existing: &str, generated: &str) -> String {
    let generated = generated.trim();
    let mut sections = sections(existing).into_iter();
    let Some(first) = sections.next() else {
        let own = without_markers(existing);
        return match own.trim() {
            "" => format!("{generated}\n"),
            own => format!("{generated}\n\n{own}\n"),
        };
    };
    let mut text = without_markers(&existing[..first.start]) + generated;
    let mut at = first.end;
    // A copy of the generated text is no text of theirs.
    for copy in sections {
        text.push_str(&without_markers(&existing[at..copy.start]));
        at = copy.end;
    }
    text + &without_markers(&existing[at..])
}

/// How many characters a generated text may have, so that the body that it is merged into is
/// not longer than `limit`.
#[must_use]
pub fn room(existing: &str, limit: usize) -> usize {
    limit.saturating_sub(merged(existing, "").chars().count())
}

/// Where the generated parts are, from their first marker to their last.
fn sections(body: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(end) = body[at..].find(END).map(|end| at + end) {
        if let Some(begin) = body[at..end].rfind(BEGIN).map(|begin| at + begin) {
            found.push(begin..end + END.len());
        }
        at = end + END.len();
    }
    found
}

/// A text without markers that have lost their other half.
fn without_markers(text: &str) -> String {
    let mut rest = text.replace(END, "");
    while let Some(begin) = rest.find(BEGIN) {
        let end = rest[begin..].find("-->").map_or(begin + BEGIN.len(), |end| begin + end + 3);
        rest.replace_range(begin..end, "");
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "5a1c9a7e2f0b4d6e8c0a1b2c3d4e5f60718293a4";

    fn generated(text: &str) -> String {
        framed(text, &HEAD.parse().expect("a revision"))
    }

    #[test]
    fn the_commit_that_asks_is_read_back() {
        let body = format!("Please!\r\n{}", generated("x").replace('\n', "\r\n"));
        assert_eq!(head_of(&body).expect("a commit").as_str(), HEAD);
        for other in ["", "<!-- pinrail:begin head=", &body.replace("5a1c", "zzzz"), END] {
            assert_eq!(head_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_people_wrote_stays_where_it_is() {
        let (old, new) = (generated("old"), generated("new"));
        let (old, new) = (old.trim(), new.trim());
        for (existing, expected) in [
            (String::new(), format!("{new}\n")),
            ("Mine".to_owned(), format!("{new}\n\nMine\n")),
            (format!("Above\n{old}\nbelow\n\n"), format!("Above\n{new}\nbelow\n\n")),
            (format!("{old}\n\nMine\n{old}"), format!("{new}\n\nMine\n")),
            (format!("{END}Mine"), format!("{new}\n\nMine\n")),
            (format!("{BEGIN} head=1 -->Mine"), format!("{new}\n\nMine\n")),
            (format!("{BEGIN} -->Mine{old}"), format!("Mine{new}")),
        ] {
            assert_eq!(merged(&existing, new), expected, "{existing}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn merging_again_changes_nothing_and_never_exceeds_the_limit(
            parts in prop::collection::vec(
                prop_oneof![Just(BEGIN), Just(END), Just(" -->"), Just("\n"), Just("text é"), Just("<!--")], 0..9,
            ),
        ) {
            let existing = parts.concat();
            let (old, new) = (generated("old"), generated("new text"));
            let once = merged(&existing, &new);
            prop_assert_eq!(once.chars().count(), new.trim().chars().count() + 10_000 - room(&existing, 10_000));
            prop_assert_eq!(merged(&once, &new), once.clone());
            prop_assert_eq!(merged(&merged(&once, &old), &new), once.clone());
            prop_assert_eq!(once.matches("text é").count(), {
                let kept = merged(&existing, "");
                kept.matches("text é").count()
            });
            prop_assert_eq!((once.matches(BEGIN).count(), once.matches(END).count()), (1, 1));
        }
    }
}
