//! Fields on their way out, and what an answer says of them.

use countersign_domain::access::{Role, Scope};
use countersign_tests::TestApp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_asks_for_a_deprecated_field_is_told_until_when() {
    let app = TestApp::start().await;
    let tenant = app.tenant("north").await;
    let owner = app.person(&tenant, Role::Owner, "olga").await;
    let old = "query q { imports { ...page } } \
               fragment page on ImportConnection { nodes { importedCount } }";
    let reply = owner.graphql(old, json!({})).await;
    assert_eq!(reply.error_code(), None, "{:?}", reply.body);
    assert_eq!(reply.headers["deprecation"], "@1795219200");
    assert_eq!(reply.headers["sunset"], "Mon, 31 May 2027 00:00:00 GMT");
    let new = "{ imports { nodes { addedCount } } }";
    let reply = owner.graphql(new, json!({})).await;
    assert!(reply.headers.get("deprecation").is_none());
    assert!(reply.headers.get("sunset").is_none());
    // And so is whoever listens to one.
    let token = owner.token(Scope::ALL).await;
    let heard = app.http().post(format!("{}/graphql", app.url()));
    let heard = heard
        .bearer_auth(&token.plain)
        .header("accept", "text/event-stream");
    let old = "subscription { importProgressed { import { importedCount } } }";
    let heard = heard.json(&json!({ "query": old })).send().await.unwrap();
    assert_eq!(heard.headers()["content-type"], "text/event-stream");
    assert_eq!(heard.headers()["deprecation"], "@1795219200");
    assert_eq!(heard.headers()["sunset"], "Mon, 31 May 2027 00:00:00 GMT");
}
