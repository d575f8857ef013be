//! Waiting for a tenant's log to grow.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

/// How many tellings of chains that grew a slow watcher may be behind.
const GROWN_MAX: usize = 256;

/// Whose chains this process lets grow.
#[derive(Debug)]
pub(super) struct Growth {
    told: Sender<TenantId>,
    /// By how many rows, since somebody asked.
    rows: Mutex<HashMap<TenantId, u32>>,
}

impl Growth {
    pub(super) fn new() -> Self {
        Self {
            told: Sender::new(GROWN_MAX),
            rows: Mutex::default(),
        }
    }

    /// Tells of a row, once it is durable.
    pub(super) fn grew(&self, tenant: TenantId) {
        let mut grown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = grown.entry(tenant).or_default();
        *rows = rows.saturating_add(1);
        drop(grown);
        // That nobody watches is no fault.
        let _ = self.told.send(tenant);
    }

    /// Is told of each row from now on.
    pub(super) fn told(&self) -> Receiver<TenantId> {
        self.told.subscribe()
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
pub struct AuditWatch {
    pub(crate) tenant: TenantId,
    pub(crate) grown: Receiver<TenantId>,
}

impl AuditWatch {
    /// Returns when it has grown, or may have.
    pub async fn grew(&mut self) {
        loop {
            match self.grown.recv().await {
                Ok(tenant) if tenant == self.tenant => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
