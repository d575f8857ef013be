//! What replicas tell each other of a tenant, by way of whoever carries it: sealed under the tenant's own
//! key, so that the carrier learns nothing, and can tell nothing.

use countersign_domain::id::{RequestId, TenantId};

use crate::{database::Database, error::StoreError, keys::Purpose, seal::Place};

/// Stands in the place of a table: a message is in none.
const MESSAGES: &str = "messages";

impl Database {
    /// Seals what is told of a request.
    pub async fn seal_message(
        &self,
        tenant: TenantId,
        request: RequestId,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let row = request.uuid();
        let place = place(tenant, row.as_bytes());
        let sealed = self.inner().keys.seal(Purpose::Messages, &place, plain);
        Ok(sealed.await?.0)
    }

    /// Opens what another replica has sealed of that tenant's request.
    pub async fn open_message(
        &self,
        tenant: TenantId,
        request: RequestId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let row = request.uuid();
        let place = place(tenant, row.as_bytes());
        let opened = self.inner().keys.open(Purpose::Messages, &place, sealed);
        Ok(opened.await?.to_vec())
    }
}

fn place(tenant: TenantId, row: &[u8]) -> Place<'_> {
    Place {
        tenant,
        table: MESSAGES,
        column: "told",
        row,
    }
}
