//! Signed-in browsers. The cookie's secret is stored as SHA-256, the provider's tokens sealed.

use std::fmt;

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::Role,
    id::{SessionId, TenantId, UserId},
};
use sea_orm::QueryResult;
use secrecy::SecretString;
use uuid::Uuid;

use super::{Entry, Session, tokens::ProviderTokens};
use crate::{context::SessionSecret, error::StoreError};

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
     WHERE s.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 \
     AND s.last_seen_at > $2 - interval '30 days'";

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
                 AND s.last_seen_at > $3 - interval '30 days' \
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
