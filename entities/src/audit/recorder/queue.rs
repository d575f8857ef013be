//! The rows that wait to be written, and whether somebody writes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use super::Unlinked;
use crate::{error::StoreError, keys::AuditKey};

/// The most rows of one call.
pub(super) const BATCH_MAX: usize = 256;
/// How many make a call worth its while: it costs as much as appending some seven rows.
const GATHERED: usize = 8;

/// A row, and whoever waits until it is durable.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) row: Unlinked,
    /// What it is signed with.
    pub(super) key: AuditKey,
    /// How often it was linked in vain.
    pub(super) tries: u8,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
    /// Given back when the row is written.
    pub(super) place: OwnedSemaphorePermit,
}

impl Waiting {
    pub(super) fn tell(self, result: Result<(), StoreError>) {
        // Whoever hung up does not wait for the answer.
        let _ = self.done.send(result);
        drop(self.place);
    }
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// A task writes exactly while this is there.
    rows: Mutex<Option<VecDeque<Waiting>>>,
    /// Told when enough wait to be worth a call.
    gathered: Notify,
}

impl Queue {
    /// Adds a row; whether nobody writes yet.
    pub(super) fn push(&self, waiting: Waiting) -> bool {
        let mut rows = self.rows();
        let is_first = rows.is_none();
        let all = rows.get_or_insert_default();
        all.push_back(waiting);
        if all.len() >= GATHERED {
            self.gathered.notify_one();
        }
        is_first
    }

    /// Whether rows came in the meantime. Where none did, the next one finds nobody who writes.
    pub(super) fn goes_on(&self) -> bool {
        let mut rows = self.rows();
        if rows.as_ref().is_some_and(VecDeque::is_empty) {
            *rows = None;
        }
        rows.is_some()
    }

    /// Returns when enough wait.
    pub(super) async fn gather(&self) {
        while self.rows().as_ref().map_or(0, VecDeque::len) < GATHERED {
            self.gathered.notified().await;
        }
    }

    /// Takes the rows of one call.
    pub(super) fn take(&self) -> Vec<Waiting> {
        let mut rows = self.rows();
        let Some(all) = rows.as_mut() else {
            return Vec::new();
        };
        let n = all.len().min(BATCH_MAX);
        all.drain(..n).collect()
    }

    /// Called by the task that writes, so that the queue is there.
    pub(super) fn put_back(&self, waiting: Waiting) {
        self.rows().get_or_insert_default().push_front(waiting);
    }

    /// The task that wrote is gone: each who waits is told so, and the next one finds nobody who writes.
    pub(super) fn abandon(&self) {
        let rows = self.rows().take();
        drop(rows);
    }

    fn rows(&self) -> MutexGuard<'_, Option<VecDeque<Waiting>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
