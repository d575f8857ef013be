//! Where use cases take their write transactions from.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use countersign_entities::{Claim, Database, RequestContext, StoreError, WriteTransaction};
use tokio::sync::{Mutex, MutexGuard};

use super::AppError;

/// The write transactions of one request, one after the other. The first is the one that let it in;
/// whatever is committed under the request's `Idempotency-Key` is committed with it.
#[derive(Debug)]
pub struct Writer {
    database: Database,
    context: RequestContext,
    /// SHA-256 of what is asked for.
    asked: [u8; 32],
    opened: Mutex<Option<WriteTransaction>>,
    /// What came of claiming the key, where it is another request's.
    missed: OnceLock<Claim>,
    is_done: AtomicBool,
}

impl Writer {
    /// The transactions that follow `opened`, which was opened for what `asked` is the SHA-256 of.
    pub fn new(database: Database, opened: WriteTransaction, asked: [u8; 32]) -> Self {
        Self {
            database,
            context: opened.context().clone(),
            asked,
            opened: Mutex::new(Some(opened)),
            missed: OnceLock::new(),
            is_done: AtomicBool::new(false),
        }
    }

    /// Who writes, and when.
    pub const fn context(&self) -> &RequestContext {
        &self.context
    }

    /// A transaction in which the request's key is its own.
    pub(crate) async fn begin(&self) -> Result<WriteTransaction, AppError> {
        let opened = self.opened.lock().await.take();
        let transaction = match opened {
            Some(opened) => opened,
            None => self.database.write(&self.context, Some(self.asked)).await?,
        };
        match transaction.claimed().await? {
            Claim::Claimed => Ok(transaction),
            missed => {
                transaction.abandon().await;
                let _ = self.missed.set(missed);
                Err(AppError::Repeats)
            }
        }
    }

    /// The transaction that let the request in, where nobody took it yet: to look before anything is
    /// written.
    pub(crate) async fn opened(&self) -> MutexGuard<'_, Option<WriteTransaction>> {
        self.opened.lock().await
    }

    /// What came of claiming the request's key in the transaction that let it in.
    pub(crate) async fn claimed(&self) -> Result<Claim, StoreError> {
        match self.opened.lock().await.as_ref() {
            Some(opened) => opened.claimed().await,
            None => Ok(Claim::Claimed),
        }
    }

    /// Gives back the transaction that let the request in, where nobody took it, and returns when it is
    /// rolled back; fails where PostgreSQL does not confirm who was presumed to ask.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let Some(opened) = self.opened.lock().await.take() else {
            return Ok(());
        };
        let confirmed = opened.claimed().await;
        opened.abandon().await;
        confirmed.map(drop)
    }

    /// Notes that something was committed.
    pub(super) fn committed(&self) {
        self.is_done.store(true, Ordering::Relaxed);
    }

    /// Whether something was committed.
    pub(crate) fn has_committed(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    /// What is to be answered instead of what ran: the key is another request's, so that nothing was
    /// done.
    pub(crate) fn missed(&self) -> Option<Claim> {
        self.missed.get().cloned()
    }
}
