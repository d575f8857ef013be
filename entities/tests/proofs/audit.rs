//! The chain: append-only, gapless under concurrent writers, and telling where it was tampered with.

use std::time::Duration;

use countersign_domain::{
    access::Role,
    audit::{ChainError, Outcome},
    id::TenantId,
};
use countersign_entities::{AuditFilter, Direction, LedgerFault, Page};
use countersign_policies::resource;
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::world::{World, draft, new_account};

pub(crate) async fn verified(world: &World, tenant: TenantId) -> u64 {
    world
        .database
        .operator()
        .verify_ledger(tenant, None, None)
        .await
        .unwrap()
        .verified
}

#[tokio::test(flavor = "multi_thread")]
async fn chain_has_no_gap_under_concurrent_writers_and_group_commit() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (south, other) = world.company("south").await;
    let before = verified(&world, tenant).await;
    let before_south = verified(&world, south).await;
    let world = std::sync::Arc::new(world);
    let mut tasks = Vec::new();
    for writer in 0..16 {
        let (world, owner, other) = (world.clone(), owner.clone(), other.clone());
        tasks.push(tokio::spawn(async move {
            let (context, read) = world.enter(&owner).await;
            read.leave();
            let (elsewhere, read) = world.enter(&other).await;
            read.leave();
            for round in 0..4 {
                world.category(&owner, &format!("c {writer} {round}")).await;
                world
                    .database
                    .record(&context, draft("books.read"))
                    .await
                    .unwrap();
                world
                    .database
                    .record(&elsewhere, draft("books.read"))
                    .await
                    .unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(verified(&world, tenant).await - before, 128);
    assert_eq!(verified(&world, south).await - before_south, 64);
    let operator = world.database.operator();
    let part = operator
        .verify_ledger(tenant, Some(20), Some(40))
        .await
        .unwrap();
    assert_eq!((part.from, part.verified, part.last.seq), (20, 21, 40));
}

/// Another replica holds one tenant's chain. The rows that wait for it are written together as it lets go, one that
/// the schema refuses takes none with it, and other tenants' do not wait.
#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_chain_is_held_are_written_together() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let (context, read) = world.enter(&owner).await;
    read.leave();
    let (elsewhere, read) = world.enter(&other).await;
    read.leave();
    let before = verified(&world, tenant).await;
    let mut replica = world.bare("postgres").await;
    let hold = "SELECT 1 FROM countersign.audit_heads WHERE tenant_id = $1 FOR UPDATE";
    let mut held = sqlx::Connection::begin(&mut replica).await.unwrap();
    let hold = sqlx::query(hold).bind(tenant.uuid());
    hold.execute(&mut *held).await.unwrap();

    let rows = (0..200).map(|_| world.database.record(&context, draft("books.read")));
    let all = futures::future::join_all(rows);
    let refused = world.database.record(&context, draft(""));
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let free = world.database.record(&elsewhere, draft("books.read"));
        let free = tokio::time::timeout(Duration::from_secs(2), free).await;
        free.expect("another tenant's row waits").unwrap();
        held.rollback().await.unwrap();
    };
    let (all, refused, ()) = futures::join!(all, refused, let_go);
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!(refused.is_err());

    assert_eq!(verified(&world, tenant).await - before, 200);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM countersign.audit_entries \
        WHERE tenant_id = $1 AND action = 'books.read' AND seq > $2";
    let transactions = sqlx::query_scalar(transactions).bind(tenant.uuid());
    let transactions = transactions.bind(i64::try_from(before).unwrap());
    let transactions: i64 = transactions.fetch_one(&mut replica).await.unwrap();
    // Those that waited with the one that was refused are halved until it is alone.
    assert!(transactions < 30, "{transactions}");
}

#[tokio::test]
async fn chain_without_its_beginning_is_no_chain() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let operator = world.database.operator();
    operator.make_checkpoint(tenant, None).await.unwrap();
    operator
        .verify_ledger(TenantId::OPERATOR, None, None)
        .await
        .unwrap();
    let mut admin = world.bare("postgres").await;
    let own = tenant.uuid();
    let emptied = format!(
        "SET session_replication_role = replica; DELETE FROM countersign.audit_entries WHERE tenant_id = '{own}'; \
        DELETE FROM countersign.audit_checkpoints WHERE tenant_id = '{own}'; \
        UPDATE countersign.audit_heads SET seq = 0, hash = decode(repeat('00', 32), 'hex') WHERE tenant_id = '{own}'",
    );
    admin
        .execute(sqlx::raw_sql(AssertSqlSafe(emptied)))
        .await
        .unwrap();
    let beheaded = async || {
        let found = operator.verify_ledger(tenant, None, None).await;
        assert!(matches!(found, Err(LedgerFault::Beheaded)), "{found:?}");
    };
    beheaded().await;
    // A server that goes on begins another chain, and signs it.
    let (context, read) = world.enter(&owner).await;
    read.leave();
    let recorded = world.database.record(&context, draft("books.read")).await;
    recorded.unwrap();
    beheaded().await;
    let made = "SELECT countersign.create_tenant(gen_random_uuid(), 'aside', 'Aside', now())";
    let mut entry = world.bare("countersign_entry").await;
    entry.execute(made).await.unwrap();
    let aside = operator.tenant("aside").await.unwrap().id;
    let found = operator.verify_ledger(aside, None, None).await;
    assert!(matches!(found, Err(LedgerFault::Beheaded)), "{found:?}");
    let removed = format!("DELETE FROM countersign.audit_heads WHERE tenant_id = '{own}'");
    admin.execute(AssertSqlSafe(removed)).await.unwrap();
    beheaded().await;
}

#[tokio::test]
async fn who_leaves_while_they_are_refused_does_not_take_the_row_away() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let before = verified(&world, tenant).await;
    let (_, write) = world.write(&owner).await;
    let refusal = countersign_entities::EventDraft {
        outcome: Outcome::Refused,
        ..draft("account.created")
    };
    assert!(write.refuse(refusal).now_or_never().is_none());
    for _ in 0..100 {
        if verified(&world, tenant).await == before + 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the refusal is not recorded");
}

#[tokio::test]
async fn write_that_is_not_finished_leaves_nothing_and_a_refusal_leaves_its_row() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let before = verified(&world, tenant).await;
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "createAccount");
    let new = new_account("dropped");
    write.insert_account(&permit, &new).await.unwrap();
    drop(write);
    let (_, write) = world.write(&owner).await;
    let new = new_account("refused");
    write.insert_account(&permit, &new).await.unwrap();
    let refusal = countersign_entities::EventDraft {
        outcome: Outcome::Refused,
        ..draft("account.created")
    };
    write.refuse(refusal).await.unwrap();
    let (context, read) = world.enter(&owner).await;
    let page = Page::first(10);
    let left = read.accounts(&world.scope(&context), &page).await.unwrap();
    assert!(left.rows.is_empty());
    assert_eq!(verified(&world, tenant).await, before + 1);
    let filter = AuditFilter {
        outcome: Some(Outcome::Refused),
        ..AuditFilter::default()
    };
    let scope = world.scope::<resource::AuditEntry>(&context);
    let log = read.audit_entries(&scope, &filter, &page).await.unwrap();
    assert_eq!(log.rows.len(), 1);
    assert_eq!(log.rows[0].actor_name.as_deref(), Some("owner-north"));
    assert_eq!(log.rows[0].event.actor_id, owner.user.to_string());
}

#[tokio::test]
async fn conflict_can_not_be_finished_over() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    world.category(&owner, "Travel").await;
    let before = verified(&world, tenant).await;
    let (context, write) = world.write(&owner).await;
    let twice = world.insert_category(&context, write, "TRAVEL").await;
    let unfinished = *twice.unwrap_err();
    let countersign_entities::WriteError::Conflict(constraint) = &unfinished.error else {
        panic!("{:?}", unfinished.error);
    };
    assert_eq!(constraint.name(), "categories_name");
    let permit = world.permit(&context, "createCategory");
    let over = unfinished
        .transaction
        .finish(permit, draft("category.created"));
    assert!(over.await.is_err());
    assert_eq!(verified(&world, tenant).await, before);
}

/// A transaction that appends a row to its own chain where the chain does not end.
fn own_row(tenant: TenantId, holds: bool) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "BEGIN; SELECT countersign.enter_tenant('{}'); \
        SELECT a.appended FROM countersign.audit_entries e, countersign.append_own( \
        e.seq + 5, gen_random_uuid(), e.previous, e.hash, e.signature, e.actor_kind, e.actor_id, \
        e.action, e.permission, e.policies, e.outcome, e.targets, e.request_id, e.source, e.payload, \
        e.occurred_at, {holds}) a WHERE e.seq = 1; COMMIT",
        tenant.uuid()
    ))
}

#[tokio::test]
async fn nobody_updates_deletes_or_truncates() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    for role in ["countersign_books", "countersign_entry", "postgres"] {
        let mut connection = world.bare(role).await;
        for sql in [
            "UPDATE countersign.audit_entries SET action = 'x'",
            "DELETE FROM countersign.audit_entries",
            "TRUNCATE countersign.audit_entries",
            "TRUNCATE countersign.audit_entries, countersign.audit_heads",
            "DELETE FROM countersign.audit_heads",
        ] {
            let error = connection.execute(sql).await.unwrap_err();
            assert_eq!(
                error.as_database_error().unwrap().code().unwrap(),
                "42501",
                "{role}: {sql}: {error}"
            );
        }
    }
    // The owner as well, who could otherwise do anything.
    let mut owner = world.bare("postgres").await;
    owner.execute("SET ROLE countersign_owner").await.unwrap();
    assert!(
        owner
            .execute("TRUNCATE countersign.audit_entries")
            .await
            .is_err()
    );
    assert!(
        owner
            .execute("DELETE FROM countersign.audit_entries")
            .await
            .is_err()
    );
    // And the books append by the function alone, at the end of the chain only.
    let mut books = world.bare("countersign_books").await;
    let sql = format!(
        "BEGIN; SELECT countersign.enter_tenant('{}'); \
        INSERT INTO countersign.audit_entries SELECT tenant_id, seq + 5, gen_random_uuid(), previous, hash, \
        signature, actor_kind, actor_id, action, permission, outcome, targets, request_id, source, payload, \
        occurred_at, 2, policies FROM countersign.audit_entries WHERE seq = 1",
        tenant.uuid()
    );
    let error = books.execute(AssertSqlSafe(sql)).await.unwrap_err();
    let code = error.as_database_error().unwrap().code();
    assert_eq!(code.as_deref(), Some("42501"), "{error}");
    books.execute("ROLLBACK").await.unwrap();
    let appended = format!(
        "SELECT a.appended FROM countersign.audit_entries e, countersign.append(ARRAY[e.tenant_id], \
        ARRAY[e.seq + 5], ARRAY[gen_random_uuid()], ARRAY[e.previous], ARRAY[e.hash], \
        ARRAY[e.signature], ARRAY[e.actor_kind], ARRAY[e.actor_id], ARRAY[e.action], \
        ARRAY[e.permission], ARRAY[e.policies], ARRAY[e.outcome], ARRAY['x'], ARRAY[e.request_id], ARRAY[e.source], \
        ARRAY[e.payload], ARRAY[e.occurred_at]) a WHERE e.tenant_id = '{}' AND e.seq = 1",
        tenant.uuid()
    );
    let before = verified(&world, tenant).await;
    let mut superuser = world.bare("postgres").await;
    let row = superuser.fetch_one(AssertSqlSafe(appended)).await.unwrap();
    assert!(!row.try_get::<bool, _>(0).unwrap());
    let rows = books.fetch_all(own_row(tenant, false)).await.unwrap();
    assert!(!rows.last().unwrap().try_get::<bool, _>(0).unwrap());
    // Who is to commit in the same breath has nothing to commit.
    let refused = books.fetch_all(own_row(tenant, true)).await.unwrap_err();
    assert!(refused.to_string().contains("does not go on"), "{refused}");
    assert_eq!(verified(&world, tenant).await, before);
}

#[tokio::test]
async fn tampering_is_found_and_the_row_named() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    world.person(tenant, "mara", Role::Manager).await;
    world.person(tenant, "arthur", Role::Accountant).await;
    let rows = verified(&world, tenant).await;
    assert!(rows >= 4, "{rows}");
    let tamper = async |sql: &'static str| {
        let mut admin = world.bare("postgres").await;
        admin
            .execute("BEGIN; SET LOCAL session_replication_role = replica")
            .await
            .unwrap();
        admin.execute(sql).await.unwrap();
        admin.execute("COMMIT").await.unwrap();
        world
            .database
            .operator()
            .verify_ledger(tenant, None, None)
            .await
            .unwrap_err()
    };
    let broken = |fault: LedgerFault| match fault {
        LedgerFault::Broken(error) => error,
        other => panic!("{other:?}"),
    };
    let fault =
        tamper("UPDATE countersign.audit_entries SET outcome = 'REFUSED' WHERE seq = 2").await;
    assert_eq!(broken(fault), ChainError::Changed { seq: 2 });
    // Of the first encoding neither id nor policies would be hashed.
    let fault =
        tamper("UPDATE countersign.audit_entries SET outcome = 'DONE', encoding = 1 WHERE seq = 2")
            .await;
    assert_eq!(broken(fault), ChainError::Changed { seq: 2 });
    let fault =
        tamper("UPDATE countersign.audit_entries SET encoding = 2, signature = hash WHERE seq = 2")
            .await;
    assert_eq!(broken(fault), ChainError::Forged { seq: 2 });
    let fault = tamper("DELETE FROM countersign.audit_entries WHERE seq = 2").await;
    assert_eq!(
        broken(fault),
        ChainError::Gap {
            expected: 2,
            found: 3
        }
    );
    // The tail: cut off, the head still tells.
    let fault = tamper("DELETE FROM countersign.audit_entries WHERE seq > 1").await;
    assert!(matches!(
        broken(fault),
        ChainError::Truncated { found: 1, .. }
    ));
    // Head turned back as well: then it is as if the rows had never been, which only a copy of a
    // head kept elsewhere can tell. Rows beyond the head are told.
    let fault = tamper(
        "UPDATE countersign.audit_heads SET seq = 0, hash = decode(repeat('00', 32), 'hex')",
    )
    .await;
    assert!(matches!(
        broken(fault),
        ChainError::Truncated {
            expected: 0,
            found: 1
        }
    ));
}

#[tokio::test]
async fn log_pages_both_ways() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    for i in 0..5 {
        world.category(&owner, &format!("c {i}")).await;
    }
    let (context, read) = world.enter(&owner).await;
    let scope = world.scope::<resource::AuditEntry>(&context);
    let filter = AuditFilter {
        action: Some("category.created".into()),
        ..AuditFilter::default()
    };
    let first = read
        .audit_entries(&scope, &filter, &Page::first(3))
        .await
        .unwrap();
    assert!(first.has_more);
    let position = countersign_entities::Keyset::position(&first.rows[2]);
    let copy = countersign_entities::Position::from_bytes(&position.to_bytes());
    assert_eq!(copy, Some(position));
    let rest = read
        .audit_entries(
            &scope,
            &filter,
            &Page {
                position: copy,
                ..Page::first(3)
            },
        )
        .await
        .unwrap();
    assert_eq!((rest.rows.len(), rest.has_more), (2, false));
    let back = Page {
        limit: 2,
        direction: Direction::Backward,
        position: copy,
    };
    let back = read.audit_entries(&scope, &filter, &back).await.unwrap();
    assert_eq!(back.rows, first.rows[..2]);
    assert!(!back.has_more);
    let ids: Vec<_> = first.rows.iter().map(|row| row.id).collect();
    assert_eq!(
        read.audit_entries_by_id(&scope, &ids).await.unwrap().len(),
        3
    );
}
