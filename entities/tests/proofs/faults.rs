//! PostgreSQL dies and comes back; callers hang up. Nothing is half written, nothing stays open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::id::TenantId;
use countersign_entities::{EnterError, Page, ReadTransaction, RequestContext, Settings};
use countersign_migrations::migrate;
use sqlx::Executor;

use crate::{
    cluster::{Cluster, passwords},
    world::{Person, World, connect, draft, facts, new_account, settings},
};

async fn several(world: &World, who: &Person) -> Vec<(RequestContext, ReadTransaction)> {
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(world.enter(who).await);
    }
    held
}

/// A company on a cluster of its own, and a server that waits three seconds for it.
async fn impatient() -> (World, TenantId, Person) {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    migrate(&cluster.url(&name, "postgres"), passwords())
        .await
        .unwrap();
    let mut world = World::of(Arc::clone(&cluster), name.clone()).await;
    let (tenant, owner) = world.company("north").await;
    let impatient = Settings {
        acquire_timeout: Duration::from_secs(3),
        ..settings(
            cluster.url(&name, "countersign_entry"),
            cluster.url(&name, "countersign_books"),
        )
    };
    world.database = connect(impatient).await;
    (world, tenant, owner)
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_of_postgresql_heals_without_a_restart_of_ours() {
    let (world, tenant, owner) = impatient().await;
    let cluster = Arc::clone(&world.cluster);
    // The pool is full of connections that will be dead.
    for (_, read) in several(&world, &owner).await {
        read.leave();
    }
    let before = world
        .database
        .operator()
        .verify_ledger(tenant, None, None)
        .await
        .unwrap();
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "createAccount");
    let new = new_account("lost");
    write.insert_account(&permit, &new).await.unwrap();

    cluster.kill();
    assert!(
        write
            .finish(permit, draft("account.created"))
            .await
            .unwrap_err()
            .is_unavailable()
    );
    let started = Instant::now();
    let away = world
        .database
        .enter(&owner.credential(), &facts(), &[])
        .await;
    assert!(matches!(away, Err(EnterError::Unavailable(_))), "{away:?}");
    let recorded = world.database.record(&context, draft("books.read")).await;
    assert!(recorded.unwrap_err().is_unavailable());
    assert!(world.database.ready().await.unwrap_err().is_unavailable());
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );

    cluster.start_again();
    // A busy machine takes a moment. Somebody else waits for it: our dead connections stay.
    let other = World::of(Arc::clone(&cluster), world.name.clone()).await;
    other.database.ready().await.unwrap();
    for (context, read) in several(&world, &owner).await {
        let left = read
            .accounts(&world.scope(&context), &Page::first(5))
            .await
            .unwrap();
        assert!(left.rows.is_empty(), "the unfinished write is gone");
        read.leave();
    }
    world.database.ready().await.unwrap();
    world
        .database
        .record(&context, draft("books.read"))
        .await
        .unwrap();
    let after = world
        .database
        .operator()
        .verify_ledger(tenant, None, None)
        .await
        .unwrap();
    assert_eq!(after.verified, before.verified + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_not_let_in_is_a_database_that_is_away() {
    let (world, _, owner) = impatient().await;
    world.enter(&owner).await.1.leave();
    let mut admin = world.bare("postgres").await;
    for role in ["countersign_books", "countersign_entry"] {
        let rotate = format!(
            "ALTER ROLE {role} PASSWORD 'another'; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        );
        let rotated = sqlx::raw_sql(sqlx::AssertSqlSafe(rotate));
        admin.execute(rotated).await.unwrap();
    }
    let credential = owner.credential();
    let away = world.database.enter(&credential, &facts(), &[]).await;
    let Err(EnterError::Unavailable(refused)) = away else {
        panic!("{away:?}")
    };
    assert!(refused.is_refused_role(), "{refused:?}");
    let ready = world.database.ready().await.unwrap_err();
    assert!(
        ready.is_unavailable() && ready.is_refused_role(),
        "{ready:?}"
    );
    for role in ["countersign_books", "countersign_entry"] {
        let back = format!("ALTER ROLE {role} PASSWORD '{role}'");
        admin.execute(sqlx::AssertSqlSafe(back)).await.unwrap();
    }
    world.enter(&owner).await.1.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_and_held_against_what_there_is() {
    let (world, ..) = impatient().await;
    let mut admin = world.bare("postgres").await;
    let narrow = "ALTER ROLE countersign_books CONNECTION LIMIT 20";
    admin.execute(narrow).await.unwrap();
    let [books, entry] = world.database.room().await.unwrap();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = u32::try_from(threads).unwrap();
    assert_eq!(
        (&*books.role, books.most),
        ("countersign_books", 2 * 8 + 3 * threads + 13)
    );
    assert_eq!((&*entry.role, entry.most), ("countersign_entry", 4));
    assert_eq!((books.of_role, entry.of_role), (Some(20), None));
    // Three are the superuser's.
    assert_eq!((books.of_all, entry.of_all), (297, 297));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_starts_while_postgresql_is_away() {
    let nowhere = || {
        "postgres:///db?host=/tmp/cst-nowhere&user=countersign_books"
            .to_owned()
            .into()
    };
    let patience = Duration::from_millis(300);
    let database = connect(Settings {
        acquire_timeout: patience,
        ..settings(nowhere(), nowhere())
    })
    .await;
    assert!(database.ready().await.unwrap_err().is_unavailable());
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_who_hangs_up_leaves_no_transaction_open() {
    let mut world = World::new().await;
    let (_, owner) = world.company("north").await;
    let narrow = Settings {
        connections_max: 2,
        ..settings(
            world.cluster.url(&world.name, "countersign_entry"),
            world.cluster.url(&world.name, "countersign_books"),
        )
    };
    world.database = connect(narrow).await;
    let mut cut = 0;
    for micros in (0..3000).step_by(60) {
        let enter = async {
            let (context, read) = world.enter(&owner).await;
            read.accounts(&world.scope(&context), &Page::first(5))
                .await
                .unwrap();
            read.leave();
        };
        let hung_up = tokio::time::timeout(Duration::from_micros(micros), enter).await;
        cut += i32::from(hung_up.is_err());
    }
    assert!(cut > 0, "nobody hung up");
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "createAccount");
    let new = new_account("dropped");
    write.insert_account(&permit, &new).await.unwrap();
    drop(write);
    // Both connections are whole, and confined to whom they are asked for.
    let both = (world.enter(&owner).await, world.enter(&owner).await);
    let left = both
        .1
        .1
        .accounts(&world.scope(&both.1.0), &Page::first(5))
        .await
        .unwrap();
    assert!(left.rows.is_empty());
    both.0.1.leave();
    both.1.1.leave();
    let mut admin = world.bare("postgres").await;
    // Nobody waits for the end of what was dropped or left, which comes soon.
    let mut open = 1;
    for _ in 0..100 {
        open = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(open, 0_i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_hold_every_connection_are_still_recorded() {
    let mut world = World::new().await;
    let (_, owner) = world.company("north").await;
    let narrow = Settings {
        connections_max: 2,
        ..settings(
            world.cluster.url(&world.name, "countersign_entry"),
            world.cluster.url(&world.name, "countersign_books"),
        )
    };
    world.database = connect(narrow).await;
    let (one, two) = (world.enter(&owner).await, world.enter(&owner).await);
    for (context, read) in [one, two] {
        world
            .database
            .record(&context, draft("books.read"))
            .await
            .unwrap();
        read.leave();
    }
}
