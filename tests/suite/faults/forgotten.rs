//! Connections to PostgreSQL that are forgotten: they stay open, and nothing comes through any more.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use countersign_domain::access::Role;
use countersign_entities::{Clock, SystemClock};
use countersign_stand::passage::Passage;
use countersign_tests::{Served, TestApp, Token, cluster};
use serde_json::json;

use super::callers::{CREATE, Going, call_on, token};

/// What is read and made goes on within that time. A transaction that was forgotten half-way holds its tenant's
/// chain until PostgreSQL ends it, for half of it.
const SOON: Duration = Duration::from_secs(20);
/// How long a server may take to end: ten seconds for requests under way, and two for connections.
const END: Duration = Duration::from_secs(20);

async fn makes(token: &Token, name: &str) -> bool {
    let made = token.attempt(CREATE, json!({ "name": name }), Some(name));
    let made = made.await;
    made.is_some_and(|made| made.data()["createCategory"]["category"]["id"].is_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_connections_are_forgotten_goes_on_by_new_ones_and_stops_when_it_is_told() {
    let passage = Passage::open(cluster().port()).unwrap();
    let mut toml = String::new();
    let app = TestApp::start_with(SystemClock.now(), |given| {
        let (direct, through) = (cluster().port(), passage.port());
        let (direct, through) = (
            format!("@127.0.0.1:{direct}/"),
            format!("@127.0.0.1:{through}/"),
        );
        toml = format!(
            "{}[limits]\ncost = 4000000000\n[log]\nfilter = \"warn\"\n",
            given.replace(&direct, &through)
        );
        given
    })
    .await;
    let tenant = app.tenant("north").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    let config = format!("countersign-test-{}-forgotten.toml", std::process::id());
    let config = std::env::temp_dir().join(config);
    let mut served = Served::start(program, &config, &toml);
    served.ready(app.http()).await;
    let token = token(&owner).await.at(&served.url());

    let going = Going::default();
    let callers: Vec<_> = (0..8)
        .map(|n| tokio::spawn(call_on(token.clone(), n, going.clone())))
        .collect();
    Going::until(&going.answers, 64).await;
    passage.forget();
    let forgotten = Instant::now();
    Going::until(&going.answers, 64).await;
    assert!(forgotten.elapsed() < SOON, "{:?}", forgotten.elapsed());
    going.stop();
    for caller in callers {
        caller.await.unwrap();
    }

    // One may meet what another one left half-way.
    let again = Instant::now();
    let mut attempts = 0;
    while !makes(&token, &format!("again-{attempts}")).await {
        assert!(again.elapsed() < SOON, "after {attempts} attempts");
        attempts += 1;
    }
    passage.forget();
    let late = tokio::spawn(async move { makes(&token, "late").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(served.ends_within(END), "it does not end");
    drop(late.await);
}
