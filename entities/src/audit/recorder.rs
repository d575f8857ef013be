//! Group commit of rows that stand for themselves: reads, refusals, sessions.
//!
//! Whatever waits while one call commits goes into the next, of whichever tenants, and each waiter
//! is told when its row is durable. A row that can not be written is an error for whoever waits,
//! who then must not answer.
//!
//! Where each chain ends is remembered, so that a call takes one round trip. Where the memory is
//! wrong, because a mutation or another replica has appended, the call tells the end and its
//! rows are linked anew.

mod aside;
mod queue;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::{audit::Head, id::TenantId};
use scopeguard::ScopeGuard;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument;

use self::{
    aside::Aside,
    queue::{Queue, Waiting},
};
use super::{
    Unlinked,
    chain::{Columns, look},
    turns::{Turn, Turns},
    watch::{AuditWatch, Growth},
};
use crate::{
    enter,
    error::{Cause, StoreError, connection_is_lost},
    keys::Keys,
    wire::{self, Begin, End, Wire},
};

/// The most rows that wait, of all tenants.
const WAITING_MAX: usize = 4096;
/// How long rows gather at most where several come at a time, and fewer wait than make a call worth
/// its while. Whoever comes alone does not wait.
const GATHER: Duration = Duration::from_millis(2);
/// How often a row is linked anew before it waits for its chain's end aside.
const TRIES_MAX: u8 = 3;

/// Appends rows by group commit.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// For rows that wait aside.
    pool: PgPool,
    /// For the others: one connection, as one call is made at a time, whose server process has what it
    /// needs in the processor's cache.
    calls: PgPool,
    prepared: bool,
    begin: Begin,
    patience: Duration,
    keys: Arc<Keys>,
    places: Arc<Semaphore>,
    queue: Queue,
    aside: Aside,
    /// Where chains ended when they were last seen.
    heads: Mutex<HashMap<TenantId, Head>>,
    turns: Turns,
    growth: Growth,
}

impl Recorder {
    /// `pool` and `calls` are the recorder's own: were they the requests', then requests that hold
    /// every connection would wait for rows that wait for a connection.
    pub(crate) fn new(
        pool: PgPool,
        calls: PgPool,
        prepared: bool,
        begin: Begin,
        patience: Duration,
        keys: Arc<Keys>,
    ) -> Self {
        Self(Arc::new(Inner {
            pool,
            calls,
            prepared,
            begin,
            patience,
            keys,
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            queue: Queue::default(),
            aside: Aside::default(),
            heads: Mutex::default(),
            turns: Turns::default(),
            growth: Growth::default(),
        }))
    }

    /// Returns when the row is durable.
    pub(crate) async fn record(&self, row: Unlinked) -> Result<(), StoreError> {
        // Before the row waits among others': a key that does not open holds nobody else up.
        let key = self.0.keys.audit(row.tenant).await?;
        let place = Arc::clone(&self.0.places).acquire_owned();
        let Ok(Ok(place)) = tokio::time::timeout(self.0.patience, place).await else {
            return Err(unavailable("the audit writer is full"));
        };
        let (done, told) = oneshot::channel();
        let waiting = Waiting {
            row,
            key,
            tries: 0,
            done,
            place,
        };
        if self.0.queue.push(waiting) {
            // Not in the caller's own future: others wait on this too, and a caller may hang up.
            let abandon: fn(Arc<Inner>) = |inner| inner.queue.abandon();
            let writer = scopeguard::guard(Arc::clone(&self.0), abandon);
            tokio::spawn(write_while_waiting(writer));
        }
        let span = tracing::debug_span!(
            "database",
            otel.kind = "client",
            db.operation.name = "audit"
        );
        told.instrument(span)
            .await
            .unwrap_or_else(|_| Err(unavailable("the audit writer has stopped")))
    }

    /// Where a tenant's chain ended when it was last seen, which may be long ago.
    pub(crate) fn last_seen(&self, tenant: TenantId) -> Head {
        self.0.last_seen(tenant)
    }

    /// Waits until nobody else in this process appends to the tenant's chain. `None` where that takes too
    /// long.
    pub(crate) async fn turn(&self, tenant: TenantId) -> Option<Turn> {
        self.0.turns.take(tenant).await
    }

    /// Is told where a chain ends, durably or not yet.
    pub(crate) fn knows(&self, tenant: TenantId, end: Head) {
        self.0.knows(tenant, end);
    }

    /// Is told that a chain has grown, durably.
    pub(crate) fn grew(&self, tenant: TenantId) {
        self.0.growth.grew(tenant);
    }

    /// Is told when the tenant's chain grows from now on, as far as this process lets it grow.
    pub(crate) fn watch(&self, tenant: TenantId) -> AuditWatch {
        self.0.growth.watch(tenant)
    }

    /// Whose chains have grown by so many rows since they were last told of here.
    pub(crate) fn grown_by(&self, rows: u32) -> Vec<TenantId> {
        self.0.growth.by(rows)
    }

    pub(crate) fn pools(&self) -> [&PgPool; 2] {
        [&self.0.pool, &self.0.calls]
    }

    pub(crate) async fn close(&self) {
        self.0.pool.close().await;
        self.0.calls.close().await;
    }
}

/// Where this is dropped while somebody may wait, because the runtime of its thread stops or it panics, its guard
/// has them told so.
async fn write_while_waiting(writer: ScopeGuard<Arc<Inner>, fn(Arc<Inner>)>) {
    let inner = Arc::clone(&writer);
    let mut is_first = true;
    while inner.queue.goes_on() {
        if !std::mem::replace(&mut is_first, false) {
            // Those that do not come in time go into the call after this.
            let _ = tokio::time::timeout(GATHER, inner.queue.gather()).await;
        }
        let batch = inner.queue.take();
        let (rows, held): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|waiting| waiting.tries < TRIES_MAX && !inner.aside.has(waiting.row.tenant));
        for waiting in held {
            inner.set_aside(waiting);
        }
        let (rows, turns) = inner.whose_turn_it_is(rows);
        if rows.is_empty() {
            continue;
        }
        match inner.commit(&rows).await {
            // Whoever comes next finds where the chains end.
            Ok(told) => inner.settle(rows, &told),
            Err(error) if error.is_unavailable() => {
                for waiting in rows {
                    waiting.tell(Err(error.clone()));
                }
            }
            // One row that the schema refuses must not take the others with it.
            Err(_) => {
                drop(turns);
                for waiting in rows {
                    inner.set_aside(waiting);
                }
            }
        }
    }
    ScopeGuard::into_inner(writer);
}

impl Inner {
    /// The rows of tenants to whose chains nobody appends, and their turns. The others wait for the next
    /// call.
    fn whose_turn_it_is(&self, rows: Vec<Waiting>) -> (Vec<Waiting>, HashMap<TenantId, Turn>) {
        let mut turns = HashMap::new();
        let mut held = Vec::new();
        let mut free = Vec::with_capacity(rows.len());
        for mut waiting in rows {
            let tenant = waiting.row.tenant;
            let turn = || self.turns.take_now(tenant);
            if turns.contains_key(&tenant)
                || turn().map(|turn| turns.insert(tenant, turn)).is_some()
            {
                free.push(waiting);
            } else {
                waiting.tries = waiting.tries.saturating_add(1);
                held.push(waiting);
            }
        }
        held.into_iter()
            .rev()
            .for_each(|waiting| self.queue.put_back(waiting));
        (free, turns)
    }

    /// Appends rows of any tenants in one round trip.
    async fn commit(
        &self,
        rows: &[Waiting],
    ) -> Result<HashMap<TenantId, (bool, Head)>, StoreError> {
        let mut ends: HashMap<TenantId, Head> = HashMap::new();
        let mut columns = Columns::default();
        for waiting in rows {
            let tenant = waiting.row.tenant;
            let end = ends.entry(tenant).or_insert_with(|| self.last_seen(tenant));
            columns.link(end, &waiting.row, &waiting.key)?;
        }
        self.append(&columns).await
    }

    /// Where the connection turns out to be dead, nobody knows whether the rows were written before it
    /// died: they are looked for, and are linked anew only where they are not there. Where it says nothing,
    /// they may yet be written, and are not linked anew.
    async fn append(
        &self,
        columns: &Columns,
    ) -> Result<HashMap<TenantId, (bool, Head)>, StoreError> {
        let connection = self.calls.acquire().await?;
        let append =
            async |connection: &mut PgConnection| columns.append(connection, self.prepared).await;
        match wire::alone(connection, self.prepared, &self.begin, append).await {
            Err(error) if wire::is_silence(&error) => {
                Err(unavailable("the audit writer waits for the database"))
            }
            Err(error) if connection_is_lost(&error) => self.look_for(columns).await,
            told => Ok(told?),
        }
    }

    /// Says of each tenant whether its rows are in its chain, and where that ends.
    async fn look_for(
        &self,
        columns: &Columns,
    ) -> Result<HashMap<TenantId, (bool, Head)>, StoreError> {
        let mut told = HashMap::new();
        for (tenant, last) in columns.ends()? {
            let wire = self.open(tenant).await?;
            let found = look(&wire, last).await?;
            wire.end(End::Rollback).await?;
            told.insert(tenant, found);
        }
        Ok(told)
    }

    /// Tells those whose rows are durable, and has the others try again.
    fn settle(&self, rows: Vec<Waiting>, told: &HashMap<TenantId, (bool, Head)>) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.extend(told.iter().map(|(tenant, (_, head))| (*tenant, *head)));
        drop(heads);
        for mut waiting in rows.into_iter().rev() {
            match told.get(&waiting.row.tenant) {
                Some((true, _)) => {
                    self.growth.grew(waiting.row.tenant);
                    waiting.tell(Ok(()));
                }
                Some((false, _)) => {
                    waiting.tries = waiting.tries.saturating_add(1);
                    self.queue.put_back(waiting);
                }
                // Somebody holds the chain's end.
                None => {
                    waiting.tries = TRIES_MAX;
                    self.queue.put_back(waiting);
                }
            }
        }
    }

    fn last_seen(&self, tenant: TenantId) -> Head {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(&tenant).copied().unwrap_or(Head::EMPTY)
    }

    fn knows(&self, tenant: TenantId, end: Head) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.insert(tenant, end);
    }

    async fn open(&self, tenant: TenantId) -> Result<Wire, StoreError> {
        let enter = enter::enter_tenant(tenant);
        let (wire, _) = Wire::open(&self.pool, self.prepared, &self.begin, &enter).await?;
        Ok(wire)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(Cause::new(why))
}
