//! Where use cases take their write transactions from.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use countersign_entities::{Asking, Claim, Database, RequestContext, StoreError, WriteTransaction};
use tokio::sync::{Mutex, MutexGuard};

use super::{AppError, Looks};

/// The write transactions of one request, one after the other. The first is the one that let it in;
/// whatever is committed under the request's `Idempotency-Key` is committed with it.
#[derive(Debug)]
pub struct Writer {
    database: Database,
    context: RequestContext,
    asking: Asking,
    opened: Mutex<Option<WriteTransaction>>,
    /// What came of claiming the key, where it is another request's.
    missed: OnceLock<Claim>,
    is_done: AtomicBool,
    /// Whether PostgreSQL did not confirm who was presumed to ask, so that nothing is done.
    is_rebutted: AtomicBool,
}

impl Writer {
    /// The transactions that follow `opened`, which was opened for what is asked.
    pub fn new(database: Database, opened: WriteTransaction, asking: Asking) -> Self {
        Self {
            database,
            context: opened.context().clone(),
            asking,
            opened: Mutex::new(Some(opened)),
            missed: OnceLock::new(),
            is_done: AtomicBool::new(false),
            is_rebutted: AtomicBool::new(false),
        }
    }

    /// Who writes, and when.
    pub const fn context(&self) -> &RequestContext {
        &self.context
    }

    /// A transaction in which the request's key is its own; for a mutation that looks at nothing, one in
    /// which that is found out when it is finished.
    pub(crate) async fn begin(&self, looks: Looks) -> Result<WriteTransaction, AppError> {
        if self.is_rebutted.load(Ordering::Relaxed) {
            return Err(StoreError::Rebutted.into());
        }
        let opened = self.opened.lock().await.take();
        let transaction = match opened {
            Some(opened) => opened,
            None => {
                self.database
                    .write(&self.context, Some(self.asking))
                    .await?
            }
        };
        if looks == Looks::AtNothing {
            return Ok(transaction);
        }
        match transaction.claimed().await? {
            Claim::Claimed => Ok(transaction),
            missed => Err(self.miss(transaction, missed).await),
        }
    }

    /// Notes that the request's key is another request's, and gives the transaction back.
    pub(super) async fn miss(&self, transaction: WriteTransaction, missed: Claim) -> AppError {
        transaction.abandon().await;
        let _ = self.missed.set(missed);
        AppError::Repeats
    }

    /// Notes that nobody was let in, or not until the end: nothing is done any more, and the request begins
    /// anew. Unless some of it was done, which would be done again: then the entrance says what ended.
    pub(super) async fn rebut(&self) -> AppError {
        if self.has_committed() {
            let entered = self.database.read(&self.context).await;
            return entered.map_or_else(AppError::from, |_| StoreError::Rebutted.into());
        }
        self.is_rebutted.store(true, Ordering::Relaxed);
        StoreError::Rebutted.into()
    }

    /// The transaction that let the request in, where nobody took it yet: to look before anything is
    /// written.
    pub(crate) async fn opened(&self) -> MutexGuard<'_, Option<WriteTransaction>> {
        self.opened.lock().await
    }

    /// Waits until PostgreSQL has confirmed who was presumed to ask, and has counted the ids that are named.
    pub(crate) async fn heard(&self) -> Result<(), StoreError> {
        match self.claimed().await {
            Err(StoreError::Rebutted) => {
                let _ = self.close().await;
                Err(StoreError::Rebutted)
            }
            // What came of the key is told where it is asked for.
            _ => Ok(()),
        }
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
        if self.is_rebutted.load(Ordering::Relaxed) {
            return Err(StoreError::Rebutted);
        }
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
