//! How many streams are open, of each principal, of each tenant and in all, and that all of them are to end.

use countersign_domain::id::TenantId;
use countersign_entities::RequestContext;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    graphql::limits::Limits,
    places::{self, Place, Places},
};

/// The most streams of one principal at a time.
const STREAMS_MAX: usize = 8;

/// The streams that are open.
#[derive(Debug)]
pub(in crate::graphql::endpoint) struct Streams {
    of_a_tenant: usize,
    /// By the principals' ids.
    principals: Places<String>,
    tenants: Places<TenantId>,
    pub(super) closing: watch::Sender<bool>,
}

/// The place of a stream, among its principal's and among its tenant's.
pub(super) type StreamPlace = (Place<String>, Place<TenantId>);

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Full {
    /// The principal has as many as one may have.
    #[error("at most {STREAMS_MAX} streams at a time: close another one")]
    Principal,
    /// The tenant has as many as one may have.
    #[error("at most {0} streams of a tenant at a time: let others end")]
    Tenant(usize),
    /// There are as many as there may be.
    #[error("this server has as many streams open as it may: try again in a while")]
    Server,
}

impl Streams {
    pub(in crate::graphql::endpoint) fn new(limits: &Limits) -> Self {
        let of_a_tenant = limits.streams_of_a_tenant_max;
        Self {
            of_a_tenant,
            principals: Places::new(STREAMS_MAX, limits.streams_max),
            tenants: Places::new(of_a_tenant, limits.streams_max),
            closing: watch::Sender::new(false),
        }
    }

    /// A place for one more of the principal's, if there is one.
    pub(super) fn take(&self, context: &RequestContext) -> Result<StreamPlace, Full> {
        let full = |each| {
            move |full| match full {
                places::Full::Each => each,
                places::Full::All => Full::Server,
            }
        };
        let of_principal = self.principals.take(context.actor().id());
        let of_principal = of_principal.map_err(full(Full::Principal))?;
        let of_tenant = self.tenants.take(context.tenant());
        let of_tenant = of_tenant.map_err(full(Full::Tenant(self.of_a_tenant)))?;
        Ok((of_principal, of_tenant))
    }

    pub(super) fn count(&self) -> usize {
        self.principals.count()
    }
}
