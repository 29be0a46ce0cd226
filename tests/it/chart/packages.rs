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
