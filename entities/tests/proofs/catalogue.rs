//! A walk through the catalogue of PostgreSQL: what a reviewer would look for in every migration.
//! Each check is shown able to fail, on an object that offends it.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::world::World;

/// What is looked for, the query that names the offenders, and an offender.
struct Check {
    what: &'static str,
    offenders: &'static str,
    offence: &'static str,
}

const TENANT_TABLE: &str =
    "(SELECT a.attrelid FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
    WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND t.relkind IN ('r', 'p')
    AND t.relnamespace = 'countersign'::regnamespace)";

const CHECKS: &[Check] = &[
    Check {
        what: "a table without row-level security, enabled and forced",
        offenders: "SELECT relname::text FROM pg_class WHERE relnamespace = 'countersign'::regnamespace
            AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)
            AND relname <> 'schema_migrations'",
        offence: "CREATE TABLE countersign.bad (tenant_id uuid); ALTER TABLE countersign.bad ENABLE ROW LEVEL SECURITY",
    },
    Check {
        what: "a policy that lets write without a WITH CHECK",
        offenders: "SELECT p.polname::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE c.relnamespace = 'countersign'::regnamespace AND p.polcmd IN ('*', 'a', 'w') AND p.polwithcheck IS NULL",
        offence: "CREATE POLICY bad ON countersign.accounts TO countersign_books USING (true)",
    },
    Check {
        what: "a policy of a tenant table, for the books or for everybody, that is not the tenant's fence",
        offenders: "SELECT p.polname::text FROM pg_policy p JOIN @tenant_table@ t ON t.attrelid = p.polrelid
            WHERE (p.polroles && ARRAY[0::oid, 'countersign_books'::regrole::oid])
            AND (coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) <> '(tenant_id = countersign.current_tenant())'
            OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)) <> '(tenant_id = countersign.current_tenant())')",
        offence: "CREATE POLICY bad ON countersign.accounts FOR SELECT USING (tenant_id = current_setting('countersign.tenant')::uuid)",
    },
    Check {
        what: "a primary or unique key that does not lead with the tenant",
        offenders: "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN @tenant_table@ t ON t.attrelid = i.indrelid
            WHERE i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid
            AND a.attnum = i.indkey[0] AND a.attname = 'tenant_id')",
        offence: "ALTER TABLE countersign.accounts ADD CONSTRAINT bad UNIQUE (id, tenant_id)",
    },
    Check {
        what: "a foreign key between tenant tables that does not lead with the tenant on both sides",
        offenders: "SELECT k.conname::text FROM pg_constraint k
            JOIN @tenant_table@ t ON t.attrelid = k.conrelid JOIN @tenant_table@ u ON u.attrelid = k.confrelid
            WHERE k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_attribute a, pg_attribute b
            WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1] AND a.attname = 'tenant_id'
            AND b.attrelid = k.confrelid AND b.attnum = k.confkey[1] AND b.attname = 'tenant_id')",
        offence: "CREATE TABLE countersign.other (tenant_id uuid, id uuid UNIQUE);
            ALTER TABLE countersign.accounts ADD CONSTRAINT bad FOREIGN KEY (id) REFERENCES countersign.other (id)",
    },
    Check {
        what: "a tenant table whose tenant may be null",
        offenders: "SELECT a.attrelid::regclass::text FROM pg_attribute a WHERE a.attname = 'tenant_id' AND NOT a.attnotnull
            AND a.attrelid IN (SELECT attrelid FROM @tenant_table@ t)",
        offence: "CREATE TABLE countersign.bad (tenant_id uuid)",
    },
    Check {
        what: "a part of a table that has a policy or a grant of its own, or may be changed where the table may not",
        offenders: "SELECT c.relname::text FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
            WHERE c.relnamespace = 'countersign'::regnamespace AND c.relkind = 'r' AND (c.relacl::text ~ 'countersign_(books|gate|entry)='
            OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
            OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = i.inhparent AND NOT EXISTS (
                SELECT FROM pg_trigger own WHERE own.tgrelid = c.oid AND (own.tgname, own.tgtype) = (t.tgname, t.tgtype))))",
        offence: "GRANT SELECT ON countersign.audit_entries_later TO countersign_books",
    },
    Check {
        what: "a definer function without a pinned search_path",
        offenders: "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'countersign'::regnamespace AND p.prosecdef
            AND NOT coalesce(p.proconfig::text LIKE '%search_path=pg_catalog, pg_temp%', false)",
        offence: "CREATE FUNCTION countersign.bad() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    },
    Check {
        what: "a definer function that everybody may call, or that another than the gate owns",
        offenders: "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'countersign'::regnamespace AND p.prosecdef
            AND (p.proowner <> 'countersign_gate'::regrole
            OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0))",
        offence: "CREATE FUNCTION countersign.bad() RETURNS int LANGUAGE sql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp AS 'SELECT 1'; ALTER FUNCTION countersign.bad() OWNER TO countersign_gate",
    },
    Check {
        what: "a view that does not ask with its caller's rights, or a materialized one, which can not",
        offenders: "SELECT relname::text FROM pg_class WHERE relnamespace = 'countersign'::regnamespace
            AND (relkind = 'm' OR (relkind = 'v' AND NOT coalesce(reloptions::text LIKE '%security_invoker=true%', false)))",
        offence: "CREATE VIEW countersign.bad AS SELECT id FROM countersign.accounts",
    },
    Check {
        what: "a relation that another than the owner owns",
        offenders: "SELECT relname::text FROM pg_class WHERE relnamespace = 'countersign'::regnamespace
            AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> 'countersign_owner'::regrole",
        offence: "CREATE TABLE countersign.bad (id int); ALTER TABLE countersign.bad OWNER TO countersign_books",
    },
    Check {
        what: "a grant on a relation to everybody",
        offenders: "SELECT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = 'countersign'::regnamespace AND a.grantee = 0",
        offence: "GRANT SELECT ON countersign.accounts TO PUBLIC",
    },
    Check {
        what: "a constraint that is not named <table>_<meaning>",
        offenders: "SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE c.relnamespace = 'countersign'::regnamespace AND k.conname NOT LIKE c.relname || '\\_%'
            UNION SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
            WHERE c.relnamespace = 'countersign'::regnamespace AND i.relname NOT LIKE c.relname || '\\_%'",
        offence: "ALTER TABLE countersign.accounts ADD CONSTRAINT bad CHECK (true)",
    },
    Check {
        what: "a text without a bound on its length or form",
        offenders: "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'countersign'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
            AND a.atttypid IN ('text'::regtype, 'bytea'::regtype) AND a.attgenerated = '' AND c.relname <> 'schema_migrations'
            -- What a row of the log must be is asked by the functions that append it.
            AND c.relname NOT LIKE 'audit\\_entries%'
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey))",
        offence: "ALTER TABLE countersign.accounts ADD COLUMN bad text",
    },
    Check {
        what: "a number that counts money without being exact",
        offenders: "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'countersign'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
            AND a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)",
        offence: "ALTER TABLE countersign.accounts ADD COLUMN bad double precision",
    },
];

async fn offenders(connection: &mut PgConnection, check: &Check) -> Vec<String> {
    let sql = check.offenders.replace("@tenant_table@", TENANT_TABLE);
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn nothing_in_the_catalogue_offends() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    for check in CHECKS {
        let found = offenders(&mut admin, check).await;
        assert!(
            found.is_empty(),
            "{}: {found:?}; see migrations/README.md",
            check.what
        );
    }
}

#[tokio::test]
async fn each_check_fails_on_what_it_is_for() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    for check in CHECKS {
        let mut scratch = admin.begin().await.unwrap();
        scratch.execute(sqlx::raw_sql(check.offence)).await.unwrap();
        let found = offenders(&mut scratch, check).await;
        assert!(!found.is_empty(), "{} was not found", check.what);
        scratch.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn login_roles_are_nobody_special() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    let special: Vec<String> = sqlx::query_scalar(
        "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'countersign\\_%' AND (rolsuper OR rolbypassrls
         OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit
         OR rolcanlogin <> (rolname IN ('countersign_entry', 'countersign_books'))
         OR (rolcanlogin AND EXISTS (SELECT FROM pg_auth_members m WHERE m.member = pg_roles.oid)))",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(special.is_empty(), "{special:?}");
}
