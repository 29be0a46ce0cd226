//! Names that are not known, pins that are no pins, and what the registry's rules forbid.

use super::{Told, pin_of, refused, root};
use crate::support::git;
use crate::support::root::{pin_path, revision};

const fn not_found<'a>(message: &'a str, hint: &'a str) -> Told<'a> {
    Told { code: 1, kind: "notFound", message, hint }
}

const fn refusal<'a>(message: &'a str, hint: &'a str) -> Told<'a> {
    Told { code: 5, kind: "refused", message, hint }
}

const fn conflict<'a>(message: &'a str, hint: &'a str) -> Told<'a> {
    Told { code: 3, kind: "conflict", message, hint }
}

#[test]
fn an_unknown_service_is_told_with_the_nearest() {
    let root = root();
    let repo = &root.repo();
    let told = not_found("there is no service `apy`", "did you mean `api`?");
    for arguments in [
        pin_of("apy", "staging", "2.0").each(),
        vec!["service", "show", "apy"],
        vec!["service", "remove", "apy"],
        vec!["status", "apy"],
    ] {
        refused(repo, &arguments, &told);
    }
}

#[test]
fn a_service_that_is_like_no_other_is_told_how_to_come_in() {
    let root = root();
    let repo = &root.repo();
    refused(
        repo,
        &pin_of("something-else", "staging", "2.0").each(),
        &not_found("there is no service `something-else`", "`--create` makes its first pin"),
    );
    refused(
        repo,
        &["service", "show", "something-else"],
        &not_found("`something-else`", "`pinrail service add something-else` registers it"),
    );
}

#[test]
fn an_unknown_environment_is_told_with_the_nearest_or_with_all() {
    let root = root();
    let repo = &root.repo();
    let told = not_found("there is no environment `stagin`", "did you mean `staging`?");
    refused(repo, &pin_of("api", "stagin", "2.0").each(), &told);
    refused(repo, &["status", "-e", "stagin"], &told);
    let told = not_found("there is no environment `qa`", "there are: staging, production");
    refused(repo, &pin_of("api", "qa", "2.0").each(), &told);
}

#[test]
fn an_unknown_domain_is_told_with_the_nearest() {
    let root = root();
    let repo = &root.repo();
    let told = not_found("there is no domain `biling`", "did you mean `billing`?");
    let new = pin_of("new", "staging", "2.0");
    refused(repo, &new.and(&["--create", "--domain", "biling"]), &told);
    refused(repo, &["service", "add", "new", "--domain", "biling"], &told);
    refused(repo, &["service", "list", "--domain", "biling"], &told);
    let told = not_found("there is no domain `qa`", "`pinrail domain add qa` adds it");
    refused(repo, &["service", "add", "new", "--domain", "qa"], &told);
}

/// A pin of `api` with one thing wrong must not be built upon, by anybody.
#[track_caller]
fn refused_pin(content: &str, message: &str) {
    let root = root();
    root.commit(&pin_path("api"), content);
    let message = format!("{}: {message}", pin_path("api"));
    let told = Told { code: 4, kind: "invalid", message: &message, hint: "`pinrail check`" };
    refused(&root.repo(), &pin_of("api", "staging", "2.0").each(), &told);
    // It holds up nobody else, and those who look are told.
    root.pinrail(&pin_of("web", "staging", "2.0").each()).succeeded();
    let status = root.pinrail(&["--json", "status"]).succeeded().document();
    let cell = &status["services"][0]["environments"]["staging"];
    assert!(cell["pin"].is_null() && cell["problem"].is_string(), "{status:#}");
    let check = root.pinrail(&["--json", "check"]);
    assert_eq!(check.code, 4, "{check:?}");
    let problem = &check.document()["problems"][0];
    assert_eq!(problem["path"], pin_path("api").as_str());
}

fn sound() -> String {
    let revision = revision('a');
    format!(
        r#"{{"cluster": "shared", "service": "api", "imageTag": "1", "targetRevision": "{revision}"}}"#
    )
}

#[test]
fn a_pin_that_is_no_json_object_is_not_built_upon() {
    refused_pin("", "not JSON");
    refused_pin("{", "not JSON");
    refused_pin("<<<<<<< HEAD\n", "not JSON");
    refused_pin("[]", "not a JSON object");
    refused_pin("null", "not a JSON object");
    refused_pin(&format!("{}{}", sound(), sound()), "not JSON");
}

#[test]
fn a_pin_with_a_key_twice_is_not_built_upon() {
    refused_pin(
        &sound().replace('}', ", \"imageTag\": \"2\"}"),
        "the key `imageTag` is there twice",
    );
    refused_pin(&sound().replace('}', ", \"x\": 1, \"x\": 1}"), "the key `x` is there twice");
}

#[test]
fn a_pin_with_a_wrong_value_is_not_built_upon() {
    refused_pin(&sound().replace("\"1\"", "1.10"), "`imageTag`: ");
    refused_pin(
        &sound().replace(&revision('a'), "main"),
        "`targetRevision`: `main` is no revision",
    );
    refused_pin(&sound().replace("\"imageTag\"", "\"tag\""), "the key `imageTag` is missing");
    refused_pin(&sound().replace('}', ", \"sequence\": -1}"), "`sequence`: ");
    refused_pin(&sound().replace('}', ", \"imageDigest\": null}"), "`imageDigest`: ");
}

#[test]
fn a_pin_of_another_cluster_or_service_is_not_built_upon() {
    refused_pin(
        &sound().replace("shared", "eu-1"),
        "`cluster` is `eu-1`, but the environment's cluster is `shared`",
    );
    refused_pin(
        &sound().replace("api", "web"),
        "`service` is `web`, but the file's name says `api`",
    );
}

#[test]
fn an_environment_that_takes_requests_takes_no_pin() {
    let root = root();
    let repo = &root.repo();
    refused(
        repo,
        &pin_of("api", "production", "2.0").each(),
        &refusal(
            "`production` takes changes by request only",
            "pin it in `staging` first; `pinrail promote api --to production`",
        ),
    );
}

#[test]
fn a_domain_says_whether_a_first_pin_may_bring_a_service() {
    let root = root();
    let new = pin_of("new", "staging", "2.0");
    refused(
        &root.repo(),
        &new.and(&["--create", "--domain", "billing"]),
        &refusal(
            "the domain `billing` takes new services by registration only",
            "`pinrail service add new --domain billing` first",
        ),
    );
    root.pinrail(&new.and(&["--create"])).succeeded();
    assert_eq!(root.pinned("new").as_deref(), Some("2.0"));
    // Once it is there, it needs no permission, and stays where it is.
    root.pinrail(&pin_of("new", "staging", "2.1").each()).succeeded();
    refused(
        &root.repo(),
        &pin_of("new", "staging", "2.2").and(&["--domain", "billing"]),
        &conflict(
            "the service `new` is of the domain `services`, not `billing`",
            "leave `--domain`",
        ),
    );
    root.pinrail(&["service", "add", "ledger", "--domain", "billing"]).succeeded();
    root.pinrail(&pin_of("ledger", "staging", "1").each()).succeeded();
    assert!(git::read_file(&root.repo(), "main", "envs/staging/billing/ledger.json").is_some());
    assert_eq!(root.pinrail(&["check"]).code, 0);
}

#[test]
fn a_service_is_added_once() {
    let root = root();
    let repo = &root.repo();
    refused(
        repo,
        &["service", "add", "api", "--domain", "billing"],
        &conflict("the service `api` is there already, in the domain `services`", "unique"),
    );
    refused(
        repo,
        &["service", "add", "api", "--description", "other"],
        &conflict(
            "`api` is registered already, with other facts",
            "edit services/services/api.yaml",
        ),
    );
    refused(
        repo,
        &["service", "add", "new", "--repository", "https://elsewhere.example.com/new.git"],
        &Told {
            code: 4,
            kind: "invalid",
            message: "outside the domain's prefix `https://git.example.com/services/`",
            hint: "`pinrail check`",
        },
    );
}

#[test]
fn a_domain_is_added_once_and_as_the_configuration_allows() {
    let root = root();
    let repo = &root.repo();
    refused(
        repo,
        &["domain", "add", "billing"],
        &conflict("the domain `billing` is there already, with other values", "pinrail.yaml"),
    );
    refused(
        repo,
        &["domain", "add", "shop", "--size", "XL"],
        &Told {
            code: 4,
            kind: "invalid",
            message: "the domain `shop` has the size `XL`, which `sizes` does not have",
            hint: "`pinrail check`",
        },
    );
}
