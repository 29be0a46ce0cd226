//! The registry: one well-formed file for each service, below a domain that is there.

use std::collections::BTreeMap;

use crate::domain::layout::{self, Place};
use crate::domain::name::ServiceName;
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::parallel;
use crate::domain::problem::Problem;
use crate::domain::registry::{Facts, Root, repository_prefix};
use crate::domain::tree::{ReadError, files_below};
use crate::domain::yaml;

pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = Vec::new();
    let mut homes: BTreeMap<ServiceName, String> = BTreeMap::new();
    let mut files = Vec::new();
    for path in files_below(root.main, layout::SERVICES)? {
        let bytes = root.main.read(&path)?.unwrap_or_default();
        files.push((path, bytes));
    }
    let told = parallel::map(&files, |(_, bytes)| yaml::parse::<Facts>(bytes));
    for ((path, _), told) in files.into_iter().zip(told) {
        let Some(Place::Service { domain, service }) = layout::place(&path) else {
            let what = "not `services/<domain>/<service>.yaml` with valid names";
            problems.push(Problem::error("layout", &path, what));
            continue;
        };
        if root.config.domain(domain.as_str()).is_none() {
            problems.push(unknown_domain(root, &path, domain.as_str()));
        }
        if let Some(other) = homes.insert(service.clone(), path.clone()) {
            problems.push(Problem::error(
                "name",
                &path,
                format!("the service `{service}` is also in `{other}`"),
            ));
        }
        match told {
            Err(error) => problems.push(Problem::yaml("service", &path, error)),
            Ok(facts) => {
                if let Some(url) = &facts.repository
                    && let Some(prefix) = repository_prefix(root.config, &domain)
                    && !url.as_str().starts_with(&prefix)
                {
                    let message = format!("`repository` is outside the domain's prefix `{prefix}`");
                    problems.push(Problem::error("service", &path, message));
                }
            }
        }
    }
    Ok(problems)
}

/// A folder names a domain that the configuration does not have.
pub fn unknown_domain(root: &Root<'_>, path: &str, domain: &str) -> Problem {
    let known = root.config.domains.iter().map(|domain| domain.name.as_str());
    let hint = did_you_mean(&nearest(domain, known));
    let problem =
        Problem::error("name", path, format!("`{domain}` is no domain of `{}`", layout::CONFIG));
    problem.hint(hint.unwrap_or_else(|| format!("`pinrail domain add {domain}` adds it")))
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, problems, sound};

    #[test]
    fn each_file_is_one_service_of_a_known_domain() {
        let files = sound()
            .with("services/README.md", "")
            .with("services/billing/book.yaml", "")
            .with("services/biling/x.yaml", "")
            .with("services/billing/X.yaml", "")
            .with("services/services/book.yaml", "")
            .with(
                "services/services/far.yaml",
                "repository: https://elsewhere.example.com/far.git\n",
            )
            .with("services/services/odd.yaml", "# a comment\nrepositry: x\n");
        let lines = problems(CONFIG, &files);
        for expected in [
            "services/README.md: not `services/<domain>/<service>.yaml` with valid names",
            "services/biling/x.yaml: `biling` is no domain of `pinrail.yaml`",
            "services/billing/X.yaml: not `services/<domain>/<service>.yaml` with valid names",
            "services/services/book.yaml: the service `book` is also in `services/billing/book.yaml`",
            "services/services/far.yaml: `repository` is outside the domain's prefix `https://git.example.com/services/`",
            "services/services/odd.yaml:2: unknown key `repositry`",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected}\n{lines:#?}");
        }
        assert_eq!(lines.len(), 6, "{lines:#?}");
    }
}
