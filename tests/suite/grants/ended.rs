//! AUT-2: nobody does anything behind the row that ended them, however far their request had come.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    audit::log,
    books::{Books, IMPORT, books, camt, entries},
    roles::{UPDATE, fault, give, role, send},
};

const REMOVE: &str = "mutation($input: RemoveMemberInput!) { removeMember(input: $input) \
    { removedMemberId userErrors { code field message } } }";
const DELETE: &str = "mutation($input: DeleteRoleInput!) { deleteRole(input: $input) \
    { deletedRoleId userErrors { code field message } } }";
const REVOKE: &str = "mutation($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) \
    { apiToken { id } userErrors { code field message } } }";
const CREATE: &str = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
    { account { id } userErrors { code field message } } }";

const ENDS: &str = "DELETE FROM countersign.memberships WHERE id = $1";
const DEMOTES: &str = "UPDATE countersign.memberships SET role = 'worker' WHERE id = $1";

/// Waits until somebody waits for a lock.
async fn waiting(superuser: &mut PgConnection) {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for _ in 0..1_000 {
        let found: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut *superuser)
            .await
            .unwrap();
        if found > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits");
}

/// What somebody is answered whose request waits for a row, and whom whoever has the row ends or changes.
async fn overtaken(
    app: &TestApp,
    who: &Browser,
    end: &'static str,
    held: &'static str,
    call: impl Future<Output = Reply>,
) -> Reply {
    let mut one = app.test_database.superuser().await;
    let mut other = app.test_database.superuser().await;
    let mut ending = one.begin().await.unwrap();
    let ended = sqlx::query(end).bind(who.member.uuid());
    ended.execute(&mut *ending).await.unwrap();
    sqlx::query(held).execute(&mut *ending).await.unwrap();
    let meanwhile = async {
        waiting(&mut other).await;
        ending.commit().await.unwrap();
    };
    tokio::join!(call, meanwhile).0
}

/// The end of each chain.
const CHAIN: &str = "SELECT FROM countersign.audit_heads FOR UPDATE";
/// Each token, which whoever revokes one waits for first.
const TOKENS: &str = "SELECT FROM countersign.api_tokens FOR UPDATE";

/// What somebody has changed of the books.
async fn done(by: &Browser, who: &Browser) -> Vec<Value> {
    let rows = log(by, json!({ "actorId": who.user })).await;
    let done = rows.into_iter().filter(|row| row["outcome"] == "DONE");
    let actions = done.map(|row| row["action"].clone());
    let is_change = |action: &Value| {
        let action = action.as_str().unwrap();
        action != "books.read" && !action.starts_with("session.")
    };
    actions.filter(is_change).collect()
}

/// Changes of every kind, each of what stays where it is refused.
async fn changes(books: &Books) -> Vec<(&'static str, Value)> {
    let owner = &books.owner;
    let unused = role(owner, "Unused", Role::Worker, &[]).await;
    let token = owner.token(&[Scope::BasicRead]).await.id.to_string();
    let file = |opening| {
        let content = camt("NL26VAYB8060476890", opening, &entries(5));
        json!({ "fileName": "x.xml", "content": STANDARD.encode(content) })
    };
    let account = json!({ "name": "Petty cash", "currency": "EUR", "personal": false });
    vec![
        (
            REMOVE,
            json!({ "memberId": books.worker.member.to_string() }),
        ),
        (DELETE, json!({ "roleId": unused })),
        (REVOKE, json!({ "apiTokenId": token })),
        (IMPORT, file("2000.00")),
        // The file is there already.
        (IMPORT, file("1000.00")),
        (CREATE, account),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_ended_or_changed_does_nothing_that_was_decided_before() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    for (n, (mutation, input)) in changes(&books).await.into_iter().enumerate() {
        let as_worker = send(&books.worker, mutation, input.clone()).await;
        let as_worker = (as_worker.status, as_worker.error_code());
        for (end, told) in [(ENDS, (401, Some("UNAUTHENTICATED"))), (DEMOTES, as_worker)] {
            let name = format!("second.{n}.{}", told.0);
            let second = app.person(&books.tenant, Role::Owner, &name).await;
            let call = send(&second, mutation, input.clone());
            let reply = overtaken(&app, &second, end, CHAIN, call).await;
            let heard = (reply.status, reply.error_code());
            assert_eq!(heard, told, "{mutation}: {:?}", reply.body);
            assert!(heard.1.is_some(), "{mutation}: {:?}", reply.body);
            let done = done(&books.owner, &second).await;
            assert!(done.is_empty(), "{mutation}: {done:?}");
        }
    }
    let refused = log(&books.owner, json!({ "action": "credential.refused" })).await;
    let payload = refused[0]["payload"].as_str().unwrap();
    assert!(payload.contains("no_membership"), "{payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_the_end_is_answered_and_not_done_again() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let second = app.person(&books.tenant, Role::Owner, "second").await;
    let both = "mutation($id: ID!) { createCategory(input: { name: \"Rent\" }) { category { name } } \
                revokeApiToken(input: { apiTokenId: $id }) { apiToken { id } } }";
    let call = second.graphql(both, json!({ "id": token.id }));
    let reply = overtaken(&app, &second, ENDS, TOKENS, call).await;
    assert_eq!(
        reply.error_code(),
        Some("UNAUTHENTICATED"),
        "{:?}",
        reply.body
    );
    assert_eq!(done(&books.owner, &second).await, ["category.created"]);
    assert_eq!(
        token.graphql("{ viewer { kind } }", json!({})).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_or_ends_themselves_is_not_taken_for_overtaken() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let second = app.person(&books.tenant, Role::Owner, "second").await;
    let chief = role(&second, "Chief", Role::Admin, &["read.audit"]).await;
    let given = give(&second, &second, json!({ "customRoleId": chief })).await;
    assert_eq!(fault(&given), "", "{:?}", given.body);
    let narrowed = json!({ "roleId": chief, "capabilities": [] });
    assert_eq!(fault(&send(&second, UPDATE, narrowed).await), "");
    let gone = json!({ "memberId": second.member.to_string() });
    let gone = send(&second, REMOVE, gone).await;
    assert_eq!(fault(&gone), "", "{:?}", gone.body);
    assert_eq!(
        second
            .graphql("{ viewer { kind } }", json!({}))
            .await
            .status,
        401
    );
}
