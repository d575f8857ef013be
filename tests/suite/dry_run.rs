//! What a request would cost and be decided to, asked without running it.

use countersign_domain::access::Scope;
use countersign_tests::{Reply, TestApp};
use serde_json::{Value, json};

use crate::{audit::log, books::books};

async fn ask(app: &TestApp, token: &str, body: Value) -> Reply {
    let request = app.http().post(format!("{}/graphql", app.url()));
    let request = request
        .bearer_auth(token)
        .header("accept", "application/graphql-response+json");
    Reply::of(request.json(&body).send().await.unwrap()).await
}

fn dry(query: &str) -> Value {
    json!({ "query": query, "extensions": { "dryRun": true } })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_cost_pages_and_decisions_and_runs_nothing() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await.plain;
    let query = "{ transactions(first: 30) { nodes { id amount account { number } } } }";
    let reply = ask(&app, &token, dry(query)).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert!(reply.data().is_null());
    let told = &reply.body["extensions"]["dryRun"];
    assert_eq!(
        told["pages"],
        json!([{ "field": "Query.transactions", "rows": 30 }])
    );
    let ran = ask(&app, &token, json!({ "query": query })).await;
    assert_eq!(
        told["cost"]["requested"],
        ran.body["extensions"]["cost"]["requested"]
    );
    assert_eq!(told["cost"]["limit"], 20_000);
    let fields = told["fields"].as_array().unwrap();
    let verdict = |name: &str| {
        let found = fields.iter().find(|field| field["field"] == name);
        let found = found.unwrap_or_else(|| panic!("{name} in {told}"));
        (found["verdict"].clone(), found["rules"].clone())
    };
    assert_eq!(verdict("Query.transactions").0, "ALLOW");
    assert_eq!(verdict("Transaction.id").0, "DEPENDS_ON_ROW");
    let (amount, rules) = verdict("Transaction.amount");
    assert_eq!(amount, "DENY");
    assert!(rules.to_string().contains("machine.financial"), "{rules}");
    let rows = log(&books.owner, json!({ "action": "request.measured" })).await;
    assert_eq!(rows.len(), 1, "it is recorded as what it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_is_not_done_and_a_document_that_is_none_is_told_so() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books
        .owner
        .token(&[Scope::CategoriesCreate, Scope::BasicRead])
        .await
        .plain;
    let make = "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }";
    let reply = ask(&app, &token, dry(make)).await;
    assert_eq!(
        reply.status, 200,
        "no key is needed for what is not done: {:?}",
        reply.body
    );
    let fields = reply.body["extensions"]["dryRun"]["fields"].to_string();
    assert!(fields.contains("Mutation.createCategory"), "{fields}");
    let after = ask(
        &app,
        &token,
        json!({ "query": "{ categories { nodes { id } } }" }),
    )
    .await;
    assert_eq!(after.data()["categories"]["nodes"], json!([]));

    let unknown = ask(&app, &token, dry("{ acounts { nodes { id } } }")).await;
    assert_eq!(
        (unknown.status, unknown.error_code()),
        (400, Some("GRAPHQL_VALIDATION_FAILED"))
    );
    let wrong = json!({ "query": make, "extensions": { "dryRun": "yes" } });
    let wrong = ask(&app, &token, wrong).await;
    assert_eq!(
        (wrong.status, wrong.error_code()),
        (400, Some("BAD_REQUEST"))
    );
}
