//! One domain in one environment: its project and its ApplicationSet.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Shared, Template, text, unusable};
use crate::domain::applicationset::name;
use crate::domain::config::{ArgoCd, ChartLayout, Domain};
use crate::domain::environment::Environment;
use crate::domain::gotemplate::literal;
use crate::domain::layout;
use crate::domain::name::{ClusterName, DomainName, EnvironmentName, ServiceName};
use crate::domain::parallel;
use crate::domain::problem::Problem;
use crate::domain::registry::{Facts, Root, RootError, repository_prefix};
use crate::domain::repository_url::ChartPath;
use crate::domain::tree::ReadError;
use crate::render::yaml;

/// By domain: services, each with its image.
pub type Images<'a> = BTreeMap<&'a DomainName, Vec<(String, String)>>;

/// The file of the set and its project.
pub fn path(environment: &EnvironmentName, domain: &DomainName) -> String {
    format!("{}/{}.yaml", layout::ARGOCD, name(environment, domain))
}

impl Shared<'_> {
    pub fn set(&self, environment: &Environment, domain: &Domain) -> Result<String, RootError> {
        let (config, platform) = (self.config, self.platform(environment));
        let namespace = config.namespace(&domain.name, &environment.name).map_err(unusable)?;
        let prefix = repository_prefix(config, &domain.name)
            .filter(|prefix| prefix.contains("://") || prefix.contains(':'))
            .ok_or_else(|| {
                unusable("`services.repository` does not say where the services' repositories are")
            })?;
        let chart = chart(&config.argocd);
        let mut repositories = vec![format!("{prefix}**")];
        repositories.extend(chart.as_ref().map(|chart| chart.repository.clone()));
        let values = json!({
            "name": name(&environment.name, &domain.name),
            "argocd": self.argocd,
            "root": self.origin(Some(environment)),
            "environment": environment.name,
            "domain": domain.name,
            "group": domain.group,
            "cluster": environment.cluster,
            "server": self.server(&environment.cluster),
            "namespace": namespace,
            "protected": environment.protected,
            "folder": format!("{}/{}/{}", layout::ENVS, environment.name, domain.name),
            "source": self.source(domain, &prefix)?,
            "chart": chart.map(|chart| json!({
                "repository": literal(&chart.repository),
                "name": chart.name.as_deref().map(literal),
                "version": chart.version,
            })),
            "parameters": self.parameters(environment, domain)?,
            "links": self.links(environment, domain, &namespace)?,
            "platform": {"global": {"platform": escaped(platform)}},
            "sourceRepos": repositories,
            "resources": resources(platform)?,
        });
        self.engine.file(&[Template::Project, Template::Applicationset], &values)
    }

    /// Where a service's chart and values are; a valid pin may say otherwise.
    fn source(&self, domain: &Domain, prefix: &str) -> Result<Value, RootError> {
        let services = &self.config.services;
        let values = [("domain", domain.name.as_str())];
        let repository = services.repository.as_ref().map_or(Ok(String::new()), |template| {
            text::for_each_service(template, &values).map_err(unusable)
        })?;
        let path = services.chart_path.as_ref().map_or("helm", ChartPath::as_str);
        let or_pinned = |key: &str, default: &str| {
            format!(
                "{{{{ if and (eq .values.pin \"valid\") (hasKey . \"{key}\") }}}}{{{{ .{key} }}}}{{{{ else }}}}{default}{{{{ end }}}}"
            )
        };
        Ok(json!({
            "prefix": prefix,
            "repository": or_pinned("repoURL", &repository),
            "path": or_pinned("path", &literal(path)),
        }))
    }

    /// What the chart is told of the release: all texts, whatever they look like.
    fn parameters(&self, environment: &Environment, domain: &Domain) -> Result<Value, RootError> {
        let host = match &environment.host {
            Some(host) => {
                let values =
                    [("domain", domain.name.as_str()), ("environment", environment.name.as_str())];
                text::for_each_service(host, &values).map_err(unusable)?
            }
            None => String::new(),
        };
        let pinned = |key: &str, otherwise: &str| {
            format!(
                "{{{{ if eq .values.pin \"valid\" }}}}{{{{ {key} }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
            )
        };
        let parameters = [
            ("environment", literal(environment.name.as_str())),
            ("kind", "permanent".to_owned()),
            ("domain", literal(domain.name.as_str())),
            ("service", text::SERVICE.to_owned()),
            ("host", text::parameter(&host)),
            ("revision", pinned(".targetRevision", "invalid-pin")),
            ("image.repository", self.image(domain)?),
            ("image.tag", pinned(".imageTag", "invalid-pin")),
            ("image.digest", pinned("get . \"imageDigest\"", "")),
        ];
        let parameter = |(name, value): (&str, String)| json!({"name": format!("global.release.{name}"), "value": value, "forceString": true});
        Ok(parameters.into_iter().map(parameter).collect())
    }

    /// The image's repository: the default, or what the registry says of a service.
    fn image(&self, domain: &Domain) -> Result<String, RootError> {
        let values = [("domain", domain.name.as_str())];
        let default = match &self.config.services.image {
            Some(image) => {
                text::parameter(&text::for_each_service(image, &values).map_err(unusable)?)
            }
            None => String::new(),
        };
        let Some(own) = self.images.get(&domain.name) else {
            return Ok(default);
        };
        let mut pairs = String::new();
        for (service, image) in own {
            let image = yaml::quoted(&text::parameter(image));
            pairs.push_str(&format!(" {} {image}", yaml::quoted(service)));
        }
        Ok(format!(
            "{{{{ $own := dict{pairs} }}}}{{{{ if hasKey $own .values.service }}}}{{{{ get $own .values.service }}}}{{{{ else }}}}{default}{{{{ end }}}}"
        ))
    }

    /// Links that Argo CD shows beside an Application.
    fn links(
        &self,
        environment: &Environment,
        domain: &Domain,
        namespace: &str,
    ) -> Result<Value, RootError> {
        let values = [
            ("namespace", namespace),
            ("domain", domain.name.as_str()),
            ("environment", environment.name.as_str()),
            ("cluster", environment.cluster.as_str()),
        ];
        let mut links = Map::new();
        for (name, template) in &self.config.links {
            let url = text::for_each_service(template, &values).map_err(unusable)?;
            links.insert(name.clone(), Value::from(url));
        }
        Ok(Value::Object(links))
    }
}

/// The platform's chart, where it comes from a registry.
struct Chart {
    repository: String,
    /// The chart's name, where `repository` is a registry without `oci://`.
    name: Option<String>,
    version: String,
}

fn chart(argocd: &ArgoCd) -> Option<Chart> {
    if argocd.chart != ChartLayout::Oci {
        return None;
    }
    let (repository, version) = (argocd.chart_repository.clone()?, argocd.chart_version.clone()?);
    let (repository, name) = match repository.rsplit_once('/') {
        Some((registry, name)) if !repository.contains("://") => {
            (registry.to_owned(), Some(name.to_owned()))
        }
        _ => (repository, None),
    };
    Some(Chart { repository, name, version })
}

/// The services of each domain with an image of their own, and files that do not tell.
pub fn own_images<'a>(root: &Root<'a>) -> Result<(Images<'a>, Vec<RootError>), ReadError> {
    let mut files = Vec::new();
    for domain in &root.config.domains {
        for entry in root.main.list(&format!("{}/{}", layout::SERVICES, domain.name))? {
            let name = entry.name.strip_suffix(".yaml").and_then(|name| name.parse().ok());
            let Some(service): Option<ServiceName> = name else { continue };
            let path = layout::service(&domain.name, &service);
            if let Some(bytes) = root.main.read(&path)? {
                files.push((&domain.name, service, path, bytes));
            }
        }
    }
    let (mut images, mut errors) = (Images::new(), Vec::new());
    let told = parallel::map(&files, |(_, _, path, bytes)| Facts::parse(path, bytes));
    for ((domain, service, ..), facts) in files.iter().zip(told) {
        match facts {
            Ok(Facts { image: Some(image), .. }) => {
                images.entry(*domain).or_default().push((service.to_string(), image.to_string()));
            }
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    Ok((images, errors))
}

/// The platform's values as Go templates that give just these values, keys too.
fn escaped(values: &Map<String, Value>) -> Value {
    fn value(of: &Value) -> Value {
        match of {
            Value::String(text) => Value::from(literal(text)),
            Value::Array(list) => list.iter().map(value).collect(),
            Value::Object(map) => escaped(map),
            other => other.clone(),
        }
    }
    values
        .iter()
        .filter(|(_, inner)| !inner.is_null())
        .map(|(key, inner)| (literal(key), value(inner)))
        .collect::<Map<_, _>>()
        .into()
}

/// What the platform's values add to what the chart makes.
fn resources(platform: &Map<String, Value>) -> Result<Value, RootError> {
    let Some(postgres) = platform.get("postgres").filter(|own| own["provider"] == "crossplane")
    else {
        return Ok(json!([]));
    };
    let text = |key: &str| postgres["crossplane"][key].as_str().unwrap_or_default();
    let Some((group, _)) = text("apiVersion").split_once('/') else { return Ok(json!([])) };
    let kind = text("kind");
    let is_group = group.split('.').all(|part| part.parse::<ClusterName>().is_ok());
    if !is_group || kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = "`global.platform.postgres.crossplane` names no kind of Kubernetes' objects";
        let problem = Problem::error("platform", layout::PLATFORM_VALUES, message);
        return Err(RootError::Invalid(Box::new(problem)));
    }
    Ok(json!([{"group": group, "kind": kind}]))
}
