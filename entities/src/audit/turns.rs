//! Whose turn it is, in this process, to append to a tenant's chain. Whoever links a row to an end that
//! somebody else is about to move does it for nothing. Nothing rests on turns but that: PostgreSQL
//! holds the ends, also against other processes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use tokio::sync::{Mutex as Place, OwnedMutexGuard};

/// A place for each tenant that somebody appended to.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<TenantId, Arc<Place<()>>>>);

/// A turn, which is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn, behind those who came before.
    pub(super) async fn take(&self, tenant: TenantId) -> Turn {
        let held = self.place(tenant).lock_owned().await;
        Turn { _held: held }
    }

    /// A turn, where nobody has one.
    pub(super) fn take_now(&self, tenant: TenantId) -> Option<Turn> {
        let held = self.place(tenant).try_lock_owned().ok()?;
        Some(Turn { _held: held })
    }

    fn place(&self, tenant: TenantId) -> Arc<Place<()>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(tenant).or_default())
    }
}
