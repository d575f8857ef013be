//! What is known of the keys that a tenant's secrets are sealed under, and for how long.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use countersign_domain::id::TenantId;

use super::{
    DATA, FRESH, INDEX, KeyRow, Keys,
    data::{DataKey, IndexKey},
    kek::PlainKey,
    locked, rows,
};
use crate::{error::StoreError, line::Fetches, wire::End};

/// The versions of a tenant's data key, oldest first, and its newest index key.
#[derive(Debug)]
pub(super) struct Known {
    at: DateTime<Utc>,
    is_stale: AtomicBool,
    data: Vec<Arc<Kept<DataKey>>>,
    index: Option<Arc<Kept<IndexKey>>>,
}

/// A key as its row has it, and open from when it was first asked for.
pub(super) struct Kept<K> {
    row: KeyRow,
    open: OnceLock<Arc<K>>,
}

impl<K> Kept<K> {
    /// What is open of the same key stays so, unless the key is destroyed: its keeper may be away.
    fn new(row: KeyRow, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.row.is_of(&row) && row.sealed.is_some());
        let open = same.and_then(|before| before.open.get()).map(Arc::clone);
        Self {
            row,
            open: open.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    pub(super) const fn version(&self) -> i32 {
        self.row.version
    }

    pub(super) const fn is_destroyed(&self) -> bool {
        self.row.sealed.is_none()
    }
}

impl<K> fmt::Debug for Kept<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({})", self.row.version)
    }
}

/// A tenant's newest data key, which is not destroyed, and its newest index key.
type Newest = (Arc<Kept<DataKey>>, Arc<Kept<IndexKey>>);

impl Known {
    fn new(at: DateTime<Utc>, rows: Vec<KeyRow>, before: Option<&Self>) -> Self {
        let (data, index): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.purpose == DATA);
        let data = data.into_iter().map(|row| {
            let before = before.and_then(|before| before.get(row.version));
            Arc::new(Kept::new(row, before.map(AsRef::as_ref)))
        });
        let index = index.into_iter().next_back().map(|row| {
            let before = before.and_then(|before| before.index.as_deref());
            Arc::new(Kept::new(row, before))
        });
        Self {
            at,
            is_stale: AtomicBool::new(false),
            data: data.collect(),
            index,
        }
    }

    fn get(&self, version: i32) -> Option<&Arc<Kept<DataKey>>> {
        self.data.iter().find(|one| one.version() == version)
    }

    /// The newest keys; `None` where one of them is yet to be made.
    fn newest(&self) -> Result<Option<Newest>, StoreError> {
        match (self.data.last(), &self.index) {
            (Some(data), _) if data.is_destroyed() => Err(StoreError::KeyDestroyed),
            (Some(data), Some(index)) => Ok(Some((Arc::clone(data), Arc::clone(index)))),
            _ => Ok(None),
        }
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        !self.is_stale.load(Ordering::Relaxed) && (now - self.at).abs() < FRESH
    }
}

impl Keys {
    /// The newest version of the data key, which is not destroyed. A tenant that has none gets its first.
    pub(super) async fn newest(&self, tenant: TenantId) -> Result<Arc<Kept<DataKey>>, StoreError> {
        let known = self.known(tenant).await?;
        Ok(self.newest_of(tenant, known).await?.0)
    }

    /// The same, by what the database has now.
    pub(super) async fn newest_now(
        &self,
        tenant: TenantId,
    ) -> Result<Arc<Kept<DataKey>>, StoreError> {
        let known = self.look(tenant).await?;
        Ok(self.newest_of(tenant, known).await?.0)
    }

    async fn newest_of(&self, tenant: TenantId, known: Arc<Known>) -> Result<Newest, StoreError> {
        if let Some(newest) = known.newest()? {
            return Ok(newest);
        }
        self.make_missing(tenant).await?;
        let newest = self.look(tenant).await?.newest()?;
        newest.ok_or_else(|| StoreError::inconsistent("the tenant has no data key"))
    }

    /// A version by its number. One that nobody knows of may have been made a moment ago.
    pub(super) async fn version(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<Arc<Kept<DataKey>>, StoreError> {
        if let Some(found) = self.known(tenant).await?.get(version) {
            return Ok(Arc::clone(found));
        }
        self.version_now(tenant, version).await
    }

    /// The same, by what the database has now.
    pub(super) async fn version_now(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<Arc<Kept<DataKey>>, StoreError> {
        let known = self.look(tenant).await?;
        known.get(version).map(Arc::clone).ok_or(StoreError::Sealed)
    }

    /// A version of the data key, open.
    pub(super) async fn data_key(
        &self,
        tenant: TenantId,
        kept: &Kept<DataKey>,
    ) -> Result<Arc<DataKey>, StoreError> {
        self.open_kept(tenant, DATA, kept, DataKey::new).await
    }

    /// The newest index key, open. Refuses where the tenant's keys are destroyed, whatever is at hand.
    pub(super) async fn index_key(&self, tenant: TenantId) -> Result<Arc<IndexKey>, StoreError> {
        let known = self.known(tenant).await?;
        let (_, index) = self.newest_of(tenant, known).await?;
        self.open_kept(tenant, INDEX, &index, IndexKey::new).await
    }

    async fn open_kept<K>(
        &self,
        tenant: TenantId,
        purpose: &'static str,
        kept: &Kept<K>,
        derive: fn(&PlainKey, TenantId) -> K,
    ) -> Result<Arc<K>, StoreError> {
        if let Some(key) = kept.open.get() {
            return Ok(Arc::clone(key));
        }
        let key = self.unwrap(tenant, purpose, &kept.row).await?;
        let key = key.ok_or(StoreError::KeyDestroyed)?;
        let open = kept.open.get_or_init(|| Arc::new(derive(&key, tenant)));
        Ok(Arc::clone(open))
    }

    async fn known(&self, tenant: TenantId) -> Result<Arc<Known>, StoreError> {
        let now = self.clock.now();
        let known = locked(&self.known).get(&tenant).map(Arc::clone);
        match known.filter(|known| known.is_fresh(now)) {
            Some(known) => Ok(known),
            None => self.look(tenant).await,
        }
    }

    /// Reads the tenant's keys, whatever is known of them.
    async fn look(&self, tenant: TenantId) -> Result<Arc<Known>, StoreError> {
        let at = self.clock.now();
        let wire = self.connections.enter(tenant).await?;
        let rows: Vec<KeyRow> = wire.fetch(rows::sealing(tenant)).await?;
        wire.end(End::Rollback).await?;
        let mut all = locked(&self.known);
        let before = all.get(&tenant).map(AsRef::as_ref);
        let known = Arc::new(Known::new(at, rows, before));
        all.insert(tenant, Arc::clone(&known));
        Ok(known)
    }

    /// Has what is known of a tenant's keys read anew when it is next asked for. What is open stays so, where
    /// it is still there then.
    pub(crate) fn forget(&self, tenant: TenantId) {
        if let Some(known) = locked(&self.known).get(&tenant) {
            known.is_stale.store(true, Ordering::Relaxed);
        }
    }
}
