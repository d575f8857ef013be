//! How many exports are under way at once.

use std::num::NonZeroU32;

use countersign_domain::id::TenantId;
use thiserror::Error;

use crate::places::{self, Place, Places};

/// The exports that are under way in this process. Each holds up to a thousand rows.
#[derive(Debug)]
pub struct ExportPlaces {
    of_a_tenant: usize,
    places: Places<TenantId>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Full {
    /// The tenant has as many as one may have.
    #[error("at most {0} exports of a tenant at once: let one end")]
    Tenant(usize),
    /// There are as many as there may be.
    #[error("this server writes as many exports at once as it may: let some end")]
    Server,
}

impl ExportPlaces {
    /// So many for each tenant, and so many in all.
    pub fn new(of_a_tenant: NonZeroU32, in_all: NonZeroU32) -> Self {
        let of_a_tenant = places::most(of_a_tenant);
        Self {
            of_a_tenant,
            places: Places::new(of_a_tenant, places::most(in_all)),
        }
    }

    /// A place for one more of the tenant's, if there is one.
    pub(super) fn take(&self, tenant: TenantId) -> Result<Place<TenantId>, Full> {
        let taken = self.places.take(tenant);
        taken.map_err(|full| match full {
            places::Full::Each => Full::Tenant(self.of_a_tenant),
            places::Full::All => Full::Server,
        })
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.places.count()
    }
}
