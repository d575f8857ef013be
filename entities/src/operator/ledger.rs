//! Verifying the ledger of a tenant, against the rows, the key and the head (AUD-4).

use countersign_domain::{
    audit::{ChainError, Facts, Head, exported::ExportFault, verify_link},
    id::TenantId,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use thiserror::Error;

use super::{Operator, OperatorError, statement};
use crate::{
    audit::fixed,
    enter,
    error::StoreError,
    filter::AuditFilter,
    model::audit_entries::{Column, Entity},
    store::audit_entries::AuditEntry,
    wire::{Begin, End, Wire},
};

/// How many rows of the ledger are read at a time.
const ROWS: u64 = 1_000;

/// What the first row of every chain records: it is made with the tenant.
const FIRST: &str = "tenant.created";

/// What verifying a ledger found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// The first row that was checked.
    pub from: i64,
    /// How many rows are good.
    pub verified: u64,
    /// The last good row; 0 where there is none.
    pub last: Head,
}

/// Why a ledger does not verify.
#[derive(Debug, Error)]
pub enum LedgerFault {
    /// The first row that fails.
    #[error(transparent)]
    Broken(#[from] ChainError),
    /// The first row is not the one that every chain begins with.
    #[error(
        "the chain does not begin with `{FIRST}`, as every tenant's does: its rows were removed, or the tenant was \
         not made by `countersign tenant create` to its end"
    )]
    Beheaded,
    /// The last row is not the one that the head names.
    #[error("row {seq} is the last, and is not the one that the head names")]
    Head {
        /// The last row.
        seq: i64,
    },
    /// A checkpoint was not signed with the tenant's key.
    #[error("a checkpoint was not signed with the tenant's key")]
    Unsigned,
    /// It is not what a checkpoint says, which is kept elsewhere.
    #[error(transparent)]
    Checkpoint(#[from] ExportFault),
    /// The range is none: from 1, and not beyond its end.
    #[error("rows {from} to {to} are no range")]
    Range {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// The ledger has no row before the one that checking was to begin at.
    #[error("the log ends before row {0}")]
    Beyond(i64),
    /// Storage failed; nothing is said of the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Operator {
    /// Up to `limit` (at most 1,000) rows of the tenant's ledger, from `from` on, in order.
    pub async fn ledger_rows(
        &self,
        tenant: TenantId,
        from: i64,
        limit: u64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let wire = self.books(tenant).await?;
        let rows = rows(&wire, tenant, from, limit.min(ROWS)).await?;
        wire.end(End::Rollback).await?;
        Ok(rows)
    }

    /// Where the chain ends.
    pub async fn ledger_end(&self, tenant: TenantId) -> Result<Head, StoreError> {
        let wire = self.books(tenant).await?;
        let end = head(&wire, tenant).await?;
        wire.end(End::Rollback).await?;
        Ok(end)
    }

    /// Records an export by the command, which is not complete before this returns.
    pub async fn record_export(&self, tenant: TenantId, facts: Facts) -> Result<(), OperatorError> {
        let wire = self.books(tenant).await?;
        let done = ("ledger export", "audit.exported");
        self.commit(wire, tenant, done, tenant.into(), facts.into())
            .await
    }

    /// The same, of the rows after `after` that the filter chooses.
    pub async fn ledger_page(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        after: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let wire = self.books(tenant).await?;
        let rows = Entity::find()
            .filter(Column::TenantId.eq(tenant.uuid()))
            .filter(Column::Seq.gt(after))
            .filter(filter.condition())
            .order_by_asc(Column::Seq)
            .limit(ROWS)
            .all(&wire)
            .await?;
        wire.end(End::Rollback).await?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }

    /// Checks that the chain begins as every one does, the links and signatures of rows `from` to `to` (1 and
    /// the end, if `None`), and, where the range reaches the end, that the chain ends where its head says
    /// (AUD-4).
    pub async fn verify_ledger(
        &self,
        tenant: TenantId,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Result<LedgerReport, LedgerFault> {
        let first = from.unwrap_or(1);
        let end = to.unwrap_or(i64::MAX);
        if first < 1 || end < first {
            return Err(LedgerFault::Range {
                from: first,
                to: end,
            });
        }
        let wire = self.snapshot(tenant).await?;
        let expected = found_head(&wire, tenant).await?;
        let expected = expected.ok_or(LedgerFault::Beheaded)?;
        begins(&wire, tenant).await?;
        let mut last = before(&wire, tenant, first).await?;
        let beyond = rows(&wire, tenant, expected.seq.saturating_add(1), 1).await?;
        // Rows that are there stay as they are. A snapshot that is held while all of them are read makes every
        // append slower than the one before: what moves the head leaves the old ones behind for it.
        wire.end(End::Rollback).await?;
        let key = self.0.keys.audit(tenant).await?;
        let end = end.min(expected.seq);
        let mut verified = 0_u64;
        while last.seq < end {
            let next = last.seq.saturating_add(1);
            let page = self.ledger_rows(tenant, next, ROWS).await?;
            if page.is_empty() {
                break;
            }
            for row in page.iter().take_while(|row| row.link.seq <= end) {
                last = verify_link(&last, tenant, &row.event, &row.link, &key)?;
                verified = verified.saturating_add(1);
            }
        }
        if last.seq < end {
            return Err(ChainError::Truncated {
                expected: expected.seq,
                found: last.seq,
            }
            .into());
        }
        let longer = beyond.first().filter(|_| to.is_none());
        if let Some(row) = longer {
            let found = row.link.seq;
            return Err(ChainError::Truncated {
                expected: expected.seq,
                found,
            }
            .into());
        }
        if last.seq == expected.seq && last.hash != expected.hash {
            return Err(LedgerFault::Head { seq: last.seq });
        }
        Ok(LedgerReport {
            from: first,
            verified,
            last,
        })
    }

    /// A transaction in the tenant in which head and rows are of one moment: writers go on.
    async fn snapshot(&self, tenant: TenantId) -> Result<Wire, StoreError> {
        let of_one_moment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;";
        let begin = Begin {
            sql: self.0.begin.sql.replacen("BEGIN;", of_one_moment, 1),
            vigil: self.0.begin.vigil.clone(),
        };
        let enter = enter::enter_tenant(tenant);
        let (wire, _) = Wire::open(&self.0.books, self.0.prepared, &begin, &enter).await?;
        Ok(wire)
    }
}

/// The head before row `first`, taken from the row before it.
async fn before(wire: &Wire, tenant: TenantId, first: i64) -> Result<Head, LedgerFault> {
    let Some(seq) = first.checked_sub(1).filter(|seq| *seq > 0) else {
        return Ok(Head::EMPTY);
    };
    let row = rows(wire, tenant, seq, 1).await?.into_iter().next();
    match row {
        Some(row) if row.link.seq == seq => Ok(Head {
            seq,
            hash: row.link.hash,
        }),
        Some(row) => Err(ChainError::Gap {
            expected: seq,
            found: row.link.seq,
        }
        .into()),
        None => Err(LedgerFault::Beyond(first)),
    }
}

/// Whether the first row is there. What it says is checked with the rows.
async fn begins(wire: &Wire, tenant: TenantId) -> Result<(), LedgerFault> {
    let first = rows(wire, tenant, 1, 1).await?.into_iter().next();
    match first {
        // That rows are missing between it and the next is told with their places.
        Some(row) if row.link.seq != 1 => Err(ChainError::Gap {
            expected: 1,
            found: row.link.seq,
        }
        .into()),
        Some(row) if row.event.action == FIRST => Ok(()),
        _ => Err(LedgerFault::Beheaded),
    }
}

pub(super) async fn head(wire: &Wire, tenant: TenantId) -> Result<Head, StoreError> {
    let found = found_head(wire, tenant).await?;
    found.ok_or_else(|| StoreError::inconsistent("the tenant has no audit head"))
}

async fn found_head(wire: &Wire, tenant: TenantId) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT seq, hash FROM countersign.audit_heads WHERE tenant_id = $1";
    let row = wire
        .query_one_raw(statement(wire, sql, [tenant.uuid().into()]))
        .await?;
    let Some(row) = row else { return Ok(None) };
    let hash: Vec<u8> = row.try_get("", "hash")?;
    Ok(Some(Head {
        seq: row.try_get("", "seq")?,
        hash: fixed(&hash)?,
    }))
}

async fn rows(
    wire: &Wire,
    tenant: TenantId,
    from: i64,
    limit: u64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(tenant.uuid()))
        .filter(Column::Seq.gte(from))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(wire)
        .await?;
    rows.into_iter().map(AuditEntry::try_from).collect()
}
