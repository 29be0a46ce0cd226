//! What gates are judged on: histories, ancestry and health, each asked for once in a run.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Context;
use super::diff::between;
use super::health::Health;
use super::on_forge::{self, Host};
use super::request_text::repository;
use super::state::State;
use crate::argocd::Liveness;
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::gate::{Evidence, Judge, Landing, Missing};
use crate::domain::layout;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::registry::{Root, repository_prefix};
use crate::forge::ForgeError;
use crate::store::{Access, Location, Reading, Version};

/// What holds a fact back that a token would give.
const READ: &str = "a token in PINRAIL_TOKEN that may read it";

/// What one run has found out, whatever the state it is judged on.
pub struct Inquiry<'a> {
    context: &'a Context,
    access: &'a Access,
    location: &'a Location,
    host: OnceCell<Option<Host>>,
    health: OnceCell<Health>,
    behind: RefCell<BTreeMap<Step, Result<usize, Missing>>>,
}

/// A repository, and two of its revisions.
type Step = (String, String, String);

impl<'a> Inquiry<'a> {
    pub fn new(context: &'a Context, access: &'a Access, location: &'a Location) -> Self {
        let (host, health) = (OnceCell::new(), OnceCell::new());
        Self { context, access, location, host, health, behind: RefCell::default() }
    }

    /// The same, on one state, for these services.
    pub fn on<'s, 'r>(
        &'s self,
        state: &'s State<'r>,
        services: &'s BTreeMap<ServiceName, DomainName>,
    ) -> Sight<'s, 'r> {
        Sight { inquiry: self, state, services, histories: RefCell::default() }
    }

    /// The forge, where there is one and it may be asked.
    fn host(&self, config: &Config) -> Option<&Host> {
        let host = || on_forge::host(self.context, self.access, config, self.location);
        self.host.get_or_init(|| host().ok().flatten()).as_ref()
    }

    /// How many commits of `old` are not in `new`, by the forge where the service is on it as
    /// well, otherwise by git.
    fn behind(
        &self,
        config: &Config,
        repository: &str,
        old: &Pin,
        new: &Pin,
    ) -> Result<usize, Missing> {
        let host = self.host(config);
        let project = host.zip(repository.parse().ok());
        let project = project.and_then(|(host, url)| Some((host, host.address.project_of(&url)?)));
        let (from, to) = (old.target_revision.as_str(), new.target_revision.as_str());
        if let Some((host, project)) = project {
            match host.at(&project, |forge| forge.compare(&project, from, to)) {
                Ok(Some(found)) => return Ok(found.behind),
                Ok(None) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => {
                    let what = format!("the history of {project} cannot be read: {error}");
                    return Err(Missing { what, need: READ.to_owned() });
                }
            }
        }
        let found = between(self.context, repository, old, new).map_err(|error| Missing {
            what: format!("the history of {repository} cannot be read: {}", error.message),
            need: READ.to_owned(),
        })?;
        Ok(found.iter().filter(|commit| !commit.added).count())
    }
}

/// The evidence on one state.
pub struct Sight<'s, 'r> {
    inquiry: &'s Inquiry<'s>,
    state: &'s State<'r>,
    /// Whose histories are read in one walk.
    services: &'s BTreeMap<ServiceName, DomainName>,
    histories: RefCell<BTreeMap<EnvironmentName, Histories>>,
}

/// The versions that the files of an environment have had, by path.
type Histories = Result<BTreeMap<String, Vec<Landing>>, Missing>;

impl Sight<'_, '_> {
    /// Judges a root by this evidence.
    pub fn judge<'a>(&'a self, root: &'a Root<'a>) -> Judge<'a> {
        Judge { root, evidence: self }
    }

    fn histories(&self, environment: &Environment, path: String) -> Histories {
        let name = |(service, domain): (&ServiceName, &DomainName)| {
            layout::pin(&environment.name, domain, service)
        };
        let mut paths: Vec<String> = self.services.iter().map(name).collect();
        if !paths.contains(&path) {
            paths.push(path);
        }
        let missing =
            |what: String| Missing { what, need: "a clone with the whole history".to_owned() };
        let config = &self.state.config;
        let on_main = config.branch_of(environment) == config.main_branch();
        let snapshot = if on_main { &self.state.main } else { &self.state.pins };
        let found = snapshot.landings(&paths, None).map_err(|error| missing(error.to_string()))?;
        let Some(found) = found else {
            return Err(missing(
                "the history at hand is cut, as that of a shallow clone is".to_owned(),
            ));
        };
        let landing = |Version { content, at }: Version| Landing {
            pin: content.and_then(|bytes| Pin::parse(&bytes).ok()),
            at,
        };
        let parsed = |(path, all): (String, Vec<_>)| (path, all.into_iter().map(landing).collect());
        Ok(found.into_iter().map(parsed).collect())
    }
}

impl Evidence for Sight<'_, '_> {
    fn now(&self) -> Timestamp {
        self.inquiry.context.now
    }

    fn landings(
        &self,
        environment: &Environment,
        domain: &DomainName,
        service: &ServiceName,
    ) -> Result<Vec<Landing>, Missing> {
        let path = layout::pin(&environment.name, domain, service);
        let mut known = self.histories.borrow_mut();
        let histories = known
            .entry(environment.name.clone())
            .or_insert_with(|| self.histories(environment, path.clone()));
        match histories {
            Ok(histories) => Ok(histories.get(&path).cloned().unwrap_or_default()),
            Err(missing) => Err(missing.clone()),
        }
    }

    fn behind(&self, domain: &DomainName, old: &Pin, new: &Pin) -> Result<usize, Missing> {
        let config = &self.state.config;
        let missing = |what: String| Missing {
            what,
            need: "`services.repository` in pinrail.yaml".to_owned(),
        };
        let told = repository(config, domain, new);
        let url = told.ok_or_else(|| missing("its repository is not told".to_owned()))?;
        // A change may name any repository, and the token is not for all of them.
        let is_known = repository(config, domain, old).as_ref() == Some(&url);
        if !is_known && !repository_prefix(config, domain).is_some_and(|it| url.starts_with(&it)) {
            return Err(missing(format!("{url} is no repository of the domain `{domain}`")));
        }
        let key = (url.clone(), old.target_revision.to_string(), new.target_revision.to_string());
        let mut known = self.inquiry.behind.borrow_mut();
        known.entry(key).or_insert_with(|| self.inquiry.behind(config, &url, old, new)).clone()
    }

    fn unhealthy(
        &self,
        environment: &Environment,
        domain: &DomainName,
        pin: &Pin,
    ) -> Result<Option<String>, Missing> {
        let Inquiry { context, health, .. } = self.inquiry;
        let health = health.get_or_init(|| Health::new(context, &self.state.config));
        Ok(match health.of(&environment.name, domain, pin)? {
            Liveness::Live => None,
            Liveness::Not(why) => Some(why.to_string()),
        })
    }
}

/// The branches of a configuration, as far back as the gates of these environments look.
pub fn reading(config: &Config, targets: &[&Environment], parts: bool) -> Reading {
    let branches = config.branches();
    let looks_back = |target: &&Environment| target.gates.soak.is_some() || target.wave > 1;
    match parts {
        _ if targets.iter().any(looks_back) => Reading::whole(&branches),
        true => Reading::parts(&branches),
        false => Reading::tips(&branches),
    }
}
