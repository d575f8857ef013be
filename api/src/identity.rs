//! Sign-in by OpenID Connect, and the tokens of machines.

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{Credential, Database, SessionRecord, SessionSecret, StoreError};
use secrecy::SecretString;
use thiserror::Error;
use url::Url;

/// What sign-in is set up with.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    pub issuer: Url,
    pub client_id: String,
    pub client_secret: SecretString,
    pub scopes: Vec<String>,
    pub audience: String,
    pub redirect_uri: Url,
    pub post_logout_uri: Url,
    pub session_lifetime: Duration,
}
#[derive(Debug, Error)]
pub enum IdentityError {
    #[error("the provider is away")]
    ProviderAway { cause: String },
    #[error("refused: {reason}")]
    Refused { reason: &'static str, cause: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}
#[derive(Debug)]
pub struct Begun {
    pub authorize: Url,
    pub browser: SecretString,
}
#[derive(Debug)]
pub struct Callback {
    pub code: Option<SecretString>,
    pub state: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
}
#[derive(Debug)]
pub struct SignedIn {
    pub session: SessionSecret,
    pub return_to: String,
}
#[derive(Debug, Clone)]
pub struct Identity;
pub fn issuer_text(issuer: &Url) -> String {
    let text = issuer.as_str();
    if issuer.path() == "/" {
        text.trim_end_matches('/').to_owned()
    } else {
        text.to_owned()
    }
}
impl Identity {
    pub fn new(_s: IdentitySettings, _d: Database) -> Result<Self, IdentityError> {
        Ok(Self)
    }
    pub async fn begin(&self, _r: &str, _at: DateTime<Utc>) -> Result<Begun, IdentityError> {
        Err(away())
    }
    pub async fn complete(
        &self,
        _c: Callback,
        _b: Option<&str>,
        _at: DateTime<Utc>,
    ) -> Result<SignedIn, IdentityError> {
        Err(away())
    }
    pub async fn keep_fresh(&self, _s: &SessionSecret, _r: &SessionRecord, _at: DateTime<Utc>) {}
    pub async fn logout(&self, _s: &SessionSecret) -> Result<Url, IdentityError> {
        Err(away())
    }
    pub async fn backchannel(&self, _t: &str, _at: DateTime<Utc>) -> Result<(), IdentityError> {
        Err(away())
    }
    pub async fn machine(&self, _j: &str, _at: DateTime<Utc>) -> Result<Credential, IdentityError> {
        Err(away())
    }
}
fn away() -> IdentityError {
    IdentityError::ProviderAway {
        cause: String::new(),
    }
}
