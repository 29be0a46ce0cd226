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

use super::config::Config;
use super::environment::Environment;
use super::layout::{self, Place};
use super::pin::Pin;
use super::problem::Problem;
use super::registry::Root;
use super::tree::ReadError;
use super::yaml;
pub use expand::Application;
use project::Project;
pub use set::Set;

/// Pins of one set from which on Argo CD's controller has a hard time, and too many.
const MANY: usize = 1500;
const TOO_MANY: usize = 5000;

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
    for (path, text) in files {
        let documents = match yaml::documents(text) {
            Ok(documents) => documents,
            Err(error) => {
                problems.push(Problem::yaml("argocd", path, error));
                continue;
            }
        };
        for document in documents {
            let text = |pointer: &str| {
                document.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default()
            };
            let (kind, name) = (text("/kind").to_owned(), text("/metadata/name").to_owned());
            // Each cluster is a world of its own, and so is Argo CD.
            let world = match path.strip_prefix(layout::TENANTS) {
                Some(below) => below.split('/').nth(1).unwrap_or_default().to_owned(),
                None => String::new(),
            };
            let namespace = text("/metadata/namespace").to_owned();
            let identity = (world, kind.clone(), namespace, name.clone());
            if kind.is_empty() || name.is_empty() {
                problems.push(Problem::error("argocd", path, "a document without kind or name"));
            } else if let Some(other) = names.insert(identity, path.clone()) {
                let message = format!("the {kind} `{name}` is also in `{other}`");
                problems.push(Problem::error("argocd", path, message));
            }
            match kind.as_str() {
                "AppProject" => {
                    let (project, errors) = Project::read(&document);
                    problems.extend(
                        errors.into_iter().map(|error| Problem::error("argocd", path, error)),
                    );
                    found.projects.insert(name, project);
                }
                "ApplicationSet" => match rules::judge(config, &document) {
                    Ok(set) => found.sets.push(Set { file: path.clone(), ..set }),
                    Err(errors) => problems.extend(
                        errors.into_iter().map(|error| Problem::error("argocd", path, error)),
                    ),
                },
                _ => {}
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

/// Expands every set over the pins that are there, and judges what comes out.
///
/// # Errors
/// A tree that cannot be read.
pub fn check(root: &Root<'_>, sets: &Sets) -> Result<Vec<Problem>, ReadError> {
    let mut judge = Judge {
        projects: &sets.projects,
        names: HashMap::new(),
        places: HashMap::new(),
        problems: Vec::new(),
    };
    let mut pinned: BTreeMap<&str, usize> = BTreeMap::new();
    for set in &sets.sets {
        let count = judge.set(root, set)?;
        *pinned.entry(set.environment.as_str()).or_default() += count;
    }
    let mut problems = judge.problems;
    problems.extend(emptied(root.config, &pinned));
    Ok(problems)
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

/// What has been seen across all sets.
struct Judge<'a> {
    projects: &'a HashMap<String, Project>,
    /// Each Application's name, and the pin that it comes from.
    names: HashMap<String, String>,
    /// Cluster, namespace and release of each, and the pin.
    places: HashMap<(String, String, String), String>,
    problems: Vec<Problem>,
}

impl Judge<'_> {
    /// Judges one set's Applications; how many there are.
    fn set(&mut self, root: &Root<'_>, set: &Set) -> Result<usize, ReadError> {
        let Some(environment) = root.config.environment(&set.environment) else { return Ok(0) };
        let files = root.files_of(environment);
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut count = 0;
        for entry in files.list(&set.folder)? {
            if entry.folder || !entry.name.ends_with(".json") {
                continue;
            }
            let path = format!("{}/{}", set.folder, entry.name);
            let bytes = files.read(&path)?.unwrap_or_default();
            count += 1;
            // Another rule tells of what is no pin.
            let Ok(pin) = serde_json::from_slice(&bytes) else { continue };
            match set.expand(&path, pin) {
                Ok(application) => {
                    if application.is_closed() && is_sound(&bytes, &path, environment) {
                        let message = "the set takes this pin for one that is not valid";
                        self.problems.push(Problem::error("argocd", &path, message));
                    }
                    self.application(set, &path, &application);
                }
                // The same for every pin of the set, most likely.
                Err(error) if told.insert(error.clone()) => {
                    let message = format!("{path}: {error}");
                    self.problems.push(Problem::error("argocd", &set.file, message));
                }
                Err(_) => {}
            }
        }
        if count >= TOO_MANY {
            let message = format!("{count} pins in one set: Argo CD cuts its status at {TOO_MANY}");
            self.problems
                .push(Problem::error("argocd", &set.file, message).hint("split the domain"));
        } else if count > MANY {
            let message = format!("{count} pins in one set: Argo CD slows down above {MANY}");
            self.problems
                .push(Problem::warning("argocd", &set.file, message).hint("split the domain"));
        }
        Ok(count)
    }

    fn application(&mut self, set: &Set, path: &str, application: &Application<'_>) {
        let mut wrong = |message: String| {
            self.problems.push(Problem::error("argocd", path, message));
        };
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
        let project = self.projects.get(&set.project);
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
        if let Some(other) = self.names.insert(name.to_owned(), path.to_owned()) {
            wrong(format!(
                "the Application `{name}` also comes from `{other}`: Argo CD would make neither"
            ));
        }
        let place = (set.cluster.clone(), set.namespace.clone(), release.to_owned());
        if let Some(other) = self.places.insert(place, path.to_owned()) {
            wrong(format!(
                "the release `{release}` in `{}` is also that of `{other}`",
                set.namespace
            ));
        }
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
