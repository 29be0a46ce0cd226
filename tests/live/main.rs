//! Promotions on a real GitHub or GitLab: `cargo test --test live`, as `docs/live-tests.md` tells.
//! It is no part of a plain `cargo test`, and does not pass where no forge is named.
#![expect(clippy::print_stderr, reason = "a program of its own, for people")]

use std::process::ExitCode;

mod scratch;
mod story;

use scratch::{Kind, Scratch};

/// Where each scratch project and the token for it are told.
const FORGES: [(Kind, &str, &str); 2] = [
    (Kind::GitHub, "PINRAIL_E2E_GITHUB_URL", "PINRAIL_E2E_GITHUB_TOKEN"),
    (Kind::GitLab, "PINRAIL_E2E_GITLAB_URL", "PINRAIL_E2E_GITLAB_TOKEN"),
];

fn main() -> ExitCode {
    let mut played = 0;
    for (kind, url, token) in FORGES {
        let Some(address) = told(url) else { continue };
        let Some(secret) = told(token) else {
            eprintln!("{url} is set, and {token} is not");
            return ExitCode::from(2);
        };
        eprintln!("{kind:?} at {address}");
        let scratch = match Scratch::new(kind, &address, secret) {
            Ok(scratch) => scratch,
            Err(problem) => {
                eprintln!("{address}: {problem}");
                return ExitCode::from(2);
            }
        };
        story::play(&scratch, |part| eprintln!("  ok  {part}"));
        played += 1;
    }
    if played == 0 {
        eprintln!(
            "no forge is named, so nothing was tested: set PINRAIL_E2E_GITHUB_URL and \
             PINRAIL_E2E_GITHUB_TOKEN, or PINRAIL_E2E_GITLAB_URL and PINRAIL_E2E_GITLAB_TOKEN \
             (docs/live-tests.md)"
        );
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn told(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}
