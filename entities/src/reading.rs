//! What is read through: a transaction of the request's own, or lanes that requests share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::try_join_all;
use sea_orm::Statement;
use tokio::sync::OnceCell;

use crate::{
    database::Database,
    error::StoreError,
    line::{Done, Fault, Lane, Line},
    writing::Writing,
};

/// Whether what PostgreSQL says of who enters is what was presumed.
pub(crate) type Holds = Arc<dyn Fn(&Done) -> bool + Send + Sync>;

/// How long a statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It reads some hundred rows by an index. Where that turns out to be wrong, it is cut off, and
    /// asked again where nobody else waits for it.
    Quick,
    /// As long as it takes.
    Long,
}

/// Where reads go.
pub(crate) enum Source {
    /// To a transaction that was entered, or presumed to be.
    Own(Arc<Line>),
    /// To the transaction that what is written goes to.
    Writing(Arc<Writing>),
    /// To a lane, each after a way in of its own.
    Shared(Box<Shared>),
}

/// Reads of one who is presumed to be let in. What is asked for at a time is a transaction of its own,
/// which begins by entering; what comes of it is given out only where PostgreSQL says what was
/// presumed.
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) lane: Arc<Lane>,
    /// The statement that enters.
    pub(crate) entering: Statement,
    pub(crate) holds: Holds,
    pub(crate) word: Word,
    /// For what takes long.
    pub(crate) own: OnceCell<Arc<Line>>,
}

/// What PostgreSQL has said so far of who was presumed to enter.
#[derive(Debug, Default)]
pub(crate) struct Word {
    /// That it holds, once or more often.
    holds: AtomicBool,
    /// That it does not, ever: that is final.
    fails: AtomicBool,
}

impl Source {
    /// What came of the statements, in which nothing is written. They travel together.
    pub(crate) async fn fetch(
        &self,
        statements: &[Statement],
        pace: Pace,
    ) -> Result<Vec<Done>, StoreError> {
        let line = match self {
            Self::Own(line) => line,
            Self::Writing(writing) => writing.line().await?,
            Self::Shared(shared) => {
                if pace == Pace::Quick
                    && let Some(came) = shared.fetch(statements).await?
                {
                    return Ok(came);
                }
                shared.own().await?
            }
        };
        let mut fetched = Vec::with_capacity(statements.len());
        for statement in statements {
            fetched.push(line.fetch_done(statement));
        }
        try_join_all(fetched).await
    }

    /// Waits until PostgreSQL has confirmed who was presumed to enter, where somebody was.
    pub(crate) async fn confirm(&self) -> Result<(), StoreError> {
        match self {
            Self::Own(line) => line.confirm().await,
            Self::Writing(writing) => writing.line().await?.confirm().await,
            Self::Shared(shared) => shared.confirm().await,
        }
    }

    /// Ends the transaction, without waiting for it.
    pub(crate) fn leave(&self) {
        match self {
            Self::Own(line) => line.leave(),
            Self::Writing(writing) => {
                if let Some(line) = writing.open_line() {
                    line.leave();
                }
            }
            Self::Shared(shared) => {
                if let Some(line) = shared.own.get() {
                    line.leave();
                }
            }
        }
    }
}

impl Shared {
    /// `None` where one of them took longer than a lane waits.
    async fn fetch(&self, statements: &[Statement]) -> Result<Option<Vec<Done>>, StoreError> {
        let came = self.lane.fly(&self.entering, statements).await;
        let mut came = came.unwrap_or_else(|fault| vec![Err(fault)]).into_iter();
        match came.next() {
            Some(Ok(entered)) if (self.holds)(&entered) => {}
            Some(Err(fault)) if fault.is_cut_off() => return Ok(None),
            _ => {
                self.word.fails.store(true, Ordering::Relaxed);
                return Err(StoreError::Rebutted);
            }
        }
        self.word.holds.store(true, Ordering::Relaxed);
        match came.collect::<Result<_, Fault>>() {
            Ok(came) => Ok(Some(came)),
            Err(fault) if fault.is_cut_off() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn confirm(&self) -> Result<(), StoreError> {
        if let Some(line) = self.own.get() {
            line.confirm().await?;
            self.word.holds.store(true, Ordering::Relaxed);
        }
        if self.word.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Rebutted);
        }
        if self.word.holds.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.fetch(&[]).await.map(drop)
    }

    async fn own(&self) -> Result<&Arc<Line>, StoreError> {
        let opened = self.own.get_or_try_init(|| async {
            let (entering, holds) = (self.entering.clone(), Arc::clone(&self.holds));
            let lines = &self.database.inner().lines;
            let line = Line::presume(lines, entering, move |done| holds(done)).await?;
            Ok(Arc::new(line))
        });
        opened.await
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
