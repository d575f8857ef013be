//! Tenants do not meet: ids, cursors and searches of another tenant (ISO-2, ISO-4).

use countersign_domain::{access::Role, id::TransactionId};
use countersign_tests::{Reply, TestApp};
use serde_json::json;
use uuid::Uuid;

use crate::books::{books, books_of};

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_tenant_is_answered_like_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let (one, two) = (books(&app).await, books_of(&app, "alder").await);
    let nowhere = TransactionId::new(Uuid::from_u128(77)).to_string();
    let foreign = two.business_transaction.clone();
    let before = app
        .metric("countersign_cross_tenant_requests_refused_total")
        .await;
    let strip = |mut body: serde_json::Value| {
        body["errors"][0]["extensions"]["requestId"] = json!("");
        body
    };
    for query in [
        "query($id: ID!) { node(id: $id) { id } }",
        "query($id: ID!) { viewer { kind } nodes(ids: [$id]) { id } accounts { nodes { name } } }",
        "query($id: ID!) { transactions(filter: { accountId: $id }) { totalCount } }",
        "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id }) { userErrors { code } } }",
    ] {
        let missing = one.owner.graphql(query, json!({ "id": nowhere })).await;
        let hidden = one.owner.graphql(query, json!({ "id": foreign })).await;
        assert_eq!(
            hidden.error_code(),
            Some("NOT_FOUND"),
            "{query} {:?}",
            hidden.body
        );
        assert_eq!(hidden.status, missing.status, "{query}");
        assert_eq!(strip(hidden.body), strip(missing.body), "{query}");
    }
    let counted = app
        .metric("countersign_cross_tenant_requests_refused_total")
        .await
        - before;
    assert_eq!(
        counted, 4,
        "each request that named another tenant's id is counted"
    );
    let log = one
        .owner
        .graphql("{ auditEntries(filter: { action: \"request.refused\" }) { nodes { payload permission } } }", json!({}))
        .await;
    let rows = log.data()["auditEntries"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(rows.len(), 8);
    assert!(
        rows.windows(2).all(|pair| pair[0] == pair[1]),
        "the log gives no hint either"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_request_is_refused_whole() {
    let app = TestApp::start().await;
    let (one, two) = (books(&app).await, books_of(&app, "alder").await);
    let reply = one
        .owner
        .graphql(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } accounts { nodes { name } } }",
            json!({ "ids": [one.business_transaction, two.business_transaction] }),
        )
        .await;
    assert_eq!(reply.error_code(), Some("NOT_FOUND"));
    assert!(reply.data().is_null(), "{:?}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_tenant_or_list_is_no_cursor() {
    let app = TestApp::start().await;
    let (one, two) = (books(&app).await, books_of(&app, "alder").await);
    let first = "{ transactions(first: 1) { pageInfo { endCursor } } }";
    let cursor = two.owner.graphql(first, json!({})).await;
    let cursor = cursor.data()["transactions"]["pageInfo"]["endCursor"].clone();
    let page = "query($after: String) { transactions(first: 1, after: $after) { nodes { id } } }";
    let own = two.owner.graphql(page, json!({ "after": cursor })).await;
    assert!(own.data()["transactions"]["nodes"][0]["id"].is_string());
    let foreign = one.owner.graphql(page, json!({ "after": cursor })).await;
    assert_eq!(
        foreign.error_code(),
        Some("BAD_USER_INPUT"),
        "{:?}",
        foreign.body
    );
    let other = "query($after: String) { statements(first: 1, after: $after) { nodes { id } } }";
    let other = two.owner.graphql(other, json!({ "after": cursor })).await;
    assert_eq!(other.error_code(), Some("BAD_USER_INPUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_is_named_as_such() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let reply = books
        .owner
        .graphql("{ node(id: \"garbage\") { id } }", json!({}))
        .await;
    assert_eq!(reply.error_code(), Some("BAD_USER_INPUT"));
    let said = reply.body.to_string();
    assert!(
        said.contains("ids look like") && !said.contains("garbage"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_meant_for_another_tenant_is_not_done_in_this_one() {
    let app = TestApp::start().await;
    let (north, south) = (app.tenant("northwind").await, app.tenant("southwind").await);
    app.person(&north, Role::Owner, "both").await;
    let both = app.person(&south, Role::Owner, "both").await;
    let send = async |path: &str, meant_for: &str, body: &serde_json::Value| {
        let request = app.http().post(format!("{}{path}", app.url()));
        let request = request
            .header("cookie", both.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
            .header("idempotency-key", "one")
            .header("countersign-tenant", meant_for)
            .json(body);
        Reply::of(request.send().await.unwrap()).await
    };
    let text = "mutation { createCategory(input: { name: \"Travel\" }) { category { id } } }";
    let create = json!({ "query": text });
    let export = json!({ "format": "csv" });
    // South is in hand; the page was opened in north.
    for (path, body) in [("/graphql", &create), ("/bff/audit/export", &export)] {
        let reply = send(path, &north.id.to_string(), body).await;
        assert_eq!(
            (reply.status, reply.error_code()),
            (412, Some("TENANT_SWITCHED")),
            "{path}"
        );
        let broken = send(path, "north", body).await;
        assert_eq!(broken.status, 400, "{path}");
    }
    let names = both.graphql("{ categories { nodes { name } } }", json!({}));
    assert!(!names.await.data().to_string().contains("Travel"));
    // What was known of the session a moment ago does not decide.
    let switched = both.post_json("/bff/tenant", r#"{"slug":"northwind"}"#);
    assert_eq!(switched.await.status(), 204);
    let done = send("/graphql", &north.id.to_string(), &create).await;
    assert!(
        done.data()["createCategory"]["category"]["id"].is_string(),
        "{:?}",
        done.body
    );
    let late = send("/graphql", &south.id.to_string(), &create).await;
    assert_eq!(late.error_code(), Some("TENANT_SWITCHED"));
}
