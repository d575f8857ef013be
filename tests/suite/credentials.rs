//! What a refused credential leaves: a row of whoever it was for, before it is refused (AUD-1).

use chrono::Duration;
use countersign_domain::{
    access::{Role, Scope},
    id::TenantId,
};
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::audit::log;

const QUERY: &str = "{ viewer { kind } }";

async fn ask(app: &TestApp, token: &str) -> Reply {
    let url = format!("{}/graphql", app.url());
    let request = app.http().post(url).bearer_auth(token);
    let sent = request.json(&json!({ "query": QUERY })).send().await;
    Reply::of(sent.unwrap()).await
}

/// Somebody who may read the operator's own log.
async fn operator(app: &TestApp) -> Browser {
    let tenant = TestTenant {
        id: TenantId::OPERATOR,
        slug: "operator".to_owned(),
    };
    app.person(&tenant, Role::Auditor, "olga").await
}

async fn refusals(by: &Browser) -> Vec<Value> {
    log(by, json!({ "action": "credential.refused" })).await
}

fn request_id(reply: &Reply) -> &str {
    reply.headers["x-request-id"].to_str().unwrap()
}

fn why(row: &Value) -> (Value, Value) {
    let payload: Value = serde_json::from_str(row["payload"].as_str().unwrap()).unwrap();
    (payload["credential"].clone(), payload["why"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_issued_is_a_row_of_the_operators_own_log() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let good = owner.token(&[Scope::BasicRead]).await.plain;
    let damaged = format!("{}x", &good[..good.len() - 1]);
    let unknown = countersign_domain::token::PlainToken::from_random(&[7; 32]);
    let unknown = unknown.reveal().to_owned();
    let operator = operator(&app).await;
    for (token, kind) in [
        (damaged.as_str(), "api_token"),
        (unknown.as_str(), "api_token"),
        ("e30.e30.e30", "client_credentials"),
    ] {
        let reply = ask(&app, token).await;
        assert_eq!(reply.status, 401, "{:?}", reply.body);
        let rows = refusals(&operator).await;
        let row = &rows[0];
        assert_eq!(row["requestId"], request_id(&reply));
        assert_eq!(why(row), (kind.into(), "unknown".into()));
        assert_eq!(row["actorKind"], "stranger");
        assert_eq!(row["outcome"], "REFUSED");
        assert!(row["source"].is_string());
        assert!(!row.to_string().contains(token), "the log quotes no token");
    }
    assert!(refusals(&owner).await.is_empty(), "strangers write nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_good_is_a_row_of_its_tenant() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let (revoked, expired) = (
        owner.token(&[Scope::BasicRead]).await,
        owner.token(&[Scope::BasicRead]).await,
    );
    let revoke =
        "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { userErrors { code } } }";
    owner.graphql(revoke, json!({ "id": revoked.id })).await;
    let refused = revoked.graphql(QUERY, json!({})).await;
    assert_eq!(refused.status, 401);
    let rows = refusals(&owner).await;
    assert_eq!(rows[0]["requestId"], request_id(&refused));
    assert_eq!(rows[0]["actorId"], revoked.id.to_string());
    assert_eq!(why(&rows[0]), ("api_token".into(), "ended".into()));

    app.clock.advance(Duration::days(366));
    let refused = expired.graphql(QUERY, json!({})).await;
    assert_eq!(refused.status, 401);
    let later = app.person(&tenant, Role::Owner, "later").await;
    let rows = refusals(&later).await;
    assert_eq!(rows[0]["actorId"], expired.id.to_string());
    assert_eq!(why(&rows[0]), ("api_token".into(), "expired".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_members_next_request_is_a_row_of_the_tenant() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let worker = app.person(&tenant, Role::Worker, "worker").await;
    let remove =
        "mutation($id: ID!) { removeMember(input: { memberId: $id }) { userErrors { code } } }";
    owner.graphql(remove, json!({ "id": worker.member })).await;
    let refused = worker.graphql(QUERY, json!({})).await;
    assert_eq!(refused.status, 401);
    let rows = refusals(&owner).await;
    assert_eq!(rows[0]["requestId"], request_id(&refused));
    assert_eq!(rows[0]["actorId"], worker.user.to_string());
    assert_eq!(why(&rows[0]), ("session".into(), "no_membership".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_rows_of_every_tenant_of_their_person() {
    let app = TestApp::start().await;
    let (north, south) = (app.tenant("northwind").await, app.tenant("southwind").await);
    let owner = app.person(&north, Role::Owner, "owner").await;
    let auditor = app.person(&south, Role::Auditor, "auditor").await;
    app.person(&north, Role::Worker, "both").await;
    let everywhere = app.person(&south, Role::Worker, "both").await;
    let user = everywhere.get("/bff/user").await;
    let logout = user.body["logoutUrl"].as_str().unwrap().to_owned();
    let out = everywhere.get(&logout).await;
    assert_eq!(out.status, 303, "{:?}", out.body);
    for by in [&owner, &auditor] {
        let rows = log(by, json!({ "actorId": everywhere.user })).await;
        let actions: Vec<_> = rows.iter().rev().map(|row| &row["action"]).collect();
        assert_eq!(
            actions.last().unwrap(),
            &"session.ended",
            "the end is a row of both: {actions:?}"
        );
    }
    let rows = log(&auditor, json!({ "actorId": everywhere.user })).await;
    let actions: Vec<_> = rows.iter().rev().map(|row| &row["action"]).collect();
    assert_eq!(
        actions,
        ["session.opened", "session.tenant_chosen", "session.ended"],
        "what was done in the other tenant is not told here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_can_not_be_recorded_is_not_answered_as_one() {
    let app = TestApp::start().await;
    let mut superuser = app.test_database.superuser().await;
    superuser
        .execute("REVOKE INSERT ON countersign.audit_entries FROM countersign_gate")
        .await
        .unwrap();
    let reply = ask(&app, "e30.e30.e30").await;
    assert_eq!(reply.status, 500, "{:?}", reply.body);
}
