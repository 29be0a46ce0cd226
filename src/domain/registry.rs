//! The services of a services-root: what is registered, what is pinned, and where.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::artifact::ImageName;
use super::config::Config;
use super::environment::Environment;
use super::layout;
use super::name::{DomainName, ServiceName};
use super::pin::Pin;
use super::problem::Problem;
use super::repository_url::{ChartPath, RepositoryUrl};
use super::template::TemplateError;
use super::tree::{Files, ReadError};
use super::yaml;

/// One file `services/<domain>/<service>.yaml`: what differs from the defaults.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Service")]
pub struct Facts {
    /// What the service is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The service's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryUrl>,
    /// The chart's folder in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_path: Option<ChartPath>,
    /// The service's image without tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// The version of the platform's chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,
}

/// A service with the defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub repository: Option<String>,
    pub chart_path: String,
    pub image: Option<String>,
}

impl Facts {
    /// Reads a file of the registry.
    ///
    /// # Errors
    /// A file that is no description of a service.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, RootError> {
        let invalid = |error| RootError::Invalid(Box::new(Problem::yaml("service", path, error)));
        yaml::parse(bytes).map_err(invalid)
    }

    /// Fills in the defaults of the configuration.
    ///
    /// # Errors
    /// A default that asks for a value that services do not have.
    pub fn resolve(
        &self,
        config: &Config,
        domain: &DomainName,
        service: &ServiceName,
    ) -> Result<Resolved, TemplateError> {
        let values = [("domain", domain.as_str()), ("service", service.as_str())];
        let defaults = &config.services;
        let repository = match (&self.repository, &defaults.repository) {
            (Some(told), _) => Some(told.to_string()),
            (None, Some(default)) => Some(default.expand(&values)?),
            (None, None) => None,
        };
        let image = match (&self.image, &defaults.image) {
            (Some(told), _) => Some(told.to_string()),
            (None, Some(default)) => Some(default.expand(&values)?),
            (None, None) => None,
        };
        let chart_path = self.chart_path.as_ref().or(defaults.chart_path.as_ref());
        let chart_path = chart_path.map_or("helm", ChartPath::as_str).to_owned();
        Ok(Resolved { repository, chart_path, image })
    }

    /// Writes into `pin` what the registry says differs from the defaults.
    ///
    /// # Errors
    /// A default that asks for a value that services do not have.
    pub fn apply_to(
        &self,
        pin: &mut Pin,
        config: &Config,
        domain: &DomainName,
    ) -> Result<(), TemplateError> {
        let default = Self::default().resolve(config, domain, &pin.service)?;
        let differs = |url: &RepositoryUrl| default.repository.as_deref() != Some(url.as_str());
        pin.repo_url = self.repository.clone().filter(differs);
        pin.path = self.chart_path.clone().filter(|path| path.as_str() != default.chart_path);
        pin.chart_version.clone_from(&self.chart_version);
        Ok(())
    }
}

/// What the repositories of a domain's services begin with, where the default tells.
#[must_use]
pub fn repository_prefix(config: &Config, domain: &DomainName) -> Option<String> {
    const MARK: &str = "\u{1}";
    let template = config.services.repository.as_ref()?;
    let text = template.expand(&[("domain", domain.as_str()), ("service", MARK)]).ok()?;
    text.split_once(MARK).map(|(before, _)| before.to_owned())
}

/// One state of a services-root: the configuration and the trees of its branches.
#[derive(Clone, Copy)]
pub struct Root<'a> {
    pub config: &'a Config,
    /// The tree of the main branch.
    pub main: &'a dyn Files,
    /// The tree of the branch of pins, which may be the same.
    pub pins: &'a dyn Files,
}

/// Why a file of a services-root gave no value.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{0}")]
    Invalid(Box<Problem>),
}

impl<'a> Root<'a> {
    /// The tree that an environment's pins are in.
    #[must_use]
    pub fn files_of(&self, environment: &Environment) -> &'a dyn Files {
        if self.config.branch_of(environment) == self.config.main_branch() {
            self.main
        } else {
            self.pins
        }
    }

    /// The pin of a service in an environment, or none.
    ///
    /// # Errors
    /// A file that is no pin, or not the pin that its path announces.
    pub fn pin(
        &self,
        environment: &Environment,
        domain: &DomainName,
        service: &ServiceName,
    ) -> Result<Option<Pin>, RootError> {
        let path = layout::pin(&environment.name, domain, service);
        let Some(bytes) = self.files_of(environment).read(&path)? else {
            return Ok(None);
        };
        let checked = Pin::parse(&bytes)
            .and_then(|pin| pin.check_place(service, &environment.cluster).map(|()| pin))
            .map_err(|error| RootError::Invalid(Box::new(Problem::error("pin", &path, error))))?;
        Ok(Some(checked))
    }

    /// What the registry says of a service, or none where it is not registered.
    ///
    /// # Errors
    /// A file that is no description of a service.
    pub fn facts(
        &self,
        domain: &DomainName,
        service: &ServiceName,
    ) -> Result<Option<Facts>, RootError> {
        let path = layout::service(domain, service);
        let Some(bytes) = self.main.read(&path)? else {
            return Ok(None);
        };
        Facts::parse(&path, &bytes).map(Some)
    }

    /// Every service that is registered or pinned, with its domain.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn services(&self) -> Result<BTreeMap<ServiceName, DomainName>, ReadError> {
        let mut found = BTreeMap::new();
        let mut collect = |files: &dyn Files, folder: String, ending: &str, domain: &DomainName| {
            for entry in files.list(&folder)? {
                let name = entry.name.strip_suffix(ending).and_then(|name| name.parse().ok());
                if let Some(name) = name.filter(|_| !entry.folder) {
                    found.entry(name).or_insert_with(|| domain.clone());
                }
            }
            Ok::<_, ReadError>(())
        };
        for domain in &self.config.domains {
            collect(
                self.main,
                format!("{}/{}", layout::SERVICES, domain.name),
                ".yaml",
                &domain.name,
            )?;
        }
        for environment in &self.config.environments {
            for domain in &self.config.domains {
                let folder = format!("{}/{}/{}", layout::ENVS, environment.name, domain.name);
                collect(self.files_of(environment), folder, ".json", &domain.name)?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tree::testing::MemoryFiles;

    fn config() -> Config {
        let text = "version: 1\nforge: {kind: gitlab}\nservices:\n  repository: https://git.example.com/${{ domain }}/${{ service }}.git\n  image: registry.example.com/${{ service }}\ndomains: [{name: services}, {name: billing}]\nenvironments:\n  - {name: staging, cluster: shared, mode: direct}\n  - {name: production, cluster: eu-1, from: staging, mode: request}\n";
        Config::parse(text.as_bytes()).expect("config")
    }

    fn name(text: &str) -> ServiceName {
        text.parse().expect("name")
    }

    #[test]
    fn a_pin_carries_only_what_differs_from_the_defaults() {
        let (config, domain) = (config(), "billing".parse().expect("name"));
        let mut pin = Pin::new(
            "shared".parse().expect("name"),
            name("api"),
            "1".parse().expect("tag"),
            "a".repeat(40).parse().expect("revision"),
        );
        let facts = Facts {
            repository: Some("https://git.example.com/billing/api.git".parse().expect("url")),
            chart_path: Some("helm".parse().expect("path")),
            ..Facts::default()
        };
        facts.apply_to(&mut pin, &config, &domain).expect("applied");
        assert_eq!((pin.repo_url.as_ref(), pin.path.as_ref()), (None, None));
        let facts = Facts {
            repository: Some("https://git.example.com/billing/mono.git".parse().expect("url")),
            chart_path: Some("api/helm".parse().expect("path")),
            ..facts
        };
        facts.apply_to(&mut pin, &config, &domain).expect("applied");
        assert_eq!(pin.repo_url.expect("url").as_str(), "https://git.example.com/billing/mono.git");
        assert_eq!(pin.path.expect("path").as_str(), "api/helm");
    }

    #[test]
    fn the_prefix_of_a_domain_ends_where_the_service_begins() {
        let domain = "billing".parse().expect("name");
        assert_eq!(
            repository_prefix(&config(), &domain).as_deref(),
            Some("https://git.example.com/billing/")
        );
    }

    #[test]
    fn services_are_found_in_the_registry_and_in_pins_of_every_branch() {
        let config = config();
        let main = MemoryFiles::default()
            .with("services/billing/api.yaml", "")
            .with("envs/production/services/web.json", "{}");
        let pins = MemoryFiles::default()
            .with("envs/staging/services/worker.json", "{}")
            .with("envs/production/services/ghost.json", "{}");
        let root = Root { config: &config, main: &main, pins: &pins };
        let services = root.services().expect("services");
        assert_eq!(
            services.keys().map(ServiceName::as_str).collect::<Vec<_>>(),
            ["api", "web", "worker"]
        );
        for (service, domain) in [
            ("api", Some("billing")),
            ("web", Some("services")),
            ("worker", Some("services")),
            ("ghost", None),
        ] {
            assert_eq!(
                root.domain_of(&name(service)).expect("read").map(DomainName::as_str),
                domain,
                "{service}"
            );
        }
    }

    #[test]
    fn a_pin_of_another_cluster_is_invalid() {
        let config = config();
        let text = format!(
            "{{\"cluster\":\"other\",\"service\":\"web\",\"imageTag\":\"1\",\"targetRevision\":\"{}\"}}",
            "a".repeat(40)
        );
        let pins = MemoryFiles::default().with("envs/staging/services/web.json", &text);
        let root = Root { config: &config, main: &pins, pins: &pins };
        let error = root
            .pin(&config.environments[0], &config.domains[0].name, &name("web"))
            .expect_err("invalid")
            .to_string();
        assert!(
            error.contains("envs/staging/services/web.json") && error.contains("`other`"),
            "{error}"
        );
    }
}
