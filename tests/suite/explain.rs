//! Who may, and why: asked in the product, by those who may ask (AUT-3, AUT-5).

use countersign_domain::{
    access::{Capability, Role, Scope},
    id::TransactionId,
};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books::{Books, CARD, books, books_of};

const WHY: &str = "query($action: String!, $node: ID) { explainAccess(action: $action, nodeId: $node) { \
    action decision tenantSuspended rules { id sentence text } nearest { rule { id sentence text } fails needs } \
    condition { words sql } principal { kind role capabilities scopes secondFactor } \
    row { personal custodian } } }";

const WHY_OF: &str = "query($action: String!, $of: ID!, $node: ID) { \
    explainAccessOf(action: $action, principalId: $of, nodeId: $node) { \
    decision rules { id } nearest { rule { id } fails } condition { words } \
    principal { kind role capabilities scopes secondFactor } row { personal custodian } } }";

const WHO: &str = "query($action: String!) { whoMay(action: $action) { action group anyMachine \
    roles { role decision condition { words sql } } capabilities { capability roles } \
    scopes { scope decision condition { words } } \
    members(first: 100) { hasMore nodes { decision condition { words } member { id role } } } \
    tokens(first: 100) { hasMore nodes { decision token { id } } } } }";

async fn why(by: &Browser, action: &str, node: &str) -> Value {
    let reply = by
        .graphql(WHY, json!({ "action": action, "node": node }))
        .await;
    let told = reply.data()["explainAccess"].clone();
    assert!(told.is_object(), "{action} {node}: {:?}", reply.body);
    told
}

fn ids(rules: &Value) -> Vec<&str> {
    let rules = rules.as_array().unwrap().iter();
    rules.map(|rule| rule["id"].as_str().unwrap()).collect()
}

/// What of an answer does not change from one request to the next.
fn lasting(reply: &Reply) -> (u16, String, Vec<String>) {
    let mut body = reply.body.clone();
    body["errors"][0]["extensions"]["requestId"] = json!("");
    let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (reply.status, body.to_string(), names)
}

/// What is left of the caller's quota.
fn left(reply: &Reply) -> u64 {
    let told = reply.headers["ratelimit"].to_str().unwrap();
    let (_, rest) = told.split_once("r=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_amount_is_explained_by_the_permits_that_are_nearest() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let told = why(
        &books.worker,
        "Transaction.amount",
        &books.business_transaction,
    )
    .await;
    assert_eq!(told["decision"], "REFUSED");
    assert_eq!(told["rules"], json!([]));
    let nearest = told["nearest"].as_array().unwrap();
    let near = |id: &str| {
        let mut nearest = nearest.iter();
        nearest.find(|near| near["rule"]["id"] == id).unwrap()
    };
    let by_role = near("human.financial");
    assert_eq!(
        by_role["rule"]["sentence"],
        "Owner, manager, accountant and auditor see exact amounts and balances."
    );
    let text = by_role["rule"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("permit (") && text.contains("read.financial"),
        "{text}"
    );
    assert!(
        by_role["fails"]
            .as_str()
            .unwrap()
            .contains("Role::\"accountant\"")
    );
    assert_eq!(
        by_role["needs"],
        "the role owner, manager, accountant or auditor, or the capability read.financial"
    );
    assert_eq!(
        nearest[0]["rule"]["id"], "human.financial-custodian",
        "of the row alone"
    );
    assert_eq!(nearest[0]["needs"], "a row in their own care");
    let by_care = near("human.financial-custodian")["fails"].as_str().unwrap();
    assert!(by_care.contains("resource has custodian"), "{by_care}");
    assert_eq!(told["condition"]["words"], "in their own care");
    let sql = told["condition"]["sql"].as_str().unwrap();
    assert!(sql.contains("custodian_id = :principal"), "{sql}");
    let principal = &told["principal"];
    assert_eq!(
        (&principal["kind"], &principal["role"]),
        (&json!("HUMAN"), &json!("worker"))
    );
    assert_eq!(principal["secondFactor"], json!(false));
    assert_eq!(
        told["row"],
        json!({ "personal": false, "custodian": "NOBODY" })
    );
    assert!(!told.to_string().contains("usr_"), "nobody is named");

    let seen = why(
        &books.accountant,
        "Transaction.amount",
        &books.business_transaction,
    )
    .await;
    assert_eq!(seen["decision"], "ALLOWED");
    assert_eq!(ids(&seen["rules"]), ["human.financial"]);
    assert_eq!(seen["nearest"], json!([]));

    let mine = "{ transactions(first: 50) { nodes { id amount } } }";
    let mine = books.worker.graphql(mine, json!({})).await;
    let rows = mine.data()["transactions"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    let open = rows.iter().find(|row| row["amount"].is_string()).unwrap();
    let open = why(
        &books.worker,
        "Transaction.amount",
        open["id"].as_str().unwrap(),
    )
    .await;
    assert_eq!(open["decision"], "ALLOWED");
    assert_eq!(ids(&open["rules"]), ["human.financial-custodian"]);
    assert_eq!(open["row"]["custodian"], "THEMSELVES");

    let token = books.owner.token(&[Scope::BasicRead]).await;
    let of_token = json!({ "action": "Transaction.amount", "node": books.business_transaction });
    let told = token.graphql(WHY, of_token).await;
    let told = &told.data()["explainAccess"];
    assert_eq!(told["decision"], "REFUSED");
    assert_eq!(told["nearest"][0]["rule"]["id"], "machine.financial");
    assert_eq!(told["principal"]["scopes"], json!(["basic:read"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceiling_is_named_where_it_refuses_and_a_condition_where_no_row_is_named() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let auditor = app.person(&books.tenant, Role::Auditor, "ada").await;
    let told = auditor
        .graphql(WHY, json!({ "action": "Mutation.createCategory" }))
        .await;
    let told = &told.data()["explainAccess"];
    assert_eq!(told["decision"], "REFUSED");
    assert_eq!(ids(&told["rules"]), ["auditor.never-writes"]);
    assert!(told["row"].is_null());

    let told = books
        .worker
        .graphql(WHY, json!({ "action": "Transaction.amount" }))
        .await;
    let told = &told.data()["explainAccess"];
    assert_eq!(told["decision"], "DEPENDS_ON_ROW");
    assert_eq!(
        ids(&told["rules"]),
        ["human.financial-custodian", "human.personal-hidden"]
    );
    let told = books
        .worker
        .graphql(WHY, json!({ "action": "ApiToken.name" }))
        .await;
    let told = &told.data()["explainAccess"];
    assert_eq!(told["nearest"][0]["rule"]["id"], "human.token");
    assert!(
        told["nearest"][0]["fails"]
            .as_str()
            .unwrap()
            .contains("Role::\"auditor\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_says_what_to_do() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    for (action, node, words) in [
        ("Transaction.amuont", None, "viewer { access { action } }"),
        ("read.financial", None, "is not an action"),
        (
            "Account.balance",
            Some(&books.business_transaction),
            "names a Transaction",
        ),
        (
            "Query.accounts",
            Some(&books.business_transaction),
            "leave out `nodeId`",
        ),
    ] {
        let asked = json!({ "action": action, "node": node });
        let reply = books.owner.graphql(WHY, asked).await;
        assert_eq!(
            reply.error_code(),
            Some("BAD_USER_INPUT"),
            "{:?}",
            reply.body
        );
        let said = reply.body["errors"][0]["message"].as_str().unwrap();
        assert!(said.contains(words), "{said}");
    }
}

/// Another tenant's row, one that is nowhere, and one that policy hides from whoever asks.
fn not_theirs(books: &Books, other: &Books) -> [String; 3] {
    [
        other.business_transaction.clone(),
        TransactionId::new(Uuid::from_u128(77)).to_string(),
        books.personal_transaction.clone(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_answered_like_what_is_not_there() {
    let app = TestApp::start().await;
    let (books, other) = (books(&app).await, books_of(&app, "alder").await);
    let manager = app.person(&books.tenant, Role::Manager, "mara").await;
    let token = books
        .owner
        .token(&[Scope::BasicRead, Scope::MembersRead])
        .await;
    let member = books.worker.member.to_string();
    // Also where the question is wrong, or another field would answer.
    let more = "query($action: String!, $node: ID) { viewer { kind } accounts { nodes { id } } \
                explainAccess(action: $action, nodeId: $node) { decision } }";
    for (query, action) in [
        (WHY, "Transaction.amount"),
        (WHY, "Account.balance"),
        (WHY, "Query.accounts"),
        (WHY, "nothing"),
        (more, "Transaction.amount"),
        (WHY_OF, "Transaction.amount"),
    ] {
        let mut answers = Vec::new();
        let mut before = left(&manager.graphql("{ viewer { kind } }", json!({})).await);
        let mut costs = Vec::new();
        for node in not_theirs(&books, &other) {
            let asked = json!({ "action": action, "node": node, "of": member });
            let reply = manager.graphql(query, asked.clone()).await;
            assert_eq!(reply.error_code(), Some("NOT_FOUND"), "{:?}", reply.body);
            assert!(reply.data().is_null(), "{:?}", reply.body);
            costs.push(before - left(&reply));
            before = left(&reply);
            answers.push(lasting(&reply));
            let by_token = token.graphql(query, asked).await;
            assert_eq!(
                by_token.error_code(),
                Some("NOT_FOUND"),
                "{:?}",
                by_token.body
            );
        }
        assert!(
            answers.windows(2).all(|pair| pair[0] == pair[1]),
            "{answers:#?}"
        );
        assert!(
            costs.windows(2).all(|pair| pair[0] == pair[1]),
            "{query}: {costs:?}"
        );
    }
    // Who may read it is told.
    let owner = why(
        &books.owner,
        "Transaction.amount",
        &books.personal_transaction,
    )
    .await;
    assert_eq!(
        (&owner["decision"], &owner["row"]["personal"]),
        (&json!("ALLOWED"), &json!(true))
    );
    let log = "{ auditEntries(first: 100, filter: { action: \"request.refused\" }) { nodes { \
               permission outcome payload } } }";
    let log = books.owner.graphql(log, json!({})).await;
    let rows = log.data()["auditEntries"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(rows.len(), 6 * 3 * 2);
    assert!(
        rows.windows(2).all(|pair| pair[0] == pair[1]),
        "the log gives no hint either"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn family_asks_nothing() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    // Not even where a capability was granted.
    let family = app
        .person_with(
            &books.tenant,
            Role::Family,
            &[Capability::ReadMember],
            "felix",
        )
        .await;
    let member = books.worker.member.to_string();
    let asked =
        json!({ "action": "Transaction.amount", "node": books.personal_transaction, "of": member });
    let access_of = "query($of: ID!) { accessOf(principalId: $of) { action } }";
    for query in [WHY, WHY_OF, WHO, access_of] {
        let refused = family.graphql(query, asked.clone()).await;
        assert_eq!(
            refused.error_code(),
            Some("FORBIDDEN"),
            "{query}: {:?}",
            refused.body
        );
        let rule = &refused.body["errors"][0]["extensions"]["rule"];
        assert!(rule.is_null(), "{rule}");
    }
    let own = "{ viewer { kind access { action decision } } }";
    let own = family.graphql(own, json!({})).await;
    assert!(own.data()["viewer"]["access"].is_null(), "{:?}", own.body);
    assert!(own.redactions().to_string().contains("viewer.access"));
}

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
    let nowhere = countersign_domain::id::ApiTokenId::new(Uuid::from_u128(77)).to_string();
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
    for hidden in ["members", "tokens"] {
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

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_asked_is_in_the_log() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    why(
        &books.worker,
        "Transaction.amount",
        &books.business_transaction,
    )
    .await;
    let of = json!({ "action": "Transaction.amount", "of": books.owner.member.to_string() });
    books.worker.graphql(WHY_OF, of).await;
    let log = "query($of: String) { auditEntries(first: 20, filter: { action: \"books.read\", actorId: $of }) { \
               nodes { outcome permission targets payload } } }";
    let log = books
        .owner
        .graphql(log, json!({ "of": books.worker.user.to_string() }))
        .await;
    let rows = log.data()["auditEntries"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    let row = |field: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row["permission"].as_str().unwrap().contains(field))
            .unwrap()
    };
    let asked = row("Query.explainAccess by human.explain");
    assert_eq!(asked["outcome"], "DONE");
    assert_eq!(asked["targets"], json!([books.business_transaction]));
    let refused = row("Query.explainAccessOf refused by no-permit(human.member)");
    assert_eq!(refused["outcome"], "REFUSED");
    assert_eq!(refused["targets"], json!([books.owner.member.to_string()]));
}

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
