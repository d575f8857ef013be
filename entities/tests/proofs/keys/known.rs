//! What a server knows of a tenant's keys, and what became of them since.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use countersign_domain::{access::Role, sealed::TextColumn};
use countersign_entities::{
    Clock, Database, KeyEncryptionKey, KeyIdentity, KeyRing, PlainKey, StoreError, SystemClock,
    Text,
};
use sqlx::{AssertSqlSafe, Executor};

use super::{connected, with_ring};
use crate::world::World;

#[tokio::test]
async fn server_that_has_not_heard_of_a_destruction_makes_no_key() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (column, row) = (TextColumn::AccountNumber, tenant.uuid());
    let sealed = world.seal(tenant, column, row, "x").await;
    let ring = KeyEncryptionKey::new([9; 32]).into();
    let other = connected(&world, ring, Still::new()).await;
    let (context, _read) = world.enter(&owner).await;
    let opened = other.open_text(&context, &sealed).await;
    assert_eq!(opened.unwrap(), Text::Open("x".into()));
    let operator = world.database.operator();
    operator.destroy_keys(tenant).await.unwrap();
    // It knows of the key, and has none of its encryptions left.
    let after = other.seal_text(tenant, column, row, "y").await;
    assert!(matches!(after, Err(StoreError::KeyDestroyed)), "{after:?}");
    let keys = operator.key_status(tenant).await.unwrap().keys;
    let live = |key: &&countersign_entities::KeyVersion| key.destroyed_at.is_none();
    let live = keys.iter().filter(live).map(|key| key.purpose.as_str());
    assert_eq!(live.collect::<Vec<_>>(), ["audit"]);
    // What it looked for then, it knows of.
    let opened = other.open_text(&context, &sealed).await;
    assert_eq!(opened.unwrap(), Text::Destroyed);
}

#[tokio::test]
async fn version_that_is_made_while_keys_are_destroyed_is_destroyed_too() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let (mut server, mut watching) = (world.bare("postgres").await, world.bare("postgres").await);
    let of = format!(
        "FROM countersign.tenant_keys WHERE tenant_id = '{}' AND purpose = 'data'",
        tenant.uuid()
    );
    let next = format!(
        "INSERT INTO countersign.tenant_keys (tenant_id, purpose, version, sealed, kek, created_at) \
         SELECT tenant_id, purpose, 2, sealed, kek, created_at {of}"
    );
    for sql in ["BEGIN".to_owned(), format!("SELECT {of} FOR SHARE"), next] {
        server.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let operator = world.database.operator();
    let destroying = tokio::spawn(async move { operator.destroy_keys(tenant).await });
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waiting)
        .fetch_one(&mut watching)
        .await
        .unwrap()
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    server.execute("COMMIT").await.unwrap();
    assert_eq!(
        destroying.await.unwrap().unwrap(),
        3,
        "two of data, one index"
    );
}

/// A clock that stands until it is moved.
#[derive(Debug)]
struct Still(DateTime<Utc>, AtomicI64);

impl Still {
    fn new() -> Arc<Self> {
        Arc::new(Self(SystemClock.now(), AtomicI64::new(0)))
    }

    fn advance(&self, seconds: i64) {
        self.1.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        self.0 + TimeDelta::seconds(self.1.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn key_that_another_stands_in_the_place_of_is_used_no_more() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let (column, row) = (TextColumn::AccountNumber, tenant.uuid());
    let ring = || KeyRing::from(KeyEncryptionKey::new([9; 32]));
    let clock = Still::new();
    let other = connected(&world, ring(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let index = async |database: &Database| {
        let index = database.blind_index(tenant, column, "DE1").await;
        index.unwrap()
    };
    let first = index(&other).await;
    assert_eq!(first, index(&world.database).await);
    let operator = world.database.operator();
    operator.destroy_keys(tenant).await.unwrap();
    operator.rotate_key(tenant).await.unwrap();
    // Nobody came to the tenant at the other server between the two.
    clock.advance(11);
    let second = index(&other).await;
    assert_eq!(second, index(&world.database).await);
    assert_ne!(second, first);

    // An older copy of the database was put in the place of this one: its second versions are other keys.
    let sealed = other.seal_text(tenant, column, row, "x").await.unwrap();
    let mut admin = world.bare("postgres").await;
    for purpose in ["data", "index"] {
        let of = KeyIdentity {
            tenant,
            purpose,
            version: 2,
        };
        let key = ring().wrap(&PlainKey::new([5; 32]), &of).await.unwrap();
        let sql = "UPDATE countersign.tenant_keys SET sealed = $3, created_at = created_at - interval '1 day' \
             WHERE tenant_id = $1 AND purpose = $2 AND version = 2";
        let update = sqlx::query(sql).bind(tenant.uuid()).bind(purpose);
        update.bind(key.bytes).execute(&mut admin).await.unwrap();
    }
    clock.advance(11);
    let fresh = with_ring(&world, ring()).await;
    let third = index(&other).await;
    assert_eq!(third, index(&fresh).await);
    assert_ne!(third, second);
    let again = other.seal_text(tenant, column, row, "x").await.unwrap();
    let (context, _read) = world
        .enter(&world.person(tenant, "owner", Role::Owner).await)
        .await;
    let opened = fresh.open_text(&context, &again).await;
    assert_eq!(opened.unwrap(), Text::Open("x".into()));
    let opened = other.open_text(&context, &sealed).await;
    assert!(matches!(opened, Err(StoreError::Sealed)), "{opened:?}");
}
