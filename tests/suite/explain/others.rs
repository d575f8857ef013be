//! What the tenant's members and tokens may, asked by those who may know (AUT-5).

use countersign_domain::{
    access::{Capability, Role, Scope},
    id::{ApiTokenId, MachineId},
};
use countersign_entities::NewMachine;
use countersign_tests::{Browser, TestApp};
use serde_json::json;
use uuid::Uuid;

use super::{WHO, WHY_OF, lasting};
use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn about_somebody_else_only_they_ask_who_read_members() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let manager = app.person(&books.tenant, Role::Manager, "mara").await;
    let access_of = "query($of: ID!) { accessOf(principalId: $of) { action group decision condition { words } } }";
    let worker = books.worker.member.to_string();
    for by in [&books.worker, &books.accountant] {
        for of in [&books.owner, by] {
            let asked = json!({ "action": "Transaction.amount", "of": of.member.to_string() });
            for query in [WHY_OF, access_of] {
                let refused = by.graphql(query, asked.clone()).await;
                assert_eq!(
                    refused.error_code(),
                    Some("FORBIDDEN"),
                    "{:?}",
                    refused.body
                );
                let rule = refused.body["errors"][0]["extensions"]["rule"].to_string();
                assert!(rule.contains("human.member"), "{rule}");
                assert!(
                    !refused.body.to_string().contains("owner"),
                    "{:?}",
                    refused.body
                );
            }
        }
    }
    let asked =
        json!({ "action": "Transaction.amount", "of": worker, "node": books.business_transaction });
    let told = manager.graphql(WHY_OF, asked).await;
    let told = &told.data()["explainAccessOf"];
    assert_eq!(told["decision"], "REFUSED", "{told}");
    assert_eq!(told["principal"]["role"], "worker");
    assert!(told["principal"]["secondFactor"].is_null());
    assert_eq!(told["row"]["custodian"], "NOBODY");

    let told = manager.graphql(access_of, json!({ "of": worker })).await;
    let actions = told.data()["accessOf"].as_array().unwrap().clone();
    let of = |name: &str| actions.iter().find(|one| one["action"] == name).unwrap();
    assert_eq!(of("Transaction.amount")["decision"], "DEPENDS_ON_ROW");
    assert_eq!(
        of("Transaction.amount")["condition"]["words"],
        "in their own care"
    );
    assert_eq!(of("Transaction.amount")["group"], "read.financial");
    assert_eq!(of("Mutation.removeMember")["decision"], "REFUSED");
    assert_eq!(of("Mutation.removeMember")["group"], "admin.member");
    assert!(actions.iter().all(|one| one["group"] != "structure"));
    let own = "{ viewer { access { action group decision condition { words } } } }";
    let own = books.worker.graphql(own, json!({})).await;
    assert_eq!(own.data()["viewer"]["access"], told.data()["accessOf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn about_a_client_of_the_provider_they_ask_who_read_tokens() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let manager = app.person(&books.tenant, Role::Manager, "mara").await;
    let elsewhere = app.tenant("elsewhere").await;
    let client = |client_id: &str| NewMachine {
        issuer: "https://issuer.test".to_owned(),
        client_id: client_id.to_owned(),
        name: "A client".to_owned(),
        scopes: [Scope::FinancialRead, Scope::BasicRead].into(),
    };
    let operator = app.database().operator();
    let own = operator.add_machine(books.tenant.id, &client("own")).await;
    let (own, foreign) = (
        own.unwrap(),
        operator.add_machine(elsewhere.id, &client("foreign")).await,
    );
    let ask = |id: String| json!({ "action": "Transaction.amount", "of": id });
    let told = books.owner.graphql(WHY_OF, ask(own.to_string())).await;
    let told = &told.data()["explainAccessOf"];
    assert_eq!(told["decision"], "DEPENDS_ON_ROW", "{told}");
    assert_eq!(told["condition"]["words"], "not of the household");
    assert_eq!(told["principal"]["kind"], "MACHINE");
    assert_eq!(
        told["principal"]["scopes"],
        json!(["basic:read", "financial:read"])
    );
    let of = "query($of: ID!) { accessOf(principalId: $of) { action decision } }";
    let access = books.owner.graphql(of, ask(own.to_string())).await;
    let access = access.data()["accessOf"].as_array().unwrap().clone();
    let on =
        |name: &str| access.iter().find(|one| one["action"] == name).unwrap()["decision"].clone();
    assert_eq!(on("Transaction.amount"), "DEPENDS_ON_ROW");
    assert_eq!(on("Transaction.counterparty"), "REFUSED");

    // Another tenant's, one that is nowhere, and, for who reads no tokens, the own are all alike.
    let nowhere = MachineId::new(Uuid::from_u128(77)).to_string();
    let missing = books.owner.graphql(WHY_OF, ask(nowhere)).await;
    assert_eq!(
        missing.error_code(),
        Some("NOT_FOUND"),
        "{:?}",
        missing.body
    );
    let foreign = books
        .owner
        .graphql(WHY_OF, ask(foreign.unwrap().to_string()))
        .await;
    let hidden = manager.graphql(WHY_OF, ask(own.to_string())).await;
    assert_eq!(lasting(&foreign), lasting(&missing));
    assert_eq!(lasting(&hidden), lasting(&missing));
    // It is no node, whoever asks.
    let node = "query($of: ID!) { node(id: $of) { id } }";
    let node = books.owner.graphql(node, ask(own.to_string())).await;
    assert_eq!(lasting(&node), lasting(&missing));

    // Who may lists it, as it is registered, to those who read tokens.
    let amount = json!({ "action": "Transaction.amount" });
    let who = books.owner.graphql(WHO, amount.clone()).await;
    let listed = json!({ "hasMore": false, "nodes": [{
        "machineId": own.to_string(), "clientId": "own", "name": "A client",
        "scopes": ["basic:read", "financial:read"], "decision": "DEPENDS_ON_ROW",
        "condition": { "words": "not of the household" },
    }] });
    assert_eq!(
        who.data()["whoMay"]["machines"],
        listed,
        "only the tenant's own"
    );
    let one = "{ whoMay(action: \"Transaction.counterparty\") { machines(first: 1) { hasMore nodes { decision } } } }";
    let refused = books.owner.graphql(one, json!({})).await;
    let refused = &refused.data()["whoMay"]["machines"];
    assert_eq!(refused["nodes"], json!([{ "decision": "REFUSED" }]));
    let who = manager.graphql(WHO, amount.clone()).await;
    assert!(who.data()["whoMay"]["machines"].is_null());
    assert!(who.redactions().to_string().contains("whoMay.machines"));

    let mut superuser = app.test_database.superuser().await;
    sqlx::query("UPDATE countersign.machines SET disabled_at = now() WHERE client_id = 'own'")
        .execute(&mut superuser)
        .await
        .unwrap();
    let over = books.owner.graphql(WHY_OF, ask(own.to_string())).await;
    assert_eq!(over.error_code(), Some("BAD_USER_INPUT"), "{:?}", over.body);
    let who = books.owner.graphql(WHO, amount).await;
    assert_eq!(who.data()["whoMay"]["machines"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn about_a_token_only_they_ask_who_read_tokens() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let manager = app.person(&books.tenant, Role::Manager, "mara").await;
    let token = books.owner.token(&[Scope::FinancialRead]).await;
    let ended = books.owner.token(&[Scope::FinancialRead]).await;
    let revoke =
        "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { userErrors { code } } }";
    books
        .owner
        .graphql(revoke, json!({ "id": ended.id.to_string() }))
        .await;
    let ask = |id: String| json!({ "action": "Transaction.amount", "of": id });
    let told = books.owner.graphql(WHY_OF, ask(token.id.to_string())).await;
    let told = &told.data()["explainAccessOf"];
    assert_eq!(told["decision"], "DEPENDS_ON_ROW", "{told}");
    assert_eq!(told["condition"]["words"], "not of the household");
    assert_eq!(told["principal"]["scopes"], json!(["financial:read"]));
    let over = books.owner.graphql(WHY_OF, ask(ended.id.to_string())).await;
    assert_eq!(over.error_code(), Some("BAD_USER_INPUT"), "{:?}", over.body);
    // A manager reads members and no tokens.
    let nowhere = ApiTokenId::new(Uuid::from_u128(77)).to_string();
    let hidden = manager.graphql(WHY_OF, ask(token.id.to_string())).await;
    let missing = manager.graphql(WHY_OF, ask(nowhere)).await;
    assert_eq!(hidden.error_code(), Some("NOT_FOUND"), "{:?}", hidden.body);
    assert_eq!(lasting(&hidden), lasting(&missing));

    let who = books
        .owner
        .graphql(WHO, json!({ "action": "Transaction.amount" }))
        .await;
    let tokens = &who.data()["whoMay"]["tokens"];
    let nodes = tokens["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1, "what has ended may nothing: {tokens}");
    assert_eq!(nodes[0]["token"]["id"], token.id.to_string());
    assert_eq!(nodes[0]["decision"], "DEPENDS_ON_ROW");
    let after = books.owner.token(&[Scope::BasicRead]).await;
    let first = "query($n: Int) { whoMay(action: \"Transaction.amount\") { tokens(first: $n) { hasMore nodes { \
                 decision token { id } } } } }";
    for (n, more, last) in [(1, true, &token), (2, false, &after)] {
        let told = books.owner.graphql(first, json!({ "n": n })).await;
        let told = &told.data()["whoMay"]["tokens"];
        assert_eq!(told["hasMore"], more, "{told}");
        assert_eq!(told["nodes"][n - 1]["token"]["id"], last.id.to_string());
        assert_eq!(told["nodes"].as_array().unwrap().len(), n);
    }
    let who = manager
        .graphql(WHO, json!({ "action": "Transaction.amount" }))
        .await;
    assert!(who.data()["whoMay"]["members"]["nodes"].is_array());
    assert!(who.data()["whoMay"]["tokens"].is_null());
    assert!(who.redactions().to_string().contains("whoMay.tokens"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_is_told_by_role_and_to_those_who_read_members_by_name() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let granted = app
        .person_with(
            &books.tenant,
            Role::Worker,
            &[Capability::ReadFinancial],
            "wim",
        )
        .await;
    let who = books
        .owner
        .graphql(WHO, json!({ "action": "Transaction.amount" }))
        .await;
    let who = &who.data()["whoMay"];
    assert_eq!(
        (&who["group"], &who["anyMachine"]),
        (&json!("read.financial"), &json!(false))
    );
    let roles = who["roles"].as_array().unwrap();
    let role = |name: &str| roles.iter().find(|one| one["role"] == name).unwrap();
    assert_eq!(role("owner")["decision"], "ALLOWED");
    assert_eq!(role("admin")["decision"], "REFUSED");
    assert_eq!(role("worker")["condition"]["words"], "in their own care");
    assert_eq!(
        role("family")["condition"]["words"],
        "in their own care, or of the household"
    );
    assert_eq!(
        role("accountant")["condition"]["words"],
        "in their own care, or not of the household"
    );
    assert!(
        role("accountant")["condition"]["sql"]
            .as_str()
            .unwrap()
            .contains("personal")
    );
    let capabilities = who["capabilities"].as_array().unwrap();
    assert_eq!(capabilities.len(), 1, "{capabilities:?}");
    assert_eq!(capabilities[0]["capability"], "read.financial");
    assert_eq!(
        capabilities[0]["roles"],
        json!(["admin", "worker", "family"])
    );
    let scopes = who["scopes"].as_array().unwrap();
    assert_eq!(scopes.len(), 1);
    assert_eq!(scopes[0]["scope"], "financial:read");
    assert_eq!(scopes[0]["condition"]["words"], "not of the household");
    let members = who["members"]["nodes"].as_array().unwrap();
    let member = |of: &Browser| {
        let id = of.member.to_string();
        members
            .iter()
            .find(|one| one["member"]["id"] == id.as_str())
            .unwrap()
    };
    assert_eq!(members.len(), 4);
    assert_eq!(who["members"]["hasMore"], false);
    assert_eq!(
        member(&books.worker)["condition"]["words"],
        "in their own care"
    );
    assert_eq!(
        member(&granted)["condition"]["words"],
        "in their own care, or not of the household"
    );

    let who = books
        .worker
        .graphql(WHO, json!({ "action": "Transaction.amount" }))
        .await;
    assert_eq!(who.data()["whoMay"]["roles"].as_array().unwrap().len(), 7);
    for hidden in ["members", "tokens", "machines"] {
        assert!(who.data()["whoMay"][hidden].is_null(), "{:?}", who.body);
        assert!(
            who.redactions()
                .to_string()
                .contains(&format!("whoMay.{hidden}"))
        );
    }
    let few = "{ whoMay(action: \"Transaction.amount\") { members(first: 2) { hasMore nodes { decision } } } }";
    let few = books.owner.graphql(few, json!({})).await;
    let few = &few.data()["whoMay"]["members"];
    assert_eq!(few["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(few["hasMore"], true);
}
