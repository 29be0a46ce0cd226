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
use crate::domain::environment::{Environment, Gates, Period};
use crate::domain::gate::{Evidence, Judge, Landing, Missing};
use crate::domain::layout::{self, Place};
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::registry::{Root, repository_prefix};
use crate::forge::ForgeError;
use crate::store::{Access, Landings, Location, Reading, Snapshot, StoreError, Version};

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
        let (recent, past, whole) = (RefCell::default(), RefCell::default(), RefCell::default());
        Sight { inquiry: self, state, services, recent, past, whole }
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
    recent: Histories,
    past: Histories,
    whole: Histories,
}

type Histories = RefCell<BTreeMap<EnvironmentName, Result<Landings, Missing>>>;

impl<'r> Sight<'_, 'r> {
    /// Judges a root by this evidence.
    pub fn judge<'a>(&'a self, root: &'a Root<'a>) -> Judge<'a> {
        Judge { root, evidence: self }
    }

    fn snapshot(&self, environment: &Environment) -> &Snapshot<'r> {
        let config = &self.state.config;
        let on_main = config.branch_of(environment) == config.main_branch();
        if on_main { &self.state.main } else { &self.state.pins }
    }

    /// What landed until then has been there for longer than any gate asks.
    fn since(&self) -> Timestamp {
        let periods = |environment: &Environment| {
            let Gates { soak, pause, .. } = &environment.gates;
            soak.iter().chain(pause).map(Period::duration).max()
        };
        let longest = self.state.config.environments.iter().filter_map(periods).max();
        let since = self.now().saturating_sub(longest.unwrap_or_default());
        since.unwrap_or(Timestamp::MIN)
    }

    /// What has landed of a file since then, with what was there before; of all services in one
    /// walk.
    fn recent(&self, environment: &Environment, path: &str) -> Result<Vec<Version>, Missing> {
        let since = Some(self.since());
        let read = |paths: &[String]| found(self.snapshot(environment).landings(paths, since));
        self.read(&self.recent, environment, path, || read(&self.paths(environment)), read)
    }

    /// What a file that has landed since then was before, as far as halving finds it; of all
    /// such services at once.
    fn past(&self, environment: &Environment, path: &str) -> Result<Vec<Version>, Missing> {
        let since = self.since();
        let read = |paths: &[String]| found(self.snapshot(environment).past(paths, since));
        let all = || {
            let recent = self.recent.borrow();
            let Some(Ok(recent)) = recent.get(&environment.name) else {
                return Ok(Landings::new());
            };
            let is_new = |versions: &Vec<Version>| versions.iter().any(|it| it.at > since);
            let new = recent.iter().filter(|(_, versions)| is_new(versions));
            read(&new.map(|(path, _)| path.clone()).collect::<Vec<_>>())
        };
        self.read(&self.past, environment, path, all, read)
    }

    /// All that a file ever was; of all services in one walk.
    fn whole(&self, environment: &Environment, path: &str) -> Result<Vec<Version>, Missing> {
        let read = |paths: &[String]| found(self.snapshot(environment).landings(paths, None));
        self.read(&self.whole, environment, path, || read(&self.paths(environment)), read)
    }

    /// Reads a file's history with those of `all`, once, or else alone.
    fn read(
        &self,
        known: &Histories,
        environment: &Environment,
        path: &str,
        all: impl FnOnce() -> Result<Landings, Missing>,
        alone: impl Fn(&[String]) -> Result<Landings, Missing>,
    ) -> Result<Vec<Version>, Missing> {
        let mut known = known.borrow_mut();
        match known.entry(environment.name.clone()).or_insert_with(all) {
            Ok(known) if self.is_listed(path) => Ok(known.get(path).cloned().unwrap_or_default()),
            Ok(_) => Ok(alone(&[path.to_owned()])?.remove(path).unwrap_or_default()),
            Err(missing) => Err(missing.clone()),
        }
    }

    /// The pins of all services there.
    fn paths(&self, environment: &Environment) -> Vec<String> {
        let path = |(service, domain)| layout::pin(&environment.name, domain, service);
        self.services.iter().map(path).collect()
    }

    /// Whether the history of a file is read with those of others.
    fn is_listed(&self, path: &str) -> bool {
        match layout::place(path) {
            Some(Place::Pin { domain, service, .. }) => {
                self.services.get(&service) == Some(&domain)
            }
            _ => false,
        }
    }
}

/// What was read of a history, unless it is not at hand.
fn found<T>(read: Result<Option<T>, StoreError>) -> Result<T, Missing> {
    let missing =
        |what: String| Missing { what, need: "a clone with the whole history".to_owned() };
    let cut = "the history at hand is cut, as that of a shallow clone is";
    read.map_err(|error| missing(error.to_string()))?.ok_or_else(|| missing(cut.to_owned()))
}

fn landing(Version { content, at }: Version) -> Landing {
    Landing { pin: content.and_then(|bytes| Pin::parse(&bytes).ok()), at }
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
        wanted: Option<&Pin>,
    ) -> Result<Vec<Landing>, Missing> {
        let path = layout::pin(&environment.name, domain, service);
        let Some(wanted) = wanted else {
            let versions = self.whole(environment, &path)?;
            return Ok(versions.into_iter().map(landing).collect());
        };
        let is_wanted = |version: &Version| {
            let pin = landing(version.clone()).pin;
            pin.is_some_and(|pin| pin.version() == wanted.version())
        };
        let recent = self.recent(environment, &path)?;
        let versions = match recent.as_slice() {
            [only] if is_wanted(only) && only.at <= self.since() => recent,
            _ if recent.iter().any(is_wanted) => {
                let mut past = self.past(environment, &path)?;
                // The last of them is the first of the others.
                let earlier = past.split_last().map_or(&[][..], |(_, earlier)| earlier);
                if earlier.iter().any(is_wanted) {
                    // It came back: whether it was gone back past tells the whole history alone.
                    self.whole(environment, &path)?
                } else {
                    past.extend(recent.into_iter().filter(|version| version.at > self.since()));
                    past
                }
            }
            _ => self.whole(environment, &path)?,
        };
        Ok(versions.into_iter().map(landing).collect())
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
