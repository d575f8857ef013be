//! Checkpoints of audit chains, made while serving and published where the database can not reach: whoever
//! cuts or rewrites a chain contradicts what was said of it there.

#[cfg(feature = "s3-checkpoints")]
mod bucket;
mod folder;
mod probe;

use std::{io, sync::Arc, time::Duration};

use countersign_domain::id::TenantId;
use countersign_entities::{Clock, Database, LedgerFault, Operator, SignedCheckpoint, StoreError};
use thiserror::Error;

#[cfg(feature = "s3-checkpoints")]
pub use self::bucket::CheckpointBucket;
pub use self::folder::CheckpointFolder;
use crate::{aws::Machine, config::Audit};

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
    /// Another key was published as the tenant's: one of the two is of a database that was replaced.
    #[error("another key is published as the tenant's: the database is another one")]
    OtherKey,
    /// The bucket does not take or give them; why is for the operator.
    #[error("the bucket of checkpoints is of no use: {0}")]
    Bucket(String),
    /// The folder can not be written.
    #[error("the folder of checkpoints can not be written: {0}")]
    Folder(#[from] io::Error),
}

impl From<StoreError> for CheckpointError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Where checkpoints are published. Mount or name there what the database's administrator can not write.
#[derive(Debug, Clone)]
pub enum CheckpointPlace {
    /// A folder.
    Folder(CheckpointFolder),
    /// A bucket of an object store.
    #[cfg(feature = "s3-checkpoints")]
    Bucket(Box<CheckpointBucket>),
}

/// The place that the configuration names, for whoever is that machine.
pub fn place(
    audit: &Audit,
    machine: &Machine,
    clock: &Arc<dyn Clock>,
) -> Result<Option<CheckpointPlace>, CheckpointError> {
    if let Some(settings) = &audit.bucket {
        #[cfg(feature = "s3-checkpoints")]
        return {
            let bucket = CheckpointBucket::new(settings, machine, Arc::clone(clock))?;
            Ok(Some(CheckpointPlace::Bucket(Box::new(bucket))))
        };
        #[cfg(not(feature = "s3-checkpoints"))]
        return Err(left(&(settings, machine), clock));
    }
    let folder = audit.checkpoints.as_deref().map(CheckpointFolder::new);
    Ok(folder.map(CheckpointPlace::Folder))
}

#[cfg(not(feature = "s3-checkpoints"))]
fn left<T>(_: &T, _: &Arc<dyn Clock>) -> CheckpointError {
    let fault = "this program is built without `s3-checkpoints`: build it with that feature";
    CheckpointError::Bucket(fault.to_owned())
}

impl CheckpointPlace {
    /// The newest note that was published of a tenant's chain. Where `kept` is known to have been made, only
    /// what is newer may have to be looked for.
    pub async fn newest(
        &self,
        tenant: TenantId,
        kept: Option<u64>,
    ) -> Result<Option<String>, CheckpointError> {
        match self {
            Self::Folder(folder) => Ok(folder.newest(tenant)),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.newest(tenant, kept).await,
        }
    }

    async fn publish(
        &self,
        tenant: TenantId,
        key: &str,
        made: &SignedCheckpoint,
    ) -> Result<(), CheckpointError> {
        match self {
            Self::Folder(folder) => folder.publish(tenant, key, made),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.publish(tenant, key, made).await,
        }
    }
}

/// Says what a tenant's chain is, and publishes it.
pub async fn make(
    operator: &Operator,
    tenant: TenantId,
    place: Option<&CheckpointPlace>,
) -> Result<Option<SignedCheckpoint>, CheckpointError> {
    let Some(made) = operator.make_checkpoint(tenant).await? else {
        return Ok(None);
    };
    if let Some(place) = place {
        let key = operator.note_signer(tenant).await?.key().to_string();
        place.publish(tenant, &key, &made).await?;
    }
    Ok(Some(made))
}

/// How often it is looked which chains have grown enough.
const LOOK: Duration = Duration::from_secs(1);

/// Makes checkpoints until the process ends: of every chain from time to time, and soon of one that has
/// grown by `rows` here.
pub async fn keep_making(
    database: Database,
    place: Option<CheckpointPlace>,
    every: Duration,
    rows: u32,
) {
    let operator = database.operator();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Whoever were told of each row would be woken by each request.
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let tenants = tokio::select! {
            _ = ticks.tick() => {
                database.audits_grown_by(0);
                match operator.tenants().await {
                    Ok(all) => all.into_iter().map(|tenant| tenant.id).collect(),
                    Err(error) => {
                        tracing::warn!(%error, "the tenants can not be listed for checkpoints");
                        continue;
                    }
                }
            }
            _ = looks.tick() => database.audits_grown_by(rows),
        };
        for tenant in tenants {
            if let Err(error) = make(&operator, tenant, place.as_ref()).await {
                tracing::error!(%tenant, %error, "no checkpoint was made of an audit chain");
            }
        }
    }
}
