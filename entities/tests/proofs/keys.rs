//! Rotation of keys: of a tenant's data key, of the key-encryption key, and of either cut off half-way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use countersign_domain::{
    access::Role,
    id::TenantId,
    sealed::{Stored, TextColumn},
};
use countersign_entities::{
    AuditFilter, Clock, Database, KekError, KeyEncryption, KeyEncryptionKey, KeyIdentity, KeyRing,
    Page, PlainKey, StoreError, SystemClock, SystemIds, Text, WrappedKey,
};
use countersign_policies::resource;
use futures::{FutureExt, future::BoxFuture};
use sqlx::{AssertSqlSafe, Executor};

use crate::world::{self, Person, World, new_account};

/// Imports of one statement each; their names are sealed.
async fn imports(world: &World, owner: &Person, count: u8) {
    let account = world.account(owner, new_account("Current")).await;
    for file in 0..count {
        world.import(owner, account.id, file, &["1"]).await;
    }
}

/// The versions that the names of the tenant's imports are sealed under; all of them open.
async fn versions(world: &World, owner: &Person) -> Vec<i32> {
    let (context, read) = world.enter(owner).await;
    let scope = world.scope::<resource::Import>(&context);
    let page = Page::first(500);
    let rows = read.imports(&scope, &page).await.unwrap().rows;
    let mut versions = Vec::new();
    for row in rows {
        let text = world.database.open_text(&context, &row.file_name).await;
        assert_eq!(text.unwrap(), Text::Open("statement.xml".into()));
        versions.push(row.file_name.sealed().map_or(0, |(_, version)| version));
    }
    versions
}

#[tokio::test]
async fn rotation_seals_everything_anew_while_others_write() {
    let world = Arc::new(World::new().await);
    let (tenant, owner) = world.company("north").await;
    imports(&world, &owner, 20).await;
    assert_eq!(versions(&world, &owner).await, vec![1; 20]);
    let writes = Arc::new(AtomicBool::new(true));
    let writer = tokio::spawn({
        let (world, owner, writes) = (world.clone(), owner.clone(), writes.clone());
        async move {
            let account = world.account(&owner, new_account("Other")).await;
            let mut file = 100;
            while writes.load(Ordering::Relaxed) && file < 250 {
                world.import(&owner, account.id, file, &["2"]).await;
                file += 1;
            }
            file - 100
        }
    });
    let operator = world.database.operator();
    assert_eq!(operator.rotate_key(tenant).await.unwrap(), 2);
    let mut resealing = operator.reseal(tenant);
    let mut rows = 0;
    while let Some(batch) = resealing.next().await.unwrap() {
        assert!(batch.unopened.is_empty());
        rows += batch.rows;
    }
    assert!(rows >= 20, "{rows}");
    writes.store(false, Ordering::Relaxed);
    let written = usize::from(writer.await.unwrap());
    assert_eq!(versions(&world, &owner).await, vec![2; 20 + written]);
    let status = operator.key_status(tenant).await.unwrap();
    assert!(status.sealed.iter().all(|count| count.version == Some(2)));
    operator.verify_ledger(tenant, None, None).await.unwrap();
}

#[tokio::test]
async fn rotation_that_was_cut_off_goes_on_where_it_ended() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    imports(&world, &owner, 210).await;
    let operator = world.database.operator();
    operator.rotate_key(tenant).await.unwrap();
    // The first batch is done, the second is under way when the command is killed.
    let first = operator.reseal(tenant).next().await.unwrap().unwrap();
    assert_eq!((first.table, first.rows), ("imports", 200));
    let mut admin = world.bare("postgres").await;
    admin
        .execute("BEGIN; LOCK TABLE countersign.audit_heads IN EXCLUSIVE MODE")
        .await
        .unwrap();
    let second = tokio::time::timeout(std::time::Duration::from_millis(500), async {
        operator.reseal(tenant).next().await
    });
    assert!(second.await.is_err(), "it waits for its row of the log");
    admin.execute("ROLLBACK").await.unwrap();
    let mut after = versions(&world, &owner).await;
    after.sort_unstable();
    assert_eq!(after[..10], [1; 10], "what was not committed is as it was");
    assert_eq!(after[10..], [2; 200]);
    let mut resealing = operator.reseal(tenant);
    let rest = resealing.next().await.unwrap().unwrap();
    assert_eq!(rest.rows, 10);
    assert!(resealing.next().await.unwrap().is_none());
    assert_eq!(versions(&world, &owner).await, vec![2; 210]);
}

#[tokio::test]
async fn row_that_does_not_open_is_told_and_does_not_stop_the_rotation() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    imports(&world, &owner, 3).await;
    let mut admin = world.bare("postgres").await;
    admin
        .execute(
            "UPDATE countersign.imports SET file_name_sealed = set_byte(file_name_sealed, 20, \
             get_byte(file_name_sealed, 20) # 1) WHERE sha256 = decode(repeat('01', 32), 'hex')",
        )
        .await
        .unwrap();
    let operator = world.database.operator();
    operator.rotate_key(tenant).await.unwrap();
    let mut resealing = operator.reseal(tenant);
    let batch = resealing.next().await.unwrap().unwrap();
    assert_eq!((batch.rows, batch.unopened.len()), (2, 1));
    assert!(resealing.next().await.unwrap().is_none());
}

#[tokio::test]
async fn rows_of_a_time_before_columns_were_sealed_are_read_and_sealed() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    imports(&world, &owner, 2).await;
    let mut admin = world.bare("postgres").await;
    let number = "DE89370400440532013000";
    for sql in [
        "UPDATE countersign.imports SET file_name = 'statement.xml', file_name_sealed = NULL, key_version = NULL"
            .to_owned(),
        format!("UPDATE countersign.accounts SET number = '{number}'"),
        "UPDATE countersign.statements SET reference = 'S 1', reference_sealed = NULL, key_version = NULL"
            .to_owned(),
    ] {
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    // They are read as they are, and the account is found by its number.
    assert_eq!(versions(&world, &owner).await, vec![0, 0]);
    let column = TextColumn::AccountNumber;
    let index = world
        .database
        .blind_index(tenant, column, number)
        .await
        .unwrap();
    let find = async || {
        let (context, write) = world.write(&owner).await;
        let scope = world.scope::<resource::Account>(&context);
        let found = write.lock_account_by_number(&scope, number, &index).await;
        found.unwrap().unwrap().number.unwrap()
    };
    assert!(matches!(find().await.stored, Stored::Plain(_)));
    let operator = world.database.operator();
    let mut resealing = operator.reseal(tenant);
    let mut tables = Vec::new();
    while let Some(batch) = resealing.next().await.unwrap() {
        tables.push((batch.table, batch.rows));
    }
    assert_eq!(tables, [("accounts", 1), ("imports", 2), ("statements", 2)]);
    assert_eq!(versions(&world, &owner).await, vec![1, 1]);
    assert!(matches!(find().await.stored, Stored::Sealed(..)));
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM countersign.imports WHERE file_name IS NOT NULL)
         + (SELECT count(*) FROM countersign.accounts WHERE number IS NOT NULL)
         + (SELECT count(*) FROM countersign.statements WHERE reference IS NOT NULL)",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn equal_numbers_are_equal_in_one_tenant_only() {
    let world = World::new().await;
    let (north, _) = world.company("north").await;
    let (south, _) = world.company("south").await;
    let column = TextColumn::AccountNumber;
    let index = async |tenant, column, text| {
        let index = world.database.blind_index(tenant, column, text);
        index.await.unwrap()
    };
    let here = index(north, column, "DE1").await;
    assert_eq!(here, index(north, column, "DE1").await);
    assert_ne!(here, index(north, column, "DE2").await);
    assert_ne!(here, index(south, column, "DE1").await);
    assert_ne!(here, index(north, TextColumn::ImportFileName, "DE1").await);
}

#[tokio::test]
async fn no_two_tenants_share_a_key_and_each_encryption_is_counted() {
    let world = World::new().await;
    let (north, owner) = world.company("north").await;
    world.company("south").await;
    let mut admin = world.bare("postgres").await;
    let (keys, distinct): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT sealed) FROM countersign.tenant_keys")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    assert_eq!(
        (keys, distinct),
        (9, 9),
        "three tenants, the operator's among them"
    );
    imports(&world, &owner, 2).await;
    let operator = world.database.operator();
    let data = async || {
        let keys = operator.key_status(north).await.unwrap().keys;
        let data = keys.into_iter().filter(|key| key.purpose == "data");
        data.map(|key| (key.version, key.reserved))
            .collect::<Vec<_>>()
    };
    assert_eq!(data().await, [(1, 16_384)], "set aside in blocks");
    // Near half of what the key is good for, a server makes the next one by itself.
    admin
        .execute("UPDATE countersign.tenant_keys SET reserved = 2147483648 WHERE purpose = 'data'")
        .await
        .unwrap();
    let world = World::of(world.cluster.clone(), world.name.clone()).await;
    let sealed = world
        .seal(north, TextColumn::AccountNumber, north.uuid(), "x")
        .await;
    assert_eq!(sealed.sealed().unwrap().1, 2);
    assert_eq!(data().await, [(1, 2_147_483_648), (2, 16_384)]);
    // And says so in the tenant's log.
    let (context, read) = world.enter(&owner).await;
    let filter = AuditFilter {
        action: Some("key.rotated".into()),
        ..AuditFilter::default()
    };
    let scope = world.scope::<resource::AuditEntry>(&context);
    let log = read.audit_entries(&scope, &filter, &Page::first(9)).await;
    let [row] = &log.unwrap().rows[..] else {
        panic!("one row");
    };
    let by = (row.event.actor_kind.as_str(), row.event.actor_id.as_str());
    assert_eq!(by, ("operator", "automatic rotation"));
    let operator = world.database.operator();
    operator.verify_ledger(north, None, None).await.unwrap();
}

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

async fn with_ring(world: &World, ring: KeyRing) -> Database {
    connected(world, ring, Arc::new(SystemClock)).await
}

async fn connected(world: &World, ring: KeyRing, clock: Arc<dyn Clock>) -> Database {
    let url = |role| world.cluster.url(&world.name, role);
    let settings = world::settings(url("countersign_entry"), url("countersign_books"));
    let database = Database::connect(settings, ring, clock, Arc::new(SystemIds));
    database.await.unwrap()
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
