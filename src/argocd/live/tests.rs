use serde_json::{Value, json};

use super::*;

const NEW: &str = "1111111111111111111111111111111111111111";
const OLD: &str = "0000000000000000000000000000000000000000";

fn pin(more: Value) -> Pin {
    let mut pin =
        json!({"cluster": "eu-1", "service": "api", "imageTag": "1.10", "targetRevision": NEW});
    pin.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    Pin::parse(pin.to_string().as_bytes()).expect("a pin")
}

fn parameters(tag: &str) -> Value {
    json!([
        {"name": "global.release.service", "value": "api", "forceString": true},
        {"name": "global.release.image.tag", "value": tag, "forceString": true},
        {"name": "global.release.image.digest", "forceString": true},
    ])
}

/// One source, as the layout `wrapper` has it.
fn wrapper() -> Value {
    json!({
        "repoURL": "https://git.example.com/billing/api.git",
        "path": "helm",
        "targetRevision": NEW,
        "helm": {"releaseName": "api", "parameters": parameters("1.10")},
    })
}

/// The chart from a registry and the values from the service's repository.
fn oci() -> Value {
    json!([
        {
            "repoURL": "oci://registry.example.com/platform/pinrail-app",
            "path": ".",
            "targetRevision": "1.4.0",
            "helm": {"releaseName": "api", "parameters": parameters("1.10")},
        },
        {"repoURL": "https://git.example.com/billing/api.git", "targetRevision": NEW, "ref": "values"},
    ])
}

/// An Application of one source that is live and healthy.
fn application() -> Value {
    json!({
        "metadata": {"name": "production-eu-api", "namespace": "argocd"},
        "spec": {"project": "pinrail-production-eu-billing", "source": wrapper()},
        "status": {
            "sync": {"status": "Synced", "comparedTo": {"source": wrapper(), "destination": {}}, "revision": NEW},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-10-02T10:00:05Z",
            "operationState": {
                "operation": {"sync": {"revision": NEW}},
                "phase": "Succeeded",
                "syncResult": {"revision": NEW, "source": wrapper()},
                "startedAt": "2026-10-02T09:59:00Z",
                "finishedAt": "2026-10-02T10:00:05Z",
            },
            "summary": {"images": [
                "docker.io/valkey/valkey:8.1-alpine",
                "registry.example.com:5000/billing/api:1.10",
            ]},
        },
    })
}

/// The same with the chart from a registry.
fn application_oci() -> Value {
    let mut application = application();
    application["spec"] = json!({"project": "pinrail-production-eu-billing", "sources": oci()});
    let status = &mut application["status"];
    // Go writes a source that is not used as one without an address.
    status["sync"] = json!({
        "status": "Synced",
        "comparedTo": {"source": {"repoURL": ""}, "sources": oci(), "destination": {}},
        "revisions": ["sha256:abc", NEW],
    });
    status["operationState"]["syncResult"] = json!({"revision": "", "source": oci()[0], "sources": oci(), "revisions": ["sha256:abc", NEW]});
    application
}

#[track_caller]
fn judged(application: Value, pin: &Pin) -> Liveness {
    judge(&serde_json::from_value(application).expect("an Application"), pin)
}

/// Why the Application is not live once a value in it is another.
#[track_caller]
fn why(pointer: &str, value: Value) -> NotLive {
    why_of(changed(application(), pointer, value), &pin(json!({})))
}

#[track_caller]
fn why_of(application: Value, pin: &Pin) -> NotLive {
    match judged(application, pin) {
        Liveness::Not(why) => why,
        Liveness::Live => panic!("it is live"),
    }
}

#[track_caller]
fn changed(mut application: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = application.pointer_mut(parent).expect(pointer);
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    application
}

fn other(part: Part, shown: &str, pinned: &str) -> NotLive {
    NotLive::OtherPin { part, shown: shown.to_owned(), pinned: pinned.to_owned() }
}

#[test]
fn an_application_that_shows_the_pin_synced_and_healthy_is_live_in_both_layouts() {
    assert_eq!(judged(application(), &pin(json!({}))), Liveness::Live);
    assert_eq!(judged(application_oci(), &pin(json!({}))), Liveness::Live);
}

#[test]
fn first_the_sources_must_be_those_of_the_pin() {
    let revision = why("/spec/source/targetRevision", OLD.into());
    assert_eq!(revision, other(Part::Revision, OLD, NEW));
    let tag = "/spec/source/helm/parameters/1/value";
    assert_eq!(why(tag, "1.1".into()), other(Part::ImageTag, "1.1", "1.10"));
    assert_eq!(why("/spec/source/helm/parameters", json!([])), other(Part::ImageTag, "", "1.10"));
    // Both sources changed alike: a comparison of the two alone would not notice.
    let before = changed(application(), tag, "1.1".into());
    let before = changed(before, &format!("/status/sync/comparedTo{}", &tag[5..]), "1.1".into());
    assert_eq!(why_of(before, &pin(json!({}))), other(Part::ImageTag, "1.1", "1.10"));
    let invalid = changed(application_oci(), "/spec/sources/1/targetRevision", "refs/x".into());
    assert_eq!(why_of(invalid, &pin(json!({}))), other(Part::Revision, "refs/x", NEW));
}

#[test]
fn what_a_pin_may_say_beside_is_compared_where_it_is_said() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let with_digest = pin(json!({"imageDigest": digest}));
    assert_eq!(why_of(application(), &with_digest), other(Part::ImageDigest, "", &digest));
    // The chart prefers a digest to the tag, so that one that is no longer pinned is another image.
    let stale =
        changed(application(), "/spec/source/helm/parameters/2/value", digest.clone().into());
    assert_eq!(why_of(stale, &pin(json!({}))), other(Part::ImageDigest, &digest, ""));

    let path = pin(json!({"path": "charts/api"}));
    assert_eq!(why_of(application(), &path), other(Part::Path, "helm", "charts/api"));
    let url = "https://git.example.com/billing/mono.git";
    let repository = pin(json!({"repoURL": url}));
    let own = "https://git.example.com/billing/api.git";
    for application in [application(), application_oci()] {
        assert_eq!(why_of(application, &repository), other(Part::Repository, own, url));
    }
    // The platform's chart has a version of its own in one layout alone.
    let version = pin(json!({"chartVersion": "1.5.0"}));
    assert_eq!(why_of(application_oci(), &version), other(Part::ChartVersion, "1.4.0", "1.5.0"));
    assert_eq!(judged(application(), &version), Liveness::Live);
}

#[test]
fn second_the_controller_must_have_compared_the_very_sources() {
    let tag = "/status/sync/comparedTo/source/helm/parameters/1/value";
    assert_eq!(why(tag, "1.1".into()), NotLive::NotCompared);
    let values = "/status/sync/comparedTo/source/helm/valuesObject";
    assert_eq!(why(values, json!({"global": {}})), NotLive::NotCompared);
    let oci =
        changed(application_oci(), "/status/sync/comparedTo/sources/0/targetRevision", "1".into());
    assert_eq!(why_of(oci, &pin(json!({}))), NotLive::NotCompared);
    assert_eq!(why("/status", json!({})), NotLive::NotCompared);
    assert_eq!(why("/status", Value::Null), NotLive::NotCompared);
}

#[test]
fn third_it_must_be_synced_to_the_pinned_revision() {
    for status in ["OutOfSync", "Unknown"] {
        assert_eq!(
            why("/status/sync/status", status.into()),
            NotLive::NotSynced(status.to_owned())
        );
    }
    let other_revision =
        NotLive::OtherRevision { compared: OLD.to_owned(), pinned: NEW.to_owned() };
    assert_eq!(why("/status/sync/revision", OLD.into()), other_revision);
    let oci = changed(application_oci(), "/status/sync/revisions/1", OLD.into());
    assert_eq!(why_of(oci, &pin(json!({}))), other_revision);
}

#[test]
fn fourth_nothing_may_be_under_way_and_what_brought_it_may_not_have_failed() {
    assert_eq!(
        why("/operation", json!({"sync": {}})).to_string(),
        "an operation of it is about to begin"
    );
    for phase in ["Running", "Terminating"] {
        let why = why("/status/operationState/phase", phase.into());
        assert_eq!(why, NotLive::Operating(phase.to_lowercase()));
        assert!(!why.is_failure());
    }
    for phase in ["Failed", "Error"] {
        let why = why("/status/operationState/phase", phase.into());
        assert!(matches!(why, NotLive::OperationFailed(_)) && why.is_failure(), "{why:?}");
        let oci = changed(application_oci(), "/status/operationState/phase", phase.into());
        assert!(matches!(why_of(oci, &pin(json!({}))), NotLive::OperationFailed(_)));
    }
}

#[test]
fn an_operation_that_brought_something_else_or_nothing_says_nothing_of_this_pin() {
    let failed = changed(application(), "/status/operationState/phase", "Failed".into());
    let source = "/status/operationState/syncResult/source/targetRevision";
    let of_the_pin_before = changed(failed.clone(), source, OLD.into());
    assert_eq!(judged(of_the_pin_before, &pin(json!({}))), Liveness::Live);
    let dry_run =
        changed(failed, "/status/operationState/operation", json!({"sync": {"dryRun": true}}));
    let dry_run =
        changed(dry_run, "/status/operationState/finishedAt", "2026-10-02T11:00:00Z".into());
    assert_eq!(judged(dry_run, &pin(json!({}))), Liveness::Live);
    // The same manifests again need no sync: the revision is new and no operation brought it.
    let mut never = application();
    never["status"].as_object_mut().expect("an object").remove("operationState");
    assert_eq!(judged(never, &pin(json!({}))), Liveness::Live);
}

#[test]
fn fifth_it_must_be_healthy() {
    for (status, is_failure) in [
        ("Degraded", true),
        ("Progressing", false),
        ("Missing", false),
        ("Suspended", false),
        ("Unknown", false),
    ] {
        let why = why("/status/health/status", status.into());
        assert_eq!(why.to_string(), format!("its health is {status}"));
        assert_eq!(why.is_failure(), is_failure, "{status}");
    }
    let with_words = why("/status/health", json!({"status": "Degraded", "message": "no pods"}));
    assert_eq!(with_words.to_string(), "its health is Degraded: no pods");
    assert_eq!(why("/status/health", json!({})).to_string(), "its health is Unknown");
}

#[test]
fn fifth_the_look_must_be_as_young_as_the_end_of_the_last_operation() {
    assert_eq!(why("/status/reconciledAt", "2026-10-02T10:00:04Z".into()), NotLive::NotRefreshed);
    assert_eq!(why("/status/reconciledAt", Value::Null), NotLive::NotRefreshed);
}

#[test]
fn sixth_a_pod_must_run_the_image() {
    let images = |images: Value| changed(application(), "/status/summary/images", images);
    for other in
        ["r:5000/api:1.1", "r:5000/api:1.10-rc", "r:1.10/api", "r/api@sha256:1.10", "r/1.10"]
    {
        let why = why_of(images(json!([other])), &pin(json!({})));
        assert!(matches!(why, NotLive::OtherImage { .. }), "{other}: {why:?}");
    }
    let digest = format!("sha256:{}", "a".repeat(64));
    let with_digest = pin(json!({"imageDigest": digest}));
    let pinned =
        changed(application(), "/spec/source/helm/parameters/2/value", digest.clone().into());
    let compared = "/status/sync/comparedTo/source/helm/parameters/2/value";
    let pinned = changed(pinned, compared, digest.clone().into());
    let by_tag = changed(pinned.clone(), "/status/summary/images", json!(["r/api:1.10"]));
    assert!(matches!(why_of(by_tag, &with_digest), NotLive::OtherImage { .. }));
    let both = json!([format!("r/api:1.10@{digest}")]);
    assert_eq!(
        judged(changed(pinned, "/status/summary/images", both.clone()), &with_digest),
        Liveness::Live
    );
    assert_eq!(judged(images(both), &pin(json!({}))), Liveness::Live);
    // The pods of the version before go away one by one.
    assert_eq!(judged(images(json!(["r/api:1.1", "r/api:1.10"])), &pin(json!({}))), Liveness::Live);
    assert_eq!(judged(images(json!([])), &pin(json!({}))), Liveness::Live);
}

#[test]
fn sixth_a_condition_that_is_an_error_counts_and_a_warning_does_not() {
    for (kind, is_failure) in [
        ("ComparisonError", true),
        ("InvalidSpecError", true),
        ("SyncError", true),
        ("UnknownError", false),
        ("DeletionError", false),
    ] {
        let why = why(
            "/status/conditions",
            json!([
                {"type": "OrphanedResourceWarning", "message": "one"},
                {"type": kind, "message": "no such revision"},
            ]),
        );
        assert_eq!(why.to_string(), format!("it has the condition {kind}: no such revision"));
        assert_eq!(why.is_failure(), is_failure, "{kind}");
    }
    let warned = json!([{"type": "OrphanedResourceWarning", "message": "one"}]);
    let warned = changed(application(), "/status/conditions", warned);
    assert_eq!(judged(warned, &pin(json!({}))), Liveness::Live);
}

#[test]
fn an_application_that_is_going_away_is_not_live() {
    assert_eq!(
        why("/metadata/deletionTimestamp", "2026-10-02T10:00:00Z".into()),
        NotLive::Deleting
    );
}
