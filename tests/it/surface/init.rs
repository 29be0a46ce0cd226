//! `init`: what it makes is whole, clean and in order, for every kind of forge.

use std::fs;
use std::path::Path;

use crate::support::git::{self, git};
use crate::support::pinrail::{Run, pinrail, run};
use crate::support::root::{pin_path, revision};

fn init(folder: &Path, more: &[&str]) -> Run {
    run(pinrail(folder).args(["init", "root"]).args(more))
}

fn branches(root: &Path) -> String {
    git(root, &["for-each-ref", "--format=%(refname)"]).replace("refs/heads/", "")
}

#[test]
fn a_new_root_is_clean_sound_and_in_order_for_every_kind_of_forge() {
    for (kind, expected) in [("git", "main"), ("gitlab", "main\npins"), ("github", "main\npins")] {
        let url = "https://git.example.com/platform/services-root.git";
        for repository in [&[][..], &["--repository", url]] {
            let folder = tempfile::tempdir().expect("create a directory");
            init(folder.path(), &[&["--forge", kind], repository].concat()).succeeded();
            let root = folder.path().join("root");
            assert_eq!(branches(&root), expected);
            assert_eq!(git(&root, &["symbolic-ref", "HEAD"]), "refs/heads/main");
            assert_eq!(git(&root, &["status", "--porcelain", "--ignored"]), "");
            git(&root, &["fsck", "--strict"]);
            assert_eq!(git::first_parent_log(&root, "main").len(), 1);
            let document = run(pinrail(&root).args(["--json", "check"])).succeeded().document();
            assert_eq!(document["problems"].as_array().map(Vec::len), Some(0), "{document:#}");
            let entries = fs::read_dir(folder.path()).expect("list the folder").count();
            assert_eq!(entries, 1, "nothing is left beside it");
        }
    }
}

#[test]
fn a_new_root_takes_services_and_pins_for_every_kind_of_forge() {
    for (kind, branch) in [("git", "main"), ("gitlab", "pins"), ("github", "pins")] {
        let folder = tempfile::tempdir().expect("create a directory");
        init(folder.path(), &["--forge", kind]).succeeded();
        let root = folder.path().join("root");
        run(pinrail(&root).args(["service", "add", "api"])).succeeded();
        let revision = revision('a');
        let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
        run(pinrail(&root).args(pin)).succeeded();
        assert!(git::read_file(&root, branch, &pin_path("api")).is_some(), "{kind}");
        let elsewhere = git::read_file(&root, "main", &pin_path("api")).is_some();
        assert_eq!(elsewhere, branch == "main", "{kind}");
        // Where the branch is checked out, its files have followed.
        assert_eq!(git(&root, &["status", "--porcelain"]), "");
        assert_eq!(root.join(pin_path("api")).exists(), branch == "main");
        run(pinrail(&root).arg("check")).succeeded();
        let status = run(pinrail(&root).args(["--json", "status"])).succeeded().document();
        let cell = &status["services"][0]["environments"]["staging"];
        assert_eq!(cell["commit"].as_str(), git::tip(&root, branch).as_deref(), "{kind}");
    }
}

#[test]
fn the_branch_of_pins_may_be_checked_out_and_main_still_rules() {
    let folder = tempfile::tempdir().expect("create a directory");
    init(folder.path(), &["--forge", "gitlab"]).succeeded();
    let root = folder.path().join("root");
    git(&root, &["checkout", "--quiet", "pins"]);
    // The copy of the configuration on `pins` does not follow.
    run(pinrail(&root).args(["domain", "add", "billing", "--registration", "request"])).succeeded();
    run(pinrail(&root).args(["service", "add", "ledger", "--domain", "billing"])).succeeded();
    let revision = revision('a');
    let pin = ["pin", "ledger", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    run(pinrail(&root).args(pin)).succeeded();
    assert_eq!(git(&root, &["status", "--porcelain"]), "");
    assert!(root.join("envs/staging/billing/ledger.json").is_file());
    for branch in ["pins", "main"] {
        git(&root, &["checkout", "--quiet", branch]);
        run(pinrail(&root).arg("check")).succeeded();
        let status = run(pinrail(&root).args(["--json", "status"])).succeeded().document();
        assert_eq!(status["services"][0]["domain"], "billing", "{branch}");
    }
}

#[test]
fn a_folder_that_is_not_empty_is_left_as_it_was() {
    let folder = tempfile::tempdir().expect("create a directory");
    let root = folder.path().join("root");
    fs::create_dir(&root).expect("make the folder");
    fs::write(root.join("mine.txt"), "mine\n").expect("write a file");
    let refused = init(folder.path(), &["--json"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let document = refused.document();
    assert_eq!(
        (&document["outcome"], &document["error"]["kind"]),
        (&"failed".into(), &"local".into())
    );
    assert_eq!(document["error"]["message"], "root is not empty");
    assert!(!document["error"]["hints"].as_array().expect("hints").is_empty(), "{document:#}");
    let names: Vec<_> =
        fs::read_dir(&root).expect("list it").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(names, ["mine.txt"]);
    assert_eq!(fs::read_to_string(root.join("mine.txt")).expect("read it"), "mine\n");
    assert_eq!(fs::read_dir(folder.path()).expect("list the folder").count(), 1);

    let file = folder.path().join("file");
    fs::write(&file, "mine\n").expect("write a file");
    let refused = run(pinrail(folder.path()).args(["init", "file"]));
    assert_eq!((refused.code, fs::read_to_string(&file).expect("read it").as_str()), (1, "mine\n"));
}

#[test]
fn an_empty_folder_is_taken_and_missing_parents_are_made() {
    let folder = tempfile::tempdir().expect("create a directory");
    fs::create_dir(folder.path().join("root")).expect("make the folder");
    init(folder.path(), &[]).succeeded();
    run(pinrail(folder.path()).args(["init", "a/b/root"])).succeeded();
    run(pinrail(folder.path()).args(["check", "a/b/root"])).succeeded();
    // `.` as well, where one stands in an empty folder.
    let here = folder.path().join("here");
    fs::create_dir(&here).expect("make the folder");
    run(pinrail(&here).args(["init", "."])).succeeded();
    run(pinrail(&here).arg("check")).succeeded();
}

#[test]
fn the_schemas_in_a_new_root_are_those_of_the_program() {
    let folder = tempfile::tempdir().expect("create a directory");
    init(folder.path(), &[]).succeeded();
    for name in ["config", "service", "pin", "lock"] {
        let file = folder.path().join(format!("root/.pinrail/schemas/{name}.schema.json"));
        let printed = run(pinrail(folder.path()).args(["schema", name])).succeeded().stdout;
        assert_eq!(fs::read_to_string(file).expect("read it"), printed);
    }
}
