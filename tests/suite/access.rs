//! What ends access: revoked tokens, removed members and all that they made, rights that were taken.

use std::time::Duration;

use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Event, Reply, TestApp, Token};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::{
    books::books,
    roles::{UPDATE, events, fault, give, role, send},
};

const REMOVE: &str = "mutation($input: RemoveMemberInput!) { removeMember(input: $input) \
                      { removedMemberId userErrors { code } } }";

/// The status of a token's next request.
async fn status(token: &Token) -> u16 {
    token.graphql("{ viewer { kind } }", json!({})).await.status
}

/// The ids of the tokens that a preview says end.
async fn would_end(by: &Browser, field: &str, of: &str, input: Value) -> Vec<String> {
    let query = format!(
        "query($input: {of}!) {{ {field}(input: $input) {{ tokens {{ id name }} refusals {{ code }} }} }}"
    );
    let reply = by.graphql(&query, json!({ "input": input })).await;
    let preview = &reply.data()[field];
    assert_eq!(preview["refusals"], json!([]), "{:?}", reply.body);
    let tokens = preview["tokens"].as_array().unwrap();
    let ids = tokens.iter().map(|token| token["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// The newest event of that name tells of the token, beside what it was done to.
async fn tells_of(by: &Browser, event: &str, done_to: &str, token: &Token) {
    let told = events(by, event).await.remove(0);
    assert_eq!(told["targets"], json!([done_to, token.id.to_string()]));
    assert_eq!(told["payload"]["tokensRevoked"], 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_members_tokens_end_with_them_and_tell_who_made_them() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    let admin = app.person(&books.tenant, Role::Admin, "adele").await;
    let token = admin.token(&[Scope::AuditRead, Scope::MembersRead]).await;
    let other = owner.token(&[Scope::AuditRead]).await;
    let listens = "subscription { auditEntryAdded { seq } }";
    let mut stream = token.listen(listens).await;
    stream.opened().await;
    let input = || json!({ "memberId": admin.member.to_string() });
    let seen = would_end(owner, "previewRemoveMember", "RemoveMemberInput", input()).await;
    assert_eq!(seen, [token.id.to_string()]);
    assert!(stream.answer().await["data"].is_object());

    let removed = send(owner, REMOVE, input()).await;
    assert_eq!(fault(&removed), "", "{:?}", removed.body);
    assert_eq!(status(&token).await, 401);
    assert_eq!(status(&other).await, 200);
    let last = loop {
        match stream.next().await {
            Some(Event::Next(answer)) if answer["data"].is_object() => {}
            Some(Event::Next(answer)) => break answer,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(last["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(stream.next().await, Some(Event::Complete));
    tells_of(owner, "member.removed", &admin.member.to_string(), &token).await;

    let list = "{ apiTokens { nodes { id makerId createdBy { name } revokedAt } } }";
    let listed = owner.graphql(list, json!({})).await;
    let nodes = listed.data()["apiTokens"]["nodes"].as_array().unwrap();
    let [ended, good] = &nodes[..] else {
        panic!("{:?}", listed.body)
    };
    assert_eq!(ended["makerId"], admin.user.to_string());
    assert_eq!(ended["createdBy"], Value::Null);
    assert!(ended["revokedAt"].is_string(), "{ended}");
    assert_eq!(good["makerId"], owner.user.to_string());
    assert!(good["createdBy"].is_object() && good["revokedAt"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_that_ends_behind_the_product_ends_its_tokens() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let admin = app.person(&books.tenant, Role::Admin, "adele").await;
    let token = admin.token(&[Scope::MembersRead]).await;
    assert_eq!(status(&token).await, 200);
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("DELETE FROM countersign.memberships WHERE id = $1")
        .bind(admin.member.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();
    assert_eq!(status(&token).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demotion_ends_the_tokens_that_go_beyond_the_new_role_and_no_others() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    let second = app.person(&books.tenant, Role::Owner, "oona").await;
    let amounts = second
        .token(&[Scope::BasicRead, Scope::FinancialRead])
        .await;
    let people = second.token(&[Scope::BasicRead, Scope::MembersRead]).await;
    let theirs = owner.token(&[Scope::FinancialRead]).await;
    let input = json!({ "memberId": second.member.to_string(), "role": "admin" });
    let seen = would_end(owner, "previewMember", "UpdateMemberInput", input).await;
    assert_eq!(seen, [amounts.id.to_string()]);
    assert_eq!(status(&amounts).await, 200, "a preview ends nothing");

    let given = give(owner, &second, json!({ "role": "admin" })).await;
    assert_eq!(fault(&given), "", "{:?}", given.body);
    assert_eq!(status(&amounts).await, 401);
    assert_eq!(status(&people).await, 200);
    assert_eq!(status(&theirs).await, 200);
    tells_of(
        owner,
        "member.updated",
        &second.member.to_string(),
        &amounts,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_role_ends_the_tokens_that_go_beyond_it_and_no_others() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let (owner, worker) = (&books.owner, &books.worker);
    let wide = ["admin.token", "read.token", "read.audit"];
    let clerk = role(owner, "Clerk", Role::Manager, &wide).await;
    let given = give(owner, worker, json!({ "customRoleId": clerk })).await;
    assert_eq!(fault(&given), "", "{:?}", given.body);
    let audit = worker.token(&[Scope::AuditRead]).await;
    let amounts = worker.token(&[Scope::FinancialRead]).await;
    let narrower = json!({ "roleId": clerk, "baseRole": "manager", "capabilities": ["admin.token", "read.token"] });
    let seen = would_end(owner, "previewRole", "PreviewRoleInput", narrower.clone()).await;
    assert_eq!(seen, [audit.id.to_string()]);
    // Who sees no tokens is not told of them, and is told the rest.
    let manager = app.person(&books.tenant, Role::Manager, "mona").await;
    let query = "query($input: PreviewRoleInput!) { previewRole(input: $input) \
                 { memberCount tokens { id } } }";
    let hidden = manager.graphql(query, json!({ "input": narrower })).await;
    let hidden = &hidden.data()["previewRole"];
    assert_eq!(*hidden, json!({ "memberCount": 1, "tokens": null }));

    let narrowed = send(owner, UPDATE, narrower).await;
    assert_eq!(fault(&narrowed), "", "{:?}", narrowed.body);
    assert_eq!(status(&audit).await, 401);
    assert_eq!(status(&amounts).await, 200);
    tells_of(owner, "role.updated", &clerk, &audit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_made_of_rights_that_are_just_being_taken() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let admin = app.person(&books.tenant, Role::Admin, "adele").await;
    admin.token(&[Scope::MembersRead]).await;
    let mut superuser = app.test_database.superuser().await;
    let mut demotion = superuser.begin().await.unwrap();
    sqlx::query("UPDATE countersign.memberships SET role = 'worker' WHERE id = $1")
        .bind(admin.member.uuid())
        .execute(&mut *demotion)
        .await
        .unwrap();
    let make = "mutation { createApiToken(input: { name: \"x\", scopes: [\"members:read\"] }) \
                { plainToken userErrors { code } } }";
    let (made, ()) = tokio::join!(admin.graphql(make, json!({})), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        demotion.commit().await.unwrap();
    });
    assert_eq!(fault(&made), "EXCEEDS_GRANTER", "{:?}", made.body);
}

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
