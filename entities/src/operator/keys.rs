//! The keys of tenants, for the operator: what there is, rotation, destruction (VLT-2).

mod reseal;

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{Facts, Payload},
    id::TenantId,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{Operator, OperatorError, statement};
use crate::{
    error::{StoreError, WriteError},
    idempotency::{self, Emptied},
    keys::{self, DATA, FIRST, INDEX, KeyIdentity, KeyRow, WrappedKey},
    line::{Fetches, fetched},
    wire::{End, Wire},
};

pub use reseal::{Resealed, Resealing, SealedCount};

/// What there is of a tenant's keys, and of what is sealed under them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Every version of every key, by purpose.
    pub keys: Vec<KeyVersion>,
    /// How many rows are sealed under which version.
    pub sealed: Vec<SealedCount>,
}

fetched! {
    /// A version of a key of a tenant.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyVersion {
        /// What it is for: `audit`, `data`, `index`.
        pub purpose: String,
        /// Which of several that replace each other.
        pub version: i32,
        /// The version of the key-encryption key that it is wrapped under, where its name was kept.
        pub kek: Option<String>,
        /// Encryptions that servers have set aside, of [`KeyVersion::BUDGET`].
        pub reserved: i64,
        /// When it was made, where that was kept.
        pub created_at: Option<DateTime<Utc>>,
        /// When it was destroyed, if it was.
        pub destroyed_at: Option<DateTime<Utc>>,
    }
}

impl KeyVersion {
    /// The encryptions that a key is good for with random nonces (NIST SP 800-38D, section 8.3).
    pub const BUDGET: i64 = 1 << 32;
    /// The encryptions after which servers make the next version by themselves.
    pub const ROTATED_AT: i64 = keys::ROTATE_AT;
}

fetched! {
    struct Wrapped {
        purpose: String,
        version: i32,
        sealed: Vec<u8>,
        kek: Option<String>,
    }
}

impl Operator {
    /// The name of the key-encryption key that new keys are wrapped under.
    pub fn key_encryption_key(&self) -> &str {
        self.0.keys.ring().name()
    }

    /// What there is of a tenant's keys.
    pub async fn key_status(&self, tenant: TenantId) -> Result<KeyStatus, StoreError> {
        let wire = self.books(tenant).await?;
        let sql = "SELECT purpose, version, kek, reserved, created_at, destroyed_at \
             FROM countersign.tenant_keys WHERE tenant_id = $1 ORDER BY purpose, version";
        let keys = statement(&wire, sql, [tenant.uuid().into()]);
        let keys = wire.fetch(keys).await?;
        let sealed = reseal::counts(&wire, tenant).await?;
        wire.end(End::Rollback).await?;
        Ok(KeyStatus { keys, sealed })
    }

    /// Wraps the tenant's keys anew, under the current key-encryption key and its newest version; says how
    /// many. Nothing that is sealed under them changes. Either all of them are wrapped anew, or none.
    pub async fn rewrap_keys(&self, tenant: TenantId) -> Result<usize, OperatorError> {
        let ring = self.0.keys.ring();
        // The keeper of the key takes its time: not in a transaction.
        let wrapped = self.wrapped_keys(tenant).await?;
        let mut rewrapped = Vec::with_capacity(wrapped.len());
        for (of, old) in wrapped {
            if old.kek.as_deref() == Some(ring.name()) {
                continue;
            }
            let anew = async { ring.wrap(&ring.unwrap(&old, &of).await?, &of).await };
            let new = anew.await.map_err(|error| OperatorError::Key {
                purpose: of.purpose,
                version: of.version,
                error,
            })?;
            rewrapped.push((of, old, new));
        }
        if rewrapped.is_empty() {
            return Ok(0);
        }
        self.store_rewrapped(tenant, &rewrapped).await?;
        Ok(rewrapped.len())
    }

    /// The tenant's keys that are not wrapped under the current key-encryption key, and the name of the one
    /// that each is wrapped under, where it was kept.
    pub async fn keys_to_rewrap(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<(KeyIdentity, Option<String>)>, OperatorError> {
        let ring = self.0.keys.ring();
        let mut left = Vec::new();
        for (of, wrapped) in self.wrapped_keys(tenant).await? {
            let is_current = ring.is_current(&wrapped, &of).await;
            if !is_current.map_err(StoreError::from)? {
                left.push((of, wrapped.kek));
            }
        }
        Ok(left)
    }

    /// The tenant's keys that are there.
    async fn wrapped_keys(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<(KeyIdentity, WrappedKey)>, StoreError> {
        let wire = self.books(tenant).await?;
        let sql = "SELECT purpose, version, sealed, kek FROM countersign.tenant_keys \
             WHERE tenant_id = $1 AND sealed IS NOT NULL ORDER BY purpose, version";
        let rows = statement(&wire, sql, [tenant.uuid().into()]);
        let rows: Vec<Wrapped> = wire.fetch(rows).await?;
        wire.end(End::Rollback).await?;
        let read = |row: Wrapped| {
            let purposes = [keys::AUDIT, keys::CHECKPOINT, DATA, INDEX];
            let purpose = purposes.into_iter().find(|known| *known == row.purpose);
            let of = KeyIdentity {
                tenant,
                purpose: purpose.ok_or_else(|| StoreError::inconsistent("a key is for nothing"))?,
                version: row.version,
            };
            let (kek, bytes) = (row.kek, row.sealed);
            Ok((of, WrappedKey { kek, bytes }))
        };
        rows.into_iter().map(read).collect()
    }

    async fn store_rewrapped(
        &self,
        tenant: TenantId,
        rewrapped: &[(KeyIdentity, WrappedKey, WrappedKey)],
    ) -> Result<(), OperatorError> {
        let wire = self.books(tenant).await?;
        for (of, old, new) in rewrapped {
            let update = statement(
                &wire,
                "UPDATE countersign.tenant_keys SET sealed = $4, kek = $5 \
                 WHERE tenant_id = $1 AND purpose = $2 AND version = $3 AND sealed = $6",
                [
                    tenant.uuid().into(),
                    of.purpose.into(),
                    of.version.into(),
                    new.bytes.clone().into(),
                    new.kek.clone().into(),
                    old.bytes.clone().into(),
                ],
            );
            let done = wire.execute_raw(update).await.map_err(WriteError::from)?;
            if done.rows_affected() != 1 {
                let what = "somebody else changed the tenant's keys: try again";
                return Err(StoreError::inconsistent(what).into());
            }
        }
        let keys = u64::try_from(rewrapped.len()).unwrap_or(u64::MAX);
        let facts = Facts::new().count("keys", keys);
        let done = ("keys rotate", "key.rewrapped");
        self.commit(wire, tenant, done, tenant.into(), facts.into())
            .await
    }

    /// Makes the next version of the tenant's data key, which everything is sealed under from then on: at
    /// once here, and within ten seconds by servers that run.
    pub async fn rotate_key(&self, tenant: TenantId) -> Result<i32, OperatorError> {
        let newest = self.newest_row(tenant, DATA).await?;
        let to = newest
            .as_ref()
            .map_or(FIRST, |row| row.version.saturating_add(1));
        let mut new = vec![self.0.keys.new_row(tenant, DATA, to).await?];
        let index = self.newest_row(tenant, INDEX).await?;
        if index.as_ref().is_none_or(|row| row.sealed.is_none()) {
            let next = index.map_or(FIRST, |row| row.version.saturating_add(1));
            new.push(self.0.keys.new_row(tenant, INDEX, next).await?);
        }
        let wire = self.books(tenant).await?;
        for row in new {
            keys::insert_row(&wire, row).await?;
        }
        let version =
            |version: i32| Facts::new().count("version", u64::from(version.unsigned_abs()));
        let before = newest.map_or_else(Facts::new, |row| version(row.version));
        let payload = Payload::changed(before, version(to));
        let done = ("keys rotate", "key.rotated");
        self.commit(wire, tenant, done, tenant.into(), payload)
            .await?;
        self.0.keys.forget(tenant);
        Ok(to)
    }

    async fn newest_row(
        &self,
        tenant: TenantId,
        purpose: &str,
    ) -> Result<Option<KeyRow>, StoreError> {
        let wire = self.books(tenant).await?;
        let rows: Vec<KeyRow> = wire.fetch(keys::rows_of(tenant, purpose)).await?;
        wire.end(End::Rollback).await?;
        Ok(rows.into_iter().next_back())
    }

    /// Begins to seal under the newest version whatever is not, in batches, while servers serve. What was
    /// done stays done: begun again, it goes on.
    pub fn reseal(&self, tenant: TenantId) -> Resealing {
        Resealing::new(self.clone(), tenant)
    }

    /// Destroys the tenant's data and index keys, and says how many: what is sealed under them is
    /// unreadable for ever, and answers that would be repeated are emptied, which begins before and is not undone
    /// where destroying fails. Its log stays verifiable. The installation's own keys are not to be destroyed.
    ///
    /// A server that runs finds out within [`Operator::KNOWN_FOR`]. What it still did then is answered once
    /// and kept: [`Operator::empty_answers`] empties that as well.
    pub async fn destroy_keys(&self, tenant: TenantId) -> Result<u64, OperatorError> {
        if tenant == TenantId::OPERATOR {
            return Err(OperatorError::OwnKeys);
        }
        // What there are many of is not left to the transaction that destroys, which empties what came since.
        self.empty_answers(tenant).await?;
        let at = self.0.clock.now();
        let wire = self.books(tenant).await?;
        let update = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "UPDATE countersign.tenant_keys SET sealed = NULL, destroyed_at = $2 \
             WHERE tenant_id = $1 AND purpose IN ('data', 'index') AND destroyed_at IS NULL",
            [tenant.uuid().into(), at.into()],
        );
        let mut destroyed = changed(&wire, update.clone()).await?;
        // It may have waited for somebody who made the next version, which it did not see.
        destroyed += changed(&wire, update).await?;
        let mut emptied = Emptied::default();
        while let Some(more) = empty_some(&wire, tenant, at, emptied).await? {
            emptied = more;
        }
        let payload = Payload::removed(Facts::new().count("keys", destroyed));
        let done = ("keys destroy", "key.destroyed");
        self.commit(wire, tenant, done, tenant.into(), payload)
            .await?;
        self.0.keys.forget(tenant);
        Ok(destroyed)
    }

    /// Empties the answers that are kept for a tenant to be repeated, and says how many, some in each
    /// transaction. Whoever asks for one again is told that it is gone.
    pub async fn empty_answers(&self, tenant: TenantId) -> Result<u64, OperatorError> {
        let (mut last, mut count) = (Emptied::default(), 0_u64);
        loop {
            let wire = self.books(tenant).await?;
            let emptied = empty_some(&wire, tenant, self.0.clock.now(), last).await?;
            wire.end(End::Commit).await?;
            let Some(emptied) = emptied else {
                return Ok(count);
            };
            count = count.saturating_add(emptied.rows.unsigned_abs());
            last = emptied;
        }
    }

    /// For how long a server takes what it knows of a tenant's keys to hold.
    pub const KNOWN_FOR: std::time::Duration = std::time::Duration::from_secs(10);
}

/// Empties some answers after those. `None` where there are no more.
async fn empty_some(
    wire: &Wire,
    tenant: TenantId,
    at: DateTime<Utc>,
    after: Emptied,
) -> Result<Option<Emptied>, StoreError> {
    let emptied: Vec<Emptied> = wire.fetch(idempotency::emptying(tenant, at, after)).await?;
    Ok(emptied.into_iter().next())
}

/// How many rows a statement changed.
async fn changed(wire: &Wire, update: Statement) -> Result<u64, OperatorError> {
    let done = wire.execute_raw(update).await.map_err(WriteError::from)?;
    Ok(done.rows_affected())
}
