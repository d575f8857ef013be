//! Rotation of the key-encryption key, also where it is cut off half-way.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use countersign_domain::{id::TenantId, sealed::TextColumn};
use countersign_entities::{
    KekError, KeyEncryption, KeyEncryptionKey, KeyIdentity, KeyRing, PlainKey, StoreError,
    WrappedKey,
};
use futures::{FutureExt, future::BoxFuture};
use sqlx::Executor;

use super::{imports, versions, with_ring};
use crate::world::World;

/// A keeper that fails after so many calls, or names versions as cloud services do.
#[derive(Debug)]
struct Faulty {
    inner: KeyEncryptionKey,
    calls_left: AtomicU32,
}

impl KeyEncryption for Faulty {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        let left = self.calls_left.load(Ordering::Relaxed);
        if left == 0 {
            let kek = self.inner.name().to_owned();
            return async { Err(KekError::Throttled { kek }) }.boxed();
        }
        self.calls_left.store(left - 1, Ordering::Relaxed);
        self.inner.wrap(key, of)
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<PlainKey, KekError>> {
        self.inner.unwrap(wrapped, of)
    }
}

#[tokio::test]
async fn keys_are_wrapped_anew_under_another_key_encryption_key() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    imports(&world, &owner, 1).await;
    let old = || Arc::new(KeyEncryptionKey::new([9; 32]));
    let rewrapping = async |calls| {
        let new = Faulty {
            inner: KeyEncryptionKey::new([8; 32]),
            calls_left: AtomicU32::new(calls),
        };
        with_ring(&world, KeyRing::new(Arc::new(new), vec![old()])).await
    };
    // The keeper fails at the third of three keys: nothing is half done.
    let failed = rewrapping(2).await.operator().rewrap_keys(tenant).await;
    assert!(failed.is_err(), "{failed:?}");
    let status = world.database.operator().key_status(tenant).await.unwrap();
    let name = old().name().to_owned();
    assert!(
        status
            .keys
            .iter()
            .all(|key| key.kek.as_deref() == Some(&*name))
    );
    assert_eq!(
        rewrapping(9)
            .await
            .operator()
            .rewrap_keys(tenant)
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        rewrapping(9)
            .await
            .operator()
            .rewrap_keys(tenant)
            .await
            .unwrap(),
        0
    );
    // A server that started with both goes on; one with the new key alone opens everything of the tenant.
    assert_eq!(versions(&world, &owner).await, [1]);
    let alone = with_ring(&world, KeyEncryptionKey::new([8; 32]).into()).await;
    alone
        .operator()
        .verify_ledger(tenant, None, None)
        .await
        .unwrap();
    let (column, row) = (TextColumn::AccountNumber, tenant.uuid());
    assert!(alone.seal_text(tenant, column, row, "x").await.is_ok());
    // One with the old key alone says which is missing.
    let without = with_ring(&world, KeyEncryptionKey::new([9; 32]).into()).await;
    let error = without
        .seal_text(tenant, column, row, "x")
        .await
        .unwrap_err();
    let StoreError::Kek(KekError::Unknown(missing)) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(missing, KeyEncryptionKey::new([8; 32]).name());
}

#[tokio::test]
async fn keys_that_were_wrapped_before_names_were_kept_unwrap() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    admin
        .execute(
            "UPDATE countersign.tenant_keys SET kek = NULL; \
             DELETE FROM countersign.tenant_keys WHERE purpose <> 'audit'",
        )
        .await
        .unwrap();
    let world = World::of(world.cluster.clone(), world.name.clone()).await;
    let operator = world.database.operator();
    operator.verify_ledger(tenant, None, None).await.unwrap();
    // A tenant of a time before data keys gets them when something is to be sealed.
    world
        .seal(tenant, TextColumn::AccountNumber, tenant.uuid(), "x")
        .await;
    assert_eq!(operator.rewrap_keys(tenant).await.unwrap(), 1);
    let keys = operator.key_status(tenant).await.unwrap().keys;
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.kek.is_some()));
    assert_ne!(tenant, TenantId::OPERATOR);
}
