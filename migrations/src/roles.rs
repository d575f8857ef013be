//! The roles, which are made before the first migration.
//!
//! `countersign_owner` owns everything and only migrates. `countersign_gate` owns the functions that
//! let requests in. Neither can log in. `countersign_entry` and `countersign_books` log in, own
//! nothing, and do not bypass row-level security.

use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Executor, PgConnection, Row};
use thiserror::Error;
use url::Url;

use crate::MigrateError;

const ENTRY: &str = "countersign_entry";
const BOOKS: &str = "countersign_books";

/// The passwords of the login roles, which are given to those that are made; `None` leaves a role as it is, for
/// certificates or a socket.
#[derive(Debug, Clone, Default)]
pub struct RolePasswords {
    /// Of the entry role.
    pub entry: Option<SecretString>,
    /// Of the books role.
    pub books: Option<SecretString>,
    /// Whether roles that exist get theirs too. A configuration that is older than the passwords would undo
    /// their rotation.
    pub renew: bool,
}

/// A URL that the roles' passwords can not be taken from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Not a URL, or its password is not percent-encoded UTF-8.
    #[error("the url of role `{0}` is malformed")]
    Malformed(&'static str),
    /// It logs in as somebody else.
    #[error("the url must log in as `{expected}`, not as `{found}`")]
    Role {
        /// The role it is for.
        expected: &'static str,
        /// The role it names.
        found: String,
    },
}

impl RolePasswords {
    /// Takes the passwords out of the URLs that the server will connect with.
    pub fn from_urls(entry: &SecretString, books: &SecretString) -> Result<Self, UrlError> {
        Ok(Self {
            entry: password(entry, ENTRY)?,
            books: password(books, BOOKS)?,
            renew: false,
        })
    }
}

fn password(url: &SecretString, role: &'static str) -> Result<Option<SecretString>, UrlError> {
    let malformed = UrlError::Malformed(role);
    let url = Url::parse(url.expose_secret()).map_err(|_| malformed.clone())?;
    let query = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let user = if url.username().is_empty() {
        query("user").unwrap_or_default()
    } else {
        decoded(url.username()).ok_or_else(|| malformed.clone())?
    };
    if user != role {
        return Err(UrlError::Role {
            expected: role,
            found: user,
        });
    }
    match url.password() {
        Some(encoded) => Ok(Some(decoded(encoded).ok_or(malformed)?.into())),
        None => Ok(query("password").map(Into::into)),
    }
}

/// Percent-decoding (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let mut one = [0];
            hex::decode_to_slice(digits, &mut one).ok()?;
            bytes.extend(one);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Makes the roles that are missing. Those that got a password.
pub(crate) async fn make(
    connection: &mut PgConnection,
    passwords: &RolePasswords,
) -> Result<Vec<&'static str>, MigrateError> {
    let row = sqlx::query(
        "SELECT rolsuper OR rolcreaterole AS able, \
         ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'countersign\\_%') AS found, \
         EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_books' \
         AND rolconfig @> ARRAY['plan_cache_mode=force_generic_plan', 'random_page_cost=1.1']) AS planned \
         FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(&mut *connection)
    .await?;
    let able: bool = row.try_get("able")?;
    let found: Vec<String> = row.try_get("found")?;
    let attributes = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
    let roles = [
        // It does not inherit, so that policies for the gate are not policies for it.
        ("countersign_owner", "NOLOGIN NOINHERIT"),
        ("countersign_gate", "NOLOGIN NOINHERIT"),
        (ENTRY, "LOGIN NOINHERIT"),
        (BOOKS, "LOGIN NOINHERIT"),
    ];
    let mut sql = String::new();
    for (role, login) in roles {
        if found.iter().any(|name| name == role) {
            continue;
        }
        if !able {
            return Err(MigrateError::RoleMissing(role));
        }
        // Writing to a string does not fail.
        let _ = writeln!(sql, "CREATE ROLE {role} {login} {attributes};");
    }
    if able {
        sql.push_str(MEMBERSHIPS);
        // Not again: two databases of one cluster share their roles, and may be migrated at once.
        if !row.try_get::<bool, _>("planned")? {
            sql.push_str(PLANS);
        }
    }
    let mut transaction = sqlx::Connection::begin(connection).await?;
    transaction
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
        .await?;
    let mut given = Vec::new();
    for (role, password) in [(ENTRY, &passwords.entry), (BOOKS, &passwords.books)] {
        let is_due = passwords.renew || !found.iter().any(|name| name == role);
        if let Some(password) = password.as_ref().filter(|_| is_due) {
            set_password(&mut transaction, role, password).await?;
            given.push(role);
        }
    }
    transaction.commit().await?;
    Ok(given)
}

/// Makes the schema, where it is missing, and the table of what was applied.
pub(crate) async fn make_schema(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = sqlx::Connection::begin(connection).await?;
    transaction.execute(sqlx::raw_sql(SCHEMA)).await?;
    transaction.commit().await
}

/// Statements of the books are prepared, and planned once: their conditions and limits are parameters
/// whose values hardly change the plan, which costs as much as running them. What they look for in an index
/// is in memory, or on a disk without a head to move: PostgreSQL's own figure has it read all tenants' rows
/// of a small table to find one tenant's.
const PLANS: &str = "
ALTER ROLE countersign_books SET plan_cache_mode = force_generic_plan;
ALTER ROLE countersign_books SET random_page_cost = 1.1;
";

/// The one who migrates may act as the owner, and the owner may hand functions to the gate.
const MEMBERSHIPS: &str = "
DO $$ BEGIN
    IF NOT pg_has_role('countersign_owner', 'countersign_gate', 'MEMBER') THEN
        GRANT countersign_gate TO countersign_owner;
    END IF;
    IF NOT pg_has_role(current_user, 'countersign_owner', 'MEMBER') THEN
        EXECUTE format('GRANT countersign_owner TO %I', current_user);
    END IF;
END $$;
";

/// The schema, and what remembers the migrations. The server reads it to know whether it is behind.
const SCHEMA: &str = "
DO $$ BEGIN
    IF to_regnamespace('countersign') IS NULL THEN
        CREATE SCHEMA countersign AUTHORIZATION countersign_owner;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO countersign_entry, countersign_books',
        current_database());
END $$;
SET LOCAL ROLE countersign_owner;
CREATE TABLE IF NOT EXISTS countersign.schema_migrations (
    version integer CONSTRAINT schema_migrations_version PRIMARY KEY,
    name text NOT NULL CONSTRAINT schema_migrations_name UNIQUE,
    sha256 text NOT NULL CONSTRAINT schema_migrations_sha256_form CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON countersign.schema_migrations TO countersign_entry, countersign_books;
RESET ROLE;
";

/// The password is bound and quoted by PostgreSQL itself, and so in no log of statements.
async fn set_password(
    connection: &mut PgConnection,
    role: &'static str,
    password: &SecretString,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT set_config('countersign.role', $1, true), \
         set_config('countersign.password', $2, true)",
    )
    .bind(role)
    .bind(password.expose_secret())
    .execute(&mut *connection)
    .await?;
    connection
        .execute(sqlx::raw_sql(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', \
             current_setting('countersign.role'), current_setting('countersign.password')); \
             PERFORM set_config('countersign.password', '', true); END $$",
        ))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(url: &str) -> Result<Option<String>, UrlError> {
        let found = password(&url.to_owned().into(), BOOKS)?;
        Ok(found.map(|password| password.expose_secret().to_owned()))
    }

    #[test]
    fn password_is_taken_from_either_place_of_a_url() {
        let cases = [
            (
                "postgres://countersign_books:p%40ss@localhost/db",
                Some("p@ss"),
            ),
            (
                "postgres:///db?host=/tmp&user=countersign_books&password=p%26q",
                Some("p&q"),
            ),
            ("postgres://countersign_books@localhost/db", None),
        ];
        for (url, expected) in cases {
            assert_eq!(books(url), Ok(expected.map(str::to_owned)), "{url}");
        }
        assert!(matches!(
            books("postgres://postgres:x@h/db"),
            Err(UrlError::Role { .. })
        ));
        assert_eq!(books("no url"), Err(UrlError::Malformed(BOOKS)));
        assert_eq!(
            books("postgres://countersign_books:%zz@h/db"),
            Err(UrlError::Malformed(BOOKS))
        );
    }
}
