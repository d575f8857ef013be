//! The bytes of a row that are hashed.

use sha2::{Digest, Sha256};

use super::{Event, Hash};
use crate::id::TenantId;

/// How a row was turned into the bytes that were hashed. New rows are of [`Self::LATEST`]; what was
/// recorded before stays what it was, and verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Every part behind its length in eight bytes; neither the row's id nor the policies are in it.
    V1,
    /// What has a fixed width first, then every text behind its length in four bytes.
    V2,
}

impl Encoding {
    /// Of rows that are appended.
    pub const LATEST: Self = Self::V2;

    /// The number in the database.
    pub const fn number(self) -> i16 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The encoding of that number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }

    /// SHA-256 of a row.
    pub(super) fn hash(self, seq: i64, previous: &Hash, tenant: TenantId, event: &Event) -> Hash {
        match self {
            Self::V1 => first(seq, previous, tenant, event),
            Self::V2 => second(seq, previous, tenant, event),
        }
    }
}

/// Every part is written with its length before it, so that no two rows have one encoding.
fn first(seq: i64, previous: &Hash, tenant: TenantId, event: &Event) -> Hash {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    };
    part(b"countersign-audit-v1");
    part(&seq.to_be_bytes());
    part(previous);
    part(tenant.uuid().as_bytes());
    part(event.actor_kind.as_bytes());
    part(event.actor_id.as_bytes());
    part(event.action.as_bytes());
    part(event.permission.as_bytes());
    part(event.outcome.name().as_bytes());
    part(
        &u64::try_from(event.targets.len())
            .unwrap_or(u64::MAX)
            .to_be_bytes(),
    );
    for target in &event.targets {
        part(target.as_bytes());
    }
    part(event.request.uuid().as_bytes());
    part(&[u8::from(event.source.is_some())]);
    part(event.source.as_deref().unwrap_or_default().as_bytes());
    part(event.payload.as_bytes());
    part(&event.occurred_at.timestamp_micros().to_be_bytes());
    digest.finalize().into()
}

/// The second: numbers are big-endian, ids their sixteen bytes. What may be absent has a byte before
/// it, 0 or 1, and nothing after a 0.
fn second(seq: i64, previous: &Hash, tenant: TenantId, event: &Event) -> Hash {
    let mut digest = Sha256::new();
    digest.update(b"countersign-audit-v2");
    digest.update(seq.to_be_bytes());
    digest.update(previous);
    digest.update(tenant.uuid().as_bytes());
    digest.update(event.id.uuid().as_bytes());
    digest.update(event.request.uuid().as_bytes());
    digest.update(event.occurred_at.timestamp_micros().to_be_bytes());
    digest.update([u8::from(event.policies.is_some())]);
    if let Some(policies) = &event.policies {
        digest.update(policies);
    }
    let mut text = |text: &str| {
        digest.update(length(text.len()));
        digest.update(text.as_bytes());
    };
    text(&event.actor_kind);
    text(&event.actor_id);
    text(&event.action);
    text(&event.permission);
    text(event.outcome.name());
    text(&event.payload);
    digest.update([u8::from(event.source.is_some())]);
    if let Some(source) = &event.source {
        digest.update(length(source.len()));
        digest.update(source.as_bytes());
    }
    digest.update(length(event.targets.len()));
    for target in &event.targets {
        digest.update(length(target.len()));
        digest.update(target.as_bytes());
    }
    digest.finalize().into()
}

/// The schema bounds every text far below what four bytes count.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}
