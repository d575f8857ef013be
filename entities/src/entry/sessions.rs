//! Signed-in browsers. The cookie's secret is stored as SHA-256, the provider's tokens sealed.

use chrono::{DateTime, Duration, Utc};
use countersign_domain::{
    access::Role,
    id::{SessionId, TenantId, UserId},
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Entry, events, tokens::ProviderTokens};
use crate::{
    context::{RequestFacts, SessionSecret},
    error::StoreError,
};

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

/// A session that is neither ended nor over, by its hash and the time.
pub(super) const GOOD: &str = "SELECT s.id, s.user_id, s.issuer, s.subject, s.active_tenant_id, \
     s.mfa, s.expires_at, s.tokens_sealed, u.name, u.email \
     FROM countersign.sessions s JOIN countersign.users u ON u.id = s.user_id \
     WHERE s.hash = $1 AND s.ended_at IS NULL \
     AND countersign.is_live(s.expires_at, s.last_seen_at, $2)";

/// How long a session is kept after its time, so that who comes with it is told that it is over.
const KEPT_OVER: Duration = Duration::days(30);
/// Each new one has a few old ones forgotten, so that there are never many more than are good.
const FORGET_OVER: &str = "DELETE FROM countersign.sessions WHERE id IN ( \
     SELECT id FROM countersign.sessions WHERE expires_at <= $1 \
     ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)";

impl Entry {
    /// Opens a session, and records it. A user of one tenant starts in it.
    pub async fn open_session(
        &self,
        new: NewSession,
        facts: &RequestFacts,
    ) -> Result<SessionSecret, StoreError> {
        let secret = SessionSecret::new(self.0.ids.random32());
        let id = self.0.ids.uuid();
        let sealed = self.seal_tokens(id, &new.tokens).await?;
        let session = self.begin().await?;
        let over = facts.at - KEPT_OVER;
        session.execute(FORGET_OVER, [over.into()]).await?;
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
                    facts.at.into(),
                    new.expires_at.into(),
                ],
            )
            .await?;
        let opened = events::opened(SessionId::new(id), new.mfa);
        self.record(&session, new.user, opened, facts).await?;
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
            tokens: self.open_tokens(id, &row).await?,
            mfa: row.try_get("", "mfa")?,
            expires_at: row.try_get("", "expires_at")?,
        }))
    }

    /// Which session that secret is of, if it is good. It is told also where the provider's tokens do not open.
    pub async fn session_id(
        &self,
        secret: &SessionSecret,
        at: DateTime<Utc>,
    ) -> Result<Option<SessionId>, StoreError> {
        let session = self.begin().await?;
        let hash = secret.hashed().to_vec();
        let row = session.row(GOOD, [hash.into(), at.into()]).await?;
        session.commit().await?;
        let id = row.map(|row| row.try_get("", "id")).transpose()?;
        Ok(id.map(SessionId::new))
    }

    /// Makes that tenant the one the session works in, and records it there. False where the user is no member of it, or
    /// there is no such tenant, or no such session: which of them is not told.
    pub async fn switch_tenant(
        &self,
        secret: &SessionSecret,
        slug: &str,
        facts: &RequestFacts,
    ) -> Result<bool, StoreError> {
        let session = self.begin().await?;
        let switched = session
            .row(
                "UPDATE countersign.sessions s SET active_tenant_id = m.tenant_id \
                 FROM countersign.memberships m \
                 JOIN countersign.tenants t ON t.id = m.tenant_id \
                 WHERE s.hash = $1 AND s.ended_at IS NULL \
                 AND countersign.is_live(s.expires_at, s.last_seen_at, $3) \
                 AND m.user_id = s.user_id AND t.slug = $2 \
                 RETURNING s.id, s.user_id, m.tenant_id",
                [
                    secret.hashed().to_vec().into(),
                    slug.into(),
                    facts.at.into(),
                ],
            )
            .await?;
        let Some(row) = switched else {
            return Ok(false);
        };
        let tenant = TenantId::new(row.try_get("", "tenant_id")?);
        let user = UserId::new(row.try_get("", "user_id")?);
        let chosen = events::tenant_chosen(SessionId::new(row.try_get("", "id")?));
        self.record_in(tenant, user, chosen, facts).await?;
        session.commit().await?;
        Ok(true)
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
