//! Checkpoints: whoever cuts or rewrites a chain contradicts what was said of it, and proofs hold.

use countersign_domain::{
    access::Role,
    audit::{
        exported::ExportFault,
        merkle,
        note::{Checkpoint, origin},
    },
    id::TenantId,
};
use countersign_entities::{LedgerFault, SignedCheckpoint, verified_note};
use sqlx::{AssertSqlSafe, Executor};

use crate::world::{Person, World, draft};

const TABLES: [&str; 4] = [
    "audit_entries",
    "audit_heads",
    "audit_checkpoints",
    "audit_subtrees",
];

async fn grow(world: &World, person: &Person, rows: u32) {
    let (context, read) = world.enter(person).await;
    read.leave();
    let rows = (0..rows).map(|_| world.database.record(&context, draft("books.read")));
    for written in futures::future::join_all(rows).await {
        written.unwrap();
    }
}

async fn made(world: &World, tenant: TenantId) -> SignedCheckpoint {
    let operator = world.database.operator();
    operator
        .make_checkpoint(tenant, None)
        .await
        .unwrap()
        .unwrap()
}

fn said(made: &SignedCheckpoint, tenant: TenantId) -> Checkpoint {
    Checkpoint {
        origin: origin(tenant),
        size: made.size,
        root: made.root,
    }
}

/// As an owner of the database may, with every trigger off, and whole chains recomputed or cut.
async fn tamper(world: &World, tenant: TenantId, sql: &str) {
    let mut admin = world.bare("postgres").await;
    let sql = format!(
        "BEGIN; SET LOCAL session_replication_role = replica; \
         SELECT set_config('test.tenant', '{}', true); {sql}; COMMIT",
        tenant.uuid()
    );
    admin.execute(AssertSqlSafe(sql)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_grow_from_one_another_and_are_signed() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let operator = world.database.operator();
    let first = made(&world, tenant).await;
    assert_eq!(made(&world, tenant).await, first, "nothing has grown");
    // Over 256 rows there is a subtree that is kept.
    grow(&world, &owner, 300).await;
    let second = made(&world, tenant).await;
    assert_eq!(second.size, first.size + 300);
    let signer = operator.note_signer(tenant).await.unwrap();
    let text = verified_note(signer.key(), &second.note).unwrap();
    assert_eq!(Checkpoint::parse(text).unwrap(), said(&second, tenant));
    let forged = second
        .note
        .replace(&format!("\n{}\n", second.size), "\n7\n");
    assert!(verified_note(signer.key(), &forged).is_err());
    // The key is another one in another tenant.
    let (south, _) = world.company("south").await;
    let other = operator.note_signer(south).await.unwrap();
    assert!(verified_note(other.key(), &second.note).is_err());

    let index = 270_u64;
    let rows = operator.ledger_rows(tenant, 271, 1).await.unwrap();
    let leaf = merkle::leaf(&rows[0].link.hash);
    let ranges = merkle::inclusion(index, second.size).unwrap();
    let proof = operator.tree_roots(tenant, &ranges).await.unwrap();
    let (size, root) = (second.size, &second.root);
    assert!(merkle::verify_inclusion(leaf, index, size, &proof, root));
    assert!(!merkle::verify_inclusion(
        leaf,
        index - 1,
        size,
        &proof,
        root
    ));
    let ranges = merkle::consistency(first.size, size).unwrap();
    let proof = operator.tree_roots(tenant, &ranges).await.unwrap();
    let before = (first.size, &first.root);
    assert!(merkle::verify_consistency(before, (size, root), &proof));
    let listed = operator.checkpoints(tenant).await.unwrap();
    assert_eq!(listed, [second, first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_tail_and_a_restored_backup_contradict_a_checkpoint() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    grow(&world, &owner, 12).await;
    let operator = world.database.operator();
    let checkpoint = said(&made(&world, tenant).await, tenant);
    grow(&world, &owner, 2).await;
    operator
        .verify_checkpoint(tenant, &checkpoint)
        .await
        .unwrap();
    // The tail is cut off and the head turned back: by itself the chain is whole.
    let cut = "DELETE FROM countersign.audit_entries e WHERE e.seq > 8 \
        AND e.tenant_id = current_setting('test.tenant')::uuid; \
        UPDATE countersign.audit_heads h SET seq = 8, hash = (SELECT hash FROM countersign.audit_entries e \
        WHERE e.tenant_id = h.tenant_id AND e.seq = 8) WHERE h.tenant_id = current_setting('test.tenant')::uuid";
    tamper(&world, tenant, cut).await;
    assert!(operator.verify_ledger(tenant, None, None).await.is_ok());
    let size = checkpoint.size;
    let found = operator.verify_checkpoint(tenant, &checkpoint).await;
    let Err(LedgerFault::Checkpoint(ExportFault::Cut { expected, found: 8 })) = found else {
        panic!("{found:?}");
    };
    assert_eq!(expected, size);
    // Life goes on after the backup: the chain is as long again, links and is signed, and is another one.
    grow(&world, &owner, 8).await;
    assert!(operator.verify_ledger(tenant, None, None).await.is_ok());
    let found = operator.verify_checkpoint(tenant, &checkpoint).await;
    let rewritten = LedgerFault::Checkpoint(ExportFault::Rewritten { size });
    assert_eq!(found.unwrap_err().to_string(), rewritten.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_tamper_is_found_and_the_first_bad_row_is_named() {
    let own = "e.tenant_id = current_setting('test.tenant')::uuid";
    let swapped = format!(
        "UPDATE countersign.audit_entries e SET seq = 100 WHERE e.seq = 3 AND {own}; \
         UPDATE countersign.audit_entries e SET seq = 3 WHERE e.seq = 4 AND {own}; \
         UPDATE countersign.audit_entries e SET seq = 4 WHERE e.seq = 100 AND {own}"
    );
    let inserted = format!(
        "UPDATE countersign.audit_entries e SET seq = seq + 1000 WHERE e.seq > 3 AND {own}; \
         UPDATE countersign.audit_entries e SET seq = seq - 999 WHERE e.seq > 1000 AND {own}; \
         INSERT INTO countersign.audit_entries SELECT tenant_id, 4, gen_random_uuid(), previous, hash, signature, \
         actor_kind, actor_id, action, permission, outcome, targets, request_id, source, payload, occurred_at, \
         encoding, policies FROM countersign.audit_entries e WHERE e.seq = 3 AND {own}"
    );
    for (what, sql, row) in [
        (
            "edit",
            format!(
                "UPDATE countersign.audit_entries e SET actor_id = 'usr_x' WHERE e.seq = 3 AND {own}"
            ),
            3,
        ),
        (
            "another id",
            format!(
                "UPDATE countersign.audit_entries e SET id = gen_random_uuid() WHERE e.seq = 3 AND {own}"
            ),
            3,
        ),
        (
            "other policies",
            format!(
                "UPDATE countersign.audit_entries e SET policies = hash WHERE e.seq = 3 AND {own}"
            ),
            3,
        ),
        (
            "delete",
            format!("DELETE FROM countersign.audit_entries e WHERE e.seq = 3 AND {own}"),
            4,
        ),
        ("reorder", swapped, 3),
        ("insert", inserted, 4),
    ] {
        let world = World::new().await;
        let (tenant, _) = world.company("north").await;
        for name in ["mara", "arthur", "wim"] {
            world.person(tenant, name, Role::Worker).await;
        }
        tamper(&world, tenant, &sql).await;
        let fault = world
            .database
            .operator()
            .verify_ledger(tenant, None, None)
            .await;
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(&format!("row {row} ")), "{what}: {fault}");
    }
}

fn attempts() -> Vec<String> {
    let mut tried: Vec<String> = Vec::new();
    for table in TABLES {
        tried.extend([
            format!("DELETE FROM countersign.{table}"),
            format!("TRUNCATE countersign.{table} CASCADE"),
            format!("DROP TABLE countersign.{table} CASCADE"),
            format!("ALTER TABLE countersign.{table} DISABLE TRIGGER ALL"),
            format!("ALTER TABLE countersign.{table} DISABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE countersign.{table} OWNER TO CURRENT_USER"),
            format!("CREATE RULE away AS ON INSERT TO countersign.{table} DO INSTEAD NOTHING"),
            format!("UPDATE countersign.{table} SET tenant_id = tenant_id"),
        ]);
    }
    tried.extend(
        [
            "UPDATE countersign.audit_entries SET outcome = 'DONE'",
            "DROP TRIGGER audit_entries_append_only ON countersign.audit_entries",
            "SET session_replication_role = replica",
            "SET ROLE countersign_owner",
            "SET SESSION AUTHORIZATION countersign_owner",
            "SET ROLE postgres",
            "DROP SCHEMA countersign CASCADE",
            "CREATE OR REPLACE FUNCTION countersign.refuse_change() RETURNS trigger LANGUAGE plpgsql \
             AS $$ BEGIN RETURN NULL; END $$",
        ]
        .map(str::to_owned),
    );
    tried
}

/// AUD-2: whatever the product runs as, and whomever it may become.
#[tokio::test]
async fn the_log_is_append_only_for_every_role_that_the_product_runs_as() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    made(&world, tenant).await;
    let count = async || {
        let mut admin = world.bare("postgres").await;
        let sql = "SELECT (SELECT count(*) FROM countersign.audit_entries) + 1000 * \
            (SELECT count(*) FROM countersign.audit_checkpoints)";
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&mut admin)
            .await
            .unwrap()
    };
    let before = count().await;
    for (login, becomes) in [
        ("countersign_books", None),
        ("countersign_entry", None),
        // It can not log in: what it may is tried as whoever calls its functions would have it.
        ("postgres", Some("countersign_gate")),
    ] {
        let mut tried = attempts();
        if becomes.is_none() {
            tried.push("SET ROLE countersign_gate".to_owned());
        }
        for sql in tried {
            let mut connection = world.bare(login).await;
            if let Some(role) = becomes {
                // Not as `postgres`, who could become anybody again.
                let become_role = format!("SET SESSION AUTHORIZATION {role}");
                connection
                    .execute(AssertSqlSafe(become_role))
                    .await
                    .unwrap();
                if sql.starts_with("SET S") || sql.starts_with("SET R") {
                    continue;
                }
            }
            let enter = format!("SELECT countersign.enter_tenant('{}')", tenant.uuid());
            connection.execute("BEGIN").await.unwrap();
            let _ = connection.execute(AssertSqlSafe(enter)).await;
            let _ = connection.execute("COMMIT; BEGIN").await;
            let refused = connection.execute(AssertSqlSafe(sql.clone())).await;
            let error = refused.expect_err(&sql);
            let code = error.as_database_error();
            let code = code.and_then(sqlx::error::DatabaseError::code);
            // Another refusal would be of the statement, not of who says it.
            let is_not_allowed = code.as_deref() == Some("42501");
            assert!(is_not_allowed, "{login} {becomes:?}: {sql}: {error}");
        }
    }
    assert_eq!(count().await, before);
}

/// AUD-2: from the role that owns the appending functions there is no way on to a mightier one.
#[tokio::test]
async fn whoever_becomes_the_gate_becomes_nobody_else_and_switches_nothing_off() {
    let world = World::new().await;
    let login = format!("{}_gate", world.name);
    let mut admin = world.bare("postgres").await;
    let create =
        format!("CREATE ROLE {login} LOGIN PASSWORD '{login}'; GRANT countersign_gate TO {login}");
    admin.execute(AssertSqlSafe(create)).await.unwrap();
    let mut told = Vec::new();
    for sql in attempts().into_iter().filter(|sql| sql.starts_with("SET ")) {
        let mut connection = world.bare(&login).await;
        connection
            .execute("SET ROLE countersign_gate")
            .await
            .unwrap();
        let refused = connection.execute(AssertSqlSafe(sql.clone())).await;
        let code = refused.err().and_then(|error| {
            let error = error.as_database_error()?;
            error.code().map(std::borrow::Cow::into_owned)
        });
        told.push((sql, code));
    }
    let drop = format!("DROP ROLE {login}");
    admin.execute(AssertSqlSafe(drop)).await.unwrap();
    assert_eq!(told.len(), 4);
    for (sql, code) in told {
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    }
}
