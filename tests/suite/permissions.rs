//! `viewerCan`: a row says what whoever reads it may do to it.

use countersign_domain::access::Role;
use countersign_tests::TestApp;
use serde_json::json;

use crate::books::{CARD, books};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_says_what_its_viewer_may_do_to_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let rows = "{ transactions(first: 50) { nodes { amount see: viewerCan(action: \"Transaction.amount\") { \
                action isAllowed reason } sort: viewerCan(action: \"Mutation.categorizeTransaction\") { \
                isAllowed reason } } } }";
    let told = books.worker.graphql(rows, json!({})).await;
    let nodes = told.data()["transactions"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    let open = nodes.iter().filter(|node| node["see"]["isAllowed"] == true);
    assert_eq!(open.count(), CARD);
    for node in &nodes {
        assert_eq!(
            node["see"]["isAllowed"],
            node["amount"].is_string(),
            "{node}"
        );
        assert_eq!(node["see"]["reason"].is_null(), node["amount"].is_string());
        assert_eq!(node["sort"]["isAllowed"], false);
        assert_eq!(
            node["sort"]["reason"],
            "Owner, manager and accountant sort transactions and make categories."
        );
    }
    let members = "{ members { nodes { viewerCan(action: \"Mutation.removeMember\") { isAllowed reason } } } }";
    let auditor = app.person(&books.tenant, Role::Auditor, "ada").await;
    for (by, allowed) in [(&books.owner, true), (&auditor, false)] {
        let told = by.graphql(members, json!({})).await;
        let first = &told.data()["members"]["nodes"][0]["viewerCan"];
        assert_eq!(first["isAllowed"], allowed, "{:?}", told.body);
    }
    let other = "{ members { nodes { viewerCan(action: \"Transaction.amount\") { isAllowed } } } }";
    let other = books.owner.graphql(other, json!({})).await;
    assert_eq!(
        other.error_code(),
        Some("BAD_USER_INPUT"),
        "{:?}",
        other.body
    );
    // Family sees what is theirs, and not why the rest is not.
    let family = app.person(&books.tenant, Role::Family, "felix").await;
    let told = family.graphql(rows, json!({})).await;
    let node = &told.data()["transactions"]["nodes"][0];
    assert_eq!(
        (&node["see"]["isAllowed"], &node["sort"]["isAllowed"]),
        (&json!(true), &json!(false))
    );
    assert!(node["sort"]["reason"].is_null(), "{node}");
}
