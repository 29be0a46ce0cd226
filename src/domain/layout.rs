//! Which path of a services-root holds what.

use super::name::{DomainName, EnvironmentName, ServiceName};

/// The configuration's path.
pub const CONFIG: &str = "pinrail.yaml";
/// The folder of the registry.
pub const SERVICES: &str = "services";
/// The folder of the pins.
pub const ENVS: &str = "envs";
/// The folder of the locks.
pub const LOCKS: &str = "locks";
/// The folder of the gates that were overridden.
pub const OVERRIDES: &str = "overrides";
/// What acknowledges platform values of several steps at once.
pub const PLATFORM_OVERRIDE: &str = "overrides/platform-values.json";

/// The platform team's values.
pub const PLATFORM_VALUES: &str = "platform-values.yaml";
/// The folder of what Argo CD's own cluster gets.
pub const ARGOCD: &str = "argocd";
/// The folder of what each cluster gets for its tenants.
pub const TENANTS: &str = "tenants";
/// The folder of templates that replace the built-in ones.
pub const TEMPLATES: &str = "templates";

/// Who approves changes of which files, on forges.
pub const CODEOWNERS: &str = "CODEOWNERS";

/// Whose SSH signatures count, in the format of `ssh-keygen`'s allowed signers.
pub const ALLOWED_SIGNERS: &str = ".pinrail/allowed_signers";
/// The public keys whose OpenPGP signatures count, armoured.
pub const SIGNING_KEYS: &str = ".pinrail/keys.asc";

/// `platform-values/<environment>.yaml`.
#[must_use]
pub fn platform_values(environment: &EnvironmentName) -> String {
    format!("platform-values/{environment}.yaml")
}

/// `services/<domain>/<service>.yaml`.
#[must_use]
pub fn service(domain: &DomainName, service: &ServiceName) -> String {
    format!("{SERVICES}/{domain}/{service}.yaml")
}

/// `envs/<environment>/<domain>/<service>.json`.
#[must_use]
pub fn pin(environment: &EnvironmentName, domain: &DomainName, service: &ServiceName) -> String {
    format!("{ENVS}/{environment}/{domain}/{service}.json")
}

/// `locks/<environment>.json`.
#[must_use]
pub fn environment_lock(environment: &EnvironmentName) -> String {
    format!("{LOCKS}/{environment}.json")
}

/// `locks/<environment>/<service>.json`.
#[must_use]
pub fn service_lock(environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("{LOCKS}/{environment}/{service}.json")
}

/// `overrides/<environment>/<service>.json`.
#[must_use]
pub fn override_of(environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("{OVERRIDES}/{environment}/{service}.json")
}

/// What a path below one of the layout's folders should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Service { domain: DomainName, service: ServiceName },
    Pin { environment: EnvironmentName, domain: DomainName, service: ServiceName },
    EnvironmentLock(EnvironmentName),
    ServiceLock { environment: EnvironmentName, service: ServiceName },
    Override { environment: EnvironmentName, service: ServiceName },
}

/// Reads a path; `None` when no rule of the layout gives it a meaning.
#[must_use]
pub fn place(path: &str) -> Option<Place> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [SERVICES, domain, file] => Some(Place::Service {
            domain: domain.parse().ok()?,
            service: file.strip_suffix(".yaml")?.parse().ok()?,
        }),
        [ENVS, environment, domain, file] => Some(Place::Pin {
            environment: environment.parse().ok()?,
            domain: domain.parse().ok()?,
            service: file.strip_suffix(".json")?.parse().ok()?,
        }),
        [LOCKS, file] => Some(Place::EnvironmentLock(file.strip_suffix(".json")?.parse().ok()?)),
        [LOCKS, environment, file] => Some(Place::ServiceLock {
            environment: environment.parse().ok()?,
            service: file.strip_suffix(".json")?.parse().ok()?,
        }),
        [OVERRIDES, environment, file] => Some(Place::Override {
            environment: environment.parse().ok()?,
            service: file.strip_suffix(".json")?.parse().ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_made_is_read_back() {
        let (environment, domain, name) = (
            "staging".parse().expect("name"),
            "billing".parse().expect("name"),
            "api".parse().expect("name"),
        );
        assert_eq!(pin(&environment, &domain, &name), "envs/staging/billing/api.json");
        assert_eq!(service(&domain, &name), "services/billing/api.yaml");
        assert_eq!(
            place(&service(&domain, &name)),
            Some(Place::Service { domain: domain.clone(), service: name.clone() })
        );
        assert_eq!(
            place(&pin(&environment, &domain, &name)),
            Some(Place::Pin { environment, domain, service: name })
        );
    }

    #[test]
    fn other_paths_have_no_place() {
        for path in [
            "envs/staging/api.json",
            "envs/staging/billing/api.yaml",
            "envs/Staging/billing/api.json",
            "services/billing/api.yml",
            "locks/x/y/z.json",
            "README.md",
        ] {
            assert_eq!(place(path), None, "{path}");
        }
    }
}
