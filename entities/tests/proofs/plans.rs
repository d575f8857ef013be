//! Lists are read by their indexes, whatever PostgreSQL thinks of tables that tenants share.

use countersign_domain::{access::Role, id::AccountId};
use countersign_entities::{
    AuditFilter, Beside, Keyset, Page, ReadTransaction, RequestContext, TransactionFilter,
};
use countersign_policies::{ReadScope, resource};
use sqlx::{Executor, PgConnection};

use crate::{
    cluster,
    world::{Person, World, facts, new_account},
};

/// Copies the only transaction of every tenant, day by day.
const FILL: &str = "
    INSERT INTO countersign.transactions (tenant_id, id, account_id, statement_id, booked_on, currency,
        amount, counterparty, description, fingerprint)
    SELECT t.tenant_id, gen_random_uuid(), t.account_id, t.statement_id, date '2020-01-01' + n % 2000,
        t.currency, n, t.counterparty, t.description, sha256((t.id::text || n)::bytea)
    FROM countersign.transactions t, generate_series(1, 8000) n";

/// How often the table was read whole, and how often by an index.
async fn scans(admin: &mut PgConnection, table: &str) -> (i64, i64) {
    let sql = "SELECT seq_scan, idx_scan FROM pg_stat_user_tables
        WHERE schemaname = 'countersign' AND relname = $1";
    admin
        .execute("SELECT pg_stat_clear_snapshot()")
        .await
        .unwrap();
    let scans = sqlx::query_as(sql).bind(table);
    scans.fetch_one(admin).await.unwrap()
}

/// Three companies, each with an owner, and a worker who has its account in their care.
async fn companies(world: &World) -> Vec<(Person, AccountId)> {
    let mut people = Vec::new();
    for name in ["north", "south", "east"] {
        let (tenant, owner) = world.company(name).await;
        let worker = world
            .person(tenant, &format!("worker-{name}"), Role::Worker)
            .await;
        let account = countersign_entities::NewAccount {
            custodian: Some(worker.user),
            ..new_account("Current")
        };
        let account = world.account(&owner, account).await;
        world.import(&owner, account.id, 1, &["1.00"]).await;
        people.extend([(owner, account.id), (worker, account.id)]);
    }
    people
}

/// Waits until every session of the product has ended, which tells then how it read.
pub(crate) async fn told(admin: &mut PgConnection) {
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'countersign%'";
    loop {
        let left: i64 = sqlx::query_scalar(others)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    admin
        .execute("SELECT pg_stat_force_next_flush()")
        .await
        .unwrap();
}

/// Enters as somebody who was let in a moment ago, so that lanes read.
async fn presumed(world: &World, who: &Person) -> (RequestContext, ReadTransaction) {
    world.enter(who).await.1.leave();
    let (credential, facts) = (who.credential(), facts());
    let presumed = world.database.presume(&credential, &facts, &[]);
    presumed.await.unwrap()
}

/// Of transactions, and of what they point to.
fn scopes(world: &World, context: &RequestContext) -> (ReadScope<resource::Transaction>, Beside) {
    let beside = Beside {
        accounts: Some(world.scope(context)),
        categories: Some(world.scope(context)),
    };
    (world.scope(context), beside)
}

#[tokio::test]
async fn transactions_are_never_read_whole() {
    let world = World::new().await;
    let people = companies(&world).await;
    let mut admin = world.bare("postgres").await;
    admin.execute(FILL).await.unwrap();
    admin.execute("VACUUM ANALYZE").await.unwrap();
    // What was read until here is told of before it is counted.
    world.database.close().await;
    told(&mut admin).await;
    let world = World::of(cluster::shared(), world.name.clone()).await;
    let (before, by_index) = scans(&mut admin, "transactions").await;

    let mut reads = 0;
    for (who, account) in &people {
        let (context, read) = presumed(&world, who).await;
        let (scope, beside) = scopes(&world, &context);
        let bare = TransactionFilter::default();
        let of_account = TransactionFilter {
            account: Some(*account),
            ..bare.clone()
        };
        let mut page = Page::first(50);
        for filter in [&bare, &of_account, &bare] {
            let listed = read
                .transactions_beside(&scope, filter, &page, &beside)
                .await;
            let (slice, _) = listed.unwrap();
            assert_eq!((slice.rows.len(), slice.has_more), (50, true));
            let ids: Vec<_> = slice.rows.iter().map(|row| row.id).collect();
            let again = read.transactions_by_id(&scope, &ids).await.unwrap();
            assert_eq!(again.len(), 50);
            page.position = slice.rows.last().map(Keyset::position);
            reads += 2;
        }
        if let Ok(scope) = world
            .engine
            .read_scope::<resource::AuditEntry>(context.actor())
        {
            let log = read
                .audit_entries(&scope, &AuditFilter::default(), &Page::first(5))
                .await;
            assert!(!log.unwrap().rows.is_empty());
        }
        read.leave();
    }
    // Server processes tell of themselves within a second or so.
    world.database.close().await;
    let told = async {
        loop {
            let (whole, now) = scans(&mut admin, "transactions").await;
            if now - by_index >= reads {
                break whole;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), told);
    assert_eq!(told.await.expect("they tell how they read"), before);
}

#[tokio::test]
async fn small_tables_are_not_read_whole_either() {
    let world = World::new().await;
    let people = companies(&world).await;
    let mut admin = world.bare("postgres").await;
    let categories = "INSERT INTO countersign.categories (tenant_id, id, name, created_at)
        SELECT t.id, gen_random_uuid(), 'Category ' || n, now()
        FROM countersign.tenants t, generate_series(1, 20) n";
    admin.execute(categories).await.unwrap();
    admin.execute("VACUUM ANALYZE").await.unwrap();
    world.database.close().await;
    told(&mut admin).await;
    let tables = ["accounts", "categories"];
    let mut before = Vec::new();
    for table in tables {
        before.push(scans(&mut admin, table).await);
    }

    let world = World::of(cluster::shared(), world.name.clone()).await;
    for (who, _) in &people {
        let (context, read) = presumed(&world, who).await;
        let (scope, beside) = scopes(&world, &context);
        let (bare, page) = (TransactionFilter::default(), Page::first(50));
        let listed = read.transactions_beside(&scope, &bare, &page, &beside);
        assert_eq!(listed.await.unwrap().0.rows.len(), 1);
        read.leave();
    }
    world.database.close().await;
    told(&mut admin).await;
    for (table, (whole, by_index)) in tables.into_iter().zip(before) {
        let now = scans(&mut admin, table).await;
        assert_eq!(now.0, whole, "{table} was read whole");
        assert!(now.1 > by_index, "{table} was not read");
    }
}

/// How many rows of the table were looked at.
async fn looked_at(admin: &mut PgConnection) -> i64 {
    let sql = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables
        WHERE relid = 'countersign.transactions'::regclass";
    admin
        .execute("SELECT pg_stat_clear_snapshot()")
        .await
        .unwrap();
    sqlx::query_scalar(sql).fetch_one(admin).await.unwrap()
}

#[tokio::test]
async fn transactions_are_found_by_their_ids_and_by_nothing_else() {
    let world = World::new().await;
    let people = companies(&world).await;
    let mut admin = world.bare("postgres").await;
    admin.execute(FILL).await.unwrap();
    // It has not been told how many there are, and takes them for few.
    admin.execute("VACUUM").await.unwrap();
    let mut ids = Vec::new();
    for (who, _) in &people {
        let (context, read) = world.enter(who).await;
        let (scope, none) = (world.scope(&context), TransactionFilter::default());
        let listed = read.transactions(&scope, &none, &Page::first(50)).await;
        ids.push(listed.unwrap().rows.into_iter().map(|row| row.id));
        read.leave();
    }
    world.database.close().await;
    told(&mut admin).await;
    let before = looked_at(&mut admin).await;

    let world = World::of(cluster::shared(), world.name.clone()).await;
    let mut asked = 0;
    for ((who, _), ids) in people.iter().zip(ids) {
        let ids: Vec<_> = ids.collect();
        let (context, read) = world.enter(who).await;
        let (scope, beside) = scopes(&world, &context);
        for few in [&ids[..1], &ids[..5], &ids] {
            let found = read.transactions_by_id_beside(&scope, few, &beside).await;
            assert_eq!(found.unwrap().0.len(), few.len());
            asked += few.len();
        }
        read.leave();
    }
    world.database.close().await;
    told(&mut admin).await;
    let looked_at = looked_at(&mut admin).await - before;
    assert_eq!(looked_at, i64::try_from(asked).unwrap());
}
