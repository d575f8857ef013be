//! Rate limits (NET-3): by address for sign-in and refused credentials, by principal for GraphQL, by its
//! cost, and for exports.
//!
//! The algorithm is GCRA, a leaky bucket: a quota of N a minute lets N through at once, and then
//! one every sixtieth of a minute over N. With Redis all replicas share the count. While Redis is
//! away each replica counts for itself, so that the limit is looser and never off; without Redis
//! that is how it always is.

mod memory;
mod onward;
mod redis;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use countersign_entities::{Clock, RequestContext};
use memory::Memory;
use moka::sync::Cache;
use onward::Onward;
use redis::Redis;

use crate::replicas::{RedisAddress, RedisFault};

/// Seconds of the window that quotas are told by.
pub const WINDOW_SECONDS: u32 = 60;

/// How many that wait are remembered.
const WAITING_MAX: u64 = 100_000;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Sign-ins that are begun or finished, by address.
    SignIn,
    /// Credentials that are refused, by address.
    Refused,
    /// Requests to the other public endpoints, by address.
    Public,
    /// Cost of GraphQL, by principal.
    Cost,
    /// Exports that are begun, by principal.
    Export,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 5] = [
        Self::SignIn,
        Self::Refused,
        Self::Public,
        Self::Cost,
        Self::Export,
    ];

    /// The name in the `RateLimit` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Refused => "refused",
            Self::Public => "public",
            Self::Cost => "cost",
            Self::Export => "export",
        }
    }
}

/// How much of each is let through in a minute.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// Sign-ins by address.
    pub sign_in: NonZeroU32,
    /// Refused credentials by address.
    pub refused: NonZeroU32,
    /// Requests to other public endpoints by address.
    pub public: NonZeroU32,
    /// Cost of GraphQL by principal.
    pub cost: NonZeroU32,
    /// Exports by principal.
    pub export: NonZeroU32,
}

impl Quotas {
    const fn of(&self, policy: Policy) -> NonZeroU32 {
        match policy {
            Policy::SignIn => self.sign_in,
            Policy::Refused => self.refused,
            Policy::Public => self.public,
            Policy::Cost => self.cost,
            Policy::Export => self.export,
        }
    }
}

/// Where somebody stands with a quota (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The policy.
    pub policy: Policy,
    /// How much a window lets through.
    pub quota: u32,
    /// How much is left now.
    pub remaining: u32,
    /// Where it is refused: seconds after which it would be let through.
    pub retry_after: Option<u32>,
}

/// Whose count it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    policy: Policy,
    who: String,
}

impl Key {
    fn of(policy: Policy, source: Option<IpAddr>) -> Self {
        let who = source.map_or_else(|| "unknown".to_owned(), network);
        Self { policy, who }
    }

    fn of_principal(policy: Policy, context: &RequestContext) -> Self {
        let who = format!("{}/{}", context.tenant(), context.actor().id());
        Self { policy, who }
    }
}

/// What one count says.
#[derive(Debug, Clone, Copy)]
struct Taken {
    remaining: u32,
    /// Milliseconds until it would be let through, where it is not now.
    wait_ms: Option<u64>,
}

/// Counts what is let through. One for the process.
#[derive(Debug)]
pub struct RateLimits {
    quotas: Quotas,
    memory: Memory,
    redis: Option<Redis>,
    time: Arc<Onward>,
    /// Until when those wait who were refused lately, in nanoseconds.
    waiting: Cache<Key, (u64, Standing)>,
}

impl RateLimits {
    /// Limits that are shared through Redis where it is named. Nothing is connected yet.
    pub fn new(
        quotas: Quotas,
        redis: Option<RedisAddress<'_>>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, RedisFault> {
        let time = Arc::new(Onward::new(clock));
        Ok(Self {
            quotas,
            memory: Memory::new(&quotas, &time),
            time,
            waiting: Cache::new(WAITING_MAX),
            redis: redis
                .map(|address| Redis::new(address, Arc::clone(clock)))
                .transpose()?,
        })
    }

    /// Takes one from the quota of an address. A request whose address is not known, as on a unix
    /// socket, is counted with all others of that kind.
    pub async fn by_address(&self, policy: Policy, source: Option<IpAddr>) -> Standing {
        self.take(Key::of(policy, source), NonZeroU32::MIN).await
    }

    /// Whether replicas count together now; `None` where they are not to.
    pub fn is_shared(&self) -> Option<bool> {
        self.redis.as_ref().map(Redis::is_there)
    }

    /// Where an address stands that has to wait; nothing is taken.
    pub fn waits(&self, policy: Policy, source: Option<IpAddr>) -> Option<Standing> {
        let (until, standing) = self.waiting.get(&Key::of(policy, source))?;
        (self.time.now() < until).then_some(standing)
    }

    /// Takes the cost of a request from its principal's quota.
    pub async fn by_principal(&self, context: &RequestContext, cost: u64) -> Standing {
        let policy = Policy::Cost;
        // No request costs more than the whole quota: it would never be let through.
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let cost = cost.clamp(1, self.quotas.of(policy).get());
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN);
        self.take(Key::of_principal(policy, context), cost).await
    }

    /// Takes one from the quota of exports of a principal.
    pub async fn export(&self, context: &RequestContext) -> Standing {
        let key = Key::of_principal(Policy::Export, context);
        self.take(key, NonZeroU32::MIN).await
    }

    async fn take(&self, key: Key, cost: NonZeroU32) -> Standing {
        let quota = self.quotas.of(key.policy);
        let shared = match &self.redis {
            Some(redis) => redis.take(&key, cost, quota).await,
            None => None,
        };
        let taken = shared.unwrap_or_else(|| self.memory.take(&key, cost));
        let standing = Standing {
            policy: key.policy,
            quota: quota.get(),
            remaining: taken.remaining,
            retry_after: taken.wait_ms.map(seconds),
        };
        if let Some(seconds) = standing.retry_after {
            let wait = Duration::from_secs(u64::from(seconds)).as_nanos();
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            let until = self.time.now().saturating_add(wait);
            self.waiting.insert(key, (until, standing));
        }
        standing
    }
}

/// Whole seconds, rounded up: a client that waits so long is let through.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1000).max(1)).unwrap_or(u32::MAX)
}

/// An IPv6 customer has a network of 2^64 addresses, and counts as one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::{DateTime, Utc};

    use super::*;

    /// Seconds since 1970, as somebody sets them.
    #[derive(Debug)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
        }
    }

    #[tokio::test]
    async fn nobody_waits_until_a_clock_that_was_set_back_is_where_it_was() {
        let set = Arc::new(Set(AtomicI64::new(1_790_000_000)));
        let clock: Arc<dyn Clock> = Arc::clone(&set) as Arc<dyn Clock>;
        let two = NonZeroU32::new(2).unwrap();
        let quotas = Quotas {
            sign_in: two,
            refused: two,
            public: two,
            cost: two,
            export: two,
        };
        let limits = RateLimits::new(quotas, None, &clock).unwrap();
        let take = async || limits.by_address(Policy::Refused, None).await.retry_after;
        let waits = || limits.waits(Policy::Refused, None).is_some();
        assert_eq!((take().await, take().await), (None, None));
        set.0.fetch_sub(3600, Ordering::Relaxed);
        assert_eq!((take().await, waits()), (Some(30), true), "as before");
        set.0.fetch_sub(3600, Ordering::Relaxed);
        assert!(waits());
        set.0.fetch_add(30, Ordering::Relaxed);
        assert_eq!((waits(), take().await), (false, None), "it goes on");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
