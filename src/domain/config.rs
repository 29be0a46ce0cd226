//! `pinrail.yaml`: the closed configuration of a services-root.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::{Environment, Mode};
use super::name::{BranchName, ClusterName, DomainName, EnvironmentName};
use super::owner::Owner;
use super::repository_url::{ChartPath, RepositoryUrl};
use super::template::{Template, TemplateError};
use super::yaml::{self, YamlError};

/// The version of the configuration that this program reads and writes.
pub const VERSION: u64 = 1;

/// The configuration of a services-root.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The version of this file's format.
    #[schemars(range(min = 1, max = 1))]
    pub version: u64,
    /// This repository, as Argo CD reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryUrl>,
    /// Where requests are opened.
    #[serde(default)]
    pub forge: Forge,
    /// Which branch holds what.
    #[serde(default)]
    pub branches: Branches,
    /// Who owns the rules, and all that no domain's owners do, as the forge's CODEOWNERS names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// `check` refuses a change that drops more pins than this.
    #[serde(default = "default_max_removals")]
    pub max_removals: u32,
    /// Whether commits must be signed by somebody who may.
    #[serde(default)]
    pub signing: Signing,
    /// Defaults for every service; `services/<domain>/<service>.yaml` overrides them.
    #[serde(default)]
    pub services: ServiceDefaults,
    /// The teams or tenants; a service belongs to one.
    #[serde(default = "default_domains")]
    #[schemars(length(min = 1))]
    pub domains: Vec<Domain>,
    /// Quotas that a domain's `size` names.
    #[serde(default)]
    pub sizes: BTreeMap<String, Size>,
    /// The environments, in promotion order.
    #[schemars(length(min = 1))]
    pub environments: Vec<Environment>,
    /// What is to be known of a cluster; what is not said has defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// The namespace of a domain in an environment; may use `domain` and `environment`.
    #[serde(default = "default_namespace")]
    pub namespace: Option<Template>,
    /// Where any commit can be seen at a URL of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<Previews>,
    /// The Argo CD that follows the pins.
    #[serde(default)]
    pub argocd: ArgoCd,
    /// Links beside each service; may use `namespace`, `service`, `domain`, `environment`, `cluster`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Template>,
}

/// The forge that hosts the services-root.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    #[serde(default)]
    pub kind: ForgeKind,
    /// The project's path on the forge, `group/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether the forge is told what is live (deployments of the services' projects).
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub deployments: bool,
}

impl Default for Forge {
    fn default() -> Self {
        Self { kind: ForgeKind::default(), project: None, deployments: true }
    }
}

fn yes() -> bool {
    true
}

/// What kind of forge: plain git has no API and no protected branches.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    #[default]
    Git,
    Gitlab,
    Github,
}

impl ForgeKind {
    /// The kind as the configuration writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Gitlab => "gitlab",
            Self::Github => "github",
        }
    }
}

/// Whether commits must be signed: by a key of `.pinrail/allowed_signers` or `.pinrail/keys.asc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signing {
    #[default]
    Optional,
    Required,
}

/// The branches; with forge kind `git` pins are on the main branch unless told otherwise.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branches {
    /// Configuration, registry and the pins of request-mode environments (`main`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<BranchName>,
    /// The pins of direct-mode environments, and locks (`pins`; with forge kind `git`, main).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<BranchName>,
    /// The pins of previews (`previews`; with forge kind `git`, main).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<BranchName>,
}

/// What is true of every service that does not say otherwise.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceDefaults {
    /// The service's repository; may use `domain` and `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Template>,
    /// The service's image without tag; may use `domain` and `service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Template>,
    /// The chart's folder in the service's repository (`helm`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_path: Option<ChartPath>,
}

/// A team or tenant: the unit of namespace, project, quota and owners.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    pub name: DomainName,
    /// Who owns its files, as the forge's CODEOWNERS names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// The group that may look into its namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// One of `sizes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Whether a first pin may bring a service that is not registered.
    #[serde(default)]
    pub registration: Registration,
}

/// How a new service comes into a domain.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// By its first pin (`pin --create`).
    #[default]
    Open,
    /// By a request that adds it to the registry.
    Request,
}

/// A domain's quota in each of its namespaces, in Kubernetes quantities.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    pub cpu: String,
    pub memory: String,
    pub pods: u32,
    pub storage: String,
}

/// What is to be known of a cluster beside its name.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Its API server's URL, as Argo CD knows it; projects then allow it by both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its Kubernetes version, such as `1.34`: what `pinrail render` renders for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Where its API server listens, as CIDRs: databases may talk to it (anywhere).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_server: Vec<String>,
}

/// Previews of any commit.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Previews {
    /// The environment whose cluster and values they use.
    pub environment: EnvironmentName,
    /// May use `id`, `service` and `domain`.
    pub host: Template,
    /// How long a preview lives, such as `7d`.
    pub ttl: super::environment::Period,
    /// How many of a service's previews are kept.
    pub keep: u32,
}

/// The Argo CD that follows the pins.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgoCd {
    /// Its namespace (`argocd`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its address for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How a service's chart is found.
    #[serde(default)]
    pub chart: ChartLayout,
    /// With `oci`: the registry that holds the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_repository: Option<String>,
    /// With `oci`: the chart's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,
}

/// How a service's chart is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartLayout {
    /// A small chart in the service's repository wraps the platform's.
    #[default]
    Wrapper,
    /// The platform's chart comes from a registry.
    Oci,
}

fn default_max_removals() -> u32 {
    5
}

fn default_namespace() -> Option<Template> {
    "${{ domain }}-${{ environment }}".parse().ok()
}

fn default_domains() -> Vec<Domain> {
    let name = "services".parse();
    name.map(|name| Domain {
        name,
        owners: Vec::new(),
        group: None,
        size: None,
        registration: Registration::Open,
    })
    .into_iter()
    .collect()
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("it says `version: {0}`, and this pinrail reads version {VERSION}")]
    NewerVersion(u64),
}

impl Config {
    /// Reads `pinrail.yaml`.
    ///
    /// # Errors
    /// A newer version, an unknown key, a value of another kind. What needs more than one
    /// value to judge is left to [`super::check`].
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        #[derive(Default, Deserialize)]
        struct Version {
            #[serde(default)]
            version: u64,
        }
        // The version is read first: a newer file may have keys that are unknown here.
        if let Ok(Version { version }) = yaml::parse::<Version>(text)
            && version > VERSION
        {
            return Err(ConfigError::NewerVersion(version));
        }
        let config: Self = yaml::parse(text)?;
        let problem = match () {
            () if config.version != VERSION => {
                format!("`version` is {}, and must be {VERSION}", config.version)
            }
            () if config.domains.is_empty() => "`domains` is empty, and needs one".to_owned(),
            () if config.environments.is_empty() => {
                "`environments` is empty, and needs one".to_owned()
            }
            () => return Ok(config),
        };
        Err(YamlError { line: None, problem, hint: None }.into())
    }

    /// The branch of the configuration, the registry and request-mode pins.
    #[must_use]
    pub fn main_branch(&self) -> BranchName {
        branch(self.branches.main.as_ref(), "main")
    }

    /// The branch of direct-mode pins and of locks.
    #[must_use]
    pub fn pins_branch(&self) -> BranchName {
        match self.forge.kind {
            ForgeKind::Git => self.branches.pins.clone().unwrap_or_else(|| self.main_branch()),
            ForgeKind::Gitlab | ForgeKind::Github => branch(self.branches.pins.as_ref(), "pins"),
        }
    }

    /// The branch that an environment's pins are on.
    #[must_use]
    pub fn branch_of(&self, environment: &Environment) -> BranchName {
        match environment.mode {
            Mode::Direct => self.pins_branch(),
            Mode::Request => self.main_branch(),
        }
    }

    /// Every branch that holds pins, once each, main first.
    #[must_use]
    pub fn branches(&self) -> Vec<BranchName> {
        let (main, pins) = (self.main_branch(), self.pins_branch());
        if main == pins { vec![main] } else { vec![main, pins] }
    }

    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name.as_str() == name)
    }

    /// The namespace of a domain in an environment.
    ///
    /// # Errors
    /// A template that asks for what namespaces do not have.
    pub fn namespace(
        &self,
        domain: &DomainName,
        environment: &EnvironmentName,
    ) -> Result<String, TemplateError> {
        let values = [("domain", domain.as_str()), ("environment", environment.as_str())];
        match &self.namespace {
            Some(template) => template.expand(&values),
            None => Ok(format!("{domain}-{environment}")),
        }
    }

    /// The domain of this name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name.as_str() == name)
    }
}

fn branch(told: Option<&BranchName>, default: &str) -> BranchName {
    told.cloned().or_else(|| default.parse().ok()).unwrap_or_else(|| unreachable!("a constant"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "version: 1\nenvironments:\n  - {name: staging, cluster: shared, mode: direct}\n";

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = Config::parse(SMALL.as_bytes()).expect("config");
        assert_eq!(config.domains[0].name.as_str(), "services");
        assert_eq!(config.max_removals, 5);
        assert_eq!(config.branches().len(), 1);
    }

    #[test]
    fn a_forge_with_protected_branches_keeps_direct_pins_apart() {
        let config =
            Config::parse(format!("{SMALL}forge: {{kind: github}}\n").as_bytes()).expect("config");
        assert_eq!(config.branch_of(&config.environments[0]).as_str(), "pins");
    }

    #[test]
    fn an_unknown_key_has_its_line_and_the_nearest_key() {
        let error =
            Config::parse(format!("{SMALL}maxRemoval: 3\n").as_bytes()).expect_err("unknown");
        let ConfigError::Yaml(error) = error else { panic!("{error}") };
        assert_eq!(error.line, Some(4));
        assert_eq!(error.problem, "unknown key `maxRemoval`");
        assert_eq!(error.hint.as_deref(), Some("did you mean `maxRemovals`?"));
    }

    #[test]
    fn a_nested_unknown_key_has_its_own_line() {
        let text =
            "version: 1\nenvironments:\n  - name: staging\n    clustr: shared\n    mode: direct\n";
        assert!(problem(text).starts_with("line 4: unknown key `clustr`"), "{}", problem(text));
    }

    #[test]
    fn a_newer_version_is_told_as_such_even_with_unknown_keys() {
        assert!(problem("version: 2\nfuture: {}\n").contains("version: 2"));
    }

    #[test]
    fn broken_text_is_told_with_its_line() {
        assert!(
            problem(
                "version: 1
x: [1
"
            )
            .contains("line ")
        );
        assert!(
            problem(&format!("{SMALL}maxRemovals: 1\nmaxRemovals: 2\n"))
                .contains("line 5: the key `maxRemovals` is there twice")
        );
        assert!(problem(&SMALL.replace("direct", "dirct")).contains("unknown value `dirct`"));
        assert!(
            problem(&SMALL.replace("name: staging", "name: Staging"))
                .contains("`Staging` is no environment name")
        );
        assert!(problem("").contains("version"));
        assert!(problem("version: 1\nenvironments: []\n").contains("`environments` is empty"));
        assert!(problem(&format!("{SMALL}domains: []\n")).contains("`domains` is empty"));
    }
}
