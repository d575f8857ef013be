//! The published corpus of rows (`policies/corpus`), by every way that this product has: the permit of a
//! row in hand, the decision before any row, and the SQL of lists on PostgreSQL.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use countersign_domain::{
    access::{Capability, Role, Scope},
    books::{Account, Transaction},
    id::{AccountId, TenantId, UserId},
    money::{Magnitude, Money},
    principal::Actor,
    statements::Entry,
};
use countersign_entities::{
    Credential, NewAccount, Page, ReadTransaction, RequestContext, Sign, TransactionFilter,
};
use countersign_policies::{Decision, Engine, resource, row::TenantRow};
use serde_json::Value;
use sqlx::Executor;

use crate::world::{Person, World, draft, eur, facts, new_account};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn text(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn strings(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The corpus in a database.
struct Corpus {
    world: World,
    callers: BTreeMap<String, Credential>,
    owners: BTreeMap<TenantId, Person>,
    accounts: Vec<(TenantId, Account)>,
}

impl Corpus {
    async fn new() -> Self {
        let world = World::new().await;
        let known = json("corpus/rows.json");
        let (north, owner) = world.company("north").await;
        let (south, stranger) = world.company("south").await;
        let mut superuser = world.bare("postgres").await;
        let (mut callers, mut users) = (BTreeMap::new(), BTreeMap::<String, UserId>::new());
        for (name, principal) in known["principals"].as_object().unwrap() {
            let credential = if let Some(role) = principal["role"].as_str() {
                let role: Role = role.parse().unwrap();
                let person = world.person(north, name, role).await;
                let granted = strings(&principal["capabilities"]);
                let granted = granted
                    .iter()
                    .map(|one| one.parse::<Capability>().unwrap().name());
                let granted: Vec<&str> = granted.collect();
                let set = "UPDATE countersign.memberships SET capabilities = $1 WHERE id = $2";
                let set = sqlx::query(set).bind(granted).bind(person.member.uuid());
                superuser.execute(set).await.unwrap();
                users.insert(name.clone(), person.user);
                person.credential()
            } else {
                let scopes = strings(&principal["scopes"]);
                let scopes: Vec<Scope> = scopes.iter().map(|one| one.parse().unwrap()).collect();
                world.api_token(&owner, &scopes).await.1
            };
            callers.insert(name.clone(), credential);
        }
        let mut accounts = Vec::new();
        for (name, row) in known["rows"].as_object().unwrap() {
            let (tenant, by) = match row["tenant"].as_str().unwrap() {
                "north" => (north, &owner),
                _ => (south, &stranger),
            };
            let new = NewAccount {
                custodian: row["custodian"].as_str().map(|name| users[name]),
                personal: row["personal"].as_bool().unwrap(),
                ..new_account(name)
            };
            accounts.push((tenant, world.account(by, new).await));
        }
        Self {
            world,
            callers,
            owners: BTreeMap::from([(north, owner), (south, stranger)]),
            accounts,
        }
    }

    async fn enter(&self, who: &str) -> (RequestContext, ReadTransaction) {
        let database = &self.world.database;
        let entered = database.enter(&self.callers[who], &facts(), &[]).await;
        entered.unwrap()
    }

    fn account(&self, id: AccountId) -> &str {
        let mut accounts = self.accounts.iter();
        let found = accounts.find(|(_, account)| account.id == id);
        &found.unwrap().1.name
    }

    /// Those that Cedar allows one by one, and those that the decision before any row lets through.
    fn in_hand(&self, engine: &Engine, actor: &Actor) -> (BTreeSet<String>, BTreeSet<String>) {
        let action = engine.action("Account.id").unwrap();
        let decisions = engine.decide(actor, &[action]);
        let (mut permitted, mut decided) = (BTreeSet::new(), BTreeSet::new());
        for (tenant, account) in &self.accounts {
            let row = TenantRow {
                tenant: *tenant,
                row: account,
            };
            if engine.permit(actor, action, &row).is_ok() {
                permitted.insert(account.name.clone());
            }
            let holds = match decisions.get(action) {
                // It takes for granted that the row is of the tenant.
                Decision::Allow(_) => *tenant == actor.tenant,
                Decision::Deny(_) => false,
                Decision::Row(rule) => rule.decide(&row).is_ok(),
            };
            if holds {
                decided.insert(account.name.clone());
            }
        }
        (permitted, decided)
    }

    /// What PostgreSQL gives out: accounts, and the accounts of transactions and of statements.
    async fn listed(
        &self,
        engine: &Engine,
        actor: &Actor,
        read: &ReadTransaction,
    ) -> [BTreeSet<String>; 3] {
        let page = Page::first(500);
        let none = TransactionFilter::default();
        let mut listed = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
        if let Ok(scope) = engine.read_scope::<resource::Account>(actor) {
            let rows = read.accounts(&scope, &page).await.unwrap().rows;
            listed[0].extend(rows.into_iter().map(|row| row.name));
        }
        if let Ok(scope) = engine.read_scope::<resource::Transaction>(actor) {
            let rows = read.transactions(&scope, &none, &page).await.unwrap().rows;
            listed[1].extend(rows.iter().map(|row| self.account(row.account).to_owned()));
        }
        if let Ok(scope) = engine.read_scope::<resource::Statement>(actor) {
            let rows = read.statements(&scope, &page).await.unwrap().rows;
            listed[2].extend(rows.iter().map(|row| self.account(row.account).to_owned()));
        }
        listed
    }
}

/// The engine of a case, where its policies load.
fn engine(case: &Value) -> Option<Engine> {
    let schemas = [
        text("cedar/schema.cedarschema"),
        text("corpus/actions.cedarschema"),
    ];
    let policies = case["policies"].as_array().unwrap().iter().enumerate();
    let policies = policies.map(|(n, policy)| {
        let policy = policy.as_str().unwrap();
        format!("@id(\"case.{n}\") @description(\"Of a case.\") {policy}\n")
    });
    let policies: String = policies.collect::<String>() + &text("corpus/fence.cedar");
    let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
    Engine::from_texts(&schemas, &[&policies]).ok()
}

#[tokio::test]
async fn every_case_is_answered_alike_by_slice_predicate_and_sql() {
    let corpus = Corpus::new().await;
    fill(&corpus).await;
    let mut files: Vec<_> = fs::read_dir(folder().join("corpus/cases"))
        .unwrap()
        .collect();
    files.sort_by_key(|entry| entry.as_ref().unwrap().path());
    let (mut cases, mut decisions) = (0, 0);
    for entry in files {
        let list: Value =
            serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        for case in list.as_array().unwrap() {
            cases += 1;
            let engine = engine(case);
            assert_eq!(engine.is_some(), case["loads"] != false, "{}", case["name"]);
            let Some(engine) = engine else { continue };
            let understood = case["understood"] != false;
            let serves = engine.row_conditions().is_ok();
            assert_eq!(
                serves, understood,
                "{}: what is not understood never serves",
                case["name"]
            );
            for who in corpus.callers.keys() {
                let (context, read) = corpus.enter(who).await;
                let actor = context.actor();
                let told = format!("{} {who}", case["name"]);
                let cedar = strings(&case["allowed"][who]);
                let shown = if understood {
                    cedar.clone()
                } else {
                    BTreeSet::new()
                };
                let (permitted, decided) = corpus.in_hand(&engine, actor);
                assert_eq!(permitted, cedar, "{told}");
                assert_eq!(decided, shown, "{told}");
                for listed in corpus.listed(&engine, actor, &read).await {
                    assert_eq!(listed, shown, "{told}");
                    decisions += corpus.accounts.len();
                }
                read.leave();
            }
        }
    }
    assert!(cases >= 40 && decisions > 5_000, "{cases} {decisions}");
}

/// A statement on each account, with its transactions of the lists, or with one that no list asks for.
async fn fill(corpus: &Corpus) {
    let known = json("corpus/lists.json");
    for (n, (tenant, account)) in (0_u8..).zip(&corpus.accounts) {
        let own = known["transactions"].as_array().unwrap().iter();
        let own: Vec<&Value> = own
            .filter(|one| one["account"] == account.name.as_str())
            .collect();
        let entries: Vec<Entry> = own.iter().map(|one| entry(one)).collect();
        import(corpus, *tenant, account.id, n, &entries).await;
    }
}

fn entry(told: &Value) -> Entry {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let day = u32::try_from(told["day"].as_u64().unwrap()).unwrap();
    Entry {
        booked_on: NaiveDate::from_ymd_opt(2026, 1, day).unwrap(),
        value_on: None,
        amount: Money::parse(&text("amount").unwrap(), eur()).unwrap(),
        counterparty: text("counterparty"),
        description: text("description").unwrap(),
        reference: text("name"),
    }
}

async fn import(
    corpus: &Corpus,
    tenant: TenantId,
    account: AccountId,
    file: u8,
    entries: &[Entry],
) {
    let amounts = vec!["1"; entries.len().max(1)];
    let mut new = corpus
        .world
        .new_import(tenant, account, file, &amounts)
        .await;
    let statement = new.statements.first_mut().unwrap();
    for (transaction, entry) in statement.transactions.iter_mut().zip(entries) {
        transaction.fingerprint = countersign_domain::statements::fingerprint(account, entry, 0);
        transaction.entry = entry.clone();
    }
    let (context, write) = corpus.world.write(&corpus.owners[&tenant]).await;
    let permit = corpus.world.permit(&context, "importStatement");
    write.insert_import(&permit, &new, |_| ()).await.unwrap();
    write
        .finish(permit, draft("statement.imported"))
        .await
        .unwrap();
}

fn filter(told: &Value) -> TransactionFilter {
    let magnitude = told["magnitude"].as_str().map(|name| {
        let mut all = Magnitude::ALL.into_iter();
        all.find(|one| one.name() == name).unwrap()
    });
    TransactionFilter {
        text: told["text"].as_str().map(str::to_owned),
        sign: told["sign"].as_str().map(|sign| match sign {
            "in" => Sign::In,
            _ => Sign::Out,
        }),
        magnitude,
        ..TransactionFilter::default()
    }
}

#[tokio::test]
async fn every_list_holds_limits_and_totals_of_what_may_be_seen() {
    let corpus = Corpus::new().await;
    fill(&corpus).await;
    let known = json("corpus/lists.json");
    let cases = known["cases"].as_array().unwrap();
    assert!(cases.len() >= 20);
    let knows_case = "SELECT 'ü' ILIKE 'Ü'";
    let mut superuser = corpus.world.bare("postgres").await;
    let knows_case: bool = sqlx::query_scalar(knows_case)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    for case in cases {
        let who = case["principal"].as_str().unwrap();
        let told = format!("{} {who}", case["name"]);
        let (context, read) = corpus.enter(who).await;
        let scope = corpus.world.scope::<resource::Transaction>(&context);
        let filter = filter(&case["filter"]);
        let first = u16::try_from(case["first"].as_u64().unwrap()).unwrap();
        let found = read
            .transactions(&scope, &filter, &Page::first(first))
            .await
            .unwrap();
        let name = |row: &Transaction| row.reference.clone().unwrap_or_default();
        let rows: Vec<String> = found.rows.iter().map(name).collect();
        if !case["needs"].is_null() && !knows_case {
            assert!(rows.is_empty() && !found.has_more, "{told}");
            continue;
        }
        let expected = case["rows"].as_array().unwrap().iter();
        let expected: Vec<&str> = expected.map(|one| one.as_str().unwrap()).collect();
        assert_eq!(rows, expected, "{told}");
        assert_eq!(found.has_more, case["more"] == true, "{told}");
        let total = read.transaction_count(&scope, &filter).await.unwrap();
        assert_eq!(total, case["total"].as_u64().unwrap(), "{told}");
        read.leave();
    }
}
