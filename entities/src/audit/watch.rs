//! Waiting for a tenant's log to grow.

use countersign_domain::id::TenantId;
use tokio::sync::broadcast::{Receiver, error::RecvError};

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
