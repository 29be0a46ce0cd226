//! What a pin costs: few requests on one connection, few bytes, and nothing on this machine.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use super::many::{ENTROPY, for_people, many, service, traffic};
use crate::support::git::{changed_paths, commit_file};
use crate::support::git_http::{Fault, GitHttp};
use crate::support::pinrail::run;
use crate::support::way::{Way, assert_unchanged_again, pin};

/// What a pin may cost at most.
const REQUESTS: u64 = 5;
/// Domains enough that one that is told is looked for alone, and services in each.
const DOMAINS: usize = 20;
const SERVICES: usize = 30;
/// What the folders of the other domains take at least: each of their pins has an id.
const OTHERS: u64 = ((DOMAINS - 1) * SERVICES * ENTROPY) as u64;

#[test]
fn a_pin_among_hundreds_takes_few_requests_on_one_connection() {
    for (domains, services) in [(1, 300), (DOMAINS, SERVICES)] {
        let (root, length) = many(domains, services);
        let server = GitHttp::serve(&root.served());
        let name = service("services", 7);
        let pinned = run(&mut pin(&server.url("root.git"), &name, "2"));
        pinned.assert_pinned_once(&root, &name, "2");
        let requests = traffic(&pinned, "requests");
        assert!(requests <= REQUESTS, "{domains} domains: {pinned:#?}");
        assert_eq!(server.log().len() as u64, requests, "{:#?}", server.log());
        assert_eq!(server.connections(), 1, "{domains} domains");
        assert!(traffic(&pinned, "receivedBytes") < length / 2, "{length}: {pinned:#?}");
        assert!(traffic(&pinned, "sentBytes") < 8 << 10, "{pinned:#?}");
    }
}

#[test]
fn nothing_comes_of_other_domains_where_the_domain_is_told() {
    let (root, _) = many(DOMAINS, SERVICES);
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let (one, two, three) =
        (service("services", 1), service("services", 2), service("services", 3));
    let untold = run(&mut pin(&url, &one, "2"));
    let mut command = pin(&url, &two, "2");
    let told = run(command.args(["--domain", "services"]));
    let mut command = pin(&url, &three, "2");
    let repository = format!("https://git.example.com/services/{three}");
    let by_ci = run(command.env("CI_PROJECT_URL", repository));
    untold.assert_pinned_once(&root, &one, "2");
    // What the comparison is worth.
    assert!(traffic(&untold, "receivedBytes") > OTHERS, "{untold:#?}");
    for (name, spared) in [(two, told), (three, by_ci)] {
        spared.assert_pinned_once(&root, &name, "2");
        assert!(traffic(&spared, "receivedBytes") < OTHERS, "{OTHERS}: {spared:#?}");
        assert!(traffic(&spared, "requests") <= REQUESTS + 1, "{spared:#?}");
        let saved = traffic(&untold, "receivedBytes") - traffic(&spared, "receivedBytes");
        assert!(saved > OTHERS * 9 / 10, "saved {saved} of {OTHERS}");
    }
}

#[test]
fn a_domain_that_the_ci_tells_wrongly_does_no_harm() {
    let (root, _) = many(DOMAINS, SERVICES);
    let server = GitHttp::serve(&root.served());
    let name = service("services", 4);
    let mut command = pin(&server.url("root.git"), &name, "2");
    command.env("CI_PROJECT_URL", format!("https://git.example.com/domain-03/{name}"));
    run(&mut command).assert_pinned_once(&root, &name, "2");
}

#[test]
fn a_first_pin_lands_in_the_domain_that_is_told_and_else_in_the_usual_one() {
    let (root, _) = many(DOMAINS, SERVICES);
    root.commit("services/domain-05/registered.yaml", "# all defaults\n");
    let server = GitHttp::serve(&root.served());
    for (name, more, expected) in [
        ("first", &["--create"][..], "services"),
        ("second", &["--create", "--domain", "services"], "services"),
        ("registered", &[], "domain-05"),
    ] {
        let mut command = pin(&server.url("root.git"), name, "1");
        let pinned = run(command.args(more));
        pinned.assert_verdict("0 pinned");
        let commit = pinned.document()["commit"].as_str().expect("a commit").to_owned();
        let path = format!("envs/staging/{expected}/{name}.json");
        assert_eq!(changed_paths(&root.repo(), &commit), [path], "{pinned:#?}");
        assert_unchanged_again(&mut command);
    }
    root.assert_sound();
}

/// Folders that tell whether anything was made in them, even if it is gone again.
struct Watched(TempDir);

impl Watched {
    const FOLDERS: [&str; 4] = ["home", "tmp", "work", "programs"];

    fn new() -> Watched {
        let watched = Watched(tempfile::tempdir().expect("create a directory"));
        for name in Watched::FOLDERS {
            fs::create_dir(watched.path(name)).expect("create a folder");
            let folder = File::open(watched.path(name)).expect("open the folder");
            folder.set_modified(Watched::long_ago()).expect("set the folder's time");
        }
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn long_ago() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    }

    #[track_caller]
    fn assert_untouched(&self) {
        for name in Watched::FOLDERS {
            let folder = fs::metadata(self.path(name)).expect("look at the folder");
            let modified = folder.modified().expect("the folder's time");
            assert_eq!(modified, Watched::long_ago(), "something was made in {name}");
        }
    }
}

#[test]
fn no_file_is_made_and_no_program_is_started() {
    let (root, _) = many(1, 300);
    let server = GitHttp::serve(&root.served());
    let watched = Watched::new();
    let name = service("services", 7);
    let mut command = pin(&server.url("root.git"), &name, "2");
    command.current_dir(watched.path("work")).env("PATH", watched.path("programs"));
    command.env("HOME", watched.path("home")).env("TMPDIR", watched.path("tmp"));
    run(&mut command).assert_pinned_once(&root, &name, "2");
    assert_unchanged_again(&mut command);
    watched.assert_untouched();
}

#[test]
fn a_lost_race_brings_only_what_changed() {
    let (root, _) = many(1, 300);
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let (clean, late) = (service("services", 1), service("services", 2));
    let clean = run(&mut pin(&url, &clean, "2"));
    clean.assert_verdict("0 pinned");
    let (connections, repo) = (server.connections(), root.repo());
    server.on_push(move |number| {
        if number == 0 {
            let path = "envs/staging/services/somebody-else.json";
            commit_file(&repo, "main", path, "{}\n", "Somebody was faster");
        }
        Fault::Pass
    });
    let raced = run(&mut pin(&url, &late, "2"));
    raced.assert_pinned_once(&root, &late, "2");
    assert_eq!(traffic(&raced, "attempts"), 2, "{raced:#?}");
    assert_eq!(server.connections() - connections, 1);
    let (clean, raced) = (traffic(&clean, "receivedBytes"), traffic(&raced, "receivedBytes"));
    assert!(raced < clean + (3 << 10), "{clean}, and {raced} with a race");
}

#[test]
fn requests_and_bytes_are_told_to_those_who_ask() {
    let (root, _) = many(1, 300);
    let server = GitHttp::serve(&root.served());
    let name = service("services", 7);
    let mut command = pin(&server.url("root.git"), &name, "2");
    let pinned = run(&mut command);
    let cost = pinned.document()["traffic"].clone();
    let keys = |value: &Value| {
        let fields = value.as_object().expect("an object");
        let mut keys: Vec<_> = fields.keys().cloned().collect();
        keys.sort();
        keys
    };
    let expected = ["attempts", "milliseconds", "receivedBytes", "requests", "sentBytes"];
    assert_eq!(keys(&cost), expected);
    assert_eq!(keys(&cost["milliseconds"]), ["pushing", "reading", "waiting"]);
    assert_eq!(cost["attempts"], 1);
    assert!(!pinned.stderr.contains("bytes"), "{pinned:#?}");

    let silent = run(&mut for_people(&command)).succeeded();
    assert!(!silent.stderr.contains("bytes"), "{silent:#?}");
    let asked = server.log().len();
    let told = run(for_people(&command).arg("-v")).succeeded();
    let requests = format!("{} requests (0 pushes): ", server.log().len() - asked);
    let lines: Vec<_> = told.stderr.lines().filter(|line| line.contains(" bytes sent")).collect();
    assert!(matches!(*lines, [line] if line.starts_with(&requests)), "{requests}: {told:#?}");
    assert!(lines[0].contains(" received; "), "{told:#?}");
}

#[test]
fn a_path_costs_no_traffic() {
    let (root, _) = many(1, 10);
    let [_, _, path] = Way::all(&root, "root.git");
    let name = service("services", 7);
    let pinned = run(path.pin(&name, "2").arg("-v"));
    pinned.assert_pinned_once(&root, &name, "2");
    assert_eq!(pinned.document().get("traffic"), None);
    assert!(!pinned.stderr.contains("request"), "{pinned:#?}");
}
