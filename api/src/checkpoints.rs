//! Checkpoints of audit chains, made while serving and published where the database can not reach: whoever
//! cuts or rewrites a chain contradicts what was said of it there.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use countersign_domain::id::TenantId;
use countersign_entities::{Database, LedgerFault, Operator, SignedCheckpoint, StoreError};
use thiserror::Error;

/// The name of the newest checkpoint in a tenant's folder.
const NEWEST: &str = "checkpoint";
/// The name of the public key.
const KEY: &str = "key";

/// Why nothing was said of a chain, or not published.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The chain is not what was said of it.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// Something else was published of as many rows: one of the two is of a chain that was rewritten.
    #[error("another checkpoint of {size} rows is published already: the chain was rewritten")]
    Contradicted {
        /// Of how many.
        size: u64,
    },
    /// The folder can not be written.
    #[error("the folder of checkpoints can not be written: {0}")]
    Folder(#[from] io::Error),
}

impl From<StoreError> for CheckpointError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Where checkpoints are published: a folder for each tenant, with its public key, every checkpoint by its
/// size, and the newest. Mount there what the database's administrator can not write.
#[derive(Debug, Clone)]
pub struct CheckpointFolder(PathBuf);

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

    fn publish(
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

/// Says what a tenant's chain is, and publishes it.
pub async fn make(
    operator: &Operator,
    tenant: TenantId,
    folder: Option<&CheckpointFolder>,
) -> Result<Option<SignedCheckpoint>, CheckpointError> {
    let Some(made) = operator.make_checkpoint(tenant).await? else {
        return Ok(None);
    };
    if let Some(folder) = folder {
        let key = operator.note_signer(tenant).await?.key().to_string();
        folder.publish(tenant, &key, &made)?;
    }
    Ok(Some(made))
}

/// Makes checkpoints until the process ends: of every chain from time to time, and at once of one that has
/// grown by `rows` here.
pub async fn keep_making(
    database: Database,
    folder: Option<CheckpointFolder>,
    every: Duration,
    rows: u32,
) {
    let operator = database.operator();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut grown = database.watch_all_audits();
    let mut counts: HashMap<TenantId, u32> = HashMap::new();
    loop {
        let tenants = tokio::select! {
            _ = ticks.tick() => {
                counts.clear();
                match operator.tenants().await {
                    Ok(all) => all.into_iter().map(|tenant| tenant.id).collect(),
                    Err(error) => {
                        tracing::warn!(%error, "the tenants can not be listed for checkpoints");
                        continue;
                    }
                }
            }
            tenant = grown.grew() => {
                let count = counts.entry(tenant).or_default();
                *count = count.saturating_add(1);
                if *count < rows {
                    continue;
                }
                counts.remove(&tenant);
                vec![tenant]
            }
        };
        for tenant in tenants {
            if let Err(error) = make(&operator, tenant, folder.as_ref()).await {
                tracing::error!(%tenant, %error, "no checkpoint was made of an audit chain");
            }
        }
    }
}

#[cfg(test)]
mod tests;
