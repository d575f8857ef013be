//! Checkpoints in a folder.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use countersign_domain::id::TenantId;
use countersign_entities::SignedCheckpoint;

use super::{CheckpointError, PAGE};

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
    pub fn newest(&self, tenant: TenantId) -> io::Result<Option<String>> {
        read(&self.of(tenant).join(NEWEST))
    }

    /// The public key that was published as the tenant's.
    pub(super) fn key(&self, tenant: TenantId) -> io::Result<Option<String>> {
        read(&self.of(tenant).join(KEY))
    }

    /// The notes of more than `after` rows, in the order of their sizes: the first [`PAGE`] of them.
    pub(super) fn page(&self, tenant: TenantId, after: u64) -> io::Result<Vec<(u64, String)>> {
        let folder = self.of(tenant);
        let mut sizes = Vec::new();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        for entry in entries {
            // Beside them lie the key and the newest once more.
            let size = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            sizes.extend(size.filter(|size: &u64| *size > after));
        }
        sizes.sort_unstable();
        sizes.truncate(PAGE);
        let note = |size: u64| Ok((size, fs::read_to_string(folder.join(size.to_string()))?));
        sizes.into_iter().map(note).collect()
    }

    fn of(&self, tenant: TenantId) -> PathBuf {
        self.0.join(tenant.to_string())
    }

    /// Writes what was not written yet. What is there already must be the same.
    pub(super) fn publish(
        &self,
        tenant: TenantId,
        key: &str,
        made: &SignedCheckpoint,
    ) -> Result<(), CheckpointError> {
        let folder = self.of(tenant);
        fs::create_dir_all(&folder)?;
        // Replicas that share the folder publish at the same times.
        let turn = File::open(&folder)?;
        turn.lock()?;
        let key = format!("{key}\n");
        match self.key(tenant)? {
            Some(published) if published != key => return Err(CheckpointError::OtherKey),
            Some(_) => {}
            None => replace(&folder.join(KEY), &key)?,
        }
        let (size, path) = (made.size, folder.join(made.size.to_string()));
        if read(&path)?.is_some_and(|published| published != made.note) {
            return Err(CheckpointError::Contradicted { size });
        }
        replace(&path, &made.note)?;
        let newest = self.newest(tenant)?.and_then(|note| size_of(&note));
        if newest.is_some_and(|newest| newest > size) {
            return Ok(());
        }
        Ok(replace(&folder.join(NEWEST), &made.note)?)
    }
}

/// A file's text, where there is one. One that can not be read may say anything.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

/// Whole or not at all.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    File::open(&new)?.sync_all()?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests;
