//! Checkpoints of the tenant's audit log, and the proofs that they are compared by.
//!
//! Whoever reads the log reads them. A root says nothing of a single row: it is a hash of hashes.

use std::ops::Range;

use countersign_domain::audit::{Hash, note::VerifierKey};
use countersign_policies::{ReadScope, resource};
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use crate::{
    audit::{
        tree::{self, SignedCheckpoint, StoredCheckpoint},
        verifier,
    },
    database::Database,
    error::StoreError,
    page::{Direction, Keyset, Page, Position, Slice, SortKey},
    reading::Pace,
    transaction::Reader,
};

const COLUMNS: &str = "SELECT size, root, frontier, note, made_at \
                       FROM countersign.audit_checkpoints WHERE tenant_id = $1";

impl Keyset for SignedCheckpoint {
    fn position(&self) -> Position {
        Position {
            sort: SortKey::Number(i64::try_from(self.size).unwrap_or(i64::MAX)),
            id: Uuid::nil(),
        }
    }
}

impl Reader {
    /// A page of the checkpoints, the newest first.
    pub async fn audit_checkpoints(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        page: &Page,
    ) -> Result<Slice<SignedCheckpoint>, StoreError> {
        page.check()?;
        let (order, beyond) = match page.direction {
            Direction::Forward => ("DESC", "<"),
            Direction::Backward => ("ASC", ">"),
        };
        let (condition, from) = match page.position.map(|position| position.sort) {
            None => (String::new(), None),
            Some(SortKey::Number(size)) => (format!(" AND size {beyond} $2"), Some(size)),
            Some(_) => {
                return Err(StoreError::inconsistent("the position is of another list"));
            }
        };
        let limit = page.read().saturating_add(1);
        let sql = format!("{COLUMNS}{condition} ORDER BY size {order} LIMIT {limit}");
        let mut rows = self.checkpoints(scope, sql, from).await?;
        let has_more = rows.len() > usize::from(page.limit);
        rows.truncate(usize::from(page.limit));
        if page.direction == Direction::Backward {
            rows.reverse();
        }
        Ok(Slice { rows, has_more })
    }

    /// The checkpoint of that many rows; the newest where no size is given.
    pub async fn audit_checkpoint(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        size: Option<i64>,
    ) -> Result<Option<SignedCheckpoint>, StoreError> {
        let condition = match size {
            Some(_) => " AND size = $2",
            None => " ORDER BY size DESC LIMIT 1",
        };
        let sql = format!("{COLUMNS}{condition}");
        let found = self.checkpoints(scope, sql, size).await?;
        Ok(found.into_iter().next())
    }

    /// The roots of ranges of the tree within a checkpoint that was made.
    pub async fn audit_tree_roots(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Hash>, StoreError> {
        self.admit(scope)?;
        tree::roots(self, self.tenant_id(), ranges).await
    }

    /// The public key that checkpoints and exports are signed with; none before the first was made.
    pub async fn audit_key(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        database: &Database,
    ) -> Result<Option<VerifierKey>, StoreError> {
        self.admit(scope)?;
        verifier(self, self.tenant_id(), &database.inner().keys).await
    }

    async fn checkpoints(
        &self,
        scope: &ReadScope<resource::AuditEntry>,
        sql: String,
        size: Option<i64>,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.admit(scope)?;
        let tenant: Value = self.tenant_id().uuid().into();
        let values = std::iter::once(tenant).chain(size.map(Value::from));
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows: Vec<StoredCheckpoint> = self.fetch_statement(statement, Pace::Quick).await?;
        rows.iter().map(SignedCheckpoint::try_from).collect()
    }
}
