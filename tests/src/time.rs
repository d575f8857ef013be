//! Clock and ids that a test owns.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{Clock, Ids};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// A clock that stands at an instant.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids that count up, and bytes that follow from a seed: never for anything but tests.
#[derive(Debug)]
pub struct TestIds {
    seed: u64,
    next: AtomicU64,
}

impl TestIds {
    /// Ids of a seed.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(1),
        }
    }
}

impl Ids for TestIds {
    fn uuid(&self) -> Uuid {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        // Version 7 and variant bits in place, the counter where the time stands: they sort.
        let high = (n << 16) | 0x7000;
        let low = 0x8000_0000_0000_0000 | (self.seed & 0x3fff_ffff_ffff_ffff);
        Uuid::from_u64_pair(high, low)
    }

    fn random32(&self) -> [u8; 32] {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut digest = Sha256::new();
        digest.update(self.seed.to_be_bytes());
        digest.update(n.to_be_bytes());
        digest.finalize().into()
    }
}
