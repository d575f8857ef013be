//! Rows, three ways: what PostgreSQL gives out by the SQL of a scope is what Cedar allows of each row in
//! hand, and what the decision before any row lets through, whatever is left of the policies to ask of a row,
//! and never a row of another tenant. A hundred thousand decisions each.

use std::collections::BTreeSet;

use countersign_domain::{
    access::{Capability, Role},
    books::{Account, Transaction},
    id::{TenantId, TransactionId},
    principal::Actor,
};
use countersign_entities::{Beside, Import, Keyset, Page, ReadTransaction, TransactionFilter};
use countersign_policies::{
    ActionId, Decision, Engine, ReadScope, Resource, resource, row::KeptRow, whole_policies,
    whole_schema,
};
use sqlx::Executor;
use uuid::Uuid;

use crate::world::{Person, World, new_account};

/// The kinds of data of which the policies look at rows.
const GROUPS: [&str; 3] = ["read.basic", "read.financial", "read.pii"];
/// How many accounts each person has in their care, of the company and of the household.
const CARE: usize = 4;
/// What stands on the statement of each account.
const AMOUNTS: [&str; 6] = ["-5", "9.99", "0", "-100", "12.5", "1000"];

/// What people are granted beside their role.
fn grants() -> Vec<BTreeSet<Capability>> {
    let one = |name: &str| BTreeSet::from([name.parse().unwrap()]);
    let mut grants = vec![BTreeSet::new()];
    grants.extend(GROUPS.map(one));
    grants.push(Capability::ALL.iter().copied().collect());
    grants
}

/// The policies as they are, and a schema in which the ids of books are of that kind of data: what a scope
/// is made of is then what is left of the policies for that kind.
fn engine(group: &str) -> Engine {
    let mut schema = whole_schema();
    for kind in ["Account", "Transaction", "Statement", "Import"] {
        let id = format!("\"{kind}.id\",");
        assert_eq!(schema.matches(&id).count(), 1, "{kind}");
        schema = schema.replace(&id, "");
        let action = format!(
            "action \"{kind}.id\" in [\"{group}\"] appliesTo {{ principal: [Human, Machine], \
             resource: [{kind}], context: Facts }};\n}}"
        );
        let (open, _) = schema.rsplit_once('}').unwrap();
        schema = format!("{open}{action}\n");
    }
    Engine::from_texts(&[&schema], &[&whole_policies()]).unwrap()
}

async fn people(world: &World, tenant: TenantId) -> Vec<Person> {
    let mut owner = world.bare("postgres").await;
    let mut people = Vec::new();
    for role in Role::ALL {
        for (n, granted) in grants().into_iter().enumerate() {
            let person = world.person(tenant, &format!("{role}-{n}"), *role).await;
            let names: Vec<&str> = granted.iter().map(|one| one.name()).collect();
            let set = "UPDATE countersign.memberships SET capabilities = $1 WHERE id = $2";
            let set = sqlx::query(set).bind(names).bind(person.member.uuid());
            owner.execute(set).await.unwrap();
            people.push(person);
        }
    }
    people
}

/// Accounts in everybody's care and in nobody's, of the company and of the household, each with
/// transactions on a statement.
async fn books(world: &World, owner: &Person, people: &[Person]) {
    let mut file = 0;
    let custodians = people.iter().map(|person| Some(person.user));
    for custodian in custodians.chain([None]) {
        for n in 0..CARE {
            let mut new = new_account(&format!("Account {n}"));
            (new.custodian, new.personal) = (custodian, n % 2 == 1);
            let account = world.account(owner, new).await;
            world.import(owner, account.id, file, &AMOUNTS).await;
            file += 1;
        }
    }
}

/// What Cedar says to each row: the ids of those that it allows, which are those that the decision before
/// any row lets through.
fn allowed<T: Kept>(
    (engine, action, actor): (&Engine, ActionId, &Actor),
    rows: &[(TenantId, T)],
) -> BTreeSet<Uuid> {
    let decisions = engine.decide(actor, &[action]);
    let rows = rows.iter();
    let allowed = rows.filter(|(tenant, row)| {
        let row = row.kept(*tenant);
        let permitted = engine.permit(actor, action, &row).is_ok();
        let decided = match decisions.get(action) {
            // It takes for granted that the row is of the tenant.
            Decision::Allow(_) => *tenant == actor.tenant,
            Decision::Deny(_) => false,
            Decision::Row(rule) => rule.decide(&row).is_ok(),
        };
        assert_eq!(permitted, decided, "{actor:?}");
        permitted
    });
    allowed.map(|(tenant, row)| row.kept(*tenant).id).collect()
}

/// What policies see of a row.
trait Kept {
    fn kept(&self, tenant: TenantId) -> KeptRow;
}

macro_rules! kept {
    ($($row:ident)*) => {$(
        impl Kept for $row {
            fn kept(&self, tenant: TenantId) -> KeptRow {
                KeptRow {
                    tenant,
                    id: self.id.uuid(),
                    custodian: self.custodian,
                    personal: self.personal,
                }
            }
        }
    )*};
}
kept!(Account Transaction Import);

/// Every transaction that a scope covers, page by page.
async fn every(
    read: &ReadTransaction,
    scope: &ReadScope<resource::Transaction>,
) -> Vec<Transaction> {
    let (mut page, none) = (Page::first(500), TransactionFilter::default());
    let mut all = Vec::new();
    loop {
        let slice = read.transactions(scope, &none, &page).await.unwrap();
        page.position = slice.rows.last().map(Keyset::position);
        all.extend(slice.rows);
        if !slice.has_more {
            return all;
        }
    }
}

/// Those of the transactions that a scope covers, and which of the accounts that they point to another one
/// does.
async fn by_id(
    read: &ReadTransaction,
    scope: &ReadScope<resource::Transaction>,
    accounts: Option<ReadScope<resource::Account>>,
    ids: &[TransactionId],
) -> (Vec<Transaction>, BTreeSet<Uuid>) {
    let beside = Beside {
        accounts,
        categories: None,
    };
    let found = read.transactions_by_id_beside(scope, ids, &beside).await;
    let (rows, pointed) = found.unwrap();
    let accounts = pointed.accounts.map(|known| known.rows).unwrap_or_default();
    let accounts = accounts.iter().map(|account| account.id.uuid());
    (rows, accounts.collect())
}

/// The scope of that engine; `None` where nothing may be read at all.
fn scope<R: Resource>(engine: &Engine, actor: &Actor) -> Option<ReadScope<R>> {
    engine.read_scope::<R>(actor).ok()
}

/// The same of files that were imported.
async fn files_are_given_out_alike(
    (engine, actor): (&Engine, &Actor),
    read: &ReadTransaction,
    imports: &[(TenantId, Import)],
) {
    let action = engine.action("Import.id").unwrap();
    let expected = allowed((engine, action, actor), imports);
    let given = match scope::<resource::Import>(engine, actor) {
        Some(scope) => {
            let page = Page::first(500);
            read.imports(&scope, &page).await.unwrap().rows
        }
        None => Vec::new(),
    };
    let given: BTreeSet<_> = given.iter().map(|row| row.id.uuid()).collect();
    assert_eq!(given, expected, "{actor:?}");
}

#[tokio::test]
async fn postgresql_gives_out_what_cedar_allows_and_nothing_else() {
    let world = World::new().await;
    let (mut accounts, mut transactions) = (Vec::new(), Vec::new());
    let mut imports = Vec::new();
    let (mut tenants, mut owners) = (Vec::new(), Vec::new());
    for slug in ["north", "south"] {
        let (tenant, owner) = world.company(slug).await;
        let people = match slug {
            "north" => people(&world, tenant).await,
            _ => Vec::new(),
        };
        books(&world, &owner, &people).await;
        let (context, read) = world.enter(&owner).await;
        let everything = Page::first(500);
        let found = read.accounts(&world.scope(&context), &everything).await;
        accounts.extend(found.unwrap().rows.into_iter().map(|row| (tenant, row)));
        let found = read.imports(&world.scope(&context), &everything).await;
        imports.extend(found.unwrap().rows.into_iter().map(|row| (tenant, row)));
        let found = every(&read, &world.scope(&context)).await;
        transactions.extend(found.into_iter().map(|row| (tenant, row)));
        read.leave();
        tenants.push(people);
        owners.push(context);
    }
    let ids: Vec<_> = transactions.iter().map(|(_, row)| row.id).collect();
    let people = tenants.remove(0);
    let north = owners[0].tenant();
    let ours = transactions.iter().filter(|(t, _)| *t == north).count();
    assert_eq!((accounts.len(), people.len()), (148, 35));
    let mut decisions = 0;
    for group in GROUPS {
        let engine = engine(group);
        for person in &people {
            let (context, read) = world.enter(person).await;
            let actor = context.actor();
            let page = Page::first(500);
            let told = format!("{group} {actor:?}");

            let action = engine.action("Account.id").unwrap();
            let expected = allowed((&engine, action, actor), &accounts);
            let given = match scope::<resource::Account>(&engine, actor) {
                Some(scope) => read.accounts(&scope, &page).await.unwrap().rows,
                None => Vec::new(),
            };
            let given: BTreeSet<_> = given.iter().map(|row| row.id.uuid()).collect();
            assert_eq!(given, expected, "{told}");
            // Whatever of the transactions another one may read.
            let all = scope(&engine, owners[0].actor()).unwrap();
            let own = scope::<resource::Account>(&engine, actor);
            let (rows, given) = by_id(&read, &all, own, &ids).await;
            assert_eq!((rows.len(), &given), (ours, &expected), "{told}");

            let action = engine.action("Transaction.id").unwrap();
            let expected = allowed((&engine, action, actor), &transactions);
            let given = match scope::<resource::Transaction>(&engine, actor) {
                Some(scope) => every(&read, &scope).await,
                None => Vec::new(),
            };
            let given: BTreeSet<_> = given.iter().map(|row| row.id.uuid()).collect();
            assert_eq!(given, expected, "{told}");
            let given = match scope::<resource::Transaction>(&engine, actor) {
                Some(scope) => by_id(&read, &scope, None, &ids).await.0,
                None => Vec::new(),
            };
            let given: BTreeSet<_> = given.iter().map(|row| row.id.uuid()).collect();
            assert_eq!(given, expected, "{told}, by id");

            files_are_given_out_alike((&engine, actor), &read, &imports).await;
            decisions += accounts.len() + transactions.len() + imports.len();
            read.leave();
        }
    }
    assert!(decisions >= 100_000, "{decisions}");
}
