//! Argo CD's own code and our offline expansion make the same Applications, field by field,
//! and Argo CD's schemas take every object.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Folder, example, set_without_values};
use crate::support::root::revision;
use crate::support::tools::{Expanded, problems};

/// Both make the same of a folder; how many Applications.
#[track_caller]
fn compared(folder: &Folder) -> usize {
    let (theirs, ours) = (folder.expanded().sound(), folder.expanded_offline());
    assert_same(&theirs, &ours);
    theirs.len()
}

#[track_caller]
pub fn assert_same(theirs: &BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) {
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    for (name, application) in theirs {
        assert_eq!(*application, ours[name], "{name}");
    }
}

/// Makes charts come from a registry.
fn chart_from(folder: &Folder, registry: &str) {
    let chart = format!("chart: oci, chartRepository: \"{registry}\", chartVersion: 1.2.3");
    folder.replace("pinrail.yaml", "chart: wrapper", &chart);
    folder.generate();
}

fn is_valid(folder: &Folder) {
    assert_eq!(problems("argocd-validate", &[&folder.path().join("argocd")]), [""; 0]);
    assert_eq!(folder.errors(), [""; 0]);
}

#[test]
fn argo_cd_makes_of_the_example_what_pinrail_foretells() {
    let folder = Folder::example();
    assert_eq!(compared(&folder), 22);
    is_valid(&folder);
}

#[test]
fn the_same_with_a_chart_that_an_oci_url_names() {
    let folder = Folder::example();
    chart_from(&folder, "oci://registry.example.com/platform/pinrail-app");
    assert_eq!(compared(&folder), 22);
    is_valid(&folder);
    let applications = folder.expanded().sound();
    let sources = &applications["production-eu-ledger"]["spec"]["sources"];
    assert_eq!(sources[0]["repoURL"], "oci://registry.example.com/platform/pinrail-app");
    assert_eq!((&sources[0]["path"], &sources[0]["chart"]), (&json!("."), &Value::Null));
    assert_eq!(sources[1]["ref"], "values");
}

#[test]
fn the_same_with_a_chart_that_a_registry_without_a_scheme_has() {
    let folder = Folder::example();
    chart_from(&folder, "registry.example.com/platform/pinrail-app");
    assert_eq!(compared(&folder), 22);
    is_valid(&folder);
    let applications = folder.expanded().sound();
    let chart = &applications["production-eu-ledger"]["spec"]["sources"][0];
    assert_eq!(chart["repoURL"], "registry.example.com/platform");
    assert_eq!((&chart["chart"], &chart["path"]), (&json!("pinrail-app"), &Value::Null));
}

/// A chart's version in a pin wins over the default; the next service has the default.
#[test]
fn a_pin_chooses_the_version_of_the_chart() {
    let folder = Folder::example();
    let pin = "envs/staging/billing/ledger.json";
    let mut ledger: Value = serde_json::from_str(&folder.read(pin)).expect("a pin");
    ledger["chartVersion"] = "2.0.0-rc.1".into();
    folder.write(pin, &ledger.to_string());
    chart_from(&folder, "oci://registry.example.com/platform/pinrail-app");
    assert_eq!(compared(&folder), 22);
    let applications = folder.expanded().sound();
    let version = |name: &str| applications[name]["spec"]["sources"][0]["targetRevision"].clone();
    assert_eq!(version("staging-ledger"), "2.0.0-rc.1");
    assert_eq!(version("production-eu-ledger"), "1.2.3");
}

/// The judge judges: one field that Argo CD does not have.
#[test]
fn an_unknown_field_fails_the_schemas() {
    let folder = Folder::example();
    let path = "argocd/pinrail-staging-billing.yaml";
    for (from, to) in [
        ("  goTemplate: true\n", "  goTemplate: true\n  goTemplates: true\n"),
        ("          releaseName: ", "          release: x\n          releaseName: "),
        ("  orphanedResources:", "  orphanedResource: {}\n  orphanedResources:"),
    ] {
        let text = folder.read(path);
        folder.replace(path, from, to);
        let told = problems("argocd-validate", &[&folder.path().join(path)]);
        assert_eq!(told.len(), 1, "{told:?}");
        folder.write(path, &text);
    }
    assert_eq!(problems("argocd-validate", &[&example().join("argocd")]), [""; 0]);
}

const ENVIRONMENTS: [(&str, &str); 3] =
    [("staging", "shared"), ("production-eu", "eu-1"), ("production-us", "us-1")];
const DOMAINS: usize = 20;
const SERVICES: usize = 50;

/// Every optional key of a pin, by turns, and keys that mean something to a generator.
fn pin(cluster: &str, domain: &str, service: &str, number: usize) -> Value {
    let mut pin = json!({
        "cluster": cluster,
        "service": service,
        "imageTag": format!("1.{number}e3"),
        "targetRevision": format!("{number:040x}"),
    });
    let optional = [
        ("imageDigest", json!(format!("sha256:{number:064x}"))),
        ("repoURL", json!(format!("https://git.example.com/{domain}/mono-{number}.git"))),
        ("path", json!(format!("services/{service}/helm"))),
        ("chartVersion", json!(format!("1.2.{number}"))),
        ("sequence", json!(number * 1_000_003)),
        ("file", json!({"path": {"path": "elsewhere", "filename": "other.json"}})),
        ("values", json!({"service": "other", "pin": "valid"})),
        ("path.filename", json!("other.json")),
        ("note", json!("{{ .values.service }} $HOME \"'`")),
    ];
    for (bit, (key, value)) in optional.into_iter().enumerate() {
        // Coprime with the sizes of domains and environments: all combinations come up.
        if (number * 37 + number / 512) >> bit & 1 == 1 {
            pin[key] = value;
        }
    }
    pin
}

#[test]
fn argo_cd_makes_of_a_thousand_services_what_pinrail_foretells() {
    let mut config = "\
version: 1
repository: https://git.example.com/platform/services-root.git
services:
  repository: https://git.example.com/${{ domain }}/${{ service }}.git
  image: registry.example.com/${{ domain }}/${{ service }}
argocd: {chart: oci, chartRepository: oci://registry.example.com/platform/pinrail-app, chartVersion: 1.2.3}
environments:
"
    .to_owned();
    for (name, cluster) in ENVIRONMENTS {
        let protected = name != "staging";
        writeln!(
            config,
            "  - {{name: {name}, cluster: {cluster}, mode: direct, protected: {protected}, \
             host: \"${{{{ service }}}}.{name}.example.com\"}}"
        )
        .expect("text");
    }
    config.push_str("domains:\n");
    for domain in 0..DOMAINS {
        writeln!(config, "  - {{name: domain-{domain}}}").expect("text");
    }
    let folder = Folder::with(&config);
    // The example has them.
    folder.write("templates/applicationset.yaml", &set_without_values());
    for number in 0..DOMAINS * SERVICES {
        let (domain, service) = (format!("domain-{}", number % DOMAINS), format!("s-{number}"));
        for (at, (environment, cluster)) in ENVIRONMENTS.into_iter().enumerate() {
            let pin = pin(cluster, &domain, &service, number + at * 1000);
            folder.write(&format!("envs/{environment}/{domain}/{service}.json"), &pin.to_string());
        }
    }
    folder.generate();
    let (theirs, ours) = (folder.expanded().sound(), folder.expanded_offline());
    assert_same(&theirs, &ours);
    assert_eq!(theirs.len(), 3 * DOMAINS * SERVICES);
    let closed = theirs.values().filter(|app| app.to_string().contains("invalid-pin"));
    assert_eq!(closed.count(), 0);
    is_valid(&folder);
}

/// Argo CD has two engines for globs; the sets mean the same to both.
#[test]
fn the_folder_is_flat_for_both_of_argo_cds_globs() {
    let folder = Folder::example();
    let (branches, manifests) =
        ([("main", folder.path()), ("pins", folder.path())], folder.path().join("argocd"));
    let new = Expanded::with(&manifests, &branches, &["--new-git-file-globbing"]).sound();
    assert_same(&new, &folder.expanded().sound());
    // What lies deeper is seen by one of them; it is closed, and none of the others changes.
    let nested = json!({"cluster": "shared", "service": "x", "imageTag": "1",
        "targetRevision": revision('a')});
    folder.write("envs/staging/billing/sub/x.json", &nested.to_string());
    let seen = folder.expanded().sound();
    assert_eq!(seen.len(), new.len() + 1);
    assert_same(&Expanded::with(&manifests, &branches, &["--new-git-file-globbing"]).sound(), &new);
}
