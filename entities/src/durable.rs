//! Making durable what was committed, for all who wait, by one flush of PostgreSQL's write-ahead log.
//!
//! A transaction that is committed asynchronously holds nothing up while the disk works: what comes after
//! it, also on its own connection, goes on. PostgreSQL writes its log in order, so that a transaction that
//! is committed synchronously afterwards makes those before it durable too, on standbys as well where they
//! are waited for. Whoever answers waits for that.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{DbBackend, Statement};
use sqlx::PgPool;
use tokio::sync::oneshot;

use crate::{
    error::{Cause, StoreError},
    line::{Fault, Lanes},
    wire::Wire,
};

/// A transaction that writes nothing but itself, which takes as much as being flushed.
const FLUSH: &str = "SELECT pg_logical_emit_message(true, 'countersign', '')";

/// Flushes for all who wait.
#[derive(Debug, Clone)]
pub(crate) struct Durability(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Lanes,
    /// For when there is no lane.
    pool: PgPool,
    prepared: bool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whether a task flushes.
    is_flushed: bool,
    told: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

impl Durability {
    /// Flushes by lanes of its own, or else by connections of `pool`; one flush at a time.
    pub(crate) fn new(lanes: Lanes, pool: PgPool, prepared: bool) -> Self {
        Self(Arc::new(Inner {
            lanes,
            pool,
            prepared,
            waiting: Mutex::default(),
        }))
    }

    /// How many connections are open, and how many of them nobody uses.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.0.lanes.counts()
    }

    /// Closes its lanes, as what is on their way has come.
    pub(crate) fn close(&self) {
        self.0.lanes.close();
    }

    /// Returns when all that was committed before this was called is durable. Where that fails, nobody knows
    /// whether it is.
    pub(crate) async fn reached(&self) -> Result<(), StoreError> {
        let (told, waits) = oneshot::channel();
        let is_first = {
            let mut waiting = self.0.waiting();
            waiting.told.push(told);
            !mem::replace(&mut waiting.is_flushed, true)
        };
        if is_first {
            // Not in the caller's own future: others wait on this too, and a caller may hang up.
            tokio::spawn(flush_while_waiting(Arc::clone(&self.0)));
        }
        let stopped = || StoreError::Unavailable(Cause::new("nobody flushes any more"));
        waits.await.unwrap_or_else(|_| Err(stopped()))
    }
}

async fn flush_while_waiting(inner: Arc<Inner>) {
    while let Some(told) = inner.take() {
        let flushed = inner.flush().await;
        for told in told {
            // Whoever hung up does not wait for it.
            let _ = told.send(flushed.clone());
        }
    }
}

impl Inner {
    /// Flushes once. It does no harm to do so twice, as where a connection turns out to be dead.
    async fn flush(&self) -> Result<(), StoreError> {
        let flush = Statement::from_string(DbBackend::Postgres, FLUSH);
        if let Some(lane) = self.lanes.get().await {
            let came = lane.fly(&flush, &[]).await;
            let flushed = came.and_then(|came| came.into_iter().collect::<Result<Vec<_>, Fault>>());
            if flushed.is_ok() {
                return Ok(());
            }
        }
        Wire::once(&self.pool, self.prepared, &flush).await
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits. Where nobody does, the next one finds nobody who flushes.
    fn take(&self) -> Option<Vec<oneshot::Sender<Result<(), StoreError>>>> {
        let mut waiting = self.waiting();
        waiting.is_flushed = !waiting.told.is_empty();
        waiting.is_flushed.then(|| mem::take(&mut waiting.told))
    }
}
