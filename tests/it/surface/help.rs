//! Help, manual pages and completions: every command is in them.

use std::path::Path;

use super::snapshot;
use crate::support::pinrail::{pinrail, run};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["init"],
    &["service"],
    &["service", "add"],
    &["service", "list"],
    &["service", "show"],
    &["service", "remove"],
    &["domain"],
    &["domain", "add"],
    &["domain", "list"],
    &["pin"],
    &["status"],
    &["promote"],
    &["promotions"],
    &["promotions", "list"],
    &["promotions", "show"],
    &["promotions", "merge"],
    &["promotions", "close"],
    &["rollback"],
    &["lock"],
    &["unlock"],
    &["tend"],
    &["history"],
    &["diff"],
    &["demo"],
    &["check"],
    &["doctor"],
    &["values"],
    &["values", "check"],
    &["generate"],
    &["render"],
    &["schema"],
    &["completions"],
    &["man"],
];

fn printed(arguments: &[&str]) -> String {
    let run = run(pinrail(Path::new("/")).env("COLUMNS", "100").args(arguments)).succeeded();
    assert_eq!(run.stderr, "");
    run.stdout
}

#[test]
fn each_command_helps() {
    for command in COMMANDS {
        let help = printed(&[command, &["--help"][..]].concat());
        let name = [&["help"], *command].concat().join("-");
        snapshot(&name, &help);
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn the_help_command_says_the_same() {
    for command in COMMANDS {
        let help = printed(&[command, &["--help"][..]].concat());
        assert_eq!(printed(&[&["help"], *command].concat()), help);
    }
}

/// The commands that the help lists, so that a new one cannot be forgotten here.
#[test]
fn the_list_of_commands_is_whole() {
    for parent in [&[][..], &["service"], &["domain"], &["promotions"], &["values"]] {
        let help = printed(&[parent, &["--help"]].concat());
        let (_, listed) = help.split_once("Commands:\n").expect("a list of commands");
        let listed: Vec<_> = listed
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "help")
            .collect();
        let known: Vec<_> = COMMANDS
            .iter()
            .filter(|command| command.len() == parent.len() + 1 && command.starts_with(parent))
            .filter_map(|command| command.last().copied())
            .collect();
        assert_eq!(listed, known);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    for command in COMMANDS {
        let page = printed(&[&["man"], *command].concat());
        let name = [&["pinrail"], *command].concat().join("-");
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
        let title = format!("{} \\- ", name.replace('-', "\\-"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&title), "{name}: {page}");
    }
    let refused = run(pinrail(Path::new("/")).args(["man", "service", "ad"]));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("there is no command `pinrail-service ad`"), "{refused:?}");
}

#[test]
fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for name in COMMANDS.iter().flat_map(|command| command.iter()) {
            assert!(script.contains(name), "{shell}: {name}");
        }
        for option in ["image-tag", "from-file", "dry-run"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(printed(&["--version"]), format!("pinrail {}\n", env!("CARGO_PKG_VERSION")));
}
