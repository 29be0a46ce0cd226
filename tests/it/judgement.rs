//! The order of judgement (design.md, promise 2), case by case, through the program: a
//! wanted pin that is there; a lower sequence; an expectation; a pin that changed.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::git::{self, git};
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::{Root, pin_path, revision};

/// `pinrail pin api -e staging --json` and more, as the process that runs it sees it.
fn pin_command(root: &Root, more: &[&str]) -> Command {
    let repo = root.repo();
    let mut command = pinrail_at(repo.to_str().expect("the path is UTF-8"), &["--json", "pin"]);
    command.args(["api", "-e", "staging"]).args(more);
    command
}

fn pin(root: &Root, tag: &str, more: &[&str]) -> Run {
    let revision = revision('a');
    let what = ["--image-tag", tag, "--revision", &revision];
    run(&mut pin_command(root, &[&what, more].concat()))
}

/// A root whose `api` is pinned to `there`, with or without a sequence.
fn pinned(sequence: Option<u64>) -> Root {
    let root = Root::new(&["api"]);
    let sequence = sequence.map(|sequence| sequence.to_string());
    let more: Vec<&str> =
        sequence.iter().flat_map(|sequence| ["--sequence", sequence.as_str()]).collect();
    pin(&root, "there", &more).succeeded();
    root
}

fn stored(root: &Root) -> Value {
    let text = git::read_file(&root.repo(), "main", &pin_path("api")).expect("a pin");
    serde_json::from_str(&text).expect("a pin is JSON")
}

/// The pin goes in: one commit, of this file alone.
#[track_caller]
fn goes_in(root: &Root, tag: &str, more: &[&str]) {
    let before = root.tip();
    let document = pin(root, tag, more).succeeded().document();
    let tip = root.tip();
    assert_eq!(document["outcome"], "pinned", "{tag} {more:?}: {document:#}");
    assert_eq!(document["commit"], tip.as_str());
    assert_eq!(document["attempts"], 1);
    assert_eq!(git::changed_paths(&root.repo(), &tip), [pin_path("api")]);
    assert_eq!(git(&root.repo(), &["rev-parse", "main^"]), before);
    assert_eq!(stored(root)["imageTag"], tag);
    assert_eq!(document["pin"], stored(root));
}

/// The pin does not go in, and nothing is written.
#[track_caller]
fn stays_out(root: &Root, tag: &str, more: &[&str], code: i32, outcome: &str) -> Value {
    let before = root.commits();
    let run = pin(root, tag, more);
    assert_eq!(run.code, code, "{tag} {more:?}: {run:?}");
    let document = run.document();
    assert_eq!(document["outcome"], outcome, "{tag} {more:?}: {document:#}");
    assert_eq!(document["attempts"], 0);
    assert_eq!(root.commits(), before);
    document
}

#[test]
fn the_bytes_of_a_pin_are_those_of_the_design() {
    let root = Root::new(&["api"]);
    let digest = format!("sha256:{}", "0".repeat(64));
    goes_in(&root, "1.10", &[]);
    let text = git::read_file(&root.repo(), "main", &pin_path("api")).expect("a pin");
    let expected = "\
{
  \"cluster\": \"shared\",
  \"service\": \"api\",
  \"imageTag\": \"1.10\",
  \"targetRevision\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"
}
";
    assert_eq!(text, expected);
    goes_in(&root, "1.11", &["--digest", &digest, "--sequence", "7"]);
    let text = git::read_file(&root.repo(), "main", &pin_path("api")).expect("a pin");
    let tail = format!(",\n  \"imageDigest\": \"{digest}\",\n  \"sequence\": 7\n}}\n");
    assert_eq!(text, expected.replace("1.10", "1.11").replace("\n}\n", &tail));
}

#[test]
fn the_registrys_facts_are_written_where_they_differ_from_the_defaults() {
    let root = Root::new(&[]);
    let facts = "repository: https://git.example.com/services/mono.git\nchartPath: api/helm\n";
    root.commit("services/services/api.yaml", facts);
    goes_in(&root, "1", &[]);
    let pin = stored(&root);
    assert_eq!(pin["repoURL"], "https://git.example.com/services/mono.git");
    assert_eq!(pin["path"], "api/helm");
    let keys: Vec<_> = pin.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["cluster", "service", "imageTag", "targetRevision", "repoURL", "path"]);
}

#[test]
fn the_same_command_twice_makes_one_commit() {
    let root = Root::new(&["api"]);
    goes_in(&root, "1", &["--expect", "none"]);
    let set_by = root.tip();
    root.commit("README.md", "somebody else\n");
    // Rule 1 comes before every other: the expectation of the first run does not hold now.
    let again = stays_out(&root, "1", &["--expect", "none"], 0, "unchanged");
    assert_eq!(again["commit"], set_by.as_str(), "the commit that set the pin");
    assert_eq!(again["previous"], again["pin"]);
    assert_eq!(again["pin"], stored(&root));
    assert!(again.get("error").is_none(), "{again:#}");
}

#[test]
fn rule_1_a_wanted_pin_that_is_there_is_unchanged_whatever_is_expected() {
    let root = pinned(Some(7));
    let set_by = root.tip();
    for expect in ["none", "there", "other", &revision('f')] {
        for sequence in [&[][..], &["--sequence", "6"], &["--sequence", "7"]] {
            let more = [&["--expect", expect], sequence].concat();
            let document = stays_out(&root, "there", &more, 0, "unchanged");
            assert_eq!(document["commit"], set_by.as_str());
        }
    }
    // A later pipeline leaves its number behind, so that one between the two stays out.
    goes_in(&root, "there", &["--sequence", "9"]);
    assert_eq!(stored(&root)["sequence"], 9);
    stays_out(&root, "between", &["--sequence", "8"], 3, "superseded");
}

#[test]
fn rule_2_a_lower_sequence_is_superseded_before_any_expectation_is_looked_at() {
    let root = pinned(Some(7));
    for expect in [&[][..], &["--expect", "there"], &["--expect", "other"], &["--expect", "none"]] {
        let more = [&["--sequence", "6"], expect].concat();
        let document = stays_out(&root, "late", &more, 3, "superseded");
        assert_eq!(document["error"]["kind"], "superseded");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains("a later pipeline (7) has pinned `there`"), "{message}");
        assert_eq!(document["previous"], stored(&root));
        assert_eq!(document["pin"]["imageTag"], "late");
    }
}

#[test]
fn rule_2_an_equal_or_higher_sequence_goes_in_and_is_stored() {
    let root = pinned(Some(7));
    goes_in(&root, "rerun", &["--sequence", "7"]);
    assert_eq!(stored(&root)["sequence"], 7);
    goes_in(&root, "later", &["--sequence", "8"]);
    assert_eq!(stored(&root)["sequence"], 8);
    // Who tells no number leaves the stored one, and is not ordered by it.
    goes_in(&root, "by-hand", &[]);
    assert_eq!(stored(&root)["sequence"], 8);
    stays_out(&root, "late", &["--sequence", "7"], 3, "superseded");
}

#[test]
fn rule_2_reset_forgets_the_order() {
    let root = pinned(Some(7));
    goes_in(&root, "again", &["--sequence", "reset"]);
    assert!(stored(&root).get("sequence").is_none());
    stays_out(&root, "again", &["--sequence", "reset"], 0, "unchanged");
    goes_in(&root, "anew", &["--sequence", "1"]);
    assert_eq!(stored(&root)["sequence"], 1);
    // Also where the version stays.
    goes_in(&root, "anew", &["--sequence", "reset"]);
    assert!(stored(&root).get("sequence").is_none());
}

#[test]
fn rule_3_an_expectation_holds_by_tag_by_revision_or_by_absence() {
    for (expect, holds) in
        [("there", true), (&*revision('a'), true), ("none", false), ("other", false)]
    {
        let root = pinned(None);
        if holds {
            goes_in(&root, "new", &["--expect", expect]);
            continue;
        }
        let document = stays_out(&root, "new", &["--expect", expect], 3, "conflict");
        assert_eq!(document["error"]["kind"], "conflict");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains("`there` is there now"), "{message}");
        assert_eq!(document["previous"], stored(&root));
    }
    let root = Root::new(&["api"]);
    let document = stays_out(&root, "new", &["--expect", "there"], 3, "conflict");
    let message = document["error"]["message"].as_str().expect("a message");
    assert!(message.contains("nothing is there now"), "{message}");
    assert!(document["previous"].is_null());
    goes_in(&root, "new", &["--expect", "none"]);
}

#[test]
fn rule_3_an_expectation_counts_beside_sequences_too() {
    let root = pinned(Some(7));
    stays_out(&root, "new", &["--sequence", "8", "--expect", "other"], 3, "conflict");
    goes_in(&root, "new", &["--sequence", "8", "--expect", "there"]);
}

/// Somebody else pins `api` to `meanwhile` while our push is under way.
fn meanwhile(root: &Root, sequence: Option<u64>) {
    let mut pin = stored(root);
    pin["imageTag"] = json!("meanwhile");
    pin["sequence"] = json!(sequence);
    if sequence.is_none() {
        pin.as_object_mut().expect("an object").shift_remove("sequence");
    }
    let theirs = root.commit(&pin_path("api"), &pin.to_string());
    let repo = root.repo();
    git(&repo, &["update-ref", "refs/heads/main", &format!("{theirs}^")]);
    let hook = repo.join("hooks/pre-receive");
    let script = format!(
        "#!/bin/sh\nrm \"$0\"\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs}\n"
    );
    std::fs::create_dir_all(repo.join("hooks")).expect("make the folder");
    std::fs::write(&hook, script).expect("write the hook");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).expect("make it a program");
}

#[test]
fn rule_4_a_pin_that_changed_since_the_first_read_is_a_conflict() {
    for (stored_sequence, theirs, ours) in
        [(None, None, &[][..]), (None, None, &["--sequence", "9"]), (Some(7), Some(8), &[])]
    {
        let root = pinned(stored_sequence);
        meanwhile(&root, theirs);
        let run = pin(&root, "new", ours);
        let document = run.document();
        assert_eq!((run.code, &document["outcome"]), (3, &json!("conflict")), "{document:#}");
        assert_eq!(document["previous"]["imageTag"], "meanwhile");
        assert_eq!(root.pinned("api").as_deref(), Some("meanwhile"));
    }
}

#[test]
fn rule_4_sequences_on_both_sides_and_expectations_decide_instead() {
    let root = pinned(Some(7));
    meanwhile(&root, Some(8));
    let document = pin(&root, "new", &["--sequence", "9"]).succeeded().document();
    assert_eq!((&document["outcome"], &document["attempts"]), (&json!("pinned"), &json!(2)));
    assert_eq!(document["previous"]["imageTag"], "meanwhile");

    let root = pinned(Some(7));
    meanwhile(&root, Some(9));
    let late = pin(&root, "new", &["--sequence", "8"]);
    assert_eq!((late.code, &late.document()["outcome"]), (3, &json!("superseded")));

    let root = pinned(None);
    meanwhile(&root, None);
    let document = pin(&root, "new", &["--expect", "meanwhile"]);
    assert_eq!(document.code, 3, "the first read decides already: {document:?}");

    // What we wanted is what they pinned: there is nothing to do, and the commit is theirs.
    let root = pinned(None);
    meanwhile(&root, None);
    let document = pin(&root, "meanwhile", &[]).succeeded().document();
    assert_eq!(document["outcome"], "unchanged");
    assert_eq!(document["commit"], root.tip().as_str());
}
