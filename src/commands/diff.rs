//! `diff`: two environments of a service, and the commits between them.

use clap::Args;
use similar::TextDiff;

use super::manifests::{self, Place};
use super::move_report::{DiffCommit, DiffReport, DiffSide, version};
use super::report::{Body, Outcome, Page, Report};
use super::state::{self, Opened, State};
use super::status_text::{finished, table};
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::{FormatError, Revision};
use crate::domain::environment::Environment;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::registry::Root;
use crate::store::{Location, Pace, Reading, StateRepo};

/// Show how a service differs between two environments: what a promotion would change.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail diff python-example staging production   # what would come into production
  pinrail diff python-example staging production --manifests
  pinrail diff python-example SHA OTHER-SHA -e staging --manifests

The commits between the two are shown where the service's repository can be read. With
--manifests it is what Argo CD would apply that is compared, which needs `helm` on the PATH.")]
pub struct DiffArgs {
    /// The service
    service: ServiceName,
    /// The environment to look from, such as staging; with -e, a revision of the service
    a: String,
    /// The environment to compare it with, such as production; with -e, a revision
    b: String,
    /// Compare two revisions as they would be in this environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
    /// Compare what Argo CD would apply
    #[arg(long)]
    manifests: bool,
}

impl DiffArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service, environment or revision that is not there, or a services-root that cannot be
    /// read; with `--manifests`, what cannot be rendered.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, .. } = Opened::new(context)?;
        let location = repo.location().to_string();
        let tips = repo.tips(&config.branches())?;
        let state = State::read(&tips, &main, &location)?;
        let root = state.root();
        let domain = state::domain_of(&root, &self.service)?;
        let (a, b) = (self.side(&root, &domain, &self.a)?, self.side(&root, &domain, &self.b)?);
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
        let manifests = match self.manifests {
            true => Some(self.compared(context, &root, &domain, &a, &b)?),
            false => None,
        };
        let keys = keys(a.pin.as_ref(), b.pin.as_ref());
        let same = keys.is_empty() && manifests.as_ref().is_none_or(String::is_empty);
        let outcome = if same { Outcome::Unchanged } else { Outcome::Ok };
        let body = DiffReport { service: self.service, a, b, keys, commits, manifests };
        Ok(Report { warnings, ..Report::new(outcome, Body::Diff(body)).text(text) })
    }

    /// The environment of a side: its own name, or the one that both are to be in.
    fn environment_of<'c>(
        &self,
        root: &Root<'c>,
        name: &str,
    ) -> Result<&'c Environment, CommandError> {
        let name = self.environment.as_ref().map_or(name, EnvironmentName::as_str);
        state::environment(root.config, name)
    }

    /// What is to be compared: an environment's pin, or a revision as it would be in one.
    fn side(
        &self,
        root: &Root<'_>,
        domain: &DomainName,
        name: &str,
    ) -> Result<DiffSide, CommandError> {
        let environment = self.environment_of(root, name)?;
        let pin = root.pin(environment, domain, &self.service)?;
        if self.environment.is_none() {
            return Ok(DiffSide { name: name.to_owned(), pin });
        }
        let Some(mut pin) = pin else {
            let message = format!("{} is not pinned in {}", self.service, environment.name);
            return Err(CommandError::new(ErrorKind::NotFound, message));
        };
        let revision: Revision = name.parse().map_err(|error: FormatError| {
            CommandError::new(ErrorKind::Usage, error.to_string())
                .hint("with -e, give two revisions of the service in full")
        })?;
        // Where the tag is the revision, it goes along.
        if pin.image_tag.as_str() == pin.target_revision.as_str()
            && let Ok(tag) = name.parse()
        {
            pin.image_tag = tag;
            pin.image_digest = None;
        }
        pin.target_revision = revision;
        Ok(DiffSide { name: name.to_owned(), pin: Some(pin) })
    }

    /// How the manifests differ, as a unified diff from `b` to `a`.
    fn compared(
        &self,
        context: &Context,
        root: &Root<'_>,
        domain: &DomainName,
        a: &DiffSide,
        b: &DiffSide,
    ) -> Result<String, CommandError> {
        let manifests = |side: &DiffSide| {
            let Some(pin) = &side.pin else { return Ok(String::new()) };
            let environment = self.environment_of(root, &side.name)?;
            manifests::of(
                context,
                root,
                &Place { domain, service: &self.service, environment },
                pin,
            )
        };
        let (new, old) = (manifests(a)?, manifests(b)?);
        Ok(TextDiff::from_lines(&old, &new).unified_diff().header(&b.name, &a.name).to_string())
    }
}

/// The commits that are in one version and not in the other, newest first.
pub fn between(
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
    let manifests = report.manifests.as_deref().unwrap_or_default();
    if report.keys.is_empty() && manifests.is_empty() {
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
    let title = |side: &DiffSide| match side.name.parse::<Revision>() {
        Ok(revision) => revision.as_str()[..7].to_owned(),
        Err(_) => side.name.to_uppercase(),
    };
    rows.set_header([String::new(), title(&report.a), title(&report.b)]);
    for key in &report.keys {
        rows.add_row([key.clone(), value(&report.a.pin, key), value(&report.b.pin, key)]);
    }
    let mut text = if report.keys.is_empty() { String::new() } else { finished(&rows) };
    for commit in report.commits.iter().flatten() {
        let sign = if commit.added { '+' } else { '-' };
        text.push_str(&format!("{sign} {} {} ({})\n", &commit.id[..7], commit.subject, commit.by));
    }
    text.push_str(manifests);
    text
}
