//! A commit's files, written into a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path};

use git2::{ObjectType, TreeWalkMode, TreeWalkResult};

use super::error::StoreError;
use super::snapshot::Snapshot;

impl Snapshot<'_> {
    /// Writes every file into `folder`, which must be there. Submodules are left out.
    ///
    /// # Errors
    /// A file that cannot be written, and a link that leads out of the repository.
    pub fn export(&self, folder: &Path) -> Result<(), StoreError> {
        let repository = self.repository();
        let tree = repository.find_commit(self.commit)?.tree()?;
        let mut failure = None;
        let walked = tree.walk(TreeWalkMode::PreOrder, |parent, entry| {
            let written = (|| {
                let name = entry
                    .name()
                    .map_err(|_| StoreError::Local("a name that is not UTF-8".to_owned()))?;
                let path = format!("{parent}{name}");
                let place = folder.join(&path);
                let failed = |error: std::io::Error| {
                    StoreError::Local(format!("cannot write {}: {error}", place.display()))
                };
                match (entry.kind(), entry.filemode()) {
                    (Some(ObjectType::Tree), _) => fs::create_dir_all(&place).map_err(failed),
                    (Some(ObjectType::Blob), mode) => {
                        let blob = repository.find_blob(entry.id())?;
                        if mode == 0o120_000 {
                            let target = String::from_utf8_lossy(blob.content()).into_owned();
                            if !stays(&path, &target) {
                                let problem =
                                    format!("the link {path} leads out of the repository");
                                return Err(StoreError::Local(problem));
                            }
                            return symlink(target, &place).map_err(failed);
                        }
                        fs::write(&place, blob.content()).map_err(failed)?;
                        let mode = fs::Permissions::from_mode(if mode == 0o100_755 {
                            0o755
                        } else {
                            0o644
                        });
                        fs::set_permissions(&place, mode).map_err(failed)
                    }
                    _ => Ok(()),
                }
            })();
            match written {
                Ok(()) => TreeWalkResult::Ok,
                Err(error) => {
                    failure = Some(error);
                    TreeWalkResult::Abort
                }
            }
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(walked?),
        }
    }
}

/// Whether a link at `path` leads to a place in the repository.
fn stays(path: &str, target: &str) -> bool {
    let mut depth = path.matches('/').count();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_in_the_repository() {
        for (path, target, expected) in [
            ("a", "b", true),
            ("a/b", "../c", true),
            ("a/b", "../../c", false),
            ("a", "..", false),
            ("a", "/etc/passwd", false),
            ("a/b/c", "../../x/../y", true),
        ] {
            assert_eq!(stays(path, target), expected, "{path} -> {target}");
        }
    }
}
