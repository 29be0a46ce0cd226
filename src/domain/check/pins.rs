//! The pins: each well-formed, where it belongs, and of a service that may be there.

use std::collections::BTreeMap;

use super::services;
use crate::domain::config::{Config, Registration};
use crate::domain::layout::{self, Place};
use crate::domain::name::{BranchName, ClusterName, DomainName, EnvironmentName, ServiceName};
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::parallel;
use crate::domain::pin::Pin;
use crate::domain::problem::Problem;
use crate::domain::registry::{Facts, Root, repository_prefix};
use crate::domain::tree::{ReadError, files_below};

pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = Vec::new();
    let homes = root.services()?;
    let (main, pins) = (root.config.main_branch(), root.config.pins_branch());
    let mut trees = vec![(&main, root.main)];
    if pins != main {
        trees.push((&pins, root.pins));
    }
    let mut found = Vec::new();
    for (branch, files) in trees {
        for path in files_below(files, layout::ENVS)? {
            let Some(Place::Pin { environment, domain, service }) = layout::place(&path) else {
                problems.push(no_pin(&path));
                continue;
            };
            let Some(configured) = root.config.environment(environment.as_str()) else {
                problems.push(unknown_environment(root, &path, &environment));
                continue;
            };
            let belongs = root.config.branch_of(configured);
            if belongs != *branch {
                problems.push(other_branch(&path, &environment, &belongs, branch));
                continue;
            }
            problems.extend(home(root, &path, &domain, &service, &homes)?);
            let bytes = files.read(&path)?.unwrap_or_default();
            let facts = match configured.from {
                None => root.main.read(&layout::service(&domain, &service))?,
                Some(_) => None,
            };
            let cluster = &configured.cluster;
            found.push(Found { path, domain, environment, service, cluster, bytes, facts });
        }
    }
    let told = parallel::map(&found, |pin| pin.content(root.config));
    problems.extend(told.into_iter().flatten());
    Ok(problems)
}

/// A file that stands where pins do, and is none.
#[must_use]
pub fn no_pin(path: &str) -> Problem {
    let what = "not `envs/<environment>/<domain>/<service>.json` with valid names";
    Problem::error("layout", path, what)
}

/// A pin that stands on another branch than those of its environment.
#[must_use]
pub fn other_branch(
    path: &str,
    environment: &EnvironmentName,
    belongs: &BranchName,
    branch: &BranchName,
) -> Problem {
    let message = format!(
        "the pins of `{environment}` belong on the branch `{belongs}`, and this one is on `{branch}`"
    );
    Problem::error("layout", path, message).hint("remove it there")
}

/// A service has one domain, which is there and lets it in.
fn home(
    root: &Root<'_>,
    path: &str,
    domain: &DomainName,
    service: &ServiceName,
    homes: &BTreeMap<ServiceName, DomainName>,
) -> Result<Option<Problem>, ReadError> {
    let Some(configured) = root.config.domain(domain.as_str()) else {
        return Ok(Some(services::unknown_domain(root, path, domain.as_str())));
    };
    let home = homes.get(service).unwrap_or(domain);
    if home != domain {
        let message = format!(
            "the service `{service}` is of the domain `{home}`, and this pin says `{domain}`"
        );
        return Ok(Some(Problem::error("name", path, message)));
    }
    let registered =
        || root.main.read(&layout::service(domain, service)).map(|file| file.is_some());
    if configured.registration == Registration::Request && !registered()? {
        let message =
            format!("`{service}` is not registered, and the domain `{domain}` demands it");
        return Ok(Some(
            Problem::error("service", path, message)
                .hint(format!("`pinrail service add {service} --domain {domain}`")),
        ));
    }
    Ok(None)
}

/// A file that stands where a pin may.
struct Found<'a> {
    path: String,
    domain: DomainName,
    environment: EnvironmentName,
    service: ServiceName,
    cluster: &'a ClusterName,
    bytes: Vec<u8>,
    /// What the registry says, where pins are made from it.
    facts: Option<Vec<u8>>,
}

impl Found<'_> {
    /// The file is a pin, the one that its path announces, and inside its domain's prefix.
    fn content(&self, config: &Config) -> Vec<Problem> {
        let Self { path, domain, service, cluster, bytes, .. } = self;
        let pin = match Pin::parse(bytes) {
            Ok(pin) => pin,
            Err(error) => return vec![Problem::error("pin", path, error)],
        };
        let mut problems = Vec::new();
        if let Err(error) = pin.check_place(service, cluster) {
            problems.push(Problem::error("pin", path, error));
        }
        if let Some(url) = &pin.repo_url
            && let Some(prefix) = repository_prefix(config, domain)
            && !url.as_str().starts_with(&prefix)
        {
            problems.push(Problem::error(
                "pin",
                path,
                format!("`repoURL` is outside the domain's prefix `{prefix}`"),
            ));
        }
        for key in pin.unknown_keys() {
            problems.push(Problem::warning("pin", path, format!("unknown key `{key}`")));
        }
        problems.extend(self.drift(&pin, config));
        problems
    }

    /// A pin keeps what the registry said when it was first made.
    fn drift(&self, pin: &Pin, config: &Config) -> Option<Problem> {
        let Self { path, domain, environment, service, .. } = self;
        let facts = Facts::parse(path, self.facts.as_deref()?).ok()?;
        let mut registered = pin.clone();
        facts.apply_to(&mut registered, config, domain).ok()?;
        if pin.has_source_of(&registered) {
            return None;
        }
        let message = "`repoURL`, `path` or `chartVersion` is not what the registry says";
        let remedy = format!(
            "the next `pinrail pin {service} -e {environment} … --from-registry` takes it over"
        );
        Some(Problem::warning("pin", path, message).hint(remedy))
    }
}

/// A folder names an environment that the configuration does not have.
pub fn unknown_environment(root: &Root<'_>, path: &str, environment: &EnvironmentName) -> Problem {
    let known = root.config.environments.iter().map(|environment| environment.name.as_str());
    let hint = did_you_mean(&nearest(environment.as_str(), known));
    let problem = Problem::error(
        "name",
        path,
        format!("`{environment}` is no environment of `{}`", layout::CONFIG),
    );
    problem.hint(hint.unwrap_or_else(|| "add it there, or remove the file".to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, pin, problems, sound};

    #[test]
    fn each_pin_is_well_formed_and_where_it_belongs() {
        let files = sound()
            .with("envs/staging/api.json", "")
            .with("envs/stagin/services/x.json", &pin("x", "shared"))
            .with("envs/staging/nowhere/x.json", &pin("x", "shared"))
            .with("envs/staging/services/list.json", "[]")
            .with("envs/staging/services/twice.json", "{\"cluster\": 1, \"cluster\": 2}")
            .with("envs/staging/services/other.json", &pin("another", "shared"))
            .with("envs/staging/services/moved.json", &pin("moved", "eu-1"))
            .with("envs/staging/services/ledger.json", &pin("ledger", "shared"))
            .with("envs/staging/billing/new.json", &pin("new", "shared"))
            .with(
                "envs/staging/services/far.json",
                &pin("far", "shared").replace('}', ", \"repoURL\": \"https://x.example.com/a\"}"),
            )
            .with(
                "envs/staging/services/more.json",
                &pin("more", "shared").replace('}', ", \"note\": 1}"),
            );
        let lines = problems(CONFIG, &files);
        let expected = [
            "envs/stagin/services/x.json: `stagin` is no environment of `pinrail.yaml`",
            "envs/staging/api.json: not `envs/<environment>/<domain>/<service>.json` with valid names",
            "envs/staging/billing/new.json: `new` is not registered, and the domain `billing` demands it",
            "envs/staging/nowhere/x.json: `nowhere` is no domain of `pinrail.yaml`",
            "envs/staging/services/far.json: `repoURL` is outside the domain's prefix `https://git.example.com/services/`",
            "envs/staging/services/ledger.json: the service `ledger` is of the domain `billing`, and this pin says `services`",
            "envs/staging/services/list.json: not a JSON object",
            "envs/staging/services/more.json: unknown key `note`",
            "envs/staging/services/moved.json: `cluster` is `eu-1`, but the environment's cluster is `shared`",
            "envs/staging/services/other.json: `service` is `another`, but the file's name says `other`",
            "envs/staging/services/twice.json: the key `cluster` is there twice",
        ];
        assert_eq!(lines, expected);
    }
}
