//! How many files are read and written at once. A file of eight megabytes takes a hundred of memory to read, and a
//! connection for as long as its rows are written: whoever sends many waits in line, and holds nothing meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::id::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most files of one tenant at once.
const OF_A_TENANT: usize = 2;
/// The most files at once: half of the connections that write.
const IN_ALL: usize = 4;
/// How long a place is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The places of one process.
#[derive(Debug)]
pub struct ImportPlaces {
    of_tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
    in_all: Arc<Semaphore>,
    patience: Duration,
}

/// A place, which is given back when it is dropped.
#[derive(Debug)]
pub(super) struct ImportPlace {
    _places: [OwnedSemaphorePermit; 2],
}

impl Default for ImportPlaces {
    fn default() -> Self {
        Self {
            of_tenants: Mutex::default(),
            in_all: Arc::new(Semaphore::new(IN_ALL)),
            patience: PATIENCE,
        }
    }
}

impl ImportPlaces {
    /// A place for one more file of the tenant's, behind those that came before. `None` where that takes too long.
    pub(super) async fn take(&self, tenant: TenantId) -> Option<ImportPlace> {
        let (own, in_all) = (self.own(tenant), Arc::clone(&self.in_all));
        let taken = async {
            // The tenant's own first, so that whoever waits for those keeps no other tenant's.
            let own = own.acquire_owned().await.ok()?;
            let in_all = in_all.acquire_owned().await.ok()?;
            Some(ImportPlace {
                _places: [own, in_all],
            })
        };
        tokio::time::timeout(self.patience, taken).await.ok()?
    }

    fn own(&self, tenant: TenantId) -> Arc<Semaphore> {
        let of_tenants = self.of_tenants.lock();
        let mut of_tenants = of_tenants.unwrap_or_else(PoisonError::into_inner);
        // Nobody has a place of it, or waits for one.
        of_tenants.retain(|_, own| Arc::strong_count(own) > 1);
        let own = of_tenants.entry(tenant);
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(OF_A_TENANT))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_has_its_share_and_others_wait_in_line() {
        let places = ImportPlaces {
            patience: Duration::from_millis(50),
            ..ImportPlaces::default()
        };
        let [one, other, third] = [1, 2, 3].map(|n| TenantId::new(uuid::Uuid::from_u128(n)));
        let own = (places.take(one).await, places.take(one).await);
        assert!(own.0.is_some() && own.1.is_some());
        assert!(places.take(one).await.is_none(), "a third of one tenant");
        let others = (places.take(other).await, places.take(other).await);
        assert!(others.0.is_some() && others.1.is_some());
        assert!(places.take(third).await.is_none(), "a fifth of all");
        let give_back = async {
            tokio::task::yield_now().await;
            drop(own);
        };
        let (came, ()) = tokio::join!(places.take(third), give_back);
        assert!(came.is_some(), "it waited for too short a time");
        drop((came, others));
        assert!(places.take(one).await.is_some());
        assert_eq!(places.of_tenants.lock().unwrap().len(), 1);
    }
}
