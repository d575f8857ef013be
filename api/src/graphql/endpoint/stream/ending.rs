//! The end of a stream, which is recorded.

use countersign_entities::{Database, RequestContext};
use countersign_policies::Resolved;

use super::super::super::record;
use crate::places::Share;

/// Records how a stream ended: before its last part is sent, or afterwards where the listener left. A
/// process that is killed records no end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) database: Database,
    pub(super) context: RequestContext,
    /// By which the listener was let in.
    pub(super) permission: Resolved,
    pub(super) events: u64,
    /// Set once it has ended.
    pub(super) why: Option<&'static str>,
    pub(super) is_recorded: bool,
    /// Given back with the record.
    pub(super) place: Option<Share>,
}

impl Ending {
    /// Records it, once.
    pub(super) async fn record(&mut self) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        // In a task: a listener who leaves meanwhile does not take the row away.
        let _ = tokio::spawn(self.recording()).await;
        self.place = None;
    }

    fn recording(&self) -> impl Future<Output = ()> + Send + use<> {
        let why = self.why.unwrap_or("the listener left");
        let draft = record::stream_closed(self.permission.clone(), self.events, why);
        let (database, context) = (self.database.clone(), self.context.clone());
        async move {
            if let Err(error) = database.record_end(&context, draft).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the end of a stream was not recorded"
                );
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.is_recorded {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(self.recording());
        }
    }
}
