//! The keys of tenants: 32 random bytes each, sealed under the key-encryption key at rest, kept open
//! in memory only, and wiped when dropped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Ids,
    error::{StoreError, WriteError},
    line::{Fetches, fetched},
    seal::{About, KeyEncryptionKey},
    wire::Wire,
};

/// The key that signs the audit log.
const AUDIT: &str = "audit";
/// The version that is made. A rotation would add the next.
const FIRST: i32 = 1;

pub(crate) type AuditKey = Arc<Zeroizing<[u8; 32]>>;

fetched! {
    struct Sealed {
        sealed: Vec<u8>,
    }
}

#[derive(Debug)]
pub(crate) struct Keys {
    kek: Arc<KeyEncryptionKey>,
    audit: Mutex<HashMap<TenantId, AuditKey>>,
}

impl Keys {
    pub(crate) fn new(kek: Arc<KeyEncryptionKey>) -> Self {
        Self {
            kek,
            audit: Mutex::default(),
        }
    }

    /// The tenant's audit key; read within the tenant's own transaction the first time.
    pub(crate) async fn audit(
        &self,
        connection: &impl Fetches,
        tenant: TenantId,
    ) -> Result<AuditKey, StoreError> {
        if let Some(key) = self.opened(tenant) {
            return Ok(key);
        }
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT sealed FROM countersign.tenant_keys \
             WHERE tenant_id = $1 AND purpose = $2 AND version = $3",
            [tenant.uuid().into(), AUDIT.into(), FIRST.into()],
        );
        let rows: Vec<Sealed> = connection.fetch(statement).await?;
        let row = rows.into_iter().next();
        let Sealed { sealed } =
            row.ok_or_else(|| StoreError::inconsistent("the tenant has no audit key"))?;
        let bytes = self.kek.open(&sealed, &about(&tenant.uuid()))?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| StoreError::Sealed)?;
        let key = Arc::new(Zeroizing::new(key));
        self.audit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant, Arc::clone(&key));
        Ok(key)
    }

    /// The tenant's audit key, if it was read before.
    pub(crate) fn opened(&self, tenant: TenantId) -> Option<AuditKey> {
        let open = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&tenant).map(Arc::clone)
    }

    /// Makes the audit key of a new tenant, within the tenant's transaction. Conflict:
    /// `tenant_keys_id`, where it has one.
    pub(crate) async fn make_audit(
        &self,
        wire: &Wire,
        tenant: TenantId,
        ids: &dyn Ids,
    ) -> Result<(), WriteError> {
        let key = Zeroizing::new(ids.random32());
        let sealed = self.kek.seal(key.as_slice(), &about(&tenant.uuid()), ids)?;
        let statement = Statement::from_sql_and_values(
            wire.get_database_backend(),
            "INSERT INTO countersign.tenant_keys (tenant_id, purpose, version, sealed) \
             VALUES ($1, $2, $3, $4)",
            [
                tenant.uuid().into(),
                AUDIT.into(),
                FIRST.into(),
                sealed.into(),
            ],
        );
        wire.execute_raw(statement).await?;
        Ok(())
    }
}

/// A tenant's key opens as that tenant's only.
fn about(tenant: &Uuid) -> About<'_> {
    About {
        purpose: AUDIT,
        owner: tenant.as_bytes(),
        version: FIRST,
    }
}
