//! The end of an export, which is recorded.

use countersign_domain::audit::{Facts, Outcome};
use countersign_entities::{Database, EventDraft, RequestContext, StoreError};
use countersign_policies::Resolved;

/// The audit event.
const EVENT: &str = "audit.export_ended";

/// Records how an export ended: with all rows, before its manifest is sent, or without. A process that is
/// killed records no end.
#[derive(Debug)]
pub(super) struct Ending {
    database: Database,
    context: RequestContext,
    /// By which it began.
    permission: Resolved,
    /// How many rows were given.
    pub(super) rows: u64,
    is_recorded: bool,
}

impl Ending {
    pub(super) const fn new(
        database: Database,
        context: RequestContext,
        permission: Resolved,
    ) -> Self {
        Self {
            database,
            context,
            permission,
            rows: 0,
            is_recorded: false,
        }
    }

    /// All rows were given. Returns when that is durable; where it fails there is no manifest.
    pub(super) async fn completed(&mut self) -> Result<(), StoreError> {
        self.is_recorded = true;
        // In a task: whoever leaves meanwhile does not take the row away.
        let recorded = tokio::spawn(self.recording(None)).await;
        recorded.unwrap_or_else(|_| Err(StoreError::inconsistent("a task was cut off")))
    }

    /// It ended before.
    pub(super) async fn broken_off(&mut self, why: &'static str) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        let recorded = tokio::spawn(self.recording(Some(why))).await;
        if let Ok(Err(error)) = recorded {
            unrecorded(&error);
        }
    }

    fn recording(
        &self,
        why: Option<&'static str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let facts = Facts::new()
            .count("rows", self.rows)
            .flag("completed", why.is_none());
        let (outcome, facts) = match why {
            None => (Outcome::Done, facts),
            Some(why) => (Outcome::Failed, facts.word("why", why)),
        };
        let draft = EventDraft {
            action: EVENT,
            permission: self.permission.clone(),
            outcome,
            targets: vec![self.context.tenant().into()],
            payload: facts.into(),
        };
        let (database, context) = (self.database.clone(), self.context.clone());
        async move { database.record_end(&context, draft).await }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.is_recorded {
            return;
        }
        let recording = self.recording(Some("the caller left"));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = recording.await {
                    unrecorded(&error);
                }
            });
        }
    }
}

fn unrecorded(error: &StoreError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the end of an export was not recorded"
    );
}
