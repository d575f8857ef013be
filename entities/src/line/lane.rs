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
mod prepared;

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{DbBackend, Statement};

use self::{
    carrier::Traffic,
    messages::{Incoming, Ready, Reply},
    prepared::Prepared,
};
pub(crate) use self::{fault::Fault, open::Opener};
use super::{Done, fetched};

/// How long a statement may run on a lane.
pub(crate) const QUICK: Duration = Duration::from_millis(100);
/// How long a lane may bring nothing, while something is on its way, before others avoid it.
const HELD_UP: Duration = Duration::from_millis(20);

/// A lane for each thread of the server. More of them share the processor's caches less.
pub(crate) struct Lanes {
    opener: Opener,
    threads: Vec<Own>,
}

/// A thread's lane.
#[derive(Default)]
struct Own(Mutex<Standing>);

#[derive(Default)]
enum Standing {
    #[default]
    None,
    Opening,
    Open(Arc<Lane>),
    /// None is opened any more.
    Closed,
}

impl Own {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    pub(crate) fn new(opener: Opener) -> Self {
        let threads = super::connect::threads();
        Self {
            opener,
            threads: (0..threads).map(|_| Own::default()).collect(),
        }
    }

    /// The lane of this thread. `None` where it is held up by something slow, or is being opened, or can
    /// not be.
    pub(crate) async fn get(&self) -> Option<Arc<Lane>> {
        let own = self
            .threads
            .get(super::connect::thread(self.threads.len()))?;
        match &mut *own.lock() {
            Standing::Open(lane) if lane.traffic.is_open() => {
                return (!lane.is_held_up()).then(|| Arc::clone(lane));
            }
            Standing::Opening | Standing::Closed => return None,
            standing @ (Standing::None | Standing::Open(_)) => *standing = Standing::Opening,
        }
        let opening = Opening(own);
        let transport = self.opener.open().await.ok()?;
        let mut lane = Lane {
            traffic: Traffic::new(transport, self.opener.vigil.clone()),
            prepared: Mutex::default(),
            server: String::new(),
        };
        lane.server = lane.ask_server().await?;
        opening.opened(lane)
    }

    /// The most connections.
    pub(crate) fn max(&self) -> usize {
        self.threads.len()
    }

    /// How many connections are open, and how many of them bring nothing.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let mut counts: (usize, usize) = (0, 0);
        for own in &self.threads {
            if let Standing::Open(lane) = &*own.lock()
                && lane.traffic.is_open()
            {
                let idle = usize::from(lane.traffic.on_the_way() == 0);
                counts = (counts.0.saturating_add(1), counts.1.saturating_add(idle));
            }
        }
        counts
    }

    /// Closes them, as what is on its way has come, for good.
    pub(crate) fn close(&self) {
        for own in &self.threads {
            let before = mem::replace(&mut *own.lock(), Standing::Closed);
            drop(before);
        }
    }
}

/// That a lane is being opened, until this is dropped.
struct Opening<'a>(&'a Own);

impl Opening<'_> {
    /// `None` where lanes were closed meanwhile.
    fn opened(self, lane: Lane) -> Option<Arc<Lane>> {
        let mut standing = self.0.lock();
        if !matches!(*standing, Standing::Opening) {
            return None;
        }
        let lane = Arc::new(lane);
        *standing = Standing::Open(Arc::clone(&lane));
        Some(lane)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut standing = self.0.lock();
        if matches!(*standing, Standing::Opening) {
            *standing = Standing::None;
        }
    }
}

/// A shared connection.
pub(crate) struct Lane {
    traffic: Arc<Traffic>,
    /// What the connection has prepared.
    prepared: Mutex<Prepared>,
    /// Which server it is that answers.
    server: String,
}

/// No two servers were started at the same microsecond and address. One that has crashed and recovered is
/// the same one.
const SERVER: &str = "SELECT concat_ws(' ', pg_postmaster_start_time(), inet_server_addr(), \
     inet_server_port()) AS server";

fetched! {
    struct Server {
        server: String,
    }
}

impl Lane {
    /// Whether its session has not ended, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.traffic.is_open()
    }

    /// Whether both are sessions of one server: behind one address there may be several, one after the
    /// other.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.server == other.server
    }

    async fn ask_server(&self) -> Option<String> {
        let ask = Statement::from_string(DbBackend::Postgres, SERVER);
        let came = self.fly(&ask, &[]).await.ok()?.into_iter().next()?;
        let told: Vec<Server> = came.ok()?.rows().ok()?;
        told.into_iter().next().map(|told| told.server)
    }

    fn is_held_up(&self) -> bool {
        self.traffic.stands_for() > HELD_UP
    }

    /// Sends the statements as one transaction, and returns what came of each. Where one fails, so do those
    /// after it, and nothing that any of them wrote is kept.
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
        if let Some(ready) = self.prepared().get(sql) {
            return Ok(ready);
        }
        // Two that prepare the same at a time do so under two names.
        let name = self.traffic.name();
        let text = name.text.clone();
        let incoming = Incoming::preparation(name);
        let prepared = self
            .traffic
            .send(incoming, |out| messages::prepare(&text, sql, out));
        let Reply::Prepared(ready) = prepared.await? else {
            return Err(Fault::Unfit("it was not prepared".to_owned()));
        };
        let ready = Arc::new(ready);
        self.prepared().keep(sql, Arc::clone(&ready));
        Ok(ready)
    }

    fn prepared(&self) -> MutexGuard<'_, Prepared> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
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

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes")
    }
}
