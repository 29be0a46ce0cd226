//! What a cluster gets for its tenants: Kubernetes takes it, each connection that a service
//! needs is open and no other, and people may do what the design says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Folder, example};
use crate::support::tools::{ask, problems, tool};

/// The objects of all tenants of a cluster.
fn objects(folder: &Folder) -> Vec<Value> {
    let files = folder.generated().into_iter().filter(|(path, _)| path.starts_with("tenants/"));
    let texts = files.map(|(_, text)| pinrail::domain::yaml::documents(&text).expect("YAML"));
    texts.flatten().collect()
}

fn of_kind(objects: &[Value], kind: &str) -> Vec<Value> {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).cloned().collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

#[test]
fn kubernetes_takes_every_object_of_the_tenants() {
    assert_eq!(problems("kube-validate", &[&example().join("tenants")]), [""; 0]);
}

/// The judge judges: fields and values that Kubernetes does not have.
#[test]
fn kubernetes_refuses_a_wrong_field_or_value() {
    let folder = Folder::example();
    let path = "tenants/shared/billing.yaml";
    let text = folder.read(path);
    for (from, to) in [
        ("requests.cpu: \"80\"", "requests.cpu: \"80x\""),
        ("policyTypes: [Ingress, Egress]", "policyType: [Ingress, Egress]"),
        ("verbs: [delete]", "verb: [delete]"),
    ] {
        folder.write(path, &text.replacen(from, to, 1));
        assert_ne!(folder.read(path), text, "{from}");
        let told = problems("kube-validate", &[&folder.path().join(path)]);
        assert!(!told.is_empty(), "{to}");
    }
}

#[test]
fn every_namespace_asks_for_restricted_pods() {
    let namespaces = of_kind(&objects(&Folder::example()), "Namespace");
    assert_eq!(namespaces.len(), 6);
    for namespace in namespaces {
        let labels = &namespace["metadata"]["labels"];
        for mode in ["enforce", "audit", "warn"] {
            let label = format!("pod-security.kubernetes.io/{mode}");
            assert_eq!(labels[label.as_str()], "restricted", "{namespace}");
        }
    }
}

#[test]
fn a_domain_has_the_quota_of_its_size_in_each_namespace() {
    let quotas = of_kind(&objects(&Folder::example()), "ResourceQuota");
    assert_eq!(quotas.len(), 6);
    for quota in quotas {
        let namespace = quota["metadata"]["namespace"].as_str().expect("a namespace");
        let (cpu, memory, pods, storage) = match namespace.starts_with("billing-") {
            true => ("80", "160Gi", "400", "1Ti"),
            false => ("20", "40Gi", "100", "200Gi"),
        };
        let hard = json!({"requests.cpu": cpu, "requests.memory": memory, "pods": pods,
            "requests.storage": storage, "services.loadbalancers": "0", "services.nodeports": "0"});
        assert_eq!(quota["spec"]["hard"], hard, "{namespace}");
    }
    // Who has no size has no quota, and is limited all the same.
    let folder = Folder::example();
    folder.replace("pinrail.yaml", ", size: L", "");
    folder.generate();
    let objects = objects(&folder);
    assert_eq!(of_kind(&objects, "ResourceQuota").len(), 3);
    assert_eq!(of_kind(&objects, "LimitRange").len(), 6);
}

/// Looks at workloads, pods, logs and events; deletes pods; nothing else, and no secrets.
#[test]
fn a_domains_group_may_look_and_restart_and_nothing_else() {
    let objects = objects(&Folder::example());
    let look = ["get", "list", "watch"].map(str::to_owned).to_vec();
    let mut allowed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in [
        "pods/log",
        "events",
        "services",
        "apps/deployments",
        "apps/replicasets",
        "apps/statefulsets",
        "batch/cronjobs",
        "batch/jobs",
        "events.k8s.io/events",
    ] {
        allowed.insert(resource.to_owned(), look.clone());
    }
    allowed.insert("pods".to_owned(), [&look[..], &["delete".to_owned()]].concat());
    let roles = of_kind(&objects, "Role");
    assert_eq!(roles.len(), 6);
    for role in &roles {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let texts = |value: &Value| -> Vec<String> {
            serde_json::from_value(value.clone()).expect("a list of texts")
        };
        for rule in role["rules"].as_array().expect("rules") {
            assert_eq!(rule.as_object().map(serde_json::Map::len), Some(3), "{rule}");
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    let key =
                        if group.is_empty() { resource } else { format!("{group}/{resource}") };
                    found.entry(key).or_default().extend(texts(&rule["verbs"]));
                }
            }
        }
        assert_eq!(found, allowed);
    }
    for binding in of_kind(&objects, "RoleBinding") {
        let domain = match &binding["metadata"]["namespace"] {
            Value::String(name) if name.starts_with("billing-") => "billing-dev",
            _ => "services-dev",
        };
        let group =
            json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": domain}]);
        assert_eq!(binding["subjects"], group);
        assert_eq!(binding["roleRef"]["name"], "developer");
    }
    for object in objects {
        let kind = object["kind"].as_str().expect("a kind");
        let permitted =
            ["Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "Role", "RoleBinding"];
        assert!(permitted.contains(&kind), "{kind}");
    }
}

const APP: &str = "app.kubernetes.io/name";

fn pod(namespace: &str, role: &str) -> Value {
    let labels = match role {
        "app" => json!({APP: "web"}),
        "database" => json!({"cnpg.io/cluster": "web-db", "cnpg.io/instanceName": "web-db-1"}),
        "other-database" => {
            json!({"cnpg.io/cluster": "web-db", "cnpg.io/instanceName": "web-db-2"})
        }
        "redis" => json!({APP: "web", "app.kubernetes.io/component": "redis"}),
        other => json!({APP: other}),
    };
    json!({"namespace": namespace, "labels": labels})
}

/// Asks whether each connection is as it should be.
#[track_caller]
fn assert_connections(folder: &Folder, cases: &[(Value, Value, u16, &str, bool)]) {
    let questions: Vec<_> = cases
        .iter()
        .map(|(from, to, port, protocol, _)| {
            json!({"from": from, "to": to, "port": port, "protocol": protocol})
        })
        .collect();
    let mut command = tool("network-policies");
    command.arg(folder.path().join("tenants/shared"));
    let answers = ask(&mut command, &questions.into());
    assert_eq!(answers.as_array().map(Vec::len), Some(cases.len()));
    for ((from, to, port, protocol, open), answer) in
        cases.iter().zip(answers.as_array().expect("a list"))
    {
        assert_eq!(answer["open"], *open, "{from} to {to}, {protocol} {port}: {answer}");
    }
}

/// The example with two environments, and so two namespaces for each domain, on one cluster.
fn crowded() -> Folder {
    let folder = Folder::example();
    folder.replace("pinrail.yaml", "cluster: eu-1", "cluster: shared");
    folder.generate();
    folder
}

#[test]
fn what_a_service_needs_is_open_and_all_else_is_closed() {
    let namespaces =
        ["billing-staging", "services-staging", "billing-production-eu", "services-production-eu"];
    let mut cases = Vec::new();
    let outside = |namespace: &str| pod(namespace, "somebody");
    let internet = json!({"ip": "203.0.113.7"});
    let api = json!({"ip": "10.3.0.1"});
    for (at, namespace) in namespaces.into_iter().enumerate() {
        let own = |role| pod(namespace, role);
        let mut case = |from: &Value, to: &Value, port, protocol, open| {
            cases.push((from.clone(), to.clone(), port, protocol, open));
        };
        let (app, database, redis) = (own("app"), own("database"), own("redis"));
        case(&outside("gateways"), &app, 8080, "TCP", true);
        for protocol in ["UDP", "TCP"] {
            for from in [&app, &database, &redis] {
                case(from, &outside("kube-system"), 53, protocol, true);
                case(from, &outside("kube-system"), 443, protocol, false);
            }
        }
        for port in [5432, 8000] {
            case(&outside("cnpg-system"), &database, port, "TCP", true);
            case(&database, &own("other-database"), port, "TCP", true);
            case(&outside("gateways"), &database, port, "TCP", false);
            case(&app, &own("nothing"), port, "TCP", false);
        }
        case(&outside("cnpg-system"), &database, 22, "TCP", false);
        case(&outside("cnpg-system"), &app, 8080, "TCP", false);
        for port in [443, 6443] {
            case(&database, &api, port, "TCP", true);
            case(&app, &api, port, "TCP", false);
            case(&redis, &api, port, "TCP", false);
        }
        case(&database, &api, 22, "TCP", false);
        case(&outside("monitoring"), &app, 9090, "TCP", true);
        case(&outside("monitoring"), &database, 9187, "TCP", true);
        case(&outside("gateways"), &redis, 6379, "TCP", false);
        case(&outside("default"), &app, 8080, "TCP", false);
        case(&outside("default"), &redis, 6379, "TCP", false);
        case(&internet, &app, 8080, "TCP", false);
        for port in [80, 443, 53] {
            case(&app, &internet, port, "TCP", false);
        }
        case(&app, &outside("default"), 80, "TCP", false);
        case(&app, &outside("gateways"), 80, "TCP", false);
        for other in namespaces.into_iter().skip(at + 1).chain(namespaces.into_iter().take(at)) {
            case(&app, &pod(other, "app"), 8080, "TCP", false);
            case(&app, &pod(other, "database"), 5432, "TCP", false);
            case(&app, &pod(other, "redis"), 6379, "TCP", false);
            case(&database, &pod(other, "database"), 5432, "TCP", false);
        }
    }
    assert!(cases.len() > 180, "{}", cases.len());
    assert_connections(&crowded(), &cases);
}

#[test]
fn databases_reach_the_api_server_where_the_cluster_says_it_is() {
    let folder = Folder::example();
    folder.replace(
        "pinrail.yaml",
        "\nnamespace: ",
        "\nclusters: {shared: {apiServer: [10.3.0.1/32]}}\nnamespace: ",
    );
    folder.generate();
    let database = pod("billing-staging", "database");
    assert_connections(
        &folder,
        &[
            (database.clone(), json!({"ip": "10.3.0.1"}), 6443, "TCP", true),
            (database, json!({"ip": "10.3.0.2"}), 6443, "TCP", false),
        ],
    );
}

/// Tenants' projects permit their namespaces and kinds, on their cluster, and nothing else.
#[test]
fn the_tenants_application_may_bring_what_it_brings() {
    let folder = crowded();
    let text = folder.read("argocd/tenants-shared.yaml");
    let documents = pinrail::domain::yaml::documents(&text).expect("YAML");
    let project = &documents[0]["spec"];
    let names = |list: &Value, key: &str| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|one| one[key].as_str().expect("a text").to_owned()).collect()
    };
    let expected =
        ["billing-production-eu", "billing-staging", "services-production-eu", "services-staging"];
    assert_eq!(names(&project["destinations"], "namespace"), expected);
    assert_eq!(names(&project["destinations"], "name"), ["shared"; 4]);
    assert_eq!(names(&project["clusterResourceWhitelist"], "name"), expected);
    assert_eq!(names(&project["clusterResourceWhitelist"], "kind"), ["Namespace"; 4]);
    let kinds = names(&project["namespaceResourceWhitelist"], "kind");
    assert_eq!(kinds, ["LimitRange", "ResourceQuota", "NetworkPolicy", "Role", "RoleBinding"]);
    let sync = &documents[1]["spec"]["syncPolicy"];
    assert_eq!(sync["syncOptions"][0], "Prune=confirm");
    assert_eq!(sync["automated"]["allowEmpty"], false);
}
