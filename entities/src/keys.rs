//! The keys of tenants: wrapped under the key-encryption key at rest, kept open in memory only, and wiped
//! when dropped.
//!
//! A tenant has four: `audit` signs its log and `checkpoint` its checkpoints, and both stay for as long as
//! the log does; `data`, in versions that
//! replace each other, seals what is secret, by a key derived for each purpose; `index` makes blind
//! indexes. Destroying these two makes the tenant's secrets unreadable and leaves its log verifiable. The
//! data key of the operator's own tenant seals what is of no other: the provider's tokens of sessions,
//! answers that may be repeated, cursors.
//!
//! With random nonces of 96 bits a key is good for 2^32 encryptions (NIST SP 800-38D, section 8.3). Servers
//! set them aside in blocks, and make the next version at half of that.

mod data;
mod flights;
mod kek;
mod known;
mod local;
mod rows;
mod spending;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chrono::Duration;
use countersign_domain::{audit::note::VerifierKey, id::TenantId};
use secrecy::{ExposeSecret, SecretBox};
use sqlx::PgPool;
use zeroize::Zeroizing;

use self::{
    data::DataKey,
    flights::Flights,
    known::{Kept, Known},
};
pub(crate) use self::{
    data::Purpose,
    rows::{
        AUDIT, CHECKPOINT, DATA, INDEX, KeyRow, NewKeyRow, insert as insert_row,
        insert_once as insert_row_once, of as rows_of,
    },
};
pub use self::{
    kek::{KekError, KeyEncryption, KeyIdentity, KeyRing, PlainKey, WrappedKey},
    local::{KeyEncryptionKey, KeyError},
};
use crate::{
    clock::{Clock, Ids},
    enter,
    error::{StoreError, WriteError},
    line::Fetches,
    seal::{self, Place},
    wire::{Begin, End, Wire},
};

pub(crate) type AuditKey = Arc<Zeroizing<[u8; 32]>>;

/// The version that is made first.
pub(crate) const FIRST: i32 = 1;
/// How long what is known of a tenant's keys is taken to hold: for so long after a key was destroyed, a
/// server may still open what is sealed under it.
pub(crate) const FRESH: Duration = Duration::seconds(10);
/// The encryptions after which the next version is made: half of what a key is good for.
pub(crate) const ROTATE_AT: i64 = 1 << 31;

#[derive(Debug)]
pub(crate) struct Keys {
    ring: KeyRing,
    connections: Connections,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    audit: Mutex<HashMap<TenantId, AuditKey>>,
    /// Public keys, which are no secret.
    verifiers: Mutex<HashMap<TenantId, VerifierKey>>,
    known: Mutex<HashMap<TenantId, Arc<Known>>>,
    cursors: OnceLock<Arc<SecretBox<[u8; 32]>>>,
    flights: Flights,
}

/// Where keys are read from, when they are needed in no transaction of a tenant.
#[derive(Debug)]
pub(crate) struct Connections {
    /// A pool of its own: whoever waits for a key may hold a connection of another.
    pub(crate) pool: PgPool,
    pub(crate) prepared: bool,
    pub(crate) begin: Begin,
}

impl Connections {
    async fn enter(&self, tenant: TenantId) -> Result<Wire, StoreError> {
        let enter = enter::enter_tenant(tenant);
        let (wire, _) = Wire::open(&self.pool, self.prepared, &self.begin, &enter).await?;
        Ok(wire)
    }
}

impl Keys {
    pub(crate) fn new(
        ring: KeyRing,
        connections: Connections,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self {
            ring,
            connections,
            clock,
            ids,
            audit: Mutex::default(),
            verifiers: Mutex::default(),
            known: Mutex::default(),
            cursors: OnceLock::new(),
            flights: Flights::default(),
        }
    }

    pub(crate) const fn pool(&self) -> &PgPool {
        &self.connections.pool
    }

    pub(crate) const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The tenant's audit key. The first time it is asked of its keeper, which may take its time: whoever asks
    /// here holds no connection that others need.
    pub(crate) async fn audit(&self, tenant: TenantId) -> Result<AuditKey, StoreError> {
        if let Some(key) = self.opened(tenant) {
            return Ok(key);
        }
        let wire = self.connections.enter(tenant).await?;
        let rows: Vec<KeyRow> = wire.fetch(rows::of(tenant, AUDIT)).await?;
        wire.end(End::Rollback).await?;
        let row = rows.into_iter().next();
        let row = row.ok_or_else(|| StoreError::inconsistent("the tenant has no audit key"))?;
        let key = self.unwrap(tenant, AUDIT, &row).await?;
        let key = audit_key(&*key.ok_or(StoreError::Sealed)?);
        locked(&self.audit).insert(tenant, Arc::clone(&key));
        Ok(key)
    }

    /// The tenant's audit key, if it was read before.
    pub(crate) fn opened(&self, tenant: TenantId) -> Option<AuditKey> {
        locked(&self.audit).get(&tenant).map(Arc::clone)
    }

    /// The public key that the tenant's checkpoints are signed with, if it was looked up before.
    pub(crate) fn verifier(&self, tenant: TenantId) -> Option<VerifierKey> {
        locked(&self.verifiers).get(&tenant).cloned()
    }

    pub(crate) fn keep_verifier(&self, tenant: TenantId, key: VerifierKey) {
        locked(&self.verifiers).insert(tenant, key);
    }

    /// Makes the keys of a new tenant, within the tenant's transaction; returns its audit key, which nobody
    /// else knows of before that is committed. Conflict: `tenant_keys_id`, where it has them.
    pub(crate) async fn make(&self, wire: &Wire, tenant: TenantId) -> Result<AuditKey, WriteError> {
        let audit = PlainKey::new(self.ids.random32());
        let of = |purpose| KeyIdentity {
            tenant,
            purpose,
            version: FIRST,
        };
        rows::insert(wire, self.wrapped(&audit, of(AUDIT)).await?).await?;
        for purpose in [DATA, INDEX] {
            let insert = self.new_row(tenant, purpose, FIRST).await?;
            rows::insert(wire, insert).await?;
        }
        Ok(audit_key(&audit))
    }

    /// Makes the tenant's data key and index key, where it has none, as a tenant of a time before them.
    async fn make_missing(&self, tenant: TenantId) -> Result<(), StoreError> {
        let data = self.new_row(tenant, DATA, FIRST).await?;
        let index = self.new_row(tenant, INDEX, FIRST).await?;
        let wire = self.connections.enter(tenant).await?;
        rows::insert_once(&wire, data).await?;
        rows::insert_once(&wire, index).await?;
        wire.end(End::Commit).await
    }

    /// A new key, wrapped, to be stored.
    pub(crate) async fn new_row(
        &self,
        tenant: TenantId,
        purpose: &'static str,
        version: i32,
    ) -> Result<NewKeyRow, StoreError> {
        let of = KeyIdentity {
            tenant,
            purpose,
            version,
        };
        self.wrapped(&PlainKey::new(self.ids.random32()), of).await
    }

    async fn wrapped(&self, key: &PlainKey, of: KeyIdentity) -> Result<NewKeyRow, StoreError> {
        Ok(NewKeyRow {
            of,
            wrapped: self.ring.wrap(key, &of).await?,
            at: self.clock.now(),
        })
    }

    /// Unwraps a key; `None` where it is destroyed. Its keeper is asked for it once at a time.
    pub(crate) async fn unwrap(
        &self,
        tenant: TenantId,
        purpose: &'static str,
        row: &KeyRow,
    ) -> Result<Option<Arc<PlainKey>>, StoreError> {
        let Some(bytes) = &row.sealed else {
            return Ok(None);
        };
        let of = KeyIdentity {
            tenant,
            purpose,
            version: row.version,
        };
        let wrapped = WrappedKey {
            kek: row.kek.clone(),
            bytes: bytes.clone(),
        };
        let key = self.flights.unwrap(&self.ring, of, wrapped).await?;
        Ok(Some(key))
    }

    /// Reads the installation's own key, which what is of no tenant is sealed under.
    pub(crate) async fn open_own(&self) -> Result<(), StoreError> {
        let own = TenantId::OPERATOR;
        let newest = self.newest(own).await?;
        self.data_key(own, &newest).await?;
        let first = self.version(own, FIRST).await?;
        let key = self.data_key(own, &first).await?;
        // A server that opens its books again has it.
        let _ = self.cursors.set(Arc::new(key.cursors()));
        Ok(())
    }

    /// The key that cursors are authenticated with; none before [`Self::open_own`]. It is of the first
    /// version, so that every replica has the same, whenever it hears of a rotation.
    pub(crate) fn cursors(&self) -> Option<Arc<SecretBox<[u8; 32]>>> {
        self.cursors.get().map(Arc::clone)
    }

    /// Seals a value under the tenant's newest data key.
    pub(crate) async fn seal(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<(Vec<u8>, i32), StoreError> {
        let (version, key) = self.spend(place.tenant).await?;
        let cipher = key.cipher(purpose).ok_or(StoreError::Sealed)?;
        let sealed = seal::seal(cipher, version, purpose.label(), place, plain, &*self.ids);
        Ok((sealed.map_err(|_| StoreError::Sealed)?, version))
    }

    /// Opens what was sealed for the same purpose and place.
    pub(crate) async fn open(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let kept = self.version(place.tenant, version_of(sealed)?).await?;
        self.unseal(&kept, purpose, place, sealed).await
    }

    /// The same, by what the database has now: a key that was destroyed a moment ago opens nothing.
    pub(crate) async fn open_now(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let kept = self.version_now(place.tenant, version_of(sealed)?).await?;
        self.unseal(&kept, purpose, place, sealed).await
    }

    async fn unseal(
        &self,
        kept: &Kept<DataKey>,
        purpose: Purpose,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let key = self.data_key(place.tenant, kept).await?;
        let cipher = key.cipher(purpose).ok_or(StoreError::Sealed)?;
        let opened = seal::open(cipher, purpose.label(), place, sealed);
        opened.map_err(|_| StoreError::Sealed)
    }

    /// Whether a version of the tenant's data key is destroyed.
    pub(crate) async fn is_destroyed(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<bool, StoreError> {
        Ok(self.version(tenant, version).await?.is_destroyed())
    }

    /// The blind index of a text of a column.
    pub(crate) async fn index(
        &self,
        tenant: TenantId,
        column: &str,
        text: &str,
    ) -> Result<[u8; 32], StoreError> {
        let key = self.index_key(tenant).await?;
        key.index(column, text).ok_or(StoreError::Sealed)
    }
}

fn audit_key(key: &PlainKey) -> AuditKey {
    Arc::new(Zeroizing::new(*key.expose_secret()))
}

/// The version of the data key that something is sealed under.
fn version_of(sealed: &[u8]) -> Result<i32, StoreError> {
    seal::version(sealed).map_err(|_| StoreError::Sealed)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
