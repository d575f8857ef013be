//! Google Cloud Key Management Service: `encrypt` and `decrypt` of a symmetric key, with the identity of the
//! wrapped key as additional authenticated data, and checksums both ways.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Duration, Utc};
use countersign_entities::{Clock, KekError, KeyEncryption, KeyIdentity, PlainKey, WrappedKey};
use futures::{FutureExt, future::BoxFuture};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{
    KmsError,
    service::{self, Answer, Words},
};
use crate::config::GoogleKeys;

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A token is not used for so long before its end.
const MARGIN: Duration = Duration::seconds(60);

/// A key of Google Cloud Key Management Service.
pub struct GoogleKms {
    http: reqwest::Client,
    endpoint: Url,
    /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`.
    key: String,
    name: String,
    identity: Identity,
    token: Mutex<Option<(Arc<SecretString>, DateTime<Utc>)>>,
    clock: Arc<dyn Clock>,
}

/// As whom this installation comes.
enum Identity {
    /// A service account with a key of its own (RFC 7523).
    Account {
        email: String,
        key: EncodingKey,
        token_uri: Url,
    },
    /// The service account of the machine, as its metadata server knows it.
    Machine(Url),
}

/// The file that Google makes for a service account.
#[derive(Deserialize)]
struct AccountFile {
    client_email: String,
    private_key: SecretString,
    token_uri: Url,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Token {
    access_token: SecretString,
    expires_in: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encrypted {
    name: String,
    ciphertext: String,
    ciphertext_crc32c: String,
    #[serde(default)]
    verified_plaintext_crc32c: bool,
    #[serde(default)]
    verified_additional_authenticated_data_crc32c: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decrypted {
    plaintext: SecretString,
    plaintext_crc32c: String,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureBody,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FailureBody {
    status: String,
    message: String,
}

impl GoogleKms {
    /// The key that the settings name.
    pub fn new(settings: &GoogleKeys, clock: Arc<dyn Clock>) -> Result<Self, KmsError> {
        let fault = |fault: &str| KmsError::Settings {
            keeper: "google",
            fault: fault.to_owned(),
        };
        let identity = match &settings.service_account {
            None => Identity::Machine(settings.metadata_url.clone()),
            Some(file) => {
                let file: AccountFile = serde_json::from_str(file.expose_secret())
                    .map_err(|_| fault("`service_account` is not the JSON that Google makes"))?;
                let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
                    .map_err(|_| fault("the private key of `service_account` is not RSA in PEM"))?;
                Identity::Account {
                    email: file.client_email,
                    key,
                    token_uri: file.token_uri,
                }
            }
        };
        Ok(Self {
            http: service::client("google")?,
            endpoint: settings.endpoint.clone(),
            key: settings.key.clone(),
            name: format!("google-kms:{}", settings.key),
            identity,
            token: Mutex::default(),
            clock,
        })
    }

    async fn call(&self, verb: &str, body: &serde_json::Value) -> Result<Answer, KekError> {
        let path = format!("v1/{}:{verb}", self.key);
        let address = self.endpoint.join(&path);
        let address =
            address.map_err(|_| service::garbled(&self.name, "the key's name makes no address"))?;
        let token = self.token().await?;
        let request = self.http.post(address).bearer_auth(token.expose_secret());
        let answer = service::send(&self.name, request.json(body)).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        if answer.status == 401 {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let mismatch = verb == "decrypt" && answer.status == 400;
        Err(answer.failure(&self.name, |failure: Failure| Words {
            code: failure.error.status,
            message: failure.error.message,
            kind: mismatch.then_some(service::Kind::Mismatch),
        }))
    }

    async fn token(&self) -> Result<Arc<SecretString>, KekError> {
        let now = self.clock.now();
        let kept = self
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((token, until)) = kept
            && now < until
        {
            return Ok(token);
        }
        let request = match &self.identity {
            Identity::Machine(address) => self
                .http
                .get(address.clone())
                .header("metadata-flavor", "Google"),
            Identity::Account {
                email,
                key,
                token_uri,
            } => {
                let claims = Claims {
                    iss: email,
                    scope: SCOPE,
                    aud: token_uri.as_str(),
                    iat: now.timestamp(),
                    exp: (now + Duration::hours(1)).timestamp(),
                };
                let header = Header::new(Algorithm::RS256);
                let assertion = jsonwebtoken::encode(&header, &claims, key);
                let assertion =
                    assertion.map_err(|error| service::garbled(&self.name, &error.to_string()))?;
                let form = [("grant_type", GRANT), ("assertion", &assertion)];
                self.http.post(token_uri.clone()).form(&form)
            }
        };
        let answer = service::send(&self.name, request).await?;
        if !answer.is_success() {
            let said = answer.failure(&self.name, |failure: TokenFailure| Words {
                code: failure.error,
                message: failure.error_description,
                kind: (answer.status == 400).then_some(service::Kind::Denied),
            });
            return Err(said);
        }
        let token: Token = answer.json(&self.name)?;
        let until = now + Duration::seconds(token.expires_in) - MARGIN;
        let token = Arc::new(token.access_token);
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Arc::clone(&token), until));
        Ok(token)
    }

    fn verified(&self, said: &str, bytes: &[u8]) -> Result<(), KekError> {
        if said == checksum(bytes) {
            return Ok(());
        }
        Err(service::garbled(
            &self.name,
            "it was damaged on its way: its CRC32C is another",
        ))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenFailure {
    error: String,
    error_description: String,
}

/// A checksum as Google writes it: a whole number, as text.
fn checksum(bytes: &[u8]) -> String {
    crc32c::crc32c(bytes).to_string()
}

impl KeyEncryption for GoogleKms {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        async move {
            let (plain, about) = (key.expose_secret(), of.bytes());
            let request = json!({
                "plaintext": STANDARD.encode(plain),
                "plaintextCrc32c": checksum(plain),
                "additionalAuthenticatedData": STANDARD.encode(&about),
                "additionalAuthenticatedDataCrc32c": checksum(&about),
            });
            let answer = self.call("encrypt", &request).await?;
            let encrypted: Encrypted = answer.json(&self.name)?;
            if !encrypted.verified_plaintext_crc32c
                || !encrypted.verified_additional_authenticated_data_crc32c
            {
                let cause = "it did not get what was sent: its checksums are not verified";
                return Err(service::garbled(&self.name, cause));
            }
            let bytes = service::base64(&self.name, &encrypted.ciphertext)?;
            self.verified(&encrypted.ciphertext_crc32c, &bytes)?;
            Ok(WrappedKey {
                kek: Some(format!("google-kms:{}", encrypted.name)),
                bytes: bytes.to_vec(),
            })
        }
        .boxed()
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<PlainKey, KekError>> {
        async move {
            let about = of.bytes();
            let request = json!({
                "ciphertext": STANDARD.encode(&wrapped.bytes),
                "ciphertextCrc32c": checksum(&wrapped.bytes),
                "additionalAuthenticatedData": STANDARD.encode(&about),
                "additionalAuthenticatedDataCrc32c": checksum(&about),
            });
            let answer = self.call("decrypt", &request).await?;
            let decrypted: Decrypted = answer.json(&self.name)?;
            let bytes = service::base64(&self.name, decrypted.plaintext.expose_secret())?;
            self.verified(&decrypted.plaintext_crc32c, &bytes)?;
            PlainKey::from_slice(&bytes)
                .ok_or_else(|| service::garbled(&self.name, "what it unwraps is not 32 bytes"))
        }
        .boxed()
    }
}

impl fmt::Debug for GoogleKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleKms")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
