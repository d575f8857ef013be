//! What deciding recorded requests again reads of a tenant (AUD-7), and records first.

use std::collections::HashMap;

use countersign_domain::{
    audit::{Facts, Outcome},
    id::{AnyId, TenantId, UserId},
};
use countersign_policies::Resolved;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Operator, statement};
use crate::{
    audit::{Attribution, EventDraft},
    error::StoreError,
    wire::End,
};

/// What policies see of a row, as it is today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowToday {
    /// In whose care its account is.
    pub custodian: Option<UserId>,
    /// Whether its account is of the household.
    pub personal: bool,
}

/// Rows of which policies see more than their tenant, by the prefix of their ids.
const SEEN: [(&str, &str); 4] = [
    (
        "acc",
        "SELECT id, custodian_id, personal FROM countersign.accounts \
         WHERE tenant_id = $1 AND id = ANY ($2)",
    ),
    (
        "txn",
        "SELECT t.id, a.custodian_id, a.personal FROM countersign.transactions t \
         JOIN countersign.accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id \
         WHERE t.tenant_id = $1 AND t.id = ANY ($2)",
    ),
    (
        "stm",
        "SELECT s.id, a.custodian_id, a.personal FROM countersign.statements s \
         JOIN countersign.accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id \
         WHERE s.tenant_id = $1 AND s.id = ANY ($2)",
    ),
    (
        "imp",
        "SELECT id, custodian_id, personal FROM countersign.imports \
         WHERE tenant_id = $1 AND id = ANY ($2)",
    ),
];

impl Operator {
    /// Records in the tenant's log that somebody reads it to decide its requests again. Returns when the
    /// row is durable; nothing may be read before.
    pub async fn record_replay(
        &self,
        tenant: TenantId,
        by: &str,
        facts: Facts,
    ) -> Result<(), StoreError> {
        let draft = EventDraft {
            action: "audit.replayed",
            permission: Resolved::beside_policies("operator"),
            outcome: Outcome::Done,
            targets: vec![tenant.into()],
            payload: facts.into(),
        };
        let by = Attribution::operator_named("policy replay", by);
        let row = self.row(tenant, by, draft);
        self.0.recorder.record(row).await
    }

    /// What policies see today of those of the rows that are still there: accounts, transactions,
    /// statements and imports.
    pub async fn rows_today(
        &self,
        tenant: TenantId,
        ids: &[AnyId],
    ) -> Result<HashMap<AnyId, RowToday>, StoreError> {
        let mut found = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let wire = self.books(tenant).await?;
        for (kind, sql) in SEEN {
            let of_kind = ids.iter().filter(|id| id.kind == kind);
            let uuids: Vec<Uuid> = of_kind.map(|id| id.uuid).collect();
            if uuids.is_empty() {
                continue;
            }
            let values = [tenant.uuid().into(), uuids.into()];
            for row in wire.query_all_raw(statement(&wire, sql, values)).await? {
                let uuid = row.try_get("", "id")?;
                let custodian: Option<Uuid> = row.try_get("", "custodian_id")?;
                let today = RowToday {
                    custodian: custodian.map(UserId::new),
                    personal: row.try_get("", "personal")?,
                };
                found.insert(AnyId { kind, uuid }, today);
            }
        }
        wire.end(End::Rollback).await?;
        Ok(found)
    }
}
