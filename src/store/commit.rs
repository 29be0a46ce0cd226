//! From edits to a commit, without a work tree.

use std::collections::BTreeMap;
use std::time::Instant;

use git2::{Commit, Oid, Repository, Signature, Tree};

use super::error::StoreError;
use super::signer::Signer;
use super::snapshot::CommitId;
use super::tree_edit::TreeEdit;
use crate::domain::tree::{Entry, Files, ReadError};

/// Who makes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
    /// What commits are signed with, where they are.
    pub signer: Option<Signer>,
}

/// What a commit says: a subject, and trailers for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    /// Lines below the subject, for people.
    pub body: Vec<String>,
    /// `Key: value` lines; no decision ever reads them.
    pub trailers: Vec<(String, String)>,
}

impl Message {
    /// The whole text: subject, body and trailers.
    #[must_use]
    pub fn text(&self) -> String {
        let trailers =
            self.trailers.iter().map(|(key, value)| format!("{key}: {}", one_line(value)));
        let body: Vec<_> = self.body.iter().map(|line| one_line(line)).collect();
        let trailers: Vec<_> = trailers.collect();
        let mut parts = vec![one_line(&self.subject)];
        parts.extend(
            [body, trailers].iter().filter(|part| !part.is_empty()).map(|part| part.join("\n")),
        );
        parts.join("\n\n") + "\n"
    }
}

/// A trailer must not be able to forge another one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Files to write or to remove, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(BTreeMap<String, Option<Vec<u8>>>);

impl Edits {
    pub fn write(&mut self, path: impl Into<String>, content: Vec<u8>) {
        self.0.insert(path.into(), Some(content));
    }

    pub fn remove(&mut self, path: impl Into<String>) {
        self.0.insert(path.into(), None);
    }

    /// Edits that write these files.
    #[must_use]
    pub fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        Self(files.iter().map(|(path, content)| (path.clone(), Some(content.clone()))).collect())
    }

    /// These edits, and after them others.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0.iter().map(|(path, content)| (path.as_str(), content.as_deref()))
    }

    /// The files of `base` as they are after the edits.
    #[must_use]
    pub fn over<'a>(&'a self, base: &'a dyn Files) -> Edited<'a> {
        Edited { base, edits: self }
    }

    /// What the edits change in `base`, leaving out what is so already.
    ///
    /// # Errors
    /// A file of `base` that cannot be read.
    pub fn changes(&self, base: &dyn Files) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        for (path, after) in &self.0 {
            let before = base.read(path).map_err(|error| StoreError::Local(error.to_string()))?;
            if before != *after {
                changes.push(Change { path: path.clone(), before, after: after.clone() });
            }
        }
        Ok(changes)
    }
}

/// A tree with edits that are not committed yet.
pub struct Edited<'a> {
    base: &'a dyn Files,
    edits: &'a Edits,
}

impl Files for Edited<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.edits.0.get(path).map_or_else(|| self.base.read(path), |content| Ok(content.clone()))
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        let prefix = format!("{folder}/");
        let mut entries: BTreeMap<String, bool> =
            self.base.list(folder)?.into_iter().map(|entry| (entry.name, entry.folder)).collect();
        for (path, content) in &self.edits.0 {
            let Some(rest) = path.strip_prefix(&prefix) else {
                continue;
            };
            match (rest.split_once('/'), content) {
                (Some((name, _)), Some(_)) => {
                    entries.insert(name.to_owned(), true);
                }
                (Some(_), None) => {}
                (None, Some(_)) => {
                    entries.insert(rest.to_owned(), false);
                }
                (None, None) => {
                    entries.remove(rest);
                }
            }
        }
        Ok(entries.into_iter().map(|(name, folder)| Entry { name, folder }).collect())
    }
}

/// One file that a commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    /// None where the file is new.
    pub before: Option<Vec<u8>>,
    /// None where the file is removed.
    pub after: Option<Vec<u8>>,
}

/// Writes the objects of a commit: the files of the first parent with these changes.
pub(super) fn write(
    repository: &Repository,
    parents: &[CommitId],
    changes: &[Change],
    author: &Author,
    message: &Message,
    until: Instant,
) -> Result<Oid, StoreError> {
    let parents = parents.iter().map(|parent| repository.find_commit(parent.parse()?));
    let parents = parents.collect::<Result<Vec<_>, _>>()?;
    let Some(base) = parents.first().map(Commit::tree_id) else {
        return Err(StoreError::Local("a commit needs a parent".to_owned()));
    };
    let mut edit = TreeEdit::default();
    for change in changes {
        let content = change.after.as_ref().map(|content| repository.blob(content)).transpose()?;
        edit.set(&change.path, content);
    }
    let tree = repository.find_tree(edit.write(repository, Some(base))?)?;
    let parents: Vec<_> = parents.iter().collect();
    write_object(repository, &parents, &tree, author, message, until)
}

/// Writes the first commit of a repository.
pub(super) fn write_first(
    repository: &Repository,
    files: &Edits,
    author: &Author,
    message: &Message,
    until: Instant,
) -> Result<Oid, StoreError> {
    let mut edit = TreeEdit::default();
    for (path, content) in &files.0 {
        if let Some(content) = content {
            edit.set(path, Some(repository.blob(content)?));
        }
    }
    let tree = repository.find_tree(edit.write(repository, None)?)?;
    write_object(repository, &[], &tree, author, message, until)
}

/// Writes the commit itself, signed where its author has something to sign with.
fn write_object(
    repository: &Repository,
    parents: &[&Commit<'_>],
    tree: &Tree<'_>,
    author: &Author,
    message: &Message,
    until: Instant,
) -> Result<Oid, StoreError> {
    let (by, text) = (signature(author)?, message.text());
    let Some(signer) = &author.signer else {
        return Ok(repository.commit(None, &by, &by, &text, tree, parents)?);
    };
    let content = repository.commit_create_buffer(&by, &by, &text, tree, parents)?;
    let signature = signer.sign(&content, &by.to_string(), until)?;
    Ok(repository.commit_signed(content.as_str()?, &signature, None)?)
}

/// git refuses `<`, `>` and newlines in a name.
fn signature(author: &Author) -> Result<Signature<'static>, StoreError> {
    let clean = |text: &str, default: &str| {
        let text: String = text.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
        if text.trim().is_empty() { default.to_owned() } else { text.trim().to_owned() }
    };
    Ok(Signature::now(&clean(&author.name, "pinrail"), &clean(&author.email, "pinrail@localhost"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_cannot_forge_another_one() {
        let message = Message {
            subject: "pin x\n\nRun: evil".to_owned(),
            body: vec!["- x\n\nRun: evil".to_owned()],
            trailers: vec![("Run".to_owned(), "https://ci\nSigned-off-by: evil".to_owned())],
        };
        assert_eq!(
            message.text(),
            "pin x  Run: evil\n\n- x  Run: evil\n\nRun: https://ci Signed-off-by: evil\n"
        );
    }
}
