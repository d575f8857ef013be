//! After the sign-in: fresh tokens, and the ways to sign out.

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{
    EndedBy, ProviderTokens, RequestFacts, SessionRecord, SessionSecret, SessionsOf, StoreError,
};
use oauth2::{RefreshToken, RequestTokenError, TokenResponse, basic::BasicErrorResponse};
use secrecy::ExposeSecret;
use url::Url;

use super::{
    Identity, IdentityError, UNTRUE,
    provider::{NoAnswer, Provider},
    sign_in::{Tokens, exchange_error, is_invalid_grant, kept},
    token,
};

/// Seconds before its end at which an access token is renewed.
const AHEAD_SECONDS: i64 = 30;

/// Why tokens were not renewed.
#[derive(Debug)]
enum NotRenewed {
    /// The provider has ended it, or means somebody else.
    Ended(String),
    /// It may work another time.
    Later(IdentityError),
}

impl From<IdentityError> for NotRenewed {
    fn from(error: IdentityError) -> Self {
        Self::Later(error)
    }
}

impl From<StoreError> for NotRenewed {
    fn from(error: StoreError) -> Self {
        Self::Later(error.into())
    }
}

impl Identity {
    /// Renews the provider's tokens where they have ended, one caller at a time on every replica.
    ///
    /// The session lives on while the provider is away, and ends where the provider takes the
    /// refresh token no more, or answers for somebody else.
    pub async fn keep_fresh(
        &self,
        secret: &SessionSecret,
        record: &SessionRecord,
        facts: &RequestFacts,
    ) {
        let at = facts.at;
        let due = is_due(record.tokens.access_expires_at, at) && record.tokens.refresh.is_some();
        // A refresh token is shown to nobody but its issuer.
        if !due || record.issuer != self.inner.provider.issuer() {
            return;
        }
        // Whoever renews holds a connection for as long as the provider takes to answer. Nobody
        // needs the tokens now, so the others go on and leave connections for the sign-ins.
        let Ok(_turn) = self.inner.renewals.try_acquire() else {
            return;
        };
        match self.renew(secret, record, at).await {
            Ok(()) => {}
            Err(NotRenewed::Ended(cause)) => {
                tracing::warn!(%cause, "a session ends: its tokens can not be renewed");
                let which = SessionsOf::Secret(secret);
                let entry = self.inner.database.entry();
                if let Err(error) = entry.end_sessions(which, EndedBy::Renewal, facts).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a session did not end"
                    );
                }
            }
            Err(NotRenewed::Later(error)) => {
                tracing::warn!(%error, "tokens were not renewed: the session goes on");
            }
        }
    }

    async fn renew(
        &self,
        secret: &SessionSecret,
        record: &SessionRecord,
        at: DateTime<Utc>,
    ) -> Result<(), NotRenewed> {
        let client = self.client(at).await?;
        let entry = self.inner.database.entry();
        let Some(lock) = entry.lock_for_refresh(secret, at).await? else {
            return Ok(());
        };
        let refresh = lock.tokens().refresh.clone();
        let (true, Some(refresh)) = (is_due(lock.tokens().access_expires_at, at), refresh) else {
            // Whoever held the lock before has done it.
            return Ok(lock.release().await?);
        };
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let http = |request| self.inner.provider.send(request);
        let request = client.exchange_refresh_token(&refresh);
        let renewed = request.request_async(&http).await.map_err(not_renewed)?;
        let inner = &self.inner;
        let client_id = &inner.settings.client_id;
        let checked =
            check_renewed(&inner.provider, client_id, &renewed, &record.subject, at).await;
        if matches!(checked, Err(NotRenewed::Ended(_))) {
            return checked;
        }
        let tokens = kept_of(&renewed, checked.is_ok(), lock.tokens(), at);
        lock.store(&tokens).await?;
        checked
    }

    /// Ends the session, and says where the browser goes to end it at the provider too
    /// (OpenID Connect RP-Initiated Logout 1.0). A token never reaches the browser, not as a hint either:
    /// without one the provider asks the person, and knows by the client where to send them back.
    pub async fn logout(
        &self,
        secret: &SessionSecret,
        facts: &RequestFacts,
    ) -> Result<Url, IdentityError> {
        let at = facts.at;
        let entry = self.inner.database.entry();
        let which = SessionsOf::Secret(secret);
        let ended = entry.end_sessions(which, EndedBy::Person, facts).await?;
        let tokens = ended.into_iter().flatten().next();
        let home = self.inner.settings.post_logout_uri.clone();
        // Signing out here works while the provider is away.
        let Ok(discovery) = self.inner.provider.discovery(at).await else {
            return Ok(home);
        };
        let Some(tokens) = tokens else {
            return Ok(home);
        };
        if let (Some(endpoint), Some(refresh)) = (&discovery.revocation_endpoint, &tokens.refresh) {
            let settings = &self.inner.settings;
            let revoked = self
                .inner
                .provider
                .revoke(endpoint, settings, refresh)
                .await;
            if let Err(error) = revoked {
                tracing::warn!(%error, "the provider did not revoke a refresh token");
            }
        }
        let Some(endpoint) = &discovery.end_session_endpoint else {
            return Ok(home);
        };
        let mut next = endpoint.clone();
        next.query_pairs_mut()
            .append_pair("client_id", &self.inner.settings.client_id)
            .append_pair("post_logout_redirect_uri", home.as_str());
        Ok(next)
    }

    /// Ends the sessions that a logout token names (OpenID Connect Back-Channel Logout 1.0).
    pub async fn backchannel(
        &self,
        logout_token: &str,
        facts: &RequestFacts,
    ) -> Result<(), IdentityError> {
        let at = facts.at;
        let provider = &self.inner.provider;
        let claims = provider.verified(logout_token, at).await?;
        let client_id = &self.inner.settings.client_id;
        let opened_by = token::logout(&claims, provider.issuer(), client_id, at)
            .map_err(|cause| IdentityError::refused(UNTRUE, cause))?;
        let entry = self.inner.database.entry();
        let issuer = provider.issuer();
        let which = match (&claims.sid, &claims.sub) {
            (Some(sid), _) => SessionsOf::ProviderSid { issuer, sid },
            (None, Some(subject)) => SessionsOf::Subject {
                issuer,
                subject,
                opened_by,
            },
            (None, None) => return Ok(()),
        };
        let ended = entry.end_sessions(which, EndedBy::Provider, facts).await?;
        let ended = ended.len();
        tracing::info!(ended, "the provider signed somebody out");
        Ok(())
    }
}

/// Whether the answer is for the same person. A provider need not send a new ID token
/// (OpenID Connect Core 1.0, section 12.2).
async fn check_renewed(
    provider: &Provider,
    client_id: &str,
    renewed: &Tokens,
    subject: &str,
    at: DateTime<Utc>,
) -> Result<(), NotRenewed> {
    let Some(id_token) = &renewed.extra_fields().id_token else {
        return Ok(());
    };
    let claims = provider.verified(id_token, at).await?;
    let access = renewed.access_token().secret();
    token::id(&claims, provider.issuer(), client_id, None, access, at)
        .map_err(NotRenewed::Ended)?;
    if claims.sub.as_deref() == Some(subject) {
        return Ok(());
    }
    let cause = "the provider answers for somebody else";
    Err(NotRenewed::Ended(cause.to_owned()))
}

/// What is kept of an answer, whose ID token is `verified` or could not be verified now.
///
/// Of the latter only the refresh token is kept: where the provider rotates them, the one before
/// is good no more, and the next try needs the new one.
fn kept_of(
    renewed: &Tokens,
    verified: bool,
    before: &ProviderTokens,
    at: DateTime<Utc>,
) -> ProviderTokens {
    let new = kept(renewed, at);
    let refresh = new.refresh.clone().or_else(|| before.refresh.clone());
    let base = if verified { new } else { before.clone() };
    ProviderTokens { refresh, ..base }
}

/// Only the provider's word that the grant is over ends a session. Anything else may pass.
fn not_renewed(error: RequestTokenError<NoAnswer, BasicErrorResponse>) -> NotRenewed {
    if is_invalid_grant(&error) {
        let cause = "the provider takes the refresh token no more";
        return NotRenewed::Ended(cause.to_owned());
    }
    match exchange_error(error, UNTRUE) {
        IdentityError::Refused { cause, .. } => NotRenewed::Later(IdentityError::away(cause)),
        other => NotRenewed::Later(other),
    }
}

fn is_due(access_expires_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    at >= access_expires_at - Duration::seconds(AHEAD_SECONDS)
}

#[cfg(test)]
mod tests;
