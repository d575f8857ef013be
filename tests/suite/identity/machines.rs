//! Machines with tokens of the provider.

use countersign_domain::access::Scope;
use countersign_entities::NewMachine;
use countersign_tests::Reply;
use serde_json::json;

use super::stand::{AUDIENCE, SECRET, stand};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_comes_with_a_token_of_the_provider_and_stays_in_its_lane() {
    let stand = stand().await;
    let tenant = stand.app.tenant("northwind").await;
    let token = |scope: &'static str| {
        let body = format!("grant_type=client_credentials&resource={AUDIENCE}&scope={scope}");
        let request = stand.app.http().post(format!("{}/token", stand.issuer));
        let request = request.basic_auth("loader", Some(SECRET)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        async move {
            let reply = Reply::of(request.send().await.unwrap()).await;
            reply.body["access_token"]
                .as_str()
                .unwrap_or_else(|| panic!("{:?}", reply.body))
                .to_owned()
        }
    };
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
    let jwt = token("basic:read members:remove").await;
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
    let narrow = ask(token("basic:read").await, "{ viewer { scopes } }").await;
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
