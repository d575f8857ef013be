//! Renewing the provider's tokens: one holder at a time, on every replica.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Entry, Session, sessions::GOOD, tokens::ProviderTokens};
use crate::{context::SessionSecret, error::StoreError};

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

    /// Stores what the provider gave instead, and lets go. False where the session has ended meanwhile: then
    /// nobody keeps the tokens, and they are to be given back.
    pub async fn store(self, tokens: &ProviderTokens) -> Result<bool, StoreError> {
        let sealed = self.entry.seal_tokens(self.id, tokens).await?;
        let stored = self
            .session
            .execute(
                "UPDATE countersign.sessions SET tokens_sealed = $2 \
                 WHERE id = $1 AND ended_at IS NULL",
                [self.id.into(), sealed.into()],
            )
            .await?;
        self.session.commit().await?;
        Ok(stored == 1)
    }

    /// Lets go without a change.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session.commit().await
    }
}

impl Entry {
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
            tokens: self.open_tokens(id, &row).await?,
            entry: self.clone(),
            session,
            id,
        }))
    }
}
