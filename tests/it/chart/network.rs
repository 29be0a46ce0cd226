//! Who may call whom: what the chart's own policies leave open, beside the tenant's.

use std::fs;

use serde_json::{Value, json};

use super::helm::{Service, fixture, folder};
use super::judge;

/// Which of the questions are answered with yes.
fn open(service: &Service, questions: &Value) -> Vec<String> {
    let place = folder("network");
    let mut text = String::from(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: services-staging\n  labels: \
         {pinrail.dev/domain: services, pinrail.dev/environment: staging}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: default-deny, namespace: services-staging}\n\
         spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n---\n\
         # The other side of a call is not asked here.\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: others, namespace: services-staging}\n\
         spec: {podSelector: {matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: \
         [go-example, node-example, rust-example]}]}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}\n",
    );
    for mut object in service.objects() {
        object["metadata"]["namespace"] = json!(service.namespace);
        text += &format!("---\n{object}\n");
    }
    fs::write(place.join("objects.yaml"), text).expect("write the objects");
    let ran = judge::run("network-policies", &place, &["objects.yaml"], &questions.to_string());
    assert!(ran.ok, "{ran:?}");
    let answers: Vec<Value> = serde_json::from_str(&ran.stdout).expect("answers");
    let yes = answers.iter().filter(|answer| answer["open"] == true);
    yes.map(|answer| answer["id"].as_str().expect("an id").to_owned()).collect()
}

fn workload(name: &str) -> Value {
    json!({"namespace": "services-staging", "workload": name})
}

fn pod(domain: &str, service: &str) -> Value {
    json!({
        "namespace": format!("{domain}-staging"),
        "namespaceLabels": {"pinrail.dev/domain": domain, "pinrail.dev/environment": "staging"},
        "labels": {"app.kubernetes.io/name": service, "app.kubernetes.io/component": "app"},
    })
}

fn elsewhere(namespace: &str) -> Value {
    json!({"namespace": namespace, "labels": {"app": "x"}})
}

fn database() -> Value {
    json!({"namespace": "services-staging", "labels": {"cnpg.io/cluster": "python-example--db"}})
}

#[test]
fn a_service_reaches_what_is_its_own_and_what_it_says_and_no_more() {
    let (app, worker) = (
        workload("Deployment/python-example"),
        workload("Deployment/python-example--worker-mailer"),
    );
    let (migrate, redis) =
        (workload("Job/python-example--migrate"), workload("StatefulSet/python-example--redis"));
    let mut questions = Vec::new();
    let mut ask = |id: &str, from: &Value, to: &Value, port: u16| {
        questions.push(json!({"id": id, "from": from, "to": to, "port": port}));
    };
    ask("gateway -> app", &elsewhere("gateways"), &app, 8000);
    ask("monitoring -> app", &elsewhere("monitoring"), &app, 9090);
    ask("rust-example -> app", &pod("services", "rust-example"), &app, 8000);
    ask("billing/invoice-api -> app", &pod("billing", "invoice-api"), &app, 8000);
    for (name, from) in [("app", &app), ("worker", &worker), ("migration", &migrate)] {
        ask(&format!("{name} -> database"), from, &database(), 5432);
        ask(&format!("{name} -> redis"), from, &redis, 6379);
        ask(&format!("{name} -> internet"), from, &json!({"ip": "203.0.114.7"}), 443);
    }
    ask("app -> go-example", &app, &pod("services", "go-example"), 8080);
    ask("app -> billing/ledger", &app, &pod("billing", "ledger"), 8080);
    ask("app -> smtp", &app, &json!({"ip": "10.1.2.3"}), 587);
    let open_ones = questions.len();
    let mut ask = |id: &str, from: &Value, to: &Value, port: u16| {
        questions.push(json!({"id": id, "from": from, "to": to, "port": port}));
    };
    ask("gateway -> metrics", &elsewhere("gateways"), &app, 9090);
    ask("gateway -> redis", &elsewhere("gateways"), &redis, 6379);
    ask("gateway -> worker", &elsewhere("gateways"), &worker, 8000);
    ask("monitoring -> app's port", &elsewhere("monitoring"), &app, 8000);
    ask("somebody -> app", &elsewhere("somewhere"), &app, 8000);
    ask("neighbour -> app", &pod("services", "node-example"), &app, 8000);
    ask("billing/ledger -> app", &pod("billing", "ledger"), &app, 8000);
    ask("neighbour -> database", &pod("services", "node-example"), &database(), 5432);
    ask("neighbour -> redis", &pod("services", "node-example"), &redis, 6379);
    ask("redis -> internet", &redis, &json!({"ip": "203.0.114.7"}), 443);
    ask("redis -> database", &redis, &database(), 5432);
    ask("app -> private addresses", &app, &json!({"ip": "10.1.2.3"}), 443);
    ask("app -> the machine's metadata", &app, &json!({"ip": "169.254.169.254"}), 80);
    ask("app -> rust-example", &app, &pod("services", "rust-example"), 8080);
    let service = Service::new(&fixture("full.yaml"));
    let open = open(&service, &json!(questions));
    let expected: Vec<_> =
        questions[..open_ones].iter().map(|question| question["id"].clone()).collect();
    assert_eq!(json!(open), json!(expected));
}

#[test]
fn a_platform_may_close_the_internet_or_make_no_policies() {
    let app = workload("Deployment/python-example");
    let internet =
        json!([{"id": "internet", "from": app, "to": {"ip": "203.0.114.7"}, "port": 443}]);
    let service = Service::new(&fixture("minimal.yaml"));
    assert_eq!(open(&service, &internet), ["internet"]);
    let closed = service.clone().on_platform(&json!({"network": {"internetEgress": false}}));
    assert!(open(&closed, &internet).is_empty());
    let without = service.on_platform(&json!({"network": {"policies": false}}));
    assert!(without.objects().iter().all(|object| object["kind"] != "NetworkPolicy"));
}
