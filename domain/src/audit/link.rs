//! The link function of the chain (AUD-3), and what convicts (AUD-4).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use super::{Encoding, Event};
use crate::id::TenantId;

/// SHA-256 of a row.
pub type Hash = [u8; 32];
/// HMAC-SHA-256 of a row's hash.
pub type Signature = [u8; 32];
/// What the first row of a chain links to.
pub const GENESIS: Hash = [0; 32];

/// A row of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// How the row was turned into bytes.
    pub encoding: Encoding,
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
    let encoding = Encoding::LATEST;
    let hash = encoding.hash(seq, &head.hash, tenant, event);
    Link {
        encoding,
        seq,
        previous: head.hash,
        hash,
        signature: mac(key, &hash).finalize().into_bytes().into(),
    }
}

impl Head {
    /// Whether a row goes on where the chain ended.
    pub(super) fn check(&self, seq: i64, previous: &Hash) -> Result<(), ChainError> {
        let expected = self.seq.saturating_add(1);
        if seq != expected {
            return Err(ChainError::Gap {
                expected,
                found: seq,
            });
        }
        if *previous != self.hash {
            return Err(ChainError::Unlinked { seq });
        }
        Ok(())
    }
}

impl Link {
    /// Whether the row says what was hashed.
    pub(super) fn check_content(&self, tenant: TenantId, event: &Event) -> Result<(), ChainError> {
        let hash = self.encoding.hash(self.seq, &self.previous, tenant, event);
        if hash == self.hash {
            Ok(())
        } else {
            Err(ChainError::Changed { seq: self.seq })
        }
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
    head.check(link.seq, &link.previous)?;
    link.check_content(tenant, event)?;
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        audit::Outcome,
        id::{AuditEntryId, RequestId},
    };

    const KEY: [u8; 32] = [3; 32];

    fn tenant() -> TenantId {
        TenantId::new(Uuid::from_u128(1))
    }

    fn event(action: &str) -> Event {
        Event {
            id: AuditEntryId::new(Uuid::from_u128(3)),
            actor_kind: "human".into(),
            actor_id: "usr_1".into(),
            action: action.into(),
            permission: String::new(),
            policies: Some([7; 32]),
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

    /// Whatever a row says is hashed: another word of it is another row.
    #[test]
    fn every_part_of_a_row_is_hashed() {
        let link = |event: &Event| next_link(&Head::EMPTY, tenant(), event, &KEY);
        let row = event("a");
        let whole = link(&row);
        let other = |change: fn(&mut Event)| {
            let mut changed = row.clone();
            change(&mut changed);
            let found = verify_link(&Head::EMPTY, tenant(), &changed, &whole, &KEY);
            assert_eq!(found, Err(ChainError::Changed { seq: 1 }), "{changed:?}");
        };
        other(|e| e.id = AuditEntryId::new(Uuid::from_u128(4)));
        other(|e| e.actor_kind = "machine".into());
        other(|e| e.actor_id = "usr_2".into());
        other(|e| e.action = "b".into());
        other(|e| e.permission = "p".into());
        other(|e| e.policies = Some([8; 32]));
        other(|e| e.policies = None);
        other(|e| e.outcome = Outcome::Failed);
        other(|e| e.targets = vec![]);
        other(|e| e.request = RequestId::new(Uuid::from_u128(9)));
        other(|e| e.source = Some(String::new()));
        other(|e| e.payload = "[]".into());
        other(|e| e.occurred_at += chrono::Duration::microseconds(1));
        let elsewhere = TenantId::new(Uuid::from_u128(2));
        assert!(verify_link(&Head::EMPTY, elsewhere, &row, &whole, &KEY).is_err());
    }

    /// A row as the first encoding recorded it: written down here, because nothing makes them any more.
    #[test]
    fn a_row_of_the_first_encoding_verifies() {
        let row = Event {
            policies: None,
            ..event("thing.done")
        };
        let hash = Encoding::V1.hash(1, &GENESIS, tenant(), &row);
        let expected = "2e89fa06716fb5f6088f6ab174fea4405bfdb90ef8d697e9a6f2aef19424e3e2";
        assert_eq!(hex::encode(hash), expected);
        let link = Link {
            encoding: Encoding::V1,
            seq: 1,
            previous: GENESIS,
            hash,
            signature: mac(&KEY, &hash).finalize().into_bytes().into(),
        };
        assert!(verify_link(&Head::EMPTY, tenant(), &row, &link, &KEY).is_ok());
        let relabelled = Link {
            encoding: Encoding::V2,
            ..link
        };
        let found = verify_link(&Head::EMPTY, tenant(), &row, &relabelled, &KEY);
        assert_eq!(found, Err(ChainError::Changed { seq: 1 }));
    }
}
