//! What is said of the gates beside a request's newest commit: the status that a protected
//! branch may require.

use super::on_forge::Host;
use crate::domain::cause::Cause;
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::forge::{CommitState, CommitStatus, ForgeError, PullRequest};

/// The name of the status.
pub const CONTEXT: &str = "pinrail/gates";

/// What forges take of a description, in characters.
const LONGEST: usize = 140;

/// Nothing holds the request back.
pub fn green() -> CommitStatus {
    status(CommitState::Success, "every gate lets it pass")
}

/// The request may not be merged now.
pub fn red(why: &str) -> CommitStatus {
    status(CommitState::Failure, why)
}

/// Nobody has judged it.
pub fn unread(why: &str) -> CommitStatus {
    status(CommitState::Pending, why)
}

/// Which pin is held back, and why.
pub fn sentence((service, environment): (&ServiceName, &EnvironmentName), cause: &Cause) -> String {
    format!("{service} in {environment}: {}", cause.sentence())
}

/// Shows it on a request's head at once; why that could not be, as the request is open anyway.
pub fn show(
    host: &Host,
    request: &PullRequest,
    head: &str,
    status: &CommitStatus,
) -> Option<String> {
    let request = PullRequest { head: head.to_owned(), ..request.clone() };
    match host.forge.set_status(&request, status) {
        // A head that is new by now, or that the forge has yet to hear of, is left to `tend`.
        Ok(_) | Err(ForgeError::HeadMoved) => None,
        Err(error) => Some(format!("{}; `pinrail tend` tries again", unset(&error))),
    }
}

/// Why a status could not be set, with the right that is missing.
pub fn unset(error: &ForgeError) -> String {
    let need = match error {
        ForgeError::Forbidden { need: Some(need), .. } => format!(" (the token needs {need})"),
        _ => String::new(),
    };
    format!("the status `{CONTEXT}` could not be set: {error}{need}")
}

fn status(state: CommitState, description: &str) -> CommitStatus {
    let (context, description) = (CONTEXT.to_owned(), cut(description));
    CommitStatus { context, state, description, url: None }
}

/// As much of a text as forges take, up to the end of a word.
fn cut(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    let taken: String = text.chars().take(LONGEST - 1).collect();
    let whole = match taken.rsplit_once(' ') {
        // One word without end is cut where it has to be.
        Some((whole, rest)) if rest.chars().count() < LONGEST / 2 => whole,
        _ => &taken,
    };
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_ends_with_a_word_and_at_140_characters() {
        assert_eq!(cut("short\nand plain"), "short and plain");
        let exact = "x".repeat(LONGEST);
        assert_eq!(cut(&exact), exact);
        let long = "ünder ".repeat(40);
        let (told, word) = (cut(&long), "ünder".to_owned());
        assert!(told.chars().count() <= LONGEST && told.ends_with(&format!("{word}…")), "{told}");
        assert_eq!(cut(&"x".repeat(200)).chars().count(), LONGEST);
    }
}
