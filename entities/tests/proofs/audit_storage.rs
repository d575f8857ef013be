//! How the log is kept: by years that nobody reaches, and of rows that are rows of a log.

use chrono::DateTime;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::{audit::verified, world::World};

#[tokio::test]
async fn rows_are_kept_by_years_which_nobody_reaches_by_their_names() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    let years: Vec<String> = sqlx::query_scalar(
        "SELECT i.inhrelid::regclass::text FROM pg_inherits i \
        WHERE i.inhparent = 'countersign.audit_entries'::regclass ORDER BY 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    // The first, twelve years after it, and whatever comes later.
    assert_eq!(years.len(), 14, "{years:?}");
    for year in &years {
        for role in ["countersign_books", "countersign_gate", "countersign_owner"] {
            let mut other = world.bare("postgres").await;
            other
                .execute(AssertSqlSafe(format!("SET ROLE {role}")))
                .await
                .unwrap();
            let all = format!("SELECT count(*) FROM {year}");
            let read: Result<i64, _> = sqlx::query_scalar(AssertSqlSafe(all))
                .fetch_one(&mut other)
                .await;
            // The owner may ask, and row-level security shows it nothing.
            assert!(
                matches!(read, Err(_) | Ok(0)),
                "{role} reads {year}: {read:?}"
            );
            for verb in ["DELETE FROM", "TRUNCATE"] {
                let sql = format!("{verb} {year}");
                let error = other.execute(AssertSqlSafe(sql.clone())).await.unwrap_err();
                let code = error.as_database_error().unwrap().code();
                assert_eq!(code.as_deref(), Some("42501"), "{role}: {sql}: {error}");
            }
        }
    }
    // A row of a later year is of that year's part, and the chain goes on over the end of a year.
    let far = "SELECT a.appended FROM countersign.audit_entries e, countersign.audit_heads h, \
        countersign.append(ARRAY[e.tenant_id], ARRAY[h.seq + 1], ARRAY[gen_random_uuid()], \
        ARRAY[h.hash], ARRAY[e.hash], ARRAY[e.signature], ARRAY[e.actor_kind], ARRAY[e.actor_id], \
        ARRAY[e.action], ARRAY[e.permission], ARRAY[e.policies], ARRAY[e.outcome], ARRAY['x'], \
        ARRAY[e.request_id], ARRAY[e.source], ARRAY[e.payload], ARRAY[$2::timestamptz]) a \
        WHERE e.tenant_id = $1 AND e.seq = 1 AND h.tenant_id = $1";
    for (at, part) in [
        ("2028-12-31T23:59:59Z", "countersign.audit_entries_2028"),
        ("2029-01-01T00:00:00Z", "countersign.audit_entries_2029"),
        ("2999-01-01T00:00:00Z", "countersign.audit_entries_later"),
    ] {
        let at = DateTime::parse_from_rfc3339(at).unwrap();
        let append = sqlx::query_scalar(far).bind(tenant.uuid()).bind(at);
        assert!(append.fetch_one(&mut admin).await.unwrap_or(false), "{at}");
        let place = "SELECT tableoid::regclass::text FROM countersign.audit_entries \
            WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1";
        let place = sqlx::query_scalar(place).bind(tenant.uuid());
        let place: String = place.fetch_one(&mut admin).await.unwrap();
        assert_eq!(place, part);
    }
}

#[tokio::test]
async fn what_is_no_row_of_an_audit_log_is_not_appended() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let before = verified(&world, tenant).await;
    let mut admin = world.bare("postgres").await;
    for (column, bad) in [
        ("previous", "'\\x00'::bytea"),
        ("hash", "e.hash || '\\x00'::bytea"),
        ("signature", "''::bytea"),
        ("actor_kind", "'robot'"),
        ("actor_id", "''"),
        ("actor_id", "repeat('x', 101)"),
        ("action", "''"),
        ("action", "repeat('x', 101)"),
        ("permission", "repeat('x', 20001)"),
        ("policies", "'\\x00'::bytea"),
        ("outcome", "'done'"),
        ("source", "repeat('x', 101)"),
        ("payload", "repeat('x', 100001)"),
    ] {
        let of = |name: &str, own: &str| {
            if name == column {
                bad.to_owned()
            } else {
                own.to_owned()
            }
        };
        let values = [
            of("previous", "h.hash"),
            of("hash", "e.hash"),
            of("signature", "e.signature"),
            of("actor_kind", "e.actor_kind"),
            of("actor_id", "e.actor_id"),
            of("action", "e.action"),
            of("permission", "e.permission"),
            of("policies", "e.policies"),
            of("outcome", "e.outcome"),
        ];
        let rest = [of("source", "e.source"), of("payload", "e.payload")];
        let many = values.iter().map(|value| format!("ARRAY[{value}]"));
        let many = format!(
            "SELECT a.appended FROM countersign.audit_entries e, countersign.audit_heads h, \
            countersign.append(ARRAY[e.tenant_id], ARRAY[h.seq + 1], ARRAY[gen_random_uuid()], {}, \
            ARRAY['x'], ARRAY[e.request_id], ARRAY[{}], ARRAY[{}], ARRAY[e.occurred_at]) a \
            WHERE e.tenant_id = '{id}' AND e.seq = 1 AND h.tenant_id = '{id}'",
            many.collect::<Vec<_>>().join(", "),
            rest[0],
            rest[1],
            id = tenant.uuid()
        );
        let many = admin.fetch_one(AssertSqlSafe(many)).await.unwrap();
        assert!(!many.try_get::<bool, _>(0).unwrap(), "{column}");
        let mut books = world.bare("countersign_books").await;
        let one = format!(
            "BEGIN; SELECT countersign.enter_tenant('{}'); SELECT a.appended \
            FROM countersign.audit_entries e, countersign.audit_heads h, countersign.append_own( \
            h.seq + 1, gen_random_uuid(), {}, e.targets, e.request_id, {}, {}, e.occurred_at, false) a \
            WHERE e.seq = 1; COMMIT",
            tenant.uuid(),
            values.join(", "),
            rest[0],
            rest[1]
        );
        let error = books.execute(AssertSqlSafe(one)).await.unwrap_err();
        let code = error.as_database_error().unwrap().code();
        assert_eq!(code.as_deref(), Some("23514"), "{column}: {error}");
    }
    assert_eq!(verified(&world, tenant).await, before);
}
