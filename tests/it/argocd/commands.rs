//! `generate` in folders, clones and on servers, and the commands that bring it along.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Folder;
use crate::support::git::{self, git};
use crate::support::pinrail::{Run, pinrail, run};
use crate::support::root::Root;

const URL: &str = "https://git.example.com/platform/services-root.git";

/// A configuration that files can be generated from.
const CONFIG: &str = "\
version: 1
repository: https://git.example.com/platform/services-root.git
services:
  repository: https://git.example.com/${{ domain }}/${{ service }}.git
domains:
  - {name: services}
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: production, cluster: eu-1, from: staging, mode: request, protected: true}
";

/// The paths that a commit changed below the folders of generated files.
fn generated_in(repo: &Path, commit: &str) -> Vec<String> {
    let mut paths = git::changed_paths(repo, commit);
    paths.retain(|path| path.starts_with("argocd/") || path.starts_with("tenants/"));
    paths
}

/// A services-root on a server, with its generated files.
fn generated_root() -> Root {
    let root = Root::with(CONFIG, &["api"]);
    root.json(&["generate"]).succeeded();
    root
}

#[test]
fn a_dry_run_shows_the_files_and_writes_none() {
    let folder = Folder::example();
    folder.replace("pinrail.yaml", "group: billing-dev", "group: money");
    let before = folder.generated();
    let run = folder.pinrail(&["--dry-run", "generate"]).succeeded();
    assert!(run.stderr.contains("nothing was written"), "{run:?}");
    let shown = run.stdout + &run.stderr;
    for path in ["argocd/pinrail-staging-billing.yaml", "tenants/eu-1/billing.yaml"] {
        assert!(shown.contains(path), "{path}: {shown}");
    }
    assert!(shown.contains("name: money"), "{shown}");
    assert_eq!(folder.generated(), before);
    let document = folder.pinrail(&["--dry-run", "generate", "--json"]).succeeded().document();
    assert_eq!((&document["outcome"], &document["commit"]), (&json!("generated"), &Value::Null));
    assert_eq!(document["written"].as_array().map(Vec::len), Some(6), "{document}");
    assert_eq!(folder.generated(), before);
}

#[test]
fn a_dry_run_on_a_server_makes_no_commit() {
    let root = Root::with(CONFIG, &["api"]);
    let before = root.refs();
    let document = root.json(&["--dry-run", "generate"]).succeeded().document();
    assert_eq!(document["outcome"], "generated");
    assert!(document["written"].as_array().is_some_and(|paths| !paths.is_empty()), "{document}");
    assert_eq!(root.refs(), before);
}

#[test]
fn on_a_server_it_is_one_commit_to_main_and_none_the_second_time() {
    let root = Root::with(CONFIG, &["api"]);
    let before = root.commits().len();
    let first = root.json(&["generate"]).succeeded().document();
    assert_eq!(first["outcome"], "generated");
    assert_eq!(first["commit"], root.tip());
    assert_eq!(root.commits().len(), before + 1);
    let written: Vec<String> = serde_json::from_value(first["written"].clone()).expect("paths");
    assert_eq!(generated_in(&root.repo(), &root.tip()), written);
    assert_eq!(git::changed_paths(&root.repo(), &root.tip()), written);
    root.json(&["generate", "--check"]).succeeded();
    let second = root.json(&["generate"]).succeeded().document();
    assert_eq!((&second["outcome"], &second["commit"]), (&json!("unchanged"), &Value::Null));
    assert_eq!(root.commits().len(), before + 1);
    root.assert_sound();
}

/// As with every command: a clone's work tree is generated into, its origin is not touched.
#[test]
fn in_a_clone_it_writes_the_work_tree_and_commits_nothing() {
    let root = Root::with(CONFIG, &["api"]);
    let clone = root.path().join("clone");
    let origin = root.repo();
    git(root.path(), &["clone", "--quiet", origin.to_str().expect("UTF-8"), "clone"]);
    let before = root.refs();
    let first = run(pinrail(&clone).args(["--json", "generate"])).succeeded().document();
    assert_eq!((&first["outcome"], &first["commit"]), (&json!("generated"), &Value::Null));
    assert_eq!(root.refs(), before);
    assert_eq!(git(&clone, &["status", "--porcelain"]), "?? argocd/\n?? tenants/");
    run(pinrail(&clone).args(["generate", "--check"])).succeeded();
    git(&clone, &["add", "."]);
    git(&clone, &["commit", "--quiet", "-m", "Generate"]);
    let second = run(pinrail(&clone).args(["--json", "generate"])).succeeded().document();
    assert_eq!(second["outcome"], "unchanged");
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
}

#[test]
fn a_folder_and_a_server_get_the_same_files() {
    let root = generated_root();
    let folder = Folder::with(CONFIG);
    folder.write("services/services/api.yaml", "# all defaults\n");
    folder.generate();
    for (path, text) in folder.generated() {
        assert_eq!(root.file(&path).as_ref(), Some(&text), "{path}");
    }
}

/// The command makes one commit, with all that is generated; `check` passes right after.
#[track_caller]
fn one_commit(root: &Root, arguments: &[&str]) -> Vec<String> {
    let before = root.commits().len();
    root.json(arguments).succeeded();
    assert_eq!(root.commits().len(), before + 1, "{arguments:?}");
    root.json(&["check"]).succeeded();
    root.json(&["generate", "--check"]).succeeded();
    generated_in(&root.repo(), &root.tip())
}

#[test]
fn a_service_with_an_image_of_its_own_comes_and_goes_with_its_sets() {
    let root = generated_root();
    let sets = ["argocd/pinrail-production-services.yaml", "argocd/pinrail-staging-services.yaml"];
    let own = ["service", "add", "own", "--image", "registry.example.com/elsewhere/own"];
    assert_eq!(one_commit(&root, &own), sets);
    let set = root.file(sets[0]).expect("a set");
    assert!(set.contains("registry.example.com/elsewhere/own"), "{set}");
    // One that has all defaults changes nothing that is generated.
    assert_eq!(one_commit(&root, &["service", "add", "plain"]), [""; 0]);
    assert_eq!(one_commit(&root, &["service", "remove", "own"]), sets);
    let set = root.file(sets[0]).expect("a set");
    assert!(!set.contains("registry.example.com/elsewhere"), "{set}");
}

#[test]
fn a_new_domain_comes_with_its_sets_and_tenants() {
    let root = generated_root();
    assert_eq!(
        one_commit(&root, &["domain", "add", "billing"]),
        [
            "argocd/pinrail-production-billing.yaml",
            "argocd/pinrail-staging-billing.yaml",
            "argocd/tenants-eu-1.yaml",
            "argocd/tenants-shared.yaml",
            "tenants/eu-1/billing.yaml",
            "tenants/shared/billing.yaml",
        ]
    );
}

#[test]
fn who_has_generated_nothing_gets_nothing_generated_by_another_command() {
    let root = Root::with(CONFIG, &["api"]);
    for arguments in
        [&["service", "add", "own", "--image", "x/own"][..], &["domain", "add", "billing"]]
    {
        root.json(arguments).succeeded();
        assert_eq!(generated_in(&root.repo(), &root.tip()), [""; 0], "{arguments:?}");
    }
    root.json(&["check"]).succeeded();
    let run = root.json(&["generate", "--check"]);
    assert_eq!(run.code, 4, "{run:?}");
}

#[test]
fn what_could_not_be_generated_from_is_refused_before_it_is_written() {
    let root = generated_root();
    let before = root.refs();
    let run = root.pinrail(&["service", "add", "own", "--image", "Not An Image"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("is no image name"), "{run:?}");
    assert_eq!(root.refs(), before);
}

fn init(more: &[&str]) -> (TempDir, PathBuf, Run) {
    let folder = tempfile::tempdir().expect("create a directory");
    let root = folder.path().join("root");
    let run = run(pinrail(folder.path()).args(["init", "root"]).args(more)).succeeded();
    (folder, root, run)
}

#[test]
fn a_new_root_that_knows_its_url_has_its_files_from_the_first_commit() {
    for forge in ["git", "gitlab", "github"] {
        let services = "https://git.example.com/${{ domain }}/${{ service }}.git";
        let (_folder, root, _) =
            init(&["--forge", forge, "--repository", URL, "--services", services]);
        assert_eq!(git::first_parent_log(&root, "main").len(), 1, "{forge}");
        run(pinrail(&root).args(["generate", "--check"])).succeeded();
        run(pinrail(&root).args(["check"])).succeeded();
        assert!(root.join("argocd/root.yaml").is_file(), "{forge}");
        assert!(root.join("tenants/production/services.yaml").is_file(), "{forge}");
        // And they follow.
        run(pinrail(&root).args(["domain", "add", "billing"])).succeeded();
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        assert!(root.join("tenants/production/billing.yaml").is_file(), "{forge}");
        run(pinrail(&root).args(["check"])).succeeded();
    }
}

#[test]
fn without_the_urls_nothing_is_generated_and_the_hint_says_what_to_add() {
    let (_folder, root, _) = init(&[]);
    assert!(!root.join("argocd").exists());
    run(pinrail(&root).args(["check"])).succeeded();
    for arguments in [&["generate"][..], &["generate", "--check"]] {
        let run = run(pinrail(&root).args(arguments).arg("--json"));
        assert_eq!(run.code, 4, "{run:?}");
        let document = run.document();
        assert_eq!(document["error"]["kind"], "invalid");
        let said = document.to_string();
        assert!(said.contains("`repository` does not say where Argo CD reads"), "{said}");
        assert!(said.contains("add `repository: https://…`"), "{said}");
    }
    assert_eq!(git(&root, &["status", "--porcelain"]), "");
}

#[test]
fn a_folder_that_is_no_services_root_is_told_so() {
    let folder = tempfile::tempdir().expect("create a directory");
    let run = run(pinrail(folder.path()).args(["generate", "."]));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("is no services-root: it has no pinrail.yaml"), "{run:?}");
}
