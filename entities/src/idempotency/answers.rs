//! Answers on their way to the database, those of several requests in one statement.
//!
//! Nobody waits for that. Until they are there, they are told from here.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, Statement};
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{KEPT, Place};
use crate::{
    error::{Cause, StoreError},
    wire::{Begin, Wire},
};

/// The most answers of one statement.
const BATCH_MAX: usize = 128;
/// How long answers gather.
const GATHER: Duration = Duration::from_millis(10);
/// The most bytes of answers that are on their way. Whoever has more waits.
const BYTES_MAX: u32 = 16 * 1024 * 1024;
/// What an answer takes beside its bytes.
const BYTES_BESIDE: usize = 512;
/// Of how many keys one removes what is older than [`KEPT`].
const SWEEP_ONE_IN: i32 = 32;

const SETTLE: &str = "SELECT countersign.settle_keys($1, $2, $3, $4, $5, $6, $7, $8)";

/// What is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Answers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    prepared: bool,
    begin: Begin,
    patience: Duration,
    bytes: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order in which they came.
    waiting: VecDeque<Arc<Answer>>,
    /// Those, and those that are being written.
    known: HashMap<Place, Arc<Answer>>,
    /// Whether a task writes.
    is_written: bool,
}

#[derive(Debug)]
pub(super) struct Answer {
    place: Place,
    claimant: Uuid,
    /// `None` where none is kept.
    pub(super) sealed: Option<Vec<u8>>,
    at: DateTime<Utc>,
    /// Given back when it is written.
    _bytes: OwnedSemaphorePermit,
}

impl Answers {
    /// Nothing yet. `patience` is how long whoever has an answer waits for room.
    pub(crate) fn new(pool: PgPool, prepared: bool, begin: Begin, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            pool,
            prepared,
            begin,
            patience,
            bytes: Arc::new(Semaphore::new(
                usize::try_from(BYTES_MAX).unwrap_or_default(),
            )),
            queue: Mutex::default(),
        }))
    }

    /// The answer under that key, where it is on its way.
    pub(super) fn on_its_way(&self, place: &Place) -> Option<Arc<Answer>> {
        self.0.queue().known.get(place).map(Arc::clone)
    }

    /// Sends an answer on its way.
    pub(super) async fn keep(
        &self,
        place: Place,
        claimant: Uuid,
        sealed: Option<Vec<u8>>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let bytes = sealed.as_ref().map_or(0, Vec::len);
        let bytes = u32::try_from(bytes.saturating_add(BYTES_BESIDE)).unwrap_or(BYTES_MAX);
        let bytes = Arc::clone(&self.0.bytes).acquire_many_owned(bytes.min(BYTES_MAX));
        let Ok(Ok(bytes)) = tokio::time::timeout(self.0.patience, bytes).await else {
            return Err(StoreError::Unavailable(Cause::new(
                "too many answers are on their way to the database",
            )));
        };
        let answer = Arc::new(Answer {
            place,
            claimant,
            sealed,
            at,
            _bytes: bytes,
        });
        let mut queue = self.0.queue();
        queue
            .known
            .insert(answer.place.clone(), Arc::clone(&answer));
        queue.waiting.push_back(answer);
        if !std::mem::replace(&mut queue.is_written, true) {
            tokio::spawn(write_while_waiting(Arc::clone(&self.0)));
        }
        Ok(())
    }

    /// Returns when nothing is on its way. What waits is written at once: whoever was to write it may be
    /// gone with its thread.
    pub(crate) async fn arrived(&self) {
        let inner = &self.0;
        let arrived = async {
            while let Some(batch) = inner.take() {
                inner.write_all(&batch).await;
            }
            let _ = inner.bytes.acquire_many(BYTES_MAX).await;
        };
        let _ = tokio::time::timeout(inner.patience, arrived).await;
    }
}

async fn write_while_waiting(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(GATHER).await;
        let Some(batch) = inner.take() else {
            return;
        };
        inner.write_all(&batch).await;
    }
}

/// What was done is known to be done all the same.
fn not_kept(error: &StoreError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "an answer was not kept under its idempotency key"
    );
}

impl Inner {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next. Where nothing is, the next one finds nobody who writes.
    fn take(&self) -> Option<Vec<Arc<Answer>>> {
        let mut queue = self.queue();
        let n = queue.waiting.len().min(BATCH_MAX);
        queue.is_written = n > 0;
        queue.is_written.then(|| queue.waiting.drain(..n).collect())
    }

    fn forget(&self, batch: &[Arc<Answer>]) {
        let mut queue = self.queue();
        for answer in batch {
            queue.known.remove(&answer.place);
        }
    }

    async fn write_all(&self, batch: &[Arc<Answer>]) {
        match self.write(batch).await {
            Ok(()) => {}
            Err(error) if error.is_unavailable() => not_kept(&error),
            // One that the schema refuses must not take the others with it.
            Err(_) => {
                for answer in batch {
                    let written = self.write(std::slice::from_ref(answer)).await;
                    if let Err(error) = written {
                        not_kept(&error);
                    }
                }
            }
        }
        self.forget(batch);
    }

    async fn write(&self, batch: &[Arc<Answer>]) -> Result<(), StoreError> {
        let Some(last) = batch.iter().map(|answer| answer.at).max() else {
            return Ok(());
        };
        let each = || batch.iter();
        let uuids = |uuids: Vec<Uuid>| sea_orm::Value::from(uuids);
        let settle = Statement::from_sql_and_values(
            DbBackend::Postgres,
            SETTLE,
            [
                uuids(each().map(|a| a.place.tenant.uuid()).collect()),
                each()
                    .map(|a| a.place.actor.clone())
                    .collect::<Vec<_>>()
                    .into(),
                each()
                    .map(|a| a.place.key.to_vec())
                    .collect::<Vec<_>>()
                    .into(),
                uuids(each().map(|a| a.claimant).collect()),
                each()
                    .map(|a| a.sealed.clone().unwrap_or_default())
                    .collect::<Vec<_>>()
                    .into(),
                each().map(|a| a.at).collect::<Vec<_>>().into(),
                (last - KEPT).into(),
                SWEEP_ONE_IN.into(),
            ],
        );
        Wire::once(&self.pool, self.prepared, &self.begin, &settle).await
    }
}
