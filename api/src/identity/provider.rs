//! The OpenID provider: what it says of itself, and its keys.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::redirect;
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::{IdentityError, UNTRUE, keys::Keys, token};

/// How long the provider may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of one of its documents.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// What is used of the discovery document (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) end_session_endpoint: Option<Url>,
}

#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    http: reqwest::Client,
    discovery: OnceCell<Discovery>,
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
            discovery: OnceCell::new(),
            keys: Keys::default(),
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The discovery document, fetched once; a failure is not kept.
    pub(super) async fn discovery(&self) -> Result<&Discovery, IdentityError> {
        self.discovery.get_or_try_init(|| self.discover()).await
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
        for address in addresses.into_iter().chain(&found.end_session_endpoint) {
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
            let address = self.discovery().await?.jwks_uri.as_str();
            self.get(address).await
        };
        let key = self.keys.find(&header, at, jwks).await?;
        token::claims(jwt, &header, &key).map_err(|cause| IdentityError::refused(UNTRUE, cause))
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, address: &str) -> Result<T, IdentityError> {
        let answer = self
            .http
            .get(address)
            .send()
            .await
            .map_err(|error| IdentityError::away(error.to_string()))?;
        let answer = answer
            .error_for_status()
            .map_err(|error| IdentityError::away(error.to_string()))?;
        let body = answer
            .bytes()
            .await
            .map_err(|error| IdentityError::away(error.to_string()))?;
        if body.len() > DOCUMENT_BYTES_MAX {
            return Err(IdentityError::away(format!(
                "`{address}` is larger than it may be"
            )));
        }
        serde_json::from_slice(&body).map_err(|error| IdentityError::away(error.to_string()))
    }
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
