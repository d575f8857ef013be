//! Connections whose server has gone without a word: its host vanished, or what lies between forgot them.
//! Nothing tells so. What is written is taken, and nothing ever comes.
//!
//! What is asked for comes within the time that it may take, or never. Whoever waits for longer gives the
//! connection up, and with it all that are idle: they are as dead, and each would be waited for in its turn.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};

/// How often is looked.
const BREATH: Duration = Duration::from_millis(500);
/// How long nothing may come where another connection was given up meanwhile.
const SUSPECT: Duration = Duration::from_secs(2);

/// All connections of one database.
#[derive(Default)]
pub(crate) struct Peers {
    /// How often one was given up.
    given_up: AtomicU64,
    close_idle: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl Peers {
    /// Adds what closes the connections of a pool that nobody uses.
    pub(crate) fn add(&self, close_idle: impl Fn() + Send + Sync + 'static) {
        let mut all = self
            .close_idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(Box::new(close_idle));
    }

    fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    fn give_up(&self) {
        tracing::warn!("a connection is given up: the database does not answer");
        self.given_up.fetch_add(1, Ordering::Relaxed);
        let all = self
            .close_idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|close_idle| close_idle());
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peers")
    }
}

/// How long a connection's answers are waited for.
#[derive(Debug, Clone)]
pub(crate) struct Vigil {
    /// Whoever waits keeps nobody's pools.
    peers: Weak<Peers>,
    limit: Duration,
}

impl Vigil {
    /// Gives up after `limit`, or sooner where one of the `peers` was given up meanwhile.
    pub(crate) fn new(peers: &Arc<Peers>, limit: Duration) -> Self {
        let peers = Arc::downgrade(peers);
        Self { peers, limit }
    }

    fn given_up(&self) -> u64 {
        self.peers.upgrade().map_or(0, |peers| peers.given_up())
    }

    /// The same with another limit.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        let peers = Weak::clone(&self.peers);
        Self { peers, limit }
    }

    /// Adds what closes the connections of a pool that nobody uses.
    pub(super) fn add(&self, close_idle: impl Fn() + Send + Sync + 'static) {
        if let Some(peers) = self.peers.upgrade() {
            peers.add(close_idle);
        }
    }

    /// How long so many looks are.
    pub(super) fn breaths(looks: u32) -> Duration {
        BREATH.saturating_mul(looks)
    }

    /// Its limit.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Waits for an answer. `None` where none came: the connection is of no more use.
    pub(crate) async fn keep<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let (breath, before) = (BREATH.min(self.limit), self.given_up());
        let (mut answer, mut silent) = (pin!(answer), Duration::ZERO);
        loop {
            if let Ok(answer) = timeout(breath, answer.as_mut()).await {
                return Some(answer);
            }
            silent = silent.saturating_add(breath);
            if self.is_over(silent, before) {
                return None;
            }
        }
    }

    /// Watches a connection, of which `silence` tells for how long nothing has come that was asked for; `None`
    /// when it is closed. Returns whether it is to be given up.
    pub(crate) async fn watch(&self, silence: impl Fn() -> Option<Duration>) -> bool {
        let mut before = self.given_up();
        loop {
            sleep(BREATH).await;
            let Some(silent) = silence() else {
                return false;
            };
            if silent < BREATH {
                before = self.given_up();
            } else if self.is_over(silent, before) {
                return true;
            }
        }
    }

    /// Whether nothing has come for too long. `before` is how many were given up when it began.
    fn is_over(&self, silent: Duration, before: u64) -> bool {
        if silent >= self.limit {
            if let Some(peers) = self.peers.upgrade() {
                peers.give_up();
            }
            return true;
        }
        silent >= SUSPECT && self.given_up() != before
    }
}
