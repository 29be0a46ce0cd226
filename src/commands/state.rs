//! Opening a services-root: its configuration, and the trees of its branches.

use super::on_forge::{self, Host};
use super::via_api::ViaApi;
use super::{CommandError, Context, ErrorKind, Via};
use crate::domain::config::{Config, Domain, Signing};
use crate::domain::environment::Environment;
use crate::domain::layout;
use crate::domain::name::{BranchName, DomainName, ServiceName};
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::repository_url::{PlaceError, RepositoryUrl};
use crate::domain::tree::Files;
use crate::store::{Access, Pace, Reading, Snapshot, StateRepo, StoreError, Tips};

/// A services-root that was opened, and what its configuration said then.
pub struct Opened {
    pub repo: StateRepo,
    /// The branch that the configuration was found on.
    pub main: BranchName,
    pub config: Config,
    /// How it is reached.
    pub access: Access,
}

impl Opened {
    /// Opens the services-root and reads its configuration, from the branch that HEAD
    /// names, or else from `main`.
    pub fn new(context: &Context) -> Result<Self, CommandError> {
        Self::open(context, false)
    }

    /// The same, for a command that is likely to write.
    pub fn to_write(context: &Context) -> Result<Self, CommandError> {
        Self::open(context, true)
    }

    fn open(context: &Context, writes: bool) -> Result<Self, CommandError> {
        let location = context.location.clone()?;
        let _progress = context.talk.progress(&format!("reading {location}"));
        let pace = Pace::until(context.timeout);
        let access = on_forge::access(context, &location)?;
        let mut repo = StateRepo::open(&location, &access, pace, context.dry_run)?;
        if writes && context.via == Via::Git {
            repo.expect_write();
        }
        let usual: Vec<BranchName> =
            ["main", "pins"].iter().filter_map(|name| name.parse().ok()).collect();
        let (head, on_main) = {
            let tips = repo.read(&Reading::parts(&usual))?;
            if tips.is_empty() {
                return Err(StoreError::Empty { location: location.to_string() }.into());
            }
            (tips.head().cloned(), config_on(&tips, &usual[0])?)
        };
        let on_main = on_main.map(|config| (usual[0].clone(), config));
        let on_head = match head.filter(|head| *head != usual[0]) {
            Some(head) => {
                let tips = repo.read(&Reading::parts(std::slice::from_ref(&head)))?;
                config_on(&tips, &head)?.map(|config| (head, config))
            }
            None => None,
        };
        // Where HEAD names the branch of pins, what lies there is an old copy.
        let is_home = |(branch, config): &(BranchName, Config)| config.main_branch() == *branch;
        let found = match (on_head, on_main) {
            (Some(on_head), Some(on_main)) if !is_home(&on_head) => Some(on_main),
            (on_head, on_main) => on_head.or(on_main),
        };
        let Some((main, config)) = found else {
            let message = format!("{location} is no services-root: it has no {}", layout::CONFIG);
            return Err(CommandError::new(ErrorKind::NotFound, message)
                .hint("`pinrail init DIR` makes one; `--repo` names another repository"));
        };
        let home = config.main_branch();
        if home != main {
            let problem = format!("it is on the branch `{main}` and says `branches.main: {home}`");
            return Err(Problem::error("config", layout::CONFIG, problem).into());
        }
        let mut opened = Self { repo, main, config, access };
        if opened.config.signing == Signing::Required {
            opened.repo.demand_signatures();
        }
        // The forge signs those itself.
        if context.via == Via::Api {
            let api = ViaApi::new(opened.host(context)?)?;
            opened.repo.commit_through(Box::new(api));
        }
        Ok(opened)
    }

    /// The forge that hosts it, where there is one.
    pub fn host(&self, context: &Context) -> Result<Option<Host>, CommandError> {
        on_forge::host(context, &self.access, &self.config, self.repo.location())
    }

    /// The branches that hold pins and locks, main first.
    pub fn branches(&self) -> Vec<BranchName> {
        self.config.branches()
    }
}

pub fn config_on(tips: &Tips<'_>, branch: &BranchName) -> Result<Option<Config>, CommandError> {
    tips.get(branch)?.map_or(Ok(None), |files| config_of(&files))
}

/// The configuration among these files, where there is one.
pub fn config_of(files: &dyn Files) -> Result<Option<Config>, CommandError> {
    let Some(text) = files.read(layout::CONFIG)? else {
        return Ok(None);
    };
    Ok(Some(Config::parse(&text).map_err(Problem::config)?))
}

/// One state of a services-root, read from the tips of its branches.
pub struct State<'r> {
    pub config: Config,
    pub main: Snapshot<'r>,
    pub pins: Snapshot<'r>,
}

impl<'r> State<'r> {
    /// Reads the state again; the configuration may have changed with it.
    pub fn read(tips: &Tips<'r>, main: &BranchName, location: &str) -> Result<Self, CommandError> {
        let get = |branch: &BranchName| {
            let missing =
                || StoreError::NoBranch { location: location.to_owned(), branch: branch.clone() };
            tips.get(branch)?.ok_or_else(missing)
        };
        let main = get(main)?;
        let config = config_of(&main)?.ok_or_else(|| {
            CommandError::new(
                ErrorKind::NotFound,
                format!("{location} has no {} any more", layout::CONFIG),
            )
        })?;
        let pins = config.pins_branch();
        let pins = if pins == config.main_branch() { main.clone() } else { get(&pins)? };
        Ok(Self { config, main, pins })
    }

    /// The newest commit of one of its branches.
    pub fn tip(&self, branch: &BranchName) -> &Snapshot<'r> {
        if *branch == self.config.main_branch() { &self.main } else { &self.pins }
    }

    pub fn root(&self) -> Root<'_> {
        Root { config: &self.config, main: &self.main, pins: &self.pins }
    }
}

/// The environment of this name, or an error with the nearest ones.
pub fn environment<'a>(config: &'a Config, name: &str) -> Result<&'a Environment, CommandError> {
    config.environment(name).ok_or_else(|| {
        let known: Vec<_> =
            config.environments.iter().map(|environment| environment.name.as_str()).collect();
        let hint = did_you_mean(&nearest(name, &known))
            .unwrap_or_else(|| format!("there are: {}", known.join(", ")));
        CommandError::new(ErrorKind::NotFound, format!("there is no environment `{name}`"))
            .hint(hint)
    })
}

/// The domain of this name, or an error with the nearest ones.
pub fn domain<'a>(config: &'a Config, name: &str) -> Result<&'a Domain, CommandError> {
    config.domain(name).ok_or_else(|| {
        let known: Vec<_> = config.domains.iter().map(|domain| domain.name.as_str()).collect();
        let hint = did_you_mean(&nearest(name, &known))
            .unwrap_or_else(|| format!("there are: {}", known.join(", ")));
        CommandError::new(ErrorKind::NotFound, format!("there is no domain `{name}`"))
            .hint(hint)
            .hint(format!("`pinrail domain add {name}` adds it"))
    })
}

/// The domain of a service that is known, or an error with the nearest names.
pub fn domain_of(root: &Root<'_>, service: &ServiceName) -> Result<DomainName, CommandError> {
    if let Some(domain) = root.domain_of(service)? {
        return Ok(domain.clone());
    }
    let known = root.services()?;
    let error = CommandError::new(ErrorKind::NotFound, format!("there is no service `{service}`"));
    Err(error
        .hints(did_you_mean(&nearest(service.as_str(), known.keys())))
        .hint(format!("`pinrail service add {service}` registers it")))
}

/// A repository's URL that was told; clap would repeat it, and a password in it, in its error.
pub fn repository_url(text: &str) -> Result<RepositoryUrl, CommandError> {
    text.parse().map_err(|error: PlaceError| {
        CommandError::new(ErrorKind::Usage, error.to_string())
            .hint("give the URL as Argo CD reads it; credentials are Argo CD's own matter")
    })
}

/// The domain that a new service belongs to when nothing is said: `services`, or the only one.
pub fn default_domain(config: &Config) -> Result<&Domain, CommandError> {
    match config.domains.as_slice() {
        [only] => Ok(only),
        several => {
            several.iter().find(|domain| domain.name.as_str() == "services").ok_or_else(|| {
                let known: Vec<_> = several.iter().map(|domain| domain.name.as_str()).collect();
                CommandError::new(
                    ErrorKind::Usage,
                    "which domain the service belongs to must be said",
                )
                .hint(format!("`--domain` with one of: {}", known.join(", ")))
            })
        }
    }
}
