//! The audit event and the link function of its chain (AUD-1, AUD-3).
//!
//! Every tenant has one chain. A row's hash is SHA-256 over a canonical, length-prefixed encoding
//! of the row and the hash of the row before it; its signature is HMAC-SHA-256 of the hash under a
//! key of the tenant. The hash convicts whoever changed a row, the signature whoever recomputed
//! the chain without the key.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::id::{RequestId, TenantId};

/// SHA-256 of a row.
pub type Hash = [u8; 32];
/// HMAC-SHA-256 of a row's hash.
pub type Signature = [u8; 32];
/// What the first row of a chain links to.
pub const GENESIS: Hash = [0; 32];
/// The version of the encoding below; part of what is hashed.
const ENCODING: &[u8] = b"countersign-audit-v1";

/// How a capability's invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was permitted and done.
    Done,
    /// A policy, or a rule of input, refused it.
    Refused,
    /// It was permitted and failed.
    Failed,
}

impl Outcome {
    /// The name in the database and in GraphQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Done, Self::Refused, Self::Failed]
            .into_iter()
            .find(|o| o.name() == name)
    }
}

/// What one row says: who, where, which permission, when, from where, the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `human`, `machine`, `operator`, or `stranger` for a credential that is nobody's.
    pub actor_kind: String,
    /// `usr_…`, `tok_…`, `mch_…`, the operator's command, or `unknown`.
    pub actor_id: String,
    /// What was done, noun and past verb: `statement.imported`, `books.read`.
    pub action: String,
    /// The permission that was resolved: Cedar action and the rules that decided, as text.
    pub permission: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The ids that it was done to, if any.
    pub targets: Vec<String>,
    /// The request that it happened in.
    pub request: RequestId,
    /// The network address of the caller, if there was one.
    pub source: Option<String>,
    /// A redacted payload as JSON text: never an amount, a name, a secret.
    pub payload: String,
    /// When, to the microsecond, which is what the database keeps.
    pub occurred_at: DateTime<Utc>,
}

/// A row of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// 1 for the first row, then without a gap.
    pub seq: i64,
    /// The hash of the row before, [`GENESIS`] for the first.
    pub previous: Hash,
    /// The hash of this row.
    pub hash: Hash,
    /// The signature of [`Self::hash`].
    pub signature: Signature,
}

/// The end of a chain, that the next row links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the last row; 0 for an empty chain.
    pub seq: i64,
    /// The hash of the last row.
    pub hash: Hash,
}

impl Head {
    /// The head of a chain without rows.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: GENESIS,
    };
}

/// What is wrong with the first row that does not verify (AUD-4).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// A row is missing, doubled or out of order.
    #[error("row {found} stands where row {expected} belongs")]
    Gap {
        /// The number that belongs here.
        expected: i64,
        /// The number found.
        found: i64,
    },
    /// The row does not link to the row before it.
    #[error("row {seq} does not link to the row before it")]
    Unlinked {
        /// The row.
        seq: i64,
    },
    /// The row's content is not what was hashed.
    #[error("row {seq} is not what was recorded")]
    Changed {
        /// The row.
        seq: i64,
    },
    /// The row was not signed with the tenant's key.
    #[error("row {seq} was not signed with the tenant's key")]
    Forged {
        /// The row.
        seq: i64,
    },
    /// The chain's end is not where its head says.
    #[error("the chain ends at row {found}, and its head says {expected}")]
    Truncated {
        /// What the head says.
        expected: i64,
        /// The last row found.
        found: i64,
    },
}

/// Links the next event to a chain.
pub fn next_link(head: &Head, tenant: TenantId, event: &Event, key: &[u8; 32]) -> Link {
    let seq = head.seq.saturating_add(1);
    let hash = hash(seq, &head.hash, tenant, event);
    Link {
        seq,
        previous: head.hash,
        hash,
        signature: mac(key, &hash).finalize().into_bytes().into(),
    }
}

/// Checks one row against the head before it, and returns the head after it.
pub fn verify_link(
    head: &Head,
    tenant: TenantId,
    event: &Event,
    link: &Link,
    key: &[u8; 32],
) -> Result<Head, ChainError> {
    let expected = head.seq.saturating_add(1);
    if link.seq != expected {
        return Err(ChainError::Gap {
            expected,
            found: link.seq,
        });
    }
    if link.previous != head.hash {
        return Err(ChainError::Unlinked { seq: link.seq });
    }
    if hash(link.seq, &link.previous, tenant, event) != link.hash {
        return Err(ChainError::Changed { seq: link.seq });
    }
    if mac(key, &link.hash).verify_slice(&link.signature).is_err() {
        return Err(ChainError::Forged { seq: link.seq });
    }
    Ok(Head {
        seq: link.seq,
        hash: link.hash,
    })
}

fn mac(key: &[u8; 32], hash: &Hash) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to the block (RFC 2104), so padding here changes nothing.
    let mut block = [0; 64];
    block
        .iter_mut()
        .zip(key)
        .for_each(|(slot, byte)| *slot = *byte);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(hash);
    mac
}

/// Every part is written with its length before it, so that no two rows have one encoding.
fn hash(seq: i64, previous: &Hash, tenant: TenantId, event: &Event) -> Hash {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    };
    part(ENCODING);
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const KEY: [u8; 32] = [3; 32];

    fn tenant() -> TenantId {
        TenantId::new(Uuid::from_u128(1))
    }

    fn event(action: &str) -> Event {
        Event {
            actor_kind: "human".into(),
            actor_id: "usr_1".into(),
            action: action.into(),
            permission: String::new(),
            outcome: Outcome::Done,
            targets: vec!["acc_1".into()],
            request: RequestId::new(Uuid::from_u128(2)),
            source: None,
            payload: "{}".into(),
            occurred_at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap_or_default(),
        }
    }

    fn chain(n: usize) -> Vec<(Event, Link)> {
        let mut head = Head::EMPTY;
        (0..n)
            .map(|i| {
                let event = event(&format!("thing.done{i}"));
                let link = next_link(&head, tenant(), &event, &KEY);
                head = Head {
                    seq: link.seq,
                    hash: link.hash,
                };
                (event, link)
            })
            .collect()
    }

    fn verify(rows: &[(Event, Link)]) -> Result<Head, ChainError> {
        rows.iter().try_fold(Head::EMPTY, |head, (event, link)| {
            verify_link(&head, tenant(), event, link, &KEY)
        })
    }

    #[test]
    fn an_untouched_chain_verifies() {
        assert_eq!(verify(&chain(5)).map(|head| head.seq), Ok(5));
    }

    #[test]
    fn each_kind_of_tampering_is_named() {
        let mut edited = chain(5);
        edited[2].0.outcome = Outcome::Refused;
        assert_eq!(verify(&edited), Err(ChainError::Changed { seq: 3 }));

        let mut cut = chain(5);
        cut.remove(1);
        assert_eq!(
            verify(&cut),
            Err(ChainError::Gap {
                expected: 2,
                found: 3
            })
        );

        let mut swapped = chain(5);
        swapped.swap(1, 2);
        assert!(matches!(verify(&swapped), Err(ChainError::Gap { .. })));

        let mut recomputed = chain(2);
        let head = Head {
            seq: 1,
            hash: recomputed[0].1.hash,
        };
        recomputed[1].1 = next_link(&head, tenant(), &recomputed[1].0, &[4; 32]);
        assert_eq!(verify(&recomputed), Err(ChainError::Forged { seq: 2 }));

        let mut relinked = chain(3);
        relinked[2].1.previous = GENESIS;
        assert_eq!(verify(&relinked), Err(ChainError::Unlinked { seq: 3 }));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let (mut one, mut two) = (event("a"), event("a"));
        (one.targets, two.targets) = (vec!["ab".into(), "c".into()], vec!["a".into(), "bc".into()]);
        let link = |event| next_link(&Head::EMPTY, tenant(), event, &KEY).hash;
        assert_ne!(link(&one), link(&two));
    }
}
