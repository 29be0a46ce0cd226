//! Values on the command line that are not what they should be.

use super::{Told, check, pin_of, refused, root};
use crate::support::git;
use crate::support::pinrail::{pinrail_at, run};
use crate::support::root::{pin_path, revision};

fn usage(message: &str) -> Told<'_> {
    Told { code: 2, kind: "usage", message, hint: "--help" }
}

#[test]
fn a_service_name_is_a_label_of_at_most_40_characters() {
    let root = root();
    let repo = &root.repo();
    let long = "x".repeat(41);
    for name in ["Api", "api_x", "api.x", "ä", "a b", "", "api-", &long] {
        let message = format!("`{name}` is no service name: use at most 40 lower-case letters");
        for arguments in [
            pin_of(name, "staging", "2.0").each(),
            vec!["service", "add", name],
            vec!["service", "show", name],
            vec!["service", "remove", name],
            vec!["status", name],
        ] {
            refused(repo, &arguments, &usage(&message));
        }
    }
}

#[test]
fn a_path_never_gets_in_by_a_name() {
    let root = root();
    let repo = &root.repo();
    for name in ["../../etc/passwd", "..", "a/b", "/etc", "a\\b", ".git", "%2e%2e", "api\n"] {
        refused(repo, &pin_of(name, "staging", "2.0").each(), &usage("is no service name"));
        refused(repo, &pin_of("api", name, "2.0").each(), &usage("is no environment name"));
        let new = pin_of("new", "staging", "2.0");
        refused(repo, &new.and(&["--create", "--domain", name]), &usage("is no domain name"));
        refused(repo, &["service", "add", name], &usage("is no service name"));
        refused(repo, &["domain", "add", name], &usage("is no domain name"));
    }
}

#[test]
fn environments_and_domains_have_their_own_lengths() {
    let root = root();
    let repo = &root.repo();
    let (environment, domain) = ("x".repeat(21), "x".repeat(31));
    refused(
        repo,
        &pin_of("api", &environment, "2.0").each(),
        &usage("is no environment name: use at most 20"),
    );
    refused(repo, &["domain", "add", &domain], &usage("is no domain name: use at most 30"));
    refused(
        repo,
        &["service", "add", "new", "--domain", &domain],
        &usage("is no domain name: use at most 30"),
    );
}

#[test]
fn a_revision_is_a_full_commit_id_in_lower_case() {
    let root = root();
    let repo = &root.repo();
    let full = revision('a');
    let (upper, longer) = (full.to_uppercase(), format!("{full}a"));
    for revision in ["a2a7d76", "main", "HEAD", "", &upper, &longer, &full[1..]] {
        let arguments =
            ["pin", "api", "-e", "staging", "--image-tag", "2.0", "--revision", revision];
        let message = format!("`{revision}` is no revision: use the full commit id");
        refused(repo, &arguments, &usage(&message));
    }
}

#[test]
fn a_pin_without_a_revision_says_where_to_get_it() {
    let root = root();
    let repo = &root.repo();
    let told = Told {
        code: 2,
        kind: "usage",
        message: "the revision must be said",
        hint: "git rev-parse HEAD",
    };
    refused(repo, &["pin", "api", "-e", "staging", "--image-tag", "2.0"], &told);
}

#[test]
fn a_tag_is_one_of_the_oci_grammar() {
    let root = root();
    let repo = &root.repo();
    let long = "x".repeat(129);
    for tag in ["", ".a", "-a", "a b", "a/b", "a:b", "a@b", "é", "$(id)", &long] {
        let told = format!("--image-tag={tag}");
        let revision = revision('a');
        let arguments = ["pin", "api", "-e", "staging", &told, "--revision", &revision];
        let message = format!("`{tag}` is no image tag: use 1 to 128 letters");
        refused(repo, &arguments, &usage(&message));
    }
}

#[test]
fn digests_and_sequences_have_their_forms_too() {
    let root = root();
    let repo = &root.repo();
    let pin = pin_of("api", "staging", "2.0");
    refused(repo, &pin.and(&["--digest", "abc"]), &usage("`abc` is no image digest"));
    refused(repo, &pin.and(&["--sequence", "soon"]), &usage("use a whole number, or `reset`"));
    refused(repo, &pin.and(&["--sequence=-1"]), &usage("use a whole number, or `reset`"));
    refused(repo, &pin.and(&["--timeout", "soon"]), &usage("`soon` is no length of time"));
}

#[test]
fn an_option_that_is_not_there_is_told_with_the_nearest() {
    let root = root();
    let repo = &root.repo();
    let told = Told { code: 2, kind: "usage", message: "--expected", hint: "'--expect'" };
    refused(repo, &pin_of("api", "staging", "2.0").and(&["--expected", "1.0"]), &told);
    let told = Told { code: 2, kind: "usage", message: "'stats'", hint: "'status'" };
    refused(repo, &["stats"], &told);
}

#[test]
fn tags_of_digits_stay_strings() {
    for tag in ["0123", "1.10", "1e3", "007", "0x1F", "1_000", "true", "null", "20261121"] {
        let root = root();
        root.pinrail(&pin_of("web", "staging", tag).each()).succeeded();
        let text = git::read_file(&root.repo(), "main", &pin_path("web")).expect("a pin");
        assert!(text.contains(&format!("\n  \"imageTag\": \"{tag}\",\n")), "{text}");
        assert_eq!(root.pinned("web").as_deref(), Some(tag));
        let status = root.pinrail(&["--json", "status", "web"]).succeeded().document();
        assert_eq!(status["services"][0]["environments"]["staging"]["pin"]["imageTag"], tag);
    }
}

#[test]
fn a_password_in_an_argument_is_refused_and_not_repeated() {
    let url = "https://anna:hunter2@git.example.com/services/new.git";
    let told = |message, hint| Told { code: 2, kind: "usage", message, hint };
    let root = root();
    let repo = root.repo();
    let repo = repo.to_str().expect("the path is UTF-8");
    let cases: [(&str, &[&str], Told<'_>); 3] = [
        (url, &["status"], told("must not carry a password", "PINRAIL_TOKEN")),
        (
            repo,
            &["service", "add", "new", "--repository", url],
            told("must not carry a password", "Argo CD"),
        ),
        (
            repo,
            &["init", "somewhere", "--repository", url],
            told("must not carry a password", "Argo CD"),
        ),
    ];
    for (repo, arguments, told) in cases {
        let for_people = run(&mut pinrail_at(repo, arguments));
        let for_programs = run(pinrail_at(repo, arguments).arg("--json"));
        for run in [&for_people, &for_programs] {
            let all = format!("{}{}", run.stdout, run.stderr);
            assert!(!all.contains("hunter2"), "{all}");
        }
        check(&for_people, &for_programs, &told);
    }
}

#[test]
fn help_does_not_show_what_is_in_the_environment() {
    let mut command = pinrail_at(".", &["pin", "--help"]);
    command.env("PINRAIL_REPO", "https://anna:hunter2@git.example.com/root.git");
    let help = run(&mut command).succeeded();
    assert!(help.stdout.contains("PINRAIL_REPO") && !help.stdout.contains("hunter2"), "{help:?}");
}
