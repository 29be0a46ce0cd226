//! What stands between a merge request and its merge, in words that a person can act on:
//! <https://docs.gitlab.com/api/merge_requests/#merge-status>.

/// What the status of a request calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// GitLab is working it out.
    Checking,
    /// Its pipeline runs.
    Running,
    /// Somebody has to do something.
    Shut,
    /// No waiting opens it.
    Never,
}

impl Gate {
    pub fn of(status: &str) -> Self {
        match status {
            "mergeable" | "can_be_merged" => Self::Open,
            "unchecked"
            | "checking"
            | "preparing"
            | "approvals_syncing"
            | "cannot_be_merged_recheck" => Self::Checking,
            "ci_still_running" => Self::Running,
            "conflict" | "need_rebase" | "not_open" | "broken_status" | "commits_status"
            | "cannot_be_merged" => Self::Never,
            _ => Self::Shut,
        }
    }
}

/// Why a request with this status is not merged.
pub(super) fn words(status: &str) -> String {
    let known = match status {
        "approvals_syncing" | "checking" | "preparing" | "unchecked" => {
            "GitLab has not found out yet whether it can be merged"
        }
        "ci_must_pass" => "its pipeline has to pass first",
        "ci_still_running" => "its pipeline is still running",
        "commits_status" => "its branch is gone, or has no commits that its base lacks",
        "conflict" | "broken_status" | "cannot_be_merged" => "it conflicts with its base",
        "discussions_not_resolved" => "there are discussions to be resolved first",
        "draft_status" => "it is a draft: mark it as ready first",
        "jira_association_missing" => "its title or description has to name a Jira issue",
        "locked_paths" | "locked_lfs_files" => "somebody locked files that it changes",
        "merge_request_blocked" => "another merge request has to be merged first",
        "merge_time" => "it is not to be merged before the time that it names",
        "need_rebase" => {
            "its base moved on, and the project merges only what is based on it; \
             a rebase would change the commits that were approved: \
             the same `pinrail promote` makes it anew"
        }
        "not_approved" => "it lacks an approval",
        "not_open" => "it is not open",
        "requested_changes" => "a reviewer asked for changes",
        "security_policy_violations" | "policies_denied" => "a security policy forbids it",
        "status_checks_must_pass" | "external_status_checks" => {
            "an external status check has to pass first"
        }
        "title_regex" => "its title is not of the form that the project asks for",
        other => return format!("GitLab does not merge it: {other}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_a_newer_version_is_shown_as_it_is() {
        assert_eq!(Gate::of("moon_phase"), Gate::Shut);
        assert!(words("moon_phase").contains("moon_phase"));
    }

    #[test]
    fn what_gitlab_works_out_is_waited_for_and_what_people_do_is_not() {
        for status in ["unchecked", "checking", "preparing", "approvals_syncing"] {
            assert_eq!(Gate::of(status), Gate::Checking);
        }
        for status in ["not_approved", "discussions_not_resolved", "draft_status", "ci_must_pass"] {
            assert_eq!(Gate::of(status), Gate::Shut);
        }
        for status in ["conflict", "need_rebase"] {
            assert_eq!(Gate::of(status), Gate::Never);
        }
    }
}
