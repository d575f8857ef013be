//! The rows that wrapped keys stand in.

use chrono::{DateTime, Utc};
use countersign_domain::id::TenantId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{
    ROTATE_AT,
    kek::{KeyIdentity, WrappedKey},
};
use crate::{
    error::{StoreError, WriteError},
    line::fetched,
    wire::Wire,
};

/// The key that signs the audit log.
pub(crate) const AUDIT: &str = "audit";
/// The key that signs checkpoints of the log.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The key that seals.
pub(crate) const DATA: &str = "data";
/// The key of blind indexes.
pub(crate) const INDEX: &str = "index";

fetched! {
    /// A wrapped key; destroyed where it is empty.
    pub(crate) struct KeyRow {
        pub(crate) purpose: String,
        pub(crate) version: i32,
        pub(crate) sealed: Option<Vec<u8>>,
        pub(crate) kek: Option<String>,
        pub(crate) created_at: Option<DateTime<Utc>>,
    }
}

impl KeyRow {
    /// Whether it is the same key, wrapped anew perhaps. A database that was replaced by an older one has
    /// the same versions, and other keys.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        (self.version, self.created_at) == (other.version, other.created_at)
    }
}

/// A wrapped key to be stored.
#[derive(Debug)]
pub(crate) struct NewKeyRow {
    pub(super) of: KeyIdentity,
    pub(super) wrapped: WrappedKey,
    pub(super) at: DateTime<Utc>,
}

/// The keys of a purpose, oldest first.
pub(crate) fn of(tenant: TenantId, purpose: &str) -> Statement {
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT purpose, version, sealed, kek, created_at FROM countersign.tenant_keys \
         WHERE tenant_id = $1 AND purpose = $2 ORDER BY version",
        [tenant.uuid().into(), purpose.into()],
    )
}

/// The data keys and the index keys, oldest first.
pub(super) fn sealing(tenant: TenantId) -> Statement {
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT purpose, version, sealed, kek, created_at FROM countersign.tenant_keys \
         WHERE tenant_id = $1 AND purpose IN ('data', 'index') ORDER BY version",
        [tenant.uuid().into()],
    )
}

/// Stores a key.
pub(crate) async fn insert(wire: &Wire, row: NewKeyRow) -> Result<(), WriteError> {
    wire.execute_raw(insertion(row, VALUES)).await?;
    Ok(())
}

/// Stores a key, unless there is one.
pub(crate) async fn insert_once(wire: &Wire, row: NewKeyRow) -> Result<(), StoreError> {
    let source = format!("{VALUES} ON CONFLICT DO NOTHING");
    wire.execute_raw(insertion(row, &source)).await?;
    Ok(())
}

/// Stores the next version of a key, unless there is one, or the version before it is destroyed: whoever
/// destroys that at this time is waited for.
pub(super) async fn insert_next(wire: &Wire, row: NewKeyRow) -> Result<bool, StoreError> {
    let source = "SELECT $1, $2, $3, $4, $5, $6 FROM \
         (SELECT FROM countersign.tenant_keys WHERE tenant_id = $1 AND purpose = $2 AND version = $3 - 1 \
         AND destroyed_at IS NULL FOR SHARE) before ON CONFLICT DO NOTHING";
    let done = wire.execute_raw(insertion(row, source)).await?;
    Ok(done.rows_affected() == 1)
}

const VALUES: &str = "VALUES ($1, $2, $3, $4, $5, $6)";

fn insertion(row: NewKeyRow, source: &str) -> Statement {
    let sql = format!(
        "INSERT INTO countersign.tenant_keys (tenant_id, purpose, version, sealed, kek, created_at) {source}"
    );
    let NewKeyRow { of, wrapped, at } = row;
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        sql,
        [
            of.tenant.uuid().into(),
            of.purpose.into(),
            of.version.into(),
            wrapped.bytes.into(),
            wrapped.kek.into(),
            at.into(),
        ],
    )
}

/// Sets encryptions aside; false where half of what the key is good for is spent.
pub(super) async fn reserve(
    wire: &Wire,
    tenant: TenantId,
    version: i32,
    block: u32,
) -> Result<bool, StoreError> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "UPDATE countersign.tenant_keys SET reserved = reserved + $3 \
         WHERE tenant_id = $1 AND purpose = 'data' AND version = $2 AND destroyed_at IS NULL \
         AND reserved + $3 <= $4",
        [
            tenant.uuid().into(),
            version.into(),
            i64::from(block).into(),
            ROTATE_AT.into(),
        ],
    );
    Ok(wire.execute_raw(statement).await?.rows_affected() == 1)
}
