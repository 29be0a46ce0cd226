//! Repositories that are no services-root, or not one to write to now.

use std::fs;
use std::path::PathBuf;

use super::{Told, check, pin_of, refused, root};
use crate::support::git::{self, git};
use crate::support::pinrail::{pinrail, run};
use crate::support::root::{Root, pin_path};

const CONFIG: &str = "pinrail.yaml";

fn not_found<'a>(message: &'a str, hint: &'a str) -> Told<'a> {
    Told { code: 1, kind: "notFound", message, hint }
}

/// The root with its configuration changed; every command that reads it is refused.
#[track_caller]
fn refused_config(change: impl Fn(&str) -> String, told: &Told<'_>) {
    let root = root();
    let config = git::read_file(&root.repo(), "main", CONFIG).expect("a configuration");
    root.commit(CONFIG, &change(&config));
    for arguments in [
        pin_of("api", "staging", "2.0").each(),
        vec!["status"],
        vec!["service", "add", "new"],
        vec!["service", "list"],
        vec!["domain", "add", "new"],
        vec!["check"],
    ] {
        refused(&root.repo(), &arguments, told);
    }
}

/// A clone with a work tree of its own, without a remote.
fn work_tree(root: &Root) -> PathBuf {
    let clone = root.path().join("clone");
    let source = root.repo();
    git(root.path(), &["clone", "--quiet", source.to_str().expect("UTF-8"), "clone"]);
    git(&clone, &["remote", "remove", "origin"]);
    clone
}

#[test]
fn an_empty_repository_says_how_to_begin() {
    let folder = tempfile::tempdir().expect("create a directory");
    git(folder.path(), &["init", "--quiet", "--bare", "-b", "main"]);
    let told = not_found("is empty: it has no commit yet", "`pinrail init DIR`");
    refused(folder.path(), &pin_of("api", "staging", "1").each(), &told);
    refused(folder.path(), &["status"], &told);
}

#[test]
fn a_repository_of_something_else_is_no_services_root() {
    let folder = tempfile::tempdir().expect("create a directory");
    git::bare_repository(folder.path());
    git::commit_file(folder.path(), "main", "README.md", "hello\n", "First");
    let told = not_found("is no services-root: it has no pinrail.yaml", "`pinrail init DIR`");
    refused(folder.path(), &pin_of("api", "staging", "1").each(), &told);
    refused(folder.path(), &["service", "add", "api"], &told);
    refused(folder.path(), &["check"], &told);
}

#[test]
fn a_path_that_is_not_there_or_no_repository_is_told_as_such() {
    let folder = tempfile::tempdir().expect("create a directory");
    let told = not_found("no repository at", "check the address");
    refused(folder.path(), &["status"], &told);
    assert_eq!(fs::read_dir(folder.path()).expect("read it").count(), 0);
    let nowhere = folder.path().join("nowhere");
    let shown = nowhere.to_str().expect("the path is UTF-8");
    let command =
        |more: &[&str]| run(pinrail(folder.path()).args(["--repo", shown, "status"]).args(more));
    check(&command(&[]), &command(&["--json"]), &told);
    assert!(!nowhere.exists());
}

#[test]
fn outside_of_any_repository_the_place_must_be_said() {
    let folder = tempfile::tempdir().expect("create a directory");
    let command = |more: &[&str]| run(pinrail(folder.path()).arg("status").args(more));
    let told = Told { code: 2, kind: "usage", message: "must be said", hint: "`--repo URL|PATH`" };
    check(&command(&[]), &command(&["--json"]), &told);
}

#[test]
fn a_missing_branch_of_pins_is_told_with_what_makes_it() {
    refused_config_but_for_the_registry(
        |config| config.replace("version: 1\n", "version: 1\nforge: {kind: gitlab}\n"),
        &not_found("has no branch `pins`", "`git push origin main:pins` makes it"),
    );
    refused_config_but_for_the_registry(
        |config| config.replace("version: 1\n", "version: 1\nbranches: {pins: live}\n"),
        &not_found("has no branch `live`", "`branches:` in pinrail.yaml names another"),
    );
}

#[track_caller]
fn refused_config_but_for_the_registry(change: impl Fn(&str) -> String, told: &Told<'_>) {
    let root = root();
    let config = git::read_file(&root.repo(), "main", CONFIG).expect("a configuration");
    root.commit(CONFIG, &change(&config));
    for arguments in
        [pin_of("api", "staging", "2.0").each(), vec!["status"], vec!["service", "list"]]
    {
        refused(&root.repo(), &arguments, told);
    }
}

#[test]
fn a_newer_version_asks_for_a_newer_program() {
    let told = Told {
        code: 4,
        kind: "invalid",
        message: "it says `version: 2`, and this pinrail reads version 1",
        hint: "update pinrail",
    };
    refused_config(|config| config.replace("version: 1", "version: 2\nwhat: is new\n"), &told);
}

#[test]
fn an_unknown_key_has_its_line_and_the_nearest() {
    let told = |message, hint| Told { code: 4, kind: "invalid", message, hint };
    refused_config(
        |config| config.replace("services:\n", "servces:\n"),
        &told("pinrail.yaml:2: unknown key `servces`", "did you mean `services`?"),
    );
    refused_config(
        |config| config.replace("cluster: shared", "clustr: shared"),
        &told("pinrail.yaml:8: unknown key `clustr`", "did you mean `cluster`?"),
    );
}

#[test]
fn other_mistakes_in_the_configuration_have_their_line_too() {
    let told = |message, hint| Told { code: 4, kind: "invalid", message, hint };
    refused_config(
        |config| format!("{config}version: 1\n"),
        &told("pinrail.yaml:10: the key `version` is there twice", "`pinrail check`"),
    );
    refused_config(
        |config| config.replace("mode: direct", "mode: dirct"),
        &told("pinrail.yaml:8: unknown value `dirct`", "valid here: direct, request"),
    );
    refused_config(
        |config| config.replace("name: staging", "name: Staging"),
        &told("`Staging` is no environment name", "`pinrail check`"),
    );
    refused_config(|config| format!("{config}  - [\n"), &told("pinrail.yaml:", "`pinrail check`"));
    refused_config(
        |config| config.replace("version: 1", "branches: {main: trunk}\nversion: 1"),
        &told("it is on the branch `main` and says `branches.main: trunk`", "`pinrail check`"),
    );
}

#[test]
fn a_work_tree_with_changes_is_left_alone() {
    let told = Told {
        code: 5,
        kind: "refused",
        message: "has changes that are not committed",
        hint: "commit or stash the changes there",
    };
    let change = "# mine\n";
    for staged in [false, true] {
        let root = root();
        let clone = work_tree(&root);
        let changed = clone.join("services/services/api.yaml");
        fs::write(&changed, change).expect("change a file");
        if staged {
            git(&clone, &["add", "."]);
        }
        for arguments in [
            pin_of("web", "staging", "2.0").each(),
            vec!["service", "add", "new"],
            vec!["domain", "add", "new"],
        ] {
            refused(&clone, &arguments, &told);
        }
        assert_eq!(fs::read_to_string(&changed).expect("read it"), change);
        assert!(!clone.join(pin_path("web")).exists());
        // Looking is allowed, and so is what would change nothing.
        run(pinrail(&clone).arg("status")).succeeded();
        run(pinrail(&clone).args(pin_of("api", "staging", "1.0").each())).succeeded();
    }
}

#[test]
fn a_file_that_git_does_not_know_is_neither_in_the_way_nor_overwritten() {
    let root = root();
    let clone = work_tree(&root);
    fs::write(clone.join("notes.txt"), "mine\n").expect("write a file");
    run(pinrail(&clone).args(pin_of("web", "staging", "2.0").each())).succeeded();
    assert!(clone.join(pin_path("web")).is_file());
    assert_eq!(git(&clone, &["status", "--porcelain"]), "?? notes.txt");

    let in_the_way = clone.join("envs/staging/services/new.json");
    fs::write(&in_the_way, "mine\n").expect("write a file");
    let before = git::tip(&clone, "main");
    let pin = pin_of("new", "staging", "2.0");
    let refused = run(pinrail(&clone).args(pin.and(&["--create", "--json"])));
    assert_eq!(refused.code, 5, "{refused:?}");
    assert_eq!(refused.document()["error"]["kind"], "refused");
    assert_eq!(fs::read_to_string(&in_the_way).expect("read it"), "mine\n");
    assert_eq!(git::tip(&clone, "main"), before);
}
