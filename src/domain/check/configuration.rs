//! What needs more than one value of the configuration to judge.

use std::collections::{BTreeMap, HashSet};

use crate::domain::config::{ChartLayout, Config};
use crate::domain::environment::Environment;
use crate::domain::gate::goes_before;
use crate::domain::layout::CONFIG;
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::problem::Problem;
use crate::domain::template::Template;

pub fn check(config: &Config) -> Vec<Problem> {
    let mut problems = names(config);
    problems.extend(references(config));
    problems.extend(gates(config));
    problems.extend(templates(config));
    problems.extend(namespaces(config));
    if config.argocd.chart == ChartLayout::Oci
        && (config.argocd.chart_repository.is_none() || config.argocd.chart_version.is_none())
    {
        problems.push(error(
            "`argocd.chart: oci` needs `chartRepository` and `chartVersion` beside it",
        ));
    }
    problems
}

pub(super) fn error(message: impl std::fmt::Display) -> Problem {
    Problem::error("config", CONFIG, message)
}

/// Domains are unique; environments and groups share one name space.
fn names(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut domains = HashSet::new();
    for domain in &config.domains {
        if !domains.insert(&domain.name) {
            problems.push(error(format!("the domain `{}` is there twice", domain.name)));
        }
    }
    let mut environments = HashSet::new();
    for environment in &config.environments {
        if !environments.insert(&environment.name) {
            problems.push(error(format!("the environment `{}` is there twice", environment.name)));
        }
    }
    let groups: HashSet<_> =
        config.environments.iter().filter_map(|environment| environment.group.as_ref()).collect();
    for group in groups.intersection(&environments) {
        problems.push(error(format!("`{group}` is both an environment and a group")));
    }
    problems
}

/// What a value names must be there, and in promotion order.
fn references(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut earlier = Vec::new();
    for environment in &config.environments {
        if let Some(from) = &environment.from
            && !earlier.contains(&from)
        {
            let message = if config.environment(from.as_str()).is_some() {
                format!(
                    "`{}` is promoted to from `{from}`, which must stand before it",
                    environment.name
                )
            } else {
                format!(
                    "`{}` is promoted to from `{from}`, which is no environment",
                    environment.name
                )
            };
            problems.push(error(message));
        }
        for reviewer in environment.request.iter().flat_map(|request| &request.reviewers) {
            let named = reviewer.strip_prefix("user:").or(reviewer.strip_prefix("team:"));
            if named.is_none_or(str::is_empty) {
                let name = &environment.name;
                let message = format!("`{name}` asks `{reviewer}` for a review, which is nobody");
                problems.push(error(message).hint("use `user:NAME` or `team:NAME`"));
            }
        }
        earlier.push(&environment.name);
    }
    for domain in &config.domains {
        if let Some(size) = domain.size.as_ref().filter(|size| !config.sizes.contains_key(*size)) {
            let problem = error(format!(
                "the domain `{}` has the size `{size}`, which `sizes` does not have",
                domain.name
            ));
            problems.push(match did_you_mean(&nearest(size, config.sizes.keys())) {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
    }
    if let Some(previews) = &config.previews
        && config.environment(previews.environment.as_str()).is_none()
    {
        problems.push(error(format!(
            "`previews.environment` is `{}`, which is no environment",
            previews.environment
        )));
    }
    problems
}

/// A gate needs what it is judged on.
fn gates(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    for environment in &config.environments {
        let (name, gates) = (&environment.name, &environment.gates);
        let of_source = [("soak", gates.soak.is_some()), ("health", gates.health)];
        for (gate, _) in of_source.iter().filter(|(_, is_set)| *is_set) {
            if environment.from.is_none() {
                let message = format!("`{name}` has the gate `{gate}`, and no `from` to ask it of");
                problems.push(error(message));
            }
        }
        let is_earlier = |other: &Environment| goes_before(other, environment);
        if environment.wave > 1 && !config.environments.iter().any(is_earlier) {
            let wave = environment.wave;
            let message = format!("`{name}` is of wave {wave}, and its group has none before");
            problems.push(error(message).hint("`group` and `wave` say what goes before what"));
        }
        if gates.pause.is_some() && environment.wave <= 1 {
            let message = format!("`{name}` has the gate `pause`, and no wave to wait for");
            problems.push(error(message).hint("`wave: 2` makes it the second of its group"));
        }
        if environment.wave == 0 {
            problems.push(error(format!("`{name}` is of wave 0; the first is 1")));
        }
    }
    problems
}

/// A template may ask only for what its place has.
fn templates(config: &Config) -> Vec<Problem> {
    const SERVICE: &[&str] = &["domain", "service"];
    let mut templates: Vec<(String, &Template, &[&str])> = Vec::new();
    let defaults = &config.services;
    templates.extend(
        defaults
            .repository
            .as_ref()
            .map(|template| ("services.repository".to_owned(), template, SERVICE)),
    );
    templates.extend(
        defaults.image.as_ref().map(|template| ("services.image".to_owned(), template, SERVICE)),
    );
    for environment in &config.environments {
        let place = format!("the host of `{}`", environment.name);
        let allowed: &[&str] = &["domain", "service", "environment"];
        templates.extend(environment.host.as_ref().map(|template| (place, template, allowed)));
    }
    templates.extend(config.namespace.as_ref().map(|template| {
        let allowed: &[&str] = &["domain", "environment"];
        ("namespace".to_owned(), template, allowed)
    }));
    templates.extend(config.previews.as_ref().map(|previews| {
        let allowed: &[&str] = &["id", "service", "domain"];
        ("previews.host".to_owned(), &previews.host, allowed)
    }));
    for (name, template) in &config.links {
        let allowed: &[&str] = &["namespace", "service", "domain", "environment", "cluster"];
        templates.push((format!("links.{name}"), template, allowed));
    }
    let unknown = |(place, template, allowed): &(String, &Template, &[&str])| {
        let stranger =
            template.names().into_iter().find(|name| !allowed.contains(&name.as_str()))?;
        let hint = did_you_mean(&nearest(&stranger, *allowed))
            .unwrap_or_else(|| format!("it may use {}", allowed.join(", ")));
        Some(error(format!("{place} asks for `{stranger}`, which has no value there")).hint(hint))
    };
    templates.iter().filter_map(unknown).collect()
}

/// Two environments of one cluster must not share a domain's namespace: their services
/// would be the same objects.
fn namespaces(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(template) = &config.namespace else {
        return problems;
    };
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    for environment in &config.environments {
        for domain in &config.domains {
            let values =
                [("domain", domain.name.as_str()), ("environment", environment.name.as_str())];
            let Ok(namespace) = template.expand(&values) else {
                return problems;
            };
            if namespace.parse::<crate::domain::name::ClusterName>().is_err() {
                problems.push(error(format!(
                    "the namespace `{namespace}` of `{}` in `{}` is no name that Kubernetes accepts",
                    domain.name, environment.name
                )));
            }
            let who = format!("`{}` in `{}`", domain.name, environment.name);
            let key = (environment.cluster.to_string(), namespace);
            if let Some(other) = taken.get(&key) {
                let message = format!(
                    "{other} and {who} share the namespace `{}` on the cluster `{}`",
                    key.1, key.0
                );
                problems.push(
                    error(message).hint("let `namespace` use both `domain` and `environment`"),
                );
            } else {
                taken.insert(key, who);
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, problems, sound};

    fn after(from: &str, to: &str) -> Vec<String> {
        assert!(CONFIG.contains(from), "{from}");
        problems(&CONFIG.replace(from, to), &sound())
    }

    #[test]
    fn names_are_unique() {
        let twice = after("domains:\n", "domains:\n  - {name: billing}\n");
        assert_eq!(twice[0], "pinrail.yaml: the domain `billing` is there twice");
        let group = after("mode: request}", "mode: request, group: staging}");
        assert_eq!(group, ["pinrail.yaml: `staging` is both an environment and a group"]);
        let environment = after("{name: production,", "{name: staging,");
        assert!(
            environment
                .iter()
                .any(|line| line.contains("the environment `staging` is there twice")),
            "{environment:?}"
        );
    }

    #[test]
    fn what_is_named_must_be_there() {
        assert_eq!(
            after("from: staging", "from: stage"),
            ["pinrail.yaml: `production` is promoted to from `stage`, which is no environment"]
        );
        assert_eq!(
            after("from: staging", "from: production"),
            [
                "pinrail.yaml: `production` is promoted to from `production`, which must stand before it"
            ]
        );
        assert_eq!(
            after("{name: services}", "{name: services, size: M}"),
            ["pinrail.yaml: the domain `services` has the size `M`, which `sizes` does not have"]
        );
    }

    #[test]
    fn reviewers_are_users_and_teams() {
        let lines = after(
            "mode: request}",
            "mode: request, request: {reviewers: [\"user:anna\", \"team:release\", \"grp:ops\"]}}",
        );
        assert_eq!(
            lines,
            ["pinrail.yaml: `production` asks `grp:ops` for a review, which is nobody"]
        );
    }

    #[test]
    fn gates_have_what_they_are_judged_on() {
        let lines =
            after("mode: direct", "mode: direct, gates: {soak: 1h, health: true, pause: 5m}");
        let expected = [
            "pinrail.yaml: `staging` has the gate `soak`, and no `from` to ask it of",
            "pinrail.yaml: `staging` has the gate `health`, and no `from` to ask it of",
            "pinrail.yaml: `staging` has the gate `pause`, and no wave to wait for",
        ];
        assert_eq!(lines, expected);
        assert_eq!(
            after("mode: request}", "mode: request, wave: 2}"),
            ["pinrail.yaml: `production` is of wave 2, and its group has none before"]
        );
    }

    #[test]
    fn templates_ask_only_for_what_their_place_has() {
        let lines = after("${{ service }}.staging", "${{ sevice }}.staging");
        assert_eq!(
            lines,
            ["pinrail.yaml: the host of `staging` asks for `sevice`, which has no value there"]
        );
    }

    #[test]
    fn two_environments_of_a_cluster_do_not_share_a_namespace() {
        let lines = after("cluster: eu-1", "cluster: shared");
        assert!(!lines.iter().any(|line| line.contains("share the namespace")), "{lines:?}");
        let text =
            CONFIG.replace("cluster: eu-1", "cluster: shared") + "namespace: ${{ domain }}\n";
        let lines = problems(&text, &sound());
        assert!(
            lines
                .iter()
                .any(|line| line.contains("share the namespace `billing` on the cluster `shared`")),
            "{lines:?}"
        );
    }
}
