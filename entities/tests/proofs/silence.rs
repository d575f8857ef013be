//! Servers that say nothing, or that take nothing: what leads to them is given up, and what leads elsewhere
//! serves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_entities::{Database, EnterError, Page, Settings, StoreError};
use countersign_migrations::migrate;
use countersign_policies::resource;
use countersign_stand::passage::Passage;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Executor;
use tokio::time::timeout;

use crate::{
    cluster::{self, Cluster, passwords},
    world::{Person, World, connect, draft, facts, new_account, settings},
};

/// What a caller waits at most for the first answer after connections died.
const SOON: Duration = Duration::from_secs(8);

fn impatient(url: impl Fn(&str) -> SecretString) -> Settings {
    Settings {
        acquire_timeout: Duration::from_secs(2),
        statement_timeout: Duration::from_secs(10),
        ..settings(url("countersign_entry"), url("countersign_books"))
    }
}

/// A request as a server answers it: presumed where that can be, recorded before it is answered.
async fn answered(world: &World, who: &Person) -> Result<usize, String> {
    let (credential, facts) = (who.credential(), facts());
    let presumed = world.database.presume(&credential, &facts, &[]).await;
    let mut found = None;
    if let Some((context, read)) = presumed {
        let scope = world.scope::<resource::Account>(&context);
        let page = Page::first(5);
        if let (Ok(rows), Ok(())) = (read.accounts(&scope, &page).await, read.confirm().await) {
            found = Some((context, rows.rows.len()));
        }
        read.leave();
    }
    if found.is_none() {
        let entered = world.database.enter(&credential, &facts, &[]).await;
        let (context, read) = entered.map_err(|error| format!("{error:?}"))?;
        let scope = world.scope::<resource::Account>(&context);
        let rows = read.accounts(&scope, &Page::first(5)).await;
        read.leave();
        let rows = rows.map_err(|error| format!("{error:?}"))?;
        found = Some((context, rows.rows.len()));
    }
    let (context, rows) = found.unwrap();
    let recorded = world.database.record(&context, draft("books.read")).await;
    recorded.map_err(|error| format!("{error:?}"))?;
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_forgotten_are_given_up_and_new_ones_serve() {
    let name = cluster::database().await;
    let mut world = World::of(cluster::shared(), name.clone()).await;
    let (_, owner) = world.company("north").await;
    world.account(&owner, new_account("Current")).await;
    let (_, port) = world.cluster.address();
    let passage = Passage::open(port.parse().unwrap()).unwrap();
    let through = |role: &str| {
        let direct = world.cluster.url(&name, role);
        let own = format!(":{}/", passage.port());
        let through = direct.expose_secret().replace(&format!(":{port}/"), &own);
        SecretString::from(through)
    };
    let settings = impatient(through);
    world.database = connect(settings).await;
    let world = Arc::new(world);
    let together = |n: usize| {
        let asked = (0..n).map(|_| {
            let (world, owner) = (Arc::clone(&world), owner.clone());
            tokio::spawn(async move {
                loop {
                    match answered(&world, &owner).await {
                        Ok(rows) => return rows,
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                }
            })
        });
        futures::future::join_all(asked.collect::<Vec<_>>())
    };
    // Every pool is full of connections that will be dead.
    world.database.ready().await.unwrap();
    for _ in 0..3 {
        together(16).await;
    }
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(world.enter(&owner).await);
    }
    let (_, open) = world.write(&owner).await;
    passage.forget();
    drop(held);
    drop(open);
    let started = Instant::now();
    let asked = timeout(Duration::from_secs(40), together(16)).await;
    let asked = asked.expect("nobody is answered any more");
    assert!(asked.into_iter().all(|rows| rows.unwrap() == 1));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let started = Instant::now();
    timeout(SOON, world.database.ready())
        .await
        .unwrap()
        .unwrap();
    world.category(&owner, "written").await;
    assert!(started.elapsed() < Duration::from_secs(4));

    // Told to stop, it waits for nobody who says nothing.
    passage.forget();
    let started = Instant::now();
    let (own, late) = (Arc::clone(&world), owner.clone());
    let late = tokio::spawn(async move { answered(&own, &late).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.database.close().await;
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let late = timeout(Duration::from_secs(20), late).await;
    assert!(late.unwrap().unwrap().is_err());
}

/// How many connections are open in a pool.
fn open(database: &Database, wanted: &str) -> u32 {
    let mut all = database.connections().into_iter();
    all.find(|(name, ..)| *name == wanted).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_away_and_nothing_leads_to_it() {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let admin = cluster.url(&name, "postgres");
    migrate(&admin, passwords()).await.unwrap();
    let mut world = World::of(Arc::clone(&cluster), name.clone()).await;
    let (_, owner) = world.company("north").await;
    world.database = connect(impatient(|role| cluster.url(&name, role))).await;
    for _ in 0..3 {
        answered(&world, &owner).await.unwrap();
    }
    drop(world.write(&owner).await);
    let mut superuser = world.bare("postgres").await;

    // Connections that were good and are to a standby now.
    superuser
        .execute("ALTER SYSTEM SET default_transaction_read_only = on")
        .await
        .unwrap();
    superuser.execute("SELECT pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (credential, facts) = (owner.credential(), facts());
    let refused = answered(&world, &owner).await.unwrap_err();
    assert!(refused.contains("Unavailable"), "{refused}");
    let ready = world.database.ready().await.unwrap_err();
    assert!(ready.is_unavailable(), "{ready:?}");
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "createAccount");
    let refused = write.insert_account(&permit, &new_account("none")).await;
    let refused = StoreError::from(refused.unwrap_err());
    assert!(refused.is_unavailable(), "{refused:?}");
    assert_eq!(open(&world.database, "write"), 1);
    drop(write);
    assert_eq!(open(&world.database, "write"), 0);

    superuser
        .execute("ALTER SYSTEM RESET default_transaction_read_only")
        .await
        .unwrap();
    superuser.execute("SELECT pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    answered(&world, &owner).await.unwrap();
    world.database.ready().await.unwrap();

    // What is opened while it is one is not kept either.
    for role in ["countersign_books", "countersign_entry"] {
        let standby = format!(
            "ALTER ROLE {role} SET default_transaction_read_only = on; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        );
        let standby = sqlx::raw_sql(sqlx::AssertSqlSafe(standby));
        superuser.execute(standby).await.unwrap();
    }
    let away = world.database.enter(&credential, &facts, &[]).await;
    assert!(matches!(away, Err(EnterError::Unavailable(_))), "{away:?}");
    assert!(world.database.ready().await.unwrap_err().is_unavailable());
    for role in ["countersign_books", "countersign_entry"] {
        let back = format!("ALTER ROLE {role} RESET default_transaction_read_only");
        superuser.execute(sqlx::AssertSqlSafe(back)).await.unwrap();
    }
    answered(&world, &owner).await.unwrap();
    world.database.ready().await.unwrap();
}

#[tokio::test]
async fn what_takes_too_long_is_undone_and_may_be_tried_again() {
    let mut world = World::new().await;
    let (_, owner) = world.company("north").await;
    let url = |role: &str| world.cluster.url(&world.name, role);
    let hasty = Settings {
        statement_timeout: Duration::from_millis(300),
        ..impatient(url)
    };
    world.database = connect(hasty).await;
    let (context, read) = world.enter(&owner).await;
    let mut admin = world.bare("postgres").await;
    let lock = "BEGIN; LOCK TABLE countersign.categories IN ACCESS EXCLUSIVE MODE";
    admin.execute(lock).await.unwrap();
    let scope = world.scope::<resource::Category>(&context);
    let late = read.categories(&scope, &Page::first(5)).await.unwrap_err();
    assert!(late.is_unavailable(), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_after_the_thread_that_wrote_them_is_gone() {
    let world = Arc::new(World::new().await);
    let (_, owner) = world.company("north").await;
    let (context, read) = world.enter(&owner).await;
    read.leave();
    let record = |world: &Arc<World>| {
        let (world, context) = (Arc::clone(world), context.clone());
        async move { world.database.record(&context, draft("books.read")).await }
    };
    record(&world).await.unwrap();
    let mut admin = world.bare("postgres").await;
    let lock = "BEGIN; LOCK TABLE countersign.audit_entries IN ACCESS EXCLUSIVE MODE";
    admin.execute(lock).await.unwrap();

    // It begins to write, on a thread that stops; somebody on another thread waits for it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let first = record(&world);
    let thread = std::thread::spawn(move || {
        let waited = async { timeout(Duration::from_millis(500), first).await };
        assert!(runtime.block_on(waited).is_err());
        drop(runtime);
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let beside = tokio::spawn(record(&world));
    thread.join().unwrap();
    let beside = timeout(Duration::from_secs(5), beside).await;
    let beside = beside.expect("it is told").unwrap();
    assert!(beside.unwrap_err().is_unavailable());

    admin.execute("ROLLBACK").await.unwrap();
    let next = timeout(Duration::from_secs(5), record(&world)).await;
    next.expect("somebody writes").unwrap();
}
