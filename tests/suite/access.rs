//! What ends access: revoked tokens, removed members.

use countersign_domain::access::Scope;
use countersign_tests::{Reply, TestApp};
use serde_json::json;

use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_works_and_ends_with_its_revocation_or_its_time() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    assert!(token.plain.starts_with("cst_") && token.plain.len() == 53);
    let viewer = token.graphql("{ viewer { kind scopes } }", json!({})).await;
    assert_eq!(
        viewer.data()["viewer"],
        json!({ "kind": "MACHINE", "scopes": ["basic:read"] })
    );
    let listed = books
        .owner
        .graphql(
            "{ apiTokens { nodes { name lastFour scopes revokedAt createdBy { name } } } }",
            json!({}),
        )
        .await;
    assert!(
        !listed.body.to_string().contains(&token.plain),
        "it is not shown again"
    );
    let last_four = &token.plain[49..];
    assert!(listed.body.to_string().contains(last_four));

    let revoke = format!(
        "mutation {{ revokeApiToken(input: {{ apiTokenId: \"{}\" }}) {{ userErrors {{ code }} }} }}",
        token.id
    );
    books.owner.graphql(&revoke, json!({})).await;
    assert_eq!(
        token.graphql("{ viewer { kind } }", json!({})).await.status,
        401
    );
    let again = books.owner.graphql(&revoke, json!({})).await;
    assert_eq!(
        again.data()["revokeApiToken"]["userErrors"][0]["code"],
        "ALREADY_DONE"
    );

    let expiring = books.owner.token(&[Scope::BasicRead]).await;
    app.clock.advance(chrono::Duration::days(91));
    assert_eq!(
        expiring
            .graphql("{ viewer { kind } }", json!({}))
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_members_very_next_request_is_refused_and_the_last_owner_stays() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let remove = "mutation($id: ID!) { removeMember(input: { memberId: $id }) \
                  { removedMemberId userErrors { code } } }";
    let last = books
        .owner
        .graphql(remove, json!({ "id": books.owner.member.to_string() }))
        .await;
    assert_eq!(
        last.data()["removeMember"]["userErrors"][0]["code"],
        "LAST_OWNER",
        "{:?}",
        last.body
    );

    let before = books.worker.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(before.status, 200);
    let done = books
        .owner
        .graphql(remove, json!({ "id": books.worker.member.to_string() }))
        .await;
    assert_eq!(
        done.data()["removeMember"]["removedMemberId"],
        books.worker.member.to_string()
    );
    let after = books.worker.graphql("{ viewer { kind } }", json!({})).await;
    assert!(
        matches!(after.status, 401 | 403),
        "{} {:?}",
        after.status,
        after.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_holds_for_the_next_query_of_a_session_that_was_seen_a_moment_ago() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ transactions(first: 50) { nodes { amount } } }";
    let ask = async || books.worker.graphql(query, json!({})).await;
    let left = |reply: &Reply| -> u64 {
        let told = reply.headers["ratelimit"].to_str().unwrap();
        told.split_once("r=")
            .unwrap()
            .1
            .split(';')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let before = ask().await;
    let again = ask().await;
    let cost = left(&before) - left(&again);
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("UPDATE countersign.memberships SET role = 'accountant' WHERE id = $1")
        .bind(books.worker.member.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();
    let after = ask().await;
    assert_eq!(after.status, 200, "{:?}", after.body);
    assert_ne!(after.data(), again.data(), "answered as before");
    assert_eq!(
        left(&again) - left(&after),
        cost,
        "asked once and paid once"
    );
}
