//! `service add|list|show|remove`: the registry.

use clap::{Args, Subcommand};

use super::report::{
    Body, ChangeReport, DryRun, Outcome, Page, Report, ServiceItem, ServiceReport,
};
use super::service_remove::RemoveArgs;
use super::state::{self, Opened, State};
use super::status_text::{finished, table};
use super::{CommandError, Context, ErrorKind, generated};
use crate::domain::artifact::ImageName;
use crate::domain::check;
use crate::domain::config::Config;
use crate::domain::layout;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::problem::Problem;
use crate::domain::registry::{Facts, Root};
use crate::domain::repository_url::ChartPath;
use crate::domain::tree::Files;
use crate::store::{Edits, Planned, Reading, Write};

/// The registry of services.
#[derive(Subcommand, Debug)]
pub enum ServiceCommand {
    Add(AddArgs),
    List(ListArgs),
    Show(ShowArgs),
    Remove(RemoveArgs),
}

/// Register a service; what is not said follows the defaults.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail service add python-example
  pinrail service add invoice-api --domain billing \\
    --repository https://gitlab.example.com/billing/invoices.git --chart-path api/helm")]
pub struct AddArgs {
    /// The service's name, unique in the whole services-root
    name: ServiceName,
    /// The domain it belongs to [default: `services`, or the only one]
    #[arg(long)]
    domain: Option<DomainName>,
    /// Its repository, where it differs from the default
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// The chart's folder in the repository, where it differs from the default
    #[arg(long, value_name = "PATH")]
    chart_path: Option<ChartPath>,
    /// Its image without tag, where it differs from the default
    #[arg(long)]
    image: Option<ImageName>,
    /// What it is, in a sentence
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// List the services that are registered or pinned.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only this domain's
    #[arg(long)]
    domain: Option<DomainName>,
}

/// Show what is known of a service, defaults filled in.
#[derive(Args, Debug)]
pub struct ShowArgs {
    name: ServiceName,
}

impl ServiceCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// What the registry does not allow, or a services-root that cannot be read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        match self {
            Self::Add(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Show(args) => args.run(context),
            Self::Remove(args) => args.run(context),
        }
    }

    /// The command's name in the document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "service add",
            Self::List(_) => "service list",
            Self::Show(_) => "service show",
            Self::Remove(_) => "service remove",
        }
    }
}

impl AddArgs {
    fn run(self, context: &Context) -> Result<Report, CommandError> {
        let facts = Facts {
            description: self.description,
            repository: self.repository.as_deref().map(state::repository_url).transpose()?,
            chart_path: self.chart_path,
            image: self.image,
            chart_version: None,
        };
        let written = file(&self.name, &facts)?;
        let (name, wanted) = (self.name, self.domain);
        change(context, &format!("add service {name}"), Outcome::Added, |state| {
            let root = state.root();
            let domain = match &wanted {
                Some(wanted) => state::domain(root.config, wanted.as_str())?.name.clone(),
                None => match root.domain_of(&name)? {
                    Some(home) => home.clone(),
                    None => state::default_domain(root.config)?.name.clone(),
                },
            };
            if let Some(home) = root.domain_of(&name)?
                && *home != domain
            {
                let message =
                    format!("the service `{name}` is there already, in the domain `{home}`");
                return Err(CommandError::new(ErrorKind::Conflict, message)
                    .hint("names are unique in the whole services-root"));
            }
            let path = layout::service(&domain, &name);
            let mut edits = Edits::default();
            match root.facts(&domain, &name)? {
                Some(there) if there == facts => {}
                Some(_) => {
                    let message =
                        format!("the service `{name}` is registered already, with other facts");
                    return Err(CommandError::new(ErrorKind::Conflict, message)
                        .hint(format!("edit {path}")));
                }
                None => edits.write(path, written.clone().into_bytes()),
            }
            Ok((edits, format!("Added {name} to the domain {domain}")))
        })
    }
}

/// Lands a change of the main branch, judged by the registry's rules before it is made.
pub(super) fn change(
    context: &Context,
    subject: &str,
    outcome: Outcome,
    mut plan: impl FnMut(&State<'_>) -> Result<(Edits, String), CommandError>,
) -> Result<Report, CommandError> {
    let Opened { mut repo, main, config, .. } = Opened::new(context)?;
    let location = repo.location().to_string();
    let _progress = context.talk.progress(&format!("writing to {location}"));
    let reading = Reading::tips(&[main.clone(), config.pins_branch()]);
    let landed = repo.transact(&reading, &context.author, |tips| {
        let state = State::read(tips, &main, &location)?;
        let (mut edits, sentence) = plan(&state)?;
        judge(&state, &edits)?;
        generated::follow(&state.main, &mut edits)?;
        let write = Some(Write::on(&main, &state.main, edits, context.message(subject)));
        Ok::<_, CommandError>(Planned { value: sentence, write })
    })?;
    let run = DryRun::of(context.dry_run, &landed.changes);
    let (outcome, sentence) = match (&landed.commit, landed.changes.is_empty()) {
        (Some(commit), _) => (outcome, format!("{} (commit {})", landed.value, &commit[..7])),
        (None, true) => (Outcome::Unchanged, "Nothing to do: it is so already".to_owned()),
        (None, false) => (outcome, "Dry run: nothing was written".to_owned()),
    };
    let mut report = Report::new(outcome, Body::Empty {});
    report.said = run.shown();
    report.body =
        Body::Change(ChangeReport { commit: landed.commit, attempts: landed.attempts, run });
    Ok(report.say(sentence))
}

/// Refuses edits that would bring a problem that is not there now.
fn judge(state: &State<'_>, edits: &Edits) -> Result<(), CommandError> {
    let after = edits.over(&state.main);
    let text = after.read(layout::CONFIG)?.unwrap_or_default();
    let config = Config::parse(&text).map_err(Problem::config)?;
    let before = check::registry(&state.root())?;
    let root = Root { config: &config, main: &after, pins: &state.pins };
    let new = check::registry(&root)?.into_iter().find(|problem| !before.contains(problem));
    new.map_or(Ok(()), |problem| Err(problem.into()))
}

fn file(name: &ServiceName, facts: &Facts) -> Result<String, CommandError> {
    let header = format!("# What differs from the defaults of {} for {name}.\n", layout::CONFIG);
    if *facts == Facts::default() {
        return Ok(header);
    }
    let yaml = serde_saphyr::to_string(facts).map_err(|error| {
        CommandError::new(ErrorKind::Bug, format!("facts that cannot be written: {error}"))
    })?;
    Ok(format!("{header}{yaml}"))
}

/// The environments that a service is pinned in.
pub(super) fn pinned_in(
    root: &Root<'_>,
    domain: &DomainName,
    service: &ServiceName,
) -> Result<Vec<EnvironmentName>, CommandError> {
    let mut found = Vec::new();
    for environment in &root.config.environments {
        let path = layout::pin(&environment.name, domain, service);
        if root.files_of(environment).read(&path)?.is_some() {
            found.push(environment.name.clone());
        }
    }
    Ok(found)
}

impl ListArgs {
    fn run(self, context: &Context) -> Result<Report, CommandError> {
        let only = self.domain;
        read(context, |root| {
            if let Some(only) = &only {
                state::domain(root.config, only.as_str())?;
            }
            let services = root
                .services()?
                .into_iter()
                .filter(|(_, domain)| only.as_ref().is_none_or(|only| only == domain));
            services.map(|(service, domain)| item(root, service, domain)).collect()
        })
        .map(|report| match &report.body {
            Body::Service(ServiceReport { services }) if services.is_empty() => {
                report.say("There is no service yet: `pinrail service add NAME`")
            }
            _ => report.text(list),
        })
    }
}

impl ShowArgs {
    fn run(self, context: &Context) -> Result<Report, CommandError> {
        read(context, |root| {
            let domain = state::domain_of(root, &self.name)?;
            Ok(vec![item(root, self.name.clone(), domain)?])
        })
        .map(|report| report.text(show))
    }
}

fn read(
    context: &Context,
    find: impl FnOnce(&Root<'_>) -> Result<Vec<ServiceItem>, CommandError>,
) -> Result<Report, CommandError> {
    let opened = Opened::new(context)?;
    let (location, branches) = (opened.repo.location().to_string(), opened.branches());
    let Opened { mut repo, main, .. } = opened;
    let tips = repo.tips(&branches)?;
    let state = State::read(&tips, &main, &location)?;
    let services = find(&state.root())?;
    Ok(Report::new(Outcome::Ok, Body::Service(ServiceReport { services })))
}

fn item(
    root: &Root<'_>,
    service: ServiceName,
    domain: DomainName,
) -> Result<ServiceItem, CommandError> {
    let facts = root.facts(&domain, &service)?;
    let registered = facts.is_some();
    let facts = facts.unwrap_or_default();
    let resolved = facts.resolve(root.config, &domain, &service).map_err(|error| {
        CommandError::new(ErrorKind::Invalid, format!("{}: {error}", layout::CONFIG))
    })?;
    let environments = pinned_in(root, &domain, &service)?;
    Ok(ServiceItem {
        service,
        domain,
        registered,
        description: facts.description,
        repository: resolved.repository,
        chart_path: resolved.chart_path,
        image: resolved.image,
        environments,
    })
}

fn list(body: &Body, page: &Page) -> String {
    let Body::Service(report) = body else {
        return String::new();
    };
    let mut table = table(page);
    table.set_header(["DOMAIN", "SERVICE", "REGISTERED", "PINNED IN"]);
    for item in &report.services {
        let environments: Vec<_> = item.environments.iter().map(EnvironmentName::as_str).collect();
        let registered = if item.registered { "yes" } else { "no" };
        table.add_row([
            item.domain.as_str(),
            item.service.as_str(),
            registered,
            &environments.join(", "),
        ]);
    }
    finished(&table)
}

fn show(body: &Body, page: &Page) -> String {
    let Body::Service(ServiceReport { services }) = body else {
        return String::new();
    };
    let Some(item) = services.first() else {
        return String::new();
    };
    let environments: Vec<_> = item.environments.iter().map(EnvironmentName::as_str).collect();
    let nothing = || "–".to_owned();
    let mut table = table(page);
    for (name, value) in [
        ("service", item.service.to_string()),
        ("domain", item.domain.to_string()),
        ("registered", if item.registered { "yes" } else { "no, the defaults hold" }.to_owned()),
        ("description", item.description.clone().unwrap_or_else(nothing)),
        ("repository", item.repository.clone().unwrap_or_else(nothing)),
        ("chart path", item.chart_path.clone()),
        ("image", item.image.clone().unwrap_or_else(nothing)),
        ("pinned in", if environments.is_empty() { nothing() } else { environments.join(", ") }),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    finished(&table)
}
