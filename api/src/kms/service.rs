//! What the key services have in common: requests in JSON, and how they fail.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_entities::{KekError, PlainKey};
use reqwest::{Client, RequestBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::KmsError;

/// How long a key service has to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most characters of a service's words that are told to the operator.
const WORDS_MAX: usize = 200;

/// A client that goes to the service and nowhere else.
pub(super) fn client(keeper: &'static str) -> Result<Client, KmsError> {
    let built = Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .build();
    built.map_err(|error| KmsError::Settings {
        keeper,
        fault: error.to_string(),
    })
}

/// An answer: its status, and its body.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Zeroizing<Vec<u8>>,
}

/// Sends a request, and reads the whole answer.
pub(super) async fn send(kek: &str, request: RequestBuilder) -> Result<Answer, KekError> {
    let unreachable = |error: reqwest::Error| KekError::Unreachable {
        kek: kek.to_owned(),
        cause: if error.is_timeout() {
            format!("no answer within {} s", TIMEOUT.as_secs())
        } else {
            // Without the address, which may be a secret's.
            chain(&error.without_url())
        },
    };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(unreachable)?;
    Ok(Answer {
        status,
        body: Zeroizing::new(body.to_vec()),
    })
}

impl Answer {
    pub(super) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON of that form.
    pub(super) fn json<T: DeserializeOwned>(&self, kek: &str) -> Result<T, KekError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| garbled(kek, "it is not of the form that is known"))
    }

    /// What a failure comes to. `says` finds the service's own words in its body.
    pub(super) fn failure<T: DeserializeOwned>(
        &self,
        kek: &str,
        says: impl FnOnce(T) -> Words,
    ) -> KekError {
        let words = serde_json::from_slice::<T>(&self.body).map(says);
        let words = words.unwrap_or_default();
        let kek = kek.to_owned();
        let code = if words.code.is_empty() {
            self.status.to_string()
        } else {
            words.code
        };
        let said: String = words.message.chars().take(WORDS_MAX).collect();
        let cause = format!("{code}: {said}");
        match words.kind.unwrap_or_else(|| Kind::of(self.status)) {
            Kind::Denied => KekError::Denied { kek, cause },
            Kind::Throttled => KekError::Throttled { kek },
            Kind::Mismatch => KekError::Mismatch { kek },
            Kind::Unwell => KekError::Unreachable { kek, cause },
            Kind::Other => KekError::Garbled { kek, cause },
        }
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

pub(super) fn garbled(kek: &str, cause: &str) -> KekError {
    KekError::Garbled {
        kek: kek.to_owned(),
        cause: cause.to_owned(),
    }
}

pub(super) fn base64(kek: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, KekError> {
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| garbled(kek, "what should be Base64 is not"))?;
    Ok(Zeroizing::new(bytes))
}

/// The key that a service gave, in Base64.
pub(super) fn key(kek: &str, text: &SecretString) -> Result<PlainKey, KekError> {
    let bytes = base64(kek, text.expose_secret())?;
    PlainKey::from_slice(&bytes).ok_or_else(|| garbled(kek, "what it unwraps is not 32 bytes"))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        source = deeper.source();
    }
    text
}
