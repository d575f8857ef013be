//! Counting in Redis, for all replicas.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use countersign_entities::Clock;
use redis::{Script, aio::ConnectionManager};

use super::{Key, Taken, WINDOW_SECONDS};
use crate::replicas::{Link, RedisAddress, RedisFault};

/// For how long nobody asks it again that did not answer; after that one request does, and waits for a Redis that
/// hangs, not all. Longer than it is waited for.
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
    link: Link,
    clock: Arc<dyn Clock>,
    script: Script,
    /// Until when it is not asked, because it did not answer.
    paused: Mutex<Option<Instant>>,
}

impl Redis {
    pub(super) fn new(
        address: RedisAddress<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisFault> {
        Ok(Self {
            link: Link::new(address.client()?),
            clock,
            script: Script::new(GCRA),
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
        if !self.may_ask() {
            return None;
        }
        let (taken, cause) = match self.ask(key, cost, quota).await {
            Ok(taken) => (Some(taken), None),
            Err(cause) => (None, Some(cause)),
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

    /// Whoever finds the pause over sets it anew before asking, and so asks alone.
    fn may_ask(&self) -> bool {
        let mut paused = self.paused();
        let now = Instant::now();
        let may_ask = paused.is_none_or(|until| now >= until);
        if may_ask && paused.is_some() {
            *paused = Some(now + PAUSE);
        }
        may_ask
    }

    async fn ask(&self, key: &Key, cost: NonZeroU32, quota: NonZeroU32) -> Result<Taken, String> {
        let mut asked = self
            .script
            .key(format!("countersign:{}:{}", key.policy.name(), key.who));
        asked
            .arg(self.clock.now().timestamp_micros())
            .arg(cost.get())
            .arg(quota.get())
            .arg(u64::from(WINDOW_SECONDS).saturating_mul(1_000_000));
        let ask = |mut connection: ConnectionManager| async move {
            asked.invoke_async(&mut connection).await
        };
        let (remaining, wait): (u32, u64) = self.link.ask(ask).await?;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use countersign_entities::SystemClock;
    use futures::future::join_all;
    use secrecy::SecretString;
    use tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::rate_limit::Policy;

    const GOOD: &[u8] = b"*2\r\n:3\r\n:0\r\n";
    const READ_ONLY: &[u8] = b"-READONLY You can't write against a read only replica.\r\n";
    const WRONG_PASSWORD: &[u8] = b"-WRONGPASS invalid username-password pair\r\n";

    /// How a connection is answered: its password, and what is asked.
    type Mood = (&'static [u8], &'static [u8]);

    /// A Redis that is in another mood on each connection; in none of them it never answers.
    async fn redis(mood: fn(usize) -> Option<Mood>) -> Redis {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://:x@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let connections = AtomicUsize::new(0);
            while let Ok((stream, _)) = listener.accept().await {
                let mood = mood(connections.fetch_add(1, Ordering::Relaxed));
                tokio::spawn(answer(stream, mood));
            }
        });
        let address = RedisAddress {
            url: &SecretString::from(url),
            authority: None,
        };
        Redis::new(address, Arc::new(SystemClock)).unwrap()
    }

    async fn answer(stream: TcpStream, mood: Option<Mood>) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let parts = number(&mut stream).await?;
            let mut words = Vec::new();
            for _ in 0..parts {
                let mut word = vec![0; number(&mut stream).await? + 2];
                stream.read_exact(&mut word).await.ok()?;
                words.push(word);
            }
            let answer = match (words[0].trim_ascii(), mood) {
                (_, None) => continue,
                (b"AUTH", Some((password, _))) => password,
                (b"EVALSHA", Some((_, asked))) => asked,
                _ => b"+OK\r\n",
            };
            stream.write_all(answer).await.ok()?;
        }
    }

    /// That of a line like `*3` or `$7`.
    async fn number(stream: &mut BufReader<TcpStream>) -> Option<usize> {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        line.trim_end().get(1..)?.parse().ok()
    }

    async fn take(redis: &Redis) -> Option<Taken> {
        let key = Key {
            policy: Policy::Public,
            who: "somebody".to_owned(),
        };
        redis.take(&key, NonZeroU32::MIN, NonZeroU32::MIN).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_asked_on_another_connection_after_any_fault() {
        let replica = |n| Some((b"+OK\r\n".as_slice(), if n == 0 { READ_ONLY } else { GOOD }));
        // Making a connection is tried twice.
        let stranger = |n| Some((if n < 2 { WRONG_PASSWORD } else { b"+OK\r\n" }, GOOD));
        let silent = |n| (n > 0).then_some((b"+OK\r\n".as_slice(), GOOD));
        for (case, redis) in [
            ("a replica", redis(replica).await),
            ("a refused password", redis(stranger).await),
            ("silence", redis(silent).await),
        ] {
            assert!(take(&redis).await.is_none() && !redis.is_there(), "{case}");
            tokio::time::sleep(PAUSE).await;
            let taken = take(&redis).await.map(|taken| taken.remaining);
            assert_eq!((taken, redis.is_there()), (Some(3), true), "{case}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_pause_one_request_waits_and_not_all() {
        let redis = redis(|_| None).await;
        assert!(take(&redis).await.is_none());
        tokio::time::sleep(PAUSE).await;
        let takes = (0..50).map(async |_| {
            let asked = Instant::now();
            assert!(take(&redis).await.is_none());
            asked.elapsed() > Duration::from_millis(400)
        });
        let waited = join_all(takes).await.into_iter().filter(|waited| *waited);
        assert_eq!(waited.count(), 1);
    }
}
