//! The house (design.md, section 5): who may import whom, and who may touch what.
//!
//! ```text
//! main -> cli -> commands -> store | forge | argocd | render -> domain, session, child, trust
//! ```
//!
//! Reads the source as text: enough to fail on a forbidden edge, and it needs no compiler.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each room, and the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["commands", "store", "domain"]),
    ("commands", &["store", "forge", "argocd", "render", "board", "domain"]),
    ("store", &["domain", "child", "trust"]),
    ("forge", &["domain", "session", "trust"]),
    ("argocd", &["domain", "session", "trust"]),
    ("render", &["domain", "child"]),
    ("board", &["domain"]),
    ("domain", &[]),
    ("session", &["trust"]),
    ("child", &[]),
    ("trust", &[]),
];

/// Words that only one place may use.
const KEPT: &[(&str, &[&str])] = &[
    ("store/", &["git2::", "use git2", "git2 as"]),
    ("forge/github", &["octocrab"]),
    ("forge/gitlab", &["use gitlab::", "use gitlab;", "gitlab::api", "gitlab::Gitlab"]),
    ("cli/", &["env::var(", "env::vars(", "env::var_os(", "env::vars_os("]),
    ("cli/", &["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("]),
    ("cli/", &["io::stdout", "io::stderr", " stdout()", " stderr()", "(stdout()", "(stderr()"]),
];

const LONGEST: usize = 500;

/// What is wrong with one file; `path` is relative to `src`, as in `store/land.rs`.
fn problems(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let code = without_comments(text);
    let room = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    if room != "lib" {
        match ROOMS.iter().find(|(name, _)| *name == room) {
            None => problems.push(format!("{path}: `{room}` is no room of the house")),
            Some((_, allowed)) => {
                for other in imports(path, &code) {
                    if other != room && !allowed.contains(&other.as_str()) {
                        problems.push(format!("{path}: `{room}` must not import `{other}`"));
                    }
                }
            }
        }
    }
    for (owner, words) in KEPT {
        for word in words.iter().filter(|word| !path.starts_with(owner) && code.contains(**word)) {
            problems.push(format!("{path}: `{}` belongs to `{owner}`", word.trim()));
        }
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        problems.push(format!("{path}: {lines} lines, and {LONGEST} are the most"));
    }
    problems
}

/// The text without `//` comments, each run of blanks as one blank.
fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| {
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        comment.map_or(line, |(at, _)| &line[..at])
    });
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// The rooms that the code names: by `crate::`, by `pinrail::`, or by as many `super::` as
/// lead to the top.
fn imports(path: &str, code: &str) -> BTreeSet<String> {
    let depth = path.split('/').count() - usize::from(path.ends_with("/mod.rs"));
    let to_the_top = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for root in ["crate::", "pinrail::", &to_the_top] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            let is_longer = before.is_some_and(|c| c.is_alphanumeric() || "_:".contains(c));
            if root.is_empty() || is_longer {
                continue;
            }
            let names = first_names(&code[at + root.len()..]);
            // In a module inside the file, `super` leads less far.
            let is_room = |name: &String| ROOMS.iter().any(|(room, _)| name == room);
            found.extend(names.into_iter().filter(|name| *root != *to_the_top || is_room(name)));
        }
    }
    found
}

/// The first name of a path, or of each path of a group: `{a::b, c::{d, e}}` has `a` and `c`.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        text.chars().take_while(|c| c.is_alphanumeric() || "_*".contains(*c)).collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut names = vec![name(group)];
    let mut open = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 1 => names.push(name(&group[at + 1..])),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Every source below a folder, by its path from `root`.
pub fn every_file(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("list the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            every_file(root, &path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let relative = path.strip_prefix(root).expect("it is below").to_str().expect("UTF-8");
            found.push((relative.to_owned(), fs::read_to_string(&path).expect("read a source")));
        }
    }
}

#[test]
fn every_file_keeps_to_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    every_file(&root, &root, &mut files);
    assert!(files.len() > 40, "{}", files.len());
    let found: Vec<_> = files.iter().flat_map(|(path, text)| problems(path, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_forbidden_edge_is_found_however_it_is_written() {
    for (path, text, other) in [
        ("domain/pin.rs", "use crate::store::Edits;", "store"),
        (
            "domain/check/pins.rs",
            "use crate::{\n    domain::pin,\n    commands::{a, b},\n};",
            "commands",
        ),
        ("domain/pin.rs", "fn f() -> super::super::cli::Ui {}", "cli"),
        ("domain/mod.rs", "use super::render;", "render"),
        ("store/transport/http.rs", "let x = super::super::super::render::y();", "render"),
        ("store/land.rs", "pub(crate) use crate::commands::Context;", "commands"),
        ("render/mod.rs", "use crate::store;", "store"),
        ("commands/pin.rs", "use crate::cli::ui::Ui;", "cli"),
        ("commands/mod.rs", "x(crate::cli::y)", "cli"),
        ("cli/mod.rs", "use crate::render::services_root;", "render"),
        ("main.rs", "pinrail::store::init()", "store"),
        ("store/land.rs", "use crate::*;", "*"),
    ] {
        let room = path.split('/').next().expect("a room").trim_end_matches(".rs");
        let expected = format!("{path}: `{room}` must not import `{other}`");
        assert_eq!(problems(path, text), [expected], "{text}");
    }
    assert_eq!(
        problems("helpers/mod.rs", ""),
        ["helpers/mod.rs: `helpers` is no room of the house"]
    );
}

#[test]
fn an_allowed_edge_is_none_to_be_found() {
    for (path, text) in [
        ("main.rs", "fn main() { pinrail::cli::main(&arguments); }"),
        ("cli/mod.rs", "use crate::commands::pin;\nuse crate::{domain::x, store::Author};"),
        ("commands/pin.rs", "use crate::{domain::pin::Pin, render, store::{Edits, init}};"),
        ("store/transport/http.rs", "use super::super::helper; use crate::store::Access;"),
        ("store/land.rs", "// crate::commands decides; see [`crate::cli`]\nuse crate::domain::x;"),
        ("render/mod.rs", "let url = \"https://example.com\"; use crate::domain::template;"),
        ("domain/check/pins.rs", "use super::super::pin::Pin; use super::Problem;"),
        ("store/mod.rs", "command.stdout(Stdio::piped()).stderr(Stdio::null()); use git2::Oid;"),
        ("render/mod.rs", "mod tests { use super::*; use super::services_root; }"),
        ("domain/config.rs", "let x = [\"gitlab\", \"github\"]; Self::Gitlab => \"gitlab\","),
    ] {
        assert_eq!(problems(path, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_belongs_to_one_place_is_found_in_another() {
    for (path, text, word) in [
        ("domain/pin.rs", "use git2::Oid;", "git2::"),
        ("commands/error.rs", "impl From<git2::Error> for X {}", "git2::"),
        ("store/land.rs", "use octocrab::Octocrab;", "octocrab"),
        ("forge/github/mod.rs", "use gitlab::Gitlab;", "use gitlab::"),
        ("forge/gitlab/mod.rs", "octocrab::instance()", "octocrab"),
        ("store/helper.rs", "std::env::var(\"HOME\")", "env::var("),
        ("commands/pin.rs", "use std::env; for x in env::vars() {}", "env::vars("),
        ("commands/pin.rs", "println!(\"pinned\");", "println!("),
        ("store/land.rs", "eprintln!(\"again\");", "eprintln!("),
        ("store/land.rs", "dbg!(&tips);", "dbg!("),
        ("domain/pin.rs", "std::io::stderr().write_all(b\"x\")", "io::stderr"),
        ("commands/pin.rs", "use std::io::stdout; writeln!(stdout(), \"x\")", "io::stdout"),
    ] {
        let found = problems(path, text);
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with(&format!("{path}: `{word}` belongs to"))),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let text = "x\n".repeat(LONGEST);
    assert_eq!(problems("domain/pin.rs", &text), Vec::<String>::new());
    let expected = "domain/pin.rs: 501 lines, and 500 are the most";
    assert_eq!(problems("domain/pin.rs", &format!("{text}x\n")), [expected]);
}
