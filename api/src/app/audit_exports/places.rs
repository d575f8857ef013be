//! How many exports are under way at once.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use thiserror::Error;

/// The exports that are under way in this process. Each holds up to a thousand rows.
#[derive(Debug)]
pub struct ExportPlaces {
    of_a_tenant: usize,
    in_all: usize,
    open: Arc<Mutex<HashMap<TenantId, usize>>>,
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
        let most = |of: NonZeroU32| usize::try_from(of.get()).unwrap_or(usize::MAX);
        Self {
            of_a_tenant: most(of_a_tenant),
            in_all: most(in_all),
            open: Arc::default(),
        }
    }

    /// A place for one more of the tenant's, if there is one. It is given back when it is dropped.
    pub(super) fn take(&self, tenant: TenantId) -> Result<Place, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&tenant).copied().unwrap_or_default();
        if own >= self.of_a_tenant {
            return Err(Full::Tenant(self.of_a_tenant));
        }
        if open.values().sum::<usize>() >= self.in_all {
            return Err(Full::Server);
        }
        open.insert(tenant, own.saturating_add(1));
        Ok(Place {
            tenant,
            open: Arc::clone(&self.open),
        })
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().sum()
    }
}

/// One of the exports that may be under way.
#[derive(Debug)]
pub(super) struct Place {
    tenant: TenantId,
    open: Arc<Mutex<HashMap<TenantId, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.tenant) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}
