//! The books of one tenant, as most suites need them, and the way of a statement into them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::access::Role;
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use serde_json::{Value, json};

/// Transactions on the operating account.
pub(crate) const BUSINESS: usize = 5;
/// Transactions on the card account, which the worker has in their care.
pub(crate) const CARD: usize = 2;
/// Transactions on the owner's personal account.
pub(crate) const PERSONAL: usize = 3;

pub(crate) struct Books {
    pub(crate) tenant: TestTenant,
    pub(crate) owner: Browser,
    pub(crate) accountant: Browser,
    pub(crate) worker: Browser,
    pub(crate) business_transaction: String,
    pub(crate) personal_transaction: String,
}

/// A tenant with three people, three accounts and a statement on each.
pub(crate) async fn books(app: &TestApp) -> Books {
    books_of(app, "northwind").await
}

pub(crate) async fn books_of(app: &TestApp, slug: &str) -> Books {
    let tenant = app.tenant(slug).await;
    let owner = app
        .person(&tenant, Role::Owner, &format!("olivia.{slug}"))
        .await;
    let accountant = app
        .person(&tenant, Role::Accountant, &format!("arthur.{slug}"))
        .await;
    let worker = app
        .person(&tenant, Role::Worker, &format!("wanda.{slug}"))
        .await;
    let operating = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let card = account(
        &owner,
        "Field card",
        "NL91ABNA0417164300",
        Some(worker.member.to_string()),
        false,
    )
    .await;
    let personal = account(&owner, "Household", "DE89370400440532013000", None, true).await;
    import(
        &owner,
        "operating.xml",
        &camt(&operating.1, "1000.00", &entries(BUSINESS)),
    )
    .await;
    import(&owner, "card.xml", &camt(&card.1, "50.00", &entries(CARD))).await;
    import(
        &owner,
        "household.xml",
        &camt(&personal.1, "70.00", &entries(PERSONAL)),
    )
    .await;
    let first = |account: &str| {
        let query = format!(
            "{{ transactions(first: 1, filter: {{ accountId: \"{account}\" }}) {{ nodes {{ id }} }} }}"
        );
        let owner = &owner;
        async move {
            let reply = owner.graphql(&query, json!({})).await;
            let id = reply.data()["transactions"]["nodes"][0]["id"].as_str();
            id.unwrap_or_else(|| panic!("a transaction: {:?}", reply.body))
                .to_owned()
        }
    };
    let business_transaction = first(&operating.0).await;
    let personal_transaction = first(&personal.0).await;
    Books {
        tenant,
        owner,
        accountant,
        worker,
        business_transaction,
        personal_transaction,
    }
}

/// Creates an account; its id and number.
pub(crate) async fn account(
    by: &Browser,
    name: &str,
    number: &str,
    custodian: Option<String>,
    personal: bool,
) -> (String, String) {
    let reply = by
        .graphql(
            "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
             { account { id } userErrors { code message } } }",
            json!({ "input": { "name": name, "currency": "EUR", "number": number,
                               "custodianId": custodian, "personal": personal } }),
        )
        .await;
    let id = reply.data()["createAccount"]["account"]["id"].as_str();
    (
        id.unwrap_or_else(|| panic!("an account: {:?}", reply.body))
            .to_owned(),
        number.to_owned(),
    )
}

pub(crate) const IMPORT: &str = "mutation($input: ImportStatementInput!) { \
    importStatement(input: $input) { alreadyImported \
    import { id format addedCount duplicateCount statementCount } \
    statements { id opening closing balanceCheck transactionCount account { name } } \
    userErrors { code message field } } }";

/// Sends a file, whatever comes of it.
pub(crate) async fn send(by: &Browser, name: &str, content: &[u8], more: Value) -> Reply {
    let mut input = json!({ "fileName": name, "content": STANDARD.encode(content) });
    if let (Some(input), Value::Object(more)) = (input.as_object_mut(), more) {
        input.extend(more);
    }
    by.graphql(IMPORT, json!({ "input": input })).await
}

async fn import(by: &Browser, name: &str, content: &str) {
    let reply = send(by, name, content.as_bytes(), json!({})).await;
    let errors = &reply.data()["importStatement"]["userErrors"];
    assert_eq!(errors, &json!([]), "{:?}", reply.body);
}

/// Amounts in cents with a text and a counterparty, on days of March 2026.
pub(crate) fn entries(n: usize) -> Vec<(i64, String)> {
    let texts = [
        "Office rent",
        "Customer payment",
        "Cloud hosting",
        "Stamps",
        "Salary",
    ];
    let cents = [-120_000, 99_950, -4_999, -550, -310_000];
    (0..n)
        .map(|i| (cents[i % 5], texts[i % 5].to_owned()))
        .collect()
}

/// A camt.053 statement with right balances.
pub(crate) fn camt(iban: &str, opening: &str, entries: &[(i64, String)]) -> String {
    let opening_cents: i64 = opening.replace('.', "").parse().expect("cents");
    let closing = opening_cents + entries.iter().map(|(cents, _)| cents).sum::<i64>();
    camt_with(iban, opening_cents, closing, entries)
}

/// A camt.053 statement with these balances, right or not.
pub(crate) fn camt_with(
    iban: &str,
    opening: i64,
    closing: i64,
    entries: &[(i64, String)],
) -> String {
    let amount = |cents: i64| format!("{}.{:02}", cents.abs() / 100, cents.abs() % 100);
    let sign = |cents: i64| if cents < 0 { "DBIT" } else { "CRDT" };
    let balance = |code: &str, cents: i64, day: &str| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{}</Amt>\
             <CdtDbtInd>{}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>",
            amount(cents),
            sign(cents)
        )
    };
    let rows: Vec<String> = entries
        .iter()
        .enumerate()
        .map(|(i, (cents, text))| {
            let (party, role) = if *cents < 0 {
                ("Cdtr", "Landlord")
            } else {
                ("Dbtr", "Customer")
            };
            format!(
                "<Ntry><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Sts>BOOK</Sts>\
                 <BookgDt><Dt>2026-03-{:02}</Dt></BookgDt><AcctSvcrRef>REF{i}</AcctSvcrRef>\
                 <NtryDtls><TxDtls><RltdPties><{party}><Nm>{role} {i}</Nm></{party}></RltdPties>\
                 <RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>",
                amount(*cents),
                sign(*cents),
                i % 28 + 1
            )
        })
        .collect();
    let rows = rows.concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><GrpHdr>\
         <MsgId>M</MsgId><CreDtTm>2026-04-01T00:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S-{iban}</Id>\
         <CreDtTm>2026-04-01T00:00:00Z</CreDtTm><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy>\
         </Acct>{}{}{rows}</Stmt></BkToCstmrStmt></Document>",
        balance("OPBD", opening, "2026-03-01"),
        balance("CLBD", closing, "2026-03-31"),
    )
}
