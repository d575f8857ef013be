//! The operator's port: what it tells, and that the public one does not.

use countersign_domain::access::{Role, Scope};
use countersign_tests::TestApp;
use serde_json::{Value, json};

use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_on_a_port_of_their_own() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let own = app.http().get(format!("{}{path}", app.management())).send();
        assert_eq!(own.await.unwrap().status().as_u16(), 200, "{path}");
        let public = app.http().get(format!("{}{path}", app.url())).send();
        assert_eq!(public.await.unwrap().status().as_u16(), 404, "{path}");
    }
    let verbose = format!("{}/readyz?verbose", app.management());
    let verbose = app.http().get(verbose).send().await.unwrap();
    let verbose: Value = serde_json::from_str(&verbose.text().await.unwrap()).unwrap();
    assert_eq!(verbose["checks"]["database"], true);
    assert_eq!(verbose["checks"]["isolation"], true);
    assert_eq!(
        verbose["checks"]["provider"], false,
        "the provider of this test is away"
    );
    assert_eq!(verbose["status"], "ready", "which makes nobody unready");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_and_name_nobody() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ transactions(first: 50) { nodes { amount counterparty } } }";
    assert_eq!(books.worker.graphql(query, json!({})).await.status, 200);
    let refused = books
        .worker
        .graphql("{ members { nodes { id } } }", json!({}))
        .await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
    let ok = "countersign_graphql_operations_total{code=\"ok\",kind=\"query\"}";
    let forbidden = "countersign_graphql_operations_total{code=\"FORBIDDEN\",kind=\"query\"}";
    assert!(app.metric(ok).await >= 1);
    assert_eq!(app.metric(forbidden).await, 1);
    assert!(
        app.metric("countersign_graphql_redacted_fields_total")
            .await
            > 0
    );
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let text = app.http().get(format!("{}/metrics", app.management()));
    let text = text.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("route=\"/graphql\""), "{text}");
    let person = app.person(&books.tenant, Role::Worker, "wanda").await;
    for secret in [
        books.tenant.slug.as_str(),
        &books.tenant.id.to_string(),
        &person.user.to_string(),
        &token.plain,
        "usr_",
        "ten_",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}
