//! How the project is set up, against what the configuration wants of it.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::domain::config::Config;
use crate::domain::environment::{Environment, MergeMethod, Mode};
use crate::forge::ProjectFacts;

/// Seconds that two clocks may differ: more, and soaks, freezes and ends of tokens are misjudged.
const SKEW: i64 = 30;

pub fn project(config: &Config, facts: &ProjectFacts) -> Vec<Finding> {
    let mut found = vec![clock(facts)];
    found.push(match facts.may_push {
        Some(true) => Finding::ok("project.push", "this token's role may push"),
        Some(false) => Finding::problem("project.push", "this token's role may not push")
            .hint("give its user a role that may (GitLab: Developer; GitHub: write)"),
        None => Finding::unknown("project.push", "the forge does not tell whether it may push"),
    });
    let main = config.main_branch();
    if let Some(default) = facts.default_branch.as_ref().filter(|name| *name != main.as_str()) {
        let message = format!("the project's default branch is `{default}`, and not `{main}`");
        found.push(Finding::warning("project.defaultBranch", message).hint(format!(
            "make `{main}` the default: forges open requests and run pipelines by it"
        )));
    }
    let by_request: Vec<_> =
        config.environments.iter().filter(|one| one.mode == Mode::Request).collect();
    if !by_request.is_empty() {
        found.extend(merging(&by_request, facts));
    }
    found.extend(facts.notes.iter().map(|note| Finding::ok("project", note)));
    found
}

fn clock(facts: &ProjectFacts) -> Finding {
    const NAME: &str = "clock";
    match facts.clock_ahead {
        None => Finding::unknown(NAME, "the forge did not say what time it is there"),
        Some(ahead) if ahead.abs() > SKEW => {
            let side = if ahead > 0 { "behind" } else { "ahead of" };
            let message = format!("this machine's clock is {} s {side} the forge's", ahead.abs());
            Finding::warning(NAME, message).hint("set it by NTP: soaks and freezes go by it")
        }
        Some(_) => Finding::ok(NAME, "the clocks agree"),
    }
}

/// Whether requests can be merged as the environments want it.
fn merging(environments: &[&Environment], facts: &ProjectFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    let wanted: BTreeSet<&str> = environments
        .iter()
        .map(|one| one.request.as_ref().map_or(MergeMethod::default(), |it| it.merge_method))
        .filter(|method| facts.methods.as_ref().is_some_and(|allowed| !allowed.contains(method)))
        .map(word)
        .collect();
    found.push(match (&facts.methods, wanted.is_empty()) {
        (None, _) => {
            Finding::unknown("merge.method", "the forge does not tell how it merges requests")
        }
        (Some(_), true) => Finding::ok("merge.method", "the wanted ways to merge are allowed"),
        (Some(allowed), false) => {
            let list = |words: Vec<&str>| words.join(", ");
            let message = format!(
                "`mergeMethod: {}` is wanted, and the project allows: {}",
                list(wanted.into_iter().collect()),
                list(allowed.iter().copied().map(word).collect())
            );
            Finding::problem("merge.method", message)
                .hint("allow it there, or change `request.mergeMethod` in pinrail.yaml")
        }
    });
    if facts.fast_forward_only == Some(true) {
        let message =
            "each merge needs a branch on the newest main: one merge sends all others back";
        found.push(
            Finding::warning("merge.fastForward", message)
                .hint("let the project make merge commits"),
        );
    }
    let is_wanted = |one: &&&Environment| one.request.as_ref().is_some_and(|it| it.auto_merge);
    if let Some(environment) = environments.iter().find(is_wanted) {
        let name = &environment.name;
        found.push(match facts.auto_merge {
            Some(true) => Finding::ok("merge.auto", "auto-merge is allowed"),
            Some(false) => Finding::problem(
                "merge.auto",
                format!("`autoMerge: true` of {name} is wanted, and the project does not allow it"),
            )
            .hint("allow auto-merge there, or take `autoMerge` out of pinrail.yaml"),
            None => Finding::unknown("merge.auto", "the forge does not tell of auto-merge"),
        });
    }
    if facts.removes_branches == Some(false) {
        found.push(
            Finding::warning("merge.branches", "branches stay when their request is merged")
                .hint(".pinrail/settings.md has the setting for each forge"),
        );
    }
    if facts.queue == Some(true) {
        found.push(Finding::ok("merge.queue", "merges wait in a queue"));
    }
    found
}

fn word(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}
