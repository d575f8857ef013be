//! The audit log: when checkpoints are made of it, and where they are published.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::AwsCredentials;

/// The audit log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// The folder that signed checkpoints are published to.
    pub checkpoints: Option<PathBuf>,
    /// The bucket that they are published to instead; nowhere where neither is given.
    pub bucket: Option<Bucket>,
    /// Minutes after which every chain that has grown gets a checkpoint.
    pub checkpoint_minutes: u32,
    /// Rows after which a chain gets one at once.
    pub checkpoint_rows: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            checkpoints: None,
            bucket: None,
            checkpoint_minutes: 10,
            checkpoint_rows: 10_000,
        }
    }
}

/// A bucket of an object store that speaks S3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Those of an identity that may put, get and list objects in it.
    #[serde(default)]
    pub credentials: AwsCredentials,
    /// Where the store is; that of AWS in the region where not given.
    pub endpoint: Option<Url>,
    /// Whether the bucket's name is a part of paths, and not of the host's name.
    #[serde(default)]
    pub path_style: bool,
    /// What names of objects begin with; a folder's ends with `/`.
    #[serde(default)]
    pub prefix: String,
    /// Days for which nobody can remove or replace what was written, where the bucket has object lock.
    pub lock_days: Option<u32>,
}
