//! Counting in Redis, for all replicas.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use countersign_entities::Clock;
use redis::{Client, RedisError, Script, aio::ConnectionManager};
use tokio::sync::OnceCell;

use super::{Key, Taken, WINDOW_SECONDS};
use crate::replicas::{self, PATIENCE, RedisAddress, RedisFault};

/// For how long nobody asks it again then: one request waits for a Redis that hangs, not all.
const PAUSE: Duration = Duration::from_secs(1);

/// GCRA in one step: the theoretical arrival time of the next unit is the only state. Times are
/// microseconds by the caller's clock. Gives what remains, and the wait where it is refused.
const GCRA: &str = r"
local arrival = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local now, cost, quota, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local interval = window / quota
if arrival < now then arrival = now end
local after = arrival + cost * interval
local wait = after - window - now
if wait > 0 then
  return {math.max(0, math.floor((now + window - arrival) / interval)), math.ceil(wait)}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1)
return {math.floor((now + window - after) / interval), 0}
";

pub(super) struct Redis {
    client: Client,
    clock: Arc<dyn Clock>,
    script: Script,
    connection: OnceCell<ConnectionManager>,
    /// Until when it is not asked, because it did not answer.
    paused: Mutex<Option<Instant>>,
}

impl Redis {
    pub(super) fn new(
        address: RedisAddress<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisFault> {
        Ok(Self {
            client: address.client()?,
            clock,
            script: Script::new(GCRA),
            connection: OnceCell::new(),
            paused: Mutex::new(None),
        })
    }

    /// Whether it answered when it was asked last.
    pub(super) fn is_there(&self) -> bool {
        self.paused().is_none()
    }

    /// `None` where Redis does not answer.
    pub(super) async fn take(
        &self,
        key: &Key,
        cost: NonZeroU32,
        quota: NonZeroU32,
    ) -> Option<Taken> {
        if self.paused().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.ask(key, cost, quota)).await;
        let (taken, cause) = match asked {
            Ok(Ok(taken)) => (Some(taken), None),
            Ok(Err(error)) => (None, Some(error.category().to_owned())),
            Err(_) => (None, Some("no answer in time".to_owned())),
        };
        let pause = cause.is_some().then(|| Instant::now() + PAUSE);
        let was_away = std::mem::replace(&mut *self.paused(), pause).is_some();
        match cause {
            Some(cause) if !was_away => {
                tracing::warn!(%cause, "redis is away: each replica counts for itself");
            }
            None if was_away => tracing::info!("redis is back: replicas count together"),
            Some(_) | None => {}
        }
        taken
    }

    fn paused(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        key: &Key,
        cost: NonZeroU32,
        quota: NonZeroU32,
    ) -> Result<Taken, RedisError> {
        let connect = || async { replicas::connection(&self.client) };
        let mut connection = self.connection.get_or_try_init(connect).await?.clone();
        let (remaining, wait): (u32, u64) = self
            .script
            .key(format!("countersign:{}:{}", key.policy.name(), key.who))
            .arg(self.clock.now().timestamp_micros())
            .arg(cost.get())
            .arg(quota.get())
            .arg(u64::from(WINDOW_SECONDS).saturating_mul(1_000_000))
            .invoke_async(&mut connection)
            .await?;
        Ok(Taken {
            remaining,
            wait_ms: (wait > 0).then(|| wait.div_ceil(1000)),
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}
