//! Law 3: what each kind of caller sees, hides and is refused, through the whole product.

use countersign_domain::access::{Capability, Role, Scope};
use countersign_tests::{Reply, TestApp};
use serde_json::json;

use crate::books::{BUSINESS, CARD, PERSONAL, books};

const AMOUNTS: &str = "{ transactions(first: 200) { nodes { id amount magnitude counterparty \
                       account { name balance number } } totalCount } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_accountant_sees_amounts_and_a_worker_sees_magnitudes() {
    let app = TestApp::start().await;
    let books = books(&app).await;

    let seen = books.accountant.graphql(AMOUNTS, json!({})).await;
    assert_eq!(seen.status, 200);
    assert!(seen.redactions().is_null(), "{:?}", seen.body);
    let nodes = seen.data()["transactions"]["nodes"]
        .as_array()
        .expect("rows")
        .clone();
    assert_eq!(
        nodes.len(),
        BUSINESS + CARD,
        "personal rows are not the accountant's"
    );
    assert!(nodes.iter().all(|node| node["amount"].is_string()));

    let hidden = books.worker.graphql(AMOUNTS, json!({})).await;
    let nodes = hidden.data()["transactions"]["nodes"]
        .as_array()
        .expect("rows")
        .clone();
    assert_eq!(nodes.len(), BUSINESS + CARD);
    let own = nodes
        .iter()
        .filter(|node| node["amount"].is_string())
        .count();
    assert_eq!(
        own, CARD,
        "a worker sees amounts of the account in their care"
    );
    assert!(nodes.iter().all(|node| node["magnitude"].is_string()));
    let redactions = hidden.redactions().as_array().expect("redactions").clone();
    let amount = redactions
        .iter()
        .find(|redaction| redaction["path"] == "transactions.nodes.*.amount")
        .expect("the amount is named");
    assert_eq!(amount["count"], BUSINESS);
    // An account is told of by each of its rows: what is hidden of it, as often.
    let accounts: Vec<_> = nodes.iter().map(|node| &node["account"]).collect();
    let hidden = |field: &str| accounts.iter().filter(|a| a[field].is_null()).count();
    for field in ["balance", "number"] {
        let path = format!("transactions.nodes.*.account.{field}");
        let told = redactions.iter().find(|told| told["path"] == path.as_str());
        let told = told.map_or(&json!(0), |told| &told["count"]).clone();
        assert_eq!(told, hidden(field), "{path}");
    }
    assert_eq!(hidden("balance"), BUSINESS);
    assert_eq!(hidden("name"), 0);
    assert!(
        amount["rule"]
            .as_str()
            .expect("a rule")
            .contains("financial"),
        "{amount}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn family_sees_personal_rows_only_and_is_not_told_the_rule() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let family = app.person(&books.tenant, Role::Family, "felix").await;
    let seen = family.graphql(AMOUNTS, json!({})).await;
    assert_eq!(seen.data()["transactions"]["totalCount"], PERSONAL);
    let refused = family
        .graphql("{ members { nodes { id } } }", json!({}))
        .await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
    assert!(
        refused.body["errors"][0]["extensions"]["rule"].is_null(),
        "{:?}",
        refused.body
    );
    assert!(refused.data()["members"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tokens_scopes_do_not_cover_is_hidden_with_the_rule_named() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let seen = token.graphql(AMOUNTS, json!({})).await;
    assert_eq!(
        seen.data()["transactions"]["totalCount"],
        BUSINESS + CARD,
        "no personal rows"
    );
    let redactions = seen.redactions().to_string();
    assert!(redactions.contains("machine.financial"), "{redactions}");
    assert!(redactions.contains("machine.pii"), "{redactions}");

    let refused = token
        .graphql("{ auditEntries { nodes { id } } }", json!({}))
        .await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
    let rule = refused.body["errors"][0]["extensions"]["rule"]
        .as_str()
        .unwrap_or_default();
    assert!(rule.contains("machine.audit"), "{rule}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_needs_a_human_is_refused_to_a_token_with_every_scope() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(Scope::ALL).await;
    for mutation in [
        "mutation { createApiToken(input: { name: \"x\", scopes: [\"basic:read\"] }) { plainToken userErrors { code } } }".to_owned(),
        format!("mutation {{ removeMember(input: {{ memberId: \"{}\" }}) {{ removedMemberId }} }}", books.worker.member),
        format!("mutation {{ revokeApiToken(input: {{ apiTokenId: \"{}\" }}) {{ userErrors {{ code }} }} }}", token.id),
    ] {
        let refused = token.graphql(&mutation, json!({})).await;
        assert_eq!(refused.error_code(), Some("FORBIDDEN"), "{mutation}");
        let rule = refused.body["errors"][0]["extensions"]["rule"].as_str().unwrap_or_default();
        assert_eq!(rule, "machine.never-attributed", "{mutation}");
    }
    let still = books.worker.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(
        still.data()["viewer"]["kind"],
        "HUMAN",
        "nobody was removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_read_through_the_interface_are_decided_for_their_concrete_type() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let row = books.business_transaction.as_str();
    let query = "query($id: ID!) { node(id: $id) { __typename id ...on Transaction { cents: amount \
                 ...more } ... on Node { ... on Transaction { again: amount } } } \
                 nodes(ids: [$id]) { ... on Transaction { amount } } } \
                 fragment more on Transaction { amount magnitude account { balance } }";
    let seen = books.accountant.graphql(query, json!({ "id": row })).await;
    assert!(seen.data()["node"]["cents"].is_string(), "{:?}", seen.body);
    let hidden = books.worker.graphql(query, json!({ "id": row })).await;
    let node = &hidden.data()["node"];
    assert_eq!(node["__typename"], "Transaction");
    for field in ["cents", "amount", "again"] {
        assert!(node[field].is_null(), "`{field}` in {:?}", hidden.body);
    }
    assert!(node["account"]["balance"].is_null());
    assert!(hidden.data()["nodes"][0]["amount"].is_null());
    assert!(node["magnitude"].is_string());
    let paths = hidden.redactions().to_string();
    for path in ["node.cents", "node.amount", "node.again", "nodes.*.amount"] {
        assert!(paths.contains(path), "`{path}` in {paths}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_policy_hides_is_not_found_by_its_id() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "query($id: ID!) { node(id: $id) { id } }";
    let hidden = books
        .worker
        .graphql(query, json!({ "id": books.personal_transaction }))
        .await;
    assert_eq!(hidden.error_code(), Some("NOT_FOUND"));
    let owner = books
        .owner
        .graphql(query, json!({ "id": books.personal_transaction }))
        .await;
    assert_eq!(owner.data()["node"]["id"], books.personal_transaction);
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_text_needs_the_right_to_read_it_on_every_row() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ transactions(filter: { text: \"rent\" }) { totalCount } }";
    let token = books.owner.token(&[Scope::BasicRead]).await;
    assert_eq!(
        token.graphql(query, json!({})).await.error_code(),
        Some("FORBIDDEN")
    );
    assert_eq!(
        books.worker.graphql(query, json!({})).await.error_code(),
        Some("BAD_USER_INPUT")
    );
    let found = books.accountant.graphql(query, json!({})).await;
    assert!(
        found.data()["transactions"]["totalCount"]
            .as_i64()
            .unwrap_or_default()
            > 0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_capability_opens_its_group_and_nothing_else() {
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
    let seen = granted.graphql(AMOUNTS, json!({})).await;
    let nodes = seen.data()["transactions"]["nodes"]
        .as_array()
        .expect("rows")
        .clone();
    assert!(nodes.iter().all(|node| node["amount"].is_string()));
    assert!(
        nodes.iter().any(|node| node["counterparty"].is_null()),
        "names stay hidden"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_learns_what_they_may_do_without_doing_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ viewer { a: can(action: \"Mutation.removeMember\") { verdict rules } \
                 b: can(action: \"Transaction.amount\") { verdict } } }";
    let worker = books.worker.graphql(query, json!({})).await;
    assert_eq!(worker.data()["viewer"]["a"]["verdict"], "DENY");
    assert_eq!(worker.data()["viewer"]["b"]["verdict"], "DEPENDS_ON_ROW");
    let nonsense = books
        .worker
        .graphql("{ viewer { can(action: \"x\") { verdict } } }", json!({}))
        .await;
    assert_eq!(nonsense.error_code(), Some("BAD_USER_INPUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_is_for_those_who_hold_the_capability() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ __schema { queryType { name } } }";
    let refused = books.worker.graphql(query, json!({})).await;
    assert_eq!(refused.error_code(), Some("INTROSPECTION_DISABLED"));
    let seen = books.owner.graphql(query, json!({})).await;
    assert_eq!(seen.data()["__schema"]["queryType"]["name"], "Query");
    // What may have been meant is told to the same, also after others have asked.
    let typo = "{ acounts { nodes { id } } }";
    let hints = |reply: &Reply| {
        reply
            .body
            .to_string()
            .contains("Did you mean \\\"accounts\\\"")
    };
    for _ in 0..2 {
        let told = books.owner.graphql(typo, json!({})).await;
        assert!(hints(&told), "{:?}", told.body);
        let untold = books.worker.graphql(typo, json!({})).await;
        assert_eq!(untold.error_code(), Some("GRAPHQL_VALIDATION_FAILED"));
        assert!(
            !untold.body.to_string().contains("Did you mean"),
            "{:?}",
            untold.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_is_made_of_is_told_to_those_who_may_explore() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let timing = |reply: &Reply| reply.headers.get("server-timing").cloned();
    let told = timing(&books.owner.graphql(AMOUNTS, json!({})).await).expect("an owner is told");
    for part in ["authorization;dur=", "data;dur=", "audit;dur="] {
        assert!(
            told.to_str().is_ok_and(|told| told.contains(part)),
            "{told:?}"
        );
    }
    assert_eq!(
        timing(&books.worker.graphql(AMOUNTS, json!({})).await),
        None
    );
}

const MAKE: &str = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
                    { account { id name } userErrors { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_what_they_may_not_touch() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let own = |custodian: Option<String>| json!({ "input": { "name": "Hers", "currency": "EUR", "personal": true, "custodianId": custodian } });
    let token = books.owner.token(Scope::ALL).await;
    let other = Some(books.worker.member.to_string());
    for custodian in [None, other] {
        let by_person = books.accountant.graphql(MAKE, own(custodian.clone())).await;
        let by_machine = token.graphql(MAKE, own(custodian)).await;
        for (refused, expected) in [
            (by_person, "human.personal-hidden"),
            (by_machine, "machine.never-personal"),
        ] {
            assert_eq!(
                refused.error_code(),
                Some("FORBIDDEN"),
                "{:?}",
                refused.body
            );
            let rule = &refused.body["errors"][0]["extensions"]["rule"];
            assert_eq!(rule, expected);
            assert!(refused.data()["createAccount"].is_null());
        }
    }
    let count = books
        .owner
        .graphql("{ accounts { nodes { id } } }", json!({}))
        .await;
    let count = count.data()["accounts"]["nodes"].as_array().unwrap().len();
    assert_eq!(count, 3, "nothing was made");
    let refused = json!({ "action": "account.created", "outcome": "REFUSED" });
    assert_eq!(crate::audit::log(&books.owner, refused).await.len(), 4);
    // What is in somebody's own care they may touch, and so make.
    let care = Some(books.accountant.member.to_string());
    let made = books.accountant.graphql(MAKE, own(care)).await;
    assert_eq!(
        made.data()["createAccount"]["account"]["name"],
        "Hers",
        "{:?}",
        made.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_and_may_not_be_read_is_null_with_the_reason() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::AccountsCreate]).await;
    let input = json!({ "input": { "name": "Blind", "currency": "EUR" } });
    let made = token.graphql(MAKE, input).await;
    assert_eq!(
        (made.status, made.error_code()),
        (200, Some("FORBIDDEN")),
        "{:?}",
        made.body
    );
    let told = &made.data()["createAccount"];
    assert_eq!(*told, json!({ "account": null, "userErrors": [] }));
    let error = &made.body["errors"][0];
    assert_eq!(error["path"], json!(["createAccount", "account", "id"]));
    assert_eq!(error["extensions"]["rule"], "no-permit(machine.basic)");
    let names = books
        .owner
        .graphql("{ accounts { nodes { name } } }", json!({}))
        .await;
    assert!(names.data().to_string().contains("Blind"));
}
