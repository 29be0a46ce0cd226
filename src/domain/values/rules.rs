//! What no schema can say, because it needs more than one value, or how one is written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::problem::Problem;
use super::CHART;
use super::tree::{Kind, Node, Place};

fn at(place: &Place, message: String) -> Problem {
    Problem { line: place.line, ..Problem::error("values", &place.file, message) }
}

/// Whose service the values are must be said.
pub fn of_owner(values: &Node, path: &str) -> Vec<Problem> {
    let missing = |key: &&str| {
        let value = values.at(&["global", key]).and_then(Node::scalar).and_then(Value::as_str);
        value.is_none_or(str::is_empty)
    };
    ["domain", "service"]
        .into_iter()
        .filter(missing)
        .map(|key| {
            Problem::error("values", path, format!("`global.{key}` is missing"))
                .hint("it says whose values these are, so that a copied file is noticed")
        })
        .collect()
}

/// An environment variable must reach the process as it is written.
pub fn of_scalars(values: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, place, given) in entries(values, &["envVars"]) {
        let given = given.at(&["value"]).unwrap_or(given);
        if let Kind::Scalar { value, text: Some(text) } = &given.kind
            && changes(value, text)
        {
            let message = format!(
                "`{CHART}.envVars.{name}`: `{text}` would reach the process as another text"
            );
            problems.push(at(place, message).hint(format!("quote it: \"{text}\"")));
        }
    }
    problems
}

/// Whether YAML and JSON make another text of what is written without quotes.
fn changes(value: &Value, text: &str) -> bool {
    if text.starts_with(['"', '\'', '|', '>']) {
        return false;
    }
    match value {
        Value::Number(number) => number.to_string() != text,
        Value::Bool(truth) => truth.to_string() != text,
        // Go reads more numbers and dates than YAML 1.2 has.
        Value::String(_) => {
            let digits = text.trim_start_matches(['+', '-']);
            let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && digits.chars().any(|c| c.is_ascii_digit())
                && digits.chars().all(|c| c.is_ascii_hexdigit() || "._xob".contains(c));
            let is_date = text.len() >= 8
                && text.starts_with(|c: char| c.is_ascii_digit())
                && text.get(4..5) == Some("-")
                && text.chars().all(|c| c.is_ascii_digit() || "-:.TtZz+ ".contains(c));
            is_number
                && text.parse::<std::net::Ipv4Addr>().is_err()
                && text.matches('.').count() < 2
                || is_date
        }
        _ => false,
    }
}

fn entries<'a>(
    values: &'a Node,
    path: &[&str],
) -> impl Iterator<Item = (&'a str, &'a Place, &'a Node)> {
    let path: Vec<_> = [CHART].into_iter().chain(path.iter().copied()).collect();
    values.at(&path).into_iter().flat_map(Node::entries)
}

fn get<'a>(values: &'a Node, path: &[&str]) -> Option<&'a Value> {
    let path: Vec<_> = [CHART].into_iter().chain(path.iter().copied()).collect();
    values.at(&path).and_then(Node::scalar)
}

/// What the values of a service must be together.
pub fn of_service(values: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(twice_in_the_environment(values));
    problems.extend(mounted_twice(values));
    problems.extend(scales(values));
    problems.extend(metrics(values));
    problems
}

fn reads_secrets(values: &Node) -> bool {
    get(values, &["secrets", "enabled"]).and_then(Value::as_bool).unwrap_or(true)
}

fn twice_in_the_environment(values: &Node) -> Vec<Problem> {
    if !reads_secrets(values) {
        return Vec::new();
    }
    entries(values, &["secrets", "envVarsFromVault"])
        .filter(|(name, _, _)| entries(values, &["envVars"]).any(|(other, _, _)| other == *name))
        .map(|(name, place, _)| {
            at(place, format!("`{name}` is in both `envVars` and `secrets.envVarsFromVault`"))
                .hint("leave it in one of them")
        })
        .collect()
}

fn mounted_twice(values: &Node) -> Vec<Problem> {
    let volumes = entries(values, &["volumes"]).filter_map(|(name, place, volume)| {
        let path = volume.at(&["mountPath"])?.scalar()?.as_str()?;
        Some((path, format!("volumes.{name}"), place))
    });
    let files =
        entries(values, &["files"]).map(|(path, place, _)| (path, "files".to_owned(), place));
    let secrets = entries(values, &["secrets", "filesFromVault"])
        .filter(|_| reads_secrets(values))
        .map(|(path, place, _)| (path, "secrets.filesFromVault".to_owned(), place));
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, owner, place) in volumes.chain(files).chain(secrets) {
        match seen.get(path) {
            Some(first) => {
                problems.push(at(
                    place,
                    format!("`{path}` is mounted by both `{first}` and `{owner}`"),
                ));
            }
            None => {
                seen.insert(path, owner);
            }
        }
    }
    problems
}

/// The least and the most pods of a `scale`.
fn range(scale: &Node) -> Option<(u64, u64)> {
    let number = |node: &Node| node.scalar().and_then(Value::as_u64);
    match number(scale) {
        Some(pods) => Some((pods, pods)),
        None => Some((number(scale.at(&["min"])?)?, number(scale.at(&["max"])?)?)),
    }
}

fn scales(values: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let own = values.at(&[CHART, "scale"]);
    let workers = entries(values, &["workers"]).filter_map(|(name, _, worker)| {
        Some((format!("workers.{name}.scale"), worker.at(&["scale"])?))
    });
    for (name, scale) in own.map(|scale| ("scale".to_owned(), scale)).into_iter().chain(workers) {
        if let Some((min, max)) = range(scale)
            && max < min
        {
            let message = format!("`{CHART}.{name}`: `max` ({max}) is below `min` ({min})");
            problems.push(at(&scale.place, message));
        }
    }
    let disk =
        entries(values, &["volumes"]).find(|(_, _, volume)| volume.at(&["storage"]).is_some());
    if let (Some((name, place, _)), Some((_, max))) = (disk, own.and_then(range))
        && max > 1
    {
        let message = format!(
            "`{CHART}.volumes.{name}` is a disk, which one pod can use at a time, and `scale` is {max}"
        );
        problems.push(at(place, message).hint("leave out `scale`, or the volume's `storage`"));
    }
    problems
}

fn metrics(values: &Node) -> Vec<Problem> {
    let enabled = get(values, &["metrics", "enabled"]).and_then(Value::as_bool) == Some(true);
    let none = |path: &[&str], default: u64| {
        get(values, path).and_then(Value::as_u64).unwrap_or(default) == 0
    };
    if !enabled || !none(&["port"], 8080) || !none(&["metrics", "port"], 0) {
        return Vec::new();
    }
    let place = values.place_of([CHART, "metrics", "enabled"]);
    vec![at(
        place,
        format!("`{CHART}.metrics.port` is missing: with `port: 0` there is no other port"),
    )]
}
