//! Histories of any shape and at any time, written by git's own fast-import.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::git;

/// What a commit makes of a path.
#[derive(Clone, Copy, Debug)]
pub enum Made<'a> {
    Plain(&'a str),
    Executable(&'a str),
    Symlink(&'a str),
    Submodule,
    Removed,
}

/// Commits that are not written yet; each is told by its number, and later found as
/// [`Commits::name`].
#[derive(Default)]
pub struct Commits {
    script: String,
    count: usize,
}

impl Commits {
    /// Adds a commit of these files on its first parent's.
    pub fn add(&mut self, at: i64, parents: &[usize], files: &[(&str, Made<'_>)]) -> usize {
        self.count += 1;
        let number = self.count;
        self.script += &format!(
            "commit {}\nmark :{number}\ncommitter Robot <robot@example.com> {at} +0000\n\
             data <<END\ncommit {number}\nEND\n\n",
            Self::name(number)
        );
        for (place, parent) in parents.iter().enumerate() {
            let word = if place == 0 { "from" } else { "merge" };
            self.script += &format!("{word} :{parent}\n");
        }
        for (path, made) in files {
            let inline = |mode: &str, text: &str| {
                format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len())
            };
            self.script += &match made {
                Made::Plain(text) => inline("100644", text),
                Made::Executable(text) => inline("100755", text),
                Made::Symlink(text) => inline("120000", text),
                Made::Submodule => format!("M 160000 {} {path}\n", "1".repeat(40)),
                Made::Removed => format!("D {path}\n"),
            };
        }
        number
    }

    /// Adds a branch.
    pub fn branch(&mut self, name: &str, commit: usize) {
        self.script += &format!("reset refs/heads/{name}\nfrom :{commit}\n\n");
    }

    /// The reference that a commit is found by.
    pub fn name(commit: usize) -> String {
        format!("refs/made/{commit}")
    }

    /// Writes all of them.
    #[track_caller]
    pub fn write(&self, repo: &Path) {
        let mut command = git::command(repo, &["fast-import", "--quiet"]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("start git fast-import");
        let mut input = child.stdin.take().expect("its input is a pipe");
        input.write_all(self.script.as_bytes()).expect("hand git the commits");
        drop(input);
        assert!(child.wait().expect("wait for git").success(), "{}", self.script);
    }
}

/// A tree of these modes, names and ids as they are told, which git itself may not write.
pub fn tree(repo: &Path, entries: &[(&str, &str, &str)]) -> String {
    let repository = git2::Repository::open(repo).expect("a repository");
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend_from_slice(id.parse::<git2::Oid>().expect("an id").as_bytes());
    }
    let odb = repository.odb().expect("objects");
    odb.write(git2::ObjectType::Tree, &bytes).expect("written").to_string()
}
