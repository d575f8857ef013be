//! Signed-in browsers. The cookie's secret is stored as SHA-256, the provider's tokens sealed.

use std::fmt;

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::Role,
    id::{SessionId, TenantId, UserId},
};
use sea_orm::QueryResult;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Entry, Session};
use crate::{context::SessionSecret, error::StoreError, seal::About};

/// What the provider gave. Never leaves the server.
#[derive(Clone)]
pub struct ProviderTokens {
    /// For calls to the provider.
    pub access: SecretString,
    /// For new tokens (RFC 6749, section 6).
    pub refresh: Option<SecretString>,
    /// The ID token, for the hint at logout.
    pub id: SecretString,
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
    id: String,
    access_expires_at: DateTime<Utc>,
}

impl Drop for Plain {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.access.zeroize();
        self.refresh.zeroize();
        self.id.zeroize();
    }
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Who signed in.
    pub user: UserId,
    /// `iss` of the ID token.
    pub issuer: String,
    /// `sub` of the ID token.
    pub subject: String,
    /// `sid` of the ID token, for back-channel logout.
    pub provider_sid: Option<String>,
    /// What the provider gave.
    pub tokens: ProviderTokens,
    /// Whether a second factor was given.
    pub mfa: bool,
    /// When it is opened.
    pub at: DateTime<Utc>,
    /// When it ends, used or not.
    pub expires_at: DateTime<Utc>,
}

/// A good session.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Identifier.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// Their name for themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// The tenants they belong to, by name.
    pub tenants: Vec<SessionTenant>,
    /// The tenant they work in, if they chose one and belong to it.
    pub active_tenant: Option<TenantId>,
    /// `iss` of the ID token.
    pub issuer: String,
    /// `sub` of the ID token; a refreshed one must repeat it.
    pub subject: String,
    /// What the provider gave.
    pub tokens: ProviderTokens,
    /// Whether a second factor was given.
    pub mfa: bool,
    /// When it ends, used or not.
    pub expires_at: DateTime<Utc>,
}

/// A tenant that a session may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTenant {
    /// Identifier.
    pub id: TenantId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What the user is there.
    pub role: Role,
}

/// The right to refresh one session's tokens: one holder at a time, on every replica.
pub struct RefreshLock {
    entry: Entry,
    session: Session,
    id: Uuid,
    tokens: ProviderTokens,
}

impl fmt::Debug for RefreshLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshLock")
    }
}

impl RefreshLock {
    /// The tokens as they are now: whoever waited for the lock finds them refreshed.
    pub fn tokens(&self) -> &ProviderTokens {
        &self.tokens
    }

    /// Stores what the provider gave instead, and lets go.
    pub async fn store(self, tokens: &ProviderTokens) -> Result<(), StoreError> {
        let sealed = self.entry.seal_tokens(self.id, tokens)?;
        self.session
            .execute(
                "UPDATE countersign.sessions SET tokens_sealed = $2 WHERE id = $1",
                [self.id.into(), sealed.into()],
            )
            .await?;
        self.session.commit().await
    }

    /// Lets go without a change.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session.commit().await
    }
}

const GOOD: &str = "SELECT s.id, s.user_id, s.issuer, s.subject, s.active_tenant_id, s.mfa, \
     s.expires_at, s.tokens_sealed, u.name, u.email \
     FROM countersign.sessions s JOIN countersign.users u ON u.id = s.user_id \
     WHERE s.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2";

impl Entry {
    /// Opens a session. A user of one tenant starts in it.
    pub async fn open_session(&self, new: NewSession) -> Result<SessionSecret, StoreError> {
        let secret = SessionSecret::new(self.0.ids.random32());
        let id = self.0.ids.uuid();
        let sealed = self.seal_tokens(id, &new.tokens)?;
        let session = self.begin().await?;
        session
            .execute(
                "INSERT INTO countersign.sessions (id, hash, user_id, issuer, subject, \
                 provider_sid, tokens_sealed, mfa, created_at, last_seen_at, expires_at, \
                 active_tenant_id) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, \
                 (SELECT (array_agg(tenant_id))[1] FROM countersign.memberships \
                  WHERE user_id = $3 HAVING count(*) = 1))",
                [
                    id.into(),
                    secret.hashed().to_vec().into(),
                    new.user.uuid().into(),
                    new.issuer.into(),
                    new.subject.into(),
                    new.provider_sid.into(),
                    sealed.into(),
                    new.mfa.into(),
                    new.at.into(),
                    new.expires_at.into(),
                ],
            )
            .await?;
        session.commit().await?;
        Ok(secret)
    }

    /// The session of that secret, if it is good.
    pub async fn session(
        &self,
        secret: &SessionSecret,
        at: DateTime<Utc>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let session = self.begin().await?;
        let hash = secret.hashed().to_vec();
        let Some(row) = session.row(GOOD, [hash.into(), at.into()]).await? else {
            return Ok(None);
        };
        let user: Uuid = row.try_get("", "user_id")?;
        let tenants = session
            .rows(
                "SELECT t.id, t.slug, t.name, m.role FROM countersign.memberships m \
                 JOIN countersign.tenants t ON t.id = m.tenant_id \
                 WHERE m.user_id = $1 ORDER BY t.name, t.id",
                [user.into()],
            )
            .await?;
        session.commit().await?;
        let tenants = tenants.iter().map(tenant).collect::<Result<Vec<_>, _>>()?;
        let active: Option<Uuid> = row.try_get("", "active_tenant_id")?;
        let active = active.map(TenantId::new);
        let id: Uuid = row.try_get("", "id")?;
        Ok(Some(SessionRecord {
            id: SessionId::new(id),
            user: UserId::new(user),
            name: row.try_get("", "name")?,
            email: row.try_get("", "email")?,
            active_tenant: active.filter(|active| tenants.iter().any(|t| t.id == *active)),
            tenants,
            issuer: row.try_get("", "issuer")?,
            subject: row.try_get("", "subject")?,
            tokens: self.open_tokens(id, &row)?,
            mfa: row.try_get("", "mfa")?,
            expires_at: row.try_get("", "expires_at")?,
        }))
    }

    /// Makes that tenant the one the session works in. False where the user is no member of it, or
    /// there is no such tenant, or no such session: which of them is not told.
    pub async fn switch_tenant(
        &self,
        secret: &SessionSecret,
        slug: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let session = self.begin().await?;
        let switched = session
            .execute(
                "UPDATE countersign.sessions s SET active_tenant_id = m.tenant_id \
                 FROM countersign.memberships m \
                 JOIN countersign.tenants t ON t.id = m.tenant_id \
                 WHERE s.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $3 \
                 AND m.user_id = s.user_id AND t.slug = $2",
                [secret.hashed().to_vec().into(), slug.into(), at.into()],
            )
            .await?;
        session.commit().await?;
        Ok(switched == 1)
    }

    /// Waits for the right to refresh the session's tokens. Holds no row, so that requests of the
    /// same session go on while the provider takes its time.
    pub async fn lock_for_refresh(
        &self,
        secret: &SessionSecret,
        at: DateTime<Utc>,
    ) -> Result<Option<RefreshLock>, StoreError> {
        let session = self.begin().await?;
        let hash = secret.hashed().to_vec();
        session
            .row(
                "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
                [hash.clone().into()],
            )
            .await?;
        // Read after the lock: a statement of its own sees what the holder before has stored.
        let Some(row) = session.row(GOOD, [hash.into(), at.into()]).await? else {
            return Ok(None);
        };
        let id: Uuid = row.try_get("", "id")?;
        Ok(Some(RefreshLock {
            tokens: self.open_tokens(id, &row)?,
            entry: self.clone(),
            session,
            id,
        }))
    }

    /// Stores refreshed tokens without a lock. True where the session is there.
    pub async fn store_refreshed(
        &self,
        secret: &SessionSecret,
        tokens: &ProviderTokens,
    ) -> Result<bool, StoreError> {
        let at = self.0.clock.now();
        match self.lock_for_refresh(secret, at).await? {
            Some(lock) => lock.store(tokens).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends the session, and returns its ID token, as a hint for the provider's own logout.
    pub async fn end_session(
        &self,
        secret: &SessionSecret,
        at: DateTime<Utc>,
    ) -> Result<Option<SecretString>, StoreError> {
        let session = self.begin().await?;
        let row = session
            .row(
                "UPDATE countersign.sessions SET ended_at = $2 \
                 WHERE hash = $1 AND ended_at IS NULL RETURNING id, tokens_sealed",
                [secret.hashed().to_vec().into(), at.into()],
            )
            .await?;
        session.commit().await?;
        row.map(|row| Ok(self.open_tokens(row.try_get("", "id")?, &row)?.id))
            .transpose()
    }

    /// Ends the sessions that came of one session at the provider (OpenID Connect Back-Channel
    /// Logout, `sid`). Says how many.
    pub async fn end_by_provider_sid(
        &self,
        issuer: &str,
        sid: &str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let session = self.begin().await?;
        let ended = session
            .execute(
                "UPDATE countersign.sessions SET ended_at = $3 \
                 WHERE issuer = $1 AND provider_sid = $2 AND ended_at IS NULL",
                [issuer.into(), sid.into(), at.into()],
            )
            .await?;
        session.commit().await?;
        Ok(ended)
    }

    /// Ends every session of one subject (back-channel logout without `sid`). Says how many.
    pub async fn end_by_subject(
        &self,
        issuer: &str,
        subject: &str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let session = self.begin().await?;
        let ended = session
            .execute(
                "UPDATE countersign.sessions SET ended_at = $3 \
                 WHERE issuer = $1 AND subject = $2 AND ended_at IS NULL",
                [issuer.into(), subject.into(), at.into()],
            )
            .await?;
        session.commit().await?;
        Ok(ended)
    }

    fn seal_tokens(&self, id: Uuid, tokens: &ProviderTokens) -> Result<Vec<u8>, StoreError> {
        let plain = Plain {
            access: tokens.access.expose_secret().to_owned(),
            refresh: tokens
                .refresh
                .as_ref()
                .map(|t| t.expose_secret().to_owned()),
            id: tokens.id.expose_secret().to_owned(),
            access_expires_at: tokens.access_expires_at,
        };
        let bytes = serde_json::to_vec(&plain).map_err(|_| StoreError::Sealed)?;
        self.0
            .kek
            .seal(&Zeroizing::new(bytes), &about(&id), &*self.0.ids)
    }

    fn open_tokens(&self, id: Uuid, row: &QueryResult) -> Result<ProviderTokens, StoreError> {
        let sealed: Vec<u8> = row.try_get("", "tokens_sealed")?;
        let bytes = self.0.kek.open(&sealed, &about(&id))?;
        let plain: Plain = serde_json::from_slice(&bytes).map_err(|_| StoreError::Sealed)?;
        Ok(ProviderTokens {
            access: plain.access.clone().into(),
            refresh: plain.refresh.clone().map(Into::into),
            id: plain.id.clone().into(),
            access_expires_at: plain.access_expires_at,
        })
    }
}

fn about(id: &Uuid) -> About<'_> {
    About {
        purpose: "session tokens",
        owner: id.as_bytes(),
        version: 1,
    }
}

fn tenant(row: &QueryResult) -> Result<SessionTenant, StoreError> {
    let role: String = row.try_get("", "role")?;
    Ok(SessionTenant {
        id: TenantId::new(row.try_get("", "id")?),
        slug: row.try_get("", "slug")?,
        name: row.try_get("", "name")?,
        role: role
            .parse()
            .map_err(|_| StoreError::inconsistent(format!("`{role}` is not a role")))?,
    })
}
