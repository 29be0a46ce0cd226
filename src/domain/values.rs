//! The values of a service: what Helm checks when it renders, and what it cannot see.
//!
//! The schema is the chart's own, so both judge alike. Helm validates no more than what
//! stands under a chart's name: a misspelt `pinrail-service`, a template beside the values or
//! a platform key in a developer's file are found here, before the commit.

mod explain;
mod folder;
pub mod reference;
mod rules;
pub mod schema;
mod tree;

use jsonschema::Validator;
use serde_json::Value;

use super::problem::Problem;
use super::tree::{Files, ReadError};
use tree::Node;

/// The wrapper's key that a service's values stand under, and the chart's name.
pub const CHART: &str = "pinrail-service";
/// The values of a service, in every environment.
pub const VALUES: &str = "values.yaml";

/// Judges one file of a developer's values by itself.
///
/// A `values-<environment>.yaml` need not say whose service it is.
#[must_use]
pub fn check_file(path: &str, text: &[u8]) -> Vec<Problem> {
    let node = match judged(path, text, &schema::service_file()) {
        Ok((node, problems)) if problems.is_empty() => node,
        Ok((_, problems)) => return problems,
        Err(problem) => return vec![*problem],
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut problems = rules::of_scalars(&node);
    if !name.starts_with("values-") {
        problems.extend(rules::of_owner(&node, path));
    }
    problems.extend(rules::of_service(&node));
    problems
}

/// Judges a service's chart folder: the wrapper, its values, and each environment's laid over
/// them.
///
/// # Errors
/// A folder that cannot be read.
pub fn check_folder(files: &dyn Files, path: &str) -> Result<Judged, ReadError> {
    folder::check(files, path)
}

/// Judges a file of the platform team's values.
///
/// A key without a value takes away what is said below it, so it may stand anywhere.
#[must_use]
pub fn check_platform(path: &str, text: &[u8]) -> Vec<Problem> {
    let problems = match Node::parse(path, text) {
        Ok(node) => held_against(&schema::platform_file(), &node, |value| !value.is_null()),
        Err(error) => vec![Problem::yaml("platform", path, error)],
    };
    problems.into_iter().map(|problem| Problem { rule: "platform", ..problem }).collect()
}

/// What came of judging a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub problems: Vec<Problem>,
    /// The files that were looked at.
    pub files: Vec<String>,
}

/// Reads a file and holds it against a schema.
fn judged(path: &str, text: &[u8], schema: &Value) -> Result<(Node, Vec<Problem>), Box<Problem>> {
    let node =
        Node::parse(path, text).map_err(|error| Box::new(Problem::yaml("values", path, error)))?;
    let problems = held_against(schema, &node, |_| true);
    Ok((node, problems))
}

/// What a schema finds in those values that count, once each, by line.
fn held_against(schema: &Value, node: &Node, counts: fn(&Value) -> bool) -> Vec<Problem> {
    let instance = node.to_json();
    let mut problems = Vec::new();
    for error in validator(schema).iter_errors(&instance).filter(|error| counts(error.instance())) {
        for problem in explain::problems(&error, node, schema) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn validator(schema: &Value) -> Validator {
    // The schemas are the program's own, and a test compiles each.
    jsonschema::draft7::new(schema).unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests;
