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
    // An empty text leaves what people wrote, with the blank lines that may be put around it.
    let own = merged(existing, "").trim_end().chars().count();
    limit.saturating_sub(own + 3)
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
