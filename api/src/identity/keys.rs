//! The provider's published keys (RFC 7517).

use std::future::Future;

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{
        AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse,
    },
};

use super::{IdentityError, UNTRUE, kept::Kept};

#[derive(Debug, Default)]
pub(super) struct Keys {
    set: Kept<JwkSet>,
}

impl Keys {
    /// The key that a token was signed with. Keys that are known stay good while the provider is
    /// away; an unknown one is asked for, by one caller at a time.
    pub(super) async fn find<F, Fut>(
        &self,
        header: &Header,
        at: DateTime<Utc>,
        fetch: F,
    ) -> Result<DecodingKey, IdentityError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<JwkSet, IdentityError>>,
    {
        let has = |set: &JwkSet| matching(set, header).is_some();
        let set = self.set.get(at, has, fetch).await?;
        let key = matching(&set, header)
            .ok_or_else(|| IdentityError::refused(UNTRUE, "the provider has no such key"))?;
        DecodingKey::from_jwk(key)
            .map_err(|error| IdentityError::refused(UNTRUE, error.to_string()))
    }
}

/// The key of that id which goes with the algorithm. A token without a key id is taken only where
/// there is no choice.
fn matching<'a>(set: &'a JwkSet, header: &Header) -> Option<&'a Jwk> {
    let mut fitting = set
        .keys
        .iter()
        .filter(|key| signs(key) && fits(key, header));
    match &header.kid {
        Some(kid) => fitting.find(|key| key.common.key_id.as_ref() == Some(kid)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

/// Whether the provider publishes the key for signatures (RFC 7517, sections 4.2 and 4.3).
fn signs(key: &Jwk) -> bool {
    let common = &key.common;
    let used = common.public_key_use.as_ref();
    let operations = common.key_operations.as_ref();
    used.is_none_or(|u| *u == PublicKeyUse::Signature)
        && operations.is_none_or(|all| all.contains(&KeyOperations::Verify))
}

/// A key is used for its own algorithm only: an RSA key never as an HMAC secret.
fn fits(key: &Jwk, header: &Header) -> bool {
    let own = match &key.algorithm {
        AlgorithmParameters::RSA(_) if header.alg == Algorithm::RS256 => KeyAlgorithm::RS256,
        AlgorithmParameters::EllipticCurve(key)
            if header.alg == Algorithm::ES256 && key.curve == EllipticCurve::P256 =>
        {
            KeyAlgorithm::ES256
        }
        _ => return false,
    };
    key.common.key_algorithm.is_none_or(|named| named == own)
}
