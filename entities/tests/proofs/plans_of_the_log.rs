//! A large tenant's log is read by its indexes, whatever it is narrowed by: rows that are left out are not
//! looked at.

use countersign_domain::{audit::Outcome, id::TenantId};
use countersign_entities::{AuditFilter, Direction, Keyset, Page, Position, SortKey};
use countersign_policies::resource;
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::{
    cluster,
    plans::told,
    world::{Person, World},
};

/// Rows of the large tenant.
const ROWS: i64 = 100_000;
const PAGE: u16 = 50;
/// Three pages and twice a thousand rows, or all two thousand of a kind for each, which are sorted.
const LOOKED_MAX: i64 = 10_000;
const NAMES_MAX: i64 = 1_500;

/// Nearly all rows are of reads by one machine. What is rare stands at the beginning of the log, and the newest
/// rows are none of it.
const FILL: &str = "
    INSERT INTO countersign.audit_entries (tenant_id, seq, encoding, id, previous, hash, signature, actor_kind,
        actor_id, action, permission, outcome, targets, request_id, payload, occurred_at)
    SELECT h.tenant_id, h.seq + n, 2, gen_random_uuid(), h.hash, h.hash, h.hash, 'human',
        CASE WHEN n % 1000 = 7 THEN 'usr_' || lpad(to_hex(n / 1000), 32, '0')
            ELSE 'tok_' || repeat('0', 32) END,
        CASE WHEN n <= 3 THEN 'key.destroyed' WHEN n % 50 = 0 THEN 'category.created' ELSE 'books.read' END,
        'a test''s', CASE WHEN n BETWEEN 4 AND 6 THEN 'REFUSED' WHEN n = 7 THEN 'FAILED' ELSE 'DONE' END,
        '{}', gen_random_uuid(), '{}', now() - interval '90 days' + n * interval '1 second'
    FROM countersign.audit_heads h, generate_series(1, $2) n WHERE h.tenant_id = $1";
const MOVE: &str = "UPDATE countersign.audit_heads SET seq = seq + $2 WHERE tenant_id = $1";
/// Members of whom the log knows some.
const PEOPLE: &str = "
    WITH people AS (
        INSERT INTO countersign.users (id, email, name, created_at)
        SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.com', 'Person ' || n, now()
        FROM generate_series(1, 2000) n RETURNING id)
    INSERT INTO countersign.memberships (tenant_id, id, user_id, role, created_at)
    SELECT $1, gen_random_uuid(), id, 'worker', now() FROM people";

/// How many rows, or places in indexes, were looked at of the tables whose names begin so.
async fn looked_at(admin: &mut PgConnection, tables: &str) -> i64 {
    let sql =
        "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname LIKE $1)::bigint
        + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname LIKE $1)::bigint";
    admin
        .execute("SELECT pg_stat_clear_snapshot()")
        .await
        .unwrap();
    let asked = sqlx::query_scalar(sql).bind(format!("{tables}%"));
    asked.fetch_one(admin).await.unwrap()
}

/// A tenant with a large log and many members, among small ones.
async fn large() -> (World, TenantId, Person) {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    for small in ["south", "east"] {
        world.company(small).await;
    }
    let mut admin = world.bare("postgres").await;
    for fill in [FILL, MOVE] {
        let fill = sqlx::query(fill).bind(tenant.uuid()).bind(ROWS);
        fill.execute(&mut admin).await.unwrap();
    }
    let people = sqlx::query(PEOPLE).bind(tenant.uuid());
    people.execute(&mut admin).await.unwrap();
    admin.execute("VACUUM ANALYZE").await.unwrap();
    world.database.close().await;
    told(&mut admin).await;
    (world, tenant, owner)
}

/// What the log may be narrowed by, and how many rows of it there are to be found at least.
fn filters() -> Vec<(AuditFilter, usize)> {
    let all = AuditFilter::default();
    let of = |action: &str| AuditFilter {
        action: Some(action.to_owned()),
        ..all.clone()
    };
    let ended = |outcome| AuditFilter {
        outcome: Some(outcome),
        ..all.clone()
    };
    let by = |number: u128| AuditFilter {
        actor: Some(format!("usr_{number:032x}")),
        ..all.clone()
    };
    vec![
        (all.clone(), 50),
        (of("books.read"), 50),
        (of("category.created"), 50),
        (of("key.destroyed"), 3),
        (of("there.is_none"), 0),
        (ended(Outcome::Done), 50),
        (ended(Outcome::Refused), 3),
        (ended(Outcome::Failed), 1),
        (by(5), 1),
        (by(5_000), 0),
        (
            AuditFilter {
                outcome: Some(Outcome::Refused),
                ..of("key.destroyed")
            },
            0,
        ),
        (
            AuditFilter {
                actor: by(5).actor,
                ..of("key.destroyed")
            },
            0,
        ),
        (
            AuditFilter {
                from_seq: Some(7),
                to_seq: Some(12),
                ..all
            },
            6,
        ),
    ]
}

#[tokio::test]
async fn rows_of_the_log_that_a_filter_leaves_out_are_not_looked_at() {
    let (world, tenant, owner) = large().await;
    let mut admin = world.bare("postgres").await;
    let mut faults = Vec::new();
    for (filter, least) in filters() {
        let before = looked_at(&mut admin, "audit_entries").await;
        let names_before =
            looked_at(&mut admin, "users").await + looked_at(&mut admin, "memberships").await;
        let world = World::of(cluster::shared(), world.name.clone()).await;
        let (context, read) = world.enter(&owner).await;
        let scope = world.scope::<resource::AuditEntry>(&context);
        let mut page = Page::first(PAGE);
        let listed = read.audit_entries(&scope, &filter, &page).await.unwrap();
        assert!(listed.rows.len() >= least, "{filter:?}");
        page.position = listed.rows.last().map(Keyset::position);
        read.audit_entries(&scope, &filter, &page).await.unwrap();
        // As a subscription reads on, an export, and a command.
        let after = ROWS / 2;
        let newer = Page {
            direction: Direction::Backward,
            position: Some(Position {
                sort: SortKey::Number(after),
                id: Uuid::max(),
            }),
            ..Page::first(PAGE)
        };
        read.audit_entries(&scope, &filter, &newer).await.unwrap();
        read.audit_chain(&scope, &filter, 0, ROWS).await.unwrap();
        read.leave();
        let operator = world.database.operator();
        operator.ledger_page(tenant, &filter, 0).await.unwrap();
        world.database.close().await;
        told(&mut admin).await;
        let looked = looked_at(&mut admin, "audit_entries").await - before;
        let names = looked_at(&mut admin, "users").await
            + looked_at(&mut admin, "memberships").await
            - names_before;
        if looked > LOOKED_MAX || names > NAMES_MAX {
            faults.push(format!("{}: {looked} rows, {names} people", filter.text()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
