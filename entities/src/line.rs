//! A connection with one open transaction, whose statements are pipelined: those that are asked for at
//! the same time travel together, and nobody waits for the end of what was only read.
//!
//! A connection never goes back to its pool with a transaction open: whoever drops a line has it
//! rolled back, or closed where that fails.

mod connect;
mod fetched;
mod lane;
mod opening;
mod rows;
mod socket;
#[cfg(test)]
mod tests;
mod vigil;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use deadpool_postgres::Object;
use futures::{
    FutureExt, TryStreamExt,
    future::{BoxFuture, Shared},
};
use sea_orm::{Statement, sea_query::Values};
use sea_query_postgres::{PostgresValue, PostgresValues};
use tokio_postgres::{RowStream, Statement as Prepared};

use self::rows::Rows;
pub(crate) use self::{
    connect::Lines,
    fetched::{Fetched, Fetches, fetched},
    lane::{Fault, Lane, Lanes, Opener, QUICK},
    opening::{IS_READ_ONLY, takes_no_writes},
    rows::Cells,
    vigil::{Peers, Vigil},
};
use crate::error::{StoreError, WriteError, line_is_lost, tells_of_read_only};

/// How many statements a connection keeps prepared.
pub(crate) const PREPARED_MAX: usize = 256;
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

pub(crate) struct Line {
    /// There until the transaction ends.
    client: Mutex<Option<Arc<Object>>>,
    /// Whether statements are prepared once per connection.
    prepared: bool,
    /// What the database says of who was presumed to enter; `None` where nobody was presumed.
    word: Option<Word>,
    /// Whether the server was found to take no writes: the connection is closed instead of kept.
    is_stale: AtomicBool,
    /// How many statements read whose answers have not come. Where they are waited for no more, the
    /// connection is closed, which PostgreSQL ends them for: what is sent would come after them.
    reading: AtomicUsize,
}

/// Whether a presumption holds. Whoever asks twice is told the same.
type Word = Shared<BoxFuture<'static, Result<(), StoreError>>>;

/// What came of a statement.
#[derive(Debug)]
pub(crate) struct Done {
    rows: Rows,
    /// How many rows it inserted, changed or deleted.
    pub(crate) affected: u64,
}

impl Done {
    /// How many rows it returned.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that it returned.
    pub(crate) fn rows<R: Fetched>(&self) -> Result<Vec<R>, StoreError> {
        fetched::read(&self.rows)
    }

    /// What was joined to them: read from the column at that place on, in the order of
    /// [`Fetched::COLUMNS`], of which the first is the tenant: where that is NULL, nothing was joined.
    pub(crate) fn rows_from<R: Fetched>(&self, place: usize) -> Result<Vec<R>, StoreError> {
        fetched::read_from(&self.rows, place)
    }
}

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
                client: Mutex::new(Some(Arc::new(lines.get().await?))),
                prepared,
                word: None,
                is_stale: AtomicBool::new(false),
                reading: AtomicUsize::new(0),
            };
            // Nobody else has it when it is discarded.
            let begun = begun(&*line.client()?, prepared, begin, statement).await;
            match begun {
                Ok(done) => {
                    let row = done.rows()?.into_iter().next();
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

    /// Takes a connection and sends `BEGIN` and `statement` without waiting for what comes of it, which
    /// `holds` judges. What is fetched next travels with them, and no row is given out before the
    /// judgement. Whatever fails here rebuts the presumption: whoever is let in by the word of the
    /// database is told what it was.
    ///
    /// For prepared statements only: others would have to be sent one after the other.
    pub(crate) async fn presume(
        lines: &Lines,
        statement: Statement,
        holds: impl FnOnce(&Done) -> bool + Send + 'static,
    ) -> Result<Self, StoreError> {
        let client = Arc::new(lines.get().await?);
        // Before anything is sent: on a new connection this waits, and a fetch would overtake.
        let ready = client.prepare_cached(&statement.sql).await;
        let ready = ready.map_err(|_| StoreError::Rebutted)?;
        let own = Arc::clone(&client);
        let word = async move {
            let begun = own.batch_execute("BEGIN");
            let ((), done) = futures::try_join!(begun, run(&own, &ready, &statement))?;
            Ok::<_, tokio_postgres::Error>(done)
        };
        let word = word.map(move |done| {
            let held = done.is_ok_and(|done| holds(&done));
            held.then_some(()).ok_or(StoreError::Rebutted)
        });
        let word = word.boxed().shared();
        // Asked once, it is on its way.
        let _ = word.clone().now_or_never();
        Ok(Self {
            client: Mutex::new(Some(client)),
            prepared: true,
            word: Some(word),
            is_stale: AtomicBool::new(false),
            reading: AtomicUsize::new(0),
        })
    }

    /// Waits for the word of the database on who was presumed to enter.
    pub(crate) async fn confirm(&self) -> Result<(), StoreError> {
        match &self.word {
            Some(word) => word.clone().await,
            None => Ok(()),
        }
    }

    /// The rows of the statement, in which nothing is written.
    pub(crate) async fn fetch<R: Fetched>(
        &self,
        statement: &Statement,
    ) -> Result<Vec<R>, StoreError> {
        self.fetch_done(statement).await?.rows()
    }

    /// What came of the statement, in which nothing is written.
    pub(crate) async fn fetch_done(&self, statement: &Statement) -> Result<Done, StoreError> {
        let client = self.client()?;
        let done = done(&client, self.prepared, statement);
        self.reading.fetch_add(1, Ordering::Relaxed);
        let (confirmed, done) = futures::join!(self.confirm(), done);
        self.reading.fetch_sub(1, Ordering::Relaxed);
        confirmed?;
        Ok(self.heard(done)?)
    }

    /// Runs a statement that writes.
    pub(crate) async fn write(&self, statement: &Statement) -> Result<Done, WriteError> {
        self.confirm().await?;
        let done = done(&*self.client()?, self.prepared, statement).await;
        Ok(self.heard(done)?)
    }

    /// Runs a statement that writes and is not prepared.
    pub(crate) async fn write_rare(&self, statement: &Statement) -> Result<Done, WriteError> {
        self.confirm().await?;
        let done = done(&*self.client()?, false, statement).await;
        Ok(self.heard(done)?)
    }

    /// Runs a statement that writes, and two more behind it in the same round trip. Where one fails, so do
    /// those behind it.
    pub(crate) async fn write_then(
        &self,
        statement: &Statement,
        [second, third]: [&Statement; 2],
    ) -> Result<(Done, [Done; 2]), WriteError> {
        self.confirm().await?;
        let client = self.client()?;
        if !self.prepared {
            let first = self.heard(done(&client, false, statement).await)?;
            let second = self.heard(done(&client, false, second).await)?;
            let third = self.heard(done(&client, false, third).await)?;
            return Ok((first, [second, third]));
        }
        // Before anything is sent: what is prepared already would overtake what is not.
        let ready = client.prepare_cached(&statement.sql).await?;
        let second_ready = client.prepare_cached(&second.sql).await?;
        let third_ready = client.prepare_cached(&third.sql).await?;
        let all = futures::try_join!(
            run(&client, &ready, statement),
            run(&client, &second_ready, second),
            run(&client, &third_ready, third),
        );
        let (first, second, third) = self.heard(all)?;
        Ok((first, [second, third]))
    }

    /// Runs the transaction's last statement and commits, in one round trip. The statement must
    /// fail where there is to be no commit: PostgreSQL rolls back what is committed after a failure.
    pub(crate) async fn commit_with(&self, last: &Statement) -> Result<(), StoreError> {
        self.confirm().await?;
        let client = self.client()?;
        if !self.prepared {
            self.heard(done(&client, false, last).await)?;
            return self.commit().await;
        }
        let ready = client.prepare_cached(&last.sql).await?;
        let committed = client.batch_execute(COMMIT);
        let (last, committed) = futures::join!(run(&client, &ready, last), committed);
        if committed.is_ok() {
            self.take();
        }
        self.heard(last)?;
        Ok(committed?)
    }

    /// Commits what was written.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        self.confirm().await?;
        self.over(COMMIT).await
    }

    /// Rolls back, and returns when it is done.
    pub(crate) async fn roll_back(&self) -> Result<(), StoreError> {
        self.over(ROLLBACK).await
    }

    async fn over(&self, sql: &'static str) -> Result<(), StoreError> {
        self.client()?.batch_execute(sql).await?;
        // Out of the slot only now: had this future been dropped before, `drop` would clean up.
        self.take();
        Ok(())
    }

    /// Notes what an error tells of the connection.
    fn heard<T>(&self, came: Result<T, tokio_postgres::Error>) -> Result<T, tokio_postgres::Error> {
        let code = came.as_ref().err().and_then(tokio_postgres::Error::code);
        if code.is_some_and(|code| tells_of_read_only(code.code())) {
            self.is_stale.store(true, Ordering::Relaxed);
        }
        came
    }

    fn client(&self) -> Result<Arc<Object>, StoreError> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = client.as_ref().map(Arc::clone);
        client.ok_or_else(|| StoreError::inconsistent("the transaction has ended"))
    }

    fn take(&self) -> Option<Arc<Object>> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client.take()
    }

    /// Ends the transaction, in which nothing was written. Whoever read does not wait for it.
    pub(crate) fn leave(&self) {
        self.end(COMMIT);
    }

    fn end(&self, sql: &'static str) {
        let Some(client) = self.take() else {
            return;
        };
        if self.is_stale.load(Ordering::Relaxed) || self.reading.load(Ordering::Relaxed) > 0 {
            return close(client);
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return close(client);
        };
        runtime.spawn(async move {
            if client.batch_execute(sql).await.is_err() {
                close(client);
            }
        });
    }

    fn discard(&self) {
        if let Some(client) = self.take() {
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
) -> Result<Done, tokio_postgres::Error> {
    if !prepared {
        // One after the other is what a pooler in transaction mode understands.
        client.batch_execute(begin).await?;
        return done(client, prepared, statement).await;
    }
    let ready = client.prepare_cached(&statement.sql).await?;
    let begun = client.batch_execute(begin);
    let ((), done) = futures::try_join!(begun, run(client, &ready, statement))?;
    Ok(done)
}

async fn done(
    client: &Object,
    prepared: bool,
    statement: &Statement,
) -> Result<Done, tokio_postgres::Error> {
    if prepared {
        let ready = client.prepare_cached(&statement.sql).await?;
        return run(client, &ready, statement).await;
    }
    let values = values(statement);
    let typed = values.as_params().into_iter().zip(values.as_types());
    let typed: Vec<_> = typed.collect();
    collected(client.query_typed_raw(&statement.sql, typed).await?).await
}

async fn run(
    client: &Object,
    ready: &Prepared,
    statement: &Statement,
) -> Result<Done, tokio_postgres::Error> {
    let values = values(statement);
    collected(client.query_raw(ready, values.as_params()).await?).await
}

async fn collected(stream: RowStream) -> Result<Done, tokio_postgres::Error> {
    let mut stream = std::pin::pin!(stream);
    let rows = stream.as_mut().try_collect().await?;
    let affected = stream.rows_affected().unwrap_or_default();
    Ok(Done {
        rows: Rows::Line(rows),
        affected,
    })
}

fn values(statement: &Statement) -> PostgresValues {
    let Values(values) = statement.values.clone().unwrap_or(Values(Vec::new()));
    PostgresValues(values.into_iter().map(PostgresValue).collect())
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end(ROLLBACK);
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}
