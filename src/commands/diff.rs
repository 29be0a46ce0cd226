//! `diff`: two environments of a service, and the commits between them.

use clap::Args;

use super::move_report::{DiffCommit, DiffReport, DiffSide, version};
use super::report::{Body, Outcome, Page, Report};
use super::state::{self, Opened, State};
use super::status_text::{finished, table};
use super::{CommandError, Context};
use crate::domain::name::{EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::store::{Location, Pace, Reading, StateRepo};

/// Show how a service differs between two environments: what a promotion would change.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  pinrail diff python-example staging production   # what would come into production

The commits between the two are shown where the service's repository can be read.")]
pub struct DiffArgs {
    /// The service
    service: ServiceName,
    /// The environment to look from, such as staging
    a: EnvironmentName,
    /// The environment to compare it with, such as production
    b: EnvironmentName,
}

impl DiffArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service or environment that is not there, or a services-root that cannot be read.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config } = Opened::new(context)?;
        let location = repo.location().to_string();
        let tips = repo.tips(&config.branches())?;
        let state = State::read(&tips, &main, &location)?;
        let root = state.root();
        let domain = state::domain_of(&root, &self.service)?;
        let side = |name: &EnvironmentName| {
            let environment = state::environment(&config, name.as_str())?;
            let pin = root.pin(environment, &domain, &self.service)?;
            Ok::<_, CommandError>(DiffSide { name: name.to_string(), pin })
        };
        let (a, b) = (side(&self.a)?, side(&self.b)?);
        let facts = root.facts(&domain, &self.service)?.unwrap_or_default();
        let repository = facts
            .resolve(&config, &domain, &self.service)
            .ok()
            .and_then(|resolved| resolved.repository);
        let mut warnings = Vec::new();
        let commits = match (&a.pin, &b.pin, repository) {
            (Some(a), Some(b), Some(url)) if a.target_revision != b.target_revision => {
                let url = a.repo_url.as_ref().map_or(url, ToString::to_string);
                let _progress = context.talk.progress(&format!("reading {url}"));
                between(context, &url, b, a)
                    .map_err(|error| {
                        warnings.push(format!("the commits between are not shown: {error}"));
                    })
                    .ok()
            }
            (Some(_), Some(_), Some(_)) => Some(Vec::new()),
            _ => None,
        };
        let keys = keys(a.pin.as_ref(), b.pin.as_ref());
        let outcome = if keys.is_empty() { Outcome::Unchanged } else { Outcome::Ok };
        let body = Body::Diff(DiffReport { service: self.service, a, b, keys, commits });
        Ok(Report { warnings, ..Report::new(outcome, body).text(text) })
    }
}

/// The commits that are in one version and not in the other, newest first.
fn between(
    context: &Context,
    url: &str,
    old: &Pin,
    new: &Pin,
) -> Result<Vec<DiffCommit>, CommandError> {
    let location: Location = url.parse().map_err(|error: crate::store::LocationError| {
        CommandError::new(super::ErrorKind::Local, error.to_string())
    })?;
    let mut repo = StateRepo::open(&location, &context.access, Pace::until(context.timeout), true)?;
    let names = repo.tips(&[])?.names().to_vec();
    let tips = repo.read(&Reading::whole(&names))?;
    let (old, new) = (old.target_revision.as_str(), new.target_revision.as_str());
    let commit = |added: bool| {
        move |(id, subject, by): (String, String, String)| DiffCommit { id, subject, by, added }
    };
    let mut commits: Vec<_> =
        tips.commits_between(old, new)?.into_iter().map(commit(true)).collect();
    commits.extend(tips.commits_between(new, old)?.into_iter().map(commit(false)));
    Ok(commits)
}

/// The keys that a promotion would copy and whose values differ.
fn keys(a: Option<&Pin>, b: Option<&Pin>) -> Vec<String> {
    let value =
        |pin: Option<&Pin>| pin.and_then(|pin| serde_json::to_value(pin).ok()).unwrap_or_default();
    let (a, b) = (value(a), value(b));
    ["imageTag", "targetRevision", "imageDigest", "repoURL", "path", "chartVersion"]
        .into_iter()
        .filter(|key| a.get(key) != b.get(key))
        .map(ToOwned::to_owned)
        .collect()
}

fn text(body: &Body, page: &Page) -> String {
    let Body::Diff(report) = body else { return String::new() };
    if report.keys.is_empty() {
        return format!("{} is {} in both\n", report.service, version(report.a.pin.as_ref()));
    }
    let value = |pin: &Option<Pin>, key: &str| {
        let value = pin.as_ref().and_then(|pin| serde_json::to_value(pin).ok()?.get(key).cloned());
        value.map_or_else(
            || "–".to_owned(),
            |value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
        )
    };
    let mut rows = table(page);
    rows.set_header([String::new(), report.a.name.to_uppercase(), report.b.name.to_uppercase()]);
    for key in &report.keys {
        rows.add_row([key.clone(), value(&report.a.pin, key), value(&report.b.pin, key)]);
    }
    let mut text = finished(&rows);
    for commit in report.commits.iter().flatten() {
        let sign = if commit.added { '+' } else { '-' };
        text.push_str(&format!("{sign} {} {} ({})\n", &commit.id[..7], commit.subject, commit.by));
    }
    text
}
