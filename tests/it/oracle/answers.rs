//! The questions of a scenario are asked, and the answers compared with the right ones.

use serde_json::Value;

use super::by_hand;
use super::click::click;
use super::history::{instant, revision, version_at};
use super::place::{Kind, Place, StateRepo};
use super::scenario::{Answer, Edit, Question, Scenario};
use crate::support::pinrail::Run;

/// Asks the questions of the scenarios on one kind of forge; every wrong answer is told.
#[track_caller]
pub fn hold(kind: Kind, scenarios: &[Scenario]) {
    let place = Place::new(kind);
    let mut wrong = Vec::new();
    for scenario in scenarios {
        for question in
            scenario.asked.iter().enumerate().filter_map(|it| asked_on(kind, scenario, it))
        {
            for what in ask(&place, scenario, question) {
                wrong.push(format!("{} at {}: {what}", scenario.name, question.at));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers\n{}", wrong.len(), wrong.join("\n"));
}

/// A forge is not asked what differs by the time alone from the questions before and after.
fn asked_on<'a>(
    kind: Kind,
    scenario: &Scenario,
    (count, question): (usize, &'a Question),
) -> Option<&'a Question> {
    let is_between = count > 0 && count + 1 < scenario.asked.len();
    let is_left_out = kind != Kind::Git && is_between && question.by_hand.is_empty();
    (!is_left_out).then_some(question)
}

fn ask(place: &Place, scenario: &Scenario, question: &Question) -> Vec<String> {
    let repo = place.write(scenario);
    let mut wrong = Vec::new();
    let promote = [&["promote", "api", "--to", question.to], question.more].concat();
    // That a dry run tells the same has nothing to do with who hosts the repository.
    let runs = if place.kind == Kind::Git { &[&["--dry-run"][..], &[]][..] } else { &[&[][..]] };
    for more in runs {
        let arguments = [*more, &promote].concat();
        let run = repo.pinrail(question.at, &arguments);
        if let Err(what) = compare(&repo, &run, question.to, &question.promote) {
            wrong.push(format!("`{}`: {what}", arguments.join(" ")));
        }
    }
    let by_hand = by_hand_of(&repo, question);
    let clone = by_hand::clone(&repo);
    for (edits, answer) in by_hand.iter().rev() {
        by_hand::commit(&repo, &clone, question.at, edits);
        let run = repo.pinrail_in(&clone, question.at, &["check", "--base", "origin/main"]);
        if let Err(what) = compare(&repo, &run, question.to, answer) {
            wrong.push(format!("`check` of {edits:?}: {what}"));
        }
    }
    // The first of them is asked for on the forge as well.
    if let Some((edits, answer)) = by_hand.first()
        && let Some(number) = by_hand::push(&repo, &clone, "by-hand")
    {
        // `tend` holds it alone, whatever CI has said before.
        match click(&repo, number, question.at) {
            Ok(merged) if merged == answer.lets_through() => {}
            other => wrong.push(format!("a click on {edits:?}: {other:?}")),
        }
    }
    wrong
}

/// What is written by hand: what the question tells, or just the version that was asked for.
fn by_hand_of(repo: &StateRepo<'_>, question: &Question) -> Vec<(Vec<Edit>, Answer)> {
    if !question.by_hand.is_empty() {
        return question.by_hand.iter().map(|(edits, answer)| (edits.to_vec(), *answer)).collect();
    }
    let version = match question.promote {
        Answer::Goes(version) => version.to_owned(),
        Answer::Unchanged => return Vec::new(),
        _ => version_at(&repo.folder, repo.place.pins(), "staging").expect("it is in staging"),
    };
    // Versions are names for the whole run.
    let version: &'static str = version.leak();
    vec![(vec![Edit::Pin(question.to, version)], question.promote)]
}

/// Whether a run of `promote` or `check` gives the answer.
fn compare(
    repo: &StateRepo<'_>,
    run: &Run,
    environment: &str,
    answer: &Answer,
) -> Result<(), String> {
    let document = run.document();
    let told = || format!("exit code {}, {document:#}\n{}", run.code, run.stderr);
    let moves = if document["command"] == "check" { "moves" } else { "items" };
    let is_ours = |item: &&Value| item["environment"] == environment && item["service"] == "api";
    let item = document[moves].as_array().into_iter().flatten().find(is_ours);
    let item = item.unwrap_or(&Value::Null);
    let outcome = item["outcome"].as_str().unwrap_or_default();
    let right = match *answer {
        Answer::Goes(version) => {
            let goes = matches!(outcome, "allowed" | "requested" | "promoted");
            let commit = revision(&repo.place.versions, version);
            let is_it = item["to"]["targetRevision"] == commit.as_str();
            run.code == 0 && goes && is_it
        }
        Answer::Unchanged => run.code == 0 && outcome == "unchanged",
        Answer::Passes => run.code == 0,
        Answer::Removed => run.code == 0 && outcome == "removed",
        Answer::WayBack => run.code == 0 && outcome == "rollback",
        Answer::Refused(kind, details) => {
            let cause = &item["cause"];
            let told = |(key, value): &(&str, &str)| {
                let value = match *key {
                    "until" => instant(value).replace(' ', "T") + "Z",
                    _ => (*value).to_owned(),
                };
                match &cause[key] {
                    Value::String(told) => told.contains(&value),
                    told => told.as_u64().is_some_and(|told| value.parse() == Ok(told)),
                }
            };
            let code = if kind == "invalidPin" { 4 } else { 5 };
            let refused = run.code == code && outcome == "refused";
            refused && cause["kind"] == kind && details.iter().all(told)
        }
        Answer::Stopped(code, word) => run.code == code && told().contains(word),
    };
    if right { Ok(()) } else { Err(format!("{answer:?} is right, not {}", told())) }
}
