//! A service's chart folder: nothing may stand in it but the wrapper and its values.

use super::super::name::EnvironmentName;
use super::super::nearest::{did_you_mean, nearest};
use super::super::problem::Problem;
use super::super::tree::{Files, ReadError, files_below};
use super::tree::{Node, Place};
use super::{CHART, Judged, VALUES, judged, rules, schema};

const CHART_FILE: &str = "Chart.yaml";

pub fn check(files: &dyn Files, folder: &str) -> Result<Judged, ReadError> {
    let mut judged = Judged::default();
    let path = |name: &str| format!("{}/{name}", folder.trim_end_matches('/'));
    if let Some(text) = files.read(&path(CHART_FILE))? {
        judged.files.push(path(CHART_FILE));
        judged.problems.extend(wrapper(&path(CHART_FILE), &text));
    }
    judged.problems.extend(foreign(files, folder)?);
    values(files, folder, &mut judged)?;
    Ok(judged)
}

/// The values, and each environment's laid over them.
fn values(files: &dyn Files, folder: &str, all: &mut Judged) -> Result<(), ReadError> {
    let path = |name: &str| format!("{}/{name}", folder.trim_end_matches('/'));
    let Some(text) = files.read(&path(VALUES))? else {
        let problem = Problem::error("values", &path(VALUES), "the file is not there");
        all.problems.push(problem.hint(
            "the least that it says is whose service it is: global.domain and global.service",
        ));
        return Ok(());
    };
    let schema = schema::service_file();
    let base = one(&path(VALUES), &text, &schema, all);
    if let Some(base) = &base {
        all.problems.extend(rules::of_scalars(base));
        all.problems.extend(rules::of_owner(base, &path(VALUES)));
        all.problems.extend(rules::of_service(base));
    }
    for entry in files.list(folder)?.into_iter().filter(|entry| !entry.folder) {
        let Some(environment) =
            entry.name.strip_prefix("values-").and_then(|name| name.strip_suffix(".yaml"))
        else {
            continue;
        };
        let path = path(&entry.name);
        if let Err(error) = environment.parse::<EnvironmentName>() {
            all.problems.push(Problem::error("values", &path, error));
        }
        let Some(text) = files.read(&path)? else { continue };
        let Some(over) = one(&path, &text, &schema, all) else { continue };
        all.problems.extend(rules::of_scalars(&over));
        if let Some(base) = &base {
            let mut merged = base.clone();
            merged.merge(&over);
            for problem in rules::of_service(&merged) {
                if !all.problems.contains(&problem) {
                    all.problems.push(problem);
                }
            }
        }
    }
    Ok(())
}

/// One file, where it fits the schema.
fn one(path: &str, text: &[u8], schema: &serde_json::Value, all: &mut Judged) -> Option<Node> {
    all.files.push(path.to_owned());
    match judged(path, text, schema) {
        Ok((node, problems)) => {
            let fits = problems.is_empty();
            all.problems.extend(problems);
            fits.then_some(node)
        }
        Err(problem) => {
            all.problems.push(*problem);
            None
        }
    }
}

/// What is wrong with the wrapper's Chart.yaml.
fn wrapper(path: &str, text: &[u8]) -> Vec<Problem> {
    let chart = match Node::parse(path, text) {
        Ok(chart) => chart,
        Err(error) => return vec![Problem::yaml("values", path, error)],
    };
    let at = |place: &Place, message: String| Problem {
        line: place.line,
        ..Problem::error("values", path, message)
    };
    let mut problems = Vec::new();
    let mut names = Vec::new();
    for dependency in chart.at(&["dependencies"]).map(Node::items).unwrap_or_default() {
        let name = dependency.at(&["name"]).and_then(Node::scalar).and_then(|name| name.as_str());
        let name = name.unwrap_or_default();
        names.push(name);
        if name != CHART {
            let problem = at(
                &dependency.place,
                format!("the chart depends on `{name}`, and may depend on `{CHART}` alone"),
            );
            let hint = did_you_mean(&nearest(name, [CHART])).unwrap_or_else(|| {
                "what a service needs beyond the chart is the platform team's to add".to_owned()
            });
            problems.push(problem.hint(hint));
        }
        // Each would give the chart another name or another way to its values.
        for key in ["alias", "condition", "tags", "import-values"] {
            if dependency.at(&[key]).is_some() {
                let place = dependency.place_of([key]);
                problems.push(
                    at(place, format!("`{key}` of a dependency is not supported"))
                        .hint("take it out"),
                );
            }
        }
    }
    if names.is_empty() {
        let place = chart.place_of(["dependencies"]);
        problems.push(
            at(place, format!("the chart does not depend on `{CHART}`"))
                .hint("its values would be read by nobody"),
        );
    }
    problems
}

/// Files that would make more than the chart makes, or that nobody reads.
fn foreign(files: &dyn Files, folder: &str) -> Result<Vec<Problem>, ReadError> {
    let folder = folder.trim_end_matches('/');
    let mut problems = Vec::new();
    for name in ["templates", "crds"] {
        for path in files_below(files, &format!("{folder}/{name}"))? {
            problems.push(
                Problem::error("values", &path, "a service brings no objects of its own").hint(
                    "the chart makes what a service needs; ask the platform team for what it lacks",
                ),
            );
        }
    }
    for entry in files.list(&format!("{folder}/charts"))? {
        if entry.name != CHART && !entry.name.starts_with(&format!("{CHART}-")) {
            let path = format!("{folder}/charts/{}", entry.name);
            problems.push(Problem::error(
                "values",
                &path,
                format!("no chart but `{CHART}` may stand here"),
            ));
        }
    }
    for entry in files.list(folder)? {
        let path = format!("{folder}/{}", entry.name);
        if entry.name.starts_with("values") && entry.name.ends_with(".yml") {
            let name = entry.name.trim_end_matches("yml");
            problems.push(
                Problem::error("values", &path, "nobody reads this file")
                    .hint(format!("call it {name}yaml")),
            );
        }
    }
    Ok(problems)
}
