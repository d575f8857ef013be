//! After the sign-in: fresh tokens, and the ways to sign out.

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{SessionRecord, SessionSecret};
use oauth2::RefreshToken;
use secrecy::ExposeSecret;
use url::Url;

use super::{
    Identity, IdentityError, UNTRUE,
    sign_in::{exchange_error, is_invalid_grant},
    token,
};

/// Seconds before its end at which an access token is renewed.
const AHEAD_SECONDS: i64 = 30;

impl Identity {
    /// Renews the provider's tokens where they have ended, one caller at a time on every replica.
    ///
    /// The session lives on while the provider is away, and ends where the provider takes the
    /// refresh token no more, or answers for somebody else.
    pub async fn keep_fresh(
        &self,
        secret: &SessionSecret,
        record: &SessionRecord,
        at: DateTime<Utc>,
    ) {
        if !is_due(record.tokens.access_expires_at, at) || record.tokens.refresh.is_none() {
            return;
        }
        match self.refresh(secret, record, at).await {
            Ok(()) => {}
            Err(IdentityError::Refused { cause, .. }) => {
                tracing::warn!(%cause, "a session ends: its tokens can not be renewed");
                if let Err(error) = self.inner.database.entry().end_session(secret, at).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a session did not end"
                    );
                }
            }
            Err(error) => {
                tracing::warn!(%error, "tokens were not renewed: the session goes on");
            }
        }
    }

    async fn refresh(
        &self,
        secret: &SessionSecret,
        record: &SessionRecord,
        at: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        let entry = self.inner.database.entry();
        let Some(lock) = entry.lock_for_refresh(secret, at).await? else {
            return Ok(());
        };
        let refresh = lock.tokens().refresh.clone();
        let (true, Some(refresh)) = (is_due(lock.tokens().access_expires_at, at), refresh) else {
            // Whoever held the lock before has done it.
            return Ok(lock.release().await?);
        };
        let client = self.client().await?;
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let http = |request| self.send(request);
        let renewed = client
            .exchange_refresh_token(&refresh)
            .request_async(&http)
            .await;
        let renewed = renewed.map_err(|error| {
            if is_invalid_grant(&error) {
                IdentityError::refused(UNTRUE, "the provider takes the refresh token no more")
            } else {
                // Anything else may pass: the session is not ended for it.
                match exchange_error(error, UNTRUE) {
                    IdentityError::Refused { cause, .. } => IdentityError::away(cause),
                    other => other,
                }
            }
        })?;
        let (claims, mut tokens) = self.read(&renewed, None, at).await?;
        if claims.sub.as_deref() != Some(record.subject.as_str()) {
            return Err(IdentityError::refused(
                UNTRUE,
                "the provider answers for somebody else",
            ));
        }
        if tokens.refresh.is_none() {
            tokens.refresh.clone_from(&lock.tokens().refresh);
        }
        Ok(lock.store(&tokens).await?)
    }

    /// Ends the session, and says where the browser goes to end it at the provider too
    /// (OpenID Connect RP-Initiated Logout 1.0).
    pub async fn logout(&self, secret: &SessionSecret) -> Result<Url, IdentityError> {
        let database = &self.inner.database;
        let hint = database
            .entry()
            .end_session(secret, database.clock().now())
            .await?;
        let home = self.inner.settings.post_logout_uri.clone();
        // Signing out here works while the provider is away.
        let Ok(discovery) = self.inner.provider.discovery().await else {
            return Ok(home);
        };
        let (Some(endpoint), Some(hint)) = (&discovery.end_session_endpoint, hint) else {
            return Ok(home);
        };
        let mut next = endpoint.clone();
        next.query_pairs_mut()
            .append_pair("id_token_hint", hint.expose_secret())
            .append_pair("client_id", &self.inner.settings.client_id)
            .append_pair("post_logout_redirect_uri", home.as_str());
        Ok(next)
    }

    /// Ends the sessions that a logout token names (OpenID Connect Back-Channel Logout 1.0).
    pub async fn backchannel(
        &self,
        logout_token: &str,
        at: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        let provider = &self.inner.provider;
        let claims = provider.verified(logout_token, at).await?;
        token::logout(
            &claims,
            provider.issuer(),
            &self.inner.settings.client_id,
            at,
        )
        .map_err(|cause| IdentityError::refused(UNTRUE, cause))?;
        let entry = self.inner.database.entry();
        let ended = match (&claims.sid, &claims.sub) {
            (Some(sid), _) => {
                entry
                    .end_by_provider_sid(provider.issuer(), sid, at)
                    .await?
            }
            (None, Some(sub)) => entry.end_by_subject(provider.issuer(), sub, at).await?,
            (None, None) => 0,
        };
        tracing::info!(ended, "the provider signed somebody out");
        Ok(())
    }
}

fn is_due(access_expires_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    at >= access_expires_at - Duration::seconds(AHEAD_SECONDS)
}
