//! What is written through: a transaction that was entered, or one that is opened when it is first asked
//! for something.

mod at_once;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock},
};

use countersign_domain::id::AnyId;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::sync::OnceCell;

pub(crate) use self::at_once::AtOnce;
pub use self::at_once::Insertion;
use crate::{
    context::RequestContext,
    database::Database,
    enter::{self, Answer},
    error::StoreError,
    idempotency::{Asking, Claim, Claiming, Found},
    keys::AuditKey,
    line::{Done, Line},
};

/// What came of claiming the request's key. Whoever asks twice is told the same.
type Claimed = Shared<BoxFuture<'static, Result<Claim, StoreError>>>;

/// Where a request's writes go.
pub(crate) struct Writing {
    database: Database,
    context: RequestContext,
    /// What the row in the log is signed with. There before a line is taken: nobody waits for a line because
    /// the keeper of somebody's keys is slow.
    key: AuditKey,
    /// There where who acts is presumed, and nothing was asked of PostgreSQL at first.
    late: Option<Late>,
    opened: OnceCell<Opened>,
    /// There where a message was sent and nobody knows whether it is committed. Nothing is opened any more: the
    /// key would be this request's own, and it would be done twice.
    unknown: OnceLock<StoreError>,
}

/// What it takes to enter as who was let in a moment ago.
struct Late {
    named: BTreeSet<AnyId>,
    asking: Asking,
    /// What PostgreSQL said last.
    presumed: Arc<Answer>,
}

/// A transaction that is open.
struct Opened {
    line: Arc<Line>,
    claimed: Option<Claimed>,
}

impl Writing {
    /// A transaction that was entered, in which no key is claimed.
    pub(crate) fn entered(
        database: &Database,
        context: RequestContext,
        key: AuditKey,
        line: Line,
    ) -> Self {
        let line = Arc::new(line);
        let claimed = None;
        Self::opened(database, context, key, Opened { line, claimed })
    }

    /// The same, in which the request's key, where it has one, is claimed.
    pub(crate) fn claiming(
        database: &Database,
        context: RequestContext,
        key: AuditKey,
        line: Line,
        asking: Asking,
    ) -> Self {
        let line = Arc::new(line);
        let claimed = database.claiming(&context, asking).map(|claiming| {
            let (line, database) = (Arc::clone(&line), database.clone());
            let claimed = async move {
                let found: Vec<Found> = line.fetch(&claiming.statement()).await?;
                claiming.judge(found.first(), &database.inner().keys).await
            };
            let claimed = claimed.boxed().shared();
            // Asked once, it is on its way.
            let _ = claimed.clone().now_or_never();
            claimed
        });
        Self::opened(database, context, key, Opened { line, claimed })
    }

    fn opened(database: &Database, context: RequestContext, key: AuditKey, opened: Opened) -> Self {
        Self {
            database: database.clone(),
            context,
            key,
            late: None,
            opened: OnceCell::new_with(Some(opened)),
            unknown: OnceLock::new(),
        }
    }

    /// One that is opened when it is first asked for something, by who is presumed to act.
    pub(crate) fn presuming(
        database: &Database,
        context: RequestContext,
        key: AuditKey,
        presumed: Arc<Answer>,
        named: BTreeSet<AnyId>,
        asking: Asking,
    ) -> Self {
        Self {
            database: database.clone(),
            context,
            key,
            late: Some(Late {
                named,
                asking,
                presumed,
            }),
            opened: OnceCell::new(),
            unknown: OnceLock::new(),
        }
    }

    pub(crate) const fn context(&self) -> &RequestContext {
        &self.context
    }

    pub(crate) const fn key(&self) -> &AuditKey {
        &self.key
    }

    /// The transaction's connection. Opening it waits for nothing that PostgreSQL says.
    pub(crate) async fn line(&self) -> Result<&Arc<Line>, StoreError> {
        Ok(&self.open().await?.line)
    }

    /// The same, where it is open.
    pub(crate) fn open_line(&self) -> Option<&Arc<Line>> {
        self.opened.get().map(|opened| &opened.line)
    }

    /// Waits until PostgreSQL has confirmed who was presumed to enter, and says what came of claiming the
    /// request's key.
    pub(crate) async fn claimed(&self) -> Result<Claim, StoreError> {
        let opened = self.open().await?;
        opened.line.confirm().await?;
        match &opened.claimed {
            Some(claimed) => claimed.clone().await,
            None => Ok(Claim::Claimed),
        }
    }

    async fn open(&self) -> Result<&Opened, StoreError> {
        if let Some(unknown) = self.unknown.get() {
            return Err(unknown.clone());
        }
        let opened = self.opened.get_or_try_init(|| async {
            match &self.late {
                Some(late) => self.presume(late).await,
                None => Err(StoreError::inconsistent("a transaction was never opened")),
            }
        });
        opened.await
    }

    /// Enters, and claims the request's key by the same statement. Where there is no connection,
    /// whoever enters by PostgreSQL's word is told so.
    async fn presume(&self, late: &Late) -> Result<Opened, StoreError> {
        let (database, context) = (&self.database, &self.context);
        let call = enter::call(context.credential(), context.now(), &late.named);
        let holds = database.holds(context, late.named.len());
        let lines = &database.inner().writing;
        let Some(claiming) = database.claiming(context, late.asking) else {
            let line = Line::presume(lines, call.statement(), holds).await;
            let line = Arc::new(line.map_err(|_| StoreError::Rebutted)?);
            let claimed = None;
            return Ok(Opened { line, claimed });
        };
        // There when who was presumed to enter is confirmed.
        let found = Arc::new(OnceLock::new());
        let told = Arc::clone(&found);
        let holds = move |done: &Done| {
            let rows: Result<Vec<Found>, _> = done.rows();
            let row = rows.ok().and_then(|rows| rows.into_iter().next());
            row.is_some_and(|row| told.set(row).is_ok()) && holds(done)
        };
        let line = Line::presume(lines, claiming.entering(call), holds).await;
        let line = Arc::new(line.map_err(|_| StoreError::Rebutted)?);
        let claimed = claimed_by(Arc::clone(&line), claiming, found, database.clone());
        Ok(Opened {
            line,
            claimed: Some(claimed.boxed().shared()),
        })
    }
}

async fn claimed_by(
    line: Arc<Line>,
    claiming: Claiming,
    found: Arc<OnceLock<Found>>,
    database: Database,
) -> Result<Claim, StoreError> {
    line.confirm().await?;
    claiming.judge(found.get(), &database.inner().keys).await
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writing")
    }
}
