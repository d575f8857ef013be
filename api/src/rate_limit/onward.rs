//! Time that only goes on, by the product's own clock.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_entities::Clock;

/// How much time has passed, as far as the clock tells. Where that is set back, it goes on from there: counts of
/// before stay as they are, and nobody waits until the clock is where it was.
#[derive(Debug)]
pub(super) struct Onward {
    clock: Arc<dyn Clock>,
    read: Mutex<Read>,
}

#[derive(Debug)]
struct Read {
    /// What the clock said last: nanoseconds since 1970.
    last: i64,
    /// Nanoseconds that have passed.
    passed: u64,
}

impl Onward {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        let read = Read {
            last: nanos(clock),
            passed: 0,
        };
        Self {
            clock: Arc::clone(clock),
            read: Mutex::new(read),
        }
    }

    /// Nanoseconds since this was made, never fewer than before.
    pub(super) fn now(&self) -> u64 {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Read while nobody else does: what is read in another order would be taken for set back.
        let now = nanos(&self.clock);
        let passed = u64::try_from(now.saturating_sub(read.last)).unwrap_or_default();
        read.passed = read.passed.saturating_add(passed);
        read.last = now;
        read.passed
    }
}

fn nanos(clock: &Arc<dyn Clock>) -> i64 {
    clock.now().timestamp_nanos_opt().unwrap_or_default()
}
