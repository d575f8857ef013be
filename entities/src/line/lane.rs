//! Connections that requests share. What a request asks for at a time travels as a transaction of
//! its own: sent whole, behind those of others, and never waited for in between. So a few server
//! processes of PostgreSQL serve many requests, and hardly ever sleep while there is work.
//!
//! A lane carries only what is quick, because whoever is sent later waits for it: what turns out to be
//! slow is cut off.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::Object;
use futures::{FutureExt, future::join_all};
use sea_orm::Statement;

use super::{COMMIT, Done, Lines, run};
use crate::error::StoreError;

/// How many lanes each thread of the server has.
const PER_THREAD: usize = 1;
/// How long a statement may run on a lane.
pub(crate) const QUICK: Duration = Duration::from_millis(100);
/// How long a lane may bring nothing, while something is on its way, before others avoid it.
const HELD_UP: Duration = Duration::from_millis(20);

/// The lanes of every thread.
pub(crate) struct Lanes {
    lines: Lines,
    threads: Vec<Mutex<Vec<Arc<Lane>>>>,
}

impl Lanes {
    /// `lines` are the lanes' own connections.
    pub(crate) fn new(
        lines: impl FnOnce(u32) -> Result<Lines, StoreError>,
    ) -> Result<Self, StoreError> {
        let threads = super::connect::threads();
        let max = u32::try_from(threads.saturating_mul(PER_THREAD)).unwrap_or(u32::MAX);
        Ok(Self {
            lines: lines(max)?,
            threads: (0..threads).map(|_| Mutex::default()).collect(),
        })
    }

    /// The lane of this thread that has the least to bring. `None` where each is held up by something
    /// slow, or none can be opened.
    pub(crate) async fn get(&self) -> Option<Arc<Lane>> {
        let own = self
            .threads
            .get(super::connect::thread(self.threads.len()))?;
        let (quietest, open) = {
            let mut lanes = own.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.retain(|lane| !lane.client.is_closed());
            let free = lanes.iter().filter(|lane| !lane.is_held_up());
            let quietest = free.min_by_key(|lane| lane.on_the_way.load(Ordering::Relaxed));
            (quietest.map(Arc::clone), lanes.len())
        };
        if open >= PER_THREAD || quietest.as_ref().is_some_and(|lane| lane.is_idle()) {
            return quietest;
        }
        let Ok(client) = self.lines.at_once().await else {
            return quietest;
        };
        let lane = Arc::new(Lane::new(client));
        let mut lanes = own.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(Arc::clone(&lane));
        Some(lane)
    }

    /// How many connections are open, and how many of them bring nothing.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let lanes = self.threads.iter().flat_map(|own| {
            let own = own.lock().unwrap_or_else(PoisonError::into_inner);
            own.clone()
        });
        lanes.fold((0, 0), |(open, idle), lane| {
            let idle_too = usize::from(lane.is_idle());
            (open.saturating_add(1), idle.saturating_add(idle_too))
        })
    }

    /// Closes them, as what is on its way has come.
    pub(crate) fn close(&self) {
        for own in &self.threads {
            own.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.lines.close();
    }
}

/// A shared connection.
pub(crate) struct Lane {
    client: Object,
    /// How many transactions have not come back.
    on_the_way: AtomicUsize,
    /// When it brought something last, or was idle.
    moved: Mutex<Instant>,
    /// Held while a transaction is sent: what is sent within another's is part of that.
    turn: Mutex<()>,
}

impl Lane {
    fn new(client: Object) -> Self {
        Self {
            client,
            on_the_way: AtomicUsize::new(0),
            moved: Mutex::new(Instant::now()),
            turn: Mutex::default(),
        }
    }

    fn is_idle(&self) -> bool {
        self.on_the_way.load(Ordering::Relaxed) == 0
    }

    fn is_held_up(&self) -> bool {
        let moved = *self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        !self.is_idle() && moved.elapsed() > HELD_UP
    }

    fn moves(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Sends the statements as one transaction, in which nothing is written, and returns what came of
    /// each. Where one fails, so do those after it.
    ///
    /// For prepared statements only.
    pub(crate) async fn fly(
        &self,
        first: &Statement,
        others: &[Statement],
    ) -> Vec<Result<Done, tokio_postgres::Error>> {
        // Before anything is sent: what is not prepared yet would be overtaken.
        let mut ready = Vec::with_capacity(others.len().saturating_add(1));
        for statement in std::iter::once(first).chain(others) {
            match self.client.prepare_cached(&statement.sql).await {
                Ok(prepared) => ready.push((statement, prepared)),
                Err(error) => return vec![Err(error)],
            }
        }
        let _on_its_way = OnItsWay::new(self);
        let mut begun = pin!(self.client.batch_execute("BEGIN").fuse());
        let mut asked = Vec::with_capacity(ready.len());
        for (statement, prepared) in &ready {
            asked.push(run(&self.client, prepared, statement));
        }
        let mut asked = pin!(join_all(asked));
        let mut ended = pin!(self.client.batch_execute(COMMIT).fuse());
        let mut is_sent = false;
        poll_fn(|context| {
            if is_sent {
                return asked.as_mut().poll(context);
            }
            // A statement is sent when it is first polled.
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            is_sent = true;
            let _ = begun.as_mut().poll(context);
            let polled = asked.as_mut().poll(context);
            // Nobody waits for the end of what was only read.
            let _ = ended.as_mut().poll(context);
            polled
        })
        .await
    }
}

/// That a transaction has not come back.
struct OnItsWay<'a>(&'a Lane);

impl<'a> OnItsWay<'a> {
    fn new(lane: &'a Lane) -> Self {
        if lane.is_idle() {
            lane.moves();
        }
        lane.on_the_way.fetch_add(1, Ordering::Relaxed);
        Self(lane)
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.moves();
        self.0.on_the_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}
