//! Mutations in one message: what is presumed is held to by PostgreSQL, and where it is otherwise nothing
//! is done, or all of it in the ordinary way.

use countersign_domain::id::{AnyId, CategoryId, TenantId};
use countersign_entities::{
    Claim, Database, IdempotencyKey, Page, RequestContext, RequestFacts, StoreError, Unfinished,
    WriteError, WriteTransaction,
};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::world::{Person, World, asking, connect, draft, facts, settings, uuid};

/// What a request under that key is.
fn keyed(key: &str) -> RequestFacts {
    RequestFacts {
        idempotency_key: Some(IdempotencyKey::parse(key).unwrap()),
        ..facts()
    }
}

/// As one who was let in a moment ago.
fn presumed(
    database: &Database,
    who: &Person,
    facts: &RequestFacts,
    named: &[AnyId],
) -> (RequestContext, WriteTransaction) {
    let presumed = database.presume_to_write(&who.credential(), facts, named, asking(1));
    presumed.expect("they have entered before")
}

async fn make(world: &World, who: &Person, key: &str) -> Result<CategoryId, Box<Unfinished>> {
    let (context, write) = presumed(&world.database, who, &keyed(key), &[]);
    world.insert_category(&context, write, key).await
}

async fn names(world: &World, who: &Person) -> Vec<String> {
    let (context, read) = world.enter(who).await;
    let (scope, page) = (world.scope(&context), Page::first(100));
    let found = read.categories(&scope, &page).await.unwrap();
    read.leave();
    found.rows.into_iter().map(|row| row.name).collect()
}

async fn verified(world: &World, tenant: TenantId) -> u64 {
    let operator = world.database.operator();
    let verified = operator.verify_ledger(tenant, None, None).await.unwrap();
    verified.verified
}

/// How many connections are open for writing one transaction at a time, and for many.
fn open(database: &Database) -> (u32, u32) {
    let all = database.connections();
    let open = |wanted| {
        let mut all = all.iter();
        all.find(|(name, ..)| *name == wanted)
            .map_or(0, |(_, open, _)| *open)
    };
    (open("write"), open("write_shared"))
}

/// The lane is opened by whoever comes first, who does not wait for it.
async fn warm(world: &World, who: &Person) {
    used(world, who).await;
    while open(&world.database).1 == 0 {
        let key = format!("warm-{}", uuid());
        make(world, who, &key).await.unwrap();
    }
}

/// The tenant's keys are at hand from the first row on.
async fn used(world: &World, who: &Person) {
    let (context, read) = world.enter(who).await;
    read.leave();
    let recorded = world.database.record(&context, draft("books.read"));
    recorded.await.unwrap();
}

/// A world in which an owner has entered, by a process that never wrote for anybody.
async fn entered(world: &mut World, who: &Person) {
    world.database = replica(world).await;
    let (_, read) = world.enter(who).await;
    read.leave();
}

/// Another process on the same database.
async fn replica(world: &World) -> Database {
    let url = |role| world.cluster.url(&world.name, role);
    connect(settings(url("countersign_entry"), url("countersign_books"))).await
}

#[tokio::test]
async fn one_message_does_it_and_its_row_stands_in_the_chain() {
    let mut world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    entered(&mut world, &owner).await;
    used(&world, &owner).await;
    let before = verified(&world, tenant).await;
    for key in ["a", "b", "c"] {
        make(&world, &owner, key).await.unwrap();
    }
    assert_eq!(open(&world.database), (0, 1), "they share a connection");
    assert_eq!(names(&world, &owner).await, ["a", "b", "c"]);
    assert_eq!(verified(&world, tenant).await, before + 3);
    // Each key is its request's, as if it had been claimed by itself.
    let (_, again) = presumed(&world.database, &owner, &keyed("a"), &[]);
    assert_eq!(again.claimed().await.unwrap(), Claim::UnderWay);
}

#[tokio::test]
async fn a_key_of_the_day_before_is_free_again_though_its_row_is_there() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    warm(&world, &owner).await;
    make(&world, &owner, "a").await.unwrap();
    let before = verified(&world, tenant).await;
    let mut admin = world.bare("postgres").await;
    let old = "UPDATE countersign.idempotency_keys SET claimed_at = claimed_at - interval '1 day'";
    admin.execute(old).await.unwrap();
    // By a process that has not kept the answer.
    let second = World {
        database: replica(&world).await,
        ..World::of(world.cluster.clone(), world.name.clone()).await
    };
    warm(&second, &owner).await;
    let (context, write) = presumed(&second.database, &owner, &keyed("a"), &[]);
    let again = second.insert_category(&context, write, "again").await;
    assert!(again.is_ok(), "{:?}", again.err());
    assert!(names(&world, &owner).await.contains(&"again".to_owned()));
    assert!(verified(&world, tenant).await > before);
}

#[tokio::test]
async fn of_those_who_come_at_once_with_a_key_one_does_it_in_whichever_process() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let second = World {
        database: replica(&world).await,
        ..World::of(world.cluster.clone(), world.name.clone()).await
    };
    for world in [&world, &second] {
        warm(world, &owner).await;
    }
    let before = verified(&world, tenant).await;
    let come = (0..60).map(async |n: usize| {
        let world = if n.is_multiple_of(2) { &world } else { &second };
        let key = format!("key-{}", n / 6);
        let (context, write) = presumed(&world.database, &owner, &keyed(&key), &[]);
        match world
            .insert_category(&context, write, &format!("c {n}"))
            .await
        {
            Ok(_) => 1,
            Err(unfinished) => {
                let claim = unfinished.transaction.claimed().await.unwrap();
                assert_eq!(claim, Claim::UnderWay, "{:?}", unfinished.error);
                0
            }
        }
    });
    let done: u64 = join_all(come).await.into_iter().sum();
    assert_eq!(done, 10, "one for each key");
    assert_eq!(verified(&world, tenant).await, before + done);
}

#[tokio::test]
async fn nothing_is_done_for_whoever_is_not_who_they_were_a_moment_ago() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let foreign = world.category(&other, "Theirs").await;
    warm(&world, &owner).await;
    let (before, kept) = (verified(&world, tenant).await, names(&world, &owner).await);
    let mut admin = world.bare("postgres").await;
    // Nor in a request that names what is another tenant's, or nobody's: who asks stays known.
    for strange in [foreign, CategoryId::new(uuid())] {
        let (context, write) = presumed(&world.database, &owner, &keyed("k"), &[strange.into()]);
        let made = world.insert_category(&context, write, "none").await;
        let error = made.unwrap_err().error;
        let inconsistent = matches!(error, WriteError::Store(StoreError::Inconsistent(_)));
        assert!(inconsistent && context.strange().is_some(), "{error:?}");
    }
    let refused = async |facts: &RequestFacts| {
        let (context, write) = presumed(&world.database, &owner, facts, &[]);
        let made = world.insert_category(&context, write, "none").await;
        let error = made.unwrap_err().error;
        let rebutted = matches!(error, WriteError::Store(StoreError::Rebutted));
        assert!(rebutted, "{error:?}");
        // What does not hold is forgotten, until they are let in again.
        let credential = owner.credential();
        let again = world
            .database
            .presume_to_write(&credential, facts, &[], asking(1));
        assert!(again.is_none());
    };
    let suspend = "UPDATE countersign.tenants SET suspended_at = now() WHERE slug = 'north'";
    admin.execute(suspend).await.unwrap();
    refused(&keyed("k")).await;
    let resume = "UPDATE countersign.tenants SET suspended_at = NULL";
    admin.execute(resume).await.unwrap();
    world.enter(&owner).await.1.leave();
    let demote = "UPDATE countersign.memberships SET capabilities = '{read.pii}' WHERE id = $1";
    let demote = sqlx::query(demote).bind(owner.member.uuid());
    demote.execute(&mut admin).await.unwrap();
    refused(&keyed("k")).await;
    world.enter(&owner).await.1.leave();
    admin
        .execute("UPDATE countersign.sessions SET ended_at = now()")
        .await
        .unwrap();
    refused(&keyed("k")).await;
    admin
        .execute("UPDATE countersign.sessions SET ended_at = NULL")
        .await
        .unwrap();
    world.enter(&owner).await.1.leave();
    assert_eq!(names(&world, &owner).await, kept);
    assert_eq!(verified(&world, tenant).await, before);
    // Nor was the key taken.
    make(&world, &owner, "k").await.unwrap();
}

#[tokio::test]
async fn a_chain_that_ends_elsewhere_and_a_conflict_leave_everything_as_it_was() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    warm(&world, &owner).await;
    let before = verified(&world, tenant).await;
    // Another process appends, which this one does not see.
    let other = World {
        database: replica(&world).await,
        ..World::of(world.cluster.clone(), world.name.clone()).await
    };
    other.category(&owner, "elsewhere").await;
    make(&world, &owner, "here").await.unwrap();
    assert_eq!(verified(&world, tenant).await, before + 2);
    let (context, write) = presumed(&world.database, &owner, &keyed("twice"), &[]);
    let twice = world.insert_category(&context, write, "HERE").await;
    let unfinished = twice.unwrap_err();
    let WriteError::Conflict(constraint) = &unfinished.error else {
        panic!("{:?}", unfinished.error);
    };
    assert_eq!(constraint.name(), "categories_name");
    unfinished
        .transaction
        .refuse(draft("category.created"))
        .await
        .unwrap();
    assert_eq!(verified(&world, tenant).await, before + 3);
    // The key is free.
    make(&world, &owner, "twice").await.unwrap();
}

#[tokio::test]
async fn rows_of_reads_and_of_mutations_of_one_tenant_come_in_turns() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    warm(&world, &owner).await;
    let (context, _) = world.enter(&owner).await;
    let before = verified(&world, tenant).await;
    let come = (0..120).map(async |n: usize| {
        if n.is_multiple_of(3) {
            make(&world, &owner, &format!("n-{n}")).await.unwrap();
        } else {
            let read = world.database.record(&context, draft("books.read"));
            read.await.unwrap();
        }
    });
    join_all(come).await;
    assert_eq!(verified(&world, tenant).await, before + 120);
}

/// The code with which PostgreSQL refuses, as the role that requests have.
async fn code(books: &mut PgConnection, sql: &str) -> Option<String> {
    let failed = books.fetch_one(AssertSqlSafe(sql.to_owned())).await.err()?;
    let code = failed.as_database_error()?.code()?;
    Some(code.into_owned())
}

#[tokio::test]
async fn every_part_of_what_is_presumed_is_held_to() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let mut books = world.bare("countersign_books").await;
    let id = uuid();
    let enter = format!("SELECT countersign.enter_tenant('{}')", tenant.uuid());
    books.execute("BEGIN").await.unwrap();
    let parts = books
        .fetch_all(
            "SELECT attname, format_type(atttypid, NULL) AS kind FROM pg_attribute \
             WHERE attrelid = 'countersign.entrance'::regclass AND attnum > 0 ORDER BY attnum",
        )
        .await
        .unwrap();
    books.execute("COMMIT").await.unwrap();
    assert_eq!(parts.len(), 14);
    let value = |kind: &str, other: bool| match (kind, other) {
        ("uuid", false) => format!("'{}'", tenant.uuid()),
        ("uuid", true) => format!("'{id}'"),
        ("boolean", other) => other.to_string(),
        ("text[]", other) => format!("ARRAY['{other}']"),
        ("integer", other) => i32::from(other).to_string(),
        ("text", other) => format!("'{other}'"),
        (kind, _) => panic!("another kind of value: {kind}"),
    };
    let row = |other: Option<usize>| {
        let each = parts.iter().enumerate().map(|(n, part)| {
            let kind: String = part.get("kind");
            format!("{}::{kind}", value(&kind, other == Some(n)))
        });
        let each: Vec<_> = each.collect();
        format!("ROW({})::countersign.entrance", each.join(", "))
    };
    let held = |presumed: Option<usize>| {
        format!(
            "SELECT countersign.hold_presumed({}, {}, 1, 'usr_1', sha256('k'), sha256('a'), \
             sha256('s'), '{id}', now())",
            row(None),
            row(presumed)
        )
    };
    for n in 0..parts.len() {
        books.execute("BEGIN").await.unwrap();
        books.execute(AssertSqlSafe(enter.clone())).await.unwrap();
        let refused = code(&mut books, &held(Some(n))).await;
        assert_eq!(refused.as_deref(), Some("CS001"), "part {n}");
        books.execute("ROLLBACK").await.unwrap();
    }
    books.execute("BEGIN").await.unwrap();
    books.execute(AssertSqlSafe(enter.clone())).await.unwrap();
    assert_eq!(code(&mut books, &held(None)).await, None);
    books.execute("COMMIT").await.unwrap();
    // And the key is held to be free.
    let another = held(None).replace(&id.to_string(), &uuid().to_string());
    books.execute("BEGIN").await.unwrap();
    books.execute(AssertSqlSafe(enter)).await.unwrap();
    let refused = code(&mut books, &another).await;
    assert_eq!(refused.as_deref(), Some("23505"));
    books.execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn where_the_database_does_not_flush_it_is_done_in_the_ordinary_way() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    let forbid =
        "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM PUBLIC";
    admin.execute(forbid).await.unwrap();
    let before = verified(&world, tenant).await;
    world.enter(&owner).await.1.leave();
    for key in ["a", "b"] {
        make(&world, &owner, key).await.unwrap();
    }
    assert_eq!(names(&world, &owner).await, ["a", "b"]);
    assert_eq!(verified(&world, tenant).await, before + 2);
    assert!(
        open(&world.database).0 > 0,
        "each had a connection of its own"
    );
}
