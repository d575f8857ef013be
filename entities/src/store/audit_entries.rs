//! Rows of the audit log, each with its link, so that a reader can check the chain.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{Encoding, Event, Link, Outcome},
    id::{AuditEntryId, RequestId},
};
use countersign_policies::{ReadScope, resource};
use sea_orm::{
    ColumnTrait, DbBackend, EntityName, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{Sorted, Stored, items, named};
use crate::{
    audit::fixed,
    error::StoreError,
    filter::{AuditFilter, Columns},
    line::fetched,
    model::{
        audit_entries::{Column, Entity, Model},
        memberships, users,
    },
    page::{Keyset, Page, Position, Slice, SortKey},
    reading::Pace,
    transaction::Reader,
};

/// How many rows of a chain are read at a time.
const CHAIN_ROWS: u16 = 1_000;

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Identifier.
    pub id: AuditEntryId,
    /// What it says.
    pub event: Event,
    /// Its place in the chain.
    pub link: Link,
    /// The name of the actor, if a member still.
    pub actor_name: Option<String>,
}

impl Keyset for AuditEntry {
    fn position(&self) -> Position {
        Position {
            sort: SortKey::Number(self.link.seq),
            id: self.id.uuid(),
        }
    }
}

fetched! {
    pub(crate) struct Row {
    seq: i64,
    encoding: i16,
    id: Uuid,
    previous: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
    actor_kind: String,
    actor_id: String,
    action: String,
    permission: String,
    policies: Option<Vec<u8>>,
    outcome: String,
    targets: Vec<String>,
    request_id: Uuid,
    source: Option<String>,
    payload: String,
    occurred_at: DateTime<Utc>,
    actor_name: Option<String>,
    }
}

fetched! {
    struct End {
        seq: i64,
    }
}

impl TryFrom<Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AuditEntryId::new(row.id),
            event: Event {
                id: AuditEntryId::new(row.id),
                actor_kind: row.actor_kind,
                actor_id: row.actor_id,
                action: row.action,
                permission: row.permission,
                policies: row.policies.as_deref().map(fixed).transpose()?,
                outcome: named(Outcome::from_name(&row.outcome), &row.outcome)?,
                targets: row.targets,
                request: RequestId::new(row.request_id),
                source: row.source,
                payload: row.payload,
                occurred_at: row.occurred_at,
            },
            link: Link {
                encoding: Encoding::from_number(row.encoding)
                    .ok_or_else(|| StoreError::inconsistent("a row is of an unknown encoding"))?,
                seq: row.seq,
                previous: fixed(&row.previous)?,
                hash: fixed(&row.hash)?,
                signature: fixed(&row.signature)?,
            },
            actor_name: row.actor_name,
        })
    }
}

impl TryFrom<Model> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Row {
            seq: row.seq,
            encoding: row.encoding,
            id: row.id,
            previous: row.previous,
            hash: row.hash,
            signature: row.signature,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            action: row.action,
            permission: row.permission,
            policies: row.policies,
            outcome: row.outcome,
            targets: row.targets,
            request_id: row.request_id,
            source: row.source,
            payload: row.payload,
            occurred_at: row.occurred_at,
            actor_name: None,
        }
        .try_into()
    }
}

impl Stored for resource::AuditEntry {
    type Table = Entity;
    type Row = Row;
    type Item = AuditEntry;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ByKey(Column::Seq, Column::Id)
    }

    fn rows() -> Select<Entity> {
        // The log names a human as `usr_` and the id's digits. The id is taken out of that, and not that made
        // of each member's id, so that the one member is found by an index.
        let written = Expr::cust_with_expr(
            "CASE WHEN $1 ~ '^usr_[0-9a-f]{32}$' THEN substr($1, 5)::uuid END",
            Expr::col((Entity, Column::ActorId)),
        );
        let name = Query::select()
            .column((users::Entity, users::Column::Name))
            .from(users::Entity.table_ref())
            .inner_join(
                memberships::Entity.table_ref(),
                Expr::col((memberships::Entity, memberships::Column::UserId))
                    .equals((users::Entity, users::Column::Id)),
            )
            .and_where(
                Expr::col((memberships::Entity, memberships::Column::TenantId))
                    .equals((Entity, Column::TenantId)),
            )
            .and_where(Expr::col((users::Entity, users::Column::Id)).eq(written))
            .take();
        Entity::find().expr_as(Expr::SubQuery(None, Box::new(name.into())), "actor_name")
    }
}

impl Reader {
    /// A page of the audit log, newest first.
    pub async fn audit_entries(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Slice<AuditEntry>, StoreError> {
        self.page(scope, filter.condition(), page).await
    }

    /// The place of the last row, whatever the scope covers.
    pub async fn audit_end(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
    ) -> Result<i64, StoreError> {
        self.admit(scope)?;
        let sql = "SELECT seq FROM countersign.audit_heads WHERE tenant_id = $1";
        let values = [self.tenant_id().uuid().into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows: Vec<End> = self.fetch_statement(statement, Pace::Quick).await?;
        let end = rows.first().map(|end| end.seq);
        end.ok_or_else(|| StoreError::inconsistent("the tenant has no audit head"))
    }

    /// Rows of the chain that the filter chooses, after `after` and up to `until`, in the chain's order; at
    /// most 1,000. Without the actors' names, which are not of the chain.
    pub async fn audit_chain(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        filter: &AuditFilter,
        after: i64,
        until: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.admit(scope)?;
        // From one place on, and not between two: PostgreSQL, which plans before it knows them, takes few rows to be
        // between two places, and sorts all of them for each thousand.
        let after = filter
            .from_seq
            .map_or(after, |first| Ord::max(after, first.saturating_sub(1)));
        let until = filter.to_seq.map_or(until, |last| Ord::min(until, last));
        let filter = AuditFilter {
            from_seq: None,
            to_seq: None,
            ..filter.clone()
        };
        let select = Entity::find()
            .expr_as(Expr::cust("NULL::text"), "actor_name")
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(resource::AuditEntry::columns().condition(scope.predicate())?)
            .filter(filter.condition())
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq);
        let mut statement = select.build(DbBackend::Postgres);
        // Written out, as in every list: see `paged`.
        let _ = write!(statement.sql, " LIMIT {CHAIN_ROWS}");
        let mut rows: Vec<Row> = self.fetch_statement(statement, Pace::Long).await?;
        rows.retain(|row| row.seq <= until);
        items::<resource::AuditEntry>(rows)
    }

    /// Those of the rows that the scope covers, in any order.
    pub async fn audit_entries_by_id(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        ids: &[AuditEntryId],
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }
}
