//! An answer is repeated only while everything holds that let it be read.

use countersign_domain::access::{Capability, Role};
use countersign_entities::ToldBy;
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::json;
use sqlx::Executor;

use super::settled;
use crate::{audit::log, policies::Folder};

const NUMBER: &str = "NL26VAYB8060476890";

/// Makes an account, under the one key.
async fn make(by: &Browser) -> Reply {
    let make = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
                { account { number } userErrors { code } } }";
    let input =
        json!({ "name": "Operating", "currency": "EUR", "number": NUMBER, "personal": false });
    by.graphql_with(make, json!({ "input": input }), "key-1")
        .await
}

/// Somebody whose account is made, and whose answer is repeated to them.
async fn answered(app: &TestApp) -> (Browser, Browser) {
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let maker = app.person(&tenant, Role::Accountant, "ada").await;
    let first = make(&maker).await;
    let number = &first.data()["createAccount"]["account"]["number"];
    assert_eq!(number, NUMBER, "{:?}", first.body);
    settled(&mut app.test_database.superuser().await, 1).await;
    assert_eq!(make(&maker).await.body, first.body);
    (owner, maker)
}

async fn is_gone(by: &Browser) {
    let again = make(by).await;
    let code = (again.status, again.error_code());
    assert_eq!(
        code,
        (409, Some("IDEMPOTENCY_RESULT_GONE")),
        "{:?}",
        again.body
    );
    assert!(!again.body.to_string().contains(NUMBER));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_outlive_the_policies_that_let_it_be_read() {
    let folder = Folder::copy("answers");
    let app = folder.start(true).await;
    let (owner, maker) = answered(&app).await;
    folder.change(
        "sensitive.cedar",
        "   Countersign::Role::\"accountant\",\n",
        "",
    );
    app.state().reload(ToldBy::Command("maria")).await.unwrap();
    is_gone(&maker).await;
    let repeated = log(&owner, json!({ "action": "mutation.repeated" })).await;
    assert_eq!(repeated.len(), 1, "{repeated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_outlive_the_tenants_being_served() {
    let app = TestApp::start().await;
    let (_, maker) = answered(&app).await;
    let mut superuser = app.test_database.superuser().await;
    let suspend = "UPDATE countersign.tenants SET suspended_at = now() WHERE slug = 'northwind'";
    superuser.execute(suspend).await.unwrap();
    is_gone(&maker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_outlive_the_membership_of_whom_it_was_given_to() {
    let app = TestApp::start().await;
    let (_, maker) = answered(&app).await;
    let mut superuser = app.test_database.superuser().await;
    // Removed, and let in again as the same.
    let again = "UPDATE countersign.memberships SET id = gen_random_uuid() WHERE user_id = $1";
    let again = sqlx::query(again).bind(maker.user.uuid());
    superuser.execute(again).await.unwrap();
    is_gone(&maker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_recorded_as_done_when_it_is_repeated() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let sorts = [Capability::WriteBasic];
    let worker = app
        .person_with(&tenant, Role::Worker, &sorts, "wanda")
        .await;
    let both = "mutation { createCategory(input: { name: \"Rent\" }) { category { name } } \
                createAccount(input: { name: \"Petty cash\", currency: \"EUR\", personal: false }) \
                { account { name } } }";
    let first = worker.graphql_with(both, json!({}), "key-1").await;
    assert_eq!(first.error_code(), Some("FORBIDDEN"), "{:?}", first.body);
    let again = worker.graphql_with(both, json!({}), "key-1").await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let repeated = log(&owner, json!({ "action": "mutation.repeated" })).await;
    let outcomes: Vec<_> = repeated.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, ["REFUSED"]);
}
