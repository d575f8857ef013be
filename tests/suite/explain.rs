//! Who may, and why: asked in the product, by those who may ask (AUT-3, AUT-5).

mod others;

use countersign_domain::{
    access::{Capability, Role, Scope},
    id::TransactionId,
};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books::{Books, books, books_of};

const WHY: &str = "query($action: String!, $node: ID) { explainAccess(action: $action, nodeId: $node) { \
    action decision tenantSuspended rules { name sentence text } nearest { rule { name sentence text } fails needs } \
    condition { words sql } principal { kind role capabilities scopes secondFactor } \
    row { personal custodian } } }";

const WHY_OF: &str = "query($action: String!, $of: ID!, $node: ID) { \
    explainAccessOf(action: $action, principalId: $of, nodeId: $node) { \
    decision rules { name } nearest { rule { name } fails } condition { words } \
    principal { kind role capabilities scopes secondFactor } row { personal custodian } } }";

const WHO: &str = "query($action: String!) { whoMay(action: $action) { action group anyMachine \
    roles { role decision condition { words sql } } capabilities { capability roles } \
    scopes { scope decision condition { words } } \
    members(first: 100) { hasMore nodes { decision condition { words } member { id role } } } \
    tokens(first: 100) { hasMore nodes { decision token { id } } } \
    machines(first: 100) { hasMore nodes { machineId clientId name scopes decision condition { words } } } } }";

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
    rules.map(|rule| rule["name"].as_str().unwrap()).collect()
}

/// What of an answer does not change from one request to the next.
pub(crate) fn lasting(reply: &Reply) -> (u16, String, Vec<String>) {
    let mut body = reply.body.clone();
    body["errors"][0]["extensions"]["requestId"] = json!("");
    let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (reply.status, body.to_string(), names)
}

/// What is left of the caller's quota.
pub(crate) fn left(reply: &Reply) -> u64 {
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
        nearest.find(|near| near["rule"]["name"] == id).unwrap()
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
        nearest[0]["rule"]["name"], "human.financial-custodian",
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
    assert_eq!(told["nearest"][0]["rule"]["name"], "machine.financial");
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
    assert_eq!(told["nearest"][0]["rule"]["name"], "human.token");
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
        ("read.financial", None, "there is no such action"),
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
async fn who_may_ask_why_is_told_which_policies_decide_and_what_was_proved_of_them() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query =
        "{ policySet { version certificate { provedAt claimCount environmentCount solvers } } }";
    let told = books.worker.graphql(query, json!({})).await;
    let set = &told.data()["policySet"];
    assert_eq!(set["version"], app.engine().version(), "{:?}", told.body);
    let proof = &set["certificate"];
    assert!(
        proof["claimCount"].as_i64() > proof["environmentCount"].as_i64(),
        "{proof}"
    );
    assert_eq!(proof["solvers"].as_array().map(Vec::len), Some(2));
    let family = app.person(&books.tenant, Role::Family, "fay").await;
    let refused = family.graphql(query, json!({})).await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_tenants_own_is_a_row_like_others() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let made = books
        .owner
        .graphql(
            "mutation { createRole(input: { name: \"Trainee\", baseRole: \"worker\" }) { role { id } } }",
            json!({}),
        )
        .await;
    let role = &made.data()["createRole"]["role"]["id"];
    assert!(role.is_string(), "{:?}", made.body);
    let asked = json!({ "action": "CustomRole.name", "node": role });
    let told = books.owner.graphql(WHY, asked).await;
    let explained = &told.data()["explainAccess"];
    assert_eq!(explained["decision"], "ALLOWED", "{:?}", told.body);
}
