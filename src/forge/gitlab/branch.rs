//! How a branch is protected: <https://docs.gitlab.com/api/protected_branches/>.

use gitlab::api::projects::approval_rules::ProjectApprovalRules;
use gitlab::api::projects::approvals::ProjectApprovals;
use gitlab::api::projects::protected_branches::ProtectedBranches;
use gitlab::api::projects::repository::branches::Branch;
use serde::Deserialize;

use super::{GitLab, detail, unbuilt};
use crate::domain::name::BranchName;
use crate::forge::{BranchFacts, ForgeError};

#[derive(Deserialize)]
struct BranchShape {
    protected: Option<bool>,
    default: Option<bool>,
    can_push: Option<bool>,
}

#[derive(Deserialize)]
struct Protection {
    /// A name, or a pattern with `*`.
    name: String,
    push_access_levels: Option<Vec<Level>>,
    allow_force_push: Option<bool>,
    code_owner_approval_required: Option<bool>,
}

#[derive(Deserialize)]
struct Level {
    /// None where it is a user, a group or a key; 0 is nobody.
    access_level: Option<u64>,
    access_level_description: Option<String>,
}

#[derive(Deserialize)]
struct ApprovalSettings {
    reset_approvals_on_push: Option<bool>,
}

#[derive(Deserialize)]
struct Rule {
    approvals_required: Option<u64>,
    protected_branches: Option<Vec<NamedBranch>>,
    applies_to_all_protected_branches: Option<bool>,
}

#[derive(Deserialize)]
struct NamedBranch {
    name: String,
}

impl GitLab {
    pub(super) fn branch_facts(&self, name: &BranchName) -> Result<BranchFacts, ForgeError> {
        let project = self.address.project.as_str();
        let mut builder = Branch::builder();
        let call = builder.project(project).branch(name.to_string()).build().map_err(unbuilt)?;
        let branch: BranchShape = match self.read(&call) {
            Err(ForgeError::NotFound(_)) => return Ok(BranchFacts::default()),
            other => other?,
        };
        let rules = self.protections(name)?;
        let is_protected = branch.protected.or_else(|| Some(!rules.as_ref()?.is_empty()));
        let levels =
            || rules.iter().flatten().flat_map(|rule| rule.push_access_levels.iter().flatten());
        let is_open = is_protected == Some(false);
        let open_or = |found: Option<bool>| if is_open { Some(true) } else { found };
        let rules_known = rules.is_some();
        let settings = ProjectApprovals::builder().project(project).build().map_err(unbuilt)?;
        let settings: Option<ApprovalSettings> = detail(self.read(&settings))?;
        let setup = detail(self.own_project())?;
        let waits = setup.and_then(|it| it.only_allow_merge_if_pipeline_succeeds) == Some(true);
        Ok(BranchFacts {
            exists: true,
            requests_only: match is_open {
                true => Some(false),
                // Of several rules the most permissive counts.
                false => rules_known.then(|| levels().all(|level| level.access_level == Some(0))),
            },
            token_may_push: branch.can_push,
            may_push: levels()
                .filter(|level| level.access_level != Some(0))
                .filter_map(|level| level.access_level_description.clone())
                .collect(),
            approvals: self.approvals_needed(name, is_protected == Some(true))?,
            code_owners: rules.as_ref().map(|rules| {
                rules.iter().any(|rule| rule.code_owner_approval_required == Some(true))
            }),
            dismisses_stale: settings.and_then(|it| it.reset_approvals_on_push),
            required_checks: if waits { vec!["the pipeline".to_owned()] } else { Vec::new() },
            force_push: open_or(
                rules
                    .as_ref()
                    .map(|rules| rules.iter().any(|rule| rule.allow_force_push == Some(true))),
            ),
            may_be_deleted: is_protected
                .map(|is_protected| !is_protected && branch.default != Some(true)),
        })
    }

    /// The rules that hold for a branch; none where the token may not see them.
    fn protections(&self, name: &BranchName) -> Result<Option<Vec<Protection>>, ForgeError> {
        let project = self.address.project.as_str();
        let list = ProtectedBranches::builder().project(project).build().map_err(unbuilt)?;
        let found: Option<Vec<Protection>> = detail(self.read_all(list))?;
        Ok(found.map(|mut rules| {
            rules.retain(|rule| fits(&rule.name, name.as_ref()));
            rules
        }))
    }

    /// The most that one rule asks for; none where this tier has no rules.
    fn approvals_needed(
        &self,
        name: &BranchName,
        is_protected: bool,
    ) -> Result<Option<u64>, ForgeError> {
        let project = self.address.project.as_str();
        let list = ProjectApprovalRules::builder().project(project).build().map_err(unbuilt)?;
        let rules: Option<Vec<Rule>> = detail(self.read_all(list))?;
        let holds = |rule: &&Rule| {
            let named = rule.protected_branches.as_deref().unwrap_or_default();
            match rule.applies_to_all_protected_branches {
                Some(true) => is_protected,
                _ => named.is_empty() || named.iter().any(|one| fits(&one.name, name.as_ref())),
            }
        };
        Ok(rules.map(|rules| {
            rules.iter().filter(holds).filter_map(|rule| rule.approvals_required).max().unwrap_or(0)
        }))
    }
}

/// Whether a branch is of a pattern, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len())
                .filter(|at| name.is_char_boundary(*at))
                .any(|at| fits(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for pattern in ["main", "*", "m*", "*n", "m*n", "ma*in"] {
            assert!(fits(pattern, "main"), "{pattern}");
        }
        for pattern in ["mai", "m", "x*", "*x", "main*n"] {
            assert!(!fits(pattern, "main"), "{pattern}");
        }
        assert!(fits("release/*", "release/ü/1"));
    }
}
