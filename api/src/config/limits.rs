//! How much is let through.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

use super::read;
use crate::{rate_limit::Quotas, replicas::RedisAddress};

/// Rate limits, each for a minute, and how much may be under way at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Sign-ins that one address may begin or finish.
    pub sign_ins: NonZeroU32,
    /// Refused credentials after which an address waits.
    pub refused_credentials: NonZeroU32,
    /// Requests of one address to the other public endpoints.
    pub public_requests: NonZeroU32,
    /// Cost that one principal may ask of GraphQL.
    pub cost: NonZeroU32,
    /// Exports that one principal may begin.
    pub exports: NonZeroU32,
    /// Exports of one tenant that may be under way at once.
    pub exports_at_once: NonZeroU32,
    /// Exports of all tenants that may be under way at once in one process.
    pub exports_at_once_in_all: NonZeroU32,
    /// Subscriptions of one tenant that may be open at once.
    pub streams_at_once: NonZeroU32,
    /// Subscriptions of all tenants that may be open at once in one process.
    pub streams_at_once_in_all: NonZeroU32,
    /// Seconds after which an export ends whose reader has stopped reading. Any connection of such a reader is
    /// closed after half as many more.
    pub reader_seconds: NonZeroU32,
    /// Where replicas count together; without it each counts for itself.
    #[serde(default, deserialize_with = "read::optional_secret")]
    pub redis_url: Option<SecretString>,
    /// Certificates, in PEM, of the authorities that Redis may have its own from; without it those of
    /// the web.
    pub redis_authority: Option<PathBuf>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            sign_ins: const { NonZeroU32::new(60).expect("above 0") },
            refused_credentials: const { NonZeroU32::new(60).expect("above 0") },
            public_requests: const { NonZeroU32::new(1_200).expect("above 0") },
            cost: const { NonZeroU32::new(1_000_000).expect("above 0") },
            exports: const { NonZeroU32::new(10).expect("above 0") },
            exports_at_once: const { NonZeroU32::new(4).expect("above 0") },
            exports_at_once_in_all: const { NonZeroU32::new(16).expect("above 0") },
            streams_at_once: const { NonZeroU32::new(200).expect("above 0") },
            streams_at_once_in_all: const { NonZeroU32::new(1_000).expect("above 0") },
            reader_seconds: const { NonZeroU32::new(120).expect("above 0") },
            redis_url: None,
            redis_authority: None,
        }
    }
}

impl RateLimits {
    /// Where replicas count together, if they do.
    pub fn redis(&self) -> Option<RedisAddress<'_>> {
        let url = self.redis_url.as_ref()?;
        let authority = self.redis_authority.as_deref();
        Some(RedisAddress { url, authority })
    }

    /// How long an export waits for its reader.
    pub fn patience_with_readers(&self) -> Duration {
        Duration::from_secs(self.reader_seconds.get().into())
    }

    /// How long a connection does: longer, so that an export tells why it ended.
    pub fn patience_of_connections(&self) -> Duration {
        let patience = self.patience_with_readers();
        patience.saturating_add(patience / 2)
    }

    /// As the limits take them.
    pub const fn quotas(&self) -> Quotas {
        Quotas {
            sign_in: self.sign_ins,
            refused: self.refused_credentials,
            public: self.public_requests,
            cost: self.cost,
            export: self.exports,
        }
    }
}
