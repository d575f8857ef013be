//! Appending rows to chains, by the one function of the database that does.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{self as chain, Head, Link},
    id::TenantId,
};
use sea_orm::{DbBackend, Statement, Value};
use sqlx::{Executor, Postgres, Row};
use uuid::Uuid;

use super::Unlinked;
use crate::{
    error::StoreError,
    keys::AuditKey,
    line::{Fetches, fetched},
};

/// One text for however many rows there are, so that it is prepared once.
const APPEND: &str = "SELECT tenant, appended, seq, hash FROM countersign.append(\
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// One row, in the transaction of what it tells of.
const APPEND_OWN: &str = "SELECT appended, end_seq, end_hash FROM countersign.append_own(\
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// Parts targets; no target has it.
const UNIT_SEPARATOR: char = '\u{1f}';

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
    policies: Vec<Option<Vec<u8>>>,
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
        let Unlinked { tenant, event } = row;
        let link = next(head, row, key)?;
        self.tenants.push(tenant.uuid());
        self.seqs.push(link.seq);
        self.ids.push(event.id.uuid());
        self.previouses.push(link.previous.to_vec());
        self.hashes.push(link.hash.to_vec());
        self.signatures.push(link.signature.to_vec());
        self.actor_kinds.push(event.actor_kind.clone());
        self.actor_ids.push(event.actor_id.clone());
        self.actions.push(event.action.clone());
        self.permissions.push(event.permission.clone());
        self.policies.push(event.policies.map(Vec::from));
        self.outcomes.push(event.outcome.name());
        self.targets
            .push(event.targets.join(&UNIT_SEPARATOR.to_string()));
        self.requests.push(event.request.uuid());
        self.sources.push(event.source.clone());
        self.payloads.push(event.payload.clone());
        self.times.push(event.occurred_at);
        Ok(())
    }

    /// Where each tenant's chain ends with them.
    pub(super) fn ends(&self) -> Result<HashMap<TenantId, Head>, StoreError> {
        let rows = self.tenants.iter().zip(&self.seqs).zip(&self.hashes);
        let ends = rows.map(|((tenant, seq), hash)| {
            let hash = fixed(hash)?;
            Ok((TenantId::new(*tenant), Head { seq: *seq, hash }))
        });
        ends.collect()
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
            .bind(&self.policies)
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

/// Links the row to `head`, which is moved.
fn next(head: &mut Head, row: &Unlinked, key: &AuditKey) -> Result<Link, StoreError> {
    let bad = |target: &String| target.is_empty() || target.contains(UNIT_SEPARATOR);
    if row.event.targets.iter().any(bad) {
        return Err(StoreError::inconsistent("a target is no identifier"));
    }
    let link = chain::next_link(head, row.tenant, &row.event, key);
    *head = Head {
        seq: link.seq,
        hash: link.hash,
    };
    Ok(link)
}

fetched! {
    struct Found {
        seq: i64,
        hash: Vec<u8>,
        there: Option<Vec<u8>>,
    }
}

/// Whether `row` is a row of the chain that the transaction entered, and where that ends.
pub(super) async fn look(connection: &impl Fetches, row: Head) -> Result<(bool, Head), StoreError> {
    let sql = "SELECT h.seq, h.hash, (SELECT e.hash FROM countersign.audit_entries e \
        WHERE e.tenant_id = h.tenant_id AND e.seq = $1) AS there \
        FROM countersign.audit_heads h WHERE h.tenant_id = countersign.current_tenant()";
    let sought = Statement::from_sql_and_values(DbBackend::Postgres, sql, [row.seq.into()]);
    let found: Vec<Found> = connection.fetch(sought).await?;
    let found = found.into_iter().next();
    let found = found.ok_or_else(|| StoreError::inconsistent("the tenant has no chain"))?;
    let end = Head {
        seq: found.seq,
        hash: fixed(&found.hash)?,
    };
    Ok((found.there.is_some_and(|hash| hash == row.hash), end))
}

fetched! {
    struct Told {
        appended: bool,
        end_seq: Option<i64>,
        end_hash: Option<Vec<u8>>,
    }
}

fetched! {
    struct Ended {
        seq: i64,
        hash: Vec<u8>,
    }
}

/// Waits for the end of the chain that the transaction entered, and holds it from then on.
pub(super) async fn hold_end(connection: &impl Fetches) -> Result<Head, StoreError> {
    let sql = "SELECT seq, hash FROM countersign.hold_end()";
    let held = Statement::from_string(DbBackend::Postgres, sql);
    let held: Vec<Ended> = connection.fetch(held).await?;
    let held = held.into_iter().next();
    let held = held.ok_or_else(|| StoreError::inconsistent("the tenant has no chain"))?;
    Ok(Head {
        seq: held.seq,
        hash: fixed(&held.hash)?,
    })
}

/// Appends a row in the transaction of what it tells of, which holds the chain's end from then on,
/// and returns the end. `guess` is where the chain is thought to end; where it does not, the database
/// tells, holds it, and the row is linked anew.
pub(crate) async fn append(
    connection: &impl Fetches,
    guess: Head,
    row: &Unlinked,
    key: &AuditKey,
) -> Result<Head, StoreError> {
    let mut end = guess;
    for _ in 0..2 {
        let link = next(&mut end, row, key)?;
        let told: Vec<Told> = connection.fetch(own(row, &link, Holds::No)).await?;
        let told = told.into_iter().next();
        let no_chain = || StoreError::inconsistent("the tenant has no chain");
        let told = told.ok_or_else(no_chain)?;
        if told.appended {
            return Ok(end);
        }
        end = Head {
            seq: told.end_seq.ok_or_else(no_chain)?,
            hash: fixed(&told.end_hash.ok_or_else(no_chain)?)?,
        };
    }
    let what = "the row does not go on where its chain ends";
    Err(StoreError::inconsistent(what))
}

/// The statement that appends a row where its transaction holds the chain's end, or fails; and where
/// the chain ends then.
pub(crate) fn append_held(
    mut end: Head,
    row: &Unlinked,
    key: &AuditKey,
) -> Result<(Statement, Head), StoreError> {
    let link = next(&mut end, row, key)?;
    Ok((own(row, &link, Holds::Yes), end))
}

/// Whether the transaction holds the chain's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    No,
    Yes,
}

fn own(row: &Unlinked, link: &Link, holds: Holds) -> Statement {
    let event = &row.event;
    let values: [Value; 17] = [
        link.seq.into(),
        event.id.uuid().into(),
        link.previous.to_vec().into(),
        link.hash.to_vec().into(),
        link.signature.to_vec().into(),
        event.actor_kind.as_str().into(),
        event.actor_id.as_str().into(),
        event.action.as_str().into(),
        event.permission.as_str().into(),
        event.policies.map(Vec::from).into(),
        event.outcome.name().into(),
        event.targets.clone().into(),
        event.request.uuid().into(),
        event.source.clone().into(),
        event.payload.as_str().into(),
        event.occurred_at.into(),
        (holds == Holds::Yes).into(),
    ];
    Statement::from_sql_and_values(DbBackend::Postgres, APPEND_OWN, values)
}
