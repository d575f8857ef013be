//! Statements: the way of a file into the books, and what keeps it out.

use countersign_domain::access::Role;
use countersign_tests::TestApp;
use serde_json::json;

use crate::books::{account, camt, camt_with, entries, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_comes_in_checked_and_the_second_time_changes_nothing() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let (_, number) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let file = camt(&number, "1000.00", &entries(5));

    let first = send(&owner, "march.xml", file.as_bytes(), json!({})).await;
    let payload = &first.data()["importStatement"];
    assert_eq!(payload["alreadyImported"], false, "{:?}", first.body);
    assert_eq!(payload["import"]["format"], "CAMT_053");
    assert_eq!(payload["import"]["addedCount"], 5);
    assert_eq!(payload["statements"][0]["opening"], "1000.00");
    assert_eq!(payload["statements"][0]["closing"], "-2355.99");
    assert_eq!(payload["statements"][0]["balanceCheck"], "BALANCED");

    let again = send(&owner, "march (1).xml", file.as_bytes(), json!({})).await;
    let payload = &again.data()["importStatement"];
    assert_eq!(payload["alreadyImported"], true);
    assert_eq!(
        payload["import"]["id"],
        first.data()["importStatement"]["import"]["id"]
    );

    // The same entries in another file: overlapping statements add nothing twice.
    let overlap = format!("{file}\n");
    let overlap = send(&owner, "overlap.xml", overlap.as_bytes(), json!({})).await;
    let payload = &overlap.data()["importStatement"];
    assert_eq!(payload["import"]["addedCount"], 0, "{:?}", overlap.body);
    assert_eq!(payload["import"]["duplicateCount"], 5);

    let count = owner
        .graphql(
            "{ transactions { totalCount } accounts { nodes { balance balanceOn } } }",
            json!({}),
        )
        .await;
    assert_eq!(count.data()["transactions"]["totalCount"], 5);
    assert_eq!(count.data()["accounts"]["nodes"][0]["balance"], "-2355.99");
    assert_eq!(
        count.data()["accounts"]["nodes"][0]["balanceOn"],
        "2026-03-31"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_or_unbalanced_statement_imports_nothing_and_says_where() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let (_, number) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;

    let unbalanced = camt_with(&number, 100_000, 1, &entries(3));
    let reply = send(&owner, "x.xml", unbalanced.as_bytes(), json!({})).await;
    let error = &reply.data()["importStatement"]["userErrors"][0];
    assert_eq!(error["code"], "STATEMENT_UNBALANCED", "{:?}", reply.body);
    assert_eq!(error["field"], json!(["input", "content"]));

    let broken = camt(&number, "1000.00", &entries(3))
        .replace("<Amt Ccy=\"EUR\">1200.00", "<Amt Ccy=\"EUR\">12x");
    let reply = send(&owner, "x.xml", broken.as_bytes(), json!({})).await;
    let error = &reply.data()["importStatement"]["userErrors"][0];
    assert_eq!(error["code"], "STATEMENT_BROKEN", "{:?}", reply.body);
    assert!(
        error["message"]
            .as_str()
            .unwrap_or_default()
            .contains("Ntry[1]"),
        "{error}"
    );

    let unknown = camt("NL00UNKN0000000000", "1.00", &entries(1));
    let reply = send(&owner, "x.xml", unknown.as_bytes(), json!({})).await;
    assert_eq!(
        reply.data()["importStatement"]["userErrors"][0]["code"],
        "ACCOUNT_UNKNOWN"
    );

    let after = owner
        .graphql(
            "{ transactions { totalCount } imports { nodes { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(after.data()["transactions"]["totalCount"], 0);
    assert_eq!(after.data()["imports"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_comes_in_with_a_mapping() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let (id, _) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let csv = "Day;Text;Amount\n03.03.2026;Rent;-1.200,00\n04.03.2026;=HYPERLINK(1);99,50\n";
    let mapping = json!({ "date": "Day", "dateFormat": "%d.%m.%Y", "amount": "Amount",
                          "description": "Text", "delimiter": ";", "decimalMark": "," });
    let reply = send(
        &owner,
        "x.csv",
        csv.as_bytes(),
        json!({ "accountId": id, "csv": mapping }),
    )
    .await;
    let payload = &reply.data()["importStatement"];
    assert_eq!(payload["import"]["addedCount"], 2, "{:?}", reply.body);
    assert_eq!(payload["statements"][0]["balanceCheck"], "NOT_STATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn currencies_are_of_iso_4217_and_what_stands_in_another_stays() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let make = "mutation($c: CurrencyCode!) { createAccount(input: { name: \"Till\", currency: $c, \
                personal: false }) { account { currency } userErrors { code } } }";
    for code in ["ZZZ", "EUE", "eur", "DEM"] {
        let refused = owner.graphql(make, json!({ "c": code })).await;
        assert_eq!(refused.status, 400, "{code}: {:?}", refused.body);
        let told = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains("`CurrencyCode`"), "{told}");
        assert!(!told.contains(code), "{told}");
    }
    for code in ["JPY", "HRK", "ANG"] {
        let made = owner.graphql(make, json!({ "c": code })).await;
        let account = &made.data()["createAccount"]["account"];
        assert_eq!(account["currency"], code, "{:?}", made.body);
    }

    // A statement of long ago is read, and told apart from its account.
    let (id, number) = account(&owner, "Old", "NL26VAYB8060476890", None, false).await;
    let file = camt(&number, "1000.00", &entries(5)).replace("EUR", "DEM");
    let refused = send(&owner, "1998.xml", file.as_bytes(), json!({})).await;
    let error = &refused.data()["importStatement"]["userErrors"][0];
    assert_eq!(error["code"], "CURRENCY_MISMATCH", "{:?}", refused.body);
    assert_eq!(
        error["message"],
        "the statement is in DEM and the account in EUR"
    );

    // An account that was made before keeps its currency, and takes its statements.
    let mut superuser = app.test_database.superuser().await;
    let before = "UPDATE countersign.accounts SET currency = 'DEM' WHERE name = 'Old'";
    sqlx::query(before).execute(&mut superuser).await.unwrap();
    let taken = send(&owner, "1998.xml", file.as_bytes(), json!({})).await;
    let payload = &taken.data()["importStatement"];
    assert_eq!(payload["import"]["addedCount"], 5, "{:?}", taken.body);
    let read = "query($id: ID!) { node(id: $id) { ... on Account { currency balance } } \
                transactions(first: 1, filter: { accountId: $id }) { nodes { currency amount } } }";
    let read = owner.graphql(read, json!({ "id": id })).await;
    let data = read.data();
    assert_eq!(data["node"]["currency"], "DEM", "{:?}", read.body);
    assert_eq!(data["transactions"]["nodes"][0]["currency"], "DEM");
}
