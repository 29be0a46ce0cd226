//! `history`: every change of a service's pins.

use clap::Args;

use super::move_report::{HistoryItem, HistoryReport, version};
use super::report::{Body, Outcome, Page, Report};
use super::requests;
use super::state::{self, Opened, State};
use super::status_text::{ago, finished, table};
use super::{CommandError, Context};
use crate::domain::layout::{self, Place};
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::store::{FileChange, Reading};

/// Show every change of a service's pins: who, when, from what to what.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail history python-example
  pinrail history python-example -e production   # one environment, or one group")]
pub struct HistoryArgs {
    /// The service
    service: ServiceName,
    /// Only this environment, or this group
    #[arg(short, long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
}

impl HistoryArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service or environment that is not there, or a services-root that cannot be read.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, .. } = Opened::new(context)?;
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("reading the history of {location}"));
        let tips = repo.read(&Reading::whole(&config.branches()))?;
        let state = State::read(&tips, &main, &location)?;
        let root = state.root();
        let domain = state::domain_of(&root, &self.service)?;
        let environments = match &self.environment {
            None => config.environments.iter().collect(),
            Some(name) => requests::targets(&config, name.as_str()),
        };
        if let (Some(name), true) = (&self.environment, environments.is_empty()) {
            state::environment(&config, name.as_str())?;
        }
        let mut changes = Vec::new();
        for (branch, snapshot) in
            [(config.main_branch(), &state.main), (config.pins_branch(), &state.pins)]
        {
            let is_its = |environment: &&&crate::domain::environment::Environment| {
                config.branch_of(environment) == branch
            };
            let path = |environment: &&crate::domain::environment::Environment| {
                layout::pin(&environment.name, &domain, &self.service)
            };
            let paths: Vec<_> = environments.iter().filter(is_its).map(path).collect();
            if !paths.is_empty() {
                changes.extend(snapshot.changes_of(&paths)?.into_iter().filter_map(item));
            }
            if config.main_branch() == config.pins_branch() {
                break;
            }
        }
        changes.sort_by_key(|change| std::cmp::Reverse(change.at));
        let empty = changes.is_empty();
        let body = Body::History(HistoryReport { service: self.service, domain, changes });
        let report = Report::new(Outcome::Ok, body).text(text);
        Ok(if empty { report.say("It was never pinned there") } else { report })
    }
}

fn item(file: FileChange) -> Option<HistoryItem> {
    let Some(Place::Pin { environment, .. }) = layout::place(&file.path) else { return None };
    let pin = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|bytes| Pin::parse(bytes).ok());
    let trailer = |key: &str| {
        file.trailers.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    Some(HistoryItem {
        environment,
        at: file.change.at,
        by: file.change.by,
        commit: file.change.commit,
        from: pin(&file.before),
        to: pin(&file.after),
        request: trailer("Request"),
        run: trailer("Run"),
    })
}

fn text(body: &Body, page: &Page) -> String {
    let Body::History(report) = body else { return String::new() };
    if report.changes.is_empty() {
        return String::new();
    }
    let mut table = table(page);
    table.set_header(["WHEN", "ENVIRONMENT", "FROM", "TO", "BY", "COMMIT", "BY WAY OF"]);
    for change in &report.changes {
        let way = change.request.as_ref().or(change.run.as_ref()).map_or("–", String::as_str);
        table.add_row([
            ago(change.at, page.now).as_str(),
            change.environment.as_str(),
            version(change.from.as_ref()),
            version(change.to.as_ref()),
            &change.by,
            &change.commit[..7],
            way,
        ]);
    }
    finished(&table)
}
