//! `pinrail values check`: what Helm refuses is refused here too, before it is committed, and
//! what Helm cannot see.

use std::fs;
use std::path::Path;

use pinrail::domain::values;
use serde_json::json;

use super::helm::{CHART, copy, fixture, folder, yaml};
use super::refused::{WRONG, misspelt};
use crate::support::pinrail::{Run, pinrail, run};

fn check(folder: &Path, path: &str) -> Run {
    run(pinrail(folder).args(["values", "check", path]))
}

/// The folder of a service, with these values.
fn service(values: &str) -> std::path::PathBuf {
    let place = folder("service");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services/python-example");
    copy(&example, &place);
    fs::write(place.join("helm/values.yaml"), values).expect("write the values");
    place
}

#[test]
fn every_fixture_and_every_example_is_in_order() {
    for name in super::cells::VALUES {
        let text = fixture(&format!("{name}.yaml"));
        assert_eq!(values::check_file("values.yaml", text.as_bytes()), [], "{name}");
    }
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services");
    let repositories = [
        "python-example/helm",
        "go-example/helm",
        "java-example/helm",
        "node-example/helm",
        "rust-example/helm",
        "ledger/helm",
        "invoices/api/helm",
        "invoices/worker/helm",
    ];
    for path in repositories {
        let run = check(&services, path).succeeded();
        assert!(run.stderr.starts_with("In order: "), "{run:?}");
    }
    let found = fs::read_dir(&services).expect("list the examples");
    let folders = found.filter(|entry| entry.as_ref().expect("an entry").path().is_dir());
    assert_eq!(folders.count(), 7, "one of them is two services");
}

#[test]
fn a_mistake_is_told_by_file_line_and_key() {
    let place = service(
        "global:\n  domain: services\n  service: python-example\npinrail-servce:\n  postgres: {}\n",
    );
    let run = check(&place, "helm");
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(
        run.stdout,
        "helm/values.yaml:4: error: unknown key `pinrail-servce`\n  \
         hint: did you mean `pinrail-service`?\n"
    );
    assert_eq!(run.stderr, "error: 1 problem\n");
    let alone = check(&place, "helm/values.yaml");
    assert_eq!((alone.code, alone.stdout), (4, run.stdout));
}

#[test]
fn the_document_has_the_problems_and_the_files() {
    let place = service(&fixture("article.yaml"));
    fs::write(place.join("helm/values-staging.yaml"), "pinrail-service: {scal: 2}\n")
        .expect("write");
    let run = run(pinrail(&place).args(["--json", "values", "check", "helm/"]));
    assert_eq!(run.code, 4, "{run:?}");
    let document = run.document();
    assert_eq!(document["command"], "values check");
    assert_eq!(document["outcome"], "invalid");
    assert_eq!(
        document["problems"],
        json!([{
            "severity": "error",
            "rule": "values",
            "path": "helm/values-staging.yaml",
            "line": 1,
            "message": "unknown key `pinrail-service.scal`",
            "hint": "did you mean `scale`?",
        }])
    );
    let files = ["helm/Chart.yaml", "helm/values.yaml", "helm/values-staging.yaml"];
    assert_eq!(document["files"], json!(files));
}

#[test]
fn what_helm_cannot_see_is_found() {
    let place = service(&fixture("article.yaml"));
    fs::create_dir(place.join("helm/templates")).expect("create a folder");
    fs::write(place.join("helm/templates/extra.yaml"), "kind: Secret\n").expect("write");
    let run = check(&place, "helm");
    assert_eq!(run.code, 4, "{run:?}");
    assert!(
        run.stdout.contains("helm/templates/extra.yaml: error: a service brings no"),
        "{run:?}"
    );
}

#[test]
fn what_is_not_there_is_told_with_what_may_be_meant() {
    let place = service(&fixture("article.yaml"));
    let run = check(&place, ".");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("hint: `pinrail values check ./helm`"), "{run:?}");
    let run = check(&place, "helm/value.yaml");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("there is no `helm/value.yaml`"), "{run:?}");
}

#[test]
fn whatever_helm_refuses_is_refused_before_the_commit() {
    // What depends on the platform is not known here.
    let platforms = ["there is no size", "the platform allows"];
    for (values, expected) in WRONG {
        if platforms.iter().any(|words| expected.contains(words)) {
            continue;
        }
        let values = values.replace('\n', "\n  ");
        let text = format!("{}\n  {values}\n", fixture("minimal.yaml").replace(" {}", ""));
        let problems = values::check_file("values.yaml", text.as_bytes());
        assert!(!problems.is_empty(), "{text}");
        assert!(
            problems.iter().all(|problem| problem.line.is_some_and(|line| line > 4)),
            "{problems:?}"
        );
    }
}

#[test]
fn no_key_can_be_misspelt_not_even_the_wrappers() {
    for (key, values) in misspelt(&yaml(&fixture("full.yaml"))) {
        let problems = values::check_file("values.yaml", values.to_string().as_bytes());
        let name = key.rsplit('.').next().expect("a key");
        let meant = problems.iter().any(|problem| {
            problem.message.contains(&format!("{name}x"))
                && problem.hint.as_ref().is_some_and(|hint| hint.contains(&format!("`{name}`")))
        });
        assert!(meant, "{key}: {problems:#?}");
    }
}

#[test]
fn no_key_of_the_platform_can_be_misspelt() {
    let text = fs::read_to_string(Path::new(CHART).join("pinrail-service/values.yaml"));
    let mut defaults = yaml(&text.expect("read the defaults"));
    let mut platform = defaults["global"]["platform"].take();
    let map = platform.as_object_mut().expect("a map");
    map.shift_remove("version");
    // Their keys are names.
    map.shift_remove("sizes");
    map["monitoring"].as_object_mut().expect("a map").shift_remove("dashboardLabels");
    let whole = json!({"global": {"platform": platform}});
    assert_eq!(values::check_platform("platform-values.yaml", whole.to_string().as_bytes()), []);
    let wrong = misspelt(&whole);
    assert!(wrong.len() > 50, "{}", wrong.len());
    for (key, values) in wrong {
        let problems =
            values::check_platform("platform-values.yaml", values.to_string().as_bytes());
        assert!(!problems.is_empty(), "{key}");
    }
}

#[test]
fn the_page_of_keys_is_made_of_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/chart/reference.md");
    let page = values::reference::page();
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        fs::write(&path, &page).expect("write the page");
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "stale: INSTA_UPDATE=always cargo test --test it chart");
}

#[test]
fn the_values_that_the_cookbook_shows_are_in_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/chart/README.md");
    let text = fs::read_to_string(path).expect("the cookbook");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let (mut judged, least) = (0, "global: {domain: services, service: shop}\n");
    for block in blocks {
        let whole = match block {
            block if block.starts_with("global:") => block.to_owned(),
            block if block.starts_with("pinrail-service:") => format!("{least}{block}"),
            _ => continue,
        };
        assert_eq!(values::check_file("values.yaml", whole.as_bytes()), [], "{block}");
        judged += 1;
    }
    assert!(judged > 8, "{judged}");
}
