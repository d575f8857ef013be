//! PostgreSQL's disk is full: nobody is told of what is not kept, and all goes on when there is room.

use std::time::Duration;

use countersign_domain::access::Role;
use countersign_tests::{Mortal, TestApp};
use sqlx::Executor;

use super::{
    becomes,
    callers::{Going, call_on, token},
    kept::assert_kept,
    start, status,
};

const CALLERS: usize = 8;
/// A new cluster takes some 60.
const MEBIBYTES: u32 = 120;

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_is_told_as_a_fault_and_what_was_acknowledged_is_there_when_it_has_room() {
    let mortal = Mortal::on_small_disk("full", MEBIBYTES).await;
    let app = TestApp::start_with(start(), |toml| {
        let toml = mortal.configuration(&toml);
        format!("{toml}[limits]\ncost = 4000000000\n")
    })
    .await;
    let live = format!("{}/livez", app.management());
    let ready = format!("{}/readyz", app.management());
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let going = Going::default();
    let token = token(&owner).await;
    let callers = (0..CALLERS).map(|n| tokio::spawn(call_on(token.clone(), n, going.clone())));
    let callers: Vec<_> = callers.collect();
    Going::until(&going.answers, 4 * CALLERS).await;

    // Tables can not grow: statements fail, PostgreSQL stays.
    mortal.disk().fill().unwrap();
    Going::until(&going.faults, 4 * CALLERS).await;
    assert_eq!(status(app.http(), &live).await, 200);
    mortal.disk().free().unwrap();
    Going::until(&going.answers, 4 * CALLERS).await;

    // The log can not grow: PostgreSQL gives up, and is started again when there is room.
    mortal.disk().fill().unwrap();
    let mut superuser = mortal.superuser().await;
    for _ in 0..4 {
        if superuser.execute("SELECT pg_switch_wal()").await.is_err() {
            break;
        }
    }
    Going::until(&going.faults, 4 * CALLERS).await;
    assert_eq!(status(app.http(), &live).await, 200);
    mortal.disk().free().unwrap();
    mortal.cluster.kill();
    becomes(app.http(), &ready, 503).await;
    mortal.cluster.restart().unwrap();
    becomes(app.http(), &ready, 200).await;
    Going::until(&going.answers, 4 * CALLERS).await;
    going.stop();
    let mut heard = Vec::new();
    for caller in callers {
        let joined = tokio::time::timeout(Duration::from_secs(30), caller).await;
        heard.push(joined.unwrap().unwrap());
    }
    let mut superuser = mortal.superuser().await;
    let operator = app.database().operator();
    let made = assert_kept(&mut superuser, &operator, &tenant, &heard).await;
    assert!(made > 0);
}
