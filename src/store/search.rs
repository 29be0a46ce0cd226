//! What is looked for along a history: some files, or all files below a folder.

use std::collections::BTreeMap;

use super::tree_diff::{Difference, Search};

/// Looks for files by their paths.
pub struct Files {
    /// By path, with their order in the answer.
    wanted: BTreeMap<String, usize>,
    /// Whether the newest change of each is enough.
    newest: bool,
    /// By step and by the order of the files.
    found: BTreeMap<(usize, usize), (String, Difference)>,
}

impl Files {
    pub fn new(paths: impl IntoIterator<Item = String>, newest: bool) -> Self {
        let wanted = paths.into_iter().enumerate().map(|(order, path)| (path, order)).collect();
        Self { wanted, newest, found: BTreeMap::new() }
    }

    /// Whether every file was found.
    pub fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What was found since the last time, with its path, newest first.
    pub fn take(&mut self) -> impl Iterator<Item = (String, Difference)> + use<> {
        std::mem::take(&mut self.found).into_values()
    }
}

impl Search for Files {
    fn wants(&self, path: &str) -> bool {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = self.wanted.range(folder.clone()..).next();
        below.is_some_and(|(first, _)| first.starts_with(&folder)) || self.wanted.contains_key(path)
    }

    fn found(&mut self, path: &str, difference: Difference) {
        let order =
            if self.newest { self.wanted.remove(path) } else { self.wanted.get(path).copied() };
        if let Some(order) = order {
            self.found.insert((difference.step, order), (path.to_owned(), difference));
        }
    }
}

/// Looks for every file below a folder.
pub struct Below<'a> {
    pub folder: &'a str,
    pub found: Vec<(String, Difference)>,
}

impl Search for Below<'_> {
    fn wants(&self, path: &str) -> bool {
        let within = |path: &str, folder: &str| {
            path.strip_prefix(folder)
                .is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        within(path, self.folder) || within(self.folder, path)
    }

    fn found(&mut self, path: &str, difference: Difference) {
        self.found.push((path.to_owned(), difference));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ways_to_what_is_looked_for_are_wanted() {
        let mut files = Files::new(["a/b/c".to_owned(), "a-b".to_owned()], true);
        for (path, expected) in [
            ("", true),
            ("a", true),
            ("a/b", true),
            ("a/b/c", true),
            ("a-b", true),
            ("a/b/cc", false),
            ("b", false),
        ] {
            assert_eq!(files.wants(path), expected, "{path}");
        }
        let (newest, older) = (
            Difference { step: 1, before: None, after: None },
            Difference { step: 2, before: None, after: None },
        );
        files.found("a/b/c", newest);
        files.found("a/b/c", older);
        assert!(!files.wants("a") && files.wants("a-b") && !files.is_done());
        assert_eq!(files.take().collect::<Vec<_>>(), [("a/b/c".to_owned(), newest)]);

        let below = Below { folder: "a/b", found: Vec::new() };
        for (path, expected) in
            [("", true), ("a", true), ("a/b/c/d", true), ("a/bb", false), ("a/c", false)]
        {
            assert_eq!(below.wants(path), expected, "{path}");
        }
        assert!(Below { folder: "", found: Vec::new() }.wants("a/b"));
    }
}
