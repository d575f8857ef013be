//! What a database that came back from a backup is told of: sessions end, and each log says where it went on.

use std::fmt;

use chrono::{DateTime, Utc};
use countersign_domain::{audit::Facts, id::TenantId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Operator, OperatorError, ledger, statement};
use crate::{
    error::StoreError,
    model::audit_entries::{Column, Entity},
    wire::{End, Wire},
};

/// The kind of their rows.
const RESTORED: &str = "backup.restored";

/// How many sessions end in one transaction: there may be too many to end within the bound of a statement.
const SESSIONS: i64 = 5_000;
const END_SESSIONS: &str = "UPDATE countersign.sessions SET ended_at = $1 WHERE id IN (\
    SELECT id FROM countersign.sessions WHERE id > $2 AND ended_at IS NULL ORDER BY id LIMIT $3) RETURNING id";

/// Which database this is: another one after each restore, be it into a new database or of a whole cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseIdentity([u8; 32]);

/// A backup that was restored, as a tenant's log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredBackup {
    /// The database that it was restored to.
    pub database: DatabaseIdentity,
    /// SHA-256 of the backup's file, if it is known.
    pub sha256: Option<[u8; 32]>,
    /// How many rows the newest checkpoint is of that is published of the log, if one is.
    pub published: Option<u64>,
    /// Whether the tenant's API tokens end.
    pub ends_tokens: bool,
}

/// That a restore is recorded in a tenant's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedRestore {
    /// How many rows the log had from the backup.
    pub end: u64,
    /// When it was recorded first.
    pub at: DateTime<Utc>,
    /// How many API tokens ended now.
    pub tokens_ended: u64,
}

/// What lets somebody in, or opens something, and was there before a restore was recorded: it may have been
/// ended after the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// API tokens that are neither revoked nor over.
    pub api_tokens: u64,
    /// Members.
    pub members: u64,
    /// Machines that are not disabled.
    pub machines: u64,
    /// Keys that seal and are not destroyed.
    pub keys: u64,
}

impl Operator {
    /// Which database this is.
    pub async fn identity(&self) -> Result<DatabaseIdentity, StoreError> {
        let wire = self.entry().await?;
        // Who restores a cluster to a point in time begins a timeline; who restores a dump makes a database.
        let sql = "SELECT concat_ws(' ', s.system_identifier, c.timeline_id, d.oid) AS known_as \
                   FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d \
                   WHERE d.datname = current_database()";
        let row = wire.query_one_raw(statement(&wire, sql, [])).await?;
        let row = row.ok_or_else(|| StoreError::inconsistent("the database has no name"))?;
        let known_as: String = row.try_get("", "known_as")?;
        wire.end(End::Rollback).await?;
        Ok(DatabaseIdentity(Sha256::digest(known_as).into()))
    }

    /// Whether it is recorded in the tenant's log that a backup was restored to that database.
    pub async fn recorded_restore(
        &self,
        tenant: TenantId,
        database: &DatabaseIdentity,
    ) -> Result<Option<RecordedRestore>, StoreError> {
        let wire = self.books(tenant).await?;
        let found = recorded(&wire, tenant, database).await?;
        wire.end(End::Rollback).await?;
        Ok(found)
    }

    /// Ends every session there is, and says how many that were. Where it is cut off some have ended, and it
    /// goes on when it is begun again.
    pub async fn end_every_session(&self) -> Result<u64, StoreError> {
        let at = self.0.clock.now();
        let (mut last, mut ended) = (Uuid::nil(), 0_u64);
        loop {
            let wire = self.entry().await?;
            let values = [at.into(), last.into(), SESSIONS.into()];
            let done = wire.query_all_raw(statement(&wire, END_SESSIONS, values));
            let done = done.await?;
            wire.end(End::Commit).await?;
            for row in &done {
                last = last.max(row.try_get("", "id")?);
            }
            ended = ended.saturating_add(u64::try_from(done.len()).unwrap_or(u64::MAX));
            if done.is_empty() {
                return Ok(ended);
            }
        }
    }

    /// Records in the tenant's log that a backup was restored, unless that is recorded and nothing more ends.
    /// Of API tokens those end that were there before it was recorded.
    pub async fn record_restored(
        &self,
        tenant: TenantId,
        restored: &RestoredBackup,
    ) -> Result<RecordedRestore, OperatorError> {
        let wire = self.books(tenant).await?;
        let before = recorded(&wire, tenant, &restored.database).await?;
        let at = self.0.clock.now();
        let mut ended = 0;
        if restored.ends_tokens {
            let sql = "UPDATE countersign.api_tokens SET revoked_at = $1 \
                       WHERE revoked_at IS NULL AND ($2::timestamptz IS NULL OR created_at <= $2)";
            let until = before.map(|before| before.at);
            let end = statement(&wire, sql, [at.into(), until.into()]);
            let done = wire.execute_raw(end).await.map_err(StoreError::from)?;
            ended = done.rows_affected();
        }
        if let Some(before) = before.filter(|_| ended == 0) {
            wire.end(End::Rollback).await?;
            return Ok(before);
        }
        let end = ledger::head(&wire, tenant).await?.seq;
        let end = u64::try_from(end).unwrap_or_default();
        let mut facts = Facts::new()
            .sha256("database", &restored.database.0)
            .count("end", end);
        if let Some(sha256) = &restored.sha256 {
            facts = facts.sha256("sha256", sha256);
        }
        if let Some(published) = restored.published {
            facts = facts.count("published", published);
        }
        if restored.ends_tokens {
            facts = facts.count("tokensEnded", ended);
        }
        let done = ("backup restored", RESTORED);
        self.commit(wire, tenant, done, tenant.into(), facts.into())
            .await?;
        let first = before.unwrap_or(RecordedRestore {
            end,
            at,
            tokens_ended: 0,
        });
        Ok(RecordedRestore {
            tokens_ended: ended,
            ..first
        })
    }

    /// What of the tenant's stood when the restore was recorded, and still does.
    pub async fn standing(
        &self,
        tenant: TenantId,
        recorded: &RecordedRestore,
    ) -> Result<Standing, StoreError> {
        let wire = self.books(tenant).await?;
        let sql = "SELECT (SELECT count(*) FROM countersign.api_tokens WHERE revoked_at IS NULL \
                    AND expires_at > $1 AND created_at <= $2) AS api_tokens, \
                   (SELECT count(*) FROM countersign.memberships WHERE created_at <= $2) AS members, \
                   (SELECT count(*) FROM countersign.machines \
                    WHERE disabled_at IS NULL AND created_at <= $2) AS machines, \
                   (SELECT count(*) FROM countersign.tenant_keys \
                    WHERE purpose IN ('data', 'index') AND destroyed_at IS NULL) AS keys";
        let values = [self.0.clock.now().into(), recorded.at.into()];
        let row = wire.query_one_raw(statement(&wire, sql, values)).await?;
        let row = row.ok_or_else(|| StoreError::inconsistent("nothing was counted"))?;
        wire.end(End::Rollback).await?;
        let count = |name: &str| {
            let count: i64 = row.try_get("", name)?;
            Ok::<_, DbErr>(u64::try_from(count).unwrap_or_default())
        };
        Ok(Standing {
            api_tokens: count("api_tokens")?,
            members: count("members")?,
            machines: count("machines")?,
            keys: count("keys")?,
        })
    }
}

/// The first row of that restore. The backup itself may have rows of earlier ones.
async fn recorded(
    wire: &Wire,
    tenant: TenantId,
    database: &DatabaseIdentity,
) -> Result<Option<RecordedRestore>, StoreError> {
    let first = Entity::find()
        .filter(Column::TenantId.eq(tenant.uuid()))
        .filter(Column::Action.eq(RESTORED))
        .filter(Column::Payload.contains(database.to_string()))
        .order_by_asc(Column::Seq)
        .one(wire)
        .await?;
    Ok(first.map(|row| RecordedRestore {
        end: u64::try_from(row.seq.saturating_sub(1)).unwrap_or_default(),
        at: row.occurred_at,
        tokens_ended: 0,
    }))
}

impl fmt::Display for DatabaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
