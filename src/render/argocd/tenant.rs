//! What a cluster gets for its tenants: namespaces with their guardrails, and the Application
//! that brings them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Shared, Template, unusable};
use crate::domain::config::Domain;
use crate::domain::environment::Environment;
use crate::domain::layout;
use crate::domain::name::ClusterName;
use crate::domain::problem::Problem;
use crate::domain::registry::RootError;

impl Shared<'_> {
    /// The project and the Application of all tenants of a cluster.
    pub fn tenants(&self, cluster: &ClusterName) -> Result<String, RootError> {
        let config = self.config;
        let mut namespaces = Vec::new();
        for environment in self.environments(cluster) {
            for domain in &config.domains {
                namespaces
                    .push(config.namespace(&domain.name, &environment.name).map_err(unusable)?);
            }
        }
        namespaces.sort();
        let values = json!({
            "name": format!("pinrail-tenants-{cluster}"),
            "argocd": self.argocd,
            "root": self.origin(None),
            "cluster": cluster,
            "server": self.server(cluster),
            "namespaces": namespaces,
            "folder": format!("{}/{cluster}", layout::TENANTS),
            "sourceRepos": [self.repository],
        });
        self.engine.file(&[Template::Tenants], &values)
    }

    /// A domain's namespaces on a cluster, one for each environment there.
    pub fn tenant(&self, cluster: &ClusterName, domain: &Domain) -> Result<String, RootError> {
        let environments = self.environments(cluster);
        let namespaces = environments.map(|environment| self.namespace(environment, domain));
        let namespaces = namespaces.collect::<Result<Vec<_>, _>>()?;
        self.engine.file_of(&[Template::Tenant], &namespaces)
    }

    fn environments<'s>(
        &'s self,
        cluster: &'s ClusterName,
    ) -> impl Iterator<Item = &'s Environment> {
        self.config.environments.iter().filter(move |environment| environment.cluster == *cluster)
    }

    fn namespace(&self, environment: &Environment, domain: &Domain) -> Result<Value, RootError> {
        let config = self.config;
        let platform = self.platform(environment);
        let size = domain.size.as_ref().and_then(|size| config.sizes.get(size));
        let cluster = config.clusters.get(&environment.cluster);
        let listening = cluster.map(|cluster| &cluster.api_server).filter(|told| !told.is_empty());
        Ok(json!({
            "namespace": config.namespace(&domain.name, &environment.name).map_err(unusable)?,
            "domain": domain.name,
            "environment": environment.name,
            "group": domain.group,
            "size": size,
            "gateways": gateways(platform)?,
            "dns": at(platform, &["network", "dnsNamespace"])?.unwrap_or_else(|| "kube-system".to_owned()),
            "monitoring": at(platform, &["network", "monitoringNamespace"])?,
            "operator": at(platform, &["postgres", "operatorNamespace"])?,
            "apiServer": listening.map_or_else(|| vec!["0.0.0.0/0".to_owned()], Clone::clone),
        }))
    }
}

/// Where requests from outside come from.
fn gateways(platform: &Map<String, Value>) -> Result<BTreeSet<String>, RootError> {
    let places: [&[&str]; 3] = [
        &["routing", "gateway", "namespace"],
        &["routing", "internalGateway", "namespace"],
        &["network", "gatewayNamespace"],
    ];
    let found = places.iter().map(|place| at(platform, place));
    Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The namespace at a place of the platform's values, where it is not empty.
fn at(platform: &Map<String, Value>, keys: &[&str]) -> Result<Option<String>, RootError> {
    let Some((first, rest)) = keys.split_first() else { return Ok(None) };
    let first = platform.get(*first).unwrap_or(&Value::Null);
    let found = rest.iter().try_fold(first, |value, key| value.get(key));
    let found = found.and_then(Value::as_str).filter(|text| !text.is_empty());
    // A namespace's name has the form of a cluster's.
    match found {
        Some(name) if name.parse::<ClusterName>().is_err() => {
            let message = format!(
                "`global.platform.{}` is `{}`, no name that Kubernetes accepts",
                keys.join("."),
                name.escape_debug()
            );
            let problem = Problem::error("platform", layout::PLATFORM_VALUES, message);
            Err(RootError::Invalid(Box::new(problem)))
        }
        found => Ok(found.map(ToOwned::to_owned)),
    }
}
