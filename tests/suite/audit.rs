//! Law 4: no audit, no answer. What stands in a tenant's chain after a day's work.

use chrono::{DateTime, Utc};
use countersign_domain::access::{Role, Scope};
use countersign_entities::LedgerFault;
use countersign_tests::{Browser, TestApp};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::books::{books, send};

const LOG: &str = "query($filter: AuditEntryFilter) { auditEntries(first: 200, filter: $filter) \
    { nodes { seq action permission policies outcome actorKind actorId targets payload source requestId \
    occurredAt hash previousHash } } }";

pub(crate) async fn log(by: &Browser, filter: Value) -> Vec<Value> {
    let reply = by.graphql(LOG, json!({ "filter": filter })).await;
    let nodes = reply.data()["auditEntries"]["nodes"].as_array();
    nodes.unwrap_or_else(|| panic!("{:?}", reply.body)).clone()
}

/// When a row says that it occurred.
pub(crate) fn instant(occurred_at: &Value) -> DateTime<Utc> {
    let text = occurred_at.as_str().unwrap_or_default();
    text.parse()
        .unwrap_or_else(|_| panic!("no instant: {occurred_at}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_in_the_log_before_it_is_answered() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let reply = books
        .worker
        .graphql("{ accounts { nodes { name balance } } }", json!({}))
        .await;
    let request = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    let rows = log(&books.owner, json!({ "action": "books.read" })).await;
    let row = rows
        .iter()
        .find(|row| row["requestId"] == request.as_str())
        .expect("the row");
    assert_eq!(row["actorId"], books.worker.user.to_string());
    assert_eq!(row["outcome"], "DONE");
    assert!(
        row["permission"]
            .as_str()
            .unwrap()
            .contains("Query.accounts by human.basic")
    );
    assert!(
        row["payload"].as_str().unwrap().contains("\"hidden\":1"),
        "{row}"
    );
    assert_eq!(row["source"], "loopback");
    assert_eq!(row["policies"], app.engine().version());
}

/// AUD-1, AUD-5: which set of policies decided, and what of the books was before and is after.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_tells_before_and_after_and_whose_policies_decided() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let sort = "mutation($id: ID!, $category: ID) { \
        categorizeTransaction(input: { transactionId: $id, categoryId: $category }) { transaction { id } } }";
    let make = "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }";
    let made = books.owner.graphql(make, json!({})).await;
    let category = made.data()["createCategory"]["category"]["id"].clone();
    let found = "{ transactions(first: 1) { nodes { id } } }";
    let found = books.owner.graphql(found, json!({})).await;
    let id = found.data()["transactions"]["nodes"][0]["id"].clone();
    for category in [&category, &Value::Null] {
        let variables = json!({ "id": id, "category": category });
        let sorted = books.owner.graphql(sort, variables).await;
        assert_eq!(sorted.error_code(), None, "{:?}", sorted.body);
    }
    let revoke =
        "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { apiToken { id } } }";
    let id = json!({ "id": token.id.to_string() });
    let revoked = books.owner.graphql(revoke, id).await;
    assert_eq!(revoked.error_code(), None, "{:?}", revoked.body);

    let done = log(&books.owner, json!({ "outcome": "DONE" })).await;
    let of = |action: &str| {
        let rows = done.iter().filter(|row| row["action"] == action);
        rows.map(|row| {
            assert_eq!(row["policies"], app.engine().version(), "{row}");
            serde_json::from_str::<Value>(row["payload"].as_str().unwrap()).unwrap()
        })
        .collect::<Vec<_>>()
    };
    let sorted = of("transaction.categorized");
    let (into, out) = (json!({ "category": category }), json!({ "category": null }));
    assert_eq!((&sorted[1]["before"], &sorted[1]["after"]), (&out, &into));
    assert_eq!((&sorted[0]["before"], &sorted[0]["after"]), (&into, &out));
    let [revoked] = &of("api_token.revoked")[..] else {
        panic!("{done:?}");
    };
    assert_eq!(revoked["before"]["revokedAt"], Value::Null);
    assert!(revoked["after"]["revokedAt"].is_string(), "{revoked}");
    for action in [
        "account.created",
        "category.created",
        "api_token.created",
        "statement.imported",
    ] {
        let made = of(action);
        assert!(!made.is_empty(), "{action}");
        for payload in made {
            assert_eq!(payload["before"], Value::Null, "{action}: {payload}");
            assert!(payload["after"].is_object(), "{action}: {payload}");
        }
    }
    // What no policy decides says so.
    let opened = done.iter().find(|row| row["action"] == "session.opened");
    assert_eq!(opened.expect("a sign-in")["policies"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_row_can_not_be_written_is_not_answered() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let mut superuser = app.test_database.superuser().await;
    // As if the disk of the audit table were full: its inserts fail, everything else works.
    superuser
        .execute("REVOKE INSERT ON countersign.audit_entries FROM countersign_gate")
        .await
        .unwrap();
    let reply = books
        .owner
        .graphql("{ accounts { nodes { name } } }", json!({}))
        .await;
    assert!(reply.status >= 500, "{} {:?}", reply.status, reply.body);
    assert!(reply.data().is_null() && !reply.body.to_string().contains("Operating"));
    let write = books
        .owner
        .graphql(
            "mutation { createCategory(input: { name: \"x\" }) { category { id } } }",
            json!({}),
        )
        .await;
    assert!(write.data()["createCategory"].is_null(), "{:?}", write.body);
    superuser
        .execute("GRANT INSERT ON countersign.audit_entries TO countersign_gate")
        .await
        .unwrap();
    let after = books
        .owner
        .graphql("{ categories { nodes { name } } }", json!({}))
        .await;
    assert_eq!(
        after.data()["categories"]["nodes"],
        json!([]),
        "nothing was half done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_policy_and_of_input_are_rows() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    token
        .graphql("{ auditEntries { nodes { id } } }", json!({}))
        .await;
    let mutation =
        "mutation($id: ID!) { removeMember(input: { memberId: $id }) { removedMemberId } }";
    token
        .graphql(mutation, json!({ "id": books.worker.member.to_string() }))
        .await;
    send(&books.owner, "x.xml", b"<Document>", json!({})).await;

    let refused = log(&books.owner, json!({ "outcome": "REFUSED" })).await;
    let find = |action: &str| {
        refused
            .iter()
            .find(|row| row["action"] == action)
            .unwrap_or_else(|| panic!("{refused:?}"))
    };
    let read = find("books.read");
    assert_eq!(read["actorId"], token.id.to_string());
    assert!(
        read["permission"]
            .as_str()
            .unwrap()
            .contains("refused by no-permit(machine.audit)")
    );
    let member = find("member.removed");
    assert!(
        member["permission"]
            .as_str()
            .unwrap()
            .contains("machine.never-attributed")
    );
    let import = find("statement.imported");
    assert!(
        import["payload"]
            .as_str()
            .unwrap()
            .contains("STATEMENT_BROKEN"),
        "{import}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_no_amount_no_name_and_no_token() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead, Scope::PiiRead]).await;
    token
        .graphql(
            "{ transactions { nodes { counterparty amount } } }",
            json!({}),
        )
        .await;
    books
        .owner
        .graphql(
            "{ transactions(filter: { text: \"Landlord\" }) { totalCount } }",
            json!({}),
        )
        .await;
    let rows = Value::Array(log(&books.owner, Value::Null).await).to_string();
    for secret in [
        "1200.00",
        "-1200",
        "Landlord",
        "Office rent",
        "NL26VAYB",
        &token.plain,
    ] {
        assert!(!rows.contains(secret), "`{secret}` stands in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_verifies_and_convicts_whoever_edits_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let rows = log(&books.owner, Value::Null).await;
    for pair in rows.windows(2) {
        assert_eq!(
            pair[0]["previousHash"], pair[1]["hash"],
            "newest first, each linked"
        );
    }
    let operator = app.database().operator();
    let report = operator
        .verify_ledger(books.tenant.id, None, None)
        .await
        .unwrap();
    assert!(report.verified > 10);

    let mut superuser = app.test_database.superuser().await;
    superuser
        .execute(
            "ALTER TABLE countersign.audit_entries DISABLE TRIGGER ALL; \
             UPDATE countersign.audit_entries SET outcome = 'REFUSED' WHERE seq = 4 \
             AND tenant_id = (SELECT id FROM countersign.tenants WHERE slug = 'northwind'); \
             ALTER TABLE countersign.audit_entries ENABLE TRIGGER ALL",
        )
        .await
        .unwrap();
    let fault = operator
        .verify_ledger(books.tenant.id, None, None)
        .await
        .unwrap_err();
    assert!(matches!(fault, LedgerFault::Broken(_)), "{fault}");
    assert!(fault.to_string().contains("row 4"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_a_chain_of_its_own_without_gaps() {
    let app = TestApp::start().await;
    let (one, two) = (
        books(&app).await,
        crate::books::books_of(&app, "alder").await,
    );
    let reads = (0..40).map(|i| {
        let by = if i % 2 == 0 {
            one.owner.clone()
        } else {
            two.owner.clone()
        };
        async move { by.graphql("{ viewer { kind } }", json!({})).await.status }
    });
    let statuses = futures::future::join_all(reads).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    for books in [&one, &two] {
        let rows = log(&books.owner, Value::Null).await;
        let seqs: Vec<i64> = rows
            .iter()
            .rev()
            .filter_map(|row| row["seq"].as_i64())
            .collect();
        let expected: Vec<i64> = (1..=i64::try_from(seqs.len()).unwrap()).collect();
        assert_eq!(seqs, expected);
    }
    let worker = app.person(&one.tenant, Role::Worker, "curious").await;
    let refused = worker.graphql(LOG, json!({})).await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
}

/// A row of an instant is in what begins there, and not in what ends there.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_at_an_instant_is_before_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let newest = "{ auditEntries(first: 1) { nodes { seq occurredAt } } }";
    let newest = books.owner.graphql(newest, json!({})).await;
    let newest = newest.data()["auditEntries"]["nodes"][0].clone();
    let has = |rows: Vec<Value>| rows.iter().any(|row| row["seq"] == newest["seq"]);
    let at = &newest["occurredAt"];
    assert!(
        has(log(&books.owner, json!({ "from": at })).await),
        "{newest}"
    );
    assert!(
        !has(log(&books.owner, json!({ "to": at })).await),
        "{newest}"
    );
}
