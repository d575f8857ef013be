//! Machines with tokens of the provider.

use chrono::Duration;
use countersign_domain::access::{Role, Scope};
use countersign_entities::NewMachine;
use countersign_tests::{Event, Events, Reply};
use serde_json::json;

use super::stand::{AUDIENCE, SECRET, Stand, stand};
use crate::{audit::log, streams::IMPORTS};

async fn token(stand: &Stand, scope: &str) -> String {
    let body = format!("grant_type=client_credentials&resource={AUDIENCE}&scope={scope}");
    let request = stand.app.http().post(format!("{}/token", stand.issuer));
    let request = request.basic_auth("loader", Some(SECRET)).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let reply = Reply::of(request.send().await.unwrap()).await;
    let token = reply.body["access_token"].as_str();
    token
        .unwrap_or_else(|| panic!("{:?}", reply.body))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_comes_with_a_token_of_the_provider_and_stays_in_its_lane() {
    let stand = stand().await;
    let tenant = stand.app.tenant("northwind").await;
    let ask = |token: String, query: &'static str| {
        let request = stand
            .app
            .http()
            .post(format!("{}/graphql", stand.app.url()));
        let request = request
            .bearer_auth(token)
            .header("idempotency-key", "one")
            .json(&json!({ "query": query }));
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let jwt = token(&stand, "basic:read members:remove").await;
    let unknown = ask(jwt.clone(), "{ viewer { kind } }").await;
    assert_eq!(unknown.status, 401, "a client that no tenant has let in");

    let new = NewMachine {
        issuer: stand.issuer.clone(),
        client_id: "loader".to_owned(),
        name: "Loader".to_owned(),
        scopes: [Scope::BasicRead, Scope::MembersRemove].into(),
    };
    stand
        .app
        .database()
        .operator()
        .add_machine(tenant.id, &new)
        .await
        .unwrap();
    let viewer = ask(jwt.clone(), "{ viewer { kind scopes } }").await;
    assert_eq!(
        viewer.data()["viewer"]["kind"],
        "MACHINE",
        "{:?}",
        viewer.body
    );
    let narrow = ask(token(&stand, "basic:read").await, "{ viewer { scopes } }").await;
    assert_eq!(
        narrow.data()["viewer"]["scopes"],
        json!(["basic:read"]),
        "what the token asked for"
    );
    let human = ask(jwt, "mutation { createApiToken(input: { name: \"x\", scopes: [\"basic:read\"] }) { plainToken } }").await;
    assert_eq!(human.error_code(), Some("FORBIDDEN"));
    assert_eq!(
        human.body["errors"][0]["extensions"]["rule"],
        "machine.never-attributed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_machine_ends_when_its_token_does() {
    let stand = stand().await;
    let tenant = stand.app.tenant("northwind").await;
    let owner = stand.app.person(&tenant, Role::Owner, "olivia").await;
    let new = NewMachine {
        issuer: stand.issuer.clone(),
        client_id: "loader".to_owned(),
        name: "Loader".to_owned(),
        scopes: [Scope::BasicRead].into(),
    };
    let operator = stand.app.database().operator();
    operator.add_machine(tenant.id, &new).await.unwrap();
    let jwt = token(&stand, "basic:read").await;
    let request = stand
        .app
        .http()
        .post(format!("{}/graphql", stand.app.url()))
        .bearer_auth(jwt)
        .header("accept", "text/event-stream")
        .json(&json!({ "query": IMPORTS }));
    let mut events = Events::of(request.send().await.unwrap());
    events.opened().await;
    // It is good for ten minutes, and for another by which clocks may differ; this one stands.
    stand.app.clock.advance(Duration::minutes(13));
    let answer = events.answer().await;
    let code = &answer["errors"][0]["extensions"]["code"];
    assert_eq!(code, "UNAUTHENTICATED", "{answer}");
    assert_eq!(events.next().await, Some(Event::Complete));
    let refused = log(&owner, json!({ "action": "credential.refused" })).await;
    let payload = refused[0]["payload"].as_str().unwrap();
    assert!(payload.contains("\"expired\""), "{payload}");
}
