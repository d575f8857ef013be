//! Transactions on one tenant's data. There is no other way to it.

use std::{ops::Deref, sync::Arc};

use countersign_domain::id::TenantId;
use countersign_policies::{Permit, ReadScope, Resource};
use sea_orm::{DbBackend, QueryTrait, Statement};
use tracing::{Instrument, field::Empty};

use crate::{
    audit::{self, EventDraft, Recorder},
    clock::Ids,
    context::RequestContext,
    error::{StoreError, WriteError},
    idempotency,
    keys::Keys,
    line::{Fetched, Line},
    wire::{End, Wire},
};

/// What reads; part of both kinds of transaction. Its methods stand with their resource in `store`.
#[derive(Debug)]
pub struct Reader {
    channel: Channel,
    tenant: TenantId,
}

/// What the statements of a transaction travel on.
#[derive(Debug)]
enum Channel {
    /// Where nothing is written.
    Line(Box<Line>),
    /// Where something is.
    Wire(Arc<Wire>),
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
        self.fetch_statement(statement).await
    }

    /// The rows of a statement.
    pub(crate) async fn fetch_statement<R: Fetched>(
        &self,
        statement: Statement,
    ) -> Result<Vec<R>, StoreError> {
        let span = tracing::debug_span!(
            "database",
            otel.kind = "client",
            db.operation.name = "fetch",
            rows = Empty,
        );
        let fetched = async {
            match &self.channel {
                Channel::Line(line) => line.fetch(&statement).await,
                Channel::Wire(wire) => Ok(R::find_by_statement(statement).all(&**wire).await?),
            }
        };
        let rows: Vec<R> = fetched.instrument(span.clone()).await?;
        span.record("rows", rows.len());
        Ok(rows)
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

/// Reads one tenant's data. Dropped, it is rolled back.
#[derive(Debug)]
pub struct ReadTransaction(Reader);

impl ReadTransaction {
    pub(crate) fn new(line: Line, tenant: TenantId) -> Self {
        Self(Reader {
            channel: Channel::Line(Box::new(line)),
            tenant,
        })
    }

    /// Waits until PostgreSQL has confirmed who was presumed to read, where somebody was. Before
    /// that nothing may be answered, nor recorded.
    pub async fn confirm(&self) -> Result<(), StoreError> {
        match &self.0.channel {
            Channel::Line(line) => line.confirm().await,
            Channel::Wire(_) => Ok(()),
        }
    }

    /// Ends the transaction and gives the connection back, without waiting for either.
    pub fn leave(self) {
        if let Channel::Line(line) = self.0.channel {
            line.leave();
        }
    }
}

impl Deref for ReadTransaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

/// Reads and writes one tenant's data. [`Self::finish`] is the only commit; dropped, it is rolled
/// back.
#[derive(Debug)]
pub struct WriteTransaction {
    reader: Reader,
    wire: Arc<Wire>,
    context: RequestContext,
    keys: Arc<Keys>,
    ids: Arc<dyn Ids>,
    recorder: Recorder,
}

impl WriteTransaction {
    pub(crate) fn new(
        wire: Wire,
        context: RequestContext,
        keys: Arc<Keys>,
        ids: Arc<dyn Ids>,
        recorder: Recorder,
    ) -> Self {
        let wire = Arc::new(wire);
        let reader = Reader {
            channel: Channel::Wire(Arc::clone(&wire)),
            tenant: context.tenant(),
        };
        Self {
            reader,
            wire,
            context,
            keys,
            ids,
            recorder,
        }
    }

    /// Who writes, and when.
    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    /// What SeaORM writes through.
    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) fn admit_permit(&self, permit: &Permit) -> Result<(), WriteError> {
        Ok(self.same(permit.tenant())?)
    }

    /// Links the event to the tenant's chain and commits, all or nothing.
    pub async fn finish(self, permit: Permit, draft: EventDraft) -> Result<(), StoreError> {
        self.same(permit.tenant())?;
        idempotency::mark_done(&self.wire, &self.context).await?;
        let tenant = self.reader.tenant;
        let key = self.keys.audit(&self.wire, tenant).await?;
        let row = audit::Unlinked::of_request(&self.context, draft, self.ids.uuid());
        let guess = self.recorder.last_seen(tenant);
        let end = audit::append(&self.wire, guess, &row, &key).await?;
        self.wire.end(End::Commit).await?;
        self.recorder.saw(tenant, end);
        Ok(())
    }

    /// Rolls everything back and records that it was refused or failed.
    pub async fn refuse(self, draft: EventDraft) -> Result<(), StoreError> {
        let row = audit::Unlinked::of_request(&self.context, draft, self.ids.uuid());
        self.wire.end(End::Rollback).await?;
        self.recorder.record(row).await
    }
}

impl Deref for WriteTransaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}
