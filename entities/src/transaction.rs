//! Transactions on one tenant's data. There is no other way to it.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, SubsecRound, Utc};
use countersign_domain::{audit::Head, id::TenantId};
use countersign_policies::{Permit, ReadScope, Resource};
use sea_orm::{DbBackend, QueryTrait, Statement};
use tracing::{Instrument, field::Empty};

use crate::{
    audit::{self, EventDraft},
    context::RequestContext,
    database::Database,
    enter,
    error::{StoreError, WriteError},
    idempotency::Claim,
    line::{Done, Fetched, Fetches, Line, fetched},
    reading::{Pace, Source},
    store::memory::Memory,
    writing::{AtOnce, Insertion, Writing},
};

/// What reads; part of both kinds of transaction. Its methods stand with their resource in `store`.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    tenant: TenantId,
    pub(crate) memory: Memory,
}

impl Reader {
    /// The rows that a query selects.
    pub(crate) async fn fetch<R: Fetched>(
        &self,
        select: impl QueryTrait,
    ) -> Result<Vec<R>, StoreError> {
        let statement = select.build(DbBackend::Postgres);
        // Dropped here: a query is not shared between threads.
        drop(select);
        self.fetch_statement(statement, Pace::Long).await
    }

    /// The rows of a statement.
    pub(crate) async fn fetch_statement<R: Fetched>(
        &self,
        statement: Statement,
        pace: Pace,
    ) -> Result<Vec<R>, StoreError> {
        let mut done = self.fetch_together(&[statement], pace).await?;
        done.pop()
            .map_or_else(|| Ok(Vec::new()), |done| done.rows())
    }

    /// What came of several statements, which travel together.
    pub(crate) async fn fetch_together(
        &self,
        statements: &[Statement],
        pace: Pace,
    ) -> Result<Vec<Done>, StoreError> {
        let span = tracing::debug_span!(
            "database",
            otel.kind = "client",
            db.operation.name = "fetch",
            rows = Empty,
        );
        let fetched = self.source.fetch(statements, pace).instrument(span.clone());
        let done = fetched.await?;
        span.record("rows", done.iter().map(Done::len).sum::<usize>());
        Ok(done)
    }

    /// The tenant that PostgreSQL confines this transaction to.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Law 2: a scope is good in its own tenant only.
    pub(crate) fn admit<R: Resource>(&self, scope: &ReadScope<R>) -> Result<(), StoreError> {
        self.same(scope.tenant())
    }

    pub(crate) fn same(&self, found: TenantId) -> Result<(), StoreError> {
        if found == self.tenant {
            return Ok(());
        }
        Err(StoreError::ForeignScope {
            expected: self.tenant,
            found,
        })
    }
}

impl Fetches for Reader {
    async fn fetch<R: Fetched>(&self, statement: Statement) -> Result<Vec<R>, StoreError> {
        self.fetch_statement(statement, Pace::Quick).await
    }
}

/// Reads one tenant's data. Dropped, it is rolled back.
#[derive(Debug)]
pub struct ReadTransaction(Reader);

impl ReadTransaction {
    pub(crate) fn new(database: &Database, source: Source, tenant: TenantId) -> Self {
        Self(Reader {
            source,
            tenant,
            memory: database.inner().memory.clone(),
        })
    }

    /// Waits until PostgreSQL has confirmed who was presumed to read, where somebody was. Before
    /// that nothing may be answered, nor recorded.
    pub async fn confirm(&self) -> Result<(), StoreError> {
        self.0.source.confirm().await
    }

    /// Ends the transaction and gives the connection back, without waiting for either.
    pub fn leave(self) {
        self.0.source.leave();
    }
}

impl Deref for ReadTransaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

fetched! {
    struct End {
        seq: i64,
        hash: Vec<u8>,
    }
}

/// Reads and writes one tenant's data. [`Self::finish`] and [`Self::insert`] are the only commits; dropped,
/// it is rolled back.
pub struct WriteTransaction {
    reader: Reader,
    writing: Arc<Writing>,
    database: Database,
    /// Where the tenant's chain ends, where this transaction holds the end.
    held: Mutex<Option<Head>>,
    /// Whether it writes what who acts is, whom it has locked for that.
    changes_actor: AtomicBool,
}

/// A transaction that was not finished, for its refusal to be recorded, and why.
#[derive(Debug)]
pub struct Unfinished {
    /// What can be refused, or abandoned.
    pub transaction: WriteTransaction,
    /// Why nothing was written.
    pub error: WriteError,
}

impl WriteTransaction {
    pub(crate) fn new(database: &Database, writing: Writing) -> Self {
        let writing = Arc::new(writing);
        Self {
            reader: Reader {
                source: Source::Writing(Arc::clone(&writing)),
                tenant: writing.context().tenant(),
                memory: database.inner().memory.clone(),
            },
            writing,
            database: database.clone(),
            held: Mutex::default(),
            changes_actor: AtomicBool::new(false),
        }
    }

    /// Who writes, and when.
    pub fn context(&self) -> &RequestContext {
        self.writing.context()
    }

    /// When it writes, as PostgreSQL keeps it: to the microsecond.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        self.context().now().trunc_subsecs(6)
    }

    /// Waits until PostgreSQL has confirmed who was presumed to enter, and says what came of claiming
    /// the request's key. Unless it was claimed, nothing may be written.
    pub async fn claimed(&self) -> Result<Claim, StoreError> {
        self.writing.claimed().await
    }

    async fn line(&self) -> Result<&Line, StoreError> {
        Ok(self.writing.line().await?)
    }

    pub(crate) fn admit_permit(&self, permit: &Permit) -> Result<(), WriteError> {
        Ok(self.same(permit.tenant())?)
    }

    async fn may_write(&self) -> Result<(), StoreError> {
        match self.claimed().await? {
            Claim::Claimed if self.context().strange().is_some() => {
                let what = "the request names ids that are not of its tenant";
                Err(StoreError::inconsistent(what))
            }
            Claim::Claimed => Ok(()),
            _ => Err(StoreError::inconsistent("the request's key is another's")),
        }
    }

    /// Runs a statement that writes.
    pub(crate) async fn write(&self, statement: impl QueryTrait) -> Result<Done, WriteError> {
        let statement = built(statement);
        self.may_write().await?;
        let span = writes();
        self.line().await?.write(&statement).instrument(span).await
    }

    /// Runs a statement that writes and whose text seldom comes again, so that it is not prepared.
    pub(crate) async fn write_rare(&self, statement: Statement) -> Result<Done, WriteError> {
        self.may_write().await?;
        let span = writes();
        let line = self.line().await?;
        line.write_rare(&statement).instrument(span).await
    }

    /// Notes that what is written may change or end who acts, whose rows are locked: PostgreSQL says something
    /// else of them from then on.
    pub(crate) fn note_own_change(&self) {
        self.changes_actor.store(true, Ordering::Relaxed);
    }

    /// Runs the statement after which nothing is written but the audit row: the tenant's chain is
    /// held from then on, in the same round trip, so that the row and the commit take one as well.
    /// Whoever wrote more after it might wait for somebody who waits for the chain.
    ///
    /// Who acts is asked for once more behind that: whoever ends them is in the chain by then, or comes after.
    pub(crate) async fn write_last(&self, statement: impl QueryTrait) -> Result<Done, WriteError> {
        self.write_last_statement(built(statement)).await
    }

    pub(crate) async fn write_last_statement(
        &self,
        statement: Statement,
    ) -> Result<Done, WriteError> {
        self.may_write().await?;
        let sql = "SELECT seq, hash FROM countersign.hold_end()";
        let hold = Statement::from_string(DbBackend::Postgres, sql);
        let context = self.context();
        let call = enter::call(context.credential(), context.now(), &BTreeSet::new());
        let again = call.statement();
        let all = self.line().await?.write_then(&statement, [&hold, &again]);
        let (done, [held, entered]) = all.instrument(writes()).await?;
        let changes_actor = self.changes_actor.load(Ordering::Relaxed);
        if !changes_actor && !self.database.holds(context, 0)(&entered) {
            return Err(StoreError::Rebutted.into());
        }
        let end = held.rows::<End>()?.into_iter().next();
        let end = end.ok_or_else(|| StoreError::inconsistent("the tenant has no chain"))?;
        let end = Head {
            seq: end.seq,
            hash: audit::fixed(&end.hash)?,
        };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        Ok(done)
    }

    /// Links the event to the tenant's chain and commits, all or nothing.
    pub async fn finish(self, permit: Permit, draft: EventDraft) -> Result<(), StoreError> {
        self.same(permit.tenant())?;
        self.may_write().await?;
        self.append(&self.row(draft)).await
    }

    /// Inserts a row, links the event to the tenant's chain and commits, all or nothing: in one message to
    /// PostgreSQL, where nothing was asked of it before.
    pub async fn insert(
        self,
        permit: Permit,
        insertion: Insertion,
        draft: EventDraft,
    ) -> Result<(), Box<Unfinished>> {
        let inserted = self.try_insert(&permit, insertion, draft).await;
        inserted.map_err(|error| {
            Box::new(Unfinished {
                transaction: self,
                error,
            })
        })
    }

    async fn try_insert(
        &self,
        permit: &Permit,
        insertion: Insertion,
        draft: EventDraft,
    ) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        let row = self.row(draft);
        let at_once = self.writing.insert_at_once(&insertion, &row);
        match at_once.instrument(writes()).await {
            AtOnce::Done => return Ok(()),
            AtOnce::Failed(error) => return Err(error),
            AtOnce::Undone => {}
        }
        self.write_last_statement(insertion.into_statement())
            .await?;
        Ok(self.append(&row).await?)
    }

    fn row(&self, draft: EventDraft) -> audit::Unlinked {
        let id = self.database.inner().ids.uuid();
        audit::Unlinked::of_request(self.context(), draft, id)
    }

    fn held(&self) -> Option<Head> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Links the row to the tenant's chain and commits.
    async fn append(&self, row: &audit::Unlinked) -> Result<(), StoreError> {
        let (inner, tenant) = (self.database.inner(), self.reader.tenant);
        if self.held().is_none() {
            // Nothing was written.
            self.write_last_statement(enter::nothing()).await?;
        }
        let end = self.held();
        let end = end.ok_or_else(|| StoreError::inconsistent("nobody holds the chain"))?;
        let (statement, end) = audit::append_held(end, row, self.writing.key())?;
        let line = self.line().await?;
        line.commit_with(&statement).instrument(writes()).await?;
        inner.recorder.knows(tenant, end);
        inner.recorder.grew(tenant);
        Ok(())
    }

    /// Rolls everything back and records that it was refused or failed: whoever leaves meanwhile does not take
    /// the row away. Returns when it is durable.
    pub async fn refuse(self, draft: EventDraft) -> Result<(), StoreError> {
        let refused = tokio::spawn(self.refuse_whole(draft).in_current_span()).await;
        refused.unwrap_or_else(|_| Err(StoreError::inconsistent("a task was cut off")))
    }

    async fn refuse_whole(self, draft: EventDraft) -> Result<(), StoreError> {
        let row = self.row(draft);
        let line = self.line().await?;
        line.confirm().await?;
        line.roll_back().await?;
        self.database.note_use(self.context()).await;
        self.database.inner().recorder.record(row).await
    }

    /// Rolls everything back, and returns when that is done: the request's key is free then, where
    /// it was claimed here.
    pub async fn abandon(self) {
        let confirmed = self.claimed().await;
        // Where that fails it is tried again, or the connection closed, when this is dropped.
        if let Some(line) = self.writing.open_line() {
            let _ = line.roll_back().await;
        }
        if confirmed.is_ok() {
            self.database.note_use(self.context()).await;
        }
    }
}

fn built(statement: impl QueryTrait) -> Statement {
    let built = statement.build(DbBackend::Postgres);
    // Dropped here: a query is not shared between threads.
    drop(statement);
    built
}

fn writes() -> tracing::Span {
    tracing::debug_span!(
        "database",
        otel.kind = "client",
        db.operation.name = "write"
    )
}

impl Deref for WriteTransaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl fmt::Debug for WriteTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteTransaction")
    }
}
