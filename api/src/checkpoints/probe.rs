//! Whether checkpoints can be published.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process,
};

#[cfg(feature = "s3-checkpoints")]
use countersign_domain::id::TenantId;

use super::{CheckpointError, CheckpointPlace};

#[cfg_attr(
    not(feature = "s3-checkpoints"),
    expect(clippy::unused_async, reason = "a folder is not waited for")
)]
impl CheckpointPlace {
    /// Writes a file in the folder, reads it and removes it again; of a bucket, where what is written may stay
    /// for years, it asks for a list. Nothing stays.
    pub async fn probe(&self) -> Result<(), CheckpointError> {
        match self {
            Self::Folder(folder) => Ok(leave_nothing(&folder.0)?),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.newest(TenantId::OPERATOR, None).await.map(drop),
        }
    }
}

/// The folder is made with the first checkpoint. Until then it is what it will be made in that is written.
fn leave_nothing(folder: &Path) -> io::Result<()> {
    let mut folders = folder.ancestors();
    let there = folders.find(|folder| folder.symlink_metadata().is_ok());
    let there = there.unwrap_or_else(|| Path::new("."));
    let path = there.join(format!(".countersign-{}", process::id()));
    let mut file = File::create_new(&path)?;
    let written = file
        .write_all(b"probe")
        .and_then(|()| fs::read(&path))
        .map(drop);
    let removed = fs::remove_file(&path);
    written.and(removed)
}
