//! Connections that requests share. What a request asks for at a time travels as a transaction of
//! its own: sent whole, behind those of others, and never waited for in between. So a few server
//! processes of PostgreSQL serve many requests, and hardly ever sleep while there is work.
//!
//! A lane carries only what is quick, because whoever is sent later waits for it: what turns out to be
//! slow is cut off.

mod carrier;
mod fault;
mod messages;
mod open;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::Statement;

use self::{
    carrier::Traffic,
    messages::{Incoming, Ready, Reply},
};
pub(crate) use self::{fault::Fault, open::Opener};
use super::Done;

/// How many lanes each thread of the server has.
const PER_THREAD: usize = 1;
/// How long a statement may run on a lane.
pub(crate) const QUICK: Duration = Duration::from_millis(100);
/// How long a lane may bring nothing, while something is on its way, before others avoid it.
const HELD_UP: Duration = Duration::from_millis(20);

/// The lanes of every thread.
pub(crate) struct Lanes {
    opener: Opener,
    threads: Vec<Own>,
}

/// The lanes of one thread.
#[derive(Default)]
struct Own {
    open: Mutex<Vec<Arc<Lane>>>,
    is_opening: AtomicBool,
}

impl Lanes {
    pub(crate) fn new(opener: Opener) -> Self {
        let threads = super::connect::threads();
        Self {
            opener,
            threads: (0..threads).map(|_| Own::default()).collect(),
        }
    }

    /// The lane of this thread that has the least to bring. `None` where each is held up by something
    /// slow, or is being opened, or none can be.
    pub(crate) async fn get(&self) -> Option<Arc<Lane>> {
        let own = self
            .threads
            .get(super::connect::thread(self.threads.len()))?;
        let (quietest, open) = {
            let mut lanes = own.open.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.retain(|lane| lane.traffic.is_open());
            let free = lanes.iter().filter(|lane| !lane.is_held_up());
            let quietest = free.min_by_key(|lane| lane.traffic.on_the_way());
            (quietest.map(Arc::clone), lanes.len())
        };
        if open >= PER_THREAD || own.is_opening.swap(true, Ordering::Relaxed) {
            return quietest;
        }
        let _opening = Opening(&own.is_opening);
        let Ok(transport) = self.opener.open().await else {
            return quietest;
        };
        let lane = Arc::new(Lane {
            traffic: Traffic::new(transport),
            prepared: Mutex::default(),
        });
        let mut lanes = own.open.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(Arc::clone(&lane));
        Some(lane)
    }

    /// How many connections are open, and how many of them bring nothing.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let lanes = self.threads.iter().flat_map(|own| {
            let own = own.open.lock().unwrap_or_else(PoisonError::into_inner);
            own.clone()
        });
        let open = lanes.filter(|lane| lane.traffic.is_open());
        open.fold((0, 0), |(open, idle), lane| {
            let idle_too = usize::from(lane.traffic.on_the_way() == 0);
            (open.saturating_add(1), idle.saturating_add(idle_too))
        })
    }

    /// Closes them, as what is on its way has come.
    pub(crate) fn close(&self) {
        for own in &self.threads {
            let mut lanes = own.open.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.clear();
        }
    }
}

/// That a lane is being opened, until this is dropped.
struct Opening<'a>(&'a AtomicBool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A shared connection.
pub(crate) struct Lane {
    traffic: Arc<Traffic>,
    /// What the connection has prepared, by its text.
    prepared: Mutex<HashMap<String, Arc<Ready>>>,
}

impl Lane {
    fn is_held_up(&self) -> bool {
        self.traffic.stands_for() > HELD_UP
    }

    /// Sends the statements as one transaction, in which nothing is written, and returns what came of
    /// each. Where one fails, so do those after it.
    pub(crate) async fn fly(
        &self,
        first: &Statement,
        others: &[Statement],
    ) -> Result<Vec<Result<Done, Fault>>, Fault> {
        let statements = || std::iter::once(first).chain(others);
        let mut ready = Vec::with_capacity(others.len().saturating_add(1));
        for statement in statements() {
            ready.push(self.ready(&statement.sql).await?);
        }
        let incoming = Incoming::answers(ready.iter().map(AsRef::as_ref));
        let came = self.traffic.send(incoming, |out| {
            for (ready, statement) in ready.iter().zip(statements()) {
                messages::run(ready, statement, out)?;
            }
            messages::end(out);
            Ok(())
        });
        match came.await? {
            Reply::Ran(came) => Ok(came),
            Reply::Prepared(_) => Err(Fault::Unfit("it was prepared only".to_owned())),
        }
    }

    /// The statement of that text, prepared where it is not yet.
    async fn ready(&self, sql: &str) -> Result<Arc<Ready>, Fault> {
        let name = {
            let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(ready) = prepared.get(sql) {
                return Ok(Arc::clone(ready));
            }
            // Two that prepare the same at a time do so under two names.
            format!("s{}", self.traffic.name())
        };
        let incoming = Incoming::preparation(name.clone());
        let prepared = self
            .traffic
            .send(incoming, |out| messages::prepare(&name, sql, out));
        let Reply::Prepared(ready) = prepared.await? else {
            return Err(Fault::Unfit("it was not prepared".to_owned()));
        };
        let ready = Arc::new(ready);
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(sql.to_owned(), Arc::clone(&ready));
        Ok(ready)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.traffic.leave();
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}
