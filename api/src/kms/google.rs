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
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use url::Url;

use super::{
    KmsError,
    service::{Kind, Service, Words},
};
use crate::config::GoogleKeys;

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A token is not used for so long before its end.
const MARGIN: Duration = Duration::seconds(60);

/// A key of Google Cloud Key Management Service.
pub struct GoogleKms {
    service: Service,
    endpoint: Url,
    /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`.
    key: String,
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
            service: Service::new("google", format!("google-kms:{}", settings.key))?,
            endpoint: settings.endpoint.clone(),
            key: settings.key.clone(),
            identity,
            token: Mutex::default(),
            clock,
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<T, KekError> {
        let path = format!("v1/{}:{verb}", self.key);
        let request = self.service.post_to(&self.endpoint, &path)?;
        let token = self.token().await?;
        let request = request.bearer_auth(token.expose_secret()).json(body);
        let says = |status, failure: Failure| Words {
            code: failure.error.status,
            message: failure.error.message,
            kind: (verb == "decrypt" && status == 400).then_some(Kind::Mismatch),
        };
        let answered = self.service.ask(request, says).await;
        if matches!(answered, Err(KekError::Denied { .. })) {
            // It may be the token that is not good any more.
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answered
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
                .service
                .get(address)
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
                    assertion.map_err(|error| self.service.garbled(&error.to_string()))?;
                let form = [("grant_type", GRANT), ("assertion", &assertion)];
                self.service.post(token_uri).form(&form)
            }
        };
        let says = |status, failure: TokenFailure| Words {
            code: failure.error,
            message: failure.error_description,
            kind: (status == 400).then_some(Kind::Denied),
        };
        let token: Token = self.service.ask(request, says).await?;
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
        let cause = "it was damaged on its way: its CRC32C is another";
        Err(self.service.garbled(cause))
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
        self.service.kek()
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
            let encrypted: Encrypted = self.call("encrypt", &request).await?;
            if !encrypted.verified_plaintext_crc32c
                || !encrypted.verified_additional_authenticated_data_crc32c
            {
                let cause = "it did not get what was sent: its checksums are not verified";
                return Err(self.service.garbled(cause));
            }
            let bytes = self.service.base64(&encrypted.ciphertext)?;
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
            let decrypted: Decrypted = self.call("decrypt", &request).await?;
            let bytes = self.service.base64(decrypted.plaintext.expose_secret())?;
            self.verified(&decrypted.plaintext_crc32c, &bytes)?;
            self.service.plain_key(&bytes)
        }
        .boxed()
    }
}

impl fmt::Debug for GoogleKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleKms")
            .field("name", &self.service.kek())
            .finish_non_exhaustive()
    }
}
