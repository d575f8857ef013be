//! Mutations that are sent again: done once, answered again.

mod interrupted;
mod outlived;

use std::time;

use chrono::Duration;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::audit::log;

const CREATE: &str = "mutation($name: String!) { createCategory(input: { name: $name }) \
                      { category { id name } userErrors { code } } }";

async fn create(by: &Browser, name: &str, key: &str) -> Reply {
    by.graphql_with(CREATE, json!({ "name": name }), key).await
}

async fn categories(by: &Browser) -> usize {
    let reply = by
        .graphql("{ categories { nodes { id } } }", json!({}))
        .await;
    reply.data()["categories"]["nodes"]
        .as_array()
        .unwrap()
        .len()
}

/// Waits until as many keys as that are there, and the answer of each has been kept.
async fn settled(superuser: &mut PgConnection, keys: i64) {
    let sql = "SELECT count(*) FILTER (WHERE settled_at IS NOT NULL), count(*) \
               FROM countersign.idempotency_keys";
    for _ in 0..500 {
        let found: (i64, i64) = sqlx::query_as(sql)
            .fetch_one(&mut *superuser)
            .await
            .unwrap();
        if found == (keys, keys) {
            return;
        }
        tokio::time::sleep(time::Duration::from_millis(10)).await;
    }
    panic!("the answers do not arrive");
}

/// Holds the end of the tenant's chain, so that a mutation gets as far as its audit row.
pub(crate) async fn hold<'c>(
    by: &'c mut PgConnection,
    tenant: &TestTenant,
) -> sqlx::Transaction<'c, sqlx::Postgres> {
    let mut held = by.begin().await.unwrap();
    let hold = "SELECT 1 FROM countersign.audit_heads WHERE tenant_id = $1 FOR UPDATE";
    let hold = sqlx::query(hold).bind(tenant.id.uuid());
    hold.execute(&mut *held).await.unwrap();
    held
}

/// Waits until a mutation waits for the end of its chain, and says which backend does.
async fn waiting(superuser: &mut PgConnection) -> i32 {
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
               AND wait_event_type = 'Lock' AND query LIKE '%hold_end%'";
    for _ in 0..500 {
        let pid = sqlx::query_scalar(sql).fetch_optional(&mut *superuser);
        if let Some(pid) = pid.await.unwrap() {
            return pid;
        }
        tokio::time::sleep(time::Duration::from_millis(10)).await;
    }
    panic!("no mutation waits for its chain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_is_done_once_and_its_answer_repeated() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let first = create(&owner, "Rent", "key-1").await;
    assert!(first.headers.get("idempotency-replayed").is_none());
    let again = create(&owner, "Rent", "key-1").await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(categories(&owner).await, 1);

    let other = create(&owner, "Wages", "key-1").await;
    assert_eq!(
        (other.status, other.error_code()),
        (422, Some("IDEMPOTENCY_KEY_REUSED"))
    );
    // Neither is done, and both are in the log: what was answered again, and what was not.
    let repeated = log(&owner, json!({ "action": "mutation.repeated" })).await;
    let [repeated] = &repeated[..] else {
        panic!("{repeated:?}");
    };
    assert_eq!(repeated["outcome"], "DONE");
    assert_eq!(
        repeated["requestId"],
        again.headers["x-request-id"].to_str().unwrap()
    );
    let permission = repeated["permission"].as_str().unwrap();
    assert!(
        permission.starts_with("Mutation.createCategory by "),
        "{permission}"
    );
    let refused = log(&owner, json!({ "action": "request.refused" })).await;
    let payload = refused[0]["payload"].as_str().unwrap();
    assert!(payload.contains("IDEMPOTENCY_KEY_REUSED"), "{payload}");
    // A key is one caller's.
    let colleague = app.person(&tenant, Role::Owner, "colleague").await;
    let theirs = create(&colleague, "Wages", "key-1").await;
    assert_eq!(theirs.data()["createCategory"]["category"]["name"], "Wages");

    app.clock.advance(Duration::hours(25));
    let late = create(&owner, "Fees", "key-1").await;
    assert_eq!(late.data()["createCategory"]["category"]["name"], "Fees");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repeats_do_it_once() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let many = (0..8).map(|_| create(&owner, "Rent", "key-1"));
    let replies = futures::future::join_all(many).await;
    for reply in &replies {
        let busy = reply.error_code() == Some("IDEMPOTENCY_KEY_IN_USE");
        let done = reply.data()["createCategory"]["category"]["name"] == "Rent";
        assert!(busy || done, "{reply:?}");
        assert!(!busy || (reply.status == 409 && reply.headers.contains_key("retry-after")));
    }
    assert_eq!(categories(&owner).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_required_where_a_repeat_does_harm_and_has_a_form() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::CategoriesCreate]).await;
    let send = |key: Option<&'static str>| {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request
            .bearer_auth(&token.plain)
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": CREATE, "variables": { "name": "Rent" } }));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let accept = send(None).await;
    assert_eq!(
        (accept.status, accept.error_code()),
        (400, Some("IDEMPOTENCY_KEY_MISSING"))
    );
    let spaced = send(Some("a b")).await;
    assert_eq!(
        (spaced.status, spaced.error_code()),
        (400, Some("BAD_REQUEST"))
    );
    let made = send(Some("a-b")).await;
    assert_eq!(
        made.data()["createCategory"]["category"]["name"],
        Value::Null
    );
    assert_eq!(categories(&owner).await, 1, "{:?}", made.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_done_frees_its_key() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let faulty = create(&owner, " ", "key-1").await;
    let code = &faulty.data()["createCategory"]["userErrors"][0]["code"];
    assert_eq!(code, "INVALID", "{:?}", faulty.body);
    let mended = create(&owner, "Rent", "key-1").await;
    assert_eq!(mended.data()["createCategory"]["category"]["name"], "Rent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_also_to_a_repeat() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let make = "mutation { createApiToken(input: { name: \"x\", scopes: [\"basic:read\"] }) \
                { plainToken } }";
    let first = owner.graphql_with(make, json!({}), "key-1").await;
    let plain = first.data()["createApiToken"]["plainToken"].as_str();
    assert!(plain.unwrap().starts_with("cst_"));
    let again = owner.graphql_with(make, json!({}), "key-1").await;
    assert_eq!(
        (again.status, again.error_code()),
        (409, Some("IDEMPOTENCY_RESULT_GONE"))
    );
    let mut superuser = app.test_database.superuser().await;
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM countersign.idempotency_keys WHERE answer IS NOT NULL",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert_eq!(kept, 0, "no secret is kept, not even sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_sealed_is_not_answered_again_after_its_keys_are_destroyed() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let make = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
                { account { number } userErrors { code } } }";
    let input = json!({ "input": { "name": "Operating", "currency": "EUR",
        "number": "NL26VAYB8060476890", "personal": false } });
    let first = owner.graphql_with(make, input.clone(), "a").await;
    let number = &first.data()["createAccount"]["account"]["number"];
    assert_eq!(number, "NL26VAYB8060476890", "{:?}", first.body);
    let mut superuser = app.test_database.superuser().await;
    settled(&mut superuser, 1).await;
    let operator = app.database().operator();
    operator.destroy_keys(tenant.id).await.unwrap();
    let again = owner.graphql_with(make, input, "a").await;
    assert_eq!(
        (again.status, again.error_code()),
        (409, Some("IDEMPOTENCY_RESULT_GONE")),
        "{:?}",
        again.body
    );
    let kept = "SELECT count(*) FROM countersign.idempotency_keys WHERE answer IS NOT NULL";
    let kept: i64 = sqlx::query_scalar(kept)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_mutation_is_in_its_transaction_nobody_else_runs_it_nor_waits_for_it() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let (mut one, mut superuser) = (
        app.test_database.superuser().await,
        app.test_database.superuser().await,
    );
    let held = hold(&mut one, &tenant).await;
    let meanwhile = async {
        waiting(&mut superuser).await;
        for name in ["Rent", "Wages"] {
            let reply = create(&owner, name, "key-1").await;
            let code = (reply.status, reply.error_code());
            assert_eq!(code, (409, Some("IDEMPOTENCY_KEY_IN_USE")));
            assert!(reply.headers.contains_key("retry-after"));
        }
        // What waits for its chain still does.
        waiting(&mut superuser).await;
        held.rollback().await.unwrap();
    };
    let (first, ()) = tokio::join!(create(&owner, "Rent", "key-1"), meanwhile);
    assert_eq!(first.data()["createCategory"]["category"]["name"], "Rent");
    let again = create(&owner, "Rent", "key-1").await;
    assert_eq!(
        (
            &again.body,
            again.headers.contains_key("idempotency-replayed")
        ),
        (&first.body, true)
    );
    assert_eq!(create(&owner, "Wages", "key-1").await.status, 422);
    assert_eq!(categories(&owner).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_changes_of_one_request_are_under_one_key() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let several = "mutation($second: String!) { \
        none: createCategory(input: { name: \" \" }) { userErrors { code } } \
        one: createCategory(input: { name: \"Rent\" }) { category { name } } \
        two: createCategory(input: { name: $second }) { category { name } } }";
    let send = async |second: &str| {
        let variables = json!({ "second": second });
        owner.graphql_with(several, variables, "key-1").await
    };
    let first = send("Wages").await;
    let made = &first.data();
    assert_eq!(made["none"]["userErrors"][0]["code"], "INVALID");
    assert_eq!(made["one"]["category"]["name"], "Rent", "{first:?}");
    assert_eq!(made["two"]["category"]["name"], "Wages");
    let again = send("Wages").await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(send("Fees").await.status, 422);
    assert_eq!(categories(&owner).await, 2);
    let many = (0..6).map(|_| owner.graphql_with(several, json!({ "second": "Fees" }), "key-2"));
    for reply in futures::future::join_all(many).await {
        let busy = reply.error_code() == Some("IDEMPOTENCY_KEY_IN_USE");
        assert!(
            busy || reply.data()["two"]["category"]["name"] == "Fees",
            "{reply:?}"
        );
    }
    assert_eq!(categories(&owner).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_of_a_moment_ago_changes_nothing_that_they_may_not_any_more() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    app.person(&tenant, Role::Owner, "owner").await;
    let second = app.person(&tenant, Role::Owner, "second").await;
    create(&second, "Rent", "key-1").await;
    let mut superuser = app.test_database.superuser().await;
    let become_role = async |superuser: &mut PgConnection, role: &str| {
        let sql = "UPDATE countersign.memberships SET role = $2 WHERE user_id = $1";
        let changed = sqlx::query(sql).bind(second.user.uuid()).bind(role);
        changed.execute(superuser).await.unwrap();
    };
    become_role(&mut superuser, "worker").await;
    let refused = create(&second, "Wages", "key-2").await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"), "{refused:?}");
    become_role(&mut superuser, "owner").await;
    assert_eq!(categories(&second).await, 1);
    // It was let go at once, twice.
    create(&second, "Wages", "key-2").await.data();
    assert_eq!(categories(&second).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_repeated_to_one_who_may_do_less() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    app.person(&tenant, Role::Owner, "owner").await;
    let second = app.person(&tenant, Role::Owner, "second").await;
    let made = create(&second, "Rent", "key-1").await;
    assert_eq!(made.data()["createCategory"]["category"]["name"], "Rent");
    let mut superuser = app.test_database.superuser().await;
    let demote = "UPDATE countersign.memberships SET role = 'manager' WHERE user_id = $1";
    let demoted = sqlx::query(demote).bind(second.user.uuid());
    demoted.execute(&mut superuser).await.unwrap();
    let again = create(&second, "Rent", "key-1").await;
    let code = again.error_code();
    assert_eq!(code, Some("IDEMPOTENCY_RESULT_GONE"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_are_swept_by_one_of_many() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    create(&owner, "Rent", "key-1").await;
    create(&owner, "Wages", "key-2").await;
    app.clock.advance(Duration::hours(25));
    // The digest of this one begins with a multiple of 32.
    create(&owner, "Fees", "sweeps-6").await;
    settled(&mut app.test_database.superuser().await, 1).await;
}
