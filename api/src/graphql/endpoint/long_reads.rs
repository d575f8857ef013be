//! How many reads that may take long are under way at a time: whoever has more waits, so that connections are
//! left for others.

use std::time::Duration;

use countersign_domain::id::TenantId;
use countersign_entities::RequestContext;

use super::{
    super::{operation::Operation, plan::Measure, request::Stop},
    Endpoint, refused,
};
use crate::{
    code::Code,
    places::{Place, Places},
};

/// The most of one principal.
const OF_A_PRINCIPAL: usize = 2;
/// The most of one tenant.
const OF_A_TENANT: usize = 4;
/// How long whoever has more waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The principal's place and the tenant's, which are given back when they are dropped.
pub(super) type LongPlace = (Place<String>, Place<TenantId>);

/// The long reads that are under way in this process.
#[derive(Debug)]
pub(super) struct LongReads {
    /// By the principals' ids.
    of_principals: Places<String>,
    of_tenants: Places<TenantId>,
}

impl LongReads {
    pub(super) fn new() -> Self {
        Self {
            of_principals: Places::new(OF_A_PRINCIPAL, usize::MAX),
            of_tenants: Places::new(OF_A_TENANT, usize::MAX),
        }
    }

    /// `None` where there is none now.
    fn take(&self, context: &RequestContext) -> Option<LongPlace> {
        let own = self.of_principals.take(context.actor().id()).ok()?;
        Some((own, self.of_tenants.take(context.tenant()).ok()?))
    }

    /// `None` where others took too long.
    async fn wait(&self, context: &RequestContext) -> Option<LongPlace> {
        let places = async {
            let own = self.of_principals.wait(context.actor().id()).await;
            (own, self.of_tenants.wait(context.tenant()).await)
        };
        tokio::time::timeout(PATIENCE, places).await.ok()
    }
}

impl Endpoint {
    /// A place for a query that may take long; `None` for any other, which needs none.
    pub(super) async fn place(
        &self,
        operation: &Operation,
        measure: &Measure,
    ) -> Result<Option<LongPlace>, Stop> {
        if !measure.is_long {
            return Ok(None);
        }
        let context = &operation.context;
        if let Some(place) = self.long_reads.take(context) {
            return Ok(Some(place));
        }
        // Whoever waits holds no connection: they are let in once more when they read.
        operation.confirm().await?;
        if let Some(place) = self.long_reads.wait(context).await {
            return Ok(Some(place));
        }
        let message = format!(
            "at most {OF_A_PRINCIPAL} of a caller's searches and counts, and {OF_A_TENANT} of a tenant's, run at \
             a time: try again when one has ended"
        );
        Err(refused(Code::RateLimited, message, context.request()).into())
    }
}
