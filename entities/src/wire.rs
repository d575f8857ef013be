//! One connection with one open transaction, and the statements that run on it.
//!
//! SeaORM's own transaction does not begin with settings of its own; this one does. A connection never goes back to its pool with a transaction open: whoever drops a
//! wire, or is dropped while waiting on one, has it rolled back, or closed where that fails.

use std::fmt;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait, sea_query::Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Executor, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow},
};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{StoreError, connection_is_lost};

pub(crate) struct Wire {
    slot: Mutex<Option<PoolConnection<Postgres>>>,
    /// Whether statements are prepared once per connection.
    prepared: bool,
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
        begin: &str,
        first: &Statement,
    ) -> Result<(Self, QueryResult), StoreError> {
        let mut dead = 0;
        loop {
            let connection = pool.acquire().await?;
            let wire = Self {
                slot: Mutex::new(Some(connection)),
                prepared,
            };
            match wire.begun(begin, first).await {
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
        statement: &Statement,
    ) -> Result<(), StoreError> {
        let mut dead = 0;
        loop {
            let mut connection = pool.acquire().await?;
            match query(statement, prepared).execute(&mut *connection).await {
                Err(error)
                    if connection_is_lost(&error)
                        && dead <= pool.options().get_max_connections() =>
                {
                    dead = dead.saturating_add(1);
                    connection.close_on_drop();
                }
                ran => {
                    ran?;
                    return Ok(());
                }
            }
        }
    }

    async fn begun(&self, begin: &str, first: &Statement) -> Result<PgRow, sqlx::Error> {
        let mut slot = self.slot.lock().await;
        let connection = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(begin.to_owned())))
            .await?;
        query(first, self.prepared)
            .fetch_one(&mut **connection)
            .await
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn end(&self, end: End) -> Result<(), StoreError> {
        let sql = match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let mut slot = self.slot.lock().await;
        let connection = slot.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        connection.execute(sqlx::raw_sql(sql)).await?;
        // Out of the slot only now: had this future been dropped before, `drop` would clean up.
        slot.take();
        Ok(())
    }

    fn discard(mut self) {
        if let Some(mut connection) = self.slot.get_mut().take() {
            connection.close_on_drop();
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
        runtime.spawn(async move {
            if connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_err() {
                connection.close_on_drop();
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
        let result: Result<PgQueryResult, _> = query(&statement, self.prepared)
            .execute(&mut **guard.get()?)
            .await;
        result.map(Into::into).map_err(query_error)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut guard = self.connection().await?;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let result = guard.get()?.execute(sql).await;
        result.map(Into::into).map_err(query_error)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut guard = self.connection().await?;
        let row = query(&statement, self.prepared)
            .fetch_optional(&mut **guard.get()?)
            .await;
        row.map(|row| row.map(Into::into)).map_err(query_error)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut guard = self.connection().await?;
        let rows = query(&statement, self.prepared)
            .fetch_all(&mut **guard.get()?)
            .await;
        rows.map(|rows| rows.into_iter().map(Into::into).collect())
            .map_err(query_error)
    }
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
