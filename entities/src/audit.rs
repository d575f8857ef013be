//! The audit writer: links events to the tenant's chain (AUD-1, AUD-3).
//!
//! A mutation's event is linked in the mutation's own transaction. Reads and refusals go by group
//! commit: per tenant, whatever waits while one transaction commits goes into the next, and each
//! waiter is told when its row is durable. A row that can not be written is an error for whoever
//! waits, who then must not answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::{
    audit::{self as chain, Event, Head, Outcome},
    id::{AuditEntryId, TenantId, UserId},
    principal::{Actor, MachineCredential},
};
use sea_orm::{ConnectionTrait, EntityName, Statement, sea_query::Query};
use sqlx::{PgPool, Row};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use crate::{
    context::{RequestContext, RequestFacts},
    enter,
    error::{Cause, StoreError},
    keys::{AuditKey, Keys},
    model::audit_entries,
    wire::{End, Wire},
};

/// The most rows of one transaction.
const BATCH_MAX: usize = 256;
/// The most rows that wait, of all tenants.
const WAITING_MAX: usize = 4096;

/// What a use case says of itself; the rest of the row comes from the request's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// What was done, noun and past verb: `statement.imported`, `books.read`.
    pub action: String,
    /// The permission that was resolved, with the rules that decided.
    pub permission: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The ids that it was done to.
    pub targets: Vec<String>,
    /// A redacted payload: never an amount, a name, a secret.
    pub payload: serde_json::Value,
}

/// A row without its place in the chain.
#[derive(Debug, Clone)]
pub(crate) struct Unlinked {
    pub(crate) id: AuditEntryId,
    pub(crate) event: Event,
}

/// Whom a row is attributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribution {
    kind: &'static str,
    id: String,
}

impl Attribution {
    pub(crate) fn actor(actor: &Actor) -> Self {
        Self {
            kind: actor.kind(),
            id: actor.id(),
        }
    }

    pub(crate) fn human(user: UserId) -> Self {
        Self {
            kind: "human",
            id: user.to_string(),
        }
    }

    pub(crate) fn machine(credential: MachineCredential) -> Self {
        Self {
            kind: "machine",
            id: credential.id(),
        }
    }

    /// The operator's command line, by the name of the command.
    pub(crate) fn operator(command: &str) -> Self {
        Self {
            kind: "operator",
            id: command.to_owned(),
        }
    }

    /// Somebody whom nobody knows.
    pub(crate) fn stranger() -> Self {
        Self {
            kind: "stranger",
            id: "unknown".to_owned(),
        }
    }
}

impl Unlinked {
    pub(crate) fn new(id: Uuid, by: Attribution, facts: &RequestFacts, draft: EventDraft) -> Self {
        Self {
            id: AuditEntryId::new(id),
            event: Event {
                actor_kind: by.kind.to_owned(),
                actor_id: by.id,
                action: draft.action,
                permission: draft.permission,
                outcome: draft.outcome,
                targets: draft.targets,
                request: facts.request,
                source: facts.source.map(|address| address.to_string()),
                payload: draft.payload.to_string(),
                occurred_at: facts.at,
            },
        }
    }

    pub(crate) fn of_request(context: &RequestContext, draft: EventDraft, id: Uuid) -> Self {
        Self::new(
            id,
            Attribution::actor(context.actor()),
            context.facts(),
            draft,
        )
    }
}

/// Locks the end of the chain of the transaction's tenant.
const LOCK_HEAD: &str = "SELECT seq, hash FROM countersign.lock_head()";

/// Locks the end of the chain of the transaction's tenant until the transaction ends.
pub(crate) async fn lock_head(wire: &Wire) -> Result<Head, StoreError> {
    let statement = Statement::from_string(wire.get_database_backend(), LOCK_HEAD);
    let row = wire
        .query_one_raw(statement)
        .await?
        .ok_or_else(|| StoreError::inconsistent("the tenant has no audit head"))?;
    let hash: Vec<u8> = row.try_get("", "hash")?;
    Ok(Head {
        seq: row.try_get("", "seq")?,
        hash: fixed(&hash)?,
    })
}

pub(crate) fn fixed(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::inconsistent("a hash is not 32 bytes"))
}

/// Links the rows to `head`, which this transaction has locked, and inserts them.
pub(crate) async fn append(
    wire: &Wire,
    tenant: TenantId,
    mut head: Head,
    rows: &[Unlinked],
    key: &AuditKey,
) -> Result<(), StoreError> {
    use audit_entries::Column;
    let mut insert = Query::insert();
    insert
        .into_table(audit_entries::Entity.table_ref())
        .columns([
            Column::TenantId,
            Column::Seq,
            Column::Id,
            Column::Previous,
            Column::Hash,
            Column::Signature,
            Column::ActorKind,
            Column::ActorId,
            Column::Action,
            Column::Permission,
            Column::Outcome,
            Column::Targets,
            Column::RequestId,
            Column::Source,
            Column::Payload,
            Column::OccurredAt,
        ]);
    for Unlinked { id, event } in rows {
        let link = chain::next_link(&head, tenant, event, key);
        insert
            .values([
                tenant.uuid().into(),
                link.seq.into(),
                id.uuid().into(),
                link.previous.to_vec().into(),
                link.hash.to_vec().into(),
                link.signature.to_vec().into(),
                event.actor_kind.clone().into(),
                event.actor_id.clone().into(),
                event.action.clone().into(),
                event.permission.clone().into(),
                event.outcome.name().into(),
                event.targets.clone().into(),
                event.request.uuid().into(),
                event.source.clone().into(),
                event.payload.clone().into(),
                event.occurred_at.into(),
            ])
            .map_err(|error| StoreError::inconsistent(error.to_string()))?;
        head = Head {
            seq: link.seq,
            hash: link.hash,
        };
    }
    wire.execute(&insert).await?;
    Ok(())
}

/// Appends rows by group commit.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    prepared: bool,
    begin: String,
    patience: Duration,
    keys: Arc<Keys>,
    places: Arc<Semaphore>,
    /// What waits, per tenant. A tenant stands here exactly while a task writes for it.
    waiting: Mutex<HashMap<TenantId, Vec<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    row: Unlinked,
    done: oneshot::Sender<Result<(), StoreError>>,
    /// Given back when the row is written.
    place: OwnedSemaphorePermit,
}

impl Recorder {
    /// `pool` is the recorder's own: were it the requests', then requests that hold every
    /// connection would wait for rows that wait for a connection.
    pub(crate) fn new(
        pool: PgPool,
        prepared: bool,
        statement_timeout: Duration,
        patience: Duration,
        keys: Arc<Keys>,
    ) -> Self {
        Self(Arc::new(Inner {
            pool,
            prepared,
            begin: enter::begin(statement_timeout),
            patience,
            keys,
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            waiting: Mutex::default(),
        }))
    }

    /// Returns when the row is durable.
    pub(crate) async fn record(&self, tenant: TenantId, row: Unlinked) -> Result<(), StoreError> {
        let place = Arc::clone(&self.0.places).acquire_owned();
        let Ok(Ok(place)) = tokio::time::timeout(self.0.patience, place).await else {
            return Err(unavailable("the audit writer is full"));
        };
        let (done, told) = oneshot::channel();
        let first = self.0.enqueue(tenant, Waiting { row, done, place });
        if first {
            // Not in the caller's own future: others wait on this too, and a caller may hang up.
            tokio::spawn(write_while_waiting(Arc::clone(&self.0), tenant));
        }
        told.await
            .unwrap_or_else(|_| Err(unavailable("the audit writer has stopped")))
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(crate) async fn close(&self) {
        self.0.pool.close().await;
    }
}

async fn write_while_waiting(inner: Arc<Inner>, tenant: TenantId) {
    while let Some(batch) = inner.take(tenant) {
        let (rows, waiters): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.row, (waiting.done, waiting.place)))
            .unzip();
        let whole = inner.commit(tenant, &rows).await;
        // One row that the schema refuses must not take the others with it.
        let each = matches!(&whole, Err(error) if !error.is_unavailable()) && rows.len() > 1;
        for (row, (done, place)) in rows.into_iter().zip(waiters) {
            let result = if each {
                inner.commit(tenant, &[row]).await
            } else {
                whole.clone()
            };
            // Whoever hung up does not wait for the answer.
            let _ = done.send(result);
            drop(place);
        }
    }
}

impl Inner {
    /// Whether nobody writes for the tenant yet.
    fn enqueue(&self, tenant: TenantId, waiting: Waiting) -> bool {
        let mut queues = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = false;
        queues
            .entry(tenant)
            .or_insert_with(|| {
                first = true;
                Vec::new()
            })
            .push(waiting);
        first
    }

    fn take(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut queues = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get_mut(&tenant)?;
        if queue.is_empty() {
            queues.remove(&tenant);
            return None;
        }
        let n = queue.len().min(BATCH_MAX);
        Some(queue.drain(..n).collect())
    }

    async fn commit(&self, tenant: TenantId, rows: &[Unlinked]) -> Result<(), StoreError> {
        // The lock goes with the entrance, in one round trip.
        let enter = enter::enter_tenant(tenant);
        let batch = format!("{}{enter}; {LOCK_HEAD}", self.begin);
        let (wire, row) = Wire::open(&self.pool, self.prepared, &batch).await?;
        let hash: Vec<u8> = row.try_get("hash")?;
        let head = Head {
            seq: row.try_get("seq")?,
            hash: fixed(&hash)?,
        };
        let key = self.keys.audit(&wire, tenant).await?;
        append(&wire, tenant, head, rows, &key).await?;
        wire.end(End::Commit).await
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(Cause::new(why))
}
