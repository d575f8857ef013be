//! Making durable what was committed, for all who wait, by one flush of PostgreSQL's write-ahead log.
//!
//! A transaction that is committed asynchronously holds nothing up while the disk works: what comes after
//! it, also on its own connection, goes on. PostgreSQL writes its log in order, so that a transaction that
//! is committed synchronously afterwards makes those before it durable too, on standbys as well where they
//! are waited for. Whoever answers waits for that.
//!
//! A PostgreSQL that crashed in between has forgotten what was not durable, and flushes without a fault
//! all the same; so does another server at the same address. A crash ends every session, however: a flush
//! counts in a session of the same server that was open before what it is to make durable was sent, and in
//! no other.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use scopeguard::ScopeGuard;
use sea_orm::{DbBackend, Statement};
use tokio::sync::oneshot;

use crate::{
    error::{Cause, StoreError},
    line::{Fault, Lane, Lanes},
};

/// A transaction that writes nothing but itself, which takes as much as being flushed.
const FLUSH: &str = "SELECT pg_logical_emit_message(true, 'countersign', '')";

/// The sessions in which is flushed.
#[derive(Debug)]
pub(crate) struct Durability {
    lanes: Lanes,
    /// Of the sessions that were used last.
    flushers: Mutex<Vec<Arc<Flusher>>>,
}

/// Flushes in one session, for all who wait there.
#[derive(Debug)]
pub(crate) struct Flusher {
    lane: Arc<Lane>,
    /// Whether the server lets it.
    flushes: bool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whether a task flushes.
    is_flushed: bool,
    told: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

impl Durability {
    pub(crate) const fn new(lanes: Lanes) -> Self {
        Self {
            lanes,
            flushers: Mutex::new(Vec::new()),
        }
    }

    /// A session that is open. What is committed from now on is made durable by [`Flusher::flushed`] of this
    /// one. `None` where there is none.
    pub(crate) async fn session(&self) -> Option<Arc<Flusher>> {
        let lane = self.lanes.get().await?;
        if let Some(known) = self.known(&lane) {
            return known.flushes.then_some(known);
        }
        let mut flusher = Flusher {
            lane,
            flushes: true,
            waiting: Mutex::default(),
        };
        // A server that does not let it flush is found out before anything is committed.
        if let Err(error) = flusher.flush().await {
            flusher.flushes = false;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "nothing is written in one message: the database does not flush for it"
            );
        }
        let flusher = Arc::new(flusher);
        let mut flushers = self.flushers();
        flushers.retain(|flusher| flusher.lane.is_open());
        flushers.push(Arc::clone(&flusher));
        flusher.flushes.then_some(flusher)
    }

    fn known(&self, lane: &Arc<Lane>) -> Option<Arc<Flusher>> {
        let flushers = self.flushers();
        let mut flushers = flushers.iter();
        let known = flushers.find(|flusher| Arc::ptr_eq(&flusher.lane, lane));
        known.map(Arc::clone)
    }

    fn flushers(&self) -> MutexGuard<'_, Vec<Arc<Flusher>>> {
        self.flushers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most connections.
    pub(crate) fn max(&self) -> usize {
        self.lanes.max()
    }

    /// How many connections are open, and how many of them nobody uses.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.lanes.counts()
    }

    /// Closes the sessions, as what is on their way has come.
    pub(crate) fn close(&self) {
        self.lanes.close();
        self.flushers().clear();
    }
}

/// Where this is dropped while somebody may wait, because the runtime of its thread stops, its guard has them told
/// so.
async fn flush_while_waiting(flushing: ScopeGuard<Arc<Flusher>, fn(Arc<Flusher>)>) {
    while let Some(told) = flushing.take() {
        let flushed = flushing.flush().await;
        for told in told {
            // Whoever hung up does not wait for it.
            let _ = told.send(flushed.clone());
        }
    }
    ScopeGuard::into_inner(flushing);
}

impl Flusher {
    /// Whether it makes durable what that lane commits: whether both are sessions of one server.
    pub(crate) fn is_beside(&self, lane: &Lane) -> bool {
        self.lane.is_beside(lane)
    }

    /// Returns when all is durable that was committed by a lane beside it after [`Durability::session`]
    /// gave this, and before this was called. Where that fails, nobody knows whether it is.
    pub(crate) async fn flushed(self: Arc<Self>) -> Result<(), StoreError> {
        let (told, waits) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting();
            waiting.told.push(told);
            !mem::replace(&mut waiting.is_flushed, true)
        };
        if is_first {
            // Not in the caller's own future: others wait on this too, and a caller may hang up.
            let abandon: fn(Arc<Self>) = |flusher| flusher.abandon();
            tokio::spawn(flush_while_waiting(scopeguard::guard(self, abandon)));
        }
        let stopped = || StoreError::Unavailable(Cause::new("nobody flushes any more"));
        waits.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let flush = Statement::from_string(DbBackend::Postgres, FLUSH);
        let came = self.lane.fly(&flush, &[]).await?;
        let flushed: Result<Vec<_>, Fault> = came.into_iter().collect();
        flushed?;
        Ok(())
    }

    /// The task that flushed is gone: each who waits is told so, and the next one finds nobody who flushes.
    fn abandon(&self) {
        let abandoned = mem::take(&mut *self.waiting());
        drop(abandoned);
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
