//! Transactions on one tenant's data. There is no other way to it.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chrono::{DateTime, SubsecRound, Utc};
use countersign_domain::{audit::Head, id::TenantId};
use countersign_policies::{Permit, ReadScope, Resource};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use sea_orm::{DbBackend, QueryTrait, Statement};
use tracing::{Instrument, field::Empty};

use crate::{
    audit::{self, EventDraft},
    context::RequestContext,
    database::Database,
    error::{StoreError, WriteError},
    idempotency::{Claim, Claiming, Found},
    line::{Done, Fetched, Fetches, Line, fetched},
    reading::{Pace, Source},
    store::memory::Memory,
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

/// What came of claiming the request's key. Whoever asks twice is told the same.
type Claimed = Shared<BoxFuture<'static, Result<Claim, StoreError>>>;

/// Reads and writes one tenant's data. [`Self::finish`] is the only commit; dropped, it is rolled
/// back.
pub struct WriteTransaction {
    reader: Reader,
    line: Arc<Line>,
    context: RequestContext,
    database: Database,
    claimed: Option<Claimed>,
    /// Where the tenant's chain ends, where this transaction holds the end.
    held: Mutex<Option<Head>>,
}

impl WriteTransaction {
    /// In which no key is claimed.
    pub(crate) fn new(database: &Database, line: Line, context: RequestContext) -> Self {
        let line = Arc::new(line);
        Self {
            reader: Reader {
                source: Source::Own(Arc::clone(&line)),
                tenant: context.tenant(),
                memory: database.inner().memory.clone(),
            },
            line,
            context,
            database: database.clone(),
            claimed: None,
            held: Mutex::default(),
        }
    }

    /// In which the request's key, where it has one, is claimed for what `asked` is the SHA-256 of.
    pub(crate) fn claiming(
        database: &Database,
        line: Line,
        context: RequestContext,
        asked: [u8; 32],
    ) -> Self {
        let claiming = database.claiming(&context, asked);
        let mut new = Self::new(database, line, context);
        let Some(claiming) = claiming else {
            return new;
        };
        let (line, database) = (Arc::clone(&new.line), database.clone());
        let claimed = async move {
            let found: Vec<Found> = line.fetch(&claiming.statement()).await?;
            claiming.judge(found.first(), &database.inner().keys).await
        };
        let claimed = claimed.boxed().shared();
        // Asked once, it is on its way.
        let _ = claimed.clone().now_or_never();
        new.claimed = Some(claimed);
        new
    }

    /// The same, where the statement that enters has claimed it: `found` is there when who was
    /// presumed to enter is confirmed.
    pub(crate) fn claimed_by(
        database: &Database,
        line: Line,
        context: RequestContext,
        claiming: Claiming,
        found: Arc<OnceLock<Found>>,
    ) -> Self {
        let mut new = Self::new(database, line, context);
        let (line, database) = (Arc::clone(&new.line), database.clone());
        let claimed = async move {
            line.confirm().await?;
            claiming.judge(found.get(), &database.inner().keys).await
        };
        new.claimed = Some(claimed.boxed().shared());
        new
    }

    /// Who writes, and when.
    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    /// When it writes, as PostgreSQL keeps it: to the microsecond.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        self.context.now().trunc_subsecs(6)
    }

    /// Waits until PostgreSQL has confirmed who was presumed to enter, and says what came of claiming
    /// the request's key. Unless it was claimed, nothing may be written.
    pub async fn claimed(&self) -> Result<Claim, StoreError> {
        self.line().confirm().await?;
        match &self.claimed {
            Some(claimed) => claimed.clone().await,
            None => Ok(Claim::Claimed),
        }
    }

    fn line(&self) -> &Line {
        &self.line
    }

    pub(crate) fn admit_permit(&self, permit: &Permit) -> Result<(), WriteError> {
        Ok(self.same(permit.tenant())?)
    }

    async fn may_write(&self) -> Result<(), StoreError> {
        match self.claimed().await? {
            Claim::Claimed => Ok(()),
            _ => Err(StoreError::inconsistent("the request's key is another's")),
        }
    }

    /// Runs a statement that writes.
    pub(crate) async fn write(&self, statement: impl QueryTrait) -> Result<Done, WriteError> {
        let statement = built(statement);
        self.may_write().await?;
        let span = writes();
        self.line().write(&statement).instrument(span).await
    }

    /// Runs a statement that writes and whose text seldom comes again, so that it is not prepared.
    pub(crate) async fn write_rare(&self, statement: Statement) -> Result<Done, WriteError> {
        self.may_write().await?;
        let span = writes();
        self.line().write_rare(&statement).instrument(span).await
    }

    /// Runs the statement after which nothing is written but the audit row: the tenant's chain is
    /// held from then on, in the same round trip, so that the row and the commit take one as well.
    /// Whoever wrote more after it might wait for somebody who waits for the chain.
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
        let both = self.line().write_both(&statement, &hold);
        let (done, held) = both.instrument(writes()).await?;
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
        let (inner, tenant) = (self.database.inner(), self.reader.tenant);
        let key = inner.keys.audit(self.line(), tenant).await?;
        let row = audit::Unlinked::of_request(&self.context, draft, inner.ids.uuid());
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let end = if let Some(end) = held {
            let (statement, end) = audit::append_held(end, &row, &key)?;
            let committed = self.line().commit_with(&statement);
            committed.instrument(writes()).await?;
            end
        } else {
            let guess = inner.recorder.last_seen(tenant);
            let end = audit::append(self.line(), guess, &row, &key).await?;
            self.line().commit().await?;
            end
        };
        inner.recorder.saw(tenant, end);
        Ok(())
    }

    /// Rolls everything back and records that it was refused or failed.
    pub async fn refuse(self, draft: EventDraft) -> Result<(), StoreError> {
        let inner = self.database.inner();
        let row = audit::Unlinked::of_request(&self.context, draft, inner.ids.uuid());
        self.line().confirm().await?;
        self.line().roll_back().await?;
        self.database.note_use(&self.context).await;
        inner.recorder.record(row).await
    }

    /// Rolls everything back, and returns when that is done: the request's key is free then, where
    /// it was claimed here.
    pub async fn abandon(self) {
        let confirmed = self.claimed().await;
        // Where that fails it is tried again, or the connection closed, when this is dropped.
        let _ = self.line().roll_back().await;
        if confirmed.is_ok() {
            self.database.note_use(&self.context).await;
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
