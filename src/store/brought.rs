//! What a branch brings to another one: the files that differ since the two parted.

use super::commit::Change;
use super::error::StoreError;
use super::snapshot::Snapshot;

impl Snapshot<'_> {
    /// The newest commits that led to both; none where they have none in common, or where the
    /// history at hand is cut before it.
    ///
    /// # Errors
    /// An object that is missing or broken.
    pub fn common(&self, other: &Self) -> Result<Vec<Self>, StoreError> {
        match self.repository().merge_bases(self.commit, other.commit) {
            Ok(found) => found.iter().map(|id| Self::new(self.objects(), *id)).collect(),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

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
