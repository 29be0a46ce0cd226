//! Telling the forge what is live: a deployment in the service's own project.

use super::Context;
use super::move_report::PinMove;
use super::on_forge::{self, Host};
use super::request_text::{host as seen_at, repository};
use crate::domain::config::Config;
use crate::forge::Deployment;
use crate::store::{Access, Location};

/// The forge for records alone: whoever pins needs no token for its API, and none is asked for.
pub fn host(
    context: &Context,
    access: &Access,
    config: &Config,
    location: &Location,
) -> Option<Host> {
    if !config.forge.deployments || context.dry_run {
        return None;
    }
    on_forge::host(context, access, config, location).ok().flatten()
}

/// Records each pin that went in; what could not be recorded is a warning, as the pin is in.
pub fn record(host: Option<&Host>, config: &Config, moves: &[PinMove]) -> Vec<String> {
    let Some(host) = host.filter(|_| config.forge.deployments) else { return Vec::new() };
    let failed: Vec<String> = moves
        .iter()
        .filter_map(|step| deployment(host, config, step))
        .filter_map(|deployment| host.forge.deploy(&deployment).err())
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
