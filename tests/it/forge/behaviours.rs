//! The table of `README.md` names tests that there are.

use std::collections::BTreeSet;
use std::path::Path;

use crate::architecture::every_file;

#[test]
fn every_behaviour_of_a_forge_has_its_row_and_every_name_in_it_is_a_test() {
    let table = include_str!("README.md");
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| F")).collect();
    let numbers: Vec<_> = rows.iter().filter_map(|row| row.split(' ').nth(1)).collect();
    assert_eq!(numbers, (1..=23).map(|number| format!("F{number}")).collect::<Vec<_>>());
    let tests = tests();
    for row in rows {
        let held_to = row.split('|').nth(3).unwrap_or_default();
        let names: Vec<_> = held_to.split('`').skip(1).step_by(2).collect();
        let unknown: Vec<_> = names.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(unknown.is_empty(), "no test has this name: {unknown:?}");
        assert!(!names.is_empty() || held_to.contains("not used"), "{row}");
    }
}

/// The names of functions that nobody gives anything, or the kind of a forge.
fn tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let (mut files, mut names) = (Vec::new(), BTreeSet::new());
    every_file(&folder, &folder, &mut files);
    for (_, text) in files {
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("fn ")) {
            let Some((name, arguments)) = line.split_once('(') else { continue };
            if arguments.starts_with(')') || arguments.starts_with("kind: Kind)") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}
