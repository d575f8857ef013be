//! Sign-ins that have gone to the provider and are not back yet. Each is taken once.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::Entry;
use crate::{error::StoreError, keys::Purpose, seal::Place};
use countersign_domain::id::TenantId;

const NONCE: &str = "nonce_sealed";
const VERIFIER: &str = "verifier_sealed";

/// Each new one has a few forgotten that did not come back: whoever begins many and finishes none leaves no heap that
/// somebody else clears away. By an array, which is gone through in its order: two who forget the same wait for each
/// other at most, and never both.
const FORGET_OVER: &str = "DELETE FROM countersign.sign_ins WHERE state_hash = ANY (ARRAY( \
     SELECT state_hash FROM countersign.sign_ins WHERE expires_at <= $1 \
     ORDER BY expires_at LIMIT 20))";

/// A sign-in under way (OpenID Connect Core, section 3.1; RFC 7636).
#[derive(Clone)]
pub struct SignIn {
    /// SHA-256 of `state`.
    pub state_hash: [u8; 32],
    /// What the ID token must repeat.
    pub nonce: SecretString,
    /// The PKCE verifier; sealed at rest.
    pub verifier: SecretString,
    /// Where to go afterwards: a path of ours.
    pub return_url: String,
    /// Until when it may come back.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Keeps a sign-in until it comes back.
    pub async fn save_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let (nonce, verifier) = (
            self.seal_part(sign_in, NONCE, &sign_in.nonce).await?,
            self.seal_part(sign_in, VERIFIER, &sign_in.verifier).await?,
        );
        let session = self.begin().await?;
        session
            .execute(FORGET_OVER, [self.0.clock.now().into()])
            .await?;
        session
            .execute(
                "INSERT INTO countersign.sign_ins \
                 (state_hash, nonce_sealed, verifier_sealed, return_url, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
                [
                    sign_in.state_hash.to_vec().into(),
                    nonce.into(),
                    verifier.into(),
                    sign_in.return_url.clone().into(),
                    sign_in.expires_at.into(),
                ],
            )
            .await?;
        session.commit().await
    }

    /// Takes the sign-in of that `state`, once, if it is still good.
    pub async fn take_sign_in(
        &self,
        state_hash: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<Option<SignIn>, StoreError> {
        let session = self.begin().await?;
        let row = session
            .row(
                "DELETE FROM countersign.sign_ins WHERE state_hash = $1 \
                 RETURNING nonce_sealed, verifier_sealed, return_url, expires_at",
                [state_hash.to_vec().into()],
            )
            .await?;
        session.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = |column: &str| row.try_get::<Vec<u8>>("", column);
        let (nonce, verifier) = (sealed(NONCE)?, sealed(VERIFIER)?);
        let expires_at: DateTime<Utc> = row.try_get("", "expires_at")?;
        if expires_at <= at {
            return Ok(None);
        }
        Ok(Some(SignIn {
            state_hash: *state_hash,
            nonce: self.open_part(state_hash, NONCE, &nonce).await?,
            verifier: self.open_part(state_hash, VERIFIER, &verifier).await?,
            return_url: row.try_get("", "return_url")?,
            expires_at,
        }))
    }
}

impl Entry {
    async fn seal_part(
        &self,
        sign_in: &SignIn,
        column: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, StoreError> {
        let place = place(column, &sign_in.state_hash);
        let plain = secret.expose_secret().as_bytes();
        Ok(self.0.keys.seal(Purpose::SignIns, &place, plain).await?.0)
    }

    async fn open_part(
        &self,
        state_hash: &[u8; 32],
        column: &str,
        sealed: &[u8],
    ) -> Result<SecretString, StoreError> {
        let place = place(column, state_hash);
        let plain = self.0.keys.open(Purpose::SignIns, &place, sealed).await?;
        let text = str::from_utf8(&plain).map_err(|_| StoreError::Sealed)?;
        Ok(SecretString::from(text))
    }
}

fn place<'a>(column: &'a str, state_hash: &'a [u8; 32]) -> Place<'a> {
    Place {
        tenant: TenantId::OPERATOR,
        table: "sign_ins",
        column,
        row: state_hash,
    }
}
