//! The matrix: every way of routing, of databases, of releases, with values small and large.

use std::fmt::Write;
use std::fs;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::helm::{Service, each, fixture, folder, id, objects, pod};
use super::judge;

/// One cell of the matrix, rendered.
pub struct Cell {
    pub name: String,
    pub values: &'static str,
    pub objects: Vec<Value>,
    text: String,
    text_of_helm3: String,
}

pub const VALUES: [&str; 4] = ["minimal", "article", "full", "disk"];

/// What the platform says of one way.
fn platform(api: &str, provider: &str) -> Value {
    json!({
        "routing": {
            "api": api,
            "ingressClass": "nginx",
            "internalIngressClass": "nginx-internal",
            "tls": "issuer",
            "issuer": "letsencrypt",
            "rewriteAnnotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"},
            "rewritePath": "{path}(/|$)(.*)",
        },
        "postgres": {
            "provider": provider,
            "instances": {"permanent": 2},
            "crossplane": {"apiVersion": "platform.example.com/v1alpha1", "kind": "Database"},
        },
        "storageClass": if api == "gateway" { "" } else { "fast" },
    })
}

pub static CELLS: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let mut wanted = Vec::new();
    for api in ["gateway", "ingress"] {
        for provider in ["cnpg", "crossplane"] {
            for kind in ["permanent", "preview"] {
                wanted.extend(VALUES.map(|values| (api, provider, kind, values)));
            }
        }
    }
    each(&wanted, |&(api, provider, kind, values)| {
        let service = Service::new(&fixture(&format!("{values}.yaml")))
            .on_platform(&platform(api, provider))
            .released(&json!({"kind": kind}));
        let name = format!("{api}-{provider}-{kind}-{values}");
        let render = |helm| {
            service.try_render(helm).unwrap_or_else(|error| panic!("{name} with {helm}: {error}"))
        };
        let text = render("helm");
        let text_of_helm3 = render("helm3");
        Cell { objects: objects(&text), values, text, text_of_helm3, name }
    })
});

/// The cells as files, for a judge.
static FILES: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let folder = folder("cells");
    for cell in CELLS.iter() {
        fs::write(folder.join(format!("{}.yaml", cell.name)), &cell.text).expect("write a cell");
    }
    folder
});

#[test]
fn an_api_server_takes_every_object_of_every_cell() {
    let definition =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/fixtures/database.xrd.yaml");
    judge::nothing_found("kube-validate", &FILES, &["--crd", definition, "."]);
}

#[test]
fn every_pod_of_every_cell_is_restricted() {
    judge::nothing_found("pod-security", &FILES, &["restricted", "."]);
    let pods = |values: &str| {
        let cells = CELLS.iter().filter(|cell| cell.values == values);
        cells.map(|cell| cell.objects.iter().filter_map(pod).count()).min()
    };
    // The app; with migration and Redis; with worker, cron and job.
    assert_eq!((pods("minimal"), pods("article"), pods("full")), (Some(1), Some(3), Some(6)));
}

#[test]
fn helm_3_renders_what_helm_4_renders() {
    for cell in CELLS.iter() {
        let sorted = |text| {
            let mut objects = objects(text);
            objects.sort_by_key(id);
            objects
        };
        assert_eq!(sorted(&cell.text_of_helm3), sorted(&cell.text), "{}", cell.name);
    }
}

/// What the `AppProject` of a domain allows.
const KINDS: [&str; 19] = [
    "apps/Deployment",
    "apps/StatefulSet",
    "autoscaling/HorizontalPodAutoscaler",
    "batch/CronJob",
    "batch/Job",
    "external-secrets.io/ExternalSecret",
    "gateway.networking.k8s.io/HTTPRoute",
    "generators.external-secrets.io/Password",
    "monitoring.coreos.com/PodMonitor",
    "monitoring.coreos.com/PrometheusRule",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/NetworkPolicy",
    "platform.example.com/Database",
    "policy/PodDisruptionBudget",
    "postgresql.cnpg.io/Cluster",
    "v1/ConfigMap",
    "v1/PersistentVolumeClaim",
    "v1/Service",
    "v1/ServiceAccount",
];

#[test]
fn the_cells_make_these_kinds_and_no_others() {
    let mut found: Vec<String> = CELLS
        .iter()
        .flat_map(|cell| &cell.objects)
        .map(|object| {
            let version = object["apiVersion"].as_str().expect("a version");
            let group = version.split('/').next().expect("a group");
            format!("{group}/{}", object["kind"].as_str().expect("a kind"))
        })
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(found, KINDS);
}

#[test]
fn what_each_value_yields_is_what_was_agreed() {
    let mut shown = String::new();
    for values in VALUES {
        let cell =
            CELLS.iter().find(|cell| cell.name == format!("gateway-cnpg-permanent-{values}"));
        let mut objects: Vec<_> = cell.expect("a cell").objects.iter().collect();
        objects.sort_by_key(|object| (super::helm::wave(object), id(object)));
        let _ = writeln!(shown, "{values}");
        for object in objects {
            let _ = writeln!(shown, "{:4} {}", super::helm::wave(object), id(object));
        }
    }
    super::golden::compare("objects.txt", &shown);
}

#[test]
fn no_manifest_holds_the_value_of_a_secret() {
    for cell in CELLS.iter() {
        assert!(cell.objects.iter().all(|object| object["kind"] != "Secret"), "{}", cell.name);
        assert!(!cell.text.contains("stringData"), "{}", cell.name);
    }
}

#[test]
fn a_preview_runs_one_of_each_and_nothing_by_the_clock() {
    for cell in CELLS.iter().filter(|cell| cell.name.contains("-preview-")) {
        for object in &cell.objects {
            match object["kind"].as_str() {
                Some("Deployment") => assert_eq!(object["spec"]["replicas"], 1, "{}", cell.name),
                Some("CronJob") => assert_eq!(object["spec"]["suspend"], true, "{}", cell.name),
                Some("HorizontalPodAutoscaler" | "PodDisruptionBudget" | "PrometheusRule") => {
                    panic!("{}: {}", cell.name, id(object))
                }
                Some("HTTPRoute") => {
                    let host = json!(["python-example.staging.example.com"]);
                    assert_eq!(object["spec"]["hostnames"], host, "aliases are not a preview's");
                }
                Some("Cluster") => assert_eq!(object["spec"]["instances"], 1),
                _ => {}
            }
            let options = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-options"];
            assert!(options.is_null(), "{}: a preview goes without asking", cell.name);
        }
    }
}
