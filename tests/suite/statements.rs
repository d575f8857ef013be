//! Statements: the way of a file into the books, and what keeps it out.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};

use crate::{
    audit::log,
    books::{IMPORT, account, books, camt, camt_with, entries, send},
    existence::nowhere,
    explain::lasting,
    idempotency::hold,
    roles::give,
};

const FILES: &str = "{ imports { nodes { id fileName sha256 addedCount } } }";

/// How CSV files of these tests are read.
fn mapping() -> Value {
    json!({ "date": "Day", "dateFormat": "%d.%m.%Y", "amount": "Amount",
            "description": "Text", "delimiter": ";", "decimalMark": "," })
}

/// What is seen of files, by their names; a hidden name is null.
fn names(reply: &Reply) -> Vec<Option<&str>> {
    let nodes = reply.data()["imports"]["nodes"].as_array();
    let nodes = nodes.unwrap_or_else(|| panic!("{:?}", reply.body));
    nodes.iter().map(|node| node["fileName"].as_str()).collect()
}

/// The ids of accounts, by their names.
async fn accounts(by: &Browser) -> BTreeMap<String, Value> {
    let list = "{ accounts { nodes { id name } } }";
    let listed = by.graphql(list, json!({})).await;
    let nodes = listed.data()["accounts"]["nodes"].as_array().unwrap();
    let named = nodes.iter().map(|node| {
        let name = node["name"].as_str().unwrap().to_owned();
        (name, node["id"].clone())
    });
    named.collect()
}

fn rule(reply: &Reply) -> &str {
    assert_eq!(reply.error_code(), Some("FORBIDDEN"), "{:?}", reply.body);
    let rule = &reply.body["errors"][0]["extensions"]["rule"];
    rule.as_str().unwrap_or_default()
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

/// How many of the server's connections wait for something that another holds.
async fn waiting(superuser: &mut sqlx::PgConnection) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(superuser).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_tenant_come_in_two_at_a_time_and_the_rest_wait_without_a_connection() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let other = app.tenant("southwind").await;
    let other = app.person(&other, Role::Owner, "oscar").await;
    let (_, number) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let (_, elsewhere) = account(&other, "Operating", "NL26VAYB8060476890", None, false).await;
    let mut superuser = app.test_database.superuser().await;
    let mut looks = app.test_database.superuser().await;
    let held = hold(&mut superuser, &tenant).await;

    let files = (1..=4).map(|n| camt(&number, "1000.00", &entries(n)));
    let files: Vec<_> = files.collect();
    let sent = files
        .iter()
        .map(|file| send(&owner, "x.xml", file.as_bytes(), json!({})));
    let sent = futures::future::join_all(sent);
    let let_go = async {
        for _ in 0..500 {
            if waiting(&mut looks).await >= 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(waiting(&mut looks).await, 2);
        let file = camt(&elsewhere, "1000.00", &entries(5));
        let reply = send(&other, "x.xml", file.as_bytes(), json!({})).await;
        assert_eq!(reply.data()["importStatement"]["import"]["addedCount"], 5);
        held.rollback().await.unwrap();
    };
    let (sent, ()) = futures::join!(sent, let_go);
    for reply in sent {
        let faults = &reply.data()["importStatement"]["userErrors"];
        assert_eq!(*faults, json!([]), "{:?}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_comes_in_with_a_mapping() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let (id, _) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let csv = "Day;Text;Amount\n03.03.2026;Rent;-1.200,00\n04.03.2026;=HYPERLINK(1);99,50\n";
    let mapping = mapping();
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

#[tokio::test(flavor = "multi_thread")]
async fn files_are_seen_by_whom_their_accounts_are() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let all = books.owner.graphql(FILES, json!({})).await;
    let [household, card, operating] = ["household.xml", "card.xml", "operating.xml"].map(Some);
    assert_eq!(names(&all), [household, card, operating]);
    let hidden = all.data()["imports"]["nodes"][0]["id"].as_str().unwrap();

    let seen = books.accountant.graphql(FILES, json!({})).await;
    assert_eq!(names(&seen), [card, operating]);
    let nodes = seen.data()["imports"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["sha256"].is_string()));
    // By its id it is answered like one that is nowhere.
    let node = "query($id: ID!) { node(id: $id) { id } }";
    let there = books
        .accountant
        .graphql(node, json!({ "id": hidden }))
        .await;
    let missing = books
        .accountant
        .graphql(node, json!({ "id": nowhere(hidden) }))
        .await;
    assert_eq!(there.error_code(), Some("NOT_FOUND"), "{:?}", there.body);
    assert_eq!(lasting(&there), lasting(&missing));

    // Names and hashes are told where account numbers and amounts are.
    let seen = books.worker.graphql(FILES, json!({})).await;
    assert_eq!(names(&seen), [card, None]);
    let nodes = &seen.data()["imports"]["nodes"];
    assert!(nodes[0]["sha256"].is_string() && nodes[1]["sha256"].is_null());
    assert_eq!(nodes[1]["addedCount"], 5);
    let family = app.person(&books.tenant, Role::Family, "felix").await;
    assert_eq!(names(&family.graphql(FILES, json!({})).await), [household]);
    for (scopes, has_names, has_hashes) in [
        (vec![Scope::BasicRead], false, false),
        (vec![Scope::BasicRead, Scope::PiiRead], true, false),
        (
            vec![Scope::BasicRead, Scope::FinancialRead, Scope::PiiRead],
            true,
            true,
        ),
    ] {
        let token = books.owner.token(&scopes).await;
        let seen = token.graphql(FILES, json!({})).await;
        let expected = [card, operating].map(|name| name.filter(|_| has_names));
        assert_eq!(names(&seen), expected, "{scopes:?}");
        let nodes = seen.data()["imports"]["nodes"].as_array().unwrap();
        let hashes = nodes.iter().filter(|node| node["sha256"].is_string());
        assert_eq!(hashes.count(), if has_hashes { 2 } else { 0 }, "{scopes:?}");
    }
    // Nor is a hash in the log, whose readers may read neither.
    for row in log(&books.owner, json!({ "action": "statement.imported" })).await {
        let payload = row["payload"].as_str().unwrap();
        assert!(payload.contains("imported") && !payload.contains("sha256"));
    }
}

/// Which of the entries are duplicates tells whether an amount is right.
#[tokio::test(flavor = "multi_thread")]
async fn importing_takes_the_right_to_read_the_amounts() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let guess = camt("NL26VAYB8060476890", "1000.00", &entries(1));
    let input = json!({ "fileName": "guess.xml", "content": STANDARD.encode(&guess) });
    let input = json!({ "input": input });
    let most = [Scope::BasicRead, Scope::PiiRead, Scope::StatementsImport];
    let token = books.owner.token(&most).await;
    let refused = token.graphql(IMPORT, input.clone()).await;
    assert_eq!(rule(&refused), "machine.confirm-unread");

    // A person who may enter, and reads the amounts of what is in their care alone.
    let granted = json!({ "capabilities": ["write.financial"] });
    give(&books.owner, &books.worker, granted).await;
    // By its id: that a number is an account's is not told to who may not read it.
    let operating = accounts(&books.owner).await["Operating"].clone();
    let chosen = json!({ "accountId": operating });
    let refused = send(&books.worker, "guess.xml", guess.as_bytes(), chosen).await;
    assert_eq!(rule(&refused), "human.confirm-unread");
    let own = camt("NL91ABNA0417164300", "50.00", &entries(1));
    let own = send(&books.worker, "own.xml", own.as_bytes(), json!({})).await;
    let made = &own.data()["importStatement"]["import"];
    assert_eq!(made["duplicateCount"], 1, "{:?}", own.body);
    // What was imported before is refused alike.
    let before = camt("NL26VAYB8060476890", "1000.00", &entries(5));
    let again = send(&books.worker, "x.xml", before.as_bytes(), json!({})).await;
    assert_eq!(rule(&again), "human.confirm-unread");

    let all = [&most[..], &[Scope::FinancialRead]].concat();
    let token = books.owner.token(&all).await;
    let made = token.graphql(IMPORT, input).await;
    let made = &made.data()["importStatement"]["import"];
    assert_eq!(
        (&made["addedCount"], &made["duplicateCount"]),
        (&json!(0), &json!(1))
    );
}

/// Of a file that is not taken, nothing tells who may not read an account's number whether it is the file's; who
/// may read it is told what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_taken_does_not_tell_whose_number_it_names() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let ids = accounts(&books.owner).await;
    let scopes = [
        Scope::BasicRead,
        Scope::FinancialRead,
        Scope::StatementsImport,
    ];
    let blind = books.owner.token(&scopes).await;
    let reader = [&scopes[..], &[Scope::PiiRead]].concat();
    let reader = books.owner.token(&reader).await;
    // A person who may enter, and reads the number of what is in their care alone.
    let granted = json!({ "capabilities": ["write.financial"] });
    give(&books.owner, &books.worker, granted).await;
    let (own, other, none) = (
        "NL26VAYB8060476890",
        "NL91ABNA0417164300",
        "GB29NWBK60161331926819",
    );
    let file = |number: &str, chosen: Option<&str>| {
        let content = camt(number, "1000.00", &entries(1)).replace("EUR", "USD");
        let content = STANDARD.encode(content);
        let account = chosen.map(|name| ids[name].clone());
        json!({ "input": { "fileName": "x.xml", "content": content, "accountId": account } })
    };
    // What is said, without the number that the caller has given.
    let told = |reply: &Reply, number: &str| {
        let error = &reply.data()["importStatement"]["userErrors"][0];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        assert!(error.is_object(), "{:?}", reply.body);
        (text("code"), text("message").replace(number, "N"))
    };
    let unknown = (
        "ACCOUNT_UNKNOWN".to_owned(),
        "no account has the number `N`: create it first".to_owned(),
    );
    let mismatch = (
        "CURRENCY_MISMATCH".to_owned(),
        "the statement is in USD and the account in EUR".to_owned(),
    );
    for number in [own, other, none] {
        let reply = blind.graphql(IMPORT, file(number, None)).await;
        assert_eq!(told(&reply, number), unknown);
        let reply = books.worker.graphql(IMPORT, file(number, None)).await;
        let expected = if number == other { &mismatch } else { &unknown };
        assert_eq!(told(&reply, number), *expected, "{number}");
        for reply in [
            reader.graphql(IMPORT, file(number, None)).await,
            books.owner.graphql(IMPORT, file(number, None)).await,
        ] {
            let expected = if number == none { &unknown } else { &mismatch };
            assert_eq!(told(&reply, number), *expected, "{number}");
        }
        // The same of an account that is chosen.
        let reply = blind.graphql(IMPORT, file(number, Some("Operating"))).await;
        let (code, message) = told(&reply, number);
        assert_eq!(code, "ACCOUNT_UNKNOWN");
        assert!(
            message.contains("its number or its currency"),
            "{number}: {message}"
        );
        let reply = reader
            .graphql(IMPORT, file(number, Some("Operating")))
            .await;
        let another = (
            "ACCOUNT_UNKNOWN".to_owned(),
            "the file is of account `N`, not of the chosen one".to_owned(),
        );
        let expected = if number == own { &mismatch } else { &another };
        assert_eq!(told(&reply, number), *expected, "{number}");
    }
    // Nor does the log.
    let filter = json!({ "action": "statement.imported", "actorId": blind.id });
    let rows = log(&books.owner, filter).await;
    assert_eq!(rows.len(), 6);
    let same = |pair: &[Value]| {
        let of =
            |row: &Value| [&row["payload"], &row["permission"], &row["targets"]].map(Value::clone);
        of(&pair[0]) == of(&pair[1])
    };
    assert!(rows.windows(2).all(same), "{rows:?}");
    // A file that fits is taken without the right to read the number.
    let fits = STANDARD.encode(camt(own, "1000.00", &entries(1)));
    let fits = json!({ "input": { "fileName": "x.xml", "content": fits } });
    let made = blind.graphql(IMPORT, fits).await;
    let made = &made.data()["importStatement"]["import"];
    assert_eq!(made["duplicateCount"], 1, "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_file_was_imported_is_not_told_to_whom_the_import_is_hidden() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let ids = accounts(&books.owner).await;
    let csv = "Day;Text;Amount\n03.03.2026;Rent;-1.200,00\n";
    let to = |name: &str| json!({ "accountId": ids[name], "csv": mapping() });
    let first = send(&books.owner, "h.csv", csv.as_bytes(), to("Household")).await;
    let made = &first.data()["importStatement"]["import"];
    assert_eq!(made["addedCount"], 1, "{:?}", first.body);
    for already in [false, true] {
        let reply = send(&books.accountant, "o.csv", csv.as_bytes(), to("Operating")).await;
        let payload = &reply.data()["importStatement"];
        assert_eq!(payload["userErrors"], json!([]), "{:?}", reply.body);
        assert_eq!(payload["alreadyImported"], already);
        assert_eq!(payload["import"]["addedCount"], 1);
    }
}

/// German IBANs with right check digits.
fn iban(n: u32) -> String {
    let bban = format!("37040044{n:010}");
    let digits: u128 = format!("{bban}131400").parse().unwrap();
    format!("DE{:02}{bban}", 98 - digits % 97)
}

/// One file with a statement of each account.
fn of_all<'n>(numbers: impl Iterator<Item = &'n String>, text: &str) -> String {
    let files = numbers.map(|number| camt(number, "10.00", &[(100, text.to_owned())]));
    let files: Vec<_> = files.collect();
    let (head, _) = files[0].split_once("<Stmt>").unwrap();
    let statements = files.iter().map(|file| {
        let (_, rest) = file.split_once("<Stmt>").unwrap();
        let (statement, _) = rest.split_once("</Stmt>").unwrap();
        format!("<Stmt>{statement}</Stmt>")
    });
    let statements: String = statements.collect();
    format!("{head}{statements}</BkToCstmrStmt></Document>")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_same_accounts_come_in_at_once_whatever_their_order() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let mut numbers = Vec::new();
    for n in 0..12 {
        let name = format!("Account {n}");
        let (_, number) = account(&owner, &name, &iban(n), None, false).await;
        numbers.push(number);
    }
    for round in 0..4 {
        let there = of_all(numbers.iter(), &format!("there {round}"));
        let back = of_all(numbers.iter().rev(), &format!("back {round}"));
        let (there, back) = futures::future::join(
            send(&owner, "there.xml", there.as_bytes(), json!({})),
            send(&owner, "back.xml", back.as_bytes(), json!({})),
        )
        .await;
        for reply in [there, back] {
            let import = &reply.data()["importStatement"]["import"];
            assert_eq!(import["statementCount"], 12, "{:?}", reply.body);
        }
    }
}
