//! AWS Key Management Service: `Encrypt` and `Decrypt` of a symmetric key, with the identity of the wrapped
//! key as encryption context, signed by Signature Version 4.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_entities::{Clock, KekError, KeyEncryption, KeyIdentity, PlainKey, WrappedKey};
use futures::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;
use zeroize::Zeroizing;

use super::{
    KmsError,
    service::{Kind, Service, Words},
};
use crate::{
    aws::{CredentialError, Identity, Interface, Machine, Signer},
    config::AwsKeys,
};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A key of AWS Key Management Service.
#[derive(Debug)]
pub struct AwsKms {
    service: Service,
    endpoint: Url,
    key_id: String,
    signer: Signer,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: String,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: SecretString,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl AwsKms {
    /// The key that the settings name, for whoever is that machine.
    pub fn new(
        settings: &AwsKeys,
        machine: &Machine,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KmsError> {
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://kms.{}.amazonaws.com/", settings.region)
                .parse()
                .map_err(|_| KmsError::Settings {
                    keeper: "aws",
                    fault: "`region` makes no address".to_owned(),
                })?,
        };
        Ok(Self {
            service: Service::new("aws", format!("aws-kms:{}", settings.key_id))?,
            endpoint,
            key_id: settings.key_id.clone(),
            signer: Signer {
                interface: Interface::Kms,
                region: settings.region.clone(),
                identity: Identity::new(&settings.credentials, machine),
                clock,
            },
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<T, KekError> {
        let body = serde_json::to_vec(body).map(Zeroizing::new);
        let body = body.map_err(|_| self.service.garbled("the request can not be written"))?;
        let target = format!("TrentService.{operation}");
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", &target)];
        let access = self.signer.identity.access().await;
        let access = access.map_err(|error| self.nobody(&error))?;
        let signed = self
            .signer
            .sign(&access, "POST", &self.endpoint, &headers, &body);
        let signed = signed.map_err(|cause| KekError::Denied {
            kek: self.service.kek().to_owned(),
            cause,
        })?;
        let mut request = self.service.post(&self.endpoint);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let says = |_, failure| words(failure);
        let answered = self.service.ask(request.body(body.to_vec()), says).await;
        if matches!(answered, Err(KekError::Denied { .. })) {
            self.signer.identity.doubt(&access).await;
        }
        answered
    }

    /// Nobody to ask as.
    fn nobody(&self, error: &CredentialError) -> KekError {
        let (kek, cause) = (self.service.kek().to_owned(), error.to_string());
        if error.may_pass() {
            KekError::Unreachable { kek, cause }
        } else {
            KekError::Unasked { kek, cause }
        }
    }
}

/// AWS tells by name what went wrong, and by status little: throttling is a 400.
fn words(failure: Failure) -> Words {
    // Some answers have a namespace before the name.
    let code = failure
        .code
        .rsplit('#')
        .next()
        .unwrap_or_default()
        .to_owned();
    let kind = match code.as_str() {
        "InvalidCiphertextException" | "IncorrectKeyException" => Some(Kind::Mismatch),
        "ThrottlingException" | "LimitExceededException" => Some(Kind::Throttled),
        "AccessDeniedException"
        | "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException" => Some(Kind::Denied),
        "DependencyTimeoutException" | "KMSInternalException" | "KeyUnavailableException" => {
            Some(Kind::Unwell)
        }
        _ => None,
    };
    Words {
        code,
        message: failure.message,
        kind,
    }
}

impl KeyEncryption for AwsKms {
    fn name(&self) -> &str {
        self.service.kek()
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        async move {
            let plaintext = Zeroizing::new(STANDARD.encode(key.expose_secret()));
            let request = Encrypt {
                key_id: &self.key_id,
                plaintext: &plaintext,
                encryption_context: of.pairs().into(),
            };
            let encrypted: Encrypted = self.call("Encrypt", &request).await?;
            let bytes = self.service.base64(&encrypted.ciphertext_blob)?;
            Ok(WrappedKey {
                kek: Some(self.service.kek().to_owned()),
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
            let request = Decrypt {
                key_id: &self.key_id,
                ciphertext_blob: STANDARD.encode(&wrapped.bytes),
                encryption_context: of.pairs().into(),
            };
            let decrypted: Decrypted = self.call("Decrypt", &request).await?;
            self.service.key(&decrypted.plaintext)
        }
        .boxed()
    }
}
