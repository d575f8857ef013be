//! What is refused for what it is, and not by a policy, is in the log as well (AUD-1).

use countersign_domain::{
    access::{Role, Scope},
    id::TenantId,
};
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use reqwest::Url;
use serde_json::{Value, json};

use crate::audit::log;

/// Why requests were refused whole, the newest first, and what each was held to.
async fn refused(by: &Browser) -> Vec<(String, String, String)> {
    let rows = log(by, json!({ "action": "request.refused" })).await;
    let told = rows.iter().map(|row| {
        let payload: Value = serde_json::from_str(row["payload"].as_str().unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&payload["reason"]),
            row["permission"].to_string(),
            text(&row["requestId"]),
        )
    });
    told.collect()
}

fn told(reply: &Reply) -> (String, String) {
    let id = reply.headers["x-request-id"].to_str().unwrap();
    let code = reply
        .error_code()
        .or_else(|| reply.body["code"].as_str())
        .unwrap();
    (code.to_owned(), id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_run_is_a_row_of_its_tenant() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let worker = app.person(&tenant, Role::Worker, "worker").await;
    let token = owner
        .token(&[Scope::BasicRead, Scope::CategoriesCreate])
        .await;
    let mutation =
        "mutation { createCategory(input: { name: \"Travel\" }) { userErrors { code } } }";
    let ask = |text: &'static str| token.graphql(text, json!({}));
    let mut address = Url::parse(&format!("{}/graphql", app.url())).unwrap();
    address.query_pairs_mut().append_pair("query", mutation);
    let by_get = app.http().get(address).bearer_auth(&token.plain);
    let unknown = format!("sha256:{}", "0".repeat(64));
    let deep = format!("{}{}", "{ a".repeat(60), "}".repeat(60));
    let replies = [
        (ask("{ viewer ").await, "GRAPHQL_PARSE_FAILED"),
        (worker.graphql_text("{ viewer ").await, "DOCUMENT_REQUIRED"),
        (token.document(&unknown).await, "DOCUMENT_NOT_FOUND"),
        (
            Reply::of(by_get.send().await.unwrap()).await,
            "METHOD_NOT_ALLOWED",
        ),
        (
            token.attempt(mutation, json!({}), None).await.unwrap(),
            "IDEMPOTENCY_KEY_MISSING",
        ),
        (
            token.graphql(&deep, json!({})).await,
            "DEPTH_LIMIT_EXCEEDED",
        ),
    ];
    let rows = refused(&owner).await;
    assert_eq!(rows.len(), replies.len(), "each is one row: {rows:?}");
    for ((reply, code), row) in replies.iter().zip(rows.iter().rev()) {
        let (told, request) = told(reply);
        assert_eq!(&told, code, "{:?}", reply.body);
        assert_eq!((&row.0, &row.2), (&told, &request), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_page_may_have_sent_is_a_row_of_the_sessions_tenant() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    app.tenant("alder").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    for (path, body) in [
        ("/graphql", r#"{"query":"{ viewer { kind } }"}"#),
        ("/bff/tenant", r#"{"slug":"northwind"}"#),
        ("/bff/audit/export", r#"{"format":"csv"}"#),
    ] {
        let foreign = app.http().post(format!("{}{path}", app.url()));
        let foreign = foreign
            .header("cookie", owner.cookie())
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/json");
        let reply = Reply::of(foreign.body(body).send().await.unwrap()).await;
        let told = told(&reply);
        assert_eq!(told.0, "FORGED_REQUEST");
        let rows = refused(&owner).await;
        assert_eq!((&rows[0].0, &rows[0].2), (&told.0, &told.1), "{path}");
    }
    // A tenant that is not one's own is answered, and recorded, like one that is not there.
    for slug in ["alder", "nowhere"] {
        let body = json!({ "slug": slug }).to_string();
        let reply = Reply::of(owner.post_json("/bff/tenant", &body).await).await;
        let told = told(&reply);
        assert_eq!(told.0, "NOT_FOUND");
        let rows = refused(&owner).await;
        assert_eq!((&rows[0].0, &rows[0].2), (&told.0, &told.1), "{slug}");
        assert!(rows[0].1.contains("membership"), "{rows:?}");
    }
    assert_eq!(refused(&owner).await.len(), 5, "each is one row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_word_of_the_provider_is_a_row_of_the_operators_own_log() {
    let app = TestApp::start().await;
    let tenant = TestTenant {
        id: TenantId::OPERATOR,
        slug: "operator".to_owned(),
    };
    let auditor = app.person(&tenant, Role::Auditor, "olga").await;
    let told = app.http().post(format!("{}/bff/backchannel", app.url()));
    let told = told
        .header("content-type", "application/x-www-form-urlencoded")
        .body("logout_token=e30.e30.e30");
    let reply = Reply::of(told.send().await.unwrap()).await;
    assert_eq!(reply.error_code(), Some("INVALID_LOGOUT_TOKEN"));
    let rows = log(&auditor, json!({ "action": "credential.refused" })).await;
    let payload: Value = serde_json::from_str(rows[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["credential"], "logout_token");
    assert_eq!(
        rows[0]["requestId"],
        reply.headers["x-request-id"].to_str().unwrap()
    );
}
