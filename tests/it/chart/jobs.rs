//! What the next release may and may not change.

use serde_json::{Value, json};

use super::helm::{Service, find, fixture, id, pod};

/// The fields of a Job that an API server does not let change.
const IMMUTABLE: [&str; 5] =
    ["template", "selector", "completions", "completionMode", "podFailurePolicy"];

/// The following release: another image, other values, other platform values.
fn next() -> Service {
    let service = Service::new(&fixture("full.yaml"));
    service
        .with("pinrail-service: {envVars: {LOG_LEVEL: debug, NEW: '1'}, files: {/etc/app/config.yaml: other}}")
        .on_platform(&json!({"sizes": {"L": {"cpu": "2"}}}))
        .released(&json!({"image": {"tag": "b83aeaf4f6012c0e16c3c31fb492bca79a086bd7"}}))
}

/// What an Application does that leaves `/spec/template` of Jobs alone
/// (`ignoreDifferences` with `RespectIgnoreDifferences=true`): what is there stays there.
fn applied(live: &Value, next: &Value) -> Value {
    let mut applied = next.clone();
    applied["spec"]["template"] = live["spec"]["template"].clone();
    applied
}

#[test]
fn the_next_release_can_be_applied_over_a_job_that_has_run() {
    let before = Service::new(&fixture("full.yaml")).objects();
    let name = "Job/python-example--job-backfill-2026-11";
    let live = find(&before, name);
    let after = next().objects();
    let next = find(&after, name);
    assert_ne!(live["spec"]["template"], next["spec"]["template"], "the image moves on");
    let applied = applied(live, next);
    for field in IMMUTABLE {
        assert_eq!(applied["spec"][field], live["spec"][field], "{field}");
    }
    // Argo CD would run a hook at every deployment, and make a Job with a lifetime again.
    let annotations = next["metadata"]["annotations"].to_string();
    assert!(!annotations.contains("hook") && !annotations.contains("Replace"), "{annotations}");
    assert!(next["spec"].get("ttlSecondsAfterFinished").is_none());
}

#[test]
fn another_key_is_another_job() {
    let more = "pinrail-service: {jobs: {backfill-2026-12: {command: [./backfill]}}}";
    let objects = Service::new(&fixture("full.yaml")).with(more).objects();
    find(&objects, "Job/python-example--job-backfill-2026-11");
    find(&objects, "Job/python-example--job-backfill-2026-12");
}

#[test]
fn the_next_release_changes_nothing_else_that_is_immutable() {
    let before = Service::new(&fixture("full.yaml")).objects();
    let after = next().objects();
    for object in &before {
        let Some(next) = after.iter().find(|next| id(next) == id(object)) else {
            // Its name tells its content: the one before stays as long as pods use it.
            assert!(id(object).starts_with("ConfigMap/python-example--files-"), "{}", id(object));
            continue;
        };
        let fields: &[&str] = match object["kind"].as_str().expect("a kind") {
            "Deployment" => &["/spec/selector"],
            "StatefulSet" => &["/spec/selector", "/spec/serviceName", "/spec/volumeClaimTemplates"],
            "PersistentVolumeClaim" => &["/spec"],
            "Service" => &["/spec/clusterIP"],
            _ => &[],
        };
        for field in fields {
            assert_eq!(object.pointer(field), next.pointer(field), "{}: {field}", id(object));
        }
    }
}

#[test]
fn a_release_leaves_redis_alone() {
    let redis =
        |objects: &[Value]| pod(find(objects, "StatefulSet/python-example--redis")).cloned();
    assert_eq!(redis(&Service::new(&fixture("full.yaml")).objects()), redis(&next().objects()));
}
