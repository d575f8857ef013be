//! The transit engine of HashiCorp Vault, or of OpenBao: `encrypt` and `decrypt` of a key of the type
//! `aes256-gcm96`, with the identity of the wrapped key as associated data.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_entities::{KekError, KeyEncryption, KeyIdentity, PlainKey, WrappedKey};
use futures::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::fs;
use url::Url;
use zeroize::Zeroizing;

use super::{
    KmsError,
    service::{Kind, Service, Words},
};
use crate::config::{VaultKeys, secret_in};

/// A key of a transit engine.
#[derive(Debug)]
pub struct VaultTransit {
    service: Service,
    address: Url,
    mount: String,
    key: String,
    namespace: Option<String>,
    token: Mutex<Arc<SecretString>>,
    /// Where another token may stand: tokens end, and whoever renews them writes there.
    token_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: SecretString,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    errors: Vec<String>,
}

impl VaultTransit {
    /// The key that the settings name.
    pub fn new(settings: &VaultKeys) -> Result<Self, KmsError> {
        Ok(Self {
            service: Service::new(
                "vault",
                format!("vault:{}/{}", settings.mount, settings.key),
            )?,
            address: settings.address.clone(),
            mount: settings.mount.clone(),
            key: settings.key.clone(),
            namespace: settings.namespace.clone(),
            token: Mutex::new(Arc::new(settings.token.text.clone())),
            token_file: settings.token.file.clone(),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<T, KekError> {
        let token = Arc::clone(&self.token.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = self.call_as(&token, verb, body).await;
        if matches!(answered, Err(KekError::Denied { .. }))
            && let Some(other) = self.other_token(&token).await
        {
            return self.call_as(&other, verb, body).await;
        }
        answered
    }

    /// The token that stands in the file now, where it is not the one that was refused. What can not be read
    /// is no other.
    async fn other_token(&self, refused: &SecretString) -> Option<Arc<SecretString>> {
        let text = fs::read_to_string(self.token_file.as_ref()?).await.ok()?;
        let text = Zeroizing::new(text);
        if secret_in(&text) == refused.expose_secret() {
            return None;
        }
        let token = Arc::new(SecretString::from(secret_in(&text)));
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&token);
        Some(token)
    }

    async fn call_as<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<T, KekError> {
        let path = format!("v1/{}/{verb}/{}", self.mount, self.key);
        let mut request = self
            .service
            .post_to(&self.address, &path)?
            .header("x-vault-token", token.expose_secret())
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let says = |status, failure: Failure| Words {
            code: String::new(),
            message: failure.errors.join("; "),
            kind: (verb == "decrypt" && status == 400).then_some(Kind::Mismatch),
        };
        let answer: Data<T> = self.service.ask(request.json(body), says).await?;
        Ok(answer.data)
    }

    /// The version of the key that a ciphertext says it is of: `v3` of `vault:v3:…`.
    fn version(&self, ciphertext: &str) -> Result<String, KekError> {
        let version = ciphertext.strip_prefix("vault:");
        let version = version.and_then(|rest| rest.split_once(':'));
        let version = version.filter(|(version, _)| version.starts_with('v'));
        let (version, _) = version.ok_or_else(|| {
            self.service
                .garbled("the ciphertext names no version of its key")
        })?;
        Ok(format!("{}:{version}", self.service.kek()))
    }
}

impl KeyEncryption for VaultTransit {
    fn name(&self) -> &str {
        self.service.kek()
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        async move {
            let request = json!({
                "plaintext": STANDARD.encode(key.expose_secret()),
                "associated_data": STANDARD.encode(of.bytes()),
            });
            let Encrypted { ciphertext } = self.call("encrypt", &request).await?;
            Ok(WrappedKey {
                kek: Some(self.version(&ciphertext)?),
                bytes: ciphertext.into_bytes(),
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
            let mismatch = || KekError::Mismatch {
                kek: self.service.kek().to_owned(),
            };
            let ciphertext = str::from_utf8(&wrapped.bytes).map_err(|_| mismatch())?;
            let request = json!({
                "ciphertext": ciphertext,
                "associated_data": STANDARD.encode(of.bytes()),
            });
            let Decrypted { plaintext } = self.call("decrypt", &request).await?;
            self.service.key(&plaintext)
        }
        .boxed()
    }
}
