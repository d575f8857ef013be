//! Transactions on one tenant's data. There is no other way to it.

use std::{ops::Deref, sync::Arc};

use countersign_domain::id::TenantId;
use countersign_policies::{Permit, ReadScope, Resource};

use crate::{
    audit::{self, EventDraft, Recorder},
    clock::Ids,
    context::RequestContext,
    error::{StoreError, WriteError},
    idempotency,
    keys::Keys,
    wire::{End, Wire},
};

/// What reads; part of both kinds of transaction. Its methods stand with their resource in `store`.
#[derive(Debug)]
pub struct Reader {
    pub(crate) wire: Wire,
    tenant: TenantId,
}

impl Reader {
    pub(crate) fn new(wire: Wire, tenant: TenantId) -> Self {
        Self { wire, tenant }
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
    pub(crate) fn new(reader: Reader) -> Self {
        Self(reader)
    }

    /// Ends the transaction and gives the connection back.
    pub async fn leave(self) -> Result<(), StoreError> {
        self.0.wire.end(End::Commit).await
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
    context: RequestContext,
    keys: Arc<Keys>,
    ids: Arc<dyn Ids>,
    recorder: Recorder,
}

impl WriteTransaction {
    pub(crate) fn new(
        reader: Reader,
        context: RequestContext,
        keys: Arc<Keys>,
        ids: Arc<dyn Ids>,
        recorder: Recorder,
    ) -> Self {
        Self {
            reader,
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

    pub(crate) fn admit_permit(&self, permit: &Permit) -> Result<(), WriteError> {
        Ok(self.same(permit.tenant())?)
    }

    /// Links the event to the tenant's chain and commits, all or nothing.
    pub async fn finish(self, permit: Permit, draft: EventDraft) -> Result<(), StoreError> {
        self.same(permit.tenant())?;
        idempotency::mark_done(&self.reader.wire, &self.context).await?;
        let tenant = self.reader.tenant;
        let key = self.keys.audit(&self.reader.wire, tenant).await?;
        let row = audit::Unlinked::of_request(&self.context, draft, self.ids.uuid());
        let head = audit::lock_head(&self.reader.wire).await?;
        audit::append(&self.reader.wire, head, &[row], &key).await?;
        self.reader.wire.end(End::Commit).await
    }

    /// Rolls everything back and records that it was refused or failed.
    pub async fn refuse(self, draft: EventDraft) -> Result<(), StoreError> {
        let row = audit::Unlinked::of_request(&self.context, draft, self.ids.uuid());
        self.reader.wire.end(End::Rollback).await?;
        self.recorder.record(row).await
    }
}

impl Deref for WriteTransaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}
