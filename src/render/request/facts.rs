//! What a request is about, told by whoever asks.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::artifact::Revision;
use crate::domain::config::ForgeKind;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::request::RequestName;

/// All that a request's title and body say. Texts are as people wrote them: nothing is escaped.
#[derive(Clone, Debug)]
pub struct Facts {
    pub intent: Intent,
    /// The request's own name: its target, and its branch for those who approve in a shell.
    pub request: RequestName,
    /// The commit that asks: what a merge approves.
    pub head: Revision,
    /// The services-root, such as `platform/services-root`; for templates of one's own.
    pub project: Option<String>,
    /// The page of the run that asks.
    pub run: Option<String>,
    /// Who asked: a login or a name.
    pub asked_by: Option<String>,
    /// The pins that would change, in the order in which they are shown.
    pub pins: Vec<PinChange>,
    /// The ways that the services go: one for each two revisions, not for each pin.
    pub ways: Vec<Way>,
    /// What the gates and rules say.
    pub verdicts: Vec<Verdict>,
    /// What a train leaves behind.
    pub stays: Vec<Stay>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    Promote,
    RollBack,
    Pin,
}

/// One pin that would change.
#[derive(Clone, Debug)]
pub struct PinChange {
    pub domain: DomainName,
    pub environment: EnvironmentName,
    /// Where the service is to be seen, such as `https://api.example.com`.
    pub host: Option<String>,
    /// The pin that is there; none where the service is new there.
    pub from: Option<Pin>,
    /// The pin that would be there; it tells the service and the cluster.
    pub to: Pin,
    /// The configuration's `links:`, filled in, and Argo CD's page.
    pub links: Vec<Link>,
}

/// A page and what it is called, such as `logs`, `Argo CD` or `!12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    /// Only `http` and `https` become links; of anything else the name is left.
    pub url: String,
}

/// What lies between two versions of a service.
#[derive(Clone, Debug)]
pub struct Way {
    pub service: ServiceName,
    /// The environments whose pins go this way.
    pub environments: Vec<EnvironmentName>,
    /// The page that compares the two.
    pub compare: Option<String>,
    pub history: History,
}

/// The service's commits between two versions.
#[derive(Clone, Debug)]
pub enum History {
    Known {
        /// In the new version and not in the old one, newest first; perhaps not all of them.
        commits: Vec<Commit>,
        /// How many there are.
        total: usize,
        /// How many are in the old version and not in the new one: above 0 it is a step back,
        /// or a different line where `total` is above 0 too.
        behind: usize,
    },
    /// Why they are not known, as a clause: `its repository could not be read`.
    Unknown { why: String },
}

/// One commit of a service.
#[derive(Clone, Debug)]
pub struct Commit {
    /// 40 hex digits.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    pub author: String,
    /// Its page.
    pub url: Option<String>,
    /// The requests that it came with, see [`came_with`].
    pub requests: Vec<Link>,
}

/// What a gate or a rule says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Its name, such as `soak`.
    pub rule: String,
    pub state: VerdictState,
    pub sentence: String,
}

/// How a gate or a rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictState {
    Passed,
    Waits,
    /// It does not hold, and was let past it.
    Overridden,
    Refused,
}

/// A service that does not go along, and why.
#[derive(Clone, Debug)]
pub struct Stay {
    pub service: ServiceName,
    pub environment: EnvironmentName,
    pub sentence: String,
}

/// The requests that a commit came with, as its message tells: `(#12)` at the end of the first
/// line or `Merge pull request #12 from` on GitHub, the trailer `See merge request
/// group/project!12` on GitLab. Anything else, closing keywords too, names none.
///
/// `server` is the forge's address without a slash at the end, `project` the service's there,
/// such as `services/api`.
#[must_use]
pub fn came_with(message: &str, forge: ForgeKind, server: &str, project: &str) -> Vec<Link> {
    static SQUASHED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\(#([1-9][0-9]{0,9})\)$").ok());
    static MERGED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^Merge pull request #([1-9][0-9]{0,9}) from ").ok());
    static TRAILER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?m)^See merge request ([A-Za-z0-9_][A-Za-z0-9_./-]*)?!([1-9][0-9]{0,9})$")
            .ok()
    });
    let server = server.trim_end_matches('/');
    let first = message.lines().next().unwrap_or_default().trim_end();
    match forge {
        ForgeKind::Git => Vec::new(),
        ForgeKind::Github => [&MERGED, &SQUASHED]
            .into_iter()
            .filter_map(|pattern| pattern.as_ref()?.captures(first)?.get(1))
            .map(|number| Link {
                name: format!("#{}", number.as_str()),
                url: format!("{server}/{project}/pull/{}", number.as_str()),
            })
            .collect(),
        ForgeKind::Gitlab => {
            let message = message.replace('\r', "");
            let mut found = Vec::new();
            for told in TRAILER.iter().flat_map(|pattern| pattern.captures_iter(&message)) {
                let project = told.get(1).map_or(project, |project| project.as_str());
                let link = Link {
                    name: format!("!{}", &told[2]),
                    url: format!("{server}/{project}/-/merge_requests/{}", &told[2]),
                };
                if !found.contains(&link) {
                    found.push(link);
                }
            }
            found
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(message: &str, forge: ForgeKind) -> Vec<String> {
        let found = came_with(message, forge, "https://git.example.com/", "services/api");
        found.into_iter().map(|link| format!("{} {}", link.name, link.url)).collect()
    }

    #[test]
    fn the_requests_of_a_commit_are_found_in_its_message() {
        use ForgeKind::{Git, Github, Gitlab};
        let pull = "#12 https://git.example.com/services/api/pull/12";
        let merge = "!12 https://git.example.com/services/api/-/merge_requests/12";
        for (forge, message, expected) in [
            (Github, "Add a route (#12)", vec![pull]),
            (Github, "Merge pull request #12 from anna/route\n\nAdd a route", vec![pull]),
            (Gitlab, "Merge branch 'x'\n\nSee merge request services/api!12", vec![merge]),
            (Gitlab, "Add\r\n\r\nSee merge request !12\r\n", vec![merge]),
            (
                Gitlab,
                "Add\n\nSee merge request a/b!3\nSee merge request a/b!3",
                vec!["!3 https://git.example.com/a/b/-/merge_requests/3"],
            ),
            (Git, "Add a route (#12)", vec![]),
            (Gitlab, "Add a route (#12)", vec![]),
            (Github, "See merge request services/api!12", vec![]),
        ] {
            assert_eq!(names(message, forge), expected, "{message}");
        }
    }

    #[test]
    fn closing_keywords_and_mentions_in_passing_are_no_requests() {
        for message in [
            "Fixes #12",
            "Add a route\n\nCloses #12 (#13)",
            "Revert (#12) for now",
            "Add (#012)",
            "Closes !12",
            "I say: See merge request a/b!12",
            "See merge request javascript:x!12",
        ] {
            for forge in [ForgeKind::Github, ForgeKind::Gitlab] {
                assert_eq!(names(message, forge), Vec::<String>::new(), "{message}");
            }
        }
    }
}
