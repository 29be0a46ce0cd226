//! How a branch is protected: the classic way, and by rulesets.
//! <https://docs.github.com/en/rest/branches/branch-protection>,
//! <https://docs.github.com/en/rest/repos/rules>

use serde::Deserialize;
use serde_json::Value;

use super::facts::Permissions;
use super::{GitHub, if_there};
use crate::domain::name::BranchName;
use crate::forge::{BranchFacts, ForgeError};

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    protection: Option<Summary>,
}

/// What everybody who can read is told of classic protection.
#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    required_status_checks: Option<Checks>,
}

#[derive(Default, Deserialize)]
struct Checks {
    #[serde(default)]
    contexts: Vec<String>,
}

/// What administrators are told of it.
#[derive(Deserialize)]
struct Classic {
    required_pull_request_reviews: Option<Requests>,
    restrictions: Option<Restrictions>,
    #[serde(default)]
    enforce_admins: Switch,
    #[serde(default)]
    allow_force_pushes: Switch,
    #[serde(default)]
    allow_deletions: Switch,
    #[serde(default)]
    lock_branch: Switch,
}

#[derive(Deserialize)]
struct Requests {
    #[serde(default)]
    required_approving_review_count: u64,
    #[serde(default)]
    require_code_owner_reviews: bool,
    #[serde(default)]
    dismiss_stale_reviews: bool,
}

#[derive(Deserialize)]
struct Restrictions {
    #[serde(default)]
    users: Vec<Named>,
    #[serde(default)]
    teams: Vec<Named>,
    #[serde(default)]
    apps: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(alias = "login")]
    slug: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Switch {
    #[serde(default)]
    enabled: bool,
}

/// The active rules of all rulesets.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Value,
    #[serde(default)]
    ruleset_id: Option<u64>,
}

#[derive(Deserialize)]
struct Ruleset {
    #[serde(default)]
    current_user_can_bypass: Option<String>,
}

impl Rules {
    pub fn has(&self, kind: &str) -> bool {
        self.of(kind).next().is_some()
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(move |rule| rule.kind == kind)
    }

    /// Those that stand between a push and the branch.
    fn against_a_push(&self) -> impl Iterator<Item = &Rule> {
        let kinds = ["pull_request", "update", "merge_queue", "required_status_checks"];
        self.0.iter().filter(move |rule| kinds.contains(&rule.kind.as_str()))
    }
}

impl GitHub {
    /// The rules of a branch, whether there is the branch or not.
    pub(super) fn rules(&self, branch: &str) -> Result<Option<Rules>, ForgeError> {
        let parts: Vec<_> = ["rules", "branches"].into_iter().chain(branch.split('/')).collect();
        let mut url = self.url(&parts);
        url.query_pairs_mut().append_pair("per_page", "100");
        if_there(self.read(&url, "Metadata: read"))
    }

    pub(super) fn branch_facts(&self, name: &BranchName) -> Result<BranchFacts, ForgeError> {
        let parts: Vec<_> = std::iter::once("branches").chain(name.as_str().split('/')).collect();
        let Some(branch) = if_there(self.read::<Branch>(&self.url(&parts), "Contents: read"))?
        else {
            return Ok(BranchFacts::default());
        };
        let summary = branch.protection;
        let is_classic = summary.as_ref().map(|it| it.enabled);
        let classic = if is_classic == Some(false) {
            None
        } else {
            let parts: Vec<_> = parts.into_iter().chain(["protection"]).collect();
            if_there(self.read::<Classic>(&self.url(&parts), "Administration: read"))?
        };
        let rules = self.rules(name.as_str())?;
        let access = self.access()?;
        let bypasses = match &rules {
            Some(rules) => self.bypasses(rules)?,
            None => None,
        };
        let checks = summary.and_then(|it| it.required_status_checks).unwrap_or_default().contexts;
        let mut facts = of_classic(is_classic, classic, access);
        facts.required_checks = checks;
        if let Some(rules) = rules {
            add_rules(&mut facts, &rules, bypasses);
        }
        Ok(facts)
    }

    /// Whether the token may pass by all rules that forbid a push; rulesets of an organisation
    /// are not always told.
    fn bypasses(&self, rules: &Rules) -> Result<Option<bool>, ForgeError> {
        let mut ids: Vec<_> = rules.against_a_push().filter_map(|rule| rule.ruleset_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut all = Some(true);
        for id in ids {
            let url = self.url(&["rulesets", &id.to_string()]);
            let found = if_there(self.read::<Ruleset>(&url, "Metadata: read"))?;
            match found.and_then(|it| it.current_user_can_bypass).as_deref() {
                Some("always" | "exempt") => {}
                Some(_) => return Ok(Some(false)),
                None => all = None,
            }
        }
        Ok(all)
    }
}

/// `is_classic` is whether there is classic protection, where that is told.
fn of_classic(
    is_classic: Option<bool>,
    classic: Option<Classic>,
    access: Permissions,
) -> BranchFacts {
    let mut facts = BranchFacts { exists: true, ..BranchFacts::default() };
    let Some(classic) = classic else {
        if is_classic == Some(false) {
            facts.requests_only = Some(false);
            facts.token_may_push = access.push;
            facts.force_push = Some(true);
            facts.may_be_deleted = Some(true);
        }
        return facts;
    };
    facts.requests_only = Some(classic.required_pull_request_reviews.is_some());
    facts.force_push = Some(classic.allow_force_pushes.enabled);
    facts.may_be_deleted = Some(classic.allow_deletions.enabled);
    if let Some(reviews) = &classic.required_pull_request_reviews {
        facts.approvals = Some(reviews.required_approving_review_count);
        facts.code_owners = Some(reviews.require_code_owner_reviews);
        facts.dismisses_stale = Some(reviews.dismiss_stale_reviews);
    }
    let is_free = access.admin == Some(true) && !classic.enforce_admins.enabled;
    let is_closed = classic.required_pull_request_reviews.is_some() || classic.lock_branch.enabled;
    facts.token_may_push = match () {
        () if is_free => access.push,
        () if is_closed => Some(false),
        // Whether the token is one of those, only GitHub knows.
        () if classic.restrictions.is_some() => None,
        () => access.push,
    };
    if let Some(Restrictions { users, teams, apps }) = classic.restrictions {
        let named = |kind: &'static str, list: Vec<Named>| {
            list.into_iter().map(move |it| format!("{kind} {}", it.slug))
        };
        facts.may_push.extend(named("user", users));
        facts.may_push.extend(named("team", teams));
        facts.may_push.extend(named("app", apps));
    }
    facts
}

/// The stricter of both counts.
fn add_rules(facts: &mut BranchFacts, rules: &Rules, bypasses: Option<bool>) {
    for rule in rules.of("pull_request") {
        let flag = |name: &str| rule.parameters[name].as_bool().unwrap_or_default();
        let approvals = rule.parameters["required_approving_review_count"].as_u64();
        facts.requests_only = Some(true);
        facts.approvals = facts.approvals.max(approvals.or(Some(0)));
        let or = |known: Option<bool>, now: bool| Some(known.unwrap_or_default() || now);
        facts.code_owners = or(facts.code_owners, flag("require_code_owner_review"));
        facts.dismisses_stale = or(facts.dismisses_stale, flag("dismiss_stale_reviews_on_push"));
    }
    for rule in rules.of("required_status_checks") {
        let checks = rule.parameters["required_status_checks"].as_array();
        let names = checks.into_iter().flatten().filter_map(|it| it["context"].as_str());
        for name in names {
            if !facts.required_checks.iter().any(|known| known == name) {
                facts.required_checks.push(name.to_owned());
            }
        }
    }
    if rules.has("merge_queue") {
        facts.requests_only = Some(true);
    }
    if rules.has("non_fast_forward") {
        facts.force_push = Some(false);
    }
    if rules.has("deletion") {
        facts.may_be_deleted = Some(false);
    }
    if rules.against_a_push().next().is_some() && facts.token_may_push != Some(false) {
        facts.token_may_push = match bypasses {
            Some(true) => facts.token_may_push,
            other => other,
        };
    }
}
