//! Credentials at outside providers, from the outside: who may, what is shown, what is recorded (VLT-1 to
//! VLT-3).

use std::time::Duration;

use countersign_domain::access::{Capability, Role, Scope};
use countersign_tests::{Browser, Outside, TestApp, TestTenant, exports, logs};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::audit::log;

const SECRET: &str = "sk-vaultcanary-0123456789abcdef0123456789";
const STORE: &str = "mutation($input: StoreCredentialInput!) { storeCredential(input: $input) \
     { credential { id provider name prefix state createdBy { name } } userErrors { code field message } } }";
const CHECK: &str = "mutation($id: ID!) { checkCredential(input: { credentialId: $id }) \
     { credential { id checkOutcome checkedAt } userErrors { code message } } }";
const REVOKE: &str = "mutation($id: ID!) { revokeCredential(input: { credentialId: $id }) \
     { credential { id state revokedAt } userErrors { code message } } }";
const LIST: &str = "{ credentials(first: 10) { nodes { id name prefix state checkOutcome } } }";

async fn start(outside: &Outside) -> (TestApp, TestTenant) {
    let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let url = outside.url().to_owned();
    let app = TestApp::start_with(start, |toml| {
        format!("{toml}[providers]\nopenai_url = \"{url}\"\nstripe_url = \"{url}\"\n")
    })
    .await;
    let tenant = app.tenant("northwind").await;
    (app, tenant)
}

fn input(provider: &str, secret: &str) -> Value {
    json!({ "input": { "provider": provider, "name": "The model", "secret": secret } })
}

async fn store(by: &Browser, provider: &str, secret: &str) -> String {
    let reply = by.graphql(STORE, input(provider, secret)).await;
    let id = reply.data()["storeCredential"]["credential"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{:?}", reply.body)).to_owned()
}

async fn check(by: &Browser, id: &str) -> Value {
    let reply = by.graphql(CHECK, json!({ "id": id })).await;
    reply.data()["checkCredential"].clone()
}

/// What Sentry was sent, once it has what is of that request: it is sent beside the work.
async fn reports_of(request: &str) -> String {
    for _ in 0..500 {
        let reports = exports::reports();
        if reports.contains(request) {
            return reports;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("what failed was not reported");
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_goes_to_its_provider_and_nowhere_else() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let reply = owner.graphql(STORE, input("OPENAI", SECRET)).await;
    let stored = &reply.data()["storeCredential"]["credential"];
    assert_eq!(stored["prefix"], "sk-vault", "{:?}", reply.body);
    assert_eq!(
        (&stored["name"], &stored["state"]),
        (&json!("The model"), &json!("ACTIVE"))
    );
    let id = stored["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("crd_"), "{id}");
    assert!(outside.seen().is_empty(), "storing calls nobody");
    let checked = check(&owner, &id).await;
    assert_eq!(
        checked["credential"]["checkOutcome"], "ACCEPTED",
        "{checked}"
    );
    let wrong = store(&owner, "STRIPE", &SECRET.replace("0123", "3210")).await;
    let checked = check(&owner, &wrong).await;
    assert_eq!(
        checked["credential"]["checkOutcome"], "REFUSED",
        "{checked}"
    );
    assert_eq!(outside.seen().len(), 2);
    assert_eq!(outside.seen()[0], format!("Bearer {SECRET}"));
    // One that can not be stored is reported, with what it was of in hand.
    let mut superuser = app.test_database.superuser().await;
    let revoke = "REVOKE INSERT ON countersign.credentials FROM countersign_books";
    superuser.execute(revoke).await.unwrap();
    let failed = owner.graphql(STORE, input("OPENAI", SECRET)).await;
    assert_eq!(failed.error_code(), Some("INTERNAL_SERVER_ERROR"));
    let request = failed.headers["x-request-id"].to_str().unwrap();
    let reports = reports_of(request).await;
    let traces = exports::traces().await;
    assert!(traces.contains(request), "the failed request was traced");
    // In nothing that leaves: answers, the log, lines, metrics, reports, traces, rows.
    let listed = owner.graphql(LIST, json!({})).await;
    let rows = log(&owner, json!({})).await;
    let metrics = app
        .http()
        .get(format!("{}/metrics", app.management()))
        .send();
    let metrics = metrics.await.unwrap().text().await.unwrap();
    let dump: String = sqlx::query_scalar(
        "SELECT string_agg(t, '') FROM (SELECT c::text AS t FROM countersign.credentials c \
         UNION ALL SELECT e::text FROM countersign.audit_entries e \
         UNION ALL SELECT k::text FROM countersign.idempotency_keys k) x",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    for (what, text) in [
        (
            "answers",
            format!("{:?}{:?}{:?}", reply.body, listed.body, failed.body),
        ),
        ("the log", serde_json::to_string(&rows).unwrap()),
        ("lines", logs::text()),
        ("metrics", metrics),
        ("reports", reports),
        ("traces", traces),
        ("rows", dump),
    ] {
        assert!(!text.contains(&SECRET[..9]), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_is_recorded_before_the_call_and_the_outcome_after_it() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let id = store(&owner, "OPENAI", SECRET).await;
    check(&owner, &id).await;
    let rows = log(&owner, json!({})).await;
    let mut actions: Vec<_> = rows
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    actions.retain(|action| action.starts_with("credential."));
    actions.reverse();
    assert_eq!(
        actions,
        [
            "credential.stored",
            "credential.opened",
            "credential.checked"
        ]
    );
    let opened = rows
        .iter()
        .find(|row| row["action"] == "credential.opened")
        .unwrap();
    assert_eq!(opened["targets"], json!([id]));
    assert!(
        opened["payload"]
            .as_str()
            .unwrap()
            .contains("OPENAI GET /v1/models")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_admins_keep_credentials_and_nobody_else() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let admin = app.person(&tenant, Role::Admin, "admin").await;
    let id = store(&admin, "OPENAI", SECRET).await;
    for (role, name) in [
        (Role::Manager, "manager"),
        (Role::Accountant, "accountant"),
        (Role::Worker, "worker"),
        (Role::Family, "family"),
        (Role::Auditor, "auditor"),
    ] {
        let somebody = app.person_with(&tenant, role, Capability::ALL, name).await;
        let listed = somebody.graphql(LIST, json!({})).await;
        assert_eq!(
            listed.error_code(),
            Some("FORBIDDEN"),
            "{name}: {:?}",
            listed.body
        );
        for (mutation, variables) in [
            (STORE, input("OPENAI", SECRET)),
            (CHECK, json!({ "id": id })),
            (REVOKE, json!({ "id": id })),
        ] {
            let reply = somebody.graphql(mutation, variables).await;
            let code = reply.error_code();
            assert!(
                matches!(code, Some("FORBIDDEN" | "NOT_FOUND")),
                "{name}: {:?}",
                reply.body
            );
        }
    }
    let machine = owner.token(&[
        Scope::BasicRead,
        Scope::CredentialsStore,
        Scope::CredentialsCheck,
    ]);
    let machine = machine.await;
    assert_eq!(
        machine.graphql(LIST, json!({})).await.error_code(),
        Some("FORBIDDEN")
    );
    let reply = machine.graphql(STORE, input("OPENAI", SECRET)).await;
    assert_eq!(reply.error_code(), Some("FORBIDDEN"), "{:?}", reply.body);
    assert!(outside.seen().is_empty(), "nobody was called");
    assert_eq!(
        owner.graphql(LIST, json!({})).await.data()["credentials"]["nodes"][0]["id"],
        id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_of_another_tenant_is_nowhere() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let id = store(&owner, "OPENAI", SECRET).await;
    let south = app.tenant("southwind").await;
    let other = app.person(&south, Role::Owner, "other").await;
    for mutation in [CHECK, REVOKE] {
        let reply = other.graphql(mutation, json!({ "id": id })).await;
        assert_eq!(reply.error_code(), Some("NOT_FOUND"), "{:?}", reply.body);
    }
    let node = "query($id: ID!) { node(id: $id) { ... on Credential { prefix } } }";
    let reply = other.graphql(node, json!({ "id": id })).await;
    assert_eq!(reply.error_code(), Some("NOT_FOUND"), "{:?}", reply.body);
    assert_eq!(
        owner.graphql(node, json!({ "id": id })).await.data()["node"]["prefix"],
        "sk-vault"
    );
    assert!(outside.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_is_refused_in_words_and_called_nobody() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let id = store(&owner, "OPENAI", SECRET).await;
    let mut superuser = app.test_database.superuser().await;
    superuser
        .execute(
            "UPDATE countersign.credentials SET secret_sealed = set_byte(secret_sealed, 20, \
             get_byte(secret_sealed, 20) # 1)",
        )
        .await
        .unwrap();
    let checked = check(&owner, &id).await;
    assert_eq!(checked["userErrors"][0]["code"], "UNREADABLE", "{checked}");
    assert!(outside.seen().is_empty());
    let rows = log(&owner, json!({ "action": "credential.opened" })).await;
    assert_eq!(rows[0]["outcome"], "FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_is_erased_and_faults_of_input_are_told() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let reply = owner.graphql(STORE, input("OPENAI", "short")).await;
    let fault = &reply.data()["storeCredential"]["userErrors"][0];
    assert_eq!(
        (&fault["code"], &fault["field"]),
        (&json!("INVALID"), &json!(["input", "secret"]))
    );
    let id = store(&owner, "OPENAI", SECRET).await;
    let reply = owner.graphql(REVOKE, json!({ "id": id })).await;
    let revoked = &reply.data()["revokeCredential"]["credential"];
    assert_eq!(revoked["state"], "REVOKED", "{:?}", reply.body);
    for mutation in [CHECK, REVOKE] {
        let reply = owner.graphql(mutation, json!({ "id": id })).await;
        let root = reply.data().as_object().unwrap().values().next().unwrap();
        assert_eq!(
            root["userErrors"][0]["code"], "ALREADY_DONE",
            "{:?}",
            reply.body
        );
    }
    let mut superuser = app.test_database.superuser().await;
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT secret_sealed FROM countersign.credentials")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert_eq!(sealed, None);
    assert!(outside.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn destroyed_key_is_told_clearly_and_rotation_is_not_noticed() {
    let outside = Outside::start(SECRET);
    let (app, tenant) = start(&outside).await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let id = store(&owner, "OPENAI", SECRET).await;
    let page = owner
        .graphql(
            "{ auditEntries(first: 1) { pageInfo { endCursor } } }",
            json!({}),
        )
        .await;
    let cursor = page.data()["auditEntries"]["pageInfo"]["endCursor"].clone();
    let operator = app.database().operator();
    operator.rotate_key(tenant.id).await.unwrap();
    let mut resealing = operator.reseal(tenant.id);
    while resealing.next().await.unwrap().is_some() {}
    assert_eq!(
        check(&owner, &id).await["credential"]["checkOutcome"],
        "ACCEPTED"
    );
    // The installation's own key: who is signed in stays so, and cursors of before lead on.
    operator
        .rotate_key(countersign_domain::id::TenantId::OPERATOR)
        .await
        .unwrap();
    app.clock.advance(chrono::Duration::seconds(11));
    let next = "query($c: String) { auditEntries(first: 1, after: $c) { nodes { seq } } }";
    let next = owner.graphql(next, json!({ "c": cursor })).await;
    assert_eq!(
        next.data()["auditEntries"]["nodes"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "{:?}",
        next.body
    );
    operator.destroy_keys(tenant.id).await.unwrap();
    app.clock.advance(chrono::Duration::seconds(11));
    let listed = owner.graphql(LIST, json!({})).await;
    let row = &listed.data()["credentials"]["nodes"][0];
    assert_eq!(
        (&row["state"], &row["name"]),
        (&json!("DESTROYED"), &json!("[destroyed]")),
        "{:?}",
        listed.body
    );
    let calls = outside.seen().len();
    let checked = check(&owner, &id).await;
    assert_eq!(checked["userErrors"][0]["code"], "UNREADABLE", "{checked}");
    assert_eq!(outside.seen().len(), calls);
    let refused = owner.graphql(STORE, input("OPENAI", SECRET)).await;
    assert_eq!(
        refused.error_code(),
        Some("KEY_DESTROYED"),
        "{:?}",
        refused.body
    );
    let rows = log(&owner, json!({ "action": "key.destroyed" })).await;
    assert_eq!((rows.len(), &rows[0]["actorKind"]), (1, &json!("operator")));
}
