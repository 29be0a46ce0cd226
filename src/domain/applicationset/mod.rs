//! What Argo CD will make of generated files, judged before it reads them.
//!
//! The rules are those of a set that cannot do harm: one literal project, cluster and
//! namespace, identity from the file's name, and nothing that a bad pin could turn against
//! the others. Templates of the services-root's own pass the same rules.

mod expand;
mod project;
mod rules;
mod set;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::config::Config;
use super::environment::Environment;
use super::layout::{self, Place};
use super::name::{DomainName, EnvironmentName, ServiceName};
use super::parallel;
use super::pin::Pin;
use super::problem::Problem;
use super::registry::Root;
use super::tree::{Files, ReadError};
use super::yaml::{self, YamlError};
pub use expand::Application;
use project::Project;
pub use set::Set;

/// Pins of one set from which on Argo CD's controller has a hard time, and too many.
const MANY: usize = 1500;
const TOO_MANY: usize = 5000;

/// The name of a domain's set in an environment, and of its project.
#[must_use]
pub fn name(environment: &EnvironmentName, domain: &DomainName) -> String {
    format!("pinrail-{environment}-{domain}")
}

/// The name of the Application that follows a service's pin.
#[must_use]
pub fn application_name(environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("{environment}-{service}")
}

/// The sets and projects among generated files.
#[derive(Debug, Default)]
pub struct Sets {
    pub sets: Vec<Set>,
    projects: HashMap<String, Project>,
}

/// Judges the form of generated files.
#[must_use]
pub fn read(config: &Config, files: &BTreeMap<String, String>) -> (Sets, Vec<Problem>) {
    let (mut found, mut problems) = (Sets::default(), Vec::new());
    let mut names = BTreeMap::new();
    let files: Vec<_> = files.iter().collect();
    for (&(path, _), file) in
        files.iter().zip(parallel::map(&files, |(_, text)| objects(config, text)))
    {
        let objects = match file {
            Ok(objects) => objects,
            Err(error) => {
                problems.push(Problem::yaml("argocd", path, error));
                continue;
            }
        };
        for Object { kind, name, namespace, meaning } in objects {
            // Each cluster is a world of its own, and so is Argo CD.
            let world = match path.strip_prefix(layout::TENANTS) {
                Some(below) => below.split('/').nth(1).unwrap_or_default().to_owned(),
                None => String::new(),
            };
            let identity = (world, kind.clone(), namespace, name.clone());
            if kind.is_empty() || name.is_empty() {
                problems.push(Problem::error("argocd", path, "a document without kind or name"));
            } else if let Some(other) = names.insert(identity, path) {
                let message = format!("the {kind} `{name}` is also in `{other}`");
                problems.push(Problem::error("argocd", path, message));
            }
            let mut wrong = |errors: Vec<String>| {
                let errors = errors.into_iter();
                problems.extend(errors.map(|error| Problem::error("argocd", path, error)));
            };
            match meaning {
                Meaning::Project(project, errors) => {
                    wrong(errors);
                    found.projects.insert(name, project);
                }
                Meaning::Set(Ok(set)) => found.sets.push(Set { file: path.clone(), ..*set }),
                Meaning::Set(Err(errors)) => wrong(errors),
                Meaning::Other => {}
            }
        }
    }
    for set in &found.sets {
        if !found.projects.contains_key(&set.project) {
            let message = format!("its project `{}` is not generated with it", set.project);
            problems.push(Problem::error("argocd", &set.file, message));
        }
    }
    (found, problems)
}

/// One object of a file.
struct Object {
    kind: String,
    name: String,
    namespace: String,
    meaning: Meaning,
}

/// What an object means to Argo CD.
enum Meaning {
    Project(Project, Vec<String>),
    Set(Result<Box<Set>, Vec<String>>),
    Other,
}

fn objects(config: &Config, text: &str) -> Result<Vec<Object>, YamlError> {
    let object = |document: Value| {
        let text = |pointer: &str| {
            document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let kind = text("/kind");
        let meaning = match kind.as_str() {
            "AppProject" => {
                let (project, errors) = Project::read(&document);
                Meaning::Project(project, errors)
            }
            "ApplicationSet" => Meaning::Set(rules::judge(config, &document).map(Box::new)),
            _ => Meaning::Other,
        };
        Object {
            name: text("/metadata/name"),
            namespace: text("/metadata/namespace"),
            kind,
            meaning,
        }
    };
    Ok(yaml::documents(text)?.into_iter().map(object).collect())
}

/// Expands every set over the pins that are there, and judges what comes out.
///
/// # Errors
/// A tree that cannot be read.
pub fn check(root: &Root<'_>, sets: &Sets) -> Result<Vec<Problem>, ReadError> {
    let mut pinned: BTreeMap<&str, usize> = BTreeMap::new();
    let mut work = Vec::new();
    for set in &sets.sets {
        let Some(environment) = root.config.environment(&set.environment) else { continue };
        let pins = pins(root.files_of(environment), set)?;
        *pinned.entry(set.environment.as_str()).or_default() += pins.len();
        work.push(Work { set, environment, project: sets.projects.get(&set.project), pins });
    }
    let done = parallel::map(&work, Work::done);
    let (mut names, mut places) = (HashMap::new(), HashMap::new());
    let mut problems = Vec::new();
    for (Work { set, .. }, (made, wrong)) in work.iter().zip(done) {
        problems.extend(wrong);
        for Made { path, name, release } in made {
            let mut wrong = |message| problems.push(Problem::error("argocd", path, message));
            if let Some(other) = names.insert(name.clone(), path) {
                wrong(format!(
                    "the Application `{name}` also comes from `{other}`: Argo CD would make neither"
                ));
            }
            let place = (&set.cluster, &set.namespace, release.clone());
            if let Some(other) = places.insert(place, path) {
                wrong(format!(
                    "the release `{release}` in `{}` is also that of `{other}`",
                    set.namespace
                ));
            }
        }
    }
    problems.extend(emptied(root.config, &pinned));
    Ok(problems)
}

/// The pins of a set, each with its path.
fn pins(files: &dyn Files, set: &Set) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let mut pins = Vec::new();
    for entry in files.list(&set.folder)? {
        if entry.folder || !entry.name.ends_with(".json") {
            continue;
        }
        let path = format!("{}/{}", set.folder, entry.name);
        let bytes = files.read(&path)?.unwrap_or_default();
        pins.push((path, bytes));
    }
    Ok(pins)
}

/// Environments that nothing is pinned in. One that others have been promoted from, or that
/// is protected, must have lost its pins.
fn emptied(config: &Config, pinned: &BTreeMap<&str, usize>) -> Vec<Problem> {
    let count = |name: &str| pinned.get(name).copied().unwrap_or_default();
    let mut problems = Vec::new();
    if pinned.values().all(|count| *count == 0) {
        // A new services-root.
        return problems;
    }
    for environment in &config.environments {
        let name = environment.name.as_str();
        if count(name) > 0 || !pinned.contains_key(name) {
            continue;
        }
        let later = config.environments.iter().find(|later| {
            later.from.as_ref() == Some(&environment.name) && count(later.name.as_str()) > 0
        });
        let path = format!("{}/{name}", layout::ENVS);
        problems.push(match later {
            Some(later) => Problem::error(
                "argocd",
                &path,
                format!("`{name}` has no pins, and `{}` is promoted to from it: all its Applications would go", later.name),
            )
            .hint("bring the pins back (`git log -- envs`), or take the environment out of the configuration"),
            None => Problem::warning("argocd", &path, format!("no pin is there yet: the sets of `{name}` match nothing")),
        });
    }
    problems
}

/// One set to expand over its pins.
struct Work<'a> {
    set: &'a Set,
    environment: &'a Environment,
    project: Option<&'a Project>,
    pins: Vec<(String, Vec<u8>)>,
}

/// What an Application must not share with another one, and the pin that it comes from.
struct Made<'a> {
    path: &'a str,
    name: String,
    release: String,
}

impl Work<'_> {
    /// The set's Applications, and what is wrong with each by itself.
    fn done(&self) -> (Vec<Made<'_>>, Vec<Problem>) {
        let Self { set, environment, pins, .. } = self;
        let (mut made, mut problems) = (Vec::new(), Vec::new());
        let mut told: BTreeSet<String> = BTreeSet::new();
        for (path, bytes) in pins {
            // Another rule tells of what is no pin.
            let Ok(pin) = serde_json::from_slice(bytes) else { continue };
            match set.expand(path, pin) {
                Ok(application) => {
                    if application.is_closed() && is_sound(bytes, path, environment) {
                        let message = "the set takes this pin for one that is not valid";
                        problems.push(Problem::error("argocd", path, message));
                    }
                    made.push(self.application(path, &application, &mut problems));
                }
                // The same for every pin of the set, most likely.
                Err(error) if told.insert(error.clone()) => {
                    let message = format!("{path}: {error}");
                    problems.push(Problem::error("argocd", &set.file, message));
                }
                Err(_) => {}
            }
        }
        let count = pins.len();
        let many = if count >= TOO_MANY {
            let message = format!("{count} pins in one set: Argo CD cuts its status at {TOO_MANY}");
            Some(Problem::error("argocd", &set.file, message))
        } else if count > MANY {
            let message = format!("{count} pins in one set: Argo CD slows down above {MANY}");
            Some(Problem::warning("argocd", &set.file, message))
        } else {
            None
        };
        problems.extend(many.map(|problem| problem.hint("split the domain")));
        (made, problems)
    }

    fn application<'p>(
        &self,
        path: &'p str,
        application: &Application<'_>,
        problems: &mut Vec<Problem>,
    ) -> Made<'p> {
        let Self { set, project, .. } = self;
        let mut wrong = |message: String| problems.push(Problem::error("argocd", path, message));
        let name = application.at("/metadata/name").unwrap_or_default();
        if name.len() > 63 || !is_name(name) {
            wrong(format!("the Application `{name}` has no name that Argo CD takes"));
        }
        for text in application.texts() {
            if text.contains("<no value>") {
                wrong(format!("the Application `{name}` has `<no value>` in it"));
            }
        }
        let release = application.release().unwrap_or(name);
        if release.len() > 53 {
            wrong(format!(
                "the release `{release}` has more than 53 characters, which Helm refuses"
            ));
        }
        let mut repositories = Vec::new();
        for repository in application.repositories() {
            if project.is_some_and(|project| !project.permits_source(repository)) {
                wrong(format!("the project `{}` does not permit `{repository}`", set.project));
            }
            if repositories.contains(&repository) {
                wrong(format!("two sources of `{name}` are one repository, `{repository}`"));
            }
            repositories.push(repository);
        }
        if project.is_some_and(|project| !project.permits_destination(&set.cluster, &set.namespace))
        {
            wrong(format!(
                "the project `{}` does not permit `{}` on `{}`",
                set.project, set.namespace, set.cluster
            ));
        }
        Made { path, name: name.to_owned(), release: release.to_owned() }
    }
}

/// Whether a pin is valid where it is.
fn is_sound(bytes: &[u8], path: &str, environment: &Environment) -> bool {
    let Some(Place::Pin { service, .. }) = layout::place(path) else { return false };
    Pin::parse(bytes).is_ok_and(|pin| pin.check_place(&service, &environment.cluster).is_ok())
}

/// Whether this is a name of Kubernetes' (RFC 1123, with dots).
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    name.split('.').all(is_part)
}
