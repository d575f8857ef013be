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
        pub(crate) version: i32,
        pub(crate) sealed: Option<Vec<u8>>,
        pub(crate) kek: Option<String>,
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
        "SELECT version, sealed, kek FROM countersign.tenant_keys \
         WHERE tenant_id = $1 AND purpose = $2 ORDER BY version",
        [tenant.uuid().into(), purpose.into()],
    )
}

/// Stores a key.
pub(crate) async fn insert(wire: &Wire, row: NewKeyRow) -> Result<(), WriteError> {
    wire.execute_raw(insertion(row, "")).await?;
    Ok(())
}

/// Stores a key, unless there is one.
pub(crate) async fn insert_once(wire: &Wire, row: NewKeyRow) -> Result<(), StoreError> {
    wire.execute_raw(insertion(row, " ON CONFLICT DO NOTHING"))
        .await?;
    Ok(())
}

fn insertion(row: NewKeyRow, otherwise: &str) -> Statement {
    let sql = format!(
        "INSERT INTO countersign.tenant_keys (tenant_id, purpose, version, sealed, kek, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6){otherwise}"
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
