//! A key is claimed with what is done under it, by one of however many processes there are.

use countersign_domain::{access::Role, id::TenantId};
use countersign_entities::{
    Asking, Claim, Database, IdempotencyKey, RequestContext, RequestFacts, WriteTransaction,
};
use sqlx::{Executor, PgConnection};

use crate::world::{Person, World, asking, connect, draft, facts, new_account, settings, uuid};

const ASKED: Asking = asking(1);

/// Another process on the same database.
async fn replica(world: &World) -> Database {
    let url = |role| world.cluster.url(&world.name, role);
    connect(settings(url("countersign_entry"), url("countersign_books"))).await
}

fn keyed(seconds: i64) -> RequestFacts {
    let facts = facts();
    RequestFacts {
        at: facts.at + chrono::Duration::seconds(seconds),
        idempotency_key: IdempotencyKey::parse("key-1"),
        ..facts
    }
}

async fn enter(
    database: &Database,
    person: &Person,
    facts: RequestFacts,
) -> (RequestContext, WriteTransaction) {
    let credential = person.credential();
    let entered = database.enter_to_write(&credential, &facts, &[], ASKED);
    entered.await.unwrap()
}

async fn claimed(database: &Database, person: &Person, facts: RequestFacts) -> Claim {
    let (_, write) = enter(database, person, facts).await;
    let claim = write.claimed().await.unwrap();
    write.abandon().await;
    claim
}

async fn do_it(world: &World, context: &RequestContext, write: WriteTransaction) {
    let permit = world.permit(context, "createAccount");
    let new = new_account("Ours");
    write.insert_account(&permit, &new).await.unwrap();
    write
        .finish(permit, draft("account.created"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_is_one_transactions_until_it_ends_and_free_where_nothing_was_done() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let other = world.person(tenant, "second", Role::Owner).await;
    let second = replica(&world).await;
    let (context, write) = enter(&world.database, &owner, keyed(0)).await;
    assert_eq!(write.claimed().await.unwrap(), Claim::Claimed);
    for database in [&world.database, &second] {
        assert_eq!(claimed(database, &owner, keyed(0)).await, Claim::UnderWay);
        // A key is one caller's.
        assert_eq!(claimed(database, &other, keyed(0)).await, Claim::Claimed);
    }
    write.refuse(draft("account.created")).await.unwrap();
    assert_eq!(claimed(&second, &owner, keyed(0)).await, Claim::Claimed);
    drop(context);
}

#[tokio::test]
async fn nobody_who_has_not_entered_removes_or_replaces_what_is_kept() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (context, write) = enter(&world.database, &owner, keyed(0)).await;
    do_it(&world, &context, write).await;
    let done = Some(&b"done"[..]);
    world.database.settle(&context, done).await.unwrap();
    world.database.close().await;
    let mut admin = world.bare("postgres").await;
    let now = "UPDATE countersign.idempotency_keys SET claimed_at = now() - interval '23 hours'";
    admin.execute(now).await.unwrap();
    let (tenant, actor, key, claimant): (uuid::Uuid, String, Vec<u8>, uuid::Uuid) = sqlx::query_as(
        "SELECT tenant_id, actor_id, key, claimed_by FROM countersign.idempotency_keys",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    let mut books = world.bare("countersign_books").await;
    let settle = "SELECT countersign.settle_keys(ARRAY[$1], ARRAY[$2], ARRAY[$3], ARRAY[$4], \
        ARRAY['forged'::bytea], ARRAY[now()], 'infinity', 1)";
    sqlx::query(settle)
        .bind(tenant)
        .bind(actor)
        .bind(key)
        .bind(claimant)
        .execute(&mut books)
        .await
        .unwrap();
    let kept = "SELECT answer <> 'forged' FROM countersign.idempotency_keys";
    let kept: Vec<bool> = sqlx::query_scalar(kept)
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert_eq!(kept, [true]);
}

#[tokio::test]
async fn what_was_done_is_not_done_again_whenever_its_answer_comes() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let second = replica(&world).await;
    let (context, write) = enter(&world.database, &owner, keyed(0)).await;
    do_it(&world, &context, write).await;
    // The request may do more, and nobody else may.
    let more = world.database.write(&context, Some(ASKED)).await.unwrap();
    assert_eq!(more.claimed().await.unwrap(), Claim::Claimed);
    more.abandon().await;
    for database in [&world.database, &second] {
        assert_eq!(claimed(database, &owner, keyed(0)).await, Claim::UnderWay);
        // As where the process dies before it has kept the answer.
        assert_eq!(claimed(database, &owner, keyed(61)).await, Claim::Gone);
        let (credential, facts) = (owner.credential(), keyed(0));
        let other = database.enter_to_write(&credential, &facts, &[], asking(2));
        let (_, other) = other.await.unwrap();
        assert_eq!(other.claimed().await.unwrap(), Claim::OtherRequest);
    }
    let answer = Claim::Answered(b"done".to_vec());
    world
        .database
        .settle(&context, Some(b"done"))
        .await
        .unwrap();
    // At once where it is known; elsewhere when it has arrived.
    assert_eq!(claimed(&world.database, &owner, keyed(0)).await, answer);
    let elsewhere = claimed(&second, &owner, keyed(0)).await;
    assert!(
        [&answer, &Claim::UnderWay].contains(&&elsewhere),
        "{elsewhere:?}"
    );
    world.database.close().await;
    assert_eq!(claimed(&second, &owner, keyed(0)).await, answer);
    let mut admin = world.bare("postgres").await;
    let old = "UPDATE countersign.idempotency_keys SET claimed_at = claimed_at - interval '1 day'";
    admin.execute(old).await.unwrap();
    assert_eq!(claimed(&second, &owner, keyed(1)).await, Claim::Claimed);
}

/// Whatever the mutation had done when the keys of its tenant were destroyed.
#[tokio::test]
async fn no_answer_outlives_the_keys_of_its_tenant() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let second = replica(&world).await;
    let operator = world.database.operator();
    let with_key = |key| RequestFacts {
        idempotency_key: IdempotencyKey::parse(key),
        ..keyed(0)
    };
    let done = Some(&b"done"[..]);
    let begin = async |who, key| enter(&world.database, who, with_key(key)).await;
    let do_and_settle = async |(context, write)| {
        do_it(&world, &context, write).await;
        world.database.settle(&context, done).await.unwrap();
    };
    do_and_settle(begin(&owner, "kept").await).await;
    do_and_settle(begin(&other, "kept").await).await;
    let answered = Claim::Answered(b"done".to_vec());
    while claimed(&second, &other, with_key("kept")).await != answered
        || claimed(&second, &owner, with_key("kept")).await != answered
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let (on_its_way, write) = begin(&owner, "on-its-way").await;
    do_it(&world, &on_its_way, write).await;
    let in_its_transaction = begin(&owner, "in-its-transaction").await;
    assert_eq!(
        in_its_transaction.1.claimed().await.unwrap(),
        Claim::Claimed
    );

    operator.destroy_keys(tenant).await.unwrap();
    world.database.settle(&on_its_way, done).await.unwrap();
    do_and_settle(in_its_transaction).await;
    world.database.close().await;
    for key in ["kept", "on-its-way"] {
        let again = claimed(&second, &owner, with_key(key)).await;
        assert_eq!(again, Claim::Gone, "{key}");
    }
    assert_eq!(claimed(&second, &other, with_key("kept")).await, answered);
    // A server may not have known of it yet.
    let operator = second.operator();
    assert_eq!(operator.empty_answers(tenant).await.unwrap(), 1);
    let again = claimed(&second, &owner, with_key("in-its-transaction")).await;
    assert_eq!(again, Claim::Gone);
    let mut admin = world.bare("postgres").await;
    let left = "SELECT count(*) FROM countersign.idempotency_keys WHERE answer IS NOT NULL \
        AND tenant_id = $1";
    let left = sqlx::query_scalar::<_, i64>(left).bind(tenant.uuid());
    assert_eq!(left.fetch_one(&mut admin).await.unwrap(), 0);
}

/// So many keys of a tenant that were used so many hours ago, with an answer each; and the administrator.
async fn used(world: &World, keys: i32, hours: i32) -> (TenantId, PgConnection) {
    let (tenant, _) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    let many = "INSERT INTO countersign.idempotency_keys (tenant_id, actor_id, key, request, shape, \
            claimed_by, claimed_at, settled_at, answer) \
         SELECT $1, 'somebody', sha256(n::text::bytea), sha256(''), sha256(''), gen_random_uuid(), \
            now() - make_interval(hours => $2), now(), 'done' FROM generate_series(1, $3) n";
    let many = sqlx::query(many).bind(tenant.uuid()).bind(hours).bind(keys);
    many.execute(&mut admin).await.unwrap();
    (tenant, admin)
}

#[tokio::test]
async fn a_sweep_removes_as_many_old_keys_as_it_has_time_for() {
    let world = World::new().await;
    let (tenant, mut admin) = used(&world, 600, 25).await;
    let mut books = world.bare("countersign_books").await;
    let mut swept = async || {
        let settle = "SELECT countersign.settle_keys(ARRAY[$1], ARRAY['nobody'], \
            ARRAY['\\x00'::bytea], ARRAY[$1], ARRAY[''::bytea], ARRAY[now()], now(), 32)";
        let settled = sqlx::query(settle).bind(tenant.uuid());
        settled.execute(&mut books).await.unwrap();
        let left = "SELECT count(*) FROM countersign.idempotency_keys";
        let left = sqlx::query_scalar::<_, i64>(left);
        left.fetch_one(&mut admin).await.unwrap()
    };
    assert_eq!(swept().await, 600 - 16 * 32);
    assert_eq!(swept().await, 0);
}

#[tokio::test]
async fn however_many_answers_are_emptied_no_statement_has_them_all() {
    let world = World::new().await;
    let (tenant, mut admin) = used(&world, 10_001, 1).await;
    let emptied = "CREATE TABLE emptied (rows bigint); \
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
        INSERT INTO public.emptied SELECT count(*) FROM changed; RETURN NULL; END $$; \
        CREATE TRIGGER note AFTER UPDATE ON countersign.idempotency_keys \
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note()";
    admin.execute(emptied).await.unwrap();
    let operator = world.database.operator();
    assert_eq!(operator.empty_answers(tenant).await.unwrap(), 10_001);
    let emptied = "SELECT rows FROM emptied WHERE rows > 0 ORDER BY rows";
    let emptied = sqlx::query_scalar::<_, i64>(emptied);
    let emptied = emptied.fetch_all(&mut admin).await.unwrap();
    assert_eq!(emptied, [1, 5_000, 5_000]);
    let left = "SELECT count(*) FROM countersign.idempotency_keys WHERE answer IS NOT NULL";
    let left = sqlx::query_scalar::<_, i64>(left);
    assert_eq!(left.fetch_one(&mut admin).await.unwrap(), 0);
}

#[tokio::test]
async fn of_those_who_come_at_once_one_has_the_key() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let second = replica(&world).await;
    let databases = [&world.database, &second];
    let come = databases.iter().cycle().take(8).map(async |database| {
        let (context, write) = enter(database, &owner, keyed(0)).await;
        let claim = write.claimed().await.unwrap();
        if claim == Claim::Claimed {
            do_it(&world, &context, write).await;
        }
        claim == Claim::Claimed
    });
    let done = futures::future::join_all(come).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
}

#[tokio::test]
async fn nothing_is_written_under_a_key_of_somebody_else() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (context, write) = enter(&world.database, &owner, keyed(0)).await;
    assert_eq!(write.claimed().await.unwrap(), Claim::Claimed);
    let (_, late) = enter(&world.database, &owner, keyed(0)).await;
    let permit = world.permit(&context, "createAccount");
    let new = new_account("Ours");
    assert!(late.insert_account(&permit, &new).await.is_err());
    assert!(late.finish(permit, draft("account.created")).await.is_err());
    do_it(&world, &context, write).await;
    let facts = RequestFacts {
        idempotency_key: None,
        ..facts()
    };
    // Whoever was let in a moment ago writes at once, and not with another's ids or an ended session.
    let presume = |named: &[countersign_domain::id::AnyId]| {
        let credential = owner.credential();
        let presumed = world
            .database
            .presume_to_write(&credential, &facts, named, ASKED);
        presumed.unwrap()
    };
    let (context, write) = presume(&[]);
    do_it(&world, &context, write).await;
    let unknown = countersign_domain::id::AccountId::new(uuid());
    let (context, write) = presume(&[unknown.into()]);
    write.claimed().await.unwrap();
    assert!(context.strange().is_some());
    let permit = world.permit(&context, "createAccount");
    assert!(write.insert_account(&permit, &new).await.is_err());
    assert!(
        write
            .finish(permit, draft("account.created"))
            .await
            .is_err()
    );
}
