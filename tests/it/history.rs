//! `history` and `diff`: what changed, who did it, and what a promotion would bring.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::git::{bare_repository, commit_file};
use crate::support::git_http::GitHttp;
use crate::support::pinrail::{pinrail_at, run};
use crate::support::root::{FORGE, REGIONS, Root, pin_file, pin_path_in, revision_of};

#[track_caller]
fn changes(root: &Root, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["history"], arguments].concat();
    let document = root.json(&arguments).succeeded().document();
    document["changes"].as_array().expect("changes").clone()
}

/// `environment from→to` of each change, newest first.
fn lines(changes: &[Value]) -> Vec<String> {
    let tag = |pin: &Value| pin["imageTag"].as_str().unwrap_or("-").to_owned();
    let name = |change: &Value| change["environment"].as_str().expect("a name").to_owned();
    let line = |change: &Value| {
        format!("{} {}→{}", name(change), tag(&change["from"]), tag(&change["to"]))
    };
    changes.iter().map(line).collect()
}

#[test]
fn a_history_has_one_entry_for_each_change_and_says_where_it_came_from() {
    let root = Root::new(&["api", "web"]);
    root.release("api", "1");
    root.release("web", "7");
    let repo = root.repo();
    let pin = ["--json", "pin", "api", "-e", "staging", "--image-tag", "2", "--revision"];
    let mut pipeline = pinrail_at(repo.to_str().expect("UTF-8"), &pin);
    pipeline.arg(revision_of("2")).envs([
        ("CI_JOB_URL", "https://gitlab.example.com/j/7"),
        ("GIT_AUTHOR_NAME", "Anna"),
        ("CI_PIPELINE_ID", "9"),
    ]);
    run(&mut pipeline).succeeded();
    let pinned = root.tip();
    root.json(&["promote", "api", "--to", "production"]).succeeded();
    root.json(&["promotions", "merge", "production/api"]).succeeded();
    let merged = root.tip();
    root.json(&["rollback", "api", "-e", "production"]).succeeded();

    let all = changes(&root, &["api"]);
    assert_eq!(
        lines(&all),
        ["production 2→1", "production 1→2", "staging 1→2", "production -→1", "staging -→1"]
    );
    assert_eq!(all[1]["commit"], merged.as_str());
    assert_eq!(all[1]["request"], "pinrail/promote/production/api");
    assert_eq!(all[2]["commit"], pinned.as_str());
    assert_eq!(all[2]["run"], "https://gitlab.example.com/j/7");
    assert_eq!((&all[2]["by"], &all[1]["by"]), (&json!("Anna"), &json!("Somebody Else")));
    assert_eq!((&all[2]["request"], &all[1]["run"]), (&Value::Null, &Value::Null));

    let production = changes(&root, &["api", "-e", "production"]);
    assert_eq!(lines(&production), ["production 2→1", "production 1→2", "production -→1"]);
    let text = root.pinrail(&["history", "api", "-e", "production"]).succeeded().stdout;
    assert_eq!(text.lines().count(), 4, "a header and a line each: {text}");
    let change = text.lines().nth(2).expect("the merge");
    for word in ["production", "1", "2", &merged[..7], "pinrail/promote/production/api"] {
        assert!(change.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_history_of_a_group_is_that_of_its_environments() {
    let root = Root::with(REGIONS, &["api"]);
    root.release("api", "1");
    assert_eq!(lines(&changes(&root, &["api", "-e", "production"])), ["eu -→1", "us -→1"]);
    assert_eq!(lines(&changes(&root, &["api", "-e", "us"])), ["us -→1"]);
    assert_eq!(changes(&root, &["api", "-e", "lab"]), Vec::<Value>::new());
    let text = root.pinrail(&["history", "api", "-e", "lab"]).succeeded();
    assert_eq!((text.stdout.as_str(), text.stderr.contains("never pinned")), ("", true));
}

#[test]
fn a_history_joins_the_branches_and_tells_of_what_was_taken_out() {
    let root = Root::with(FORGE, &["api"]);
    root.release("api", "1");
    let mut all = lines(&changes(&root, &["api"]));
    all.sort();
    assert_eq!(all, ["production -→1", "staging -→1"]);

    let root = Root::new(&["api"]);
    root.commit(&pin_path_in("staging", "api"), &pin_file("shared", "api", "1", &json!({})));
    root.commit(&pin_path_in("staging", "api"), "no pin\n");
    root.commit(&pin_path_in("staging", "api"), &pin_file("shared", "api", "2", &json!({})));
    assert_eq!(lines(&changes(&root, &["api"])), ["staging -→2", "staging 1→-", "staging -→1"]);
}

#[test]
fn unknown_services_and_environments_have_no_history() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    for arguments in [["apii", "-e", "staging"], ["api", "-e", "stagin"]] {
        let run = root.json(&[&["history"], &arguments[..]].concat());
        assert_eq!(
            (run.code, &run.document()["error"]["kind"]),
            (1, &json!("notFound")),
            "{run:?}"
        );
    }
}

#[test]
fn over_http_the_history_is_the_same() {
    let root = Root::new(&["api", "web"]);
    for tag in ["1", "2"] {
        root.release("api", tag);
    }
    root.stage("web", "1");
    root.json(&["promote", "web", "--to", "production"]).succeeded();
    root.commit("README.md", "moved on\n");
    let server = GitHttp::serve(&root.served());
    let url = server.url("root.git");
    let commands: [&[&str]; 4] = [
        &["history", "api"],
        &["status"],
        &["promotions"],
        &["status", "--at", &root.commits()[3]],
    ];
    for command in commands {
        let over = run(&mut pinrail_at(&url, &[&["--json"], command].concat())).succeeded();
        let mut over = over.document();
        over.as_object_mut().expect("an object").remove("traffic").expect("what it cost");
        assert_eq!(over, root.json(command).document(), "{command:?}");
    }
}

/// A services-root, and the repository of `api` with three commits.
fn with_service() -> (Root, TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("create a directory");
    let repo = folder.path().join("api");
    bare_repository(&repo);
    let commits: Vec<String> = ["begin", "sell more", "a new checkout"]
        .iter()
        .map(|subject| commit_file(&repo, "main", "version", subject, subject))
        .collect();
    let config = format!(
        "version: 1\nservices: {{repository: \"file://{}/${{{{ service }}}}\"}}\ndomains: [{{name: services}}]\nenvironments:\n  - {{name: staging, cluster: shared, mode: direct}}\n  - {{name: production, cluster: eu-1, from: staging, mode: request}}\n",
        folder.path().display()
    );
    (Root::with(&config, &["api"]), folder, commits)
}

fn put(root: &Root, environment: &str, tag: &str, revision: &str) {
    let cluster = if environment == "staging" { "shared" } else { "eu-1" };
    let pin = pin_file(cluster, "api", tag, &json!({"targetRevision": revision}));
    root.commit(&pin_path_in(environment, "api"), &pin);
}

const DIFF: [&str; 4] = ["diff", "api", "staging", "production"];

#[test]
fn a_diff_tells_the_keys_and_the_commits_between() {
    let (root, _folder, commits) = with_service();
    put(&root, "staging", "3", &commits[2]);
    put(&root, "production", "1", &commits[0]);
    let document = root.json(&DIFF).succeeded().document();
    assert_eq!(document["keys"], json!(["imageTag", "targetRevision"]));
    assert_eq!(document["a"]["pin"]["imageTag"], "3");
    let subjects: Vec<_> = document["commits"]
        .as_array()
        .expect("commits")
        .iter()
        .map(|commit| (commit["subject"].clone(), commit["added"].clone()))
        .collect();
    let added = [(json!("a new checkout"), json!(true)), (json!("sell more"), json!(true))];
    assert_eq!(subjects, added);
    let text = root.pinrail(&DIFF).succeeded().stdout;
    let line = format!("+ {} a new checkout (Somebody Else)", &commits[2][..7]);
    assert!(text.contains(&line), "{text}");

    // The other way round it is a way back.
    let back = root.json(&["diff", "api", "production", "staging"]).succeeded().document();
    assert!(back["commits"].as_array().expect("commits").iter().all(|c| c["added"] == false));
    let text = root.pinrail(&["diff", "api", "production", "staging"]).succeeded().stdout;
    assert!(text.contains(&format!("- {} sell more", &commits[1][..7])), "{text}");
}

#[test]
fn a_diff_of_equal_versions_is_unchanged_and_of_a_missing_one_has_no_commits() {
    let (root, _folder, commits) = with_service();
    put(&root, "staging", "3", &commits[2]);
    let document = root.json(&DIFF).succeeded().document();
    assert_eq!(document["b"]["pin"], Value::Null);
    assert_eq!((&document["outcome"], &document["commits"]), (&json!("ok"), &Value::Null));
    put(&root, "production", "3", &commits[2]);
    let document = root.json(&DIFF).succeeded().document();
    assert_eq!((&document["outcome"], &document["keys"]), (&json!("unchanged"), &json!([])));
    assert_eq!(document["commits"], json!([]));
    let text = root.pinrail(&DIFF).succeeded().stdout;
    assert_eq!(text, "api is 3 in both\n");
}

#[test]
fn a_diff_goes_without_commits_where_the_repository_cannot_be_read() {
    let (root, folder, commits) = with_service();
    put(&root, "staging", "3", &commits[2]);
    put(&root, "production", "1", &commits[0]);
    put(&root, "production", "9", &"9".repeat(40));
    let unknown = root.json(&DIFF).succeeded();
    assert_eq!(unknown.document()["commits"], Value::Null, "no such commit there");
    folder.close().expect("remove the service's repository");
    let run = root.json(&DIFF).succeeded();
    assert_eq!(run.document()["commits"], Value::Null);
    assert!(run.stderr.contains("warning: the commits between are not shown"), "{run:?}");
    assert_eq!(run.document()["keys"], json!(["imageTag", "targetRevision"]));
}

#[test]
fn a_diff_needs_a_service_and_environments_that_are_there() {
    let (root, _folder, commits) = with_service();
    put(&root, "staging", "3", &commits[2]);
    for arguments in [["apii", "staging", "production"], ["api", "staging", "prod"]] {
        let run = root.json(&[&["diff"], &arguments[..]].concat());
        assert_eq!(
            (run.code, &run.document()["error"]["kind"]),
            (1, &json!("notFound")),
            "{run:?}"
        );
    }
}
