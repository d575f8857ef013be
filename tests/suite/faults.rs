//! PostgreSQL dies and comes back, comes late, or has no room; the server is killed: callers are told so in
//! time, the product heals by itself, and what was acknowledged is there.

mod callers;
mod disk_full;
mod forgotten;
mod kept;
mod killed;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use countersign::{config::Config, server::Server};
use countersign_tests::{Browser, Mortal, Reply, TestApp, TestClock, TestIds};
use serde_json::json;
use sqlx::Executor;

use crate::books::books;

/// What a caller waits at most while the database is away: it waits two seconds for a connection,
/// and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

async fn create(by: &Browser, name: &str) -> Reply {
    by.graphql(
        "mutation($name: String!) { createCategory(input: { name: $name }) \
         { category { id } userErrors { code } } }",
        json!({ "name": name }),
    )
    .await
}

async fn status(http: &reqwest::Client, url: &str) -> u16 {
    http.get(url).send().await.unwrap().status().as_u16()
}

/// Polls `url` until it answers with `wanted`.
async fn becomes(http: &reqwest::Client, url: &str, wanted: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while status(http, url).await != wanted {
        assert!(Instant::now() < deadline, "`{url}` never says {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Creates categories until told to stop; the names of those that were acknowledged, and how many
/// attempts were answered by a fault.
async fn write_on(owner: Browser, n: usize, stop: Arc<AtomicBool>) -> (Vec<String>, usize) {
    let (mut acknowledged, mut faults) = (Vec::new(), 0);
    for turn in 0.. {
        if stop.load(Ordering::Acquire) {
            break;
        }
        let name = format!("{n} in turn {turn}");
        let asked = Instant::now();
        let reply = create(&owner, &name).await;
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
        if reply.data()["createCategory"]["category"]["id"].is_string() {
            acknowledged.push(name);
        } else {
            assert_eq!(
                reply.error_code(),
                Some("SERVICE_UNAVAILABLE"),
                "{:?}",
                reply.body
            );
            let told = reply.body.to_string().to_lowercase();
            for inside in [
                "postgres",
                "sqlx",
                "127.0.0.1",
                "connection",
                "countersign_",
            ] {
                assert!(!told.contains(inside), "`{inside}` is nobody's: {told}");
            }
            faults += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (acknowledged, faults)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_crash_of_postgresql_is_there_after_it() {
    let mortal = Mortal::start("crash").await;
    let app = TestApp::start_with(start(), |toml| mortal.configuration(&toml)).await;
    let books = books(&app).await;
    let (live, ready) = (
        format!("{}/livez", app.management()),
        format!("{}/readyz", app.management()),
    );
    assert_eq!(status(app.http(), &ready).await, 200);

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|n| tokio::spawn(write_on(books.owner.clone(), n, Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    mortal.cluster.kill();
    becomes(app.http(), &ready, 503).await;
    assert_eq!(
        status(app.http(), &live).await,
        200,
        "it lives while the database is dead: nobody should restart it"
    );
    let read = books
        .owner
        .graphql("{ accounts { nodes { name } } }", json!({}))
        .await;
    assert_eq!(
        read.error_code(),
        Some("SERVICE_UNAVAILABLE"),
        "{:?}",
        read.body
    );
    assert!(read.data().is_null(), "{:?}", read.body);

    mortal.cluster.restart().unwrap();
    becomes(app.http(), &ready, 200).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::Release);
    let (mut acknowledged, mut faults) = (Vec::new(), 0);
    for writer in writers {
        let (names, failed) = writer.await.unwrap();
        acknowledged.extend(names);
        faults += failed;
    }
    assert!(faults > 0, "nobody noticed the crash");
    assert!(acknowledged.len() > 8, "nobody wrote: {acknowledged:?}");

    let mut superuser = mortal.superuser().await;
    let kept: Vec<String> = sqlx::query_scalar("SELECT name FROM countersign.categories")
        .fetch_all(&mut superuser)
        .await
        .unwrap();
    for name in &acknowledged {
        assert!(kept.contains(name), "`{name}` was acknowledged and is lost");
    }
    // A commit whose answer was lost may be there: whole, which is with its entry in the log.
    let recorded: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM countersign.audit_entries WHERE action = 'category.created'",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert_eq!(usize::try_from(recorded).unwrap(), kept.len());
    let operator = app.database().operator();
    let verified = operator.verify_ledger(books.tenant.id, None, None).await;
    assert!(verified.is_ok(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_under_the_server_is_an_outage_and_no_fault_of_its_own() {
    let mortal = Mortal::start("rotated").await;
    let app = TestApp::start_with(start(), |toml| mortal.configuration(&toml)).await;
    let books = books(&app).await;
    let mut superuser = mortal.superuser().await;
    let rotate = "ALTER ROLE countersign_books PASSWORD 'another'; \
        ALTER ROLE countersign_entry PASSWORD 'another'; \
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'countersign%'";
    superuser.execute(sqlx::raw_sql(rotate)).await.unwrap();
    let read = books
        .owner
        .graphql("{ accounts { nodes { name } } }", json!({}))
        .await;
    assert_eq!(
        (read.status, read.error_code()),
        (503, Some("SERVICE_UNAVAILABLE")),
        "{:?}",
        read.body
    );
    assert!(read.headers.contains_key("retry-after"));
    assert!(
        !read.body.to_string().contains("countersign_"),
        "{:?}",
        read.body
    );
    let back = "ALTER ROLE countersign_books PASSWORD 'countersign_books'; \
        ALTER ROLE countersign_entry PASSWORD 'countersign_entry'";
    superuser.execute(sqlx::raw_sql(back)).await.unwrap();
    let read = books
        .owner
        .graphql("{ accounts { nodes { name } } }", json!({}))
        .await;
    assert_eq!(read.error_code(), None, "{:?}", read.body);

    // From the start it is a mistake in the configuration, and nobody waits for it.
    let toml = countersign_tests::configuration(&app.test_database);
    let toml = toml.replace(":countersign_books@", ":another@");
    let config = Config::from_toml(&toml).unwrap();
    let (clock, ids) = (
        Arc::new(TestClock::at(start())),
        Arc::new(TestIds::seeded(7)),
    );
    let server = Server::build(config, clock, ids).await.unwrap();
    let refused = server.serve_in_background().await;
    assert!(refused.is_err(), "it waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_is_away_and_is_found_again_when_it_does() {
    let mortal = Mortal::start("standby").await;
    let app = TestApp::start_with(start(), |toml| mortal.configuration(&toml)).await;
    let books = books(&app).await;
    let read = async || {
        let read = books
            .owner
            .graphql("{ accounts { nodes { name } } }", json!({}));
        read.await
    };
    assert_eq!(read().await.status, 200);
    let mut superuser = mortal.superuser().await;
    let standby = "ALTER ROLE countersign_books SET default_transaction_read_only = on; \
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'countersign_books'";
    superuser.execute(sqlx::raw_sql(standby)).await.unwrap();
    let away = read().await;
    assert_eq!(
        (away.status, away.error_code()),
        (503, Some("SERVICE_UNAVAILABLE")),
        "{:?}",
        away.body
    );
    let ready = format!("{}/readyz", app.management());
    assert_eq!(status(app.http(), &ready).await, 503);
    let back = "ALTER ROLE countersign_books RESET default_transaction_read_only";
    superuser.execute(back).await.unwrap();
    let read = read().await;
    assert_eq!(read.status, 200, "{:?}", read.body);
    assert_eq!(status(app.http(), &ready).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn product_that_starts_before_postgresql_waits_for_it_with_its_books_closed() {
    // Migrated, and away: a server that finds a database half migrated refuses it and ends.
    let mortal = Mortal::start("late").await;
    mortal.cluster.stop();
    // The harness lends its configuration; nothing of its own server is used.
    let mut toml = String::new();
    let lender = TestApp::start_with(start(), |given| {
        toml = mortal.configuration(&given);
        given
    })
    .await;
    let config = Config::from_toml(&toml).unwrap();
    let clock = Arc::new(TestClock::at(start()));
    let server = Server::build(config, clock, Arc::new(TestIds::seeded(77)))
        .await
        .unwrap();
    let url = format!("http://{}", server.address());
    let management = format!("http://{}", server.management_address().unwrap());
    let running = tokio::spawn(server.run_until_stopped());
    let http = lender.http();
    becomes(http, &format!("{management}/livez"), 200).await;
    assert_eq!(status(http, &format!("{management}/readyz")).await, 503);
    let ask = || async {
        let request = http.post(format!("{url}/graphql"));
        let request = request
            .bearer_auth("cst_nobody")
            .json(&json!({ "query": "{ viewer { kind } }" }));
        Reply::of(request.send().await.unwrap()).await
    };
    let closed = ask().await;
    assert_eq!(closed.status, 503, "{:?}", closed.body);
    assert_eq!(closed.error_code(), Some("SERVICE_UNAVAILABLE"));
    assert_eq!(status(http, &format!("{url}/bff/login")).await, 503);

    mortal.cluster.restart().unwrap();
    becomes(http, &format!("{management}/readyz"), 200).await;
    let open = ask().await;
    assert_eq!(
        open.status, 401,
        "the books are open, but not to nobody: {:?}",
        open.body
    );
    assert!(!running.is_finished());
    running.abort();
}
