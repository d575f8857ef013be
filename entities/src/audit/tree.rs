//! The Merkle tree over a tenant's chain as it is stored: what was said of it, and the parts of it that
//! proofs are made of.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{
        Hash,
        merkle::{self, Part, SUBTREE_HEIGHT},
    },
    id::TenantId,
};
use sea_orm::{DbBackend, Statement, Value};

use super::fixed;
use crate::{
    error::StoreError,
    line::{Fetches, fetched},
};

/// A checkpoint, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// How many rows it is of.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The signed note.
    pub note: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

fetched! {
    pub(crate) struct StoredCheckpoint {
        pub(crate) size: i64,
        pub(crate) root: Vec<u8>,
        pub(crate) frontier: Vec<u8>,
        pub(crate) note: String,
        pub(crate) made_at: DateTime<Utc>,
    }
}

impl TryFrom<&StoredCheckpoint> for SignedCheckpoint {
    type Error = StoreError;

    fn try_from(stored: &StoredCheckpoint) -> Result<Self, StoreError> {
        let size = u64::try_from(stored.size);
        Ok(Self {
            size: size.map_err(|_| StoreError::inconsistent("a checkpoint has no size"))?,
            root: fixed(&stored.root)?,
            note: stored.note.clone(),
            made_at: stored.made_at,
        })
    }
}

fetched! {
    struct RowHash {
        seq: i64,
        hash: Vec<u8>,
    }
}

fetched! {
    struct Subtree {
        level: i16,
        place: i64,
        hash: Vec<u8>,
    }
}

/// The newest checkpoints, up to `limit`.
pub(crate) async fn newest(
    at: &impl Fetches,
    tenant: TenantId,
    limit: i64,
) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let sql = "SELECT size, root, frontier, note, made_at FROM countersign.audit_checkpoints \
               WHERE tenant_id = $1 ORDER BY size DESC LIMIT $2";
    at.fetch(statement(sql, [tenant.uuid().into(), limit.into()]))
        .await
}

/// The roots of ranges of the tree that [`merkle::inclusion`] or [`merkle::consistency`] named, within a
/// checkpoint that was made. What is read grows with the tree's height and not with its size: at most 255
/// rows and 255 subtrees of a level for each edge of the tree.
pub(crate) async fn roots(
    at: &impl Fetches,
    tenant: TenantId,
    ranges: &[Range<u64>],
) -> Result<Vec<Hash>, StoreError> {
    let parts = ranges.iter().flat_map(merkle::parts);
    let (leaves, subtrees): (Vec<Part>, Vec<Part>) = parts.partition(|part| part.height == 0);
    let mut known = HashMap::new();
    if !leaves.is_empty() {
        known.extend(leaf_hashes(at, tenant, &leaves).await?);
    }
    if !subtrees.is_empty() {
        known.extend(subtree_hashes(at, tenant, &subtrees).await?);
    }
    let root = |range| merkle::root_of(range, |part| known.get(&part).copied());
    let roots = ranges.iter().map(root).collect::<Option<_>>();
    roots.ok_or_else(|| StoreError::inconsistent("a part of the tree is missing"))
}

async fn leaf_hashes(
    at: &impl Fetches,
    tenant: TenantId,
    leaves: &[Part],
) -> Result<Vec<(Part, Hash)>, StoreError> {
    let seqs = leaves
        .iter()
        .map(|leaf| Ok(number(leaf.place)?.saturating_add(1)));
    let seqs = seqs.collect::<Result<Vec<i64>, StoreError>>()?;
    let sql =
        "SELECT seq, hash FROM countersign.audit_entries WHERE tenant_id = $1 AND seq = ANY ($2)";
    let values = [tenant.uuid().into(), seqs.into()];
    let rows: Vec<RowHash> = at.fetch(statement(sql, values)).await?;
    let leaf = |row: RowHash| {
        let place = u64::try_from(row.seq.saturating_sub(1)).unwrap_or_default();
        Ok((Part { height: 0, place }, merkle::leaf(&fixed(&row.hash)?)))
    };
    rows.into_iter().map(leaf).collect()
}

async fn subtree_hashes(
    at: &impl Fetches,
    tenant: TenantId,
    parts: &[Part],
) -> Result<Vec<(Part, Hash)>, StoreError> {
    let levels = parts.iter().map(|part| level(*part));
    let levels = levels.collect::<Result<Vec<i16>, StoreError>>()?;
    let places = parts.iter().map(|part| number(part.place));
    let places = places.collect::<Result<Vec<i64>, StoreError>>()?;
    let sql = "SELECT s.level, s.place, s.hash FROM countersign.audit_subtrees s \
               JOIN unnest($2::smallint[], $3::bigint[]) w (level, place) \
               ON s.level = w.level AND s.place = w.place WHERE s.tenant_id = $1";
    let values = [tenant.uuid().into(), levels.into(), places.into()];
    let rows: Vec<Subtree> = at.fetch(statement(sql, values)).await?;
    let part = |row: Subtree| {
        let level = u32::try_from(row.level).unwrap_or_default();
        let height = level.saturating_mul(SUBTREE_HEIGHT);
        let place = u64::try_from(row.place).unwrap_or_default();
        Ok((Part { height, place }, fixed(&row.hash)?))
    };
    rows.into_iter().map(part).collect()
}

fn statement<const N: usize>(sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// The level that a kept subtree is stored under.
pub(crate) fn level(part: Part) -> Result<i16, StoreError> {
    let level = part.height.checked_div(SUBTREE_HEIGHT).unwrap_or_default();
    i16::try_from(level).map_err(|_| StoreError::inconsistent("a tree is too high"))
}

/// A size or a place as the database counts.
pub(crate) fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::inconsistent("a chain is too long"))
}
