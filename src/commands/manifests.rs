//! The manifests of a pin: what Argo CD would apply, rendered on this machine.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::{CommandError, Context, ErrorKind};
use crate::domain::applicationset;
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::layout;
use crate::domain::name::{DomainName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::problem::Severity;
use crate::domain::registry::Root;
use crate::render::argocd;
use crate::render::helm::{self, Chart, HelmError, Release};
use crate::store::{Location, LocationError, Pace, Reading, StateRepo};

/// One service in one environment.
pub struct Place<'a> {
    pub domain: &'a DomainName,
    pub service: &'a ServiceName,
    pub environment: &'a Environment,
}

/// Renders the manifests of a pin as its Application would have them.
///
/// # Errors
/// Sets that would not be safe, a service's repository that cannot be read, and what Helm
/// refuses.
pub fn of(
    context: &Context,
    root: &Root<'_>,
    place: &Place<'_>,
    pin: &Pin,
) -> Result<String, CommandError> {
    let application = application(root, place, pin)?;
    let folder = TempDir::with_prefix("pinrail-").map_err(|error| {
        CommandError::new(ErrorKind::Local, format!("cannot make a temporary folder: {error}"))
    })?;
    let (url, release) = release(&application, folder.path(), root.config, place);
    {
        let _progress = context.talk.progress(&format!("reading {url}"));
        checkout(context, &url, pin, folder.path())?;
    }
    if let Chart::Folder(chart) = &release.chart
        && !chart.join("Chart.yaml").exists()
    {
        let chart = chart.strip_prefix(folder.path()).unwrap_or(chart).display();
        let message = format!("there is no chart in `{chart}` of {url} at {}", pin.target_revision);
        return Err(CommandError::new(ErrorKind::NotFound, message)
            .hint("`chartPath` of the service, or of `services`, says where it is"));
    }
    let _progress = context.talk.progress(&format!("rendering {}", place.service));
    Ok(helm::template(&release, Instant::now() + context.timeout)?)
}

impl From<HelmError> for CommandError {
    fn from(error: HelmError) -> Self {
        let kind = match error {
            HelmError::Missing => ErrorKind::NotFound,
            HelmError::Timeout => ErrorKind::Timeout,
            HelmError::Failed(_) => ErrorKind::Invalid,
            HelmError::Local(_) => ErrorKind::Local,
        };
        Self::new(kind, error.to_string()).hints(error.hint())
    }
}

/// The Application that Argo CD makes of a pin.
fn application(root: &Root<'_>, place: &Place<'_>, pin: &Pin) -> Result<Value, CommandError> {
    // Where this repository is matters to sets, and not to what they make.
    let elsewhere = || "https://pinrail.invalid/services-root.git".parse().ok();
    let repository = root.config.repository.clone().or_else(elsewhere);
    let config = Config { repository, ..root.config.clone() };
    let root = Root { config: &config, ..*root };
    let generated = argocd::generate(&root)?;
    let (sets, problems) = applicationset::read(&config, &generated.files);
    let problems = generated.problems.into_iter().chain(problems);
    if let Some(problem) = problems.into_iter().find(|problem| problem.severity == Severity::Error)
    {
        return Err(problem.into());
    }
    let path = layout::pin(&place.environment.name, place.domain, place.service);
    let set = sets.sets.iter().find(|set| path.starts_with(&format!("{}/", set.folder)));
    let set = set.ok_or_else(|| bug(format!("no set for {path}")))?;
    let parameters =
        serde_json::from_slice(&pin.to_bytes()).map_err(|error| bug(error.to_string()))?;
    let application = set.expand(&path, parameters).map_err(bug)?;
    if application.is_closed() {
        let message = format!("Argo CD would not take the pin `{path}`");
        return Err(CommandError::new(ErrorKind::Invalid, message).hint("`pinrail check` says why"));
    }
    application.object().map_err(bug)
}

fn bug(problem: String) -> CommandError {
    CommandError::new(ErrorKind::Bug, problem)
}

/// What Helm is to render for an Application, with its sources below `folder`; and the
/// repository that is to be there.
fn release(
    application: &Value,
    folder: &Path,
    config: &Config,
    place: &Place<'_>,
) -> (String, Release) {
    let spec = &application["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let chart_source = spec.get("source").unwrap_or(&spec["sources"][0]);
    let git_source = spec.get("source").unwrap_or(&spec["sources"][1]);
    let helm = &chart_source["helm"];
    let (address, version) =
        (text(&chart_source["repoURL"]), text(&chart_source["targetRevision"]));
    let chart = match (spec.get("source"), chart_source["chart"].as_str()) {
        (Some(source), _) => Chart::Folder(folder.join(text(&source["path"]))),
        (None, Some(name)) if address.starts_with("https://") => {
            Chart::Repository { url: address, name: name.to_owned(), version }
        }
        (None, Some(name)) => Chart::Oci { address: format!("oci://{address}/{name}"), version },
        (None, None) => Chart::Oci { address, version },
    };
    let files = helm["valueFiles"].as_array().into_iter().flatten().map(text);
    let value_files = files.map(|file| match (file.strip_prefix("$values/"), &chart) {
        (Some(within), _) => folder.join(within),
        (None, Chart::Folder(chart)) => chart.join(file),
        (None, _) => folder.join(file),
    });
    let parameters = helm["parameters"].as_array().into_iter().flatten();
    // Argo CD puts the environment into parameters; a doubled `$` is one.
    let parameter = |one: &Value| (text(&one["name"]), text(&one["value"]).replace("$$", "$"));
    let cluster = config.clusters.get(&place.environment.cluster);
    let release = Release {
        name: text(&helm["releaseName"]),
        namespace: text(&spec["destination"]["namespace"]),
        value_files: value_files.collect(),
        values: helm["valuesObject"].clone(),
        parameters: parameters.map(parameter).collect(),
        kubernetes_version: cluster.and_then(|cluster| cluster.kubernetes_version.clone()),
        chart,
    };
    (text(&git_source["repoURL"]), release)
}

/// Writes a service's repository, as it is at the pin, into a folder.
fn checkout(context: &Context, url: &str, pin: &Pin, folder: &Path) -> Result<(), CommandError> {
    let location: Location = url
        .parse()
        .map_err(|error: LocationError| CommandError::new(ErrorKind::Local, error.to_string()))?;
    let mut repo = StateRepo::open(&location, &context.access, Pace::until(context.timeout), true)?;
    let names = repo.tips(&[])?.names().to_vec();
    let tips = repo.read(&Reading::whole(&names))?;
    let revision = pin.target_revision.as_str();
    let Some(snapshot) = tips.commit(revision)? else {
        let message = format!("{url} has no commit {revision} on any branch");
        return Err(CommandError::new(ErrorKind::NotFound, message)
            .hint("push the branch that has it, or pin another revision"));
    };
    Ok(snapshot.export(folder)?)
}

/// The objects of manifests, each with the name of a file for it.
pub fn objects(manifests: &str) -> Vec<(String, String)> {
    let mut objects: Vec<(String, String)> = Vec::new();
    for text in manifests.split("\n---").map(|text| text.trim_start_matches("---").trim()) {
        let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(is_comment) {
            continue;
        }
        let document = crate::domain::yaml::documents(text).unwrap_or_default();
        let word = |pointer: &str| {
            let found = document.first().and_then(|document| document.pointer(pointer)?.as_str());
            let found = found.unwrap_or("unnamed").to_lowercase();
            found.replace(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c), "-")
        };
        let name = format!("{}-{}", word("/kind"), word("/metadata/name"));
        let taken = |name: &str| objects.iter().any(|(other, _)| other == name);
        let numbered = (2..).map(|number| format!("{name}-{number}.yaml"));
        let mut names = std::iter::once(format!("{name}.yaml")).chain(numbered);
        let name = names.find(|name| !taken(name)).unwrap_or_default();
        objects.push((name, format!("{text}\n")));
    }
    objects
}
