//! What stands between a request and its merge, in words that somebody can act on.

use serde_json::Value;

use super::merge::word;
use super::pulls::Pull;
use crate::domain::environment::MergeMethod;

/// How a request stands with the rules of its base. Fields that a server does not have, and words
/// that it had no need of when this was written, are as good as not told.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    /// GraphQL's `MergeStateStatus`.
    state: String,
    review: String,
    checks: String,
    draft: bool,
    conflicts: bool,
    queue: bool,
    queued: bool,
    auto_merge_allowed: Option<bool>,
    /// GitHub's words for the methods that the repository allows.
    methods: Vec<&'static str>,
}

impl Obstacles {
    pub const QUERY: &str = "query($owner: String!, $name: String!, $number: Int!) {
      repository(owner: $owner, name: $name) {
        autoMergeAllowed mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed
        pullRequest(number: $number) {
          isDraft mergeable mergeStateStatus reviewDecision isMergeQueueEnabled isInMergeQueue
          statusCheckRollup { state } } } }";

    /// From the `repository` of the answer to the query.
    pub fn read(repository: &Value) -> Self {
        let pull = &repository["pullRequest"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is = |name: &str| pull[name].as_bool().unwrap_or_default();
        let methods = [
            ("mergeCommitAllowed", MergeMethod::Merge),
            ("squashMergeAllowed", MergeMethod::Squash),
            ("rebaseMergeAllowed", MergeMethod::Rebase),
        ];
        Self {
            state: text(&pull["mergeStateStatus"]),
            review: text(&pull["reviewDecision"]),
            checks: text(&pull["statusCheckRollup"]["state"]),
            draft: is("isDraft"),
            conflicts: pull["mergeable"] == "CONFLICTING",
            queue: is("isMergeQueueEnabled"),
            queued: is("isInMergeQueue"),
            auto_merge_allowed: repository["autoMergeAllowed"].as_bool(),
            methods: methods
                .into_iter()
                .filter(|(field, _)| repository[field] == true)
                .map(|(_, method)| word(method))
                .collect(),
        }
    }

    /// What REST tells, which is less.
    pub fn of(pull: &Pull) -> Self {
        Self {
            state: pull.mergeable_state.as_deref().unwrap_or_default().to_uppercase(),
            draft: pull.draft.unwrap_or_default(),
            conflicts: pull.mergeable == Some(false),
            ..Self::default()
        }
    }

    /// Whether GitHub is still finding out.
    pub fn is_unknown(&self) -> bool {
        self.state == "UNKNOWN"
    }

    /// Whether the rules allow the merge as things are; `UNSTABLE` has checks that fail and
    /// none that is required.
    pub fn is_ready(&self) -> bool {
        ["CLEAN", "UNSTABLE", "HAS_HOOKS"].contains(&self.state.as_str()) && !self.draft
    }

    pub fn needs_queue(&self) -> bool {
        self.queue && !self.draft && !self.conflicts
    }

    pub fn is_queued(&self) -> bool {
        self.queued
    }

    /// What is missing, and GitHub's own words.
    pub fn words(&self, method: MergeMethod, said: &str) -> String {
        let mut missing = Vec::new();
        if self.draft {
            missing.push("it is a draft".to_owned());
        }
        if self.conflicts || self.state == "DIRTY" {
            missing.push("it conflicts with its base".to_owned());
        }
        if self.state == "BEHIND" {
            let cure = "the same `pinrail promote` makes it anew";
            missing.push(format!("its branch lacks commits of its base: {cure}"));
        }
        match self.review.as_str() {
            "REVIEW_REQUIRED" => missing.push("an approval is missing".to_owned()),
            "CHANGES_REQUESTED" => missing.push("a reviewer asks for changes".to_owned()),
            _ => {}
        }
        if self.state == "BLOCKED" {
            match self.checks.as_str() {
                "FAILURE" | "ERROR" => missing.push("a check failed".to_owned()),
                "PENDING" | "EXPECTED" => missing.push("a check has not ended".to_owned()),
                _ => {}
            }
        }
        if !self.methods.is_empty() && !self.methods.contains(&word(method)) {
            missing.push(format!(
                "the repository allows no merge by `{}`, but by {}",
                word(method),
                self.methods.join(" and ")
            ));
        }
        if self.auto_merge_allowed == Some(false) && said.contains("Auto merge") {
            missing.push("the repository's setting “Allow auto-merge” is off".to_owned());
        }
        match missing.is_empty() {
            true => format!("GitHub does not merge it: {said}"),
            false => format!("{} (GitHub: {said})", missing.join("; ")),
        }
    }
}
