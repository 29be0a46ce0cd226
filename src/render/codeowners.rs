//! `CODEOWNERS`: whose approval a change of the main branch needs.
//!
//! Only what GitHub and GitLab read alike is used: the last line that fits a file counts, and
//! each owner on it may approve.
//! <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>,
//! <https://docs.gitlab.com/user/project/codeowners/reference/>

use super::argocd::MARK;
use crate::domain::config::Config;
use crate::domain::environment::{Environment, Mode};
use crate::domain::layout;
use crate::domain::owner::Owner;

/// The file's text. The rules, and what no domain owns, are the platform team's; a domain's
/// registry and its pins that change by request are the domain's own.
#[must_use]
pub fn codeowners(config: &Config) -> String {
    let mut text = format!(
        "{MARK} from `owners`, `domains` and `environments` in {}: change those\n\
         # and run `pinrail generate`. Without this mark the file is left alone.\n\
         # The last line that fits a file counts; each owner on it may approve.\n\n",
        layout::CONFIG
    );
    let mut everybody: Vec<&Owner> = Vec::new();
    for owner in config.domains.iter().flat_map(|domain| &domain.owners) {
        if !everybody.contains(&owner) {
            everybody.push(owner);
        }
    }
    let rules = if config.owners.is_empty() { everybody } else { config.owners.iter().collect() };
    text.push_str(match (rules.is_empty(), config.owners.is_empty()) {
        (true, _) => "# Nobody yet: `owners: [\"@GROUP/TEAM\"]` says who approves.\n",
        (_, true) => "# The rules, and all else: the owners of any domain, for want of `owners`.\n",
        _ => "# The rules, and all that no line below names.\n",
    });
    if !rules.is_empty() {
        text.push_str(&line("*", rules));
    }
    let by_request: Vec<_> = config
        .environments
        .iter()
        .filter(|environment| environment.mode == Mode::Request || environment.protected)
        .collect();
    for domain in config.domains.iter().filter(|domain| !domain.owners.is_empty()) {
        text.push('\n');
        let services = format!("/{}/{}/", layout::SERVICES, domain.name);
        text.push_str(&line(&services, &domain.owners));
        for environment in &by_request {
            let pins = format!("/{}/{}/{}/", layout::ENVS, environment.name, domain.name);
            text.push_str(&line(&pins, &domain.owners));
        }
    }
    let gated = |one: &&Environment| !one.gates.overriders.is_empty();
    let gated: Vec<_> = config.environments.iter().filter(gated).collect();
    if !gated.is_empty() {
        text.push_str("\n# Who may let a version past gates.\n");
    }
    for environment in gated {
        let overrides = format!("/{}/{}/", layout::OVERRIDES, environment.name);
        text.push_str(&line(&overrides, &environment.gates.overriders));
    }
    text
}

fn line<'a>(pattern: &str, owners: impl IntoIterator<Item = &'a Owner>) -> String {
    let mut line = pattern.to_owned();
    for owner in owners {
        line.push(' ');
        line.push_str(owner.as_str());
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENTS: &str = "environments:\n  - {name: staging, cluster: a, mode: direct}\n  \
                                - {name: production, cluster: b, mode: request}\n";

    /// The lines that are rules, for a configuration with these owners and domains.
    fn rules(owners: &str) -> Vec<String> {
        let config = format!("version: 1\n{owners}\n{ENVIRONMENTS}");
        let text = codeowners(&Config::parse(config.as_bytes()).expect("a configuration"));
        let is_rule = |line: &&str| !line.is_empty() && !line.starts_with('#');
        text.lines().filter(is_rule).map(str::to_owned).collect()
    }

    #[test]
    fn the_platform_team_owns_the_rules_and_a_domain_its_own() {
        let owners = "owners: [\"@acme/platform\"]\ndomains:\n  - {name: billing, owners: \
                      [\"@acme/billing\", anna@example.com]}\n  - {name: lab}";
        assert_eq!(
            rules(owners),
            [
                "* @acme/platform",
                "/services/billing/ @acme/billing anna@example.com",
                "/envs/production/billing/ @acme/billing anna@example.com",
            ]
        );
    }

    #[test]
    fn whoever_may_override_gates_owns_the_overrides() {
        let environments = ENVIRONMENTS.replace(
            "mode: request",
            "mode: request, from: staging, gates: {soak: 1h, override: [\"@release\"]}",
        );
        let config = format!("version: 1\nowners: [\"@acme/platform\"]\n{environments}");
        let text = codeowners(&Config::parse(config.as_bytes()).expect("a configuration"));
        assert!(text.ends_with("\n/overrides/production/ @release\n"), "{text}");
    }

    #[test]
    fn without_a_platform_team_each_domains_owners_may_approve_the_rules() {
        let owners =
            "domains: [{name: a, owners: [\"@a\", \"@both\"]}, {name: b, owners: [\"@both\"]}]";
        assert_eq!(rules(owners)[0], "* @a @both");
        assert_eq!(rules("domains: [{name: a}]"), Vec::<String>::new());
    }
}
