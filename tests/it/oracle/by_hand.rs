//! A change as a person makes it: a file is edited in a clone, and committed.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::history::{self, instant};
use super::place::StateRepo;
use super::scenario::Edit;
use crate::support::git::{checked, command, git};
use crate::support::root::pin_path_in;

/// A clone of the repository as it is now, with nothing changed.
pub fn clone(repo: &StateRepo<'_>) -> PathBuf {
    let clone = repo.place.new_folder();
    let (source, target) = (text(&repo.folder), text(&clone));
    git(&std::env::temp_dir(), &["clone", "--quiet", source, target]);
    git(&clone, &["remote", "set-url", "origin", &repo.url]);
    clone
}

/// Makes the edits in a clone, in one commit on `main` as it was cloned.
pub fn commit(repo: &StateRepo<'_>, clone: &Path, at: &str, edits: &[Edit]) {
    // As CI has it: no branch is checked out.
    git(clone, &["checkout", "--quiet", "--detach", "origin/main"]);
    let versions = &repo.place.versions;
    let mut message = "Another version".to_owned();
    let pin = |environment: &str, service: &str, tag: &str, version: &str| {
        let path = clone.join(pin_path_in(environment, service));
        let new = history::new_pin(environment, service, tag, versions, version);
        let mut pin = std::fs::read_to_string(&path).map_or_else(
            |_| new.clone(),
            |text| serde_json::from_str::<Value>(&text).unwrap_or_else(|_| new.clone()),
        );
        pin["imageTag"] = new["imageTag"].clone();
        pin["targetRevision"] = new["targetRevision"].clone();
        write(&path, &format!("{pin:#}\n"));
    };
    for edit in edits {
        match *edit {
            Edit::Pin(environment, version) => pin(environment, "api", version, version),
            Edit::PinOf(environment, service, version) => {
                pin(environment, service, version, version);
            }
            Edit::Retag(environment, tag, version) => pin(environment, "api", tag, version),
            Edit::Write(path, content) => {
                write(&clone.join(path), &history::fill(content, versions));
            }
            Edit::Replace(path, old, new) => {
                let path = clone.join(path);
                let text = std::fs::read_to_string(&path).expect("it is there");
                assert!(text.contains(old), "{text}");
                write(&path, &text.replacen(old, new, 1));
            }
            Edit::Delete(path) => {
                std::fs::remove_file(clone.join(path)).expect("it is there");
            }
            Edit::Trailer(line) => {
                message.push_str("\n\n");
                message.push_str(line);
            }
        }
    }
    git(clone, &["add", "--all"]);
    let date = format!("{} +0000", instant(at));
    let commit = ["-c", "gc.auto=0", "commit", "--quiet", "-m", &message];
    checked(command(clone, &commit).env("GIT_COMMITTER_DATE", date));
}

/// Pushes what is checked out to a branch, and opens a request for it where there is a forge;
/// the request's number.
pub fn push(repo: &StateRepo<'_>, clone: &Path, branch: &str) -> Option<u64> {
    git(clone, &["push", "--quiet", text(&repo.folder), &format!("HEAD:refs/heads/{branch}")]);
    repo.place.sync(&repo.project);
    let forge = repo.place.forge()?;
    let opened = forge.act(json!({"do": "open", "project": repo.project, "head": branch,
        "title": "By hand", "by": "anna"}));
    Some(opened["number"].as_u64().expect("a number"))
}

fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("create it");
    std::fs::write(path, content).expect("write a file");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}
