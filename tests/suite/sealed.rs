//! Sealed columns, from the outside: what people write there is read by them, and stands in no column of
//! the database (VLT-5).

use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, TestApp, logs};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::books::{account, camt, entries, send};

const NUMBER: &str = "NL13SEAL0123456789";
const FILE: &str = "sealcanary-statement.xml";
const CREDENTIAL: &str = "Sealcanary model";
const TOKEN: &str = "Sealcanary's laptop";
const SECRET: &str = "sk-sealcanary-0123456789abcdef0123456789";
const TEXTS: &str = "{ accounts(first: 9) { nodes { number } } imports(first: 9) { nodes { fileName } } \
     statements(first: 9) { nodes { reference } } credentials(first: 9) { nodes { name } } \
     apiTokens(first: 9) { nodes { name } } }";
const CREATE: &str = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) \
     { plainToken apiToken { id name } userErrors { code } } }";
const REVOKE: &str = "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) \
     { apiToken { name revokedAt } userErrors { code } } }";

fn token() -> Value {
    json!({ "input": { "name": TOKEN, "scopes": [Scope::BasicRead.name()] } })
}

/// The texts of the sealed columns, as their owner reads them.
async fn texts(owner: &Browser) -> Value {
    let reply = owner.graphql(TEXTS, json!({})).await;
    let data = reply.data();
    json!([
        data["accounts"]["nodes"][0]["number"],
        data["imports"]["nodes"][0]["fileName"],
        data["statements"]["nodes"][0]["reference"],
        data["credentials"]["nodes"][0]["name"],
        data["apiTokens"]["nodes"][0]["name"],
    ])
}

/// Every row of every table of the product, as text; bytes are hexadecimal in it.
async fn everything(superuser: &mut PgConnection) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'countersign'",
    )
    .fetch_all(&mut *superuser)
    .await
    .unwrap();
    let mut all = Vec::new();
    for table in tables {
        let sql = format!("SELECT t::text FROM countersign.{table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&mut *superuser)
            .await
            .unwrap();
        all.extend(rows.into_iter().map(|row| (table.clone(), row)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_stands_in_no_column() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    account(&owner, "Operating", NUMBER, None, false).await;
    let file = camt(NUMBER, "10.00", &entries(1));
    send(&owner, FILE, file.as_bytes(), json!({})).await;
    let store = "mutation($input: StoreCredentialInput!) { storeCredential(input: $input) \
         { credential { name } } }";
    let input = json!({ "provider": "OPENAI", "name": CREDENTIAL, "secret": SECRET });
    let input = json!({ "input": input });
    // Its answer is kept, and repeated for the same key.
    let kept = owner.graphql_with(store, input.clone(), "a-key").await;
    let again = owner.graphql_with(store, input, "a-key").await;
    assert_eq!(kept.data(), again.data());
    let made = owner.graphql(CREATE, token()).await;
    let made = &made.data()["createApiToken"];
    assert_eq!(made["apiToken"]["name"], TOKEN, "{made}");
    let reference = format!("S-{NUMBER}");
    let planted = json!([NUMBER, FILE, reference, CREDENTIAL, TOKEN]);
    assert_eq!(texts(&owner).await, planted, "people read what they wrote");

    let plain = made["plainToken"].as_str().unwrap();
    let all = everything(&mut app.test_database.superuser().await).await;
    for table in [
        "accounts",
        "imports",
        "statements",
        "credentials",
        "api_tokens",
    ] {
        assert!(
            all.iter().any(|(of, _)| of == table),
            "{table} is looked at"
        );
    }
    for text in [NUMBER, FILE, CREDENTIAL, TOKEN, SECRET, plain] {
        let bytes = hex::encode(text);
        let found = all
            .iter()
            .find(|(_, row)| row.contains(text) || row.contains(&bytes));
        assert!(found.is_none(), "`{text}` stands in {found:?}");
        assert!(!logs::text().contains(text), "`{text}` is logged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_whose_name_is_destroyed_is_listed_lets_in_and_is_revoked() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let machine = owner.token(&[Scope::BasicRead]).await;
    app.database()
        .operator()
        .destroy_keys(tenant.id)
        .await
        .unwrap();
    app.clock.advance(chrono::Duration::seconds(11));
    assert_eq!(texts(&owner).await[4], "[destroyed]");
    let viewer = "{ viewer { kind } }";
    let reply = machine.graphql(viewer, json!({})).await;
    assert_eq!(
        reply.data()["viewer"]["kind"],
        "MACHINE",
        "{:?}",
        reply.body
    );
    // Another can not be made before there is a new key.
    let refused = owner.graphql(CREATE, token()).await;
    assert_eq!(
        refused.error_code(),
        Some("KEY_DESTROYED"),
        "{:?}",
        refused.body
    );
    let revoked = owner.graphql(REVOKE, json!({ "id": machine.id })).await;
    let revoked = &revoked.data()["revokeApiToken"]["apiToken"];
    assert_eq!(revoked["name"], "[destroyed]", "{revoked}");
    assert!(revoked["revokedAt"].is_string(), "{revoked}");
    assert_eq!(machine.graphql(viewer, json!({})).await.status, 401);
    app.database()
        .operator()
        .rotate_key(tenant.id)
        .await
        .unwrap();
    app.clock.advance(chrono::Duration::seconds(11));
    let made = owner.graphql(CREATE, token()).await;
    let name = &made.data()["createApiToken"]["apiToken"]["name"];
    assert_eq!(name, TOKEN, "{:?}", made.body);
}
