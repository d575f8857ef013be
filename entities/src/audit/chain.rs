//! Appending rows to chains, by the one function of the database that does.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{self as chain, Head, Link},
    id::TenantId,
};
use sea_orm::{ConnectionTrait, Statement};
use sqlx::{Executor, Postgres, Row};
use uuid::Uuid;

use super::Unlinked;
use crate::{error::StoreError, keys::AuditKey, wire::Wire};

/// Locks the end of the chain of the transaction's tenant.
const LOCK_HEAD: &str = "SELECT seq, hash FROM countersign.lock_head()";

/// One text for however many rows there are, so that it is prepared once.
const APPEND: &str = "SELECT tenant, appended, seq, hash FROM countersign.append(\
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Parts targets; no target has it.
const UNIT_SEPARATOR: char = '\u{1f}';

/// Locks the end of the chain of the transaction's tenant until the transaction ends.
pub(crate) async fn lock_head(wire: &Wire) -> Result<Head, StoreError> {
    let statement = Statement::from_string(wire.get_database_backend(), LOCK_HEAD);
    let row = wire
        .query_one_raw(statement)
        .await?
        .ok_or_else(|| StoreError::inconsistent("the tenant has no audit head"))?;
    let hash: Vec<u8> = row.try_get("", "hash")?;
    Ok(Head {
        seq: row.try_get("", "seq")?,
        hash: fixed(&hash)?,
    })
}

pub(crate) fn fixed(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::inconsistent("a hash is not 32 bytes"))
}

/// Rows with their places, as columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    tenants: Vec<Uuid>,
    seqs: Vec<i64>,
    ids: Vec<Uuid>,
    previouses: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
    actor_kinds: Vec<String>,
    actor_ids: Vec<String>,
    actions: Vec<String>,
    permissions: Vec<String>,
    outcomes: Vec<&'static str>,
    targets: Vec<String>,
    requests: Vec<Uuid>,
    sources: Vec<Option<String>>,
    payloads: Vec<String>,
    times: Vec<DateTime<Utc>>,
}

impl Columns {
    /// Links the row to `head`, which is moved.
    pub(super) fn link(
        &mut self,
        head: &mut Head,
        row: &Unlinked,
        key: &AuditKey,
    ) -> Result<(), StoreError> {
        let Unlinked { tenant, id, event } = row;
        let bad = |target: &String| target.is_empty() || target.contains(UNIT_SEPARATOR);
        if event.targets.iter().any(bad) {
            return Err(StoreError::inconsistent("a target is no identifier"));
        }
        let link: Link = chain::next_link(head, *tenant, event, key);
        *head = Head {
            seq: link.seq,
            hash: link.hash,
        };
        self.tenants.push(tenant.uuid());
        self.seqs.push(link.seq);
        self.ids.push(id.uuid());
        self.previouses.push(link.previous.to_vec());
        self.hashes.push(link.hash.to_vec());
        self.signatures.push(link.signature.to_vec());
        self.actor_kinds.push(event.actor_kind.clone());
        self.actor_ids.push(event.actor_id.clone());
        self.actions.push(event.action.clone());
        self.permissions.push(event.permission.clone());
        self.outcomes.push(event.outcome.name());
        self.targets
            .push(event.targets.join(&UNIT_SEPARATOR.to_string()));
        self.requests.push(event.request.uuid());
        self.sources.push(event.source.clone());
        self.payloads.push(event.payload.clone());
        self.times.push(event.occurred_at);
        Ok(())
    }

    /// Appends them. What is told of each tenant: whether its rows were appended, and where its
    /// chain ends. A tenant whose chain somebody holds is missing.
    pub(crate) async fn append<'c>(
        &self,
        connection: impl Executor<'c, Database = Postgres>,
        prepared: bool,
    ) -> Result<HashMap<TenantId, (bool, Head)>, sqlx::Error> {
        let query = sqlx::query(APPEND)
            .persistent(prepared)
            .bind(&self.tenants)
            .bind(&self.seqs)
            .bind(&self.ids)
            .bind(&self.previouses)
            .bind(&self.hashes)
            .bind(&self.signatures)
            .bind(&self.actor_kinds)
            .bind(&self.actor_ids)
            .bind(&self.actions)
            .bind(&self.permissions)
            .bind(&self.outcomes)
            .bind(&self.targets)
            .bind(&self.requests)
            .bind(&self.sources)
            .bind(&self.payloads)
            .bind(&self.times);
        let told = query.fetch_all(connection).await?;
        let told = told.iter().map(|row| {
            let hash: Vec<u8> = row.try_get("hash")?;
            let hash = fixed(&hash).map_err(|error| sqlx::Error::Decode(error.into()))?;
            let head = Head {
                seq: row.try_get("seq")?,
                hash,
            };
            let tenant = TenantId::new(row.try_get("tenant")?);
            Ok((tenant, (row.try_get("appended")?, head)))
        });
        told.collect()
    }
}

/// Links rows of one tenant to `head`, which this transaction has locked, and appends them.
pub(crate) async fn append(
    wire: &Wire,
    mut head: Head,
    rows: &[Unlinked],
    key: &AuditKey,
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for row in rows {
        columns.link(&mut head, row, key)?;
    }
    let told = wire.append(&columns).await?;
    if told.len() == 1 && told.values().all(|(appended, _)| *appended) {
        Ok(())
    } else {
        Err(StoreError::inconsistent(
            "the rows do not go on where their chain ends",
        ))
    }
}
