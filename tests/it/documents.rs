//! What the documents show is run: `sh` blocks must succeed, `console` blocks must also print
//! what stands below each command. The blocks of one document follow one another in one folder.

use std::path::Path;
use std::process::Command;

use crate::support::git::hermetic;

/// One command of a document, and what it is shown to print.
#[derive(Debug)]
struct Step {
    script: String,
    shown: Option<String>,
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let kind = line.strip_prefix("```");
        let block: Vec<&str> = match kind {
            Some("sh" | "console") => lines.by_ref().take_while(|line| *line != "```").collect(),
            _ => continue,
        };
        if kind == Some("sh") {
            steps.push(Step { script: block.join("\n"), shown: None });
            continue;
        }
        for line in block {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(script), _) => {
                    steps.push(Step { script: script.to_owned(), shown: Some(String::new()) });
                }
                (None, Some(Step { shown: Some(shown), .. })) => *shown += &format!("{line}\n"),
                (None, _) => panic!("output without a command: {line}"),
            }
        }
    }
    steps
}

/// Commit ids differ from run to run.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| {
        [7, 40].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut result = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_id(word) { result += &format!("ID{}", &part[word.len()..]) } else { result += part }
    }
    result
}

fn bash(folder: &Path, script: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_pinrail")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let mut bash = hermetic("bash");
    bash.args(["-c", script]).current_dir(folder);
    bash.env("PATH", format!("{}:{path}", program.display()));
    bash.env("GIT_AUTHOR_NAME", "Anna").env("GIT_AUTHOR_EMAIL", "anna@example.com");
    bash
}

fn follow(document: &str) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document))
        .expect(document);
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{document} shows no command");
    let folder = tempfile::tempdir().expect("create a directory");
    let place = folder.path().join(".place");
    std::fs::write(&place, folder.path().display().to_string()).expect("write a file");
    for step in steps {
        // Each step begins in the folder where the one before has ended.
        let script = format!(
            "cd \"$(cat '{place}')\"\n{{ {script}\n}} 2>&1\ncode=$?\npwd > '{place}'\nexit $code",
            place = place.display(),
            script = step.script
        );
        let set = if step.shown.is_none() { "set -eu\n" } else { "" };
        let output = bash(folder.path(), &format!("{set}{script}")).output().expect("run bash");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        match step.shown {
            None => assert!(output.status.success(), "{document}: {}\n{printed}", step.script),
            Some(shown) => assert_eq!(
                without_ids(&printed),
                without_ids(&shown),
                "{document}: {}",
                step.script
            ),
        }
    }
}

#[test]
fn the_readme_shows_what_happens() {
    follow("README.md");
}

#[test]
fn the_pages_under_docs_show_what_happens() {
    follow("docs/ci.md");
    follow("docs/self-managed.md");
    follow("docs/signing.md");
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    let (_, shown) = readme.split_once("```text\n").expect("the demo's output");
    let (shown, _) = shown.split_once("```\n").expect("the end of the block");
    let folder = tempfile::tempdir().expect("create a directory");
    let output = bash(folder.path(), "pinrail demo pinrail-demo").output().expect("run bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let place = folder.path().canonicalize().expect("a folder").display().to_string();
    assert_eq!(without_ids(&printed.replace(&place, "/tmp")), without_ids(shown));
}
