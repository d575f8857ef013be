//! Rotation of a tenant's data key, also where it is cut off half-way.

mod known;
mod wrapping;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use countersign_domain::sealed::{Stored, TextColumn};
use countersign_entities::{
    AuditFilter, Clock, Database, KeyRing, Page, SystemClock, SystemIds, Text,
};
use countersign_policies::resource;
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

async fn with_ring(world: &World, ring: KeyRing) -> Database {
    connected(world, ring, Arc::new(SystemClock)).await
}

async fn connected(world: &World, ring: KeyRing, clock: Arc<dyn Clock>) -> Database {
    let url = |role| world.cluster.url(&world.name, role);
    let settings = world::settings(url("countersign_entry"), url("countersign_books"));
    let database = Database::connect(settings, ring, clock, Arc::new(SystemIds));
    database.await.unwrap()
}
