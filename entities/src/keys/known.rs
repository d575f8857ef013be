//! What is known of a tenant's data keys, and for how long.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use countersign_domain::id::TenantId;

use super::{DATA, FRESH, KeyRow, Keys, data::DataKey, locked, rows};
use crate::{error::StoreError, line::Fetches, wire::End};

/// The versions of a tenant's data key, oldest first.
#[derive(Debug)]
pub(super) struct Known {
    at: DateTime<Utc>,
    versions: Vec<Version>,
}

/// A version of a data key; without the key where it is destroyed.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) version: i32,
    pub(super) key: Option<Arc<DataKey>>,
}

impl Known {
    fn get(&self, version: i32) -> Option<&Version> {
        self.versions.iter().find(|one| one.version == version)
    }
}

impl Keys {
    /// The newest version. A tenant that has none gets its first.
    pub(super) async fn newest(&self, tenant: TenantId) -> Result<Version, StoreError> {
        for _ in 0..2 {
            let known = self.known(tenant).await?;
            match known.versions.last() {
                Some(Version { key: None, .. }) => return Err(StoreError::KeyDestroyed),
                Some(newest) => return Ok(newest.clone()),
                None => self.make_missing(tenant).await?,
            }
            self.forget(tenant);
        }
        Err(StoreError::inconsistent("the tenant has no data key"))
    }

    /// A version by its number. One that nobody knows of may have been made a moment ago.
    pub(super) async fn version(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<Version, StoreError> {
        if let Some(found) = self.known(tenant).await?.get(version) {
            return Ok(found.clone());
        }
        self.forget(tenant);
        let known = self.known(tenant).await?;
        known.get(version).cloned().ok_or(StoreError::Sealed)
    }

    async fn known(&self, tenant: TenantId) -> Result<Arc<Known>, StoreError> {
        let now = self.clock.now();
        let before = locked(&self.known).get(&tenant).map(Arc::clone);
        if let Some(known) = &before
            && (now - known.at).abs() < FRESH
        {
            return Ok(Arc::clone(known));
        }
        let wire = self.connections.enter(tenant).await?;
        let rows: Vec<KeyRow> = wire.fetch(rows::of(tenant, DATA)).await?;
        wire.end(End::Rollback).await?;
        let mut versions = Vec::with_capacity(rows.len());
        for row in rows {
            let opened = before.as_ref().and_then(|known| known.get(row.version));
            let opened = opened.and_then(|version| version.key.as_ref());
            let key = if let (Some(key), Some(_)) = (opened, &row.sealed) {
                Some(Arc::clone(key))
            } else {
                let key = self.unwrap(tenant, DATA, &row).await?;
                key.map(|key| Arc::new(DataKey::new(&key, tenant)))
            };
            versions.push(Version {
                version: row.version,
                key,
            });
        }
        let is_destroyed = versions.last().is_some_and(|newest| newest.key.is_none());
        if is_destroyed {
            locked(&self.index).remove(&tenant);
        }
        let known = Arc::new(Known { at: now, versions });
        locked(&self.known).insert(tenant, Arc::clone(&known));
        Ok(known)
    }
}
