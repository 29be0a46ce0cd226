//! Finding one service's files among those of thousands, without reading the rest.

use super::config::Config;
use super::environment::Environment;
use super::layout;
use super::name::{DomainName, ServiceName};
use super::registry::Root;
use super::tree::ReadError;

/// From so many domains on, a domain that is told is worth a request of its own: it spares
/// the others' folders.
const MANY_DOMAINS: usize = 16;

/// A service in an environment, and the domain that it is likely to be of.
pub type Sought<'a> = (&'a Environment, &'a ServiceName, Option<&'a DomainName>);

impl<'a> Root<'a> {
    /// Brings the pins of these services, if they have any, and the locks that may hold them.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn prepare(&self, sought: &[Sought<'_>]) -> Result<(), ReadError> {
        let (mut main, mut pins) = (Vec::new(), Vec::new());
        let one_branch = self.config.main_branch() == self.config.pins_branch();
        for (environment, service, domain) in sought {
            let (environment, home) = (&environment.name, self.config.branch_of(environment));
            let domain = domain.filter(|_| self.config.domains.len() >= MANY_DOMAINS);
            let domain = domain.map_or("*", DomainName::as_str);
            let pin = format!("{}/{environment}/{domain}/{service}.json", layout::ENVS);
            if home == self.config.pins_branch() { &mut pins } else { &mut main }.push(pin);
            pins.push(layout::environment_lock(environment));
            pins.push(layout::service_lock(environment, service));
        }
        if one_branch {
            main.append(&mut pins);
        }
        self.main.prepare(&main)?;
        self.pins.prepare(&pins)
    }

    /// The domain that a service is pinned in, in one environment; first looked for in the one
    /// that is likely.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn domain_in(
        &self,
        (environment, service, likely): Sought<'_>,
    ) -> Result<Option<&'a DomainName>, ReadError> {
        let files = self.files_of(environment);
        let is_in = |domain: &DomainName| {
            let pin = layout::pin(&environment.name, domain, service);
            files.read(&pin).map(|pin| pin.is_some())
        };
        if let Some(domain) = likely.and_then(|likely| self.config.domain(likely.as_str()))
            && is_in(&domain.name)?
        {
            return Ok(Some(&domain.name));
        }
        files.prepare(&[format!("{}/{}/*/{service}.json", layout::ENVS, environment.name)])?;
        for domain in &self.config.domains {
            if is_in(&domain.name)? {
                return Ok(Some(&domain.name));
            }
        }
        Ok(None)
    }

    /// The domain that a service is registered in.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn registered_in(
        &self,
        service: &ServiceName,
    ) -> Result<Option<&'a DomainName>, ReadError> {
        self.main.prepare(&[format!("{}/*/{service}.yaml", layout::SERVICES)])?;
        for domain in &self.config.domains {
            if self.main.read(&layout::service(&domain.name, service))?.is_some() {
                return Ok(Some(&domain.name));
            }
        }
        Ok(None)
    }

    /// The domain of a service that is registered or pinned somewhere.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn domain_of(&self, service: &ServiceName) -> Result<Option<&'a DomainName>, ReadError> {
        if let Some(domain) = self.registered_in(service)? {
            return Ok(Some(domain));
        }
        let everywhere = self.config.environments.iter();
        self.prepare(&everywhere.map(|one| (one, service, None)).collect::<Vec<_>>())?;
        for environment in &self.config.environments {
            if let Some(domain) = self.domain_in((environment, service, None))? {
                return Ok(Some(domain));
            }
        }
        Ok(None)
    }
}

impl Config {
    /// The domain whose services' repositories are where this one is, if it is this
    /// service's; a likely one, as the registry may say otherwise.
    #[must_use]
    pub fn domain_by_repository(&self, service: &ServiceName, url: &str) -> Option<&DomainName> {
        let plain = |url: &str| url.trim_end_matches('/').trim_end_matches(".git").to_lowercase();
        let template = self.services.repository.as_ref()?;
        let domain = self.domains.iter().find(|domain| {
            let values = [("domain", domain.name.as_str()), ("service", service.as_str())];
            template.expand(&values).is_ok_and(|repository| plain(&repository) == plain(url))
        });
        domain.map(|domain| &domain.name)
    }
}
