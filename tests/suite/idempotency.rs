//! Mutations that are sent again: done once, answered again.

use chrono::Duration;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};
use sqlx::Executor;

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
            .json(&json!({ "query": CREATE, "variables": { "name": "Rent" } }));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let accept = send(None).await;
    assert_eq!(accept.error_code(), Some("IDEMPOTENCY_KEY_MISSING"));
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
async fn after_a_crash_a_key_tells_what_was_done() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let mut superuser = app.test_database.superuser().await;
    create(&owner, "Rent", "key-1").await;
    // As a server leaves it that dies after the commit, before it stored the answer.
    let lost = "UPDATE countersign.idempotency_keys SET answer = NULL, settled_at = NULL";
    superuser.execute(lost).await.unwrap();
    let soon = create(&owner, "Rent", "key-1").await;
    assert_eq!(soon.error_code(), Some("IDEMPOTENCY_KEY_IN_USE"));
    app.clock.advance(Duration::seconds(61));
    let later = create(&owner, "Rent", "key-1").await;
    assert_eq!(later.error_code(), Some("IDEMPOTENCY_RESULT_GONE"));
    // As one leaves it that dies before the commit.
    let undone = "UPDATE countersign.idempotency_keys SET done_at = NULL";
    superuser.execute(undone).await.unwrap();
    let over = create(&owner, "Rent", "key-1").await;
    let code = &over.data()["createCategory"]["userErrors"][0]["code"];
    assert_eq!(code, "TAKEN", "it ran: {:?}", over.body);
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
    let mut superuser = app.test_database.superuser().await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM countersign.idempotency_keys")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(left, 1);
}
