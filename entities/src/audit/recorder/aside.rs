//! Rows of chains whose ends others hold, mutations or other replicas. They wait for an end as those who hold it
//! do, a tenant's together, and keep no other tenant's rows waiting.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use countersign_domain::{audit::Head, id::TenantId};
use scopeguard::ScopeGuard;
use sqlx::PgConnection;

use super::{
    Inner,
    queue::{BATCH_MAX, Waiting},
};
use crate::{
    audit::chain::{Columns, append, hold_end},
    error::StoreError,
    wire::{End, Wire},
};

/// What waits aside, by tenant. A task writes a tenant's exactly while the tenant is there.
#[derive(Debug, Default)]
pub(super) struct Aside(Mutex<HashMap<TenantId, VecDeque<Waiting>>>);

impl Aside {
    /// Adds a row; whether nobody writes its tenant's yet.
    pub(super) fn push(&self, waiting: Waiting) -> bool {
        let mut all = self.rows();
        let is_first = !all.contains_key(&waiting.row.tenant);
        let rows = all.entry(waiting.row.tenant).or_default();
        rows.push_back(waiting);
        is_first
    }

    /// Whether a tenant's rows wait here.
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.rows().contains_key(&tenant)
    }

    /// Takes a tenant's rows of one transaction. `None` where none came in the meantime: the next one finds nobody
    /// who writes.
    pub(super) fn take(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut all = self.rows();
        let rows = all.get_mut(&tenant)?;
        if rows.is_empty() {
            all.remove(&tenant);
            return None;
        }
        let n = rows.len().min(BATCH_MAX);
        Some(rows.drain(..n).collect())
    }

    /// The task that wrote a tenant's is gone: each who waits is told so.
    pub(super) fn abandon(&self, tenant: TenantId) {
        let rows = self.rows().remove(&tenant);
        drop(rows);
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<TenantId, VecDeque<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Has the row wait for its chain's end.
    pub(super) fn set_aside(self: &Arc<Self>, waiting: Waiting) {
        let tenant = waiting.row.tenant;
        if self.aside.push(waiting) {
            let abandon = move |inner: Arc<Self>| inner.aside.abandon(tenant);
            let writer = scopeguard::guard(Arc::clone(self), abandon);
            tokio::spawn(async move {
                while let Some(rows) = writer.aside.take(tenant) {
                    writer.write_aside(tenant, rows).await;
                }
                ScopeGuard::into_inner(writer);
            });
        }
    }

    /// What is refused is halved, so that one row that the schema refuses does not take the others with it.
    async fn write_aside(&self, tenant: TenantId, rows: Vec<Waiting>) {
        let mut parts = vec![rows];
        while let Some(mut rows) = parts.pop() {
            match self.append_at_end(tenant, &rows).await {
                Err(error) if rows.len() > 1 && !error.is_unavailable() => {
                    let rest = rows.split_off(rows.len() / 2);
                    parts.extend([rest, rows]);
                }
                written => {
                    for waiting in rows {
                        waiting.tell(written.clone());
                    }
                }
            }
        }
    }

    /// Appends a tenant's rows in a transaction that waits for the chain's end.
    async fn append_at_end(&self, tenant: TenantId, rows: &[Waiting]) -> Result<(), StoreError> {
        // Or without one: PostgreSQL has it wait for the chain's end, and not for longer than a statement may.
        let _turn = self.turns.take(tenant).await;
        let wire = self.open(tenant).await?;
        let end = match rows {
            // Tells why the schema refuses it.
            [one] => append(&wire, self.last_seen(tenant), &one.row, &one.key).await?,
            _ => self.append_all(&wire, tenant, rows).await?,
        };
        wire.end(End::Commit).await?;
        self.knows(tenant, end);
        for _ in rows {
            self.growth.grew(tenant);
        }
        Ok(())
    }

    /// Appends them in the transaction, which holds the chain's end from then on, and returns the end.
    async fn append_all(
        &self,
        wire: &Wire,
        tenant: TenantId,
        rows: &[Waiting],
    ) -> Result<Head, StoreError> {
        let mut end = hold_end(wire).await?;
        let mut columns = Columns::default();
        for waiting in rows {
            columns.link(&mut end, &waiting.row, &waiting.key)?;
        }
        let append =
            async |connection: &mut PgConnection| columns.append(connection, self.prepared).await;
        if let Some((true, _)) = wire.run(append).await?.get(&tenant) {
            return Ok(end);
        }
        let what = "rows do not go on where their chain ends";
        Err(StoreError::inconsistent(what))
    }
}
