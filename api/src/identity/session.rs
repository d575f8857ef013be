//! After the sign-in: fresh tokens, by which a session is held to the provider, and the ways to sign out.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{
    EndedBy, ProviderTokens, RequestFacts, SessionRecord, SessionSecret, SessionsOf, StoreError,
};
use oauth2::{RefreshToken, RequestTokenError, TokenResponse, basic::BasicErrorResponse};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    Identity, IdentityError, UNTRUE,
    provider::{NoAnswer, Provider},
    sign_in::{OAuthClient, Tokens, exchange_error, is_final, kept},
    token,
};

/// Seconds before its end at which an access token is renewed.
const AHEAD_SECONDS: i64 = 30;
/// Seconds after which one replica tries again what did not come to an end.
const AGAIN_SECONDS: i64 = 60;

/// Minutes of the provider's being away in which no session ends, however long ago it was confirmed: whoever comes
/// back after a weekend is not signed out by what is over in a moment.
const OUTAGE_MINUTES: i64 = 60;

/// What one replica knows of a session that it has seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextRenewal {
    due: DateTime<Utc>,
    /// Since when it is tried and comes to no end.
    failing_since: Option<DateTime<Utc>>,
}

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
    /// Has the provider asked whether the session goes on, where that is due. Whoever uses the session does not
    /// wait for it: what is asked for meanwhile is answered, and the next is not where the provider has refused.
    pub fn hold_to_provider(&self, secret: &SessionSecret, facts: &RequestFacts) {
        let inner = &self.inner;
        let session = secret.hashed();
        let known = inner.next_renewals.get(&session);
        if known.is_some_and(|known| facts.at < known.due) {
            return;
        }
        // Whoever renews holds a connection for as long as the provider takes to answer. Nobody
        // needs the tokens now, so the others go on and leave connections for the sign-ins.
        let Ok(turn) = Arc::clone(&inner.renewals).try_acquire_owned() else {
            return;
        };
        // What failed long ago says nothing of an outage of today.
        let lately = known.filter(|known| facts.at < known.due + inner.settings.unconfirmed);
        let failing_since = lately.and_then(|known| known.failing_since);
        let failing_since = failing_since.unwrap_or(facts.at);
        // What comes to no end leaves it so.
        let again = NextRenewal {
            due: facts.at + Duration::seconds(AGAIN_SECONDS),
            failing_since: Some(failing_since),
        };
        inner.next_renewals.insert(session, again);
        let (identity, secret, facts) = (self.clone(), secret.clone(), *facts);
        tokio::spawn(async move {
            let _turn = turn;
            let due = identity.keep_fresh(&secret, &facts, failing_since).await;
            if let Some(due) = due {
                let next = NextRenewal {
                    // However short tokens last, the provider is not asked at every request.
                    due: due.max(facts.at + Duration::seconds(AHEAD_SECONDS)),
                    failing_since: None,
                };
                identity.inner.next_renewals.insert(session, next);
            }
        });
    }

    /// Renews the provider's tokens where they have ended, one caller at a time on every replica, and says when
    /// that is due again, where that is known.
    ///
    /// The session lives on while the provider is away, for as long as sessions may go on without its word. It ends
    /// where the provider takes the refresh token no more, or answers for somebody else.
    async fn keep_fresh(
        &self,
        secret: &SessionSecret,
        facts: &RequestFacts,
        failing_since: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let entry = self.inner.database.entry();
        let cause = match self.confirm(secret, facts.at, failing_since).await {
            Ok(next) => return next,
            Err(NotRenewed::Later(error)) => {
                tracing::warn!(%error, "tokens were not renewed: the session goes on");
                return None;
            }
            Err(NotRenewed::Ended(cause)) => cause,
        };
        tracing::warn!(%cause, "a session ends: its tokens can not be renewed");
        let which = SessionsOf::Secret(secret);
        if let Err(error) = entry.end_sessions(which, EndedBy::Renewal, facts).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a session did not end"
            );
        }
        None
    }

    /// When the session is to be confirmed next, by the provider's word where that is due now.
    async fn confirm(
        &self,
        secret: &SessionSecret,
        at: DateTime<Utc>,
        failing_since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, NotRenewed> {
        let record = match self.inner.database.entry().session(secret, at).await {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            // Nobody can ever ask for it.
            Err(StoreError::Sealed | StoreError::KeyDestroyed) => {
                return Err(NotRenewed::Ended("its tokens do not open".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let confirmed = record.tokens.access_expires_at;
        if !is_due(confirmed, at) {
            return Ok(Some(due(confirmed)));
        }
        // Until when it goes on without the provider's word.
        let until = confirmed + self.inner.settings.unconfirmed;
        // A refresh token is shown to nobody but its issuer.
        let can_ask = record.issuer == self.inner.provider.issuer();
        if !can_ask || record.tokens.refresh.is_none() {
            if at < until {
                return Ok(Some(until));
            }
            let cause = "nobody can be asked whether it goes on";
            return Err(NotRenewed::Ended(cause.to_owned()));
        }
        match self.renew(secret, &record, at).await {
            Err(NotRenewed::Later(IdentityError::Store(error))) => Err(error.into()),
            Err(NotRenewed::Later(error))
                if at >= until && at >= failing_since + Duration::minutes(OUTAGE_MINUTES) =>
            {
                let cause = format!("the provider has not confirmed it for too long: {error}");
                Err(NotRenewed::Ended(cause))
            }
            done => done,
        }
    }

    async fn renew(
        &self,
        secret: &SessionSecret,
        record: &SessionRecord,
        at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, NotRenewed> {
        let client = self.client(at).await?;
        let entry = self.inner.database.entry();
        let Some(lock) = entry.lock_for_refresh(secret, at).await? else {
            return Ok(None);
        };
        let (confirmed, refresh) = (
            lock.tokens().access_expires_at,
            lock.tokens().refresh.clone(),
        );
        let (true, Some(refresh)) = (is_due(confirmed, at), refresh) else {
            // Whoever held the lock before has done it.
            lock.release().await?;
            return Ok(Some(due(confirmed)));
        };
        let renewed = self.ask(&client, &refresh).await?;
        let inner = &self.inner;
        let client_id = &inner.settings.client_id;
        let checked =
            check_renewed(&inner.provider, client_id, &renewed, &record.subject, at).await;
        if let Err(ended @ NotRenewed::Ended(_)) = checked {
            return Err(ended);
        }
        let tokens = kept_of(&renewed, checked.is_ok(), lock.tokens(), at);
        if !lock.store(&tokens).await? {
            // Somebody signed out meanwhile, and gave back the refresh token of before.
            self.give_back(&tokens, at).await;
            return Ok(None);
        }
        checked.map(|()| Some(due(tokens.access_expires_at)))
    }

    /// Shows the provider a refresh token.
    async fn ask(
        &self,
        client: &OAuthClient,
        refresh: &SecretString,
    ) -> Result<Tokens, NotRenewed> {
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let request = client.exchange_refresh_token(&refresh);
        let renewed = request.request_async(&self.inner.provider).await;
        renewed.map_err(not_renewed)
    }

    /// Gives a refresh token back to the provider, where it takes them and answers.
    async fn give_back(&self, tokens: &ProviderTokens, at: DateTime<Utc>) {
        let provider = &self.inner.provider;
        let Ok(discovery) = provider.discovery(at).await else {
            return;
        };
        let (Some(endpoint), Some(refresh)) = (&discovery.revocation_endpoint, &tokens.refresh)
        else {
            return;
        };
        let revoked = provider
            .revoke(endpoint, &self.inner.settings, refresh)
            .await;
        if let Err(error) = revoked {
            tracing::warn!(%error, "the provider did not revoke a refresh token");
        }
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
        self.give_back(&tokens, at).await;
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
            (Some(sid), subject) => SessionsOf::ProviderSid {
                issuer,
                sid,
                subject: subject.as_deref(),
                opened_by,
            },
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

/// Only the provider's word that the grant is over, or that it wants to see the person, ends a session. Anything
/// else may pass.
fn not_renewed(error: RequestTokenError<NoAnswer, BasicErrorResponse>) -> NotRenewed {
    if is_final(&error) {
        let cause = "the provider takes the refresh token no more";
        return NotRenewed::Ended(cause.to_owned());
    }
    match exchange_error(error, UNTRUE) {
        IdentityError::Refused { cause, .. } => NotRenewed::Later(IdentityError::away(cause)),
        other => NotRenewed::Later(other),
    }
}

/// When tokens are renewed whose access token ends at that time.
fn due(access_expires_at: DateTime<Utc>) -> DateTime<Utc> {
    access_expires_at - Duration::seconds(AHEAD_SECONDS)
}

fn is_due(access_expires_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    at >= due(access_expires_at)
}

#[cfg(test)]
mod tests;
