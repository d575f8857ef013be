//! Migrating: once, by one at a time, and never over changed history.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_entities::NewAccount;
use countersign_migrations::{MigrateError, RolePasswords, current_version, make_roles, migrate};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions,
};
use uuid::Uuid;

use crate::{
    cluster::{self, Cluster},
    world::{World, new_account},
};

#[tokio::test]
async fn second_run_applies_nothing_and_sets_passwords_where_it_is_told_to() {
    // Roles are a cluster's: those of the other proofs keep their passwords.
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let url = cluster.url(&name, "postgres");
    let report = migrate(&url, cluster::passwords()).await.unwrap();
    let roles = ["countersign_entry", "countersign_books"];
    assert_eq!(report.passwords, roles, "the roles are new");
    let world = World::of(cluster, name).await;

    let new = "it's \\ a secret";
    let passwords = |renew| RolePasswords {
        entry: Some(SecretString::from(new)),
        books: None,
        renew,
    };
    let options: PgConnectOptions = url.expose_secret().parse().unwrap();
    let options = options.username("countersign_entry").password(new);
    let report = migrate(&url, passwords(false)).await.unwrap();
    assert_eq!(
        (report.applied.len(), report.version),
        (0, current_version())
    );
    assert!(
        report.passwords.is_empty() && options.connect().await.is_err(),
        "a configuration of before a rotation does not undo it"
    );
    world.bare("countersign_entry").await;
    let report = migrate(&url, passwords(true)).await.unwrap();
    assert_eq!(report.passwords, ["countersign_entry"]);
    options.connect().await.unwrap();
}

/// What a backup is restored to: `pg_restore` makes the schema, and gives what is in it to roles.
#[tokio::test]
async fn roles_are_made_without_a_schema() {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let url = cluster.url(&name, "postgres");
    let given = make_roles(&url, cluster::passwords()).await.unwrap();
    assert_eq!(given, ["countersign_entry", "countersign_books"]);
    let mut admin = PgConnection::connect(url.expose_secret()).await.unwrap();
    let sql = "SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN ('countersign_owner', 'countersign_gate', \
        'countersign_entry', 'countersign_books')), to_regnamespace('countersign') IS NULL";
    let (roles, is_empty): (i64, bool) = sqlx::query_as(sql).fetch_one(&mut admin).await.unwrap();
    assert_eq!((roles, is_empty), (4, true));
    // Again, and before a migration, they are left as they are.
    assert_eq!(
        make_roles(&url, cluster::passwords()).await.unwrap(),
        [""; 0]
    );
    let report = migrate(&url, cluster::passwords()).await.unwrap();
    assert_eq!(
        (report.version, report.passwords.len()),
        (current_version(), 0)
    );
    World::of(cluster, name)
        .await
        .bare("countersign_entry")
        .await;
}

#[tokio::test]
async fn changed_history_is_refused() {
    let world = World::new().await;
    let url = world.cluster.url(&world.name, "postgres");
    let mut admin = world.bare("postgres").await;
    let run = async |sql: &'static str| {
        admin.execute(sql).await.unwrap();
        migrate(&url, RolePasswords::default()).await.unwrap_err()
    };
    let mut run = run;
    let error =
        run("UPDATE countersign.schema_migrations SET sha256 = repeat('0', 64) WHERE version = 2")
            .await;
    assert!(
        matches!(&error, MigrateError::Changed { name } if name == "0002_create_people"),
        "{error:?}"
    );
    let error =
        run("INSERT INTO countersign.schema_migrations VALUES (9999, 'later', repeat('0', 64))")
            .await;
    assert!(
        matches!(error, MigrateError::Ahead { found: 9999, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_wait_for_each_other() {
    let cluster = cluster::shared();
    cluster::database().await;
    let name = cluster.create(None).await;
    let url = cluster.url(&name, "postgres");
    let run = || migrate(&url, RolePasswords::default());
    let (one, two) = tokio::join!(run(), run());
    let mut applied = [one.unwrap().applied.len(), two.unwrap().applied.len()];
    applied.sort_unstable();
    let mut admin = PgConnection::connect(url.expose_secret()).await.unwrap();
    let sql = "SELECT count(*) FROM countersign.schema_migrations";
    let all: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
    assert_eq!(applied, [0, usize::try_from(all).unwrap()]);
}

#[tokio::test]
async fn no_superuser_is_needed() {
    let cluster = cluster::shared();
    cluster::database().await;
    let name = cluster.create(None).await;
    let admin_url = cluster.url(&name, "postgres");
    let mut admin = PgConnection::connect(admin_url.expose_secret())
        .await
        .unwrap();
    let role = format!("migrator_{}", std::process::id());
    let sql = format!(
        "CREATE ROLE {role} LOGIN CREATEROLE PASSWORD '{role}'; ALTER DATABASE {name} OWNER TO {role}"
    );
    admin
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap();
    let report = migrate(&cluster.url(&name, &role), RolePasswords::default())
        .await
        .unwrap();
    assert_eq!(report.version, current_version());
    World::of(cluster, name)
        .await
        .database
        .check_isolation()
        .await
        .unwrap();
}

/// A database that was updated: imports are as the accounts of their statements are.
#[tokio::test]
async fn imports_of_before_are_kept_as_their_accounts_are() {
    const SQL: &str = include_str!("../../../migrations/sql/0016_keep_imports.sql");
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let kept = |name: &str, custodian, personal| NewAccount {
        custodian,
        personal,
        ..new_account(name)
    };
    let mut files = Vec::new();
    for (file, new) in (1..).zip([
        kept("Company", None, false),
        kept("Card", Some(owner.user), false),
        kept("Household", Some(owner.user), true),
    ]) {
        let account = world.account(&owner, new).await;
        let import = world.import(&owner, account.id, file, &["1"]).await;
        files.push((account, import));
    }
    let mut admin = world.bare("postgres").await;
    // The second file has a statement of the household as well.
    let both = "UPDATE countersign.statements SET import_id = $1 WHERE import_id = $2";
    let both = sqlx::query(both).bind(files[1].1.uuid());
    admin.execute(both.bind(files[2].1.uuid())).await.unwrap();
    let before =
        "UPDATE countersign.imports SET personal = true, custodian_id = NULL, account_id = NULL";
    admin.execute(before).await.unwrap();
    let (_, from) = SQL.split_once("UPDATE countersign.imports").unwrap();
    let (update, _) = from.split_once(';').unwrap();
    let update = format!("UPDATE countersign.imports{update}");
    admin
        .execute(sqlx::raw_sql(AssertSqlSafe(update)))
        .await
        .unwrap();
    let look = "SELECT personal, custodian_id, account_id FROM countersign.imports ORDER BY id";
    let found: Vec<(bool, Option<Uuid>, Option<Uuid>)> =
        sqlx::query_as(look).fetch_all(&mut admin).await.unwrap();
    let [company, card, _] = [0, 1, 2].map(|n: usize| Some(files[n].0.id.uuid()));
    let care = Some(owner.user.uuid());
    // Of the third nothing is left, and so it is the household's.
    let expected = [
        (false, None, company),
        (true, care, card),
        (true, None, None),
    ];
    assert_eq!(found, expected);
}

/// A world in which a file is yet to be applied that changes the table of imports.
async fn before_imports_were_kept() -> World {
    let world = World::new().await;
    let undo = "ALTER TABLE countersign.imports DROP COLUMN custodian_id, DROP COLUMN personal, \
                DROP COLUMN account_id, ADD CONSTRAINT imports_file UNIQUE (tenant_id, sha256); \
                DELETE FROM countersign.schema_migrations WHERE version = 16";
    let mut admin = world.bare("postgres").await;
    admin.execute(sqlx::raw_sql(undo)).await.unwrap();
    world
}

/// Reads the table of imports as a backup does, in a transaction that stays open.
async fn reading_on(world: &World) -> PgConnection {
    let mut reader = world.bare("postgres").await;
    let read = "SET application_name = 'countersign backup'; BEGIN; \
                LOCK TABLE countersign.imports IN ACCESS SHARE MODE";
    reader.execute(sqlx::raw_sql(read)).await.unwrap();
    reader
}

/// Returns when a file waits for a table.
async fn waits(world: &World) {
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = 'countersign migrate' AND wait_event_type = 'Lock')";
    let mut admin = world.bare("postgres").await;
    for _ in 0..500 {
        if sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no file waits");
}

/// Everybody else reads the table while a file waits for it.
async fn is_read(world: &World) {
    let mut other = world.bare("postgres").await;
    let asked = Instant::now();
    let read = other.execute("SELECT count(*) FROM countersign.imports");
    let read = tokio::time::timeout(Duration::from_secs(5), read).await;
    read.expect("who reads waits for a file that waits")
        .unwrap();
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(3), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waits_for_a_table_lets_others_pass_and_is_applied_when_it_is_free() {
    let world = before_imports_were_kept().await;
    let mut reader = reading_on(&world).await;
    let url = world.cluster.url(&world.name, "postgres");
    let run = tokio::spawn(async move { migrate(&url, RolePasswords::default()).await });
    waits(&world).await;
    is_read(&world).await;
    waits(&world).await;
    reader.execute("COMMIT").await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().applied, ["0016_keep_imports"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_table_is_not_given_back_ends_and_says_who_has_it() {
    let world = before_imports_were_kept().await;
    let _reader = reading_on(&world).await;
    let url = world.cluster.url(&world.name, "postgres");
    let error = migrate(&url, RolePasswords::default()).await.unwrap_err();
    let told = error.to_string();
    assert!(
        matches!(
            error,
            MigrateError::InUse {
                name: "0016_keep_imports",
                ..
            }
        ),
        "{told}"
    );
    assert!(
        told.contains("In use by: `countersign backup` (process "),
        "{told}"
    );
}
