//! Checkpoints in a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use countersign_domain::id::TenantId;
use countersign_entities::SignedCheckpoint;

use super::CheckpointError;

/// The name of the newest checkpoint in a tenant's folder.
const NEWEST: &str = "checkpoint";
/// The name of the public key.
const KEY: &str = "key";

/// A folder for each tenant, with its public key, every checkpoint by its size, and the newest.
#[derive(Debug, Clone)]
pub struct CheckpointFolder(pub(super) PathBuf);

impl CheckpointFolder {
    /// The folder, which is made at the first checkpoint.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The newest note that was published of a tenant's chain.
    pub fn newest(&self, tenant: TenantId) -> Option<String> {
        fs::read_to_string(self.of(tenant).join(NEWEST)).ok()
    }

    fn of(&self, tenant: TenantId) -> PathBuf {
        self.0.join(tenant.to_string())
    }

    pub(super) fn publish(
        &self,
        tenant: TenantId,
        key: &str,
        made: &SignedCheckpoint,
    ) -> Result<(), CheckpointError> {
        let folder = self.of(tenant);
        fs::create_dir_all(&folder)?;
        let (size, path) = (made.size, folder.join(made.size.to_string()));
        if fs::read_to_string(&path).is_ok_and(|published| published != made.note) {
            return Err(CheckpointError::Contradicted { size });
        }
        replace(&folder.join(KEY), &format!("{key}\n"))?;
        replace(&path, &made.note)?;
        let newest = self.newest(tenant).and_then(|note| size_of(&note));
        if newest.is_some_and(|newest| newest > size) {
            return Ok(());
        }
        Ok(replace(&folder.join(NEWEST), &made.note)?)
    }
}

fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

/// Whole or not at all.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    fs::File::open(&new)?.sync_all()?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests;
