//! The OpenID provider: what it says of itself, and its keys.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use jsonwebtoken::jwk::JwkSet;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;
use url::{Host, Url};

use super::{IdentityError, IdentitySettings, UNTRUE, kept::Kept, keys::Keys, token};
use crate::causes::with_causes;

/// How long the provider may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of one answer of it.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What is used of the discovery document (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) end_session_endpoint: Option<Url>,
    /// Where a refresh token is given back (RFC 7009).
    pub(super) revocation_endpoint: Option<Url>,
    /// Whether it always says who answers (RFC 9207, section 3).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(super) names_itself: bool,
}

/// Why there is no answer of the provider.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// It was not reached, or broke off.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// It says more than is listened to.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
}

impl From<NoAnswer> for IdentityError {
    fn from(error: NoAnswer) -> Self {
        // The library names the address; what went wrong there is in the sources.
        Self::away(with_causes(&error))
    }
}

#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    http: reqwest::Client,
    discovery: Kept<Discovery>,
    keys: Keys,
}

impl Provider {
    pub(super) fn new(issuer: String) -> Result<Self, IdentityError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            // A redirect could lead a request with our secret elsewhere.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| IdentityError::away(error.to_string()))?;
        Ok(Self {
            issuer,
            http,
            discovery: Kept::default(),
            keys: Keys::default(),
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The discovery document.
    pub(super) async fn discovery(
        &self,
        at: DateTime<Utc>,
    ) -> Result<Arc<Discovery>, IdentityError> {
        self.discovery.get(at, |_| true, || self.discover()).await
    }

    /// Whether it can be signed in with: what it says of itself, and its keys.
    pub(super) async fn check(&self, at: DateTime<Utc>) -> Result<(), IdentityError> {
        let discovery = self.discovery(at).await?;
        let keys: JwkSet = self.get(discovery.jwks_uri.as_str()).await?;
        if keys.keys.is_empty() {
            return Err(IdentityError::away("it has no keys".to_owned()));
        }
        Ok(())
    }

    async fn discover(&self) -> Result<Discovery, IdentityError> {
        let address = format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        );
        let found: Discovery = self.get(&address).await?;
        if found.issuer != self.issuer {
            let cause = format!(
                "its issuer is `{}`, and `{}` is configured",
                found.issuer, self.issuer
            );
            return Err(IdentityError::away(cause));
        }
        let addresses = [
            &found.authorization_endpoint,
            &found.token_endpoint,
            &found.jwks_uri,
        ];
        let optional = found
            .end_session_endpoint
            .iter()
            .chain(&found.revocation_endpoint);
        for address in addresses.into_iter().chain(optional) {
            if !is_safe(address) {
                return Err(IdentityError::away(format!("`{address}` is plain HTTP")));
            }
        }
        Ok(found)
    }

    /// The claims of a token whose signature verifies by the provider's keys.
    pub(super) async fn verified(
        &self,
        jwt: &str,
        at: DateTime<Utc>,
    ) -> Result<token::Claims, IdentityError> {
        let header = token::header(jwt).map_err(|cause| IdentityError::refused(UNTRUE, cause))?;
        let jwks = || async {
            let discovery = self.discovery(at).await?;
            self.get(discovery.jwks_uri.as_str()).await
        };
        let key = self.keys.find(&header, at, jwks).await?;
        token::claims(jwt, &header, &key).map_err(|cause| IdentityError::refused(UNTRUE, cause))
    }

    /// Gives a refresh token back (RFC 7009, section 2.1). By hand, because the library refuses
    /// plain HTTP also on loopback.
    pub(super) async fn revoke(
        &self,
        endpoint: &Url,
        settings: &IdentitySettings,
        refresh: &SecretString,
    ) -> Result<(), IdentityError> {
        let form = [
            ("token", refresh.expose_secret()),
            ("token_type_hint", "refresh_token"),
        ];
        let secret = settings.client_secret.expose_secret();
        let answer = self
            .http
            .post(endpoint.clone())
            .basic_auth(
                form_encoded(&settings.client_id),
                Some(form_encoded(secret)),
            )
            .form(&form)
            .send()
            .await
            .map_err(NoAnswer::from)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(IdentityError::away(format!("`{endpoint}` says {status}")))
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, address: &str) -> Result<T, IdentityError> {
        let answer = self.http.get(address).send().await;
        let answer = answer.map_err(NoAnswer::from)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(IdentityError::away(format!("`{address}` says {status}")));
        }
        let body = whole(answer).await?;
        serde_json::from_slice(&body)
            .map_err(|error| IdentityError::away(format!("`{address}`: {error}")))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let request = reqwest::Request::try_from(request)?;
        let answer = self.http.execute(request).await?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() = whole(answer).await?;
        Ok(response)
    }
}

/// From the library's requests to the one HTTP client.
impl<'c> AsyncHttpClient<'c> for Provider {
    type Error = NoAnswer;
    type Future = BoxFuture<'c, Result<HttpResponse, NoAnswer>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The body, as long as it keeps within bounds: a length that is announced may be a lie.
async fn whole(mut answer: reqwest::Response) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// As a client's name and secret go into basic authentication (RFC 6749, section 2.3.1).
fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn is_safe(address: &Url) -> bool {
    let loopback = match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    };
    address.scheme() == "https" || (address.scheme() == "http" && loopback)
}

#[cfg(test)]
pub(super) mod tests;
