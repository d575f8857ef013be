//! Counting in this process.

use std::{fmt, num::NonZeroU32, sync::Arc};

use governor::{
    Quota, RateLimiter, clock::Clock as GovernorClock, middleware::StateInformationMiddleware,
    nanos::Nanos, state::keyed::DashMapStateStore,
};

use super::{Key, Policy, Quotas, Taken, onward::Onward};

/// How many counts there are between two clean-ups.
const CLEAN_EVERY: usize = 100_000;

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, OnClock, StateInformationMiddleware>;

pub(super) struct Memory {
    limiters: [(Policy, Limiter); 5],
}

impl Memory {
    pub(super) fn new(quotas: &Quotas, clock: &Arc<Onward>) -> Self {
        let limiter = |policy| {
            let quota = Quota::per_minute(quotas.of(policy));
            let limiter = RateLimiter::dashmap_with_clock(quota, OnClock(Arc::clone(clock)));
            (policy, limiter.with_middleware())
        };
        Self {
            limiters: Policy::ALL.map(limiter),
        }
    }

    pub(super) fn take(&self, key: &Key, cost: NonZeroU32) -> Taken {
        let found = self.limiters.iter().find(|(of, _)| *of == key.policy);
        let Some((_, limiter)) = found else {
            return Taken {
                remaining: 0,
                wait_ms: None,
            };
        };
        if limiter.len() > CLEAN_EVERY {
            limiter.retain_recent();
        }
        match limiter.check_key_n(key, cost) {
            Ok(Ok(state)) => Taken {
                remaining: state.remaining_burst_capacity(),
                wait_ms: None,
            },
            Ok(Err(not_until)) => {
                let now = limiter.clock().now();
                let wait = not_until.wait_time_from(now).as_millis();
                Taken {
                    remaining: 0,
                    wait_ms: Some(u64::try_from(wait).unwrap_or(u64::MAX)),
                }
            }
            // More than the whole quota: the caller has seen to that.
            Err(_) => Taken {
                remaining: 0,
                wait_ms: Some(60_000),
            },
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// Time as governor reads it.
#[derive(Debug, Clone)]
struct OnClock(Arc<Onward>);

impl GovernorClock for OnClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.now())
    }
}
