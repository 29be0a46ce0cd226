//! The charts as packages, and the worked example's services.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::helm::{CHART, Service, copy, fixture, folder, yaml};
use super::judge;

/// Both charts, packaged by one Helm.
fn packages(helm: &str) -> std::path::PathBuf {
    let place = folder("packages");
    copy(Path::new(CHART), &place.join("chart"));
    let arguments =
        ["package", "--dependency-update", "chart/pinrail-service", "chart/pinrail-app"];
    let ran = judge::run(helm, &place, &arguments, "");
    assert!(ran.ok, "{ran:?}");
    place
}

/// A fixture's values as the chart takes them where nothing wraps it: without the wrapper's key.
fn direct(name: &str) -> Value {
    let mut values = yaml(&fixture(name));
    let service = values.as_object_mut().expect("a map").remove("pinrail-service");
    super::helm::merge(&mut values, &service.expect("it is there"));
    values
}

#[test]
fn a_package_renders_what_the_folder_renders() {
    let own = Service::new(&fixture("full.yaml"));
    for helm in ["helm", "helm3"] {
        let packages = packages(helm);
        let app = Service { chart: packages.join("pinrail-app-0.1.0.tgz"), ..own.clone() };
        let text = app.try_render(helm).expect("it renders");
        assert_eq!(super::helm::objects(&text), own.objects(), "{helm}");
        // Directly: the keys are at the top.
        let direct = Service {
            chart: packages.join("pinrail-service-0.1.0.tgz"),
            files: vec![direct("full.yaml").to_string()],
            ..own.clone()
        };
        assert_eq!(
            super::helm::objects(&direct.try_render(helm).expect("it renders")),
            own.objects()
        );
    }
}

#[test]
fn the_app_chart_refuses_a_misspelt_wrapper_key() {
    let app = Service {
        chart: packages("helm").join("pinrail-app-0.1.0.tgz"),
        ..Service::new(&fixture("minimal.yaml").replace("pinrail-service", "pinrail-servce"))
    };
    let refusal = app.refusal();
    assert!(refusal.contains("'pinrail-servce' not allowed"), "{refusal}");
}

#[test]
fn helm_finds_nothing_in_the_charts() {
    let packages = packages("helm");
    let service = Service::new("{}");
    let mut values = direct("full.yaml");
    super::helm::merge(&mut values, &service.platform);
    super::helm::merge(&mut values, &serde_json::json!({"global": {"release": service.release}}));
    fs::write(packages.join("values.yaml"), values.to_string()).expect("write values");
    for helm in ["helm", "helm3"] {
        let lint = |arguments: &[&str]| {
            let ran = judge::run(helm, &packages, &[&["lint"], arguments].concat(), "");
            assert!(ran.ok, "{helm}: {}{}", ran.stdout, ran.stderr);
        };
        lint(&["--strict", "--values", "values.yaml", "chart/pinrail-service"]);
        // Without a release, as a developer may try it.
        lint(&["chart/pinrail-service", "chart/pinrail-app"]);
    }
}

#[test]
fn the_charts_say_what_they_are() {
    for name in ["pinrail-service", "pinrail-app"] {
        let chart =
            fs::read_to_string(Path::new(CHART).join(name).join("Chart.yaml")).expect("a chart");
        let chart = yaml(&chart);
        for key in ["name", "version", "description", "kubeVersion", "icon", "annotations"] {
            assert!(!chart[key].is_null(), "{name}: {key}");
        }
        assert_eq!(chart["version"], "0.1.0", "{name}: both charts have one version");
    }
}

/// The Chart.yaml of an example is what a service's repository really holds.
#[test]
fn the_examples_services_render_in_every_environment_as_they_are_pinned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut wanted = Vec::new();
    for environment in ["staging", "production-eu", "production-us"] {
        for domain in ["services", "billing"] {
            let folder = root.join(format!("services-root/envs/{environment}/{domain}"));
            for entry in fs::read_dir(&folder).expect("list the pins") {
                wanted.push((environment, domain, entry.expect("an entry").path()));
            }
        }
    }
    assert_eq!(wanted.len(), 22);
    let judged = folder("examples");
    super::helm::each(&wanted, |(environment, domain, path)| {
        let pin: Value =
            serde_json::from_str(&fs::read_to_string(path).expect("read a pin")).expect("JSON");
        let text = |key: &str| pin[key].as_str().map(str::to_owned);
        let service = text("service").expect("a service");
        let repository = match text("repoURL") {
            Some(url) => {
                Path::new(&url).file_stem().expect("a name").to_str().expect("UTF-8").to_owned()
            }
            None => service.clone(),
        };
        let chart =
            root.join("services").join(repository).join(text("path").unwrap_or("helm".to_owned()));
        let place = folder("example");
        copy(&chart, &place);
        copy(&Path::new(CHART).join("pinrail-service"), &place.join("charts/pinrail-service"));
        let host = match *environment {
            "staging" => format!("{service}.staging.example.com"),
            "production-eu" => format!("{service}.example.com"),
            _ => format!("{service}.us.example.com"),
        };
        let over = chart.join(format!("values-{environment}.yaml"));
        let rendering = Service {
            chart: place,
            files: fs::read_to_string(over).into_iter().collect(),
            platform: super::helm::platform(environment),
            release: serde_json::json!({
                "environment": environment, "kind": "permanent", "domain": domain, "service": service,
                "host": host, "revision": text("targetRevision"),
                "image": {
                    "repository": format!("registry.example.com/{domain}/{service}"),
                    "tag": text("imageTag"),
                    "digest": text("imageDigest").unwrap_or_default(),
                },
            }),
            namespace: "example",
        };
        let rendered =
            rendering.try_render("helm").unwrap_or_else(|error| panic!("{service}: {error}"));
        let image =
            format!("registry.example.com/{domain}/{service}:{}", text("imageTag").expect("a tag"));
        assert!(rendered.contains(&image), "{service}");
        fs::write(judged.join(format!("{environment}-{service}.yaml")), rendered).expect("write");
    });
    judge::nothing_found("kube-validate", &judged, &["."]);
    judge::nothing_found("pod-security", &judged, &["restricted", "."]);
}
