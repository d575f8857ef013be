//! What was cut off half-way, and what its key tells.

use chrono::Duration;
use countersign_domain::access::Role;
use countersign_tests::{Tap, TestApp};
use serde_json::json;
use sqlx::Executor;

use super::{categories, create, hold, settled, waiting};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_a_key_tells_what_was_done() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let mut superuser = app.test_database.superuser().await;
    create(&owner, "Rent", "key-1").await;
    settled(&mut superuser, 1).await;
    // As a server leaves it that dies after the commit, before it stored the answer.
    let lost = "UPDATE countersign.idempotency_keys SET answer = NULL, settled_at = NULL";
    superuser.execute(lost).await.unwrap();
    let soon = create(&owner, "Rent", "key-1").await;
    assert_eq!(soon.error_code(), Some("IDEMPOTENCY_KEY_IN_USE"));
    app.clock.advance(Duration::seconds(61));
    let later = create(&owner, "Rent", "key-1").await;
    assert_eq!(later.error_code(), Some("IDEMPOTENCY_RESULT_GONE"));
    assert_eq!(categories(&owner).await, 1);
}

/// A mutation in one message is committed, and its session ends before it is known to be durable; then so does the
/// one in which its key would be asked about.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_to_be_done_is_not_done_again_for_the_same_request() {
    let tap = Tap::open().await;
    let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(now, |toml| tap.configuration(&toml)).await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let make = "mutation { createApiToken(input: { name: \"x\", scopes: [\"basic:read\"] }) \
                { plainToken } }";
    let mut superuser = app.test_database.superuser().await;
    let mut made = async || {
        let sql = "SELECT (SELECT count(*) FROM countersign.api_tokens), \
                   (SELECT count(*) FROM countersign.idempotency_keys)";
        let counted: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut superuser).await.unwrap();
        counted
    };
    for n in 0..100 {
        let (before, key) = (made().await, format!("key-{n}"));
        // Connections that many share are opened by the first who come, who do not wait for them.
        let sent = tap.sent().await.unwrap_or_default();
        let cuts = ["pg_logical_emit_message", "claim_key"];
        let is_shared = sent.iter().any(|text| text.contains("hold_presumed"));
        tap.cut(if is_shared { &cuts } else { &[] });
        let reply = owner.graphql_with(make, json!({}), &key).await;
        let is_whole = !is_shared || tap.to_be_cut() == cuts.len();
        tap.cut(&[]);
        if is_whole {
            continue;
        }
        assert_eq!(reply.error_code(), Some("SERVICE_UNAVAILABLE"), "{reply:?}");
        assert_eq!(made().await, (before.0 + 1, before.1 + 1));
        let again = owner.graphql_with(make, json!({}), &key).await;
        let code = (again.status, again.error_code());
        assert_eq!(code, (409, Some("IDEMPOTENCY_KEY_IN_USE")));
        assert_eq!(made().await, (before.0 + 1, before.1 + 1));
        return;
    }
    panic!("nothing is done in one message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_cut_off_leaves_its_key_free() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let (mut one, mut superuser) = (
        app.test_database.superuser().await,
        app.test_database.superuser().await,
    );
    let held = hold(&mut one, &tenant).await;
    let cut = async {
        let pid = waiting(&mut superuser).await;
        let cut = sqlx::query("SELECT pg_terminate_backend($1)").bind(pid);
        cut.execute(&mut superuser).await.unwrap();
    };
    let (lost, ()) = tokio::join!(create(&owner, "Rent", "key-1"), cut);
    assert_eq!(lost.error_code(), Some("SERVICE_UNAVAILABLE"), "{lost:?}");
    held.rollback().await.unwrap();
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM countersign.idempotency_keys")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!((keys, categories(&owner).await), (0, 0));
    let done = create(&owner, "Rent", "key-1").await;
    assert_eq!(done.data()["createCategory"]["category"]["name"], "Rent");
    assert_eq!(categories(&owner).await, 1);
}
