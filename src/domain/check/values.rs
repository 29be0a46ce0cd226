//! Single values of the configuration that become part of generated objects: what Kubernetes
//! or Argo CD would not take is told here, by its place.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::configuration::error;
use crate::domain::artifact::ImageName;
use crate::domain::config::{Cluster, Config};
use crate::domain::name::ClusterName;
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::problem::Problem;
use crate::domain::registry::repository_prefix;
use crate::domain::repository_url::RepositoryUrl;
use crate::domain::template::Template;

/// Stands for any service.
const SERVICE: &str = "a";

pub fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    services(config, &mut problems);
    hosts(config, &mut problems);
    argocd(config, &mut problems);
    clusters(config, &mut problems);
    for domain in &config.domains {
        let place = format!("the group of `{}`", domain.name);
        let rule = "without quotes, commas and control characters";
        tell(&mut problems, &place, domain.group.as_deref(), rule, is_group);
    }
    for (name, size) in &config.sizes {
        for (key, value) in
            [("cpu", &size.cpu), ("memory", &size.memory), ("storage", &size.storage)]
        {
            let place = format!("`sizes.{name}.{key}`");
            let rule = "a quantity of Kubernetes, such as `20` or `40Gi`";
            tell(&mut problems, &place, Some(value), rule, |text| QUANTITY.is_match(text));
        }
    }
    for name in config.links.keys() {
        let rule = "letters, digits, `-`, `_` and `.`, at most 63";
        tell(&mut problems, "a name in `links`", Some(name), rule, |text| LINK.is_match(text));
    }
    problems
}

/// Tells of a value that is there and does not have its form.
fn tell(
    problems: &mut Vec<Problem>,
    place: &str,
    value: Option<&str>,
    rule: &str,
    is_sound: impl Fn(&str) -> bool,
) {
    if let Some(value) = value.filter(|value| !is_sound(value)) {
        let message = format!("{place} is `{}`, and must be {rule}", value.escape_debug());
        problems.push(error(message));
    }
}

/// The template as it is for some service; a template that cannot be filled is another rule's.
fn filled(template: Option<&Template>, values: &[(&str, &str)]) -> Option<String> {
    template?.expand(&[values, &[("service", SERVICE)]].concat()).ok()
}

fn services(config: &Config, problems: &mut Vec<Problem>) {
    for domain in &config.domains {
        let values = [("domain", domain.name.as_str())];
        let image = filled(config.services.image.as_ref(), &values);
        let before = problems.len();
        let rule = "an image's name without tag";
        tell(problems, "`services.image`", image.as_deref(), rule, |text| {
            text.parse::<ImageName>().is_ok()
        });
        let repository = filled(config.services.repository.as_ref(), &values);
        let rule = "a repository's URL";
        tell(problems, "`services.repository`", repository.as_deref(), rule, |text| {
            text.parse::<RepositoryUrl>().is_ok()
        });
        let prefix = repository_prefix(config, &domain.name);
        let rule = "a URL whose host stands before the service";
        tell(problems, "`services.repository`", prefix.as_deref(), rule, has_host);
        if problems.len() > before {
            // The same for every domain, most likely.
            return;
        }
    }
}

/// Whether what a domain's repositories begin with says where they are.
fn has_host(prefix: &str) -> bool {
    match prefix.split_once("://") {
        Some((_, rest)) => rest.contains('/'),
        None => prefix.contains(':'),
    }
}

fn hosts(config: &Config, problems: &mut Vec<Problem>) {
    for environment in &config.environments {
        let place = format!("the host of `{}`", environment.name);
        let mut told = Vec::new();
        for domain in &config.domains {
            let values =
                [("domain", domain.name.as_str()), ("environment", environment.name.as_str())];
            let host = filled(environment.host.as_ref(), &values);
            tell(&mut told, &place, host.as_deref(), "a host name", is_host);
        }
        told.truncate(1);
        problems.extend(told);
    }
}

fn argocd(config: &Config, problems: &mut Vec<Problem>) {
    let argocd = &config.argocd;
    let rule = "a name that Kubernetes accepts";
    tell(problems, "`argocd.namespace`", argocd.namespace.as_deref(), rule, is_label);
    let rule = "a registry's `oci://HOST/PATH` or `HOST/PATH`";
    tell(problems, "`argocd.chartRepository`", argocd.chart_repository.as_deref(), rule, |text| {
        CHART.is_match(text)
    });
    let rule = "one exact version";
    tell(problems, "`argocd.chartVersion`", argocd.chart_version.as_deref(), rule, |text| {
        VERSION.is_match(text)
    });
}

fn clusters(config: &Config, problems: &mut Vec<Problem>) {
    let used: Vec<_> =
        config.environments.iter().map(|environment| environment.cluster.as_str()).collect();
    for (name, cluster) in &config.clusters {
        let Cluster { server, kubernetes_version, api_server } = cluster;
        if !used.contains(&name.as_str()) {
            let problem = error(format!("`clusters.{name}` is the cluster of no environment"));
            let hint = did_you_mean(&nearest(name.as_str(), used.iter().copied()));
            problems.push(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
        let place = |key: &str| format!("`clusters.{name}.{key}`");
        let rule = "the URL of an API server, `https://…`";
        tell(problems, &place("server"), server.as_deref(), rule, is_server);
        let rule = "a version such as `1.34`";
        tell(problems, &place("kubernetesVersion"), kubernetes_version.as_deref(), rule, |text| {
            KUBERNETES.is_match(text)
        });
        for range in api_server {
            let rule = "a range of addresses such as `10.0.0.0/24`";
            tell(problems, &place("apiServer"), Some(range), rule, is_range);
        }
    }
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a constant: {error}"))
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$")
});
/// The part of an annotation's name behind its prefix.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"));
static CHART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(oci://)?[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9][A-Za-z0-9._-]*)+$")
});
static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}$"));
static KUBERNETES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^v?[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$"));

fn is_label(text: &str) -> bool {
    text.parse::<ClusterName>().is_ok()
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// As Argo CD's projects and Kubernetes' bindings both take it.
fn is_group(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || matches!(c, '"' | ','))
}

fn is_server(text: &str) -> bool {
    let plain = |url: &url::Url| {
        url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let is_url = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    text.chars().all(is_url) && url::Url::parse(text).is_ok_and(|url| plain(&url))
}

/// An address and how many of its bits are fixed.
fn is_range(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|byte| byte.is_ascii_digit())
        && bits.parse::<u8>().is_ok_and(|number| number <= most && number.to_string() == bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::check::testing::{CONFIG, problems, sound};

    #[test]
    fn forms() {
        type Case =
            (&'static str, fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 7] = [
            (
                "quantity",
                |text| QUANTITY.is_match(text),
                &["20", "0.5", "500m", "40Gi", "1e3"],
                &["", "x", "1 Gi", "-1", "1Gib", "1\n", "{{"],
            ),
            (
                "host",
                is_host,
                &["a.b", "a-1.example.com"],
                &["", "a..b", "A.b", "a_b", "a.b:80", "a.b/c", ".a", "*.a"],
            ),
            (
                "link",
                |text| LINK.is_match(text),
                &["logs", "a.b_C-1"],
                &["", "a b", "-a", "a/b", "a\n"],
            ),
            (
                "chart",
                |text| CHART.is_match(text),
                &["oci://r.example.com/a/b", "r.example.com:5000/a"],
                &["", "r", "https://r/a", "oci://r", "r/a/", "r/{{"],
            ),
            (
                "server",
                is_server,
                &["https://1.2.3.4:6443", "https://k.example.com/x"],
                &["http://k", "https://u@k", "k", "https://", "https://k?x", "https://k x"],
            ),
            (
                "range",
                is_range,
                &["10.0.0.0/8", "::/0"],
                &["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/08", "x/8"],
            ),
            ("group", is_group, &["dev", "Team A: b"], &["", " a", "a\n", "a,b", "\"a\""]),
        ];
        for (what, is_sound, good, bad) in cases {
            for text in good {
                assert!(is_sound(text), "{what}: {text}");
            }
            for text in bad {
                assert!(!is_sound(text), "{what}: {text}");
            }
        }
    }

    #[test]
    fn a_host_that_differs_for_each_service_fences_nothing() {
        let config = CONFIG.replace(
            "https://git.example.com/${{ domain }}/${{ service }}",
            "https://${{ service }}.example.com/${{ domain }}",
        );
        let lines = problems(&config, &sound());
        assert_eq!(
            lines,
            [
                "pinrail.yaml: `services.repository` is `https://`, and must be a URL whose host stands before the service"
            ]
        );
    }

    #[test]
    fn a_cluster_that_no_environment_has_is_a_mistake() {
        let config = format!("{CONFIG}clusters: {{shred: {{}}}}\n");
        let lines = problems(&config, &sound());
        assert_eq!(lines, ["pinrail.yaml: `clusters.shred` is the cluster of no environment"]);
    }
}
