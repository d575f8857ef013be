//! Time, identifiers and randomness, as arguments. The lawful place for the real ones.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Makes identifiers and secrets.
pub trait Ids: Debug + Send + Sync {
    /// A new UUIDv7 (RFC 9562), which sorts by the time of its making.
    fn uuid(&self) -> Uuid;

    /// 32 bytes of a cryptographic generator.
    fn random32(&self) -> [u8; 32];
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one lawful place to read the wall clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Identifiers by the machine's clock, randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one lawful place to make identifiers"
    )]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn random32(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if getrandom::fill(&mut bytes).is_err() {
            // Every secret would be a guess from here on: no answer is better than that one.
            std::process::abort();
        }
        bytes
    }
}
