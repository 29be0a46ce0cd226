//! Renderings as they were last read by a person, in `tests/it/chart/golden`.
//!
//! After an intended change, `INSTA_UPDATE=always cargo test --test it chart` rewrites them;
//! read the difference before it is committed.

use std::fs;
use std::path::Path;

use super::helm::{Service, fixture};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/golden");

/// Compares a text with the file of this name.
#[track_caller]
pub fn compare(name: &str, text: &str) {
    let path = Path::new(GOLDEN).join(name);
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        fs::create_dir_all(GOLDEN).expect("create the folder");
        fs::write(&path, text).expect("write the file");
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let differs = stored.lines().zip(text.lines()).find(|(stored, text)| stored != text);
    assert!(stored == text, "{name} differs, first in {differs:?}");
}

#[test]
fn the_articles_service_renders_as_it_did() {
    compare("article.yaml", &Service::new(&fixture("article.yaml")).text());
}

#[test]
fn a_service_without_any_values_renders_as_it_did() {
    compare("minimal.yaml", &Service::new(&fixture("minimal.yaml")).text());
}

#[test]
fn the_articles_service_says_what_it_wants_in_twenty_lines() {
    let text = fixture("article.yaml");
    let counts = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
    assert!(text.lines().filter(counts).count() <= 20);
}
