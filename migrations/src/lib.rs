//! The shape of the database, as reviewed SQL.
//!
//! `sql/NNNN_<verb>_<object>.sql` are the migrations, applied in order and once, under a lock, each
//! in a transaction of its own. What was applied never changes: a file whose content is not what the
//! database remembers is refused. The README of this folder is the checklist for a new table.

mod roles;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};
use thiserror::Error;

pub use roles::{RolePasswords, UrlError};

/// One file of `sql/`.
#[derive(Debug, Clone, Copy)]
struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal,)*) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../sql/", $name, ".sql")),
        },)*]
    };
}

/// In order, and complete: a test compares the list with the folder.
const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_create_foundations",
    2 "0002_create_people",
    3 "0003_create_sign_in",
    4 "0004_create_books",
    5 "0005_create_api_tokens",
    6 "0006_create_audit",
    7 "0007_create_entrances",
    8 "0008_create_idempotency_keys",
    9 "0009_extend_audit",
    10 "0010_create_vault",
    11 "0011_partition_audit",
    12 "0012_write_at_once",
    13 "0013_seal_token_names",
    14 "0014_enter_leaner",
    15 "0015_end_makers_tokens",
    16 "0016_keep_imports",
    17 "0017_bound_settling",
    18 "0018_bound_sessions",
    19 "0019_index_audit_outcomes",
    20 "0020_bound_sweeps",
};

/// Any number will do, as long as it stays: two runs of the command wait for each other.
const LOCK: i64 = 0x636f_756e_7465_7273;

/// A file that waits for a table in use makes everybody wait who asks for the table after it. So it waits for
/// less than a server waits for a connection, and for more than `deadlock_timeout`, after which PostgreSQL
/// sends an autovacuum away.
const WAIT_FOR_TABLES: &str = "SET LOCAL lock_timeout = '1500ms'";
/// Until a file is tried again that found a table in use: who waited behind it goes on meanwhile.
const PAUSE: Duration = Duration::from_secs(2);
/// How often it is tried again.
const TRIED_AGAIN: usize = 7;

/// What the command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The names of the files that were applied now.
    pub applied: Vec<String>,
    /// The version that the database is at.
    pub version: i32,
    /// The roles whose passwords were set now.
    pub passwords: Vec<&'static str>,
}

/// Why the database was not migrated. What was applied before the failing file stays.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The owner's URL can not be read.
    #[error("the owner url of the database is malformed")]
    Url,
    /// PostgreSQL could not be reached, or refused.
    #[error("postgresql could not be reached or refused: {0}")]
    Database(#[from] sqlx::Error),
    /// A file that was applied has another content now.
    #[error("migration `{name}` was applied with another content: undo the change, add a new file")]
    Changed {
        /// The file.
        name: String,
    },
    /// The database is ahead of this program.
    #[error(
        "the database is at version {found}, to which a newer release has migrated it, and this program knows up \
         to {known}: use that release"
    )]
    Ahead {
        /// Of the database.
        found: i32,
        /// Of the program.
        known: i32,
    },
    /// A file failed, and nothing of it stays.
    #[error("migration `{name}` failed: {source}")]
    Failed {
        /// The file.
        name: &'static str,
        /// What PostgreSQL said.
        source: sqlx::Error,
    },
    /// A file found a table in use as often as it was tried, and nothing of it stays.
    #[error(
        "migration `{name}` needs a table that is in use, and nothing of it stays. In use by: {holders}. Servers \
         go on as before; run `migrate` again when that has ended, or end it (`pg_terminate_backend`)"
    )]
    InUse {
        /// The file.
        name: &'static str,
        /// Who had locks in the schema when it was tried last.
        holders: String,
    },
    /// A role is missing and the owner's URL may not make it.
    #[error("role `{0}` is missing, and the role of the owner url may not create roles")]
    RoleMissing(&'static str),
}

/// The version that this program needs the database to be at.
pub fn current_version() -> i32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Brings the database of `owner_url` to [`current_version`], makes the roles that are missing, and
/// gives those that log in their passwords; the others too, where that is asked for.
pub async fn migrate(
    owner_url: &SecretString,
    roles: RolePasswords,
) -> Result<Report, MigrateError> {
    let mut connection = connect(owner_url).await?;
    let result = run(&mut connection, &roles).await;
    // The lock goes with the connection.
    connection.close().await?;
    result
}

/// Makes the roles that are missing, as [`migrate`] does, and nothing else: what a backup is restored to has
/// them and is empty. The roles that got a password.
pub async fn make_roles(
    owner_url: &SecretString,
    roles: RolePasswords,
) -> Result<Vec<&'static str>, MigrateError> {
    let mut connection = connect(owner_url).await?;
    lock(&mut connection).await?;
    let made = roles::make(&mut connection, &roles).await;
    // The lock goes with the connection.
    connection.close().await?;
    made
}

/// Connects by `owner_url`, and changes nothing: whether [`migrate`] would get in.
pub async fn reach(owner_url: &SecretString) -> Result<(), MigrateError> {
    let mut connection = connect(owner_url).await?;
    connection.ping().await?;
    Ok(connection.close().await?)
}

async fn connect(owner_url: &SecretString) -> Result<PgConnection, MigrateError> {
    let options: PgConnectOptions = owner_url
        .expose_secret()
        .parse()
        .map_err(|_| MigrateError::Url)?;
    Ok(options
        .application_name("countersign migrate")
        .extra_float_digits(None)
        .disable_statement_logging()
        .connect()
        .await?)
}

async fn run(connection: &mut PgConnection, roles: &RolePasswords) -> Result<Report, MigrateError> {
    lock(connection).await?;
    let passwords = roles::make(connection, roles).await?;
    roles::make_schema(connection).await?;
    let known = current_version();
    let done = history(connection).await?;
    if let Some(last) = done.last().filter(|(version, ..)| *version > known) {
        return Err(MigrateError::Ahead {
            found: last.0,
            known,
        });
    }
    let mut applied = Vec::new();
    for migration in MIGRATIONS {
        let hash = hex::encode(Sha256::digest(migration.sql));
        match done
            .iter()
            .find(|(version, ..)| *version == migration.version)
        {
            Some((_, name, sha256)) if *name != migration.name || *sha256 != hash => {
                return Err(MigrateError::Changed { name: name.clone() });
            }
            Some(_) => {}
            None => {
                apply(connection, migration, &hash).await?;
                tracing::info!(migration = migration.name, "migration applied");
                applied.push(migration.name.to_owned());
            }
        }
    }
    Ok(Report {
        applied,
        version: known,
        passwords,
    })
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    loop {
        let row = sqlx::query("SELECT pg_try_advisory_lock($1) AS locked")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await?;
        if row.try_get("locked")? {
            return Ok(());
        }
        tracing::info!("another migration is under way");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn history(connection: &mut PgConnection) -> Result<Vec<(i32, String, String)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT version, name, sha256 FROM countersign.schema_migrations ORDER BY version",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("version")?,
                row.try_get("name")?,
                row.try_get("sha256")?,
            ))
        })
        .collect()
}

/// Applies a file, again where a table that it needs is in use.
async fn apply(
    connection: &mut PgConnection,
    migration: &Migration,
    hash: &str,
) -> Result<(), MigrateError> {
    let name = migration.name;
    let mut pauses = std::iter::repeat_n(PAUSE, TRIED_AGAIN);
    while let Err(source) = try_to_apply(connection, migration, hash).await {
        if !is_in_use(&source) {
            return Err(MigrateError::Failed { name, source });
        }
        let holders = holders(connection).await?;
        let Some(pause) = pauses.next() else {
            return Err(MigrateError::InUse { name, holders });
        };
        tracing::warn!(
            migration = name,
            holders,
            "a table that it needs is in use: nothing of it stays, and it is tried again"
        );
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Whether a lock did not come in time, or could not: each waited for the other.
fn is_in_use(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}

/// Whose transactions had locks in the schema already when the file began to wait, the oldest first. When they
/// began is not shown to every role of an owner url.
async fn holders(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let row = sqlx::query(
        "SELECT string_agg(format('`%s` (process %s)', name, pid), ', ' ORDER BY since) AS holders FROM (\
         SELECT DISTINCT a.pid, a.application_name AS name, a.xact_start AS since FROM pg_locks l \
         JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a ON a.pid = l.pid \
         WHERE l.granted AND a.datname = current_database() AND a.pid <> pg_backend_pid() \
         AND c.relnamespace = 'countersign'::regnamespace \
         AND coalesce(a.xact_start < clock_timestamp() - interval '1500ms', true) \
         ORDER BY since LIMIT 3) AS found",
    )
    .fetch_one(connection)
    .await?;
    let found: Option<String> = row.try_get("holders")?;
    Ok(found.unwrap_or_else(|| "nobody any more".to_owned()))
}

async fn try_to_apply(
    connection: &mut PgConnection,
    migration: &Migration,
    hash: &str,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for first in [WAIT_FOR_TABLES, "SET LOCAL ROLE countersign_owner"] {
        transaction.execute(sqlx::raw_sql(first)).await?;
    }
    transaction.execute(sqlx::raw_sql(migration.sql)).await?;
    sqlx::query(
        "INSERT INTO countersign.schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
    )
    .bind(migration.version)
    .bind(migration.name)
    .bind(hash)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn list_is_the_folder_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|m| format!("{}.sql", m.name))
            .collect();
        assert_eq!(listed, files);
        let versions: Vec<_> = MIGRATIONS.iter().map(|m| m.version).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        for Migration { version, name, .. } in MIGRATIONS {
            assert!(name.starts_with(&format!("{version:04}_")), "{name}");
        }
    }
}
