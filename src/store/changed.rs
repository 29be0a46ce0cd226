//! The files of a folder in which two commits differ.

use super::commit::Change;
use super::error::StoreError;
use super::snapshot::Snapshot;

impl Snapshot<'_> {
    /// The files below `folder` that differ from those of `before`, or from none, sorted by
    /// path.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn changed_since(
        &self,
        before: Option<&Self>,
        folder: &str,
    ) -> Result<Vec<Change>, StoreError> {
        let repository = self.repository();
        let tree = |of: &Self| repository.find_commit(of.commit).map(|commit| commit.tree_id());
        let found = self.differences_below(folder, before.map(tree).transpose()?, tree(self)?)?;
        let read = |id: Option<git2::Oid>| {
            id.map(|id| Ok::<_, StoreError>(repository.find_blob(id)?.content().to_vec()))
                .transpose()
        };
        let change = |(path, difference): (String, super::tree_diff::Difference)| {
            Ok(Change { path, before: read(difference.before)?, after: read(difference.after)? })
        };
        found.into_iter().map(change).collect()
    }
}
