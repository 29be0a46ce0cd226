//! Who may say what: names come from Pinrail, and a developer who means another service is told.

use serde_json::{Value, json};

use super::helm::{Service, find, fixture};

#[test]
fn a_developer_must_mean_the_service_that_pinrail_means() {
    let minimal = fixture("minimal.yaml");
    for (values, expected) in [
        (
            minimal.replace("domain: services", "domain: billing"),
            "global.domain is `billing`, but this is the domain `services`",
        ),
        (
            minimal.replace("service: python-example", "service: python-exampel"),
            "global.service is `python-exampel`, but this is the service `python-example`",
        ),
        (
            minimal.replace("  domain: services\n", ""),
            "global.domain is missing: write `domain: services`",
        ),
        (
            minimal.replace("  service: python-example\n", ""),
            "global.service is missing: write `service: python-example`",
        ),
    ] {
        let refusal = Service::new(&values).refusal();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn without_a_release_it_says_who_gives_one() {
    let service = Service { release: json!({}), ..Service::new(&fixture("minimal.yaml")) };
    let refusal = service.refusal();
    let expected = "global.release lacks environment, kind, domain, service, image.repository, image.tag: Pinrail gives it";
    assert!(refusal.contains(expected), "{refusal}");
}

#[test]
fn a_name_that_kubernetes_or_the_parts_of_services_cannot_bear_is_refused() {
    for (name, expected) in
        [("7zip", "begins with a digit"), ("shop--worker-a", "has `--` in its name")]
    {
        let values = fixture("minimal.yaml").replace("python-example", name);
        let refusal = Service::new(&values).released(&json!({"service": name})).refusal();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_release_wins_over_whatever_a_developer_says() {
    let values = "global: {release: {image: {tag: evil}, kind: preview}, platform: {security: {runAsUser: 1}}}";
    let under = format!("{values}\npinrail-service: {{{values}}}");
    let own = Service::new(&fixture("minimal.yaml"));
    let over = own.clone().with(&under).on_platform(&json!({"security": {"runAsUser": 10001}}));
    assert_eq!(over.objects(), own.objects());
}

/// Every release value is a string, and one that spells a truth value is not one.
#[test]
fn release_values_are_compared_as_strings() {
    let minimal = fixture("minimal.yaml");
    let objects = Service::new(&minimal).released(&json!({"host": ""})).objects();
    assert!(objects.iter().all(|object| object["kind"] != "HTTPRoute"), "no host, no route");
    let refusal = Service::new(&minimal).released(&json!({"kind": "false"})).refusal();
    assert!(refusal.contains("/global/release/kind"), "{refusal}");
    let unquoted = "global: {release: {image: {tag: 20250811}}}";
    let mut service = Service::new(&minimal).with(unquoted);
    service.release["image"].as_object_mut().expect("a map").remove("tag");
    let refusal = service.refusal();
    assert!(refusal.contains("/global/release/image/tag"), "{refusal}");
}

#[test]
fn a_newer_platform_and_a_newer_release_render_with_this_chart() {
    let own = Service::new(&fixture("article.yaml"));
    let newer = own
        .clone()
        .on_platform(&json!({"version": 2, "routing": {"mesh": "ambient"}, "somethingNew": 1}))
        .released(&json!({"somethingNew": "false"}));
    assert_eq!(newer.objects(), own.objects());
    let refusal = own.on_platform(&json!({"routing": {"mesh": "ambient"}})).refusal();
    assert!(refusal.contains("'mesh' not allowed"), "{refusal}");
}

#[test]
fn names_labels_and_places_in_vault_come_from_the_release() {
    let values = fixture("article.yaml").replace("domain: services", "domain: billing");
    let values = values.replace("service: python-example", "service: ledger");
    let service = Service::new(&values)
        .on_platform(&json!({"secrets": {"path": "teams/{domain}/{environment}/{service}"}}))
        .released(
            &json!({"domain": "billing", "service": "ledger", "environment": "production-eu"}),
        );
    let objects = service.objects();
    let secret = find(&objects, "ExternalSecret/ledger--secrets");
    assert_eq!(secret["spec"]["data"][0]["remoteRef"]["key"], "teams/billing/production-eu/ledger");
    for object in &objects {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["pinrail.dev/domain"], "billing");
        assert_eq!(labels["pinrail.dev/environment"], "production-eu");
        assert_eq!(object["metadata"].get("namespace"), None::<&Value>);
    }
}
