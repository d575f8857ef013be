//! A connection for reading, with one open transaction, whose statements are pipelined: those that
//! are asked for at the same time travel together, and nobody waits for the end.
//!
//! Writing goes by [`crate::wire`], which SeaORM can insert through. A connection never goes back to
//! its pool with a transaction open: whoever drops a line has it rolled back, or closed where that
//! fails.

mod connect;
mod fetched;

use std::{fmt, sync::Arc};

use deadpool_postgres::Object;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use sea_orm::{Statement, sea_query::Values};
use sea_query_postgres::{PostgresValue, PostgresValues};
use tokio_postgres::{Row, Statement as Prepared};

pub(crate) use self::{
    connect::Lines,
    fetched::{Fetched, fetched},
};
use crate::error::{StoreError, line_is_lost};

pub(crate) struct Line {
    client: Option<Arc<Object>>,
    /// Whether statements are prepared once per connection.
    prepared: bool,
    /// What the database says of who was presumed to enter; `None` where nobody was presumed.
    word: Option<Word>,
}

/// Whether a presumption holds. Whoever asks twice is told the same.
type Word = Shared<BoxFuture<'static, Result<(), StoreError>>>;

impl Line {
    /// Takes a connection and sends `begin` and `statement` together; returns the row of the latter.
    ///
    /// A connection that turns out to be dead, as after a restart of PostgreSQL, is thrown away and
    /// another one is taken: nothing was done yet. A pool has no more dead ones than places.
    pub(crate) async fn open<R: Fetched>(
        lines: &Lines,
        prepared: bool,
        begin: &str,
        statement: &Statement,
    ) -> Result<(Self, R), StoreError> {
        let mut dead = 0;
        loop {
            let line = Self {
                client: Some(Arc::new(lines.get().await?)),
                prepared,
                word: None,
            };
            match begun(line.client()?, prepared, begin, statement).await {
                Ok(rows) => {
                    let row = fetched::read(&rows)?.into_iter().next();
                    let row = row.ok_or_else(|| StoreError::inconsistent("nobody answers"))?;
                    return Ok((line, row));
                }
                Err(error) if line_is_lost(&error) && dead <= lines.max() => {
                    dead = dead.saturating_add(1);
                    line.discard();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a connection and sends `BEGIN` and `statement` without waiting for the answer, which
    /// `holds` judges. What is fetched next travels with them, and no row is given out before the
    /// judgement. Whatever fails here rebuts the presumption: whoever is let in by the word of the
    /// database is told what it was.
    ///
    /// For prepared statements only: others would have to be sent one after the other.
    pub(crate) async fn presume<R: Fetched + 'static>(
        lines: &Lines,
        statement: Statement,
        holds: impl FnOnce(R) -> bool + Send + 'static,
    ) -> Result<Self, StoreError> {
        let client = Arc::new(lines.get().await?);
        // Before anything is sent: on a new connection this waits, and a fetch would overtake.
        let ready = client.prepare_cached(&statement.sql).await;
        let ready = ready.map_err(|_| StoreError::Rebutted)?;
        let own = Arc::clone(&client);
        let word = async move {
            let begun = own.batch_execute("BEGIN");
            let ((), rows) = futures::try_join!(begun, run(&own, &ready, &statement))?;
            Ok::<_, tokio_postgres::Error>(rows)
        };
        let word = word.map(move |rows| {
            let row = rows.ok().and_then(|rows| fetched::read(&rows).ok());
            let row = row.and_then(|rows: Vec<R>| rows.into_iter().next());
            let held = row.is_some_and(holds);
            held.then_some(()).ok_or(StoreError::Rebutted)
        });
        let word = word.boxed().shared();
        // Asked once, it is on its way.
        let _ = word.clone().now_or_never();
        Ok(Self {
            client: Some(client),
            prepared: true,
            word: Some(word),
        })
    }

    /// Waits for the word of the database on who was presumed to enter.
    pub(crate) async fn confirm(&self) -> Result<(), StoreError> {
        match &self.word {
            Some(word) => word.clone().await,
            None => Ok(()),
        }
    }

    /// The rows of the statement.
    pub(crate) async fn fetch<R: Fetched>(
        &self,
        statement: &Statement,
    ) -> Result<Vec<R>, StoreError> {
        let rows = rows(self.client()?, self.prepared, statement);
        let (confirmed, rows) = futures::join!(self.confirm(), rows);
        confirmed?;
        Ok(fetched::read(&rows?)?)
    }

    /// There until the transaction ends, which takes the line.
    fn client(&self) -> Result<&Object, StoreError> {
        let client = self.client.as_deref();
        client.ok_or_else(|| StoreError::inconsistent("the transaction has ended"))
    }

    /// Ends the transaction, in which nothing was written. Whoever read does not wait for it.
    pub(crate) fn leave(mut self) {
        self.end("COMMIT");
    }

    fn end(&mut self, sql: &'static str) {
        let Some(client) = self.client.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            close(client);
            return;
        };
        runtime.spawn(async move {
            if client.batch_execute(sql).await.is_err() {
                close(client);
            }
        });
    }

    fn discard(mut self) {
        if let Some(client) = self.client.take() {
            close(client);
        }
    }
}

/// Closes the socket, which makes PostgreSQL roll back.
fn close(client: Arc<Object>) {
    // Whoever else has it waits for a word that will not come, and finds it closed.
    if let Some(client) = Arc::into_inner(client) {
        drop(Object::take(client));
    }
}

/// Begins a transaction and runs its first statement.
async fn begun(
    client: &Object,
    prepared: bool,
    begin: &str,
    statement: &Statement,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    if !prepared {
        // One after the other is what a pooler in transaction mode understands.
        client.batch_execute(begin).await?;
        return rows(client, prepared, statement).await;
    }
    let ready = client.prepare_cached(&statement.sql).await?;
    let begun = client.batch_execute(begin);
    let ((), rows) = futures::try_join!(begun, run(client, &ready, statement))?;
    Ok(rows)
}

async fn rows(
    client: &Object,
    prepared: bool,
    statement: &Statement,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    if prepared {
        let ready = client.prepare_cached(&statement.sql).await?;
        return run(client, &ready, statement).await;
    }
    let values = values(statement);
    let typed: Vec<_> = values
        .as_params()
        .into_iter()
        .zip(values.as_types())
        .collect();
    client.query_typed(&statement.sql, &typed).await
}

async fn run(
    client: &Object,
    ready: &Prepared,
    statement: &Statement,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let values = values(statement);
    client.query(ready, &values.as_params()).await
}

fn values(statement: &Statement) -> PostgresValues {
    let Values(values) = statement.values.clone().unwrap_or(Values(Vec::new()));
    PostgresValues(values.into_iter().map(PostgresValue).collect())
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end("ROLLBACK");
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}
