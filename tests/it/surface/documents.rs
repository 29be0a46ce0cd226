//! `--json`: one document on stdout, whatever the command and the outcome, of the form that
//! `pinrail schema report` tells for that command.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::pinrail::{pinrail, run};
use crate::support::root::{Root, revision};

/// The report's schema for a document with this body; the report's own leaves the body open.
fn with_body(definition: &str) -> jsonschema::Validator {
    let report = run(pinrail(Path::new("/")).args(["schema", "report"])).succeeded();
    let mut schema: Value = serde_json::from_str(&report.stdout).expect("the schema is JSON");
    assert!(schema["definitions"][definition].is_object(), "{definition}");
    schema["anyOf"] = json!([{"$ref": format!("#/definitions/{definition}")}]);
    jsonschema::draft7::new(&schema).expect("the schema is one of draft 7")
}

#[test]
fn each_commands_document_has_its_own_form() {
    let root = Root::new(&["api"]);
    let revision = revision('a');
    let list = root.path().join("pins.json");
    let wanted = json!([{
        "service": "api", "environment": "staging", "imageTag": "2", "targetRevision": revision,
    }]);
    fs::write(&list, wanted.to_string()).expect("write the list");
    let list = list.to_str().expect("the path is UTF-8");
    let folder = root.path().join("new");
    let folder = folder.to_str().expect("the path is UTF-8");
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    for (arguments, command, outcome, definition) in [
        (&["init", folder][..], "init", "created", "InitReport"),
        (&["service", "add", "web"], "service add", "added", "ChangeReport"),
        (&["service", "add", "web"], "service add", "unchanged", "ChangeReport"),
        (&["service", "list"], "service list", "ok", "ServiceReport"),
        (&["service", "show", "api"], "service show", "ok", "ServiceReport"),
        (&["service", "remove", "web"], "service remove", "removed", "RemoveReport"),
        (&["domain", "add", "shop"], "domain add", "added", "ChangeReport"),
        (&["domain", "list"], "domain list", "ok", "DomainsReport"),
        (&[&pin[..], &["--dry-run"]].concat(), "pin", "pinned", "PinReport"),
        (&pin, "pin", "pinned", "PinReport"),
        (&pin, "pin", "unchanged", "PinReport"),
        (&["pin", "--from-file", list], "pin", "pinned", "PinsReport"),
        (&["pin", "--from-file", list], "pin", "unchanged", "PinsReport"),
        (&["status"], "status", "ok", "StatusReport"),
        (&["check"], "check", "ok", "CheckReport"),
        (&["doctor"], "doctor", "ok", "DoctorReport"),
        (&["schema", "pin"], "schema", "ok", "TextReport"),
        (&["completions", "bash"], "completions", "ok", "TextReport"),
        (&["man", "pin"], "man", "ok", "TextReport"),
    ] {
        let document = root.pinrail(&[&["--json"], arguments].concat()).succeeded().document();
        assert_eq!(document["schemaVersion"], 1);
        assert_eq!(document["command"], command, "{arguments:?}");
        assert_eq!(document["outcome"], outcome, "{arguments:?}: {document:#}");
        assert!(document.get("error").is_none(), "{document:#}");
        let problems: Vec<_> =
            with_body(definition).iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new(), "{arguments:?}: {document:#}");
    }
}

#[test]
fn a_failure_tells_what_it_knows_all_the_same() {
    let root = Root::new(&["api"]);
    let revision = revision('a');
    let pin = ["pin", "api", "-e", "staging", "--image-tag", "1", "--revision", &revision];
    let run = root.pinrail(&[&["--json"], &pin[..], &["--expect", "2"]].concat());
    assert_eq!(run.code, 3);
    assert!(with_body("PinReport").is_valid(&run.document()), "{run:?}");
    root.commit("envs/staging/services/api.json", "{}");
    let run = root.pinrail(&["--json", "check"]);
    assert_eq!(run.code, 4);
    assert!(with_body("CheckReport").is_valid(&run.document()), "{run:?}");
}

#[test]
fn a_command_line_that_is_wrong_has_a_document_too() {
    let folder = Path::new("/");
    for (arguments, message) in [
        (&[][..], "requires a subcommand"),
        (&["ship"], "unrecognized subcommand 'ship'"),
        (&["pin"], "required arguments were not provided: --environment <ENV> --image-tag <TAG>"),
        (&["pin", "api", "--tag", "1"], "unexpected argument '--tag'"),
        (&["schema", "pins"], "invalid value 'pins' for '<NAME>' [possible values: config,"),
        (&["service"], "requires a subcommand"),
        (&["status", "--color", "blue"], "invalid value 'blue'"),
        (&["man", "ship"], "there is no command `pinrail ship`"),
        (&["status", "--repo", "ftp://example.com/a"], "is no address of a repository"),
    ] {
        for order in [[&["--json"], arguments].concat(), [arguments, &["--json"]].concat()] {
            let run = run(pinrail(folder).args(&order));
            assert_eq!(run.code, 2, "{run:?}");
            let document = run.document();
            assert_eq!(document["outcome"], "failed");
            assert_eq!(document["error"]["kind"], "usage");
            let said = document["error"]["message"].as_str().expect("a message");
            assert!(said.contains(message), "{said}");
            assert!(!said.contains('\n') && !said.contains('\u{1b}'), "{said:?}");
            assert!(!document["error"]["hints"].as_array().expect("hints").is_empty(), "{said}");
        }
    }
}

#[test]
fn nothing_but_the_document_is_on_stdout_and_nothing_is_quiet_about_errors() {
    let root = Root::new(&["api"]);
    let ok = root.pinrail(&["--json", "-q", "service", "add", "web"]).succeeded();
    assert_eq!(ok.document()["outcome"], "added");
    assert_eq!(ok.stderr, "");
    let failed = root.pinrail(&["-q", "service", "show", "wep"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
    assert!(failed.stderr.starts_with("error: there is no service `wep`\nhint: "), "{failed:?}");
}

#[test]
fn colours_come_when_they_are_asked_for_and_never_into_data() {
    let root = Root::new(&["api"]);
    let coloured = root.pinrail(&["--color", "always", "--json", "service", "show", "wep"]);
    assert!(coloured.stderr.contains("\u{1b}["), "{coloured:?}");
    assert!(!coloured.stdout.contains('\u{1b}'), "{coloured:?}");
    coloured.document();
    let plain = root.pinrail(&["--color", "never", "service", "show", "wep"]);
    assert!(!plain.stderr.contains('\u{1b}'), "{plain:?}");
}
