//! What one operation carries through its resolvers: who asks, what was decided, the one read
//! transaction, and where its writes go.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use countersign_domain::id::TenantId;
use countersign_entities::{ReadTransaction, RequestContext};
use countersign_policies::{Decisions, ReadScope, Refusal, Resource};

use super::{cursor::CursorKey, error::GraphqlError, loader::Loaded, request::Stop};
use crate::app::{Services, Writer};

/// A field that was hidden, by the pattern of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redaction {
    pub(super) rule: String,
    pub(super) count: u64,
}

/// What an operation was let in with.
#[derive(Debug)]
pub(super) enum Way {
    /// To read.
    Read(ReadTransaction),
    /// To change something.
    Write(Box<Writer>),
}

impl Way {
    /// Waits for PostgreSQL's word on who was presumed to ask, and ends the transaction.
    pub(super) async fn confirm(self) -> Result<(), Stop> {
        let confirmed = match self {
            Self::Read(reader) => {
                let confirmed = reader.confirm().await;
                reader.leave();
                confirmed
            }
            Self::Write(writer) => writer.close().await,
        };
        confirmed.map_err(|_| Stop::Rebutted)
    }
}

/// The state of one operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) services: Services,
    pub(super) context: RequestContext,
    pub(super) decisions: Decisions,
    /// Whether this caller may know which rule refused (AUT-3).
    pub(super) reveal_rules: bool,
    /// Whether this caller may learn what there is to ask for.
    pub(super) may_explore: bool,
    pub(super) cursor_key: CursorKey,
    pub(super) loaded: Loaded,
    refusals: Mutex<Vec<Refusal>>,
    names_strange: AtomicBool,
    /// The read transaction. A mutation's use case closes it first: what one request holds is one
    /// connection.
    reader: tokio::sync::Mutex<Option<Arc<ReadTransaction>>>,
    /// Where a mutation's changes go.
    writer: Option<Box<Writer>>,
}

impl Operation {
    pub(super) fn new(
        services: Services,
        context: RequestContext,
        way: Way,
        decisions: Decisions,
        (reveal_rules, may_explore): (bool, bool),
        cursor_key: CursorKey,
    ) -> Self {
        let (reader, writer) = match way {
            Way::Read(reader) => (Some(Arc::new(reader)), None),
            Way::Write(writer) => (None, Some(writer)),
        };
        Self {
            services,
            context,
            decisions,
            reveal_rules,
            may_explore,
            cursor_key,
            loaded: Loaded::default(),
            refusals: Mutex::default(),
            names_strange: AtomicBool::new(false),
            reader: tokio::sync::Mutex::new(reader),
            writer,
        }
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.context.tenant()
    }

    /// Where changes go. What was read for fields of a mutation before is closed first.
    pub(super) async fn writer(&self) -> Result<&Writer, GraphqlError> {
        self.close_reader().await;
        self.writer.as_deref().ok_or(GraphqlError::Internal)
    }

    /// The same, where this is a mutation; nothing is closed.
    pub(super) fn mutates(&self) -> Option<&Writer> {
        self.writer.as_deref()
    }

    /// The read transaction, entered anew where a mutation closed it.
    pub(super) async fn reader(&self) -> Result<Arc<ReadTransaction>, GraphqlError> {
        let mut reader = self.reader.lock().await;
        if let Some(open) = reader.as_ref() {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(self.services.database.read(&self.context).await?);
        *reader = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Waits for PostgreSQL's word on who was presumed to ask and on the ids that are named, and ends the
    /// transaction that is open. Comes before anything is answered or recorded.
    pub(super) async fn confirm(&self) -> Result<(), Stop> {
        if let Some(writer) = &self.writer {
            writer.close().await.map_err(|_| Stop::Rebutted)?;
        }
        if let Some(reader) = self.reader.lock().await.take() {
            let confirmed = reader.confirm().await;
            if let Some(reader) = Arc::into_inner(reader) {
                reader.leave();
            }
            confirmed.map_err(|_| Stop::Rebutted)?;
        }
        if self.names_strange() {
            return Err(Stop::Strange);
        }
        Ok(())
    }

    /// Ends the read transaction, if one is open.
    pub(super) async fn close_reader(&self) {
        let open = self.reader.lock().await.take();
        if let Some(reader) = open.and_then(Arc::into_inner) {
            reader.leave();
        }
    }

    /// The scope to read rows of a kind, if any may be read.
    pub(super) fn scope<R: Resource>(&self) -> Result<ReadScope<R>, GraphqlError> {
        let (engine, actor) = (&self.services.engine, self.context.actor());
        let scope = engine.read_scope_by(actor, &self.decisions);
        scope.map_err(GraphqlError::Refused)
    }

    /// What is answered for an id that the caller may know nothing of: the whole request is refused,
    /// like one that names an id of no row, so that the two can not be told apart.
    pub(super) fn not_here(&self) -> GraphqlError {
        self.names_strange.store(true, Ordering::Relaxed);
        GraphqlError::NotFound
    }

    /// Whether the request names an id that the caller may know nothing of, as far as is known: because
    /// policy hides it, or because it is not the tenant's.
    pub(super) fn names_strange(&self) -> bool {
        self.names_strange.load(Ordering::Relaxed) || self.context.strange().is_some()
    }

    /// Notes that a root field was refused.
    pub(super) fn refuse(&self, refusal: &Refusal) {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(refusal.clone());
    }

    pub(super) fn refusals(&self) -> Vec<Refusal> {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
