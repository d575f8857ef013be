//! The books of one tenant, as most suites need them, and the way of a statement into them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::access::{Role, Scope};
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
    import { id format importedCount duplicateCount statementCount } \
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
    assert_eq!(payload["import"]["importedCount"], 5);
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
    assert_eq!(payload["import"]["importedCount"], 0, "{:?}", overlap.body);
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
    assert_eq!(payload["import"]["importedCount"], 2, "{:?}", reply.body);
    assert_eq!(payload["statements"][0]["balanceCheck"], "NOT_STATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_filtered_paged_and_sorted_under_categories() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    let page = "query($after: String, $before: String, $first: Int, $last: Int) { transactions(first: $first, after: $after, last: $last, \
                before: $before) { edges { cursor node { id bookedOn } } \
                pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } }";
    let mut forward = Vec::new();
    let mut after = Value::Null;
    loop {
        let reply = owner
            .graphql(page, json!({ "first": 3, "after": after }))
            .await;
        let connection = &reply.data()["transactions"];
        let edges = connection["edges"]
            .as_array()
            .unwrap_or_else(|| panic!("{:?}", reply.body));
        forward.extend(edges.iter().map(|edge| edge["node"]["id"].clone()));
        after = connection["pageInfo"]["endCursor"].clone();
        if connection["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(forward.len(), BUSINESS + CARD + PERSONAL);
    let mut backward = Vec::new();
    let mut before = Value::Null;
    loop {
        let reply = owner
            .graphql(page, json!({ "last": 4, "before": before }))
            .await;
        let connection = &reply.data()["transactions"];
        let edges = connection["edges"]
            .as_array()
            .unwrap_or_else(|| panic!("{:?}", reply.body));
        backward.splice(0..0, edges.iter().map(|edge| edge["node"]["id"].clone()));
        before = connection["pageInfo"]["startCursor"].clone();
        if connection["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(forward, backward, "the list reads the same from both ends");

    let filtered = owner
        .graphql("{ transactions(filter: { direction: OUT, magnitude: LARGE }) { nodes { amount } totalCount } }", json!({}))
        .await;
    assert!(
        filtered.data()["transactions"]["totalCount"]
            .as_i64()
            .unwrap_or_default()
            >= 2
    );
    for node in filtered.data()["transactions"]["nodes"]
        .as_array()
        .expect("rows")
    {
        let amount = node["amount"].as_str().unwrap_or_default();
        assert!(amount.starts_with('-') && amount.len() == 8, "{amount}");
    }

    let made = owner
        .graphql(
            "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }",
            json!({}),
        )
        .await;
    let category = made.data()["createCategory"]["category"]["id"].clone();
    let sorted = owner
        .graphql(
            "mutation($t: ID!, $c: ID) { categorizeTransaction(input: { transactionId: $t, \
             categoryId: $c }) { transaction { category { name } } userErrors { code } } }",
            json!({ "t": books.business_transaction, "c": category }),
        )
        .await;
    let transaction = &sorted.data()["categorizeTransaction"]["transaction"];
    assert_eq!(transaction["category"]["name"], "Rent", "{:?}", sorted.body);
    // The accountant may sort what is not personal: a decision that only the row in hand settles.
    let by_accountant = |id: String| {
        let accountant = &books.accountant;
        async move {
            let query = "mutation($t: ID!) { categorizeTransaction(input: { transactionId: $t }) \
                         { transaction { id } userErrors { code } } }";
            accountant.graphql(query, json!({ "t": id })).await
        }
    };
    let own = by_accountant(books.business_transaction.clone()).await;
    let id = &own.data()["categorizeTransaction"]["transaction"]["id"];
    assert_eq!(id, &json!(books.business_transaction), "{:?}", own.body);
    let personal = by_accountant(books.personal_transaction.clone()).await;
    let code = &personal.data()["categorizeTransaction"]["userErrors"][0]["code"];
    assert_eq!(code, "NOT_FOUND", "{:?}", personal.body);
    let again = owner
        .graphql(
            "mutation($t: ID!, $c: ID) { categorizeTransaction(input: { transactionId: $t, \
             categoryId: $c }) { userErrors { code } } }",
            json!({ "t": books.business_transaction, "c": category }),
        )
        .await;
    assert_eq!(
        again.data()["categorizeTransaction"]["userErrors"],
        json!([])
    );
    let open = owner
        .graphql(
            "{ transactions(filter: { uncategorized: true }) { totalCount } }",
            json!({}),
        )
        .await;
    assert_eq!(
        open.data()["transactions"]["totalCount"],
        BUSINESS + CARD + PERSONAL - 1
    );
    let taken = owner
        .graphql(
            "mutation { createCategory(input: { name: \"rENT\" }) { userErrors { code } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        taken.data()["createCategory"]["userErrors"][0]["code"],
        "TAKEN"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_works_and_ends_with_its_revocation_or_its_time() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    assert!(token.plain.starts_with("cst_") && token.plain.len() == 53);
    let viewer = token.graphql("{ viewer { kind scopes } }", json!({})).await;
    assert_eq!(
        viewer.data()["viewer"],
        json!({ "kind": "MACHINE", "scopes": ["basic:read"] })
    );
    let listed = books
        .owner
        .graphql(
            "{ apiTokens { nodes { name lastFour scopes revokedAt createdBy { name } } } }",
            json!({}),
        )
        .await;
    assert!(
        !listed.body.to_string().contains(&token.plain),
        "it is not shown again"
    );
    let last_four = &token.plain[49..];
    assert!(listed.body.to_string().contains(last_four));

    let revoke = format!(
        "mutation {{ revokeApiToken(input: {{ apiTokenId: \"{}\" }}) {{ userErrors {{ code }} }} }}",
        token.id
    );
    books.owner.graphql(&revoke, json!({})).await;
    assert_eq!(
        token.graphql("{ viewer { kind } }", json!({})).await.status,
        401
    );
    let again = books.owner.graphql(&revoke, json!({})).await;
    assert_eq!(
        again.data()["revokeApiToken"]["userErrors"][0]["code"],
        "ALREADY_DONE"
    );

    let expiring = books.owner.token(&[Scope::BasicRead]).await;
    app.clock.advance(chrono::Duration::days(91));
    assert_eq!(
        expiring
            .graphql("{ viewer { kind } }", json!({}))
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_members_very_next_request_is_refused_and_the_last_owner_stays() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let remove = "mutation($id: ID!) { removeMember(input: { memberId: $id }) \
                  { removedMemberId userErrors { code } } }";
    let last = books
        .owner
        .graphql(remove, json!({ "id": books.owner.member.to_string() }))
        .await;
    assert_eq!(
        last.data()["removeMember"]["userErrors"][0]["code"],
        "LAST_OWNER",
        "{:?}",
        last.body
    );

    let before = books.worker.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(before.status, 200);
    let done = books
        .owner
        .graphql(remove, json!({ "id": books.worker.member.to_string() }))
        .await;
    assert_eq!(
        done.data()["removeMember"]["removedMemberId"],
        books.worker.member.to_string()
    );
    let after = books.worker.graphql("{ viewer { kind } }", json!({})).await;
    assert!(
        matches!(after.status, 401 | 403),
        "{} {:?}",
        after.status,
        after.body
    );
}
