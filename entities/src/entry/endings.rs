//! Ends of sessions: by their person, by the provider, or because their tokens can not be renewed.

use chrono::{DateTime, Utc};
use countersign_domain::id::{SessionId, UserId};
use sea_orm::Value;
use uuid::Uuid;

use super::{Entry, tokens::ProviderTokens};
use crate::{
    context::{RequestFacts, SessionSecret},
    error::StoreError,
};

/// Which sessions are to end.
#[derive(Debug, Clone, Copy)]
pub enum SessionsOf<'a> {
    /// The one of that cookie.
    Secret(&'a SessionSecret),
    /// Those that came of one session at the provider (OpenID Connect Back-Channel Logout, `sid`), and those of
    /// its person of which nobody knows of which they came, since their ID token had no `sid`.
    ProviderSid {
        /// `iss`.
        issuer: &'a str,
        /// `sid`.
        sid: &'a str,
        /// `sub`, where it is said.
        subject: Option<&'a str>,
        /// Of those without `sid` only what was open then, as of a subject's.
        opened_by: DateTime<Utc>,
    },
    /// Those of one person at the provider (back-channel logout without `sid`).
    Subject {
        /// `iss`.
        issuer: &'a str,
        /// `sub`.
        subject: &'a str,
        /// Only those that were open then: a logout that is heard twice ends no later session.
        opened_by: DateTime<Utc>,
    },
}

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// Its person signed out.
    Person,
    /// The provider said so.
    Provider,
    /// The provider takes its refresh token no more, or answered for somebody else.
    Renewal,
}

impl EndedBy {
    /// As the audit log writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Provider => "provider",
            Self::Renewal => "renewal",
        }
    }
}

impl Entry {
    /// Ends sessions, records each, and returns the provider's tokens of each. A session ends also
    /// where its tokens do not open any more, and then gives none.
    pub async fn end_sessions(
        &self,
        which: SessionsOf<'_>,
        by: EndedBy,
        facts: &RequestFacts,
    ) -> Result<Vec<Option<ProviderTokens>>, StoreError> {
        let at: Value = facts.at.into();
        let session = self.begin().await?;
        let rows = match which {
            SessionsOf::Secret(secret) => {
                let values = [at, secret.hashed().to_vec().into()];
                session.rows(BY_SECRET, values).await?
            }
            SessionsOf::ProviderSid {
                issuer,
                sid,
                subject,
                opened_by,
            } => {
                let values = [
                    at,
                    issuer.into(),
                    sid.into(),
                    subject.into(),
                    opened_by.into(),
                ];
                session.rows(BY_PROVIDER_SID, values).await?
            }
            SessionsOf::Subject {
                issuer,
                subject,
                opened_by,
            } => {
                let values = [at, issuer.into(), subject.into(), opened_by.into()];
                session.rows(BY_SUBJECT, values).await?
            }
        };
        let mut ended = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: Uuid = row.try_get("", "id")?;
            let user = UserId::new(row.try_get("", "user_id")?);
            let end = (SessionId::new(id), by);
            self.record_end(&session, user, end, facts).await?;
            ended.push(self.open_tokens(id, row).await.ok());
        }
        session.commit().await?;
        Ok(ended)
    }
}

macro_rules! end_where {
    ($condition:literal) => {
        concat!(
            "UPDATE countersign.sessions SET ended_at = $1 ",
            "WHERE ended_at IS NULL AND expires_at > $1 AND ",
            $condition,
            " RETURNING id, user_id, tokens_sealed"
        )
    };
}

const BY_SECRET: &str = end_where!("hash = $2");
const BY_PROVIDER_SID: &str = end_where!(
    "issuer = $2 AND (provider_sid = $3 \
     OR provider_sid IS NULL AND subject = $4 AND created_at <= $5)"
);
const BY_SUBJECT: &str = end_where!("issuer = $2 AND subject = $3 AND created_at <= $4");
