//! What the key services have in common: how they are asked, and how they fail.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_entities::{KekError, PlainKey};
use reqwest::{Client, RequestBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use super::KmsError;
use crate::causes::with_causes;

/// How long a key service has to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most characters of a service's words that are told to the operator.
const WORDS_MAX: usize = 200;

/// A key service, by the name of the key that it keeps.
#[derive(Debug)]
pub(super) struct Service {
    http: Client,
    kek: String,
}

impl Service {
    /// A client that goes to the service and nowhere else.
    pub(super) fn new(keeper: &'static str, kek: String) -> Result<Self, KmsError> {
        let built = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build();
        let http = built.map_err(|error| KmsError::Settings {
            keeper,
            fault: error.to_string(),
        })?;
        Ok(Self { http, kek })
    }

    /// The name of the key.
    pub(super) fn kek(&self) -> &str {
        &self.kek
    }

    pub(super) fn get(&self, address: &Url) -> RequestBuilder {
        self.http.get(address.clone())
    }

    pub(super) fn post(&self, address: &Url) -> RequestBuilder {
        self.http.post(address.clone())
    }

    /// A request to a path of the service's.
    pub(super) fn post_to(&self, base: &Url, path: &str) -> Result<RequestBuilder, KekError> {
        let address = base.join(path);
        let address = address.map_err(|_| self.garbled("the key's name makes no address"))?;
        Ok(self.http.post(address))
    }

    /// Sends a request, reads the whole answer, and judges it. `says` finds the service's own words in the
    /// body of a failure, whose status it is given.
    pub(super) async fn ask<T: DeserializeOwned, F: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        says: impl FnOnce(u16, F) -> Words,
    ) -> Result<T, KekError> {
        let unreachable = |error: reqwest::Error| KekError::Unreachable {
            kek: self.kek.clone(),
            cause: if error.is_timeout() {
                format!("no answer within {} s", TIMEOUT.as_secs())
            } else {
                // Without the address, which may be a secret's.
                with_causes(&error.without_url())
            },
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(unreachable)?;
        let body = Zeroizing::new(body.to_vec());
        if (200..300).contains(&status) {
            let answer = serde_json::from_slice(&body);
            return answer.map_err(|_| self.garbled("it is not of the form that is known"));
        }
        let words = serde_json::from_slice(&body).map(|failure| says(status, failure));
        Err(self.failure(status, words.unwrap_or_default()))
    }

    /// What a failure comes to.
    fn failure(&self, status: u16, words: Words) -> KekError {
        let kek = self.kek.clone();
        let code = if words.code.is_empty() {
            status.to_string()
        } else {
            words.code
        };
        let said: String = words.message.chars().take(WORDS_MAX).collect();
        let cause = format!("{code}: {said}");
        match words.kind.unwrap_or_else(|| Kind::of(status)) {
            Kind::Denied => KekError::Denied { kek, cause },
            Kind::Throttled => KekError::Throttled { kek },
            Kind::Mismatch => KekError::Mismatch { kek },
            Kind::Unwell => KekError::Unreachable { kek, cause },
            Kind::Other => KekError::Garbled { kek, cause },
        }
    }

    pub(super) fn garbled(&self, cause: &str) -> KekError {
        KekError::Garbled {
            kek: self.kek.clone(),
            cause: cause.to_owned(),
        }
    }

    pub(super) fn base64(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, KekError> {
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|_| self.garbled("what should be Base64 is not"))?;
        Ok(Zeroizing::new(bytes))
    }

    /// The key that the service gave, in Base64.
    pub(super) fn key(&self, text: &SecretString) -> Result<PlainKey, KekError> {
        self.plain_key(&self.base64(text.expose_secret())?)
    }

    pub(super) fn plain_key(&self, bytes: &[u8]) -> Result<PlainKey, KekError> {
        PlainKey::from_slice(bytes).ok_or_else(|| self.garbled("what it unwraps is not 32 bytes"))
    }
}

/// What a service says of a failure.
#[derive(Default)]
pub(super) struct Words {
    pub(super) code: String,
    pub(super) message: String,
    /// What it comes to, where the status does not tell.
    pub(super) kind: Option<Kind>,
}

/// The ways to fail.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Denied,
    Throttled,
    Mismatch,
    Unwell,
    Other,
}

impl Kind {
    const fn of(status: u16) -> Self {
        match status {
            401 | 403 | 404 => Self::Denied,
            429 => Self::Throttled,
            500..=599 => Self::Unwell,
            _ => Self::Other,
        }
    }
}
