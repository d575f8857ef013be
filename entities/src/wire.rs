//! One connection with one open transaction, and the statements that run on it.
//!
//! SeaORM's own transaction does not begin with settings of its own; this one does. A connection never goes
//! back to its pool with a transaction open: whoever drops a wire, or is dropped while waiting on one, has it
//! rolled back, or closed where that fails.

use std::{fmt, io};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait, sea_query::Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow},
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    error::{StoreError, connection_is_lost},
    line::Vigil,
};

/// How transactions begin, and how long each answer in them is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    /// The statements.
    pub(crate) sql: String,
    pub(crate) vigil: Vigil,
}

pub(crate) struct Wire {
    slot: Mutex<Option<PoolConnection<Postgres>>>,
    /// Whether statements are prepared once per connection.
    prepared: bool,
    vigil: Vigil,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Commit,
    Rollback,
}

impl Wire {
    /// Takes a connection, begins a transaction with the statements of `begin`, and returns the one
    /// row of `first`.
    ///
    /// A connection that turns out to be dead, as after a restart of PostgreSQL, is thrown away and
    /// another one is taken: nothing was done yet. A pool has no more dead ones
    /// than places.
    pub(crate) async fn open(
        pool: &PgPool,
        prepared: bool,
        begin: &Begin,
        first: &Statement,
    ) -> Result<(Self, QueryResult), StoreError> {
        let mut dead = 0;
        loop {
            let connection = pool.acquire().await?;
            let wire = Self {
                slot: Mutex::new(Some(connection)),
                prepared,
                vigil: begin.vigil.clone(),
            };
            match wire.begun(&begin.sql, first).await {
                Ok(row) => return Ok((wire, row.into())),
                Err(error)
                    if connection_is_lost(&error)
                        && dead <= pool.options().get_max_connections() =>
                {
                    dead = dead.saturating_add(1);
                    wire.discard();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Runs a statement that is a transaction of its own, and that may be run twice: a connection that
    /// dies on the way is thrown away and another one is taken.
    pub(crate) async fn once(
        pool: &PgPool,
        prepared: bool,
        begin: &Begin,
        statement: &Statement,
    ) -> Result<(), StoreError> {
        let mut dead = 0;
        loop {
            let connection = pool.acquire().await?;
            let run = async |connection: &mut PgConnection| {
                query(statement, prepared).execute(connection).await
            };
            let Err(error) = alone(connection, prepared, begin, run).await else {
                return Ok(());
            };
            let is_lost = connection_is_lost(&error);
            if !is_lost || dead > pool.options().get_max_connections() {
                return Err(error.into());
            }
            dead = dead.saturating_add(1);
        }
    }

    async fn begun(&self, begin: &str, first: &Statement) -> Result<PgRow, sqlx::Error> {
        let mut slot = self.slot.lock().await;
        let connection = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let begun = async {
            connection
                .execute(sqlx::raw_sql(AssertSqlSafe(begin.to_owned())))
                .await?;
            query(first, self.prepared)
                .fetch_one(&mut **connection)
                .await
        };
        answered(&self.vigil, begun).await
    }

    /// Runs something of sqlx's own in the transaction.
    pub(crate) async fn run<T>(
        &self,
        run: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut slot = self.slot.lock().await;
        let connection = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let ran = answered(&self.vigil, run(connection)).await;
        Ok(kept(&mut slot, ran)?)
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn end(&self, end: End) -> Result<(), StoreError> {
        let sql = match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let mut slot = self.slot.lock().await;
        let connection = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let ended = answered(&self.vigil, connection.execute(sqlx::raw_sql(sql))).await;
        kept(&mut slot, ended)?;
        // Out of the slot only now: had this future been dropped before, `drop` would clean up.
        if let Some(connection) = slot.take() {
            give_back(connection, &self.vigil);
        }
        Ok(())
    }

    /// Closes the connection, which makes PostgreSQL roll back.
    pub(crate) fn discard(mut self) {
        if let Some(connection) = self.slot.get_mut().take() {
            drop(connection.detach());
        }
    }

    async fn connection(&self) -> Result<Guard<'_>, DbErr> {
        let slot = self.slot.lock().await;
        if slot.is_none() {
            return Err(query_error(sqlx::Error::PoolClosed));
        }
        Ok(Guard(slot))
    }
}

struct Guard<'a>(MutexGuard<'a, Option<PoolConnection<Postgres>>>);

impl Guard<'_> {
    fn get(&mut self) -> Result<&mut PoolConnection<Postgres>, DbErr> {
        self.0
            .as_mut()
            .ok_or_else(|| query_error(sqlx::Error::PoolClosed))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Some(mut connection) = self.slot.get_mut().take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Closing the socket makes PostgreSQL roll back.
            drop(connection.detach());
            return;
        };
        let vigil = self.vigil.clone();
        runtime.spawn(async move {
            let ended = answered(&vigil, connection.execute(sqlx::raw_sql("ROLLBACK")));
            match ended.await {
                Ok(_) => give_back(connection, &vigil),
                Err(_) => drop(connection.detach()),
            }
        });
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Wire {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut guard = self.connection().await?;
        let asked = query(&statement, self.prepared).execute(&mut **guard.get()?);
        let result: Result<PgQueryResult, _> = answered(&self.vigil, asked).await;
        let result = kept(&mut guard.0, result);
        result.map(Into::into).map_err(query_error)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut guard = self.connection().await?;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let result = answered(&self.vigil, guard.get()?.execute(sql)).await;
        let result = kept(&mut guard.0, result);
        result.map(Into::into).map_err(query_error)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut guard = self.connection().await?;
        let asked = query(&statement, self.prepared).fetch_optional(&mut **guard.get()?);
        let row = answered(&self.vigil, asked).await;
        let row = kept(&mut guard.0, row);
        row.map(|row| row.map(Into::into)).map_err(query_error)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut guard = self.connection().await?;
        let asked = query(&statement, self.prepared).fetch_all(&mut **guard.get()?);
        let rows = answered(&self.vigil, asked).await;
        let rows = kept(&mut guard.0, rows);
        rows.map(|rows| rows.into_iter().map(Into::into).collect())
            .map_err(query_error)
    }
}

/// Runs one statement in a transaction of its own, and gives the connection back, or closes it where it is of no
/// more use.
///
/// Where nothing is prepared the transaction is begun and ended around it: a pooler in between gives every
/// transaction another server connection, and what is parsed and what is run would part without one.
pub(crate) async fn alone<T>(
    mut connection: PoolConnection<Postgres>,
    prepared: bool,
    begin: &Begin,
    run: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    let ran = async {
        if !prepared {
            let begin = sqlx::raw_sql(AssertSqlSafe(begin.sql.clone()));
            connection.execute(begin).await?;
        }
        let told = run(&mut connection).await?;
        if !prepared {
            connection.execute(sqlx::raw_sql("COMMIT")).await?;
        }
        Ok(told)
    };
    let ran = answered(&begin.vigil, ran).await;
    match &ran {
        // Or a transaction is open on it.
        Err(error) if !prepared || connection_is_lost(error) => drop(connection.detach()),
        _ => give_back(connection, &begin.vigil),
    }
    ran
}

/// Whether nothing came: what was asked for may yet be done.
pub(crate) fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Waits for an answer as long as there may be one.
async fn answered<T>(
    vigil: &Vigil,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "the database does not answer");
    let answer = vigil.keep(answer).await;
    answer.unwrap_or_else(|| Err(sqlx::Error::Io(silent())))
}

/// Throws a connection away that is lost.
fn kept<T>(
    slot: &mut Option<PoolConnection<Postgres>>,
    result: Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    if result.as_ref().is_err_and(connection_is_lost)
        && let Some(connection) = slot.take()
    {
        drop(connection.detach());
    }
    result
}

/// Gives a connection back to its pool, which asks it something before, and frees its place also where
/// nothing is answered to that.
fn give_back(mut connection: PoolConnection<Postgres>, vigil: &Vigil) {
    let (given_back, vigil) = (connection.return_to_pool(), vigil.clone());
    tokio::spawn(async move { vigil.keep(given_back).await });
}

fn query(statement: &Statement, prepared: bool) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = statement
        .values
        .clone()
        .unwrap_or_else(|| Values(Vec::new()));
    // The text is sea-query's, with every value bound.
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values)).persistent(prepared)
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
