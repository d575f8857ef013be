//! Checkpoints of audit chains, made while serving and published where the database can not reach: whoever
//! cuts or rewrites a chain contradicts what was said of it there.

#[cfg(feature = "s3-checkpoints")]
mod bucket;
mod folder;
mod probe;

use std::{collections::HashSet, io, sync::Arc, time::Duration};

use countersign_domain::{
    audit::{
        exported::ExportFault,
        note::{Checkpoint, VerifierKey},
    },
    id::TenantId,
};
use countersign_entities::{
    Clock, Database, LedgerFault, Operator, SignedCheckpoint, StoreError, verified_note,
};
use futures::{StreamExt, stream};
use thiserror::Error;

#[cfg(feature = "s3-checkpoints")]
pub use self::bucket::CheckpointBucket;
pub use self::folder::CheckpointFolder;
use crate::{aws::Machine, config::Audit, metrics::Metrics};

/// Why nothing was said of a chain, or not published.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The chain is not what was said of it.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// What was published is of another chain: this one was cut off or rewritten, or is of a backup.
    #[error(
        "the published checkpoint of {size} rows says otherwise: the chain was cut off or rewritten, or its \
         database is of a backup. Nothing more is published. After a restore `countersign backup restored` \
         tells what to do, as \"Backups\" in the README does"
    )]
    Contradicted {
        /// Of how many rows it is.
        size: u64,
    },
    /// Another key was published as the tenant's: one of the two is of a database that was replaced.
    #[error(
        "another key is published as the tenant's: the database is another one. After a restore `countersign \
         backup restored` tells what to do, as \"Backups\" in the README does"
    )]
    OtherKey,
    /// The bucket does not take or give them; why is for the operator.
    #[error("the bucket of checkpoints is of no use: {0}")]
    Bucket(String),
    /// The folder can not be written.
    #[error("the folder of checkpoints can not be written: {0}")]
    Folder(#[from] io::Error),
}

impl CheckpointError {
    /// Whether what is published is not of this chain, which no waiting mends.
    pub const fn is_of_another_chain(&self) -> bool {
        let is_unsigned = matches!(self, Self::Ledger(LedgerFault::Unsigned));
        is_unsigned || matches!(self, Self::Contradicted { .. } | Self::OtherKey)
    }
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

#[cfg_attr(
    not(feature = "s3-checkpoints"),
    expect(
        clippy::unused_async,
        unused_variables,
        reason = "a folder is not waited for"
    )
)]
impl CheckpointPlace {
    /// The newest note that was published of a tenant's chain. Where `kept` is known to have been made, only
    /// what is newer may have to be looked for.
    pub async fn newest(
        &self,
        tenant: TenantId,
        kept: Option<u64>,
    ) -> Result<Option<String>, CheckpointError> {
        match self {
            Self::Folder(folder) => Ok(folder.newest(tenant)?),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.newest(tenant, kept).await,
        }
    }

    /// The notes that were published of more than `after` rows, each with how many it is of, in the order of
    /// their sizes: at most [`PAGE`] of them, and none where there are no more.
    pub async fn page(
        &self,
        tenant: TenantId,
        after: u64,
    ) -> Result<Vec<(u64, String)>, CheckpointError> {
        match self {
            Self::Folder(folder) => Ok(folder.page(tenant, after)?),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.page(tenant, after).await,
        }
    }

    async fn key(&self, tenant: TenantId) -> Result<Option<String>, CheckpointError> {
        match self {
            Self::Folder(folder) => Ok(folder.key(tenant)?),
            #[cfg(feature = "s3-checkpoints")]
            Self::Bucket(bucket) => bucket.key(tenant).await,
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

/// The most notes that are read of a place at a time.
pub const PAGE: usize = 1_000;

/// The checkpoint of a note that was signed with that key; `None` where it was not, or is of another log.
pub fn signed(key: &VerifierKey, note: &str) -> Option<Checkpoint> {
    let checkpoint = Checkpoint::parse(verified_note(key, note).ok()?).ok()?;
    (checkpoint.origin == key.name()).then_some(checkpoint)
}

/// The newest that is published of a tenant's chain, in its note and as it is read.
async fn newest(
    operator: &Operator,
    tenant: TenantId,
    place: &CheckpointPlace,
) -> Result<Option<(String, Checkpoint)>, CheckpointError> {
    let kept = operator.newest_checkpoint(tenant).await?;
    let Some(note) = place.newest(tenant, kept.map(|kept| kept.size)).await? else {
        return Ok(None);
    };
    // Whoever has no key has published nothing.
    let signer = operator.found_signer(tenant).await?;
    let key = signer.ok_or(CheckpointError::OtherKey)?.key().clone();
    if let Some(checkpoint) = signed(&key, &note) {
        return Ok(Some((note, checkpoint)));
    }
    let published = place.key(tenant).await?;
    if published.is_some_and(|published| published.trim() != key.to_string()) {
        return Err(CheckpointError::OtherKey);
    }
    Err(LedgerFault::Unsigned.into())
}

/// What else is published than what the chain is.
fn contradicted(fault: LedgerFault, published: Option<&Checkpoint>) -> CheckpointError {
    match (fault, published) {
        (
            LedgerFault::Checkpoint(ExportFault::Cut { .. } | ExportFault::Rewritten { .. }),
            Some(Checkpoint { size, .. }),
        ) => CheckpointError::Contradicted { size: *size },
        (fault, _) => fault.into(),
    }
}

/// How many rows the newest checkpoint is of that is published of a tenant's chain, which must be of the
/// chain as it is. Nothing is changed.
pub async fn compare(
    operator: &Operator,
    tenant: TenantId,
    place: &CheckpointPlace,
) -> Result<Option<u64>, CheckpointError> {
    let Some((_, published)) = newest(operator, tenant, place).await? else {
        return Ok(None);
    };
    let compared = operator.continues(tenant, &published).await;
    compared.map_err(|fault| contradicted(fault, Some(&published)))?;
    Ok(Some(published.size))
}

/// Says what a tenant's chain is, and publishes it where it goes on from what is published.
pub async fn make(
    operator: &Operator,
    tenant: TenantId,
    place: Option<&CheckpointPlace>,
) -> Result<Option<SignedCheckpoint>, CheckpointError> {
    // Before the chain is looked at: another server that publishes meanwhile knows of no fewer rows.
    let published = match place {
        Some(place) => newest(operator, tenant, place).await?,
        None => None,
    };
    let (note, published) = published.unzip();
    let made = operator.make_checkpoint(tenant, published.as_ref()).await;
    let Some(made) = made.map_err(|fault| contradicted(fault, published.as_ref()))? else {
        return Ok(None);
    };
    if let Some(place) = place.filter(|_| note.as_ref() != Some(&made.note)) {
        let key = operator.note_signer(tenant).await?.key().to_string();
        place.publish(tenant, &key, &made).await?;
    }
    Ok(Some(made))
}

/// How often it is looked which chains have grown enough.
const LOOK: Duration = Duration::from_secs(1);
/// Of how many chains checkpoints are made at once: a place that is slow for one holds few others up.
const AT_ONCE: usize = 3;

/// Makes checkpoints until the process ends: of every chain from time to time, and soon of one that has
/// grown by `rows` here. How many chains contradict what is published of them is counted in `metrics`.
pub async fn keep_making(
    database: Database,
    place: Option<CheckpointPlace>,
    every: Duration,
    rows: u32,
    metrics: Arc<Metrics>,
) {
    let operator = database.operator();
    let mut contradicted = HashSet::new();
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
        let make = async |tenant| (tenant, make(&operator, tenant, place.as_ref()).await);
        let mut made = stream::iter(tenants).map(make).buffer_unordered(AT_ONCE);
        while let Some((tenant, made)) = made.next().await {
            match made {
                Ok(_) => {
                    contradicted.remove(&tenant);
                }
                Err(error) => {
                    tracing::error!(%tenant, %error, "no checkpoint was made of an audit chain");
                    if error.is_of_another_chain() {
                        contradicted.insert(tenant);
                    }
                }
            }
        }
        metrics.contradicted(contradicted.len());
    }
}
