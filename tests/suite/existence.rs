//! What a caller may not read is answered like what is nowhere, and like another tenant's: the same bytes
//! whatever is asked of it, at the same cost, with the same row in the log (AUT-2, ISO-4).

mod forms;
mod paths;
mod timing;

use std::collections::BTreeMap;

use countersign_domain::access::{Role, Scope};
use countersign_entities::NewMachine;
use countersign_tests::{Browser, Reply, TestApp, Token};
use forms::{LOOK, MAY, SOME, every};
use serde_json::{Value, json};

use crate::{
    books::{Books, books, books_of},
    explain::{lasting, left},
    roles::role,
};

/// The ids of one tenant, by what they name.
type Named = BTreeMap<&'static str, String>;

/// Something of each kind that has ids, and of rows that policies look at one of either sort.
async fn named(app: &TestApp, books: &Books) -> Named {
    let owner = &books.owner;
    let make = "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }";
    owner.graphql(make, json!({})).await;
    role(owner, "Trainee", Role::Worker, &["write.basic"]).await;
    let lists = "{ accounts { nodes { id name } } statements { nodes { id account { name } } } \
                 categories { nodes { id } } imports { nodes { id fileName } } roles { nodes { id } } \
                 apiTokens { nodes { id } } auditEntries(first: 1) { nodes { id } } tenant { id } }";
    owner.token(&[Scope::BasicRead]).await;
    let reply = owner.graphql(lists, json!({})).await;
    let data = reply.data();
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let first = |list: &str| text(&data[list]["nodes"][0]);
    let find = |list: &str, is: &dyn Fn(&Value) -> bool| {
        let nodes = data[list]["nodes"].as_array().unwrap();
        text(nodes.iter().find(|node| is(node)).unwrap())
    };
    let machine = NewMachine {
        issuer: "https://issuer.test".to_owned(),
        client_id: format!("client-{}", books.tenant.slug),
        name: "A client".to_owned(),
        scopes: [Scope::BasicRead].into(),
    };
    let operator = app.database().operator();
    let machine = operator.add_machine(books.tenant.id, &machine).await;
    Named::from([
        ("account", find("accounts", &|a| a["name"] == "Operating")),
        (
            "personal account",
            find("accounts", &|a| a["name"] == "Household"),
        ),
        ("transaction", books.business_transaction.clone()),
        ("personal transaction", books.personal_transaction.clone()),
        (
            "statement",
            find("statements", &|s| s["account"]["name"] == "Operating"),
        ),
        (
            "personal statement",
            find("statements", &|s| s["account"]["name"] == "Household"),
        ),
        ("category", first("categories")),
        (
            "import",
            find("imports", &|i| i["fileName"] == "operating.xml"),
        ),
        (
            "personal import",
            find("imports", &|i| i["fileName"] == "household.xml"),
        ),
        ("member", books.worker.member.to_string()),
        ("role", first("roles")),
        ("token", first("apiTokens")),
        ("audit", first("auditEntries")),
        ("tenant", text(&data["tenant"])),
        ("machine", machine.unwrap().to_string()),
    ])
}

/// Who asks everything that can be asked.
const THOROUGH: [&str; 3] = ["worker", "basic:read", "transactions:categorize"];

enum Caller {
    Person(Browser),
    Machine(Token),
}

/// A request as its caller sends it: people by the id of a document, machines by its text.
async fn ask(app: &TestApp, by: &Caller, query: &str, id: &str, dry_run: bool) -> Reply {
    let request = app.http().post(format!("{}/graphql", app.url()));
    let variables = json!({ "id": id });
    let extensions = json!({ "dryRun": dry_run });
    let (request, body) = match by {
        Caller::Person(browser) => {
            let document = app.state().graphql.publish(query).to_string();
            let request = request.header("cookie", browser.cookie());
            let request = request
                .header("x-csrf", "1")
                .header("sec-fetch-site", "same-origin");
            let body =
                json!({ "documentId": document, "variables": variables, "extensions": extensions });
            (request, body)
        }
        Caller::Machine(token) => {
            let body = json!({ "query": query, "variables": variables, "extensions": extensions });
            (request.bearer_auth(&token.plain), body)
        }
    };
    let request = request.header("accept", "application/graphql-response+json");
    let request = request.header("idempotency-key", format!("{id}-{dry_run}"));
    Reply::of(request.json(&body).send().await.unwrap()).await
}

/// Whoever asks, with what of the tenant's is hidden from them.
async fn callers(app: &TestApp, books: &Books) -> Vec<(&'static str, Caller, Vec<&'static str>)> {
    let household = [
        "personal account",
        "personal transaction",
        "personal statement",
        "personal import",
    ];
    let business = ["account", "transaction", "statement", "import"];
    let person = async |role: Role| {
        let name = format!("{role}.existence");
        Caller::Person(app.person(&books.tenant, role, &name).await)
    };
    let machine = async |scope| Caller::Machine(books.owner.token(&[scope]).await);
    let hidden = |lists: &[&[&'static str]]| {
        let mut hidden = lists.concat();
        // Who reads tokens may ask about a client of the provider.
        if hidden.contains(&"token") {
            hidden.push("machine");
        }
        hidden
    };
    let plain = ["category", "member", "tenant"];
    let kept = ["role", "token", "audit"];
    vec![
        ("owner", person(Role::Owner).await, hidden(&[])),
        ("admin", person(Role::Admin).await, hidden(&[&household])),
        (
            "manager",
            person(Role::Manager).await,
            hidden(&[&household, &kept[1..]]),
        ),
        (
            "accountant",
            person(Role::Accountant).await,
            hidden(&[&household, &kept]),
        ),
        (
            "worker",
            person(Role::Worker).await,
            hidden(&[&household, &kept]),
        ),
        (
            "auditor",
            person(Role::Auditor).await,
            hidden(&[&household]),
        ),
        (
            "family",
            person(Role::Family).await,
            hidden(&[&business, &kept]),
        ),
        (
            "basic:read",
            machine(Scope::BasicRead).await,
            hidden(&[&household, &kept]),
        ),
        (
            "tokens:read",
            machine(Scope::TokensRead).await,
            hidden(&[&household, &business, &plain, &["role", "audit"]]),
        ),
        (
            "transactions:categorize",
            machine(Scope::TransactionsCategorize).await,
            hidden(&[&household, &business, &plain, &kept]),
        ),
    ]
}

/// An id of the same kind that is nobody's.
pub(crate) fn nowhere(id: &str) -> String {
    let (kind, _) = id.split_once('_').unwrap();
    format!("{kind}_{:032x}", 77)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_answered_like_what_is_nowhere_byte_for_byte() {
    let app = TestApp::start().await;
    let (books, other) = (books(&app).await, books_of(&app, "alder").await);
    let (own, foreign) = (named(&app, &books).await, named(&app, &other).await);
    let mut asked = 0;
    for (name, caller, hidden) in callers(&app, &books).await {
        for (what, id) in &own {
            let ids = [id.clone(), nowhere(id), foreign[what].clone()];
            if !hidden.contains(what) {
                // A client of the provider is no node.
                let form = if *what == "machine" { MAY } else { LOOK };
                let seen = ask(&app, &caller, form, id, false).await;
                let data = seen.data();
                let is_told = data["node"]["id"] == *id || data["accessOf"].is_array();
                // Without the right to ask for anything by its id.
                let may_not_ask = seen.error_code() == Some("FORBIDDEN");
                assert!(is_told || may_not_ask, "{name} {what}: {seen:?}");
                continue;
            }
            // Everything that can be asked, of one thing for some callers.
            let forms = if *what == hidden[0] && THOROUGH.contains(&name) {
                every()
            } else {
                SOME.to_vec()
            };
            for (form, dry_run) in forms {
                let (mut answers, mut lefts) = (Vec::new(), Vec::new());
                for id in &ids {
                    let reply = ask(&app, &caller, form, id, dry_run).await;
                    let say = format!("{name} {what} {form} {dry_run}: {:?}", reply.body);
                    assert_eq!(
                        (reply.status, reply.error_code()),
                        (404, Some("NOT_FOUND")),
                        "{say}"
                    );
                    assert!(reply.body.get("data").is_none(), "{say}");
                    lefts.push(left(&reply));
                    answers.push(lasting(&reply));
                    asked += 1;
                }
                let same = |pair: &[(u16, String, Vec<String>)]| pair[0] == pair[1];
                assert!(answers.windows(2).all(same), "{form}: {answers:#?}");
                let costs = (lefts[0] - lefts[1], lefts[1] - lefts[2]);
                assert_eq!(costs.0, costs.1, "{form}");
            }
        }
    }
    assert_eq!(
        refusals(&app, &books).await,
        (asked, 1),
        "one row each, all alike"
    );
}

/// How many requests were refused whole in the tenant's log, and how many sorts of such rows there are.
async fn refusals(app: &TestApp, books: &Books) -> (i64, i64) {
    let mut superuser = app.test_database.superuser().await;
    let found: (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT (permission, outcome, payload, cardinality(targets))) \
         FROM countersign.audit_entries WHERE tenant_id = $1 AND action = 'request.refused'",
    )
    .bind(books.tenant.id.uuid())
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_ones_own_finds_nothing_out_either() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let personal = &books.personal_transaction;
    let text = |id: &str, more: &str| format!("{{ node(id: \"{id}\") {{ id }} {more} }}");
    for more in ["", "nothing", "__schema { types { name } }"] {
        let hidden = books.accountant.graphql_text(&text(personal, more)).await;
        let missing = books
            .accountant
            .graphql_text(&text(&nowhere(personal), more))
            .await;
        assert_eq!(hidden.error_code(), Some("NOT_FOUND"), "{:?}", hidden.body);
        assert_eq!(lasting(&hidden), lasting(&missing), "{more}");
        // What one may see is refused for what is wrong with how it was asked.
        let seen = text(&books.business_transaction, more);
        let seen = books.accountant.graphql_text(&seen).await;
        assert_eq!(seen.error_code(), Some("DOCUMENT_REQUIRED"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_hidden_takes_no_idempotency_key_and_changes_nothing() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let sort = "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id }) \
                { transaction { id } userErrors { code } } }";
    let first = books
        .accountant
        .graphql_with(sort, json!({ "id": books.personal_transaction }), "one")
        .await;
    assert_eq!((first.status, first.error_code()), (404, Some("NOT_FOUND")));
    // The key is free for another request, as it is after one that named what is nowhere.
    let visible = json!({ "id": books.business_transaction });
    let again = books.accountant.graphql_with(sort, visible, "one").await;
    let sorted = &again.data()["categorizeTransaction"]["transaction"]["id"];
    assert_eq!(*sorted, books.business_transaction, "{:?}", again.body);
}

/// A number is entered once in a tenant, which tells whoever enters one that it is there already. It tells
/// nothing else: that another account has it is said to who may read its number, and to others what is said of a
/// number that is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_taken_is_told_to_who_may_read_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let make = "mutation($number: String!, $personal: Boolean!) { createAccount(input: { name: \"Mine\", currency: \"EUR\", \
                number: $number, personal: $personal }) { account { id name } userErrors { code field message } } }";
    let other = json!({ "number": "GB29NWBK60161331926819", "personal": true });
    let made = books.owner.graphql(make, other).await;
    assert!(made.data()["createAccount"]["account"]["id"].is_string());
    let machine = books.owner.token(&[Scope::AccountsCreate]).await;
    let basic = [Scope::AccountsCreate, Scope::BasicRead];
    let basic = books.owner.token(&basic).await;
    let reads = [Scope::AccountsCreate, Scope::BasicRead, Scope::PiiRead];
    let reader = books.owner.token(&reads).await;
    // None, seen by the accountant, hidden, hidden as well; as they are stored, and as people write them.
    let numbers = [
        "not one?",
        "NL26VAYB8060476890",
        "DE89370400440532013000",
        "gb29 NWBK 6016 1331 9268 19",
    ];
    let what = |reply: &Reply| (reply.status, reply.data().clone());
    let (mut blind, mut seeing, mut owners) = (Vec::new(), Vec::new(), Vec::new());
    for number in numbers {
        let variables = json!({ "number": number, "personal": false });
        blind.push(what(&machine.graphql(make, variables.clone()).await));
        blind.push(what(&basic.graphql(make, variables.clone()).await));
        seeing.push(what(&reader.graphql(make, variables.clone()).await));
        seeing.push(what(
            &books.accountant.graphql(make, variables.clone()).await,
        ));
        owners.push(what(&books.owner.graphql(make, variables).await));
    }
    let code = |told: &(u16, Value)| told.1["createAccount"]["userErrors"][0]["code"].clone();
    // Whoever reads no numbers is told the same of all of them.
    assert_eq!(code(&blind[0]), "INVALID", "{blind:?}");
    let same = |(n, told): (usize, &(u16, Value))| *told == blind[n % 2];
    assert!(blind.iter().enumerate().all(same), "{blind:?}");
    for (n, told) in seeing.iter().enumerate() {
        if n / 2 == 1 {
            assert_eq!(code(told), "TAKEN", "{told:?}");
        } else {
            assert_eq!(*told, seeing[n % 2]);
        }
    }
    let codes: Vec<_> = owners.iter().map(code).collect();
    assert_eq!(codes, ["INVALID", "TAKEN", "TAKEN", "TAKEN"]);
    // What was tried is in the log, and does not tell it there either.
    let filter = json!({ "action": "account.created", "outcome": "REFUSED" });
    let rows = crate::audit::log(&books.owner, filter).await;
    assert_eq!(rows.len(), 20);
    for row in &rows {
        assert_eq!(row["targets"], json!([]));
    }
    let payloads = rows.iter().map(|row| row["payload"].as_str().unwrap());
    assert_eq!(payloads.filter(|text| text.contains("TAKEN")).count(), 5);
}

/// In a database that was updated numbers stand in the open until they are sealed: their blind index does not
/// find them.
#[tokio::test(flavor = "multi_thread")]
async fn number_that_is_not_sealed_yet_is_taken_as_well() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let make = "mutation($number: String!) { createAccount(input: { name: \"Mine\", currency: \"EUR\", number: $number }) \
                { account { id } userErrors { code field } } }";
    let number = "GB29NWBK60161331926819";
    let made = books.owner.graphql(make, json!({ "number": number })).await;
    let made = made.data()["createAccount"]["account"]["id"].as_str();
    let id = made.unwrap().trim_start_matches("acc_").to_owned();
    let mut superuser = app.test_database.superuser().await;
    let open = "UPDATE countersign.accounts SET number = $2, number_sealed = NULL, number_index = NULL, \
                key_version = NULL WHERE id = $1::uuid";
    let open = sqlx::query(open).bind(id).bind(number);
    let opened = open.execute(&mut superuser).await.unwrap();
    assert_eq!(opened.rows_affected(), 1);
    for written in [number, "gb29 NWBK 6016 1331 9268 19"] {
        let variables = json!({ "number": written });
        let again = books.owner.graphql(make, variables).await;
        let again = &again.data()["createAccount"];
        assert!(again["account"].is_null(), "{again}");
        let errors = json!([{ "code": "TAKEN", "field": ["input", "number"] }]);
        assert_eq!(again["userErrors"], errors);
    }
}
