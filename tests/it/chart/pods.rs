//! Pods: made by one helper, so that they differ in what they run and in nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cells::CELLS;
use super::helm::{Service, find, fixture, id, pod};

/// The parts of a pod that must not depend on what it runs.
fn common(template: &Value) -> Value {
    let spec = &template["spec"];
    let container = &spec["containers"][0];
    let mut kept = json!({
        "env": container["env"],
        "image": container["image"],
        "imagePullPolicy": container["imagePullPolicy"],
        "securityContext": container["securityContext"],
        "volumeMounts": container["volumeMounts"],
    });
    for field in [
        "securityContext",
        "serviceAccountName",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "imagePullSecrets",
        "volumes",
    ] {
        kept[format!("pod {field}")] = spec[field].clone();
    }
    kept
}

#[test]
fn app_worker_cron_job_and_migration_are_equally_safe_and_have_the_same_environment() {
    let objects = Service::new(&fixture("full.yaml")).objects();
    let own: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] != "StatefulSet")
        .filter_map(|object| Some((id(object), common(pod(object)?))))
        .collect();
    assert_eq!(own.len(), 5);
    for (name, parts) in &own {
        assert_eq!(*parts, own[0].1, "{name}");
    }
    let redis = pod(find(&objects, "StatefulSet/python-example--redis")).expect("a pod");
    let container = &redis["spec"]["containers"][0]["securityContext"];
    assert_eq!(*container, own[0].1["securityContext"]);
}

#[test]
fn what_selects_pods_is_frozen() {
    // Selectors cannot be changed in place: a change here deletes and makes anew every service.
    let labels = |component: &str| {
        json!({
            "app.kubernetes.io/name": "python-example",
            "app.kubernetes.io/instance": "python-example",
            "app.kubernetes.io/component": component,
        })
    };
    let expected = [
        ("Deployment/python-example", labels("app")),
        ("Deployment/python-example--worker-mailer", labels("worker-mailer")),
        ("StatefulSet/python-example--redis", labels("redis")),
    ];
    for cell in CELLS.iter() {
        let mut seen = 0;
        for object in &cell.objects {
            let Some(selector) = object.pointer("/spec/selector/matchLabels") else { continue };
            if !["Deployment", "StatefulSet"].contains(&object["kind"].as_str().expect("a kind")) {
                continue;
            }
            let known = expected.iter().find(|(known, _)| *known == id(object));
            assert_eq!(*selector, known.expect("a known object").1, "{}", cell.name);
            let pod =
                pod(object).expect("a pod")["metadata"]["labels"].as_object().expect("labels");
            for (key, value) in selector.as_object().expect("labels") {
                assert_eq!(pod.get(key), Some(value), "{}: {}", cell.name, id(object));
            }
            seen += 1;
        }
        assert!(seen > 0, "{}", cell.name);
    }
}

#[test]
fn no_two_parts_of_a_service_have_a_selector_in_common() {
    let objects = Service::new(&fixture("full.yaml")).objects();
    let components: Vec<_> = objects
        .iter()
        .filter_map(pod)
        .map(|pod| pod["metadata"]["labels"]["app.kubernetes.io/component"].to_string())
        .collect();
    assert_eq!(components.iter().collect::<BTreeSet<_>>().len(), components.len());
}

#[test]
fn two_services_in_one_namespace_have_no_object_in_common() {
    let of = |service: &str, more: &str| {
        let values =
            fixture("full.yaml").replace("service: python-example", &format!("service: {service}"));
        let host = format!("{service}.example.com");
        Service::new(&values)
            .with(more)
            .released(&json!({"service": service, "host": host}))
            .objects()
    };
    // Names that a single dash would make equal.
    let more = "pinrail-service: {workers: {db: {command: [a]}, redis: {command: [a]}}, \
                jobs: {migrate: {command: [a]}}}";
    let mut seen = BTreeSet::new();
    for service in ["shop", "shop-db", "shop-redis", "shop-migrate", "shop-worker-db"] {
        for object in of(service, more) {
            assert!(seen.insert(id(&object)), "{service}: {}", id(&object));
        }
    }
}

#[test]
fn every_name_fits_however_long_its_parts_are() {
    let service = "a".repeat(40);
    let key = "b".repeat(40);
    let values = format!(
        "global: {{domain: services, service: {service}}}\npinrail-service:\n  \
         postgres: {{enabled: true}}\n  redis: {{enabled: true}}\n  migrate: {{command: [a]}}\n  \
         workers: {{{key}: {{command: [a]}}, {key}c: {{command: [a]}}}}\n  \
         cronJobs: {{{key}: {{command: [a], schedule: '@daily'}}}}\n"
    )
    .replace(&format!("{key}c"), &format!("{}c", "b".repeat(39)));
    let objects = Service::new(&values).released(&json!({"service": service})).objects();
    let names: BTreeSet<_> = objects.iter().map(id).collect();
    assert_eq!(names.len(), objects.len(), "{names:?}");
    for name in names {
        let (_, name) = name.split_once('/').expect("a kind and a name");
        assert!(name.len() <= 52, "{name}");
    }
}

#[test]
fn an_image_is_named_by_its_tag_and_its_digest() {
    let image = |image: Value| {
        let objects =
            Service::new(&fixture("minimal.yaml")).released(&json!({"image": image})).objects();
        let app = pod(find(&objects, "Deployment/python-example")).expect("a pod");
        app["spec"]["containers"][0]["image"].as_str().expect("a text").to_owned()
    };
    let digest = format!("sha256:{}", "0".repeat(64));
    let name = "registry.example.com/services/python-example";
    assert_eq!(image(json!({"tag": "1.10"})), format!("{name}:1.10"));
    // Tags that YAML would take for numbers.
    for tag in ["20250811", "1e3", "0755", "1234567", "12e45678", "true", "null", "0x1F"] {
        assert_eq!(image(json!({"tag": tag})), format!("{name}:{tag}"));
    }
    assert_eq!(image(json!({"digest": digest, "tag": ""})), format!("{name}@{digest}"));
    assert_eq!(image(json!({"digest": digest, "tag": "1.10"})), format!("{name}:1.10@{digest}"));
}

#[test]
fn a_disk_has_one_pod_and_is_the_apps_alone() {
    let values = "pinrail-service: {workers: {mailer: {command: [a]}}}";
    let objects = Service::new(&fixture("disk.yaml")).with(values).objects();
    let app = find(&objects, "Deployment/python-example");
    assert_eq!(app["spec"]["strategy"]["type"], "Recreate");
    let claims = |name: &str| {
        pod(find(&objects, name)).expect("a pod").to_string().contains("persistentVolumeClaim")
    };
    assert!(claims("Deployment/python-example"));
    assert!(!claims("Deployment/python-example--worker-mailer"));
    // The image's own user: the kubelet refuses root all the same.
    let context = &app["spec"]["template"]["spec"]["securityContext"];
    assert_eq!((&context["runAsUser"], &context["runAsNonRoot"]), (&Value::Null, &json!(true)));
}
