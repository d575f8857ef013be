//! PostgreSQL confines whoever connects as the books role, whatever the statement (ISO-1).

use countersign_domain::access::Role;
use countersign_entities::{AuditFilter, IsolationError, Page, TransactionFilter};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::world::{World, connect, new_account, settings};

/// Every table with tenants' rows, and every other table of the product.
const TENANT_TABLES: [&str; 12] = [
    "memberships",
    "roles",
    "machines",
    "api_tokens",
    "accounts",
    "categories",
    "imports",
    "statements",
    "transactions",
    "audit_entries",
    "audit_heads",
    "tenant_keys",
];

async fn count(connection: &mut PgConnection, table: &str) -> i64 {
    let what = if table == "api_tokens" {
        "count(id)"
    } else {
        "count(*)"
    };
    let sql = format!("SELECT {what} FROM countersign.{table}");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .unwrap()
}

/// Two tenants with a row in every table.
async fn two_companies() -> (World, uuid::Uuid) {
    let world = World::new().await;
    let mut first = None;
    for slug in ["north", "south"] {
        let (tenant, owner) = world.company(slug).await;
        let account = world.account(&owner, new_account("Current")).await;
        world.import(&owner, account.id, 1, &["1", "2"]).await;
        world.custom_role(&owner, "Trainee").await;
        world
            .api_token(&owner, &[countersign_domain::access::Scope::BasicRead])
            .await;
        first = first.or(Some(tenant));
    }
    (world, first.unwrap().uuid())
}

#[tokio::test]
async fn no_tenant_set_sees_nothing_and_writes_nothing() {
    let (world, north) = two_companies().await;
    let mut books = world.bare("countersign_books").await;
    for table in TENANT_TABLES.into_iter().chain(["tenants"]) {
        assert_eq!(count(&mut books, table).await, 0, "{table}");
    }
    let users: i64 = sqlx::query_scalar("SELECT count(id) FROM countersign.users")
        .fetch_one(&mut books)
        .await
        .unwrap();
    assert_eq!(users, 0);
    let insert = sqlx::query(
        "INSERT INTO countersign.categories (tenant_id, id, name, created_at)
         VALUES ($1, gen_random_uuid(), 'x', now())",
    );
    let error = insert.bind(north).execute(&mut books).await.unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().code().unwrap(),
        "42501",
        "{error}"
    );
}

#[tokio::test]
async fn forgotten_where_leaks_nothing() {
    let (world, north) = two_companies().await;
    let mut books = world.bare("countersign_books").await;
    let mut entered = books.begin().await.unwrap();
    sqlx::query("SELECT countersign.enter_tenant($1)")
        .bind(north)
        .execute(&mut *entered)
        .await
        .unwrap();
    for table in TENANT_TABLES
        .into_iter()
        .filter(|table| *table != "machines" && *table != "categories")
    {
        let sql = format!(
            "SELECT count(*) FROM (SELECT tenant_id FROM countersign.{table}) t WHERE tenant_id = $1"
        );
        let own: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(north)
            .fetch_one(&mut *entered)
            .await
            .unwrap();
        assert_eq!(own, count(&mut entered, table).await, "{table}");
        assert!(own > 0, "{table} has no row to be confined to");
    }
    // Nor does a statement without a condition write elsewhere.
    let changed = entered
        .execute("UPDATE countersign.transactions SET category_id = NULL")
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 2);
    let moved = entered
        .execute("UPDATE countersign.transactions SET tenant_id = gen_random_uuid()")
        .await;
    assert!(moved.is_err());
}

#[tokio::test]
async fn setting_is_an_empty_string_afterwards_and_still_nothing_is_seen() {
    let (world, north) = two_companies().await;
    let mut books = world.bare("countersign_books").await;
    let mut entered = books.begin().await.unwrap();
    sqlx::query("SELECT countersign.enter_tenant($1)")
        .bind(north)
        .execute(&mut *entered)
        .await
        .unwrap();
    entered.commit().await.unwrap();
    let row = sqlx::query("SELECT current_setting('countersign.tenant', true) AS left_over, countersign.current_tenant() IS NULL AS nobody")
        .fetch_one(&mut books).await.unwrap();
    assert_eq!(
        row.get::<Option<String>, _>("left_over").as_deref(),
        Some("")
    );
    assert!(row.get::<bool, _>("nobody"));
    assert_eq!(count(&mut books, "accounts").await, 0);
}

#[tokio::test]
async fn books_role_reads_no_credential() {
    let (world, north) = two_companies().await;
    let mut books = world.bare("countersign_books").await;
    for sql in [
        "SELECT * FROM countersign.sessions",
        "SELECT * FROM countersign.sign_ins",
        "SELECT hash FROM countersign.api_tokens",
        "SELECT subject FROM countersign.users",
        "SELECT countersign.census(gen_random_uuid(), '{}', '{}')",
        "SELECT countersign.create_tenant(gen_random_uuid(), 'x-x', 'x', now())",
        "SET ROLE countersign_gate",
        "SET ROLE countersign_owner",
        "CREATE TABLE countersign.mine (id int)",
    ] {
        assert!(books.execute(sql).await.is_err(), "{sql}");
    }
    let mut entry = world.bare("countersign_entry").await;
    for table in TENANT_TABLES
        .into_iter()
        .filter(|table| *table != "memberships")
    {
        let sql = format!("SELECT FROM countersign.{table}");
        assert!(entry.execute(AssertSqlSafe(sql)).await.is_err(), "{table}");
    }
    let entering = sqlx::query("SELECT countersign.enter_tenant($1)").bind(north);
    assert!(entering.execute(&mut entry).await.is_err());
}

#[tokio::test]
async fn each_store_sees_its_own_tenant_only() {
    let (world, _) = two_companies().await;
    let south = world.database.operator().tenant("south").await.unwrap().id;
    let auditor = world.person(south, "ada", Role::Auditor).await;
    let (context, read) = world.enter(&auditor).await;
    let page = Page::first(200);
    macro_rules! rows {
        ($list:ident $(, $filter:expr)?) => {
            read.$list(&world.scope(&context) $(, $filter)?, &page).await.unwrap().rows
        };
    }
    let none = TransactionFilter::default();
    assert_eq!(rows!(accounts).len(), 1);
    assert_eq!(rows!(transactions, &none).len(), 2);
    assert_eq!(rows!(statements).len(), 1);
    assert_eq!(rows!(imports).len(), 1);
    assert_eq!(rows!(categories).len(), 0);
    assert_eq!(rows!(members).len(), 2);
    assert_eq!(rows!(roles).len(), 1);
    assert_eq!(rows!(api_tokens).len(), 1);
    let log = rows!(audit_entries, &AuditFilter::default());
    assert!(log.iter().any(|row| row.event.action == "tenant.created"));
    let tenant = read.tenant(&world.scope(&context)).await.unwrap();
    assert_eq!((tenant.id, tenant.slug.as_str()), (south, "south"));
}

/// What opens a way for a role of the product, how it is closed again, and what is told of it.
const DEEDS: [(&str, &str, &str); 8] = [
    (
        "ALTER TABLE countersign.sessions DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE countersign.sessions ENABLE ROW LEVEL SECURITY",
        "table `sessions`",
    ),
    (
        "ALTER TABLE countersign.users NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE countersign.users FORCE ROW LEVEL SECURITY",
        "table `users`",
    ),
    (
        "CREATE POLICY open ON countersign.transactions TO countersign_books USING (true)",
        "DROP POLICY open ON countersign.transactions",
        "nobody made `policy open on transactions for * to countersign_books using true check -`",
    ),
    (
        "CREATE POLICY open ON countersign.audit_entries_later USING (true)",
        "DROP POLICY open ON countersign.audit_entries_later",
        "nobody made `policy open on audit_entries_later for * to PUBLIC",
    ),
    (
        "ALTER POLICY accounts_tenant ON countersign.accounts USING (tenant_id IS NOT NULL)",
        "ALTER POLICY accounts_tenant ON countersign.accounts USING (tenant_id = countersign.current_tenant())",
        "there is no `policy accounts_tenant on accounts",
    ),
    (
        "GRANT SELECT ON countersign.tenant_keys TO countersign_gate",
        "REVOKE SELECT ON countersign.tenant_keys FROM countersign_gate",
        "nobody made `grant SELECT on tenant_keys to countersign_gate`",
    ),
    (
        "GRANT EXECUTE ON FUNCTION countersign.create_tenant TO countersign_books",
        "REVOKE EXECUTE ON FUNCTION countersign.create_tenant FROM countersign_books",
        "`function create_tenant(",
    ),
    (
        "CREATE FUNCTION countersign.open() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "DROP FUNCTION countersign.open()",
        "nobody made `function open() definer of postgres for PUBLIC",
    ),
];

/// `COUNTERSIGN_TEST_WRITE=1` writes the file that the server compares with.
#[tokio::test]
async fn what_the_server_compares_with_is_what_the_migrations_make() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    let query = include_str!("../../src/isolation/fences.sql");
    let found: Vec<String> = sqlx::query_scalar(query)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    let found = found.join("\n") + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/isolation/fences.txt");
    if std::env::var_os("COUNTERSIGN_TEST_WRITE").is_some() {
        std::fs::write(file, &found).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(
        found == kept,
        "run this test with COUNTERSIGN_TEST_WRITE=1, and look at what changes in `{file}`"
    );
}

#[tokio::test]
async fn server_refuses_a_database_that_does_not_isolate() {
    let world = World::new().await;
    world.database.check_isolation().await.unwrap();
    world.database.ready().await.unwrap();
    let mut admin = world.bare("postgres").await;

    admin
        .execute("ALTER TABLE countersign.accounts NO FORCE ROW LEVEL SECURITY")
        .await
        .unwrap();
    let found = world.database.check_isolation().await;
    assert!(
        matches!(&found, Err(IsolationError::Table(table)) if table == "accounts"),
        "{found:?}"
    );
    admin
        .execute("ALTER TABLE countersign.accounts FORCE ROW LEVEL SECURITY")
        .await
        .unwrap();

    for (deed, undo, told) in DEEDS {
        admin.execute(sqlx::raw_sql(deed)).await.unwrap();
        let found = world.database.check_isolation().await.unwrap_err();
        assert!(found.to_string().contains(told), "{deed}: {found}");
        admin.execute(sqlx::raw_sql(undo)).await.unwrap();
        world.database.check_isolation().await.unwrap();
    }

    admin.execute("CREATE TABLE countersign.mine (id int); ALTER TABLE countersign.mine OWNER TO countersign_books").await.unwrap();
    let found = world.database.check_isolation().await;
    assert!(
        matches!(&found, Err(IsolationError::Role { role, .. }) if role == "countersign_books"),
        "{found:?}"
    );
    admin.execute("DROP TABLE countersign.mine").await.unwrap();
    world.database.check_isolation().await.unwrap();

    let admin_url = || world.cluster.url(&world.name, "postgres");
    let bypassing = connect(settings(
        world.cluster.url(&world.name, "countersign_entry"),
        admin_url(),
    ))
    .await;
    let found = bypassing.check_isolation().await;
    assert!(
        matches!(&found, Err(IsolationError::Role { role, .. }) if role == "postgres"),
        "{found:?}"
    );
}
