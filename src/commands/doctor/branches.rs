//! How main and pins are protected.

use super::finding::Finding;
use super::token;
use crate::domain::config::Config;
use crate::domain::environment::Mode;
use crate::forge::BranchFacts;

const SETTINGS: &str = ".pinrail/settings.md has the setting for each forge";

/// Main: production changes by request, and what is approved is what gets in.
pub fn main(config: &Config, facts: &BranchFacts) -> Vec<Finding> {
    let main = config.main_branch();
    let by_request = token::has(config, Mode::Request);
    let others = facts.may_push.join(", ");
    let mut found = vec![match facts.requests_only {
        Some(true) => Finding::ok("main.requests", format!("`{main}` changes by request only")),
        Some(false) if by_request => {
            let who = if others.is_empty() { String::new() } else { format!(": {others}") };
            let message =
                format!("`{main}` can be written without a request, and so can production{who}");
            Finding::problem("main.requests", message).hint(SETTINGS)
        }
        Some(false) => {
            Finding::warning("main.requests", format!("`{main}` can be written without a request"))
                .hint(SETTINGS)
        }
        None => untold("main.requests", "whether main changes by request only"),
    }];
    if facts.requests_only == Some(true) {
        found.extend(bypass(&main, facts, &others));
    }
    found.extend(reviews(config, facts));
    found.push(match facts.required_checks.as_slice() {
        [] => Finding::warning(
            "main.checks",
            "no check is required: a request with a mistake can be merged",
        )
        .hint(SETTINGS),
        checks => Finding::ok("main.checks", format!("required: {}", checks.join(", "))),
    });
    found.push(history("main.history", main.as_str(), facts));
    found
}

/// Who is not held to the rule.
fn bypass(main: &impl std::fmt::Display, facts: &BranchFacts, others: &str) -> Option<Finding> {
    let hint = "take the right away from whoever does not need it in an emergency";
    let warning = |who: &str| {
        Finding::warning("main.bypass", format!("{who} may write `{main}` without a request"))
            .hint(hint)
    };
    match (facts.token_may_push, others) {
        (Some(true), "") => Some(warning("this token")),
        (Some(true), others) => Some(warning(&format!("this token, and {others},"))),
        (_, "") => None,
        (_, others) => Some(warning(others)),
    }
}

fn reviews(config: &Config, facts: &BranchFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    found.push(match facts.approvals {
        Some(0) => Finding::warning(
            "main.approvals",
            "no approval is needed: whoever opens a request can merge it",
        )
        .hint(SETTINGS),
        Some(count) => Finding::ok("main.approvals", format!("needed: {count}")),
        None => untold("main.approvals", "how many approvals a request needs"),
    });
    if facts.approvals.is_some_and(|count| count > 0) {
        found.push(match facts.dismisses_stale {
            Some(true) => {
                Finding::ok("main.staleApprovals", "new commits drop the approvals before")
            }
            Some(false) => Finding::warning(
                "main.staleApprovals",
                "an approval outlives new commits: what is merged may not be what was approved",
            )
            .hint(SETTINGS),
            None => untold("main.staleApprovals", "whether new commits drop approvals"),
        });
    }
    let owned =
        !config.owners.is_empty() || config.domains.iter().any(|domain| !domain.owners.is_empty());
    found.push(match facts.code_owners {
        _ if !owned => Finding::warning("main.codeOwners", "nobody is named as an owner")
            .hint("`owners` in pinrail.yaml names them, and `pinrail generate` tells CODEOWNERS"),
        Some(true) => Finding::ok("main.codeOwners", "owners approve changes of their files"),
        Some(false) => Finding::warning(
            "main.codeOwners",
            "CODEOWNERS binds nobody: anybody's approval will do for any file",
        )
        .hint(SETTINGS),
        None => untold("main.codeOwners", "whether the approval of code owners is required"),
    });
    found
}

/// Pins: pipelines push, and nothing that was pinned is lost.
pub fn pins(config: &Config, facts: &BranchFacts) -> Vec<Finding> {
    let pins = config.pins_branch();
    let mut found = Vec::new();
    if token::has(config, Mode::Direct) {
        let others = match facts.may_push.as_slice() {
            [] => String::new(),
            others => format!("; so may {}", others.join(", ")),
        };
        found.push(match facts.token_may_push {
            Some(true) => Finding::ok("pins.push", format!("this token may push{others}")),
            Some(false) => Finding::problem(
                "pins.push",
                format!("this token may not push to `{pins}`: every pin will be refused"),
            )
            .hint("allow its user to push there, or use the token of the pipelines"),
            None => untold("pins.push", "whether this token may push to the branch of pins"),
        });
    }
    if pins != config.main_branch() {
        found.push(history("pins.history", pins.as_str(), facts));
    }
    found
}

/// Whether what was once there stays there: history says what ran when.
fn history(name: &'static str, branch: &str, facts: &BranchFacts) -> Finding {
    let open = |what: &str| {
        Finding::problem(name, format!("`{branch}` can be {what}, and its history with it"))
            .hint(SETTINGS)
    };
    match (facts.force_push, facts.may_be_deleted) {
        (Some(true), Some(true)) => open("overwritten and deleted"),
        (Some(true), _) => open("overwritten by a force push"),
        (_, Some(true)) => open("deleted"),
        (Some(false), Some(false)) => {
            Finding::ok(name, format!("`{branch}` can neither be overwritten nor deleted"))
        }
        _ => untold(name, "whether the branch can be overwritten or deleted"),
    }
}

fn untold(name: &'static str, what: &str) -> Finding {
    Finding::unknown(name, format!("the forge does not tell this token {what}"))
        .hint("a token of somebody who administers the project may see it")
}
