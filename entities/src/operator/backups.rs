//! What the operator's own log has of backups.

use chrono::{DateTime, NaiveDate, Utc};
use countersign_domain::{audit::Facts, id::TenantId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Operator, OperatorError};
use crate::{
    error::StoreError,
    model::audit_entries::{Column, Entity},
    wire::End,
};

/// The kind of their rows.
const CREATED: &str = "backup.created";

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeBackup {
    /// SHA-256 of its file.
    pub sha256: [u8; 32],
    /// How many bytes the file has.
    pub bytes: u64,
    /// SHA-256 of the public key that it is encrypted to.
    pub key: [u8; 32],
    /// The first day of that key.
    pub since: NaiveDate,
}

impl Operator {
    /// Records a backup that a command made. Returns when the row is durable.
    pub async fn record_backup(
        &self,
        command: &'static str,
        made: &MadeBackup,
    ) -> Result<(), OperatorError> {
        let facts = Facts::new()
            .sha256("sha256", &made.sha256)
            .count("bytes", made.bytes)
            .sha256("key", &made.key)
            .day("since", Some(made.since));
        let tenant = TenantId::OPERATOR;
        let wire = self.books(tenant).await?;
        let done = (command, CREATED);
        self.commit(wire, tenant, done, tenant.into(), facts.into())
            .await
    }

    /// When the first recorded backup was made that is encrypted to the public key of that SHA-256.
    pub async fn first_backup(&self, key: &[u8; 32]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tenant = TenantId::OPERATOR;
        let wire = self.books(tenant).await?;
        let first = Entity::find()
            .filter(Column::TenantId.eq(tenant.uuid()))
            .filter(Column::Action.eq(CREATED))
            .filter(Column::Payload.contains(hex::encode(key)))
            .order_by_asc(Column::Seq)
            .one(&wire)
            .await?;
        wire.end(End::Rollback).await?;
        Ok(first.map(|row| row.occurred_at))
    }

    /// When the newest recorded backup was made.
    pub async fn newest_backup(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tenant = TenantId::OPERATOR;
        let wire = self.books(tenant).await?;
        let newest = Entity::find()
            .filter(Column::TenantId.eq(tenant.uuid()))
            .filter(Column::Action.eq(CREATED))
            .order_by_desc(Column::Seq)
            .one(&wire)
            .await?;
        wire.end(End::Rollback).await?;
        Ok(newest.map(|row| row.occurred_at))
    }
}
