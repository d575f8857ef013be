//! The provider's tokens, which are sealed at rest and never leave the server.

use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::QueryResult;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

use super::Entry;
use countersign_domain::id::TenantId;

use crate::{error::StoreError, keys::Purpose, seal::Place};

/// What the provider gave. Never leaves the server.
#[derive(Clone)]
pub struct ProviderTokens {
    /// For calls to the provider.
    pub access: SecretString,
    /// For new tokens (RFC 6749, section 6).
    pub refresh: Option<SecretString>,
    /// When the access token ends.
    pub access_expires_at: DateTime<Utc>,
}

impl fmt::Debug for ProviderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderTokens")
            .field("access_expires_at", &self.access_expires_at)
            .finish_non_exhaustive()
    }
}

/// The tokens as they are sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    access: String,
    refresh: Option<String>,
    access_expires_at: DateTime<Utc>,
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.access.zeroize();
        self.refresh.zeroize();
    }
}

impl Entry {
    pub(super) async fn seal_tokens(
        &self,
        id: Uuid,
        tokens: &ProviderTokens,
    ) -> Result<Vec<u8>, StoreError> {
        let plain = Plain {
            access: tokens.access.expose_secret().to_owned(),
            refresh: tokens
                .refresh
                .as_ref()
                .map(|t| t.expose_secret().to_owned()),
            access_expires_at: tokens.access_expires_at,
        };
        let bytes = serde_json::to_vec(&plain).map_err(|_| StoreError::Sealed)?;
        let (bytes, place) = (Zeroizing::new(bytes), place(&id));
        Ok(self.0.keys.seal(Purpose::Tokens, &place, &bytes).await?.0)
    }

    pub(super) async fn open_tokens(
        &self,
        id: Uuid,
        row: &QueryResult,
    ) -> Result<ProviderTokens, StoreError> {
        let sealed: Vec<u8> = row.try_get("", "tokens_sealed")?;
        let bytes = self
            .0
            .keys
            .open(Purpose::Tokens, &place(&id), &sealed)
            .await?;
        let plain: Plain = serde_json::from_slice(&bytes).map_err(|_| StoreError::Sealed)?;
        Ok(ProviderTokens {
            access: plain.access.clone().into(),
            refresh: plain.refresh.clone().map(Into::into),
            access_expires_at: plain.access_expires_at,
        })
    }
}

fn place(id: &Uuid) -> Place<'_> {
    Place {
        tenant: TenantId::OPERATOR,
        table: "sessions",
        column: "tokens_sealed",
        row: id.as_bytes(),
    }
}
