//! The `helm` program, given just what Argo CD would give it.
//!
//! Source: argo-cd `util/helm/cmd.go` (`template`), `reposerver/repository/repository.go`
//! (`helmTemplate`): value files, then the values object, then parameters.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::child::{Guarded, Words, command};
use crate::domain::yaml;

/// The oldest `helm` whose output is that of Argo CD's.
const NEEDED: &str = "Helm 3.14 or newer (Argo CD 3.5 itself renders with Helm 4)";

/// What one Application has Helm render.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub name: String,
    pub namespace: String,
    pub chart: Chart,
    /// Files of values, the weakest first; those that are not there are left out.
    pub value_files: Vec<PathBuf>,
    pub values: Value,
    /// Set as texts, whatever they look like.
    pub parameters: Vec<(String, String)>,
    /// The cluster's version, where it is known.
    pub kubernetes_version: Option<String>,
}

/// Where the chart is.
#[derive(Clone, Debug, PartialEq)]
pub enum Chart {
    /// A folder on this machine.
    Folder(PathBuf),
    /// In a registry: its `oci://` address and version.
    Oci { address: String, version: String },
    /// In a chart repository over HTTPS.
    Repository { url: String, name: String, version: String },
}

/// Why nothing was rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelmError {
    #[error("there is no `helm` on the PATH")]
    Missing,
    #[error("helm did not end in time")]
    Timeout,
    /// Helm's own words.
    #[error("helm: {0}")]
    Failed(String),
    #[error("cannot run helm: {0}")]
    Local(String),
}

impl HelmError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing => Some(format!("install {NEEDED}")),
            Self::Timeout => Some("give it more time with `--timeout`".to_owned()),
            Self::Failed(_) | Self::Local(_) => None,
        }
    }
}

/// Renders a release: the manifests, as one YAML text.
///
/// # Errors
/// No `helm`, a chart that it refuses, or no answer in time.
pub fn template(release: &Release, until: Instant) -> Result<String, HelmError> {
    let local = |error: std::io::Error| HelmError::Local(error.to_string());
    let mut values = tempfile::Builder::new().suffix(".json").tempfile().map_err(local)?;
    values.write_all(release.values.to_string().as_bytes()).map_err(local)?;
    if let Chart::Folder(folder) = &release.chart
        && lacks_dependencies(folder)
    {
        let mut helm = command("helm");
        helm.args(["dependency", "build"]).arg(folder);
        run(helm, until)?;
    }
    let mut helm = command("helm");
    helm.arg("template").arg(&release.name);
    match &release.chart {
        Chart::Folder(folder) => helm.arg(folder),
        Chart::Oci { address, version } => helm.args([address, "--version", version]),
        Chart::Repository { url, name, version } => {
            helm.args([name, "--repo", url, "--version", version])
        }
    };
    helm.args(["--namespace", &release.namespace, "--include-crds"]);
    if let Some(version) = &release.kubernetes_version {
        helm.args(["--kube-version", version]);
    }
    for file in release.value_files.iter().filter(|file| file.exists()) {
        helm.arg("--values").arg(file);
    }
    helm.arg("--values").arg(values.path());
    for (name, value) in &release.parameters {
        helm.arg("--set-string").arg(format!("{name}={}", value.replace(',', "\\,")));
    }
    run(helm, until)
}

/// Whether the chart needs others that are not in its `charts/`; Argo CD fetches them then.
fn lacks_dependencies(folder: &Path) -> bool {
    let text = std::fs::read(folder.join("Chart.yaml")).unwrap_or_default();
    let chart: Map<String, Value> = yaml::parse(&text).unwrap_or_default();
    let needed = chart.get("dependencies").and_then(Value::as_array);
    let there: Vec<String> = std::fs::read_dir(folder.join("charts"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    needed.into_iter().flatten().filter_map(|needed| needed["name"].as_str()).any(|name| {
        let archive = format!("{name}-");
        !there.iter().any(|file| file == name || file.starts_with(&archive))
    })
}

/// Runs helm to its end; what it prints.
fn run(mut helm: Command, until: Instant) -> Result<String, HelmError> {
    let local = |error: std::io::Error| HelmError::Local(error.to_string());
    helm.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = helm.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => HelmError::Missing,
        _ => local(error),
    })?;
    let words = child.stderr.take().map(Words::listen);
    let printed = child.stdout.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = Vec::new();
            pipe.read_to_end(&mut text).map(|_| text)
        })
    });
    let (status, expired) = Guarded::new(child, until).finish();
    let words = words.map(|words| words.take()).unwrap_or_default();
    if expired {
        return Err(HelmError::Timeout);
    }
    if !status.is_some_and(|status| status.success()) {
        return Err(HelmError::Failed(words.trim_start_matches("Error: ").to_owned()));
    }
    let text = printed.and_then(|reader| reader.join().ok()).transpose().map_err(local)?;
    Ok(String::from_utf8_lossy(&text.unwrap_or_default()).into_owned())
}
