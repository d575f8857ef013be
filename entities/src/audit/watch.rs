//! Waiting for a tenant's log to grow.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use tokio::sync::watch;

/// Whose chains this process lets grow.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// Of whom somebody is told. Nobody is woken by another tenant's rows.
    told: Mutex<HashMap<TenantId, watch::Sender<()>>>,
    /// By how many rows, since somebody asked.
    rows: Mutex<HashMap<TenantId, u32>>,
}

impl Growth {
    /// Tells of a row, once it is durable.
    pub(super) fn grew(&self, tenant: TenantId) {
        let mut grown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = grown.entry(tenant).or_default();
        *rows = rows.saturating_add(1);
        drop(grown);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(told) = told.entry(tenant)
            && told.get().send(()).is_err()
        {
            // Nobody watches any more.
            told.remove();
        }
    }

    /// Is told of the tenant's rows from now on.
    pub(super) fn watch(&self, tenant: TenantId) -> AuditWatch {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(tenant).or_insert_with(|| watch::Sender::new(()));
        AuditWatch(told.subscribe())
    }

    /// Whose chains have grown by so many rows since they were last given here.
    pub(super) fn by(&self, rows: u32) -> Vec<TenantId> {
        let mut grown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = grown.extract_if(|_, grown| *grown >= rows);
        enough.map(|(tenant, _)| tenant).collect()
    }
}

/// Tells when a tenant's audit log has grown. Other replicas let it grow as well, of which this one
/// hears nothing: whoever waits looks from time to time.
#[derive(Debug)]
pub struct AuditWatch(watch::Receiver<()>);

impl AuditWatch {
    /// Returns when it has grown since this returned before. Rows that come together are told of once.
    pub async fn grew(&mut self) {
        if self.0.changed().await.is_err() {
            // The recorder is gone: there is nothing more to wait for.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn rows_are_told_once_to_who_watches_their_tenant_and_to_nobody_else() {
        let [one, other] = [1, 2].map(|n| TenantId::new(Uuid::from_u128(n)));
        let growth = Growth::default();
        let mut watches = [growth.watch(one), growth.watch(one)];
        for _ in 0..1_000 {
            growth.grew(other);
        }
        for watch in &mut watches {
            assert!(watch.grew().now_or_never().is_none());
        }
        growth.grew(one);
        growth.grew(one);
        for watch in &mut watches {
            assert!(watch.grew().now_or_never().is_some());
            assert!(watch.grew().now_or_never().is_none());
        }
        // Whom nobody watches is forgotten, and may be watched again.
        drop(watches);
        growth.grew(one);
        assert!(growth.told.lock().unwrap().is_empty());
        let mut again = growth.watch(one);
        growth.grew(one);
        assert!(again.grew().now_or_never().is_some());
    }
}
