//! Fields on their way out, and what an answer says of them.

use countersign_domain::access::Role;
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
}
