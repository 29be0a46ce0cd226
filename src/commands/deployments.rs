//! Telling the forge what is live: a deployment in the service's own project.

use super::Context;
use super::move_report::PinMove;
use super::on_forge::{self, Host};
use super::request_text::{host as seen_at, repository};
use crate::domain::config::Config;
use crate::forge::Deployment;
use crate::store::{Access, Location};

/// Records pins that went in, where the forge may be told. Whoever pins needs no token for its
/// API, and none is asked for.
pub fn record_at(
    context: &Context,
    access: &Access,
    config: &Config,
    location: &Location,
    moves: &[PinMove],
) -> Vec<String> {
    if !config.forge.deployments || moves.is_empty() {
        return Vec::new();
    }
    // A pipeline may record in its own project with the token that it has anyway.
    let own = context.ci.repository.as_deref().map(same);
    let all_own = moves.iter().all(|step| {
        let repository = repository(config, &step.domain, &step.to);
        own.is_some() && repository.as_deref().map(same) == own
    });
    let access = if all_own { &access.as_the_pipeline() } else { access };
    let host = on_forge::host(context, access, config, location).ok().flatten();
    record(host.as_ref(), config, moves)
}

/// A repository's address without what it may or may not end in.
fn same(url: &str) -> &str {
    url.trim_end_matches('/').trim_end_matches(".git")
}

/// Records each pin that went in; what could not be recorded is a warning, as the pin is in.
pub fn record(host: Option<&Host>, config: &Config, moves: &[PinMove]) -> Vec<String> {
    let Some(host) = host.filter(|_| config.forge.deployments) else { return Vec::new() };
    let failed: Vec<String> = moves
        .iter()
        .filter_map(|step| deployment(host, config, step))
        .filter_map(|deployment| {
            host.at(&deployment.project, |forge| forge.deploy(&deployment)).err()
        })
        .map(|error| error.to_string())
        .collect();
    let warning = |first: &String| {
        let others = match failed.len() {
            1 => String::new(),
            several => format!(" (and {} more)", several - 1),
        };
        format!(
            "the forge does not know what is live: {first}{others}; `forge: {{deployments: false}}` in pinrail.yaml leaves it out"
        )
    };
    failed.first().map(warning).into_iter().collect()
}

/// The record of a pin; none where the service is not on this forge.
fn deployment(host: &Host, config: &Config, step: &PinMove) -> Option<Deployment> {
    let PinMove { service, domain, environment, from, to } = step;
    let repository = repository(config, domain, to)?.parse().ok()?;
    let place = config.environment(environment.as_str())?;
    let was = from.as_ref().map(|from| format!(", was {}", from.image_tag));
    let description = format!("{}{}", to.image_tag, was.unwrap_or_default());
    Some(Deployment {
        project: host.address.project_of(&repository)?,
        revision: to.target_revision.to_string(),
        environment: format!("{environment}/{service}"),
        url: seen_at(place, domain, service).and_then(|url| url.parse().ok()),
        production: place.protected,
        description: description.chars().take(140).collect(),
    })
}
