//! How many streams are open, of each principal, of each tenant and in all, and that all of them are to end.

use countersign_entities::RequestContext;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    graphql::limits::Limits,
    places::{Share, Shares, Whose},
};

/// The most streams of one principal at a time.
const STREAMS_MAX: usize = 8;

/// The streams that are open.
#[derive(Debug)]
pub(in crate::graphql::endpoint) struct Streams {
    of_a_tenant: usize,
    places: Shares,
    pub(super) closing: watch::Sender<bool>,
}

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
            places: Shares::new(STREAMS_MAX, of_a_tenant, limits.streams_max),
            closing: watch::Sender::new(false),
        }
    }

    /// A place for one more of the principal's, if there is one.
    pub(super) fn take(&self, context: &RequestContext) -> Result<Share, Full> {
        self.places.take(context).map_err(|whose| match whose {
            Whose::Principal => Full::Principal,
            Whose::Tenant => Full::Tenant(self.of_a_tenant),
            Whose::All => Full::Server,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.places.count()
    }
}
