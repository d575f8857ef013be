//! Signing out: what ends, what is told where it can not end, and what is given back.

use std::time::{Duration, Instant};

use countersign_domain::access::Role;
use countersign_tests::{Browser, TestApp};
use sqlx::{Connection, Executor};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::stand::{Visit, invite, stand};

async fn logout_url(browser: &Browser) -> String {
    let user = browser.get("/bff/user").await;
    user.body["logoutUrl"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_that_they_are_signed_out_is() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let logout = logout_url(&owner).await;
    let mut superuser = app.test_database.superuser().await;
    let revoke = "REVOKE SELECT ON countersign.sessions FROM countersign_entry";
    superuser.execute(revoke).await.unwrap();
    let fault = owner.get(&logout).await;
    assert!(fault.status >= 500, "{fault:?}");
    assert!(
        !fault.headers.contains_key("set-cookie"),
        "the cookie stays with a session that does: {fault:?}"
    );
    let grant = "GRANT SELECT ON countersign.sessions TO countersign_entry";
    superuser.execute(grant).await.unwrap();

    // The provider's tokens are not needed for it.
    let damage = "UPDATE countersign.sessions SET tokens_sealed = '\\x00'";
    superuser.execute(damage).await.unwrap();
    let out = owner.get(&logout).await;
    assert_eq!(out.status, 303, "{out:?}");
    assert_eq!(app.test_database.logged("session.ended").await, 1);
    let live = "SELECT count(*) FROM countersign.sessions WHERE ended_at IS NULL";
    let live: i64 = sqlx::query_scalar(live)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(live, 0);
    let again = owner.get(&logout).await;
    assert_eq!(again.status, 303, "there is nothing left to end: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_end_is_recorded_has_ended_whoever_hung_up_meanwhile() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let logout = logout_url(&owner).await;
    let mut superuser = app.test_database.superuser().await;
    let mut held = superuser.begin().await.unwrap();
    let hold = "SELECT 1 FROM countersign.audit_heads WHERE tenant_id = $1 FOR UPDATE";
    let hold = sqlx::query(hold).bind(tenant.id.uuid());
    hold.execute(&mut *held).await.unwrap();

    let address = app.url().strip_prefix("http://").unwrap();
    let mut caller = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {logout} HTTP/1.1\r\nhost: localhost:8080\r\ncookie: {}\r\n\r\n",
        owner.cookie()
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut watcher = app.test_database.superuser().await;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock')";
    until(async || {
        sqlx::query_scalar(waits)
            .fetch_one(&mut watcher)
            .await
            .unwrap()
    })
    .await;
    caller.set_zero_linger().unwrap();
    drop(caller);
    tokio::time::sleep(Duration::from_millis(200)).await;
    held.rollback().await.unwrap();
    until(async || app.test_database.logged("session.ended").await == 1).await;
    until(async || owner.get("/bff/user").await.status == 401).await;
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never is so");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_come_after_the_end_are_given_back() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.control("answer-late").await;
    stand.app.clock.advance(chrono::Duration::seconds(45));
    let user = visit.user(&stand).await;
    stand.counts("late", "1").await;
    let logout = user.body["logoutUrl"].as_str().unwrap();
    let url = format!("{}{logout}", stand.app.url());
    assert_eq!(visit.get(&stand, &url).await.status(), 303);
    stand.counts("revocations", "1").await;
    stand.control("up").await;
    stand.counts("revocations", "2").await;
}
