//! The limit on how long a query may run.

use chrono::DateTime;
use countersign_domain::access::Role;
use countersign_tests::TestApp;
use serde_json::json;
use sqlx::Executor;

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_runs_too_long_is_cut_off_and_recorded() {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| format!("{toml}[graphql]\ntime_ms = 300\n")).await;
    let tenant = app.tenant("north").await;
    let owner = app.person(&tenant, Role::Owner, "olga").await;
    let mut superuser = app.test_database.superuser().await;
    superuser
        .execute("BEGIN; LOCK TABLE countersign.categories IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let slow = "{ accounts { nodes { name } } categories { nodes { name } } }";
    let reply = owner.graphql(slow, json!({})).await;
    assert_eq!(reply.error_code(), Some("TIME_LIMIT_EXCEEDED"));
    assert!(
        reply.body.to_string().contains("300 ms"),
        "{:?}",
        reply.body
    );
    superuser.execute("ROLLBACK").await.unwrap();
    let after = owner.graphql(slow, json!({})).await;
    assert_eq!(after.error_code(), None, "{:?}", after.body);
    let recorded: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM countersign.audit_entries WHERE action = 'request.refused' \
         AND payload LIKE '%TIME_LIMIT_EXCEEDED%'",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert_eq!(recorded, 1);
}
