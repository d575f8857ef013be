//! Credentials, and what entering makes of them.

use std::{
    collections::BTreeSet,
    fmt,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::Scope,
    audit::Asked,
    id::{RequestId, TenantId},
    principal::Actor,
    token::HashedToken,
};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};

use crate::idempotency::IdempotencyKey;

/// What a browser's session cookie holds: 32 random bytes, of which the database keeps the SHA-256.
pub struct SessionSecret(SecretBox<[u8; 32]>);

impl SessionSecret {
    /// The secret of those bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The secret as cookies carry it: 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        canonical.then(|| Self::new(bytes))
    }

    /// The text for the cookie.
    pub fn reveal(&self) -> String {
        hex::encode(self.0.expose_secret())
    }

    /// Its SHA-256, which is what is kept of it.
    pub fn hashed(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret()).into()
    }
}

impl Clone for SessionSecret {
    fn clone(&self) -> Self {
        Self::new(*self.0.expose_secret())
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret")
    }
}

/// What a request brings to be let in with. Its form is checked before; whether it opens anything is
/// for PostgreSQL to say.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A signed-in browser.
    Session(SessionSecret),
    /// A token made in this product.
    ApiToken(HashedToken),
    /// A verified client-credentials token of the OpenID provider.
    ClientCredentials {
        /// Who issued it (`iss`).
        issuer: String,
        /// Which client it is for (`client_id` or `azp`).
        client_id: String,
        /// The scopes it carries. The machine has those of them that it is registered with.
        scopes: BTreeSet<Scope>,
        /// When it is not taken any more. No database knows of it, so that it goes with the token.
        ends_at: DateTime<Utc>,
    },
}

/// The kinds of credentials, as the audit log writes them where one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A session cookie.
    Session,
    /// A token made in this product, or what looks like one.
    ApiToken,
    /// Another bearer token: a client-credentials token, or what is taken for one.
    ClientCredentials,
    /// The provider's word that somebody signed out there, or what is given out as that.
    LogoutToken,
}

impl CredentialKind {
    /// As the audit log writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiToken => "api_token",
            Self::ClientCredentials => "client_credentials",
            Self::LogoutToken => "logout_token",
        }
    }
}

/// SHA-256 of a credential's secret or, where it has none of its own, of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialDigest([u8; 32]);

impl Credential {
    /// What tells it from every other, without being it.
    pub(crate) fn digest(&self) -> CredentialDigest {
        CredentialDigest(match self {
            Self::Session(secret) => secret.hashed(),
            Self::ApiToken(token) => *token.as_bytes(),
            Self::ClientCredentials {
                issuer,
                client_id,
                scopes,
                ..
            } => {
                let mut digest = Sha256::new();
                let scopes = scopes.iter().map(ToString::to_string);
                for part in [issuer.clone(), client_id.clone()]
                    .into_iter()
                    .chain(scopes)
                {
                    digest.update(Sha256::digest(part.as_bytes()));
                }
                digest.finalize().into()
            }
        })
    }

    /// Whether it is over by what it says itself. Of others PostgreSQL alone knows.
    pub(crate) fn is_over(&self, at: DateTime<Utc>) -> bool {
        matches!(self, Self::ClientCredentials { ends_at, .. } if *ends_at <= at)
    }

    /// Its kind.
    pub const fn kind(&self) -> CredentialKind {
        match self {
            Self::Session(_) => CredentialKind::Session,
            Self::ApiToken(_) => CredentialKind::ApiToken,
            Self::ClientCredentials { .. } => CredentialKind::ClientCredentials,
        }
    }
}

/// What is known of a request before it is let in.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts {
    /// The request.
    pub request: RequestId,
    /// Where it comes from.
    pub source: Option<IpAddr>,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The key under which it may be sent again.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Who acts, where and when. Only entering makes one, so whoever holds one was let in, or was a moment
/// ago ([`crate::Database::presume`]): then nothing is read by it before PostgreSQL has confirmed it.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    actor: Actor,
    credential: Credential,
    facts: RequestFacts,
    /// What was decided about, once it was.
    asked: OnceLock<Arc<Asked>>,
    /// Of the ids that it names, as far as PostgreSQL has said.
    foreign: AtomicU32,
    missing: AtomicU32,
}

/// How many of the ids that a request names are not of its tenant (ISO-4). Which of the two they are is
/// for the record, never for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strange {
    /// Of another tenant.
    pub foreign: u32,
    /// Of nobody.
    pub missing: u32,
}

impl RequestContext {
    pub(crate) fn new(actor: Actor, credential: Credential, facts: RequestFacts) -> Self {
        Self(Arc::new(Inner {
            actor,
            credential,
            facts,
            asked: OnceLock::new(),
            foreign: AtomicU32::new(0),
            missing: AtomicU32::new(0),
        }))
    }

    /// Who acts, as the database confirmed.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// Where.
    pub fn tenant(&self) -> TenantId {
        self.0.actor.tenant
    }

    /// In which request.
    pub fn request(&self) -> RequestId {
        self.0.facts.request
    }

    /// When the request came.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.facts.at
    }

    /// From where.
    pub fn source(&self) -> Option<IpAddr> {
        self.0.facts.source
    }

    /// Whether it came with a key under which it may be sent again.
    pub fn has_idempotency_key(&self) -> bool {
        self.0.facts.idempotency_key.is_some()
    }

    /// Notes about which actions the request is decided; its rows of the audit log tell it from then on.
    pub fn note_asked(&self, asked: &Arc<Asked>) {
        let _ = self.0.asked.set(Arc::clone(asked));
    }

    pub(crate) fn asked(&self) -> Option<&Asked> {
        self.0.asked.get().map(AsRef::as_ref)
    }

    /// What of the ids that the request names is not of its tenant, as far as PostgreSQL has said: all of it
    /// once the way in is confirmed. Nothing is written in such a request, and it is not recorded but as
    /// refused.
    pub fn strange(&self) -> Option<Strange> {
        let strange = Strange {
            foreign: self.0.foreign.load(Ordering::Relaxed),
            missing: self.0.missing.load(Ordering::Relaxed),
        };
        (strange.foreign > 0 || strange.missing > 0).then_some(strange)
    }

    pub(crate) fn note_strange(&self, strange: Strange) {
        self.0.foreign.fetch_max(strange.foreign, Ordering::Relaxed);
        self.0.missing.fetch_max(strange.missing, Ordering::Relaxed);
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.0.credential
    }

    pub(crate) fn facts(&self) -> &RequestFacts {
        &self.0.facts
    }
}
