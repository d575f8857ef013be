//! How many reads that may take long are under way at a time: whoever has more waits, so that connections are
//! left for others.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    super::{operation::Operation, plan::Measure, request::Stop},
    Endpoint, refused,
};
use crate::{
    code::Code,
    places::{Share, Shares},
};

/// The most of one principal.
const OF_A_PRINCIPAL: usize = 2;
/// The most of one tenant.
const OF_A_TENANT: usize = 4;
/// How long whoever has more waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The long reads of a process. All tenants together may have as many as they have places.
pub(super) fn long_reads() -> Shares {
    Shares::new(OF_A_PRINCIPAL, OF_A_TENANT, usize::MAX)
}

impl Endpoint {
    /// A place for a query that may take long; `None` for any other, which needs none.
    pub(super) async fn place(
        &self,
        operation: &Operation,
        measure: &Measure,
    ) -> Result<Option<Share>, Stop> {
        if !measure.is_long {
            return Ok(None);
        }
        let context = &operation.context;
        if let Ok(place) = self.long_reads.take(context) {
            return Ok(Some(place));
        }
        // Whoever waits holds no connection: they are let in once more when they read.
        operation.confirm().await?;
        if let Ok(place) = timeout(PATIENCE, self.long_reads.wait(context)).await {
            return Ok(Some(place));
        }
        let message = format!(
            "at most {OF_A_PRINCIPAL} of a caller's searches and counts, and {OF_A_TENANT} of a tenant's, run at \
             a time: try again when one has ended"
        );
        Err(refused(Code::RateLimited, message, context.request()).into())
    }
}
