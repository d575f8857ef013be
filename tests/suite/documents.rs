//! Who may send a query of their own, and who published documents only.

use countersign::graphql::DocumentId;
use countersign_domain::access::{Role, Scope};
use countersign_tests::TestApp;
use serde_json::json;

use crate::audit::log;

const QUERY: &str = "{ viewer { kind } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sends_documents_and_text_only_with_the_explorer_capability() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let worker = app.person(&tenant, Role::Worker, "worker").await;
    assert_eq!(owner.graphql_text(QUERY).await.status, 200);
    let refused = worker.graphql_text(QUERY).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (403, Some("DOCUMENT_REQUIRED"))
    );
    assert!(refused.data().is_null());
    let rows = log(&owner, json!({ "action": "request.refused" })).await;
    assert!(
        rows[0]["payload"]
            .as_str()
            .unwrap()
            .contains("DOCUMENT_REQUIRED")
    );
    assert_eq!(worker.graphql(QUERY, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_be_issued_for_documents_only() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let free = owner.token(&[Scope::BasicRead]).await;
    let bound = owner.documents_token(&[Scope::BasicRead]).await;
    assert_eq!(free.graphql(QUERY, json!({})).await.status, 200);
    let refused = bound.graphql(QUERY, json!({})).await;
    assert_eq!(refused.error_code(), Some("DOCUMENT_REQUIRED"));
    let id = app.state().graphql.publish(QUERY).to_string();
    let seen = bound.document(&id).await;
    assert_eq!(seen.data()["viewer"]["kind"], "MACHINE", "{:?}", seen.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_misspelt_document_is_refused_by_its_name() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let unknown = format!("sha256:{}", "0".repeat(64));
    let reply = token.document(&unknown).await;
    assert_eq!(
        (reply.status, reply.error_code()),
        (404, Some("DOCUMENT_NOT_FOUND"))
    );
    let upper = app
        .state()
        .graphql
        .publish(QUERY)
        .to_string()
        .to_uppercase();
    for wrong in ["sha256:1", "x", upper.as_str()] {
        let reply = token.document(wrong).await;
        assert_eq!(
            (reply.status, reply.error_code()),
            (400, Some("BAD_REQUEST"))
        );
    }
    let of_the_app = include_str!("../../web/src/graphql/generated/documents.json");
    let of_the_app: serde_json::Value = serde_json::from_str(of_the_app).unwrap();
    let accounts = of_the_app["Accounts"]["documentId"].as_str().unwrap();
    let reply = token.document(accounts).await;
    assert_ne!(
        reply.error_code(),
        Some("DOCUMENT_NOT_FOUND"),
        "{:?}",
        reply.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_publishes_a_partners_documents() {
    let name = format!("countersign-manifest-{}.json", std::process::id());
    let file = std::env::temp_dir().join(name);
    let texts = ["{ viewer { kind } }", "{ tenant { slug } }"];
    let manifest = json!({ "Kind": { "text": texts[0] }, "sha": texts[1] });
    std::fs::write(&file, manifest.to_string()).unwrap();
    let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let documents = format!("[graphql]\ndocuments = [\"{}\"]\n", file.display());
    let app = TestApp::start_with(start, |toml| format!("{toml}{documents}")).await;
    std::fs::remove_file(&file).unwrap();
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.documents_token(&[Scope::BasicRead]).await;
    for text in texts {
        let id = DocumentId::of(text).to_string();
        let reply = token.document(&id).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
    }
}

/// Who explores is told of faults by another schema than who does not.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_written_as_graphql_writes_them() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let list = |filter: &str| {
        format!("query($d: Direction) {{ transactions(filter: {filter}) {{ nodes {{ id }} }} }}")
    };
    for filter in [
        "{ direction: \"IN\" direction: $d }",
        "{ direction: $d, magnitude: \"LARGE\" }",
        "{ direction: $d, direction: OUT }",
        "{ direction: $d, text: RENT }",
        "{ direction: $d, accountId: RENT }",
    ] {
        for by_owner in [true, false] {
            let query = list(filter);
            let reply = if by_owner {
                owner.graphql(&query, json!({ "d": "IN" })).await
            } else {
                token.graphql(&query, json!({ "d": "IN" })).await
            };
            let told = (reply.status, reply.error_code());
            let expected = (400, Some("GRAPHQL_VALIDATION_FAILED"));
            assert_eq!(told, expected, "{filter}: {:?}", reply.body);
        }
    }
    for filter in [
        "{ direction: $d, magnitude: LARGE }",
        "{ direction: $d, accountId: null }",
    ] {
        let reply = token.graphql(&list(filter), json!({ "d": "IN" })).await;
        assert_eq!(reply.status, 200, "{filter}: {:?}", reply.body);
    }
    let make = "mutation { createCategory(input: { name: \"\\uD83D\\uDE00 \\u{1F3E0}\" }) { category { name } } }";
    let made = owner.graphql(make, json!({})).await;
    let category = &made.data()["createCategory"]["category"];
    assert_eq!(category["name"], "😀 🏠", "{:?}", made.body);
}
