//! Signing in: authorization code with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0).

use chrono::{DateTime, Duration, Utc};
use countersign_entities::{
    NewSession, ProvidedIdentity, ProviderTokens, RequestFacts, SessionSecret, SignIn, SignInError,
};
use oauth2::{
    AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Begun, Callback, Identity, IdentityError, Refusal, SignedIn, provider::NoAnswer, token,
};

/// Minutes that a person has for signing in at the provider.
const MINUTES: i64 = 15;
/// Minutes that an access token is taken to last where the provider does not say.
const LASTS_MINUTES: i64 = 5;
/// Minutes that it is taken to last at most, so that the provider is asked at least that often.
const LASTS_MINUTES_MAX: i64 = 60;
/// What a caller is told where a sign-in can not be trusted.
const START_AGAIN: &str = "the sign-in did not come to a good end: start again";

/// Errors of authorization (RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core 1.0, section 3.1.2.6;
/// RFC 9470, section 3; OpenID Connect Unmet Authentication Requirements 1.0).
const ERRORS: [&str; 21] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "insufficient_user_authentication",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "login_required",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
];

/// Those of them that say of a person that they are not signed in any more.
const FINAL: [&str; 6] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_grant",
    "login_required",
];

/// The ID token beside the access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IdTokenField {
    pub(super) id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

pub(super) type Tokens = StandardTokenResponse<IdTokenField, BasicTokenType>;

pub(super) type OAuthClient = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Identity {
    /// Begins a sign-in that ends at `return_to`, a path of ours.
    pub async fn begin(&self, return_to: &str, at: DateTime<Utc>) -> Result<Begun, IdentityError> {
        let client = self.client(at).await?;
        let ids = self.inner.database.ids();
        let random = || hex::encode(ids.random32());
        let (state, nonce, verifier) = (random(), random(), random());
        let verifier = PkceCodeVerifier::new(verifier);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let sign_in = SignIn {
            state_hash: Sha256::digest(state.as_bytes()).into(),
            nonce: SecretString::from(nonce.clone()),
            verifier: SecretString::from(verifier.secret().clone()),
            return_url: local_path(return_to).to_owned(),
            expires_at: at + Duration::minutes(MINUTES),
        };
        self.inner.database.entry().save_sign_in(&sign_in).await?;
        let token = CsrfToken::new(state.clone());
        let scopes = self
            .inner
            .settings
            .scopes
            .iter()
            .map(|s| oauth2::Scope::new(s.clone()));
        let (authorize, _) = client
            .authorize_url(move || token)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce)
            .url();
        Ok(Begun {
            authorize,
            browser: SecretString::from(state),
        })
    }

    /// Finishes a sign-in with what the browser brought. `browser` is what its cookie holds.
    pub async fn complete(
        &self,
        callback: Callback,
        browser: Option<&str>,
        facts: &RequestFacts,
    ) -> Result<SignedIn, IdentityError> {
        let at = facts.at;
        let refused = |cause: &str| IdentityError::refused(START_AGAIN, cause);
        let expired = |cause: &str| IdentityError::refused_as(Refusal::Expired, START_AGAIN, cause);
        let state = callback.state.ok_or_else(|| refused("no state"))?;
        // Whoever begins a sign-in and has another browser finish it would have that browser's
        // person work in his own account.
        let browser = browser.ok_or_else(|| expired("another browser, or too late"))?;
        let own = browser.as_bytes().ct_eq(state.as_bytes());
        if !bool::from(own) {
            return Err(refused("another browser"));
        }
        let state_hash = Sha256::digest(state.as_bytes()).into();
        let pending = self
            .inner
            .database
            .entry()
            .take_sign_in(&state_hash, at)
            .await?;
        let pending = pending.ok_or_else(|| expired("no sign-in of that state, or too late"))?;
        let provider = &self.inner.provider;
        let names_itself = callback.iss.is_some();
        if callback.iss.is_some_and(|iss| iss != provider.issuer()) {
            return Err(refused("another issuer answers"));
        }
        if let Some(error) = callback.error {
            let reason = "the provider did not sign you in";
            let (denied, cause) = (Refusal::Denied, registered(&error));
            return Err(IdentityError::refused_as(denied, reason, cause));
        }
        let code = callback.code.ok_or_else(|| refused("no code"))?;
        let code = AuthorizationCode::new(code.expose_secret().to_owned());
        let verifier = PkceCodeVerifier::new(pending.verifier.expose_secret().to_owned());
        if !names_itself && provider.discovery(at).await?.names_itself {
            return Err(refused("the answer does not say whose it is"));
        }
        let client = self.client(at).await?;
        let request = client.exchange_code(code).set_pkce_verifier(verifier);
        let tokens = request
            .request_async(provider)
            .await
            .map_err(|e| exchange_error(e, START_AGAIN))?;
        let nonce = pending.nonce.expose_secret();
        let session = self.open(&tokens, nonce, facts).await?;
        Ok(SignedIn {
            session,
            return_to: pending.return_url,
        })
    }

    async fn open(
        &self,
        tokens: &Tokens,
        nonce: &str,
        facts: &RequestFacts,
    ) -> Result<SessionSecret, IdentityError> {
        let at = facts.at;
        let (claims, provided) = self.read(tokens, nonce, at).await?;
        let subject = claims.sub.clone().unwrap_or_default();
        let issuer = self.inner.provider.issuer().to_owned();
        let identity = ProvidedIdentity {
            issuer: issuer.clone(),
            subject: subject.clone(),
            email: claims.email.clone(),
            email_verified: claims.email_verified.unwrap_or_default(),
            name: claims.name.clone(),
        };
        let entry = self.inner.database.entry();
        let user = entry
            .sign_in_user(&identity, at)
            .await
            .map_err(|error| match error {
                SignInError::Store(error) => error.into(),
                SignInError::EmailUnverified => IdentityError::refused_as(
                    Refusal::EmailUnverified,
                    "the provider does not vouch for your e-mail address: confirm it there first",
                    error.to_string(),
                ),
                SignInError::EmailTaken => IdentityError::refused_as(
                    Refusal::EmailTaken,
                    "your e-mail address belongs to another identity here: ask your administrator",
                    error.to_string(),
                ),
            })?;
        let settings = &self.inner.settings;
        let mut expires_at = at + settings.session_lifetime;
        if provided.refresh.is_none() {
            // The provider can not be asked again.
            expires_at = expires_at.min(provided.access_expires_at + settings.unconfirmed);
        }
        let session = NewSession {
            user,
            issuer,
            subject,
            mfa: claims.has_second_factor(),
            provider_sid: claims.sid,
            tokens: provided,
            expires_at,
        };
        Ok(entry.open_session(session, facts).await?)
    }

    /// Verifies the ID token of an answer, and brings the tokens into the form that is kept.
    async fn read(
        &self,
        tokens: &Tokens,
        nonce: &str,
        at: DateTime<Utc>,
    ) -> Result<(token::Claims, ProviderTokens), IdentityError> {
        let refused = |cause: String| IdentityError::refused(START_AGAIN, cause);
        let id_token = tokens.extra_fields().id_token.as_deref();
        let id_token = id_token.ok_or_else(|| refused("no ID token".to_owned()))?;
        let access = tokens.access_token().secret();
        let provider = &self.inner.provider;
        let claims = provider.verified(id_token, at).await?;
        let client_id = &self.inner.settings.client_id;
        let nonce = Some(nonce);
        token::id(&claims, provider.issuer(), client_id, nonce, access, at).map_err(refused)?;
        Ok((claims, kept(tokens, at)))
    }

    pub(super) async fn client(&self, at: DateTime<Utc>) -> Result<OAuthClient, IdentityError> {
        let settings = &self.inner.settings;
        let discovery = self.inner.provider.discovery(at).await?;
        let secret = settings.client_secret.expose_secret().to_owned();
        Ok(Client::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_uri(AuthUrl::from_url(discovery.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(discovery.token_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::from_url(settings.redirect_uri.clone())))
    }
}

/// The tokens in the form that is kept. The ID token is not: it has said who it is.
pub(super) fn kept(tokens: &Tokens, at: DateTime<Utc>) -> ProviderTokens {
    let lasts = tokens
        .expires_in()
        .and_then(|lasts| Duration::from_std(lasts).ok())
        .and_then(|lasts| at.checked_add_signed(lasts));
    ProviderTokens {
        access: SecretString::from(tokens.access_token().secret().clone()),
        refresh: tokens
            .refresh_token()
            .map(|t| SecretString::from(t.secret().clone())),
        access_expires_at: lasts
            .unwrap_or_else(|| at + Duration::minutes(LASTS_MINUTES))
            .min(at + Duration::minutes(LASTS_MINUTES_MAX)),
    }
}

/// What went wrong at the token endpoint.
pub(super) fn exchange_error(
    error: RequestTokenError<NoAnswer, BasicErrorResponse>,
    reason: &'static str,
) -> IdentityError {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            let error = registered(answer.error().as_ref());
            IdentityError::refused(reason, format!("the provider says `{error}`"))
        }
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::Parse(error, _) => IdentityError::away(error.to_string()),
        RequestTokenError::Other(error) => IdentityError::away(error),
    }
}

/// An error by its registered name. What else stands in its place is not repeated: anybody may write it
/// into the address that a browser comes back to.
fn registered(error: &str) -> &'static str {
    let known = ERRORS.iter().copied().find(|name| *name == error);
    known.unwrap_or("an error without a registered name")
}

/// Whether the provider takes a refresh token no more, or not before its person was there again.
pub(super) fn is_final(error: &RequestTokenError<NoAnswer, BasicErrorResponse>) -> bool {
    matches!(
        error,
        RequestTokenError::ServerResponse(answer) if FINAL.contains(&answer.error().as_ref())
    )
}

/// A path of ours, or the start page: never another site's address.
fn local_path(path: &str) -> &str {
    let mut bytes = path.bytes();
    let local = bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.len() <= 2_000
        && !path.chars().any(char::is_control);
    if local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::{local_path, registered};

    #[test]
    fn only_registered_errors_are_repeated() {
        assert_eq!(registered("access_denied"), "access_denied");
        for other in [
            "canary@x.test",
            "access_denied\nforged",
            "",
            "Access_Denied",
        ] {
            assert_eq!(registered(other), "an error without a registered name");
        }
    }

    #[test]
    fn only_own_paths_are_returned_to() {
        assert_eq!(local_path("/t/northwind?x=1"), "/t/northwind?x=1");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "",
            "x",
            "/\n/x",
        ] {
            assert_eq!(local_path(foreign), "/", "{foreign}");
        }
    }
}
