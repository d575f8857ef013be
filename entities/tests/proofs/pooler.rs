//! Behind PgBouncer in transaction mode: every transaction may get another server connection, which
//! another tenant had a moment ago.

use std::{fs, process::Child, sync::Arc, time::Duration};

use countersign_domain::id::TenantId;
use countersign_entities::{Page, Settings, TransactionFilter};
use countersign_migrations::migrate;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, PgConnection, Row};

use crate::{
    cluster::{Cluster, folder, passwords, run_with_us},
    world::{Person, World, connect, draft, new_account, settings},
};

/// PgBouncer with two server connections per role, for many clients.
fn start(cluster: &Cluster) -> (Child, impl Fn(&str, &str) -> SecretString + use<>) {
    let folder = folder();
    let users = folder.join("users.txt");
    fs::write(
        &users,
        "\"countersign_entry\" \"countersign_entry\"\n\"countersign_books\" \"countersign_books\"\n",
    )
    .unwrap();
    let configuration = folder.join("pgbouncer.ini");
    let (host, port) = cluster.address();
    let text = format!(
        "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_port = 6432\n\
         unix_socket_dir = {own}\nauth_type = scram-sha-256\nauth_file = {own}/users.txt\n\
         pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\nlogfile = {own}/log\n",
        own = folder.display(),
    );
    fs::write(&configuration, text).unwrap();
    let child = run_with_us(&format!(
        "PATH=$PATH:/usr/sbin pgbouncer -q {0}/pgbouncer.ini & pid=$!; read _; kill $pid; wait; rm -rf {0}",
        folder.display()
    ));
    let url = move |database: &str, role: &str| {
        format!(
            "postgres:///{database}?host={}&port=6432&user={role}&password={role}",
            folder.display()
        )
        .into()
    };
    (child, url)
}

async fn bare(url: &SecretString) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = url.expose_secret().parse().unwrap();
    let options = options.extra_float_digits(None).statement_cache_capacity(0);
    for _ in 0..100 {
        match PgConnection::connect_with(&options).await {
            Ok(connection) => return connection,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("PgBouncer does not answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_interleave_over_few_connections_without_a_leak() {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let admin = cluster.url(&name, "postgres");
    migrate(&admin, passwords()).await.unwrap();
    let (_pooler, url) = start(&cluster);
    let books_url = url(&name, "countersign_books");
    let spy = bare(&books_url).await;

    let mut world = World::of(Arc::clone(&cluster), name.clone()).await;
    let pooled = settings(url(&name, "countersign_entry"), books_url);
    world.database = connect(Settings {
        prepared_statements: false,
        ..pooled
    })
    .await;
    world.database.check_isolation().await.unwrap();
    let mut people = Vec::new();
    for slug in ["north", "south", "east"] {
        let (_, owner) = world.company(slug).await;
        let account = world.account(&owner, new_account(slug)).await;
        world.import(&owner, account.id, 1, &["1", "2", "3"]).await;
        people.push((slug, owner));
    }
    interleave(Arc::new(world), people, spy).await;
    // What was parsed on one server connection was never run on another, where it is not known, or is
    // another's.
    let log = cluster.log();
    for foreign in ["prepared statement", "bind message supplies"] {
        let told = log.lines().find(|line| line.contains(foreign));
        assert_eq!(told, None);
    }
}

/// Many requests of every tenant at once, and somebody who looks for what they leave behind.
async fn interleave(world: Arc<World>, people: Vec<(&'static str, Person)>, mut spy: PgConnection) {
    let mut tasks = Vec::new();
    for n in 0..24 {
        let (world, (slug, owner)) = (world.clone(), people[n % 3].clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let (context, read) = world.enter(&owner).await;
                let accounts = read
                    .accounts(&world.scope(&context), &Page::first(50))
                    .await
                    .unwrap();
                let names: Vec<_> = accounts.rows.iter().map(|a| a.name.as_str()).collect();
                assert_eq!(names, [slug]);
                let count = read
                    .transaction_count(&world.scope(&context), &TransactionFilter::default())
                    .await;
                assert_eq!(count.unwrap(), 3);
                read.leave();
                world
                    .database
                    .record(&context, draft("books.read"))
                    .await
                    .unwrap();
            }
        }));
    }
    for _ in 0..20 {
        let row = spy
            .fetch_one(sqlx::raw_sql("SELECT count(*) AS seen, current_setting('countersign.tenant', true) AS tenant FROM countersign.accounts"))
            .await
            .unwrap();
        assert_eq!(
            row.get::<i64, _>("seen"),
            0,
            "a setting stayed on a server connection"
        );
        assert!(
            row.get::<Option<String>, _>("tenant")
                .unwrap_or_default()
                .is_empty()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    for tenant in world.database.operator().tenants().await.unwrap() {
        let report = world
            .database
            .operator()
            .verify_ledger(tenant.id, None, None)
            .await
            .unwrap();
        let own = tenant.id == TenantId::OPERATOR;
        assert!(own || report.verified >= 40, "{report:?}");
    }
}
