//! Refuses to run on a database in which tenants are not isolated (ISO-1).

use sea_orm::{DbBackend, Statement};
use thiserror::Error;

use crate::{
    database::Inner,
    error::StoreError,
    wire::{End, Wire},
};

/// What makes isolation a mere promise.
#[derive(Debug, Error)]
pub enum IsolationError {
    /// A role that the server connects as could switch row-level security off.
    #[error("role `{role}` {what}")]
    Role {
        /// The role.
        role: String,
        /// What it is or may: one sentence without a subject.
        what: String,
    },
    /// A table that is not confined.
    #[error("table `{0}` is without forced row-level security")]
    Table(String),
    /// Policies, grants or functions are not those that the migrations made.
    #[error("who may reach what is not as the migrations made it: {}", differences(.missing, .foreign))]
    Fences {
        /// What the migrations made, and is not there.
        missing: Vec<String>,
        /// What is there, and is not of the migrations.
        foreign: Vec<String>,
    },
    /// Nothing is there to be checked: the migrations have not run.
    #[error("schema `countersign` has no tenant tables: run the migrations")]
    Empty,
    /// The check itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IsolationError {
    /// What storage said, where the check could not be made.
    pub const fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// The first of them, and how many more there are.
fn differences(missing: &[String], foreign: &[String]) -> String {
    let told = |what: &str, lines: &[String]| {
        let (first, rest) = lines.split_first()?;
        let more = match rest.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        Some(format!("{what} `{first}`{more}"))
    };
    let told = [told("there is no", missing), told("nobody made", foreign)];
    told.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What the migrations make, as [`FENCES`] tells it; a proof compares it with a database that is new.
const MADE: &str = include_str!("isolation/fences.txt");

/// One row: a line for each policy, grant and function.
const FENCES: &str = include_str!("isolation/fences.sql");

/// One row: the role, what is wrong with it (or null), the first unconfined table (or null), and
/// how many tenant tables there are. Membership counts as ownership: who may `SET ROLE` to the
/// owner is the owner.
const CHECK: &str = "
SELECT current_user::text AS role,
  CASE
    WHEN me.rolsuper THEN 'is a superuser'
    WHEN me.rolbypassrls THEN 'may bypass row-level security'
    WHEN EXISTS (SELECT FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls)
                 AND pg_has_role(me.oid, r.oid, 'MEMBER')) THEN 'is a member of a role that may bypass row-level security'
    WHEN EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'countersign' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                 AND pg_has_role(me.oid, c.relowner, 'MEMBER')) THEN 'owns a table of the product'
    WHEN pg_has_role(me.oid, (SELECT nspowner FROM pg_namespace WHERE nspname = 'countersign'), 'MEMBER')
      THEN 'owns the schema of the product'
  END AS fault,
  (SELECT min(c.relname)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'countersign' AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migrations'
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)) AS unconfined,
  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
   WHERE n.nspname = 'countersign' AND c.relkind IN ('r', 'p')) AS tables
FROM pg_roles me WHERE me.rolname = current_user";

pub(crate) async fn check(database: &Inner) -> Result<(), IsolationError> {
    for pool in [&database.books, &database.entry] {
        let check = Statement::from_string(DbBackend::Postgres, CHECK);
        let opened = Wire::open(pool, database.prepared, &database.begin, &check).await;
        let (wire, row) = opened?;
        wire.end(End::Rollback).await?;
        let role: String = row.try_get("", "role").map_err(StoreError::from)?;
        let fault: Option<String> = row.try_get("", "fault").map_err(StoreError::from)?;
        let table: Option<String> = row.try_get("", "unconfined").map_err(StoreError::from)?;
        let tables: i64 = row.try_get("", "tables").map_err(StoreError::from)?;
        if let Some(what) = fault {
            return Err(IsolationError::Role { role, what });
        }
        if let Some(table) = table {
            return Err(IsolationError::Table(table));
        }
        if tables == 0 {
            return Err(IsolationError::Empty);
        }
    }
    let found = fences(database).await?;
    let made: Vec<&str> = MADE.lines().collect();
    let missing = made
        .iter()
        .filter(|line| !found.iter().any(|f| f == **line));
    let missing: Vec<_> = missing.map(|line| (*line).to_owned()).collect();
    let foreign = found
        .into_iter()
        .filter(|line| !made.contains(&line.as_str()));
    let foreign: Vec<_> = foreign.collect();
    if missing.is_empty() && foreign.is_empty() {
        Ok(())
    } else {
        Err(IsolationError::Fences { missing, foreign })
    }
}

/// The policies, grants and functions that are there.
async fn fences(database: &Inner) -> Result<Vec<String>, StoreError> {
    let asked = Statement::from_string(DbBackend::Postgres, FENCES);
    let (pool, prepared) = (&database.books, database.prepared);
    let (wire, row) = Wire::open(pool, prepared, &database.begin, &asked).await?;
    wire.end(End::Rollback).await?;
    Ok(row.try_get("", "fences")?)
}
