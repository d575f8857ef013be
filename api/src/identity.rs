//! Sign-in by OpenID Connect as a backend-for-frontend, and the tokens of machines.
//!
//! Authorization code with PKCE; the provider's tokens stay on the server. Every token of the
//! provider, whatever its kind, is verified on one path: signature by the provider's published
//! keys, algorithm by an allow-list, issuer, audience, times, and what its kind demands.

mod kept;
mod keys;
mod provider;
mod session;
mod sign_in;
mod token;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{Credential, Database, SessionSecret, StoreError};
use moka::sync::Cache;
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::Semaphore;
use url::Url;

use provider::Provider;
use session::NextRenewal;

/// What sign-in is set up with.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// The issuer, exactly as the provider's discovery document has it.
    pub issuer: String,
    /// This product's client at the provider.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The scopes asked for at sign-in.
    pub scopes: Vec<String>,
    /// What machines' access tokens must be meant for.
    pub audience: String,
    /// Where the provider sends people back to.
    pub redirect_uri: Url,
    /// Where the provider sends people after a logout.
    pub post_logout_uri: Url,
    /// How long a session lasts, used or not.
    pub session_lifetime: Duration,
    /// How long a session goes on without the provider's word, from the end of its access token on.
    pub unconfirmed: Duration,
}

/// Why somebody is not signed in, or a token not taken.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The provider does not answer, or answers what it must not.
    #[error("the provider is away: {cause}")]
    ProviderAway {
        /// For the operator.
        cause: String,
    },
    /// Refused.
    #[error("{reason}: {cause}")]
    Refused {
        /// For the sign-in page.
        refusal: Refusal,
        /// For the caller.
        reason: &'static str,
        /// For the operator.
        cause: String,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why somebody is refused, as far as the sign-in page tells the cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no sign-in of that browser to finish: it took too long, was finished, or was begun elsewhere.
    Expired,
    /// The provider says that it lets nobody in.
    Denied,
    /// The provider does not vouch for the e-mail address.
    EmailUnverified,
    /// The e-mail address is another identity's.
    EmailTaken,
    /// What was brought, or said by the provider, does not hold.
    Untrue,
}

impl Refusal {
    /// The word for it in the address of the sign-in page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Denied => "access_denied",
            Self::EmailUnverified => "email_unverified",
            Self::EmailTaken => "email_taken",
            Self::Untrue => "failed",
        }
    }
}

impl IdentityError {
    fn away(cause: impl Into<String>) -> Self {
        Self::ProviderAway {
            cause: cause.into(),
        }
    }

    fn refused(reason: &'static str, cause: impl Into<String>) -> Self {
        Self::refused_as(Refusal::Untrue, reason, cause)
    }

    fn refused_as(refusal: Refusal, reason: &'static str, cause: impl Into<String>) -> Self {
        Self::Refused {
            refusal,
            reason,
            cause: cause.into(),
        }
    }
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub authorize: Url,
    /// What the browser must bring back in a cookie, so that nobody else finishes it.
    pub browser: SecretString,
}

/// What the browser brought from the provider.
#[derive(Debug)]
pub struct Callback {
    /// The authorization code.
    pub code: Option<SecretString>,
    /// The state that the sign-in was begun with.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so (RFC 9207).
    pub iss: Option<String>,
}

/// A sign-in that was finished.
#[derive(Debug)]
pub struct SignedIn {
    /// The new session.
    pub session: SessionSecret,
    /// The path of ours that the person wanted.
    pub return_to: String,
}

/// Sign-in and machines' tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: IdentitySettings,
    provider: Provider,
    database: Database,
    /// One permit for each session whose tokens are being renewed.
    renewals: Arc<Semaphore>,
    /// When that is due next, by the SHA-256 of the secret, of sessions that were seen here. What is not known is
    /// looked up.
    next_renewals: Cache<[u8; 32], NextRenewal>,
}

/// Of how many sessions that is known at most.
const NEXT_RENEWALS_MAX: u64 = 10_000;

/// How many sessions' tokens one replica renews at once.
const RENEWALS_AT_ONCE: usize = 2;

impl Identity {
    /// Asks the provider what it says of itself, and for its keys.
    pub async fn check(&self, at: DateTime<Utc>) -> Result<(), IdentityError> {
        self.inner.provider.check(at).await
    }

    /// Whether the provider says of itself what it has to.
    pub async fn is_reachable(&self, at: DateTime<Utc>) -> bool {
        self.inner.provider.discovery(at).await.is_ok()
    }

    /// Sets up sign-in. The provider is not called yet: it may be away.
    pub fn new(settings: IdentitySettings, database: Database) -> Result<Self, IdentityError> {
        let provider = Provider::new(settings.issuer.clone())?;
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                provider,
                database,
                renewals: Arc::new(Semaphore::new(RENEWALS_AT_ONCE)),
                next_renewals: Cache::new(NEXT_RENEWALS_MAX),
            }),
        })
    }

    /// The credential of a machine's access token (RFC 9068), if it verifies.
    pub async fn machine(&self, jwt: &str, at: DateTime<Utc>) -> Result<Credential, IdentityError> {
        let inner = &self.inner;
        let claims: token::Claims = inner.provider.verified(jwt, at).await?;
        let checked = token::machine(
            &claims,
            inner.provider.issuer(),
            &inner.settings.audience,
            at,
        );
        let token = checked.map_err(|cause| IdentityError::refused(UNTRUE, cause))?;
        Ok(Credential::ClientCredentials {
            issuer: inner.provider.issuer().to_owned(),
            client_id: token.client_id,
            scopes: token.scopes,
            ends_at: token.ends_at,
        })
    }
}

/// What a caller is told of a token that does not verify: nothing that helps to forge one.
const UNTRUE: &str = "the token does not verify";
