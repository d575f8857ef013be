//! The provider's published keys (RFC 7517), kept until a token names one that is not there.

use std::future::Future;

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{
    DecodingKey, Header,
    jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse},
};
use tokio::sync::Mutex;

use super::{IdentityError, UNTRUE};

/// Seconds between two fetches at the least: tokens with made-up key ids must not make us a
/// nuisance to the provider.
const FETCH_AGAIN_SECONDS: i64 = 5;

#[derive(Debug, Default)]
pub(super) struct Keys {
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    set: Vec<Jwk>,
    fetched_at: Option<DateTime<Utc>>,
}

impl Keys {
    /// The key that a token was signed with. Keys that are known stay good while the provider is
    /// away; an unknown one is fetched, by one caller at a time.
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
        let mut known = self.state.lock().await;
        if let Some(key) = matching(&known.set, header) {
            return decoding(key);
        }
        let again = Duration::seconds(FETCH_AGAIN_SECONDS);
        if known
            .fetched_at
            .is_none_or(|fetched| at - fetched >= again || at < fetched)
        {
            known.set = fetch().await?.keys;
            known.fetched_at = Some(at);
        }
        match matching(&known.set, header) {
            Some(key) => decoding(key),
            None => Err(IdentityError::refused(
                UNTRUE,
                "the provider has no such key",
            )),
        }
    }
}

fn decoding(key: &Jwk) -> Result<DecodingKey, IdentityError> {
    DecodingKey::from_jwk(key).map_err(|error| IdentityError::refused(UNTRUE, error.to_string()))
}

/// The key of that id whose type goes with the algorithm. A token without a key id is taken only
/// where there is no choice.
fn matching<'a>(set: &'a [Jwk], header: &Header) -> Option<&'a Jwk> {
    let mut fitting = set.iter().filter(|key| {
        let signs = key
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|u| *u == PublicKeyUse::Signature);
        signs && fits(key, header)
    });
    match &header.kid {
        Some(kid) => fitting.find(|key| key.common.key_id.as_ref() == Some(kid)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

/// A key is used for its own kind of algorithm only: an RSA key never as an HMAC secret.
fn fits(key: &Jwk, header: &Header) -> bool {
    use jsonwebtoken::Algorithm::{ES256, RS256};
    matches!(
        (&key.algorithm, header.alg),
        (AlgorithmParameters::RSA(_), RS256) | (AlgorithmParameters::EllipticCurve(_), ES256)
    )
}
