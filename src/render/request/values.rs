//! What the templates are filled with: the facts, cut to a measure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::facts::{Commit, Facts, History, Intent, Link, PinChange, Stay, VerdictState, Way};
use super::text::cut;
use crate::domain::artifact::Revision;
use crate::domain::pin::Pin;
use crate::domain::request::PREFIX;

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Commits of each way.
    commits: usize,
    /// Rows of each table or list.
    rows: usize,
    /// Whether pages are linked that one can find without.
    links: bool,
}

impl Measure {
    /// As much as anybody reads.
    pub const MOST: Self = Self { commits: 100, rows: 1_000, links: true };
    /// Nothing but counts.
    pub const LEAST: Self = Self { commits: 0, rows: 0, links: false };

    /// From the most to the least: commits go first, then links, then rows.
    pub fn all() -> impl Iterator<Item = Self> {
        let commits = [100, 70, 50, 35, 25, 17, 12, 8, 5, 3, 2, 1, 0].into_iter();
        let commits = commits.map(|commits| Self { commits, ..Self::MOST });
        let rows = [1_000, 700, 500, 350, 250, 170, 120, 80, 55, 40, 28, 20, 14, 10, 7, 5, 3, 2, 1];
        let rows = rows.into_iter().map(|rows| Self { commits: 0, rows, links: false });
        commits.chain(rows).chain([Self::LEAST])
    }
}

/// The values of both templates.
pub fn values(facts: &Facts, measure: Measure) -> Value {
    let services: BTreeSet<_> = facts.pins.iter().map(|pin| pin.to.service.as_str()).collect();
    let services: Vec<_> = services.into_iter().map(|name| service(facts, name)).collect();
    let mut environments: Vec<_> = facts.pins.iter().map(|pin| pin.environment.as_str()).collect();
    let mut seen = BTreeSet::new();
    environments.retain(|environment| seen.insert(*environment));
    let (pins, more_pins) = shown(&facts.pins, measure.rows);
    let with_commits = |way: &&Way| measure.commits > 0 && !is_same(way);
    let ways: Vec<_> = facts.ways.iter().filter(with_commits).collect();
    let (ways, more_ways) = shown(&ways, measure.rows);
    let back: Vec<_> = facts.ways.iter().filter(|way| behind(way) > 0).collect();
    let (back, more_back) = shown(&back, measure.rows);
    let mut verdicts: Vec<_> = facts.verdicts.iter().collect();
    verdicts.sort_by_key(|verdict| match verdict.state {
        VerdictState::Refused => 0,
        VerdictState::Overridden => 1,
        VerdictState::Waits => 2,
        VerdictState::Passed => 3,
    });
    let count = |state| verdicts.iter().filter(|verdict| verdict.state == state).count();
    let counts = json!({
        "passed": count(VerdictState::Passed),
        "waits": count(VerdictState::Waits),
        "overridden": count(VerdictState::Overridden),
        "refused": count(VerdictState::Refused),
    });
    let (verdicts, more_verdicts) = shown(&verdicts, measure.rows);
    let (stays, more_stays) = shown(&facts.stays, measure.rows);
    let branch = facts.request.branch();
    let branch = branch.as_str();
    json!({
        "intent": match facts.intent {
            Intent::Promote => "promote",
            Intent::RollBack => "rollBack",
            Intent::Pin => "pin",
        },
        "target": facts.request.target(),
        "branch": branch,
        "name": branch.strip_prefix(PREFIX).unwrap_or(branch),
        "head": facts.head,
        "project": facts.project.as_ref().map(|project| cut(project, 60)),
        "run": facts.run.as_ref().filter(|_| measure.rows > 0),
        "askedBy": facts.asked_by.as_ref().map(|name| cut(name, 60)),
        "services": services,
        "environments": environments,
        "pins": pins.iter().map(|pin| pin_change(pin, facts, measure)).collect::<Vec<_>>(),
        "pinCount": facts.pins.len(),
        "morePins": more_pins,
        "ways": ways.iter().map(|it| way(it, measure)).collect::<Vec<_>>(),
        "moreWays": more_ways,
        "back": back.iter().map(|it| way(it, Measure::LEAST)).collect::<Vec<_>>(),
        "moreBack": more_back,
        "verdicts": verdicts.iter().map(|verdict| json!({
            "rule": cut(&verdict.rule, 40),
            "state": match verdict.state {
                VerdictState::Passed => "passed",
                VerdictState::Waits => "waits",
                VerdictState::Overridden => "overridden",
                VerdictState::Refused => "refused",
            },
            "sentence": cut(&verdict.sentence, 300),
        })).collect::<Vec<_>>(),
        "moreVerdicts": more_verdicts,
        "verdictCounts": counts,
        "stays": stays.iter().map(stay).collect::<Vec<_>>(),
        "moreStays": more_stays,
    })
}

/// The first of a list, and how many there are beside.
fn shown<T>(list: &[T], most: usize) -> (&[T], usize) {
    let (first, rest) = list.split_at(list.len().min(most));
    (first, rest.len())
}

/// A service, and its versions where they are the same in every environment.
fn service(facts: &Facts, name: &str) -> Value {
    let pins = || facts.pins.iter().filter(|pin| pin.to.service.as_str() == name);
    let from: BTreeSet<_> = pins().map(|pin| pin.from.as_ref().map(version)).collect();
    let to: BTreeSet<_> = pins().map(|pin| Some(version(&pin.to))).collect();
    let only = |versions: &BTreeSet<Option<&str>>| match versions.len() {
        1 => versions.first().copied().flatten().map(ToOwned::to_owned),
        _ => None,
    };
    json!({"name": name, "from": only(&from), "to": only(&to)})
}

/// A pin's version as people quote it.
fn version(pin: &Pin) -> &str {
    let tag = pin.image_tag.as_str();
    if tag.parse::<Revision>().is_ok() { &tag[..7] } else { tag }
}

fn pin_change(change: &PinChange, facts: &Facts, measure: Measure) -> Value {
    let links: Vec<_> = change.links.iter().filter(|_| measure.links).map(page).collect();
    let goes = |way: &&Way| {
        way.service == change.to.service && way.environments.contains(&change.environment)
    };
    json!({
        "service": change.to.service,
        "domain": change.domain,
        "environment": change.environment,
        "cluster": change.to.cluster,
        "host": change.host.as_ref().filter(|_| measure.links),
        "from": change.from.as_ref().map(pin),
        "to": pin(&change.to),
        "also": change.from.as_ref().map(|from| also(from, &change.to)).unwrap_or_default(),
        "way": facts.ways.iter().find(goes).map(|it| way(it, Measure { commits: 0, ..measure })),
        "links": links,
    })
}

fn pin(pin: &Pin) -> Value {
    let revision = pin.target_revision.as_str();
    json!({
        "version": version(pin),
        "tag": pin.image_tag,
        "revision": revision,
        // Left out where the version tells it already.
        "short": (pin.image_tag.as_str() != revision).then_some(&revision[..7]),
        "digest": pin.image_digest,
    })
}

/// The keys beside tag and revision that would change.
fn also(from: &Pin, to: &Pin) -> Vec<&'static str> {
    let differs = [
        ("imageDigest", from.image_digest != to.image_digest && from.image_tag == to.image_tag),
        ("repoURL", from.repo_url != to.repo_url),
        ("path", from.path != to.path),
        ("chartVersion", from.chart_version != to.chart_version),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn behind(way: &Way) -> usize {
    match way.history {
        History::Known { behind, .. } => behind,
        History::Unknown { .. } => 0,
    }
}

fn is_same(way: &Way) -> bool {
    matches!(way.history, History::Known { total: 0, behind: 0, .. })
}

fn way(way: &Way, measure: Measure) -> Value {
    let (commits, total, behind, why) = match &way.history {
        History::Known { commits, total, behind } => {
            (commits.as_slice(), (*total).max(commits.len()), *behind, None)
        }
        History::Unknown { why } => (&[][..], 0, 0, Some(cut(why, 200))),
    };
    let (first, _) = shown(commits, measure.commits);
    json!({
        "service": way.service,
        "environments": way.environments,
        "compare": way.compare.as_ref().filter(|_| measure.links),
        "direction": match (&why, total, behind) {
            (Some(_), ..) => "unknown",
            (_, 0, 0) => "same",
            (_, _, 0) => "forward",
            (_, 0, _) => "back",
            _ => "other",
        },
        "total": total,
        "behind": behind,
        "why": why,
        "commits": first.iter().map(commit).collect::<Vec<_>>(),
        "moreCommits": total - first.len(),
    })
}

fn commit(commit: &Commit) -> Value {
    json!({
        "id": cut(&commit.id, 64),
        "short": commit.id.chars().take(7).collect::<String>(),
        "subject": cut(&commit.subject, 120),
        "author": cut(&commit.author, 60),
        "url": commit.url,
        "requests": commit.requests.iter().take(5).map(page).collect::<Vec<_>>(),
    })
}

fn page(link: &Link) -> Value {
    json!({"name": cut(&link.name, 40), "url": link.url})
}

fn stay(stay: &Stay) -> Value {
    json!({
        "service": stay.service,
        "environment": stay.environment,
        "sentence": cut(&stay.sentence, 300),
    })
}
